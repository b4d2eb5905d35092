import {
  applyHost,
  formatShape,
  type HostOp,
  optionsOf,
  rand,
  type Shape,
  ShapeError,
  sizeOf,
  Tensor,
  ValueError,
  ValuesIndices,
} from "@sconce/core";
import type { Spatial } from "@sconce/core/nn";
import type { WithIndices } from "./pool.js";

/** Options of fractional max pooling: one of `outputSize` and `outputRatio`. */
export interface FractionalOptions {
  readonly outputSize?: Spatial | null | undefined;
  /** Size of the result as a part of the input's, between 0 and 1. */
  readonly outputRatio?: Spatial | null | undefined;
  /** Returns the positions of the maxima too. */
  readonly returnIndices?: boolean;
  /** Where the windows lie: numbers of [0, 1), `[N, C, 2]` or `[N, C, 3]`; drawn if left out. */
  readonly randomSamples?: Tensor | null | undefined;
}

/**
 * The largest element of windows of `[N, C, H, W]`, or without N, whose distances vary at random so that a result of the given size comes out.
 *
 * Source: https://arxiv.org/abs/1412.6071
 * @throws ValueError unless one of `outputSize` and `outputRatio` is given. @throws ShapeError if the windows do not fit.
 * @example
 * F.fractionalMaxPool2d(randn([4, 3, 32, 32]), 3, { outputRatio: 0.5 }); // [4, 3, 16, 16]
 */
export function fractionalMaxPool2d(input: Tensor, kernelSize: Spatial, options: FractionalOptions & WithIndices): ValuesIndices;
export function fractionalMaxPool2d(input: Tensor, kernelSize: Spatial, options: FractionalOptions): Tensor;
export function fractionalMaxPool2d(input: Tensor, kernelSize: Spatial, options: FractionalOptions): Tensor | ValuesIndices {
  return fractionalMaxPool("fractionalMaxPool2d", 2, input, kernelSize, options);
}

/**
 * {@link fractionalMaxPool2d} of `[N, C, D, H, W]`, or without N.
 * @throws ValueError unless one of `outputSize` and `outputRatio` is given. @throws ShapeError if the windows do not fit.
 */
export function fractionalMaxPool3d(input: Tensor, kernelSize: Spatial, options: FractionalOptions & WithIndices): ValuesIndices;
export function fractionalMaxPool3d(input: Tensor, kernelSize: Spatial, options: FractionalOptions): Tensor;
export function fractionalMaxPool3d(input: Tensor, kernelSize: Spatial, options: FractionalOptions): Tensor | ValuesIndices {
  return fractionalMaxPool("fractionalMaxPool3d", 3, input, kernelSize, options);
}

/** A number for each spatial dimension. */
function each(value: Spatial, n: number): readonly number[] {
  return typeof value === "number" ? new Array<number>(n).fill(value) : value;
}

/** @throws ValueError unless exactly one of the two is given, and ratios are between 0 and 1. */
export function checkFractional(op: string, options: FractionalOptions): void {
  const { outputSize, outputRatio } = optionsOf(op, options);
  if (outputSize == null && outputRatio == null)
    throw new ValueError(`${op}: requires specifying either an output size or an output ratio`);
  if (outputSize != null && outputRatio != null) throw new ValueError(`${op}: only one of outputSize and outputRatio may be specified`);
  if (outputRatio != null && !each(outputRatio, 1).every((r) => r > 0 && r < 1))
    throw new ValueError(`${op}: output_ratio must be between 0 and 1 (got ${each(outputRatio, 1).join(", ")})`);
}

function fractionalMaxPool(
  op: string,
  rank: number,
  input: Tensor,
  kernelSize: Spatial,
  options: FractionalOptions,
): Tensor | ValuesIndices {
  checkFractional(op, options);
  if (input.ndim !== rank + 1 && input.ndim !== rank + 2)
    throw new ShapeError(`${op}: Expected ${rank + 1}D or ${rank + 2}D tensor, but got: ${formatShape(input.shape)}`, {
      shapes: [input.shape],
    });
  if (input.ndim === rank + 1) {
    const result = fractionalMaxPool(op, rank, input.unsqueeze(0), kernelSize, options);
    return result instanceof Tensor ? result.squeeze(0) : new ValuesIndices(result.values.squeeze(0), result.indices.squeeze(0));
  }
  const sizes = input.shape.slice(2);
  const kernel = each(kernelSize, rank);
  const ratios = each(options.outputRatio ?? 1, rank);
  const output = options.outputSize == null ? sizes.map((n, i) => Math.floor(n * ratios[i])) : each(options.outputSize, rank);
  output.forEach((n, i) => {
    if (n + kernel[i] - 1 > sizes[i])
      throw new ShapeError(`${op}: pool size (${kernel[i]}) too large relative to input of size ${sizes[i]} for an output of ${n}`, {
        shapes: [input.shape],
      });
  });
  const { randomSamples, returnIndices } = optionsOf(op, options, { randomSamples: Tensor, returnIndices: false });
  const index = windowsOf(input, { sizes, kernel, output }, randomSamples);
  const [n, c] = input.shape;
  const shape = [n, c, ...output];
  const { values, indices } = input
    .flatten(2)
    .gather(2, index.flatten(2))
    .view([...shape, -1])
    .max(-1);
  if (!returnIndices) return values;
  return new ValuesIndices(values, index.gather(-1, indices.unsqueeze(-1)).squeeze(-1));
}

/** Sizes of a plane, of its windows, and how many there are. */
interface Windows {
  readonly sizes: Shape;
  readonly kernel: Shape;
  readonly output: Shape;
}

/** Positions of the elements of every window in its plane, `[N, C, ...output, elements]`, from samples `[N, C, dimensions]`. */
const WINDOWS: HostOp<Windows> = {
  name: "fractionalMaxPool",
  infer: ([{ shape }], { kernel, output }) => [{ shape: [...shape.slice(0, 2), ...output, sizeOf(kernel)], dtype: "int32" }],
  run: ([{ shape, data }], [index], { sizes, kernel, output }) => {
    const [n, c, rank] = shape;
    for (let plane = 0; plane < n * c; plane++) {
      // PyTorch's samples of a plane come with the width first, and those of a volume with the depth first.
      const order = rank === 2 ? [1, 0] : [0, 1, 2];
      const starts = sizes.map((size, d) => startsOf(data[plane * rank + order[d]] as number, size, output[d], kernel[d]));
      fillPlane(index.data as Int32Array, plane * sizeOf(output) * sizeOf(kernel), starts, sizes, kernel);
    }
  },
};

function windowsOf(input: Tensor, windows: Windows, given: Tensor | null): Tensor {
  const [n, c] = input.shape;
  const rank = windows.sizes.length;
  const samples = given ?? rand([n, c, rank], { dtype: input.dtype, device: input.device });
  if (samples.ndim !== 3 || samples.shape[0] !== n || samples.shape[1] !== c || samples.shape[2] !== rank)
    throw new ShapeError(`fractionalMaxPool: expected randomSamples of [${n}, ${c}, ${rank}], got ${formatShape(samples.shape)}`);
  return applyHost(WINDOWS, [samples.detach()], windows)[0];
}

/** Where windows start along a dimension: at distances of two sizes, in an order that the sample decides. */
function startsOf(sample: number, size: number, count: number, kernel: number): readonly number[] {
  const step = Math.fround((size - kernel) / (count - 1));
  const first = Math.trunc(Math.fround(sample * step));
  return Array.from({ length: count }, (_, i) =>
    i === count - 1 ? size - kernel : Math.trunc(Math.fround(Math.fround(i + sample) * step)) - first,
  );
}

/** Writes the positions of all windows of a plane, window by window. */
function fillPlane(out: Int32Array, from: number, starts: readonly (readonly number[])[], sizes: Shape, kernel: Shape): void {
  let at = from;
  const inWindow = (corner: readonly number[], d: number, base: number): void => {
    if (d === sizes.length) out[at++] = base;
    else for (let k = 0; k < kernel[d]; k++) inWindow(corner, d + 1, base * sizes[d] + corner[d] + k);
  };
  const eachWindow = (corner: readonly number[]): void => {
    if (corner.length === sizes.length) inWindow(corner, 0, 0);
    else for (const start of starts[corner.length]) eachWindow([...corner, start]);
  };
  eachWindow([]);
}
