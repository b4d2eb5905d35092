/** Functions on samples, mostly images `[..., H, W]`: pass them to a dataset or a collate function. */

import { type DType, type Generator, rand, randint, ShapeError, stack, type Tensor, tensor, ValueError } from "@sconce/core";
import { pad } from "@sconce/core/nn";
import { roundHalfEven } from "./affine.js";

export { type AffineImageOptions, affine, type RandomAffineOptions, randomAffine } from "./affine.js";

/** A function from one sample to another. */
export type Transform<From = Tensor, To = Tensor> = (x: From) => To;

/** One transform after the other. */
export function compose<A, B>(first: Transform<A, B>): Transform<A, B>;
export function compose<A, B, C>(first: Transform<A, B>, second: Transform<B, C>): Transform<A, C>;
export function compose<A, B, C, D>(first: Transform<A, B>, second: Transform<B, C>, third: Transform<C, D>): Transform<A, D>;
export function compose<A>(...transforms: Transform<A, A>[]): Transform<A, A>;
/**
 * One transform after the other.
 * @example
 * const transform = compose(randomHorizontalFlip(), normalize([0.5], [0.25]));
 */
export function compose(...transforms: Transform<unknown, unknown>[]): Transform<unknown, unknown> {
  return (x) => transforms.reduce((value, transform) => transform(value), x);
}

/**
 * Subtracts a mean and divides by a standard deviation, one for each channel of `[..., C, H, W]`.
 * @throws ValueError for a deviation of 0. @throws ShapeError if the channels do not fit.
 * @example
 * normalize([0.1307], [0.3081])(rand([1, 28, 28])); // [1, 28, 28]
 */
export function normalize(mean: readonly number[], std: readonly number[]): Transform {
  if (std.includes(0)) throw new ValueError("normalize: std evaluated to zero, leading to division by zero");
  return (x) => {
    const channels = x.shape[x.ndim - 3];
    if (x.ndim < 3 || [mean, std].some(({ length }) => length !== 1 && length !== channels)) {
      throw new ShapeError(`normalize: expected an image [..., ${Math.max(mean.length, std.length)}, H, W], got [${x.shape.join(", ")}]`, {
        shapes: [x.shape],
      });
    }
    const perChannel = (values: readonly number[]): Tensor => tensor(values, { dtype: x.dtype, device: x.device }).view([-1, 1, 1]);
    return x.sub(perChannel(mean)).div(perChannel(std));
  };
}

/** Options of transforms that happen with some probability. */
export interface RandomOptions {
  /** Probability, 0.5 by default. */
  readonly p?: number;
  /** Source of randomness; without one it follows `manualSeed`. */
  readonly generator?: Generator;
}

/**
 * Mirrors an image `[..., H, W]` left to right, with probability `p`.
 * @throws ValueError unless `p` is between 0 and 1.
 * @example
 * randomHorizontalFlip({ p: 0.3 })(rand([3, 32, 32]));
 */
export function randomHorizontalFlip(options: RandomOptions = {}): Transform {
  return randomFlip("randomHorizontalFlip", -1, options);
}

/** Mirrors an image `[..., H, W]` top to bottom, with probability `p`. @throws ValueError unless `p` is between 0 and 1. */
export function randomVerticalFlip(options: RandomOptions = {}): Transform {
  return randomFlip("randomVerticalFlip", -2, options);
}

function randomFlip(name: string, dim: number, { p = 0.5, generator }: RandomOptions): Transform {
  if (!(p >= 0 && p <= 1)) throw new ValueError(`${name}: expected p between 0 and 1, got ${p}`);
  return (x) => (rand([1], { device: "cpu" as never, ...withGenerator(generator) }).itemSync() < p ? x.flip(dim) : x);
}

function withGenerator(generator: Generator | undefined): { generator?: Generator } {
  return generator === undefined ? {} : { generator };
}

/** Options of {@link randomCrop}. */
export interface RandomCropOptions {
  /** Zeros around the image first, on every side or `[left and right, top and bottom]`. */
  readonly padding?: number | readonly [number, number];
  /** What is put around it, 0 by default. */
  readonly fill?: number;
  /** Source of randomness; without one it follows `manualSeed`. */
  readonly generator?: Generator;
}

/** Height and width from one number or two. */
function pair(size: number | readonly [number, number]): readonly [number, number] {
  return typeof size === "number" ? [size, size] : size;
}

/**
 * A part of an image `[..., H, W]` at a random place, of the size `[height, width]`.
 * @throws ShapeError if the image with its padding is smaller.
 * @example
 * randomCrop(32, { padding: 4 })(rand([3, 32, 32])); // [3, 32, 32]
 */
export function randomCrop(
  size: number | readonly [number, number],
  { padding = 0, fill = 0, generator }: RandomCropOptions = {},
): Transform {
  const [height, width] = pair(size);
  const [sides, ends] = pair(padding);
  const draw = (n: number): number => randint(0, n, [1], { device: "cpu" as never, ...withGenerator(generator) }).itemSync();
  return (image) => {
    const x = sides === 0 && ends === 0 ? image : pad(image, [sides, sides, ends, ends], { value: fill });
    const [h, w] = x.shape.slice(-2);
    checkCrop("randomCrop", x, height, width);
    // An image that is as large already draws nothing.
    if (h === height && w === width) return x;
    const top = draw(h - height + 1);
    const left = draw(w - width + 1);
    return x.narrow(-2, top, height).narrow(-1, left, width);
  };
}

/** The middle of an image `[..., H, W]`, of the size `[height, width]`. @throws ShapeError if the image is smaller. */
export function centerCrop(size: number | readonly [number, number]): Transform {
  const [height, width] = pair(size);
  return (x) => {
    checkCrop("centerCrop", x, height, width);
    const [h, w] = x.shape.slice(-2);
    return x.narrow(-2, roundHalfEven((h - height) / 2), height).narrow(-1, roundHalfEven((w - width) / 2), width);
  };
}

function checkCrop(op: string, x: Tensor, height: number, width: number): void {
  const [h, w] = x.shape.slice(-2);
  if (x.ndim >= 2 && h >= height && w >= width) return;
  throw new ShapeError(
    `${op}: Required crop size [${height}, ${width}] is larger than input image size [${x.shape.join(", ")}]; pad it first`,
    {
      shapes: [x.shape],
    },
  );
}

/**
 * A class as a vector of zeros with a one, `[numClasses]`; several as rows `[N, numClasses]`.
 * @throws ValueError for a class that is not between 0 and `numClasses - 1`.
 * @example
 * oneHot(3)(1); // tensor([0, 1, 0])
 */
export function oneHot(numClasses: number, { dtype = "float32" }: { readonly dtype?: DType } = {}): Transform<number | readonly number[]> {
  const row = (label: number): Tensor => {
    if (!Number.isInteger(label) || label < 0 || label >= numClasses) {
      throw new ValueError(`oneHot: Class values must be smaller than num_classes and not negative, got ${label} of ${numClasses} classes`);
    }
    return tensor(
      Array.from({ length: numClasses }, (_, i) => (i === label ? 1 : 0)),
      { dtype },
    );
  };
  return (labels) => (typeof labels === "number" ? row(labels) : stack(labels.map(row)));
}
