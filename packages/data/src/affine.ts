import { type Generator, rand, ShapeError, type Tensor, tensor, ValueError } from "@sconce/core";
import type { Transform } from "./transforms.js";

/** How an image is moved; see {@link affine}. */
export interface AffineImageOptions {
  /** Degrees clockwise. */
  readonly angle?: number;
  /** Pixels to the right and down. */
  readonly translate?: readonly [number, number];
  /** Factor of the size. */
  readonly scale?: number;
  /** Degrees of shear along x and y. */
  readonly shear?: readonly [number, number];
  /** nearest unless given. */
  readonly interpolation?: "nearest" | "bilinear";
  /** What comes in from outside, 0 by default. */
  readonly fill?: number;
}

/** Options of {@link randomAffine}. */
export interface RandomAffineOptions {
  /** Largest shift as a part of width and height. */
  readonly translate?: readonly [number, number];
  /** Smallest and largest factor. */
  readonly scale?: readonly [number, number];
  /** Degrees of shear along x: up to so many either way, from and to, or `[x from, x to, y from, y to]`. */
  readonly shear?: number | readonly [number, number] | readonly [number, number, number, number];
  /** nearest unless given. */
  readonly interpolation?: "nearest" | "bilinear";
  /** What comes in from outside, 0 by default. */
  readonly fill?: number;
  /** Source of randomness; without one it follows `manualSeed`. */
  readonly generator?: Generator;
}

/**
 * Turns, moves, scales and shears an image `[..., H, W]` about its middle.
 *
 * Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.functional.affine.html
 * @throws ValueError for a scale that is not positive. @throws ShapeError for fewer than two dimensions.
 * @example
 * transforms.affine({ angle: 90 })(randn([3, 32, 32])); // the same shape, turned clockwise
 */
export function affine(options: AffineImageOptions): Transform {
  const { angle = 0, translate = [0, 0], scale = 1, shear = [0, 0], interpolation = "nearest", fill = 0 } = options;
  if (!(scale > 0)) throw new ValueError(`affine: scale should be positive, got ${scale}`);
  const matrix = inverseMatrix(angle, translate, scale, shear);
  return (x) => {
    if (x.ndim < 2) throw new ShapeError(`affine: expected an image [..., H, W], got [${x.shape.join(", ")}]`, { shapes: [x.shape] });
    const taps = interpolation === "nearest" ? nearestTaps : bilinearTaps;
    return sample(x, taps(...sources(matrix, x.shape[x.ndim - 2], x.shape[x.ndim - 1])), fill);
  };
}

/**
 * Turns, moves, scales and shears an image `[..., H, W]` at random, by up to `degrees` either way or from and to.
 *
 * Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.RandomAffine.html
 * @throws ValueError for negative degrees, parts that are not of [0, 1], and scales that are not positive.
 * @example
 * randomAffine(15, { translate: [0.1, 0.1], scale: [0.9, 1.1] })(randn([3, 32, 32]));
 */
export function randomAffine(degrees: number | readonly [number, number], options: RandomAffineOptions = {}): Transform {
  const { translate, scale, shear, generator, ...rest } = options;
  if (typeof degrees === "number" && degrees < 0)
    throw new ValueError(`randomAffine: If degrees is a single number, it must be positive, got ${degrees}`);
  if (translate?.some((t) => !(t >= 0 && t <= 1)))
    throw new ValueError(`randomAffine: translation values should be between 0 and 1, got ${translate.join(", ")}`);
  if (scale?.some((s) => !(s > 0))) throw new ValueError(`randomAffine: scale values should be positive, got ${scale.join(", ")}`);
  const draw = (low: number, high: number): number => {
    const u = rand([1], { device: "cpu" as never, ...(generator === undefined ? {} : { generator }) }).itemSync();
    return Math.fround(u * Math.fround(high - low) + low);
  };
  const angles = symmetric(degrees);
  return (x) => {
    const angle = draw(angles[0], angles[1]);
    const sizes = [x.shape[x.ndim - 1], x.shape[x.ndim - 2]];
    const [dx, dy] = (translate ?? []).map((part, i) => roundHalfEven(draw(-part * sizes[i], part * sizes[i])));
    const factor = scale === undefined ? 1 : draw(scale[0], scale[1]);
    const [a, b, c, d] = shear === undefined ? [] : symmetric(shear);
    const sx = a === undefined ? 0 : draw(a, b);
    const sy = c === undefined ? 0 : draw(c, d as number);
    return affine({ angle, translate: [dx ?? 0, dy ?? 0], scale: factor, shear: [sx, sy], ...rest })(x);
  };
}

function symmetric(range: number | readonly number[]): readonly number[] {
  return typeof range === "number" ? [-range, range] : range;
}

type Matrix = readonly [number, number, number, number, number, number];

/** From a place of the result to the place of the image that it comes from, both about the middle. */
function inverseMatrix(angle: number, [tx, ty]: readonly [number, number], scale: number, shear: readonly [number, number]): Matrix {
  const [rotation, sx, sy] = [angle, ...shear].map((degrees) => (degrees * Math.PI) / 180);
  const a = Math.cos(rotation - sy) / Math.cos(sy);
  const b = (-Math.cos(rotation - sy) * Math.tan(sx)) / Math.cos(sy) - Math.sin(rotation);
  const c = Math.sin(rotation - sy) / Math.cos(sy);
  const d = (-Math.sin(rotation - sy) * Math.tan(sx)) / Math.cos(sy) + Math.cos(rotation);
  const [p, q, r, s] = [d / scale, -b / scale, -c / scale, a / scale];
  return [p, q, -p * tx - q * ty, r, s, -r * tx - s * ty];
}

/** Where each pixel of the result comes from, row by row: x and y, and the image's size. */
function sources([p, q, t, r, s, u]: Matrix, height: number, width: number): readonly [Float64Array, Float64Array, number, number] {
  const xs = new Float64Array(height * width);
  const ys = new Float64Array(height * width);
  for (let row = 0; row < height; row++) {
    const y = row + 0.5 - height / 2;
    for (let column = 0; column < width; column++) {
      const x = column + 0.5 - width / 2;
      // Rounded to a fraction of a pixel, so that a quarter turn meets the pixels and not the gaps between them.
      xs[row * width + column] = settle(p * x + q * y + t + width / 2 - 0.5);
      ys[row * width + column] = settle(r * x + s * y + u + height / 2 - 0.5);
    }
  }
  return [xs, ys, height, width];
}

const settle = (x: number): number => Math.round(x * 2 ** 20) / 2 ** 20;

/** Pixels to read and their weights, `[H * W]` each. */
interface Tap {
  readonly index: Int32Array;
  readonly weight: Float32Array;
}

function tapAt(xs: Float64Array, ys: Float64Array, height: number, width: number, weigh: (i: number) => number): Tap {
  const index = new Int32Array(xs.length);
  const weight = new Float32Array(xs.length);
  for (let i = 0; i < xs.length; i++) {
    if (xs[i] < 0 || ys[i] < 0 || xs[i] >= width || ys[i] >= height) continue;
    index[i] = ys[i] * width + xs[i];
    weight[i] = weigh(i);
  }
  return { index, weight };
}

/** Python's `round`, by which torchvision finds pixels. */
export function roundHalfEven(x: number): number {
  const low = Math.floor(x);
  return x - low === 0.5 ? low + (low & 1) : Math.round(x);
}

function nearestTaps(xs: Float64Array, ys: Float64Array, height: number, width: number): readonly Tap[] {
  return [tapAt(xs.map(roundHalfEven), ys.map(roundHalfEven), height, width, () => 1)];
}

function bilinearTaps(xs: Float64Array, ys: Float64Array, height: number, width: number): readonly Tap[] {
  const [left, top] = [xs.map(Math.floor), ys.map(Math.floor)];
  return [0, 1, 2, 3].map((corner) => {
    const [right, down] = [corner & 1, corner >> 1];
    const part = (position: number, low: number, far: number): number => (far === 1 ? position - low : 1 - position + low);
    return tapAt(
      left.map((x) => x + right),
      top.map((y) => y + down),
      height,
      width,
      (i) => part(xs[i], left[i], right) * part(ys[i], top[i], down),
    );
  });
}

function sample(image: Tensor, taps: readonly Tap[], fill: number): Tensor {
  const pixels = image.flatten(-2);
  const { device } = image;
  const dtype = image.isFloatingPoint() ? image.dtype : "float32";
  const parts = taps.map(({ index, weight }) => pixels.indexSelect(-1, tensor(index, { device })).mul(tensor(weight, { dtype, device })));
  const read = parts.reduce((sum, part) => sum.add(part));
  const inside = Float32Array.from(taps[0].weight, (_, i) => taps.reduce((sum, { weight }) => sum + weight[i], 0));
  const filled = fill === 0 ? read : read.add(tensor(inside, { dtype, device }).neg().add(1).mul(fill));
  return filled.to(image.dtype).view([...image.shape]);
}
