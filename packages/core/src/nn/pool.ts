import { apply, applyAll, compositeAll } from "../dispatch.js";
import { formatShape, ShapeError } from "../errors.js";
import { checkDevice } from "../evaluate.js";
import { optionsOf } from "../options.js";
import { sizeOf } from "../shape.js";
import { constantLike, fromHost, indexTensor, positions, requireFloat } from "../tensor/compose.js";
import { ValuesIndices } from "../tensor/results.js";
import type { Tensor } from "../tensor/tensor.js";
import { batchedInput, checkAtLeast, formatSizes, type Spatial, spatial } from "./spatial.js";

/** What max pooling takes besides the kernel. */
export interface MaxPoolOptions {
  /** The kernel's size if left out. */
  readonly stride?: Spatial | null;
  readonly padding?: Spatial;
  readonly dilation?: Spatial;
  /** Lets the last windows reach over the edge. */
  readonly ceilMode?: boolean;
  /** Returns the positions within each channel's plane too. */
  readonly returnIndices?: boolean;
}

/** What average pooling takes besides the kernel. */
export interface AvgPoolOptions {
  /** The kernel's size if left out. */
  readonly stride?: Spatial | null;
  readonly padding?: Spatial;
  readonly ceilMode?: boolean;
  /** Counts padded zeros in the divisor; true if left out. */
  readonly countIncludePad?: boolean;
  /** Divides by this instead of the window's size. */
  readonly divisorOverride?: number | null;
}

/** What `maxUnpool` takes besides the kernel. */
export interface MaxUnpoolOptions {
  readonly stride?: Spatial | null;
  readonly padding?: Spatial;
  /** Spatial sizes of the result, where several fit. */
  readonly outputSize?: readonly number[] | null;
}

/** Sizes of an adaptive pool's result; null keeps the input's. */
export type AdaptiveSize = number | null | readonly (number | null)[];

interface Window {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
}

function windowOf(n: number, op: string, kernelSize: Spatial, options: Pick<MaxPoolOptions, "stride" | "padding" | "dilation">): Window {
  const kernel = spatial(kernelSize, n, op, "kernelSize");
  const { stride: step } = options;
  const none = step === undefined || step === null || (typeof step !== "number" && step.length === 0);
  const stride = spatial(none ? kernel : step, n, op, "stride");
  const padding = spatial(options.padding ?? 0, n, op, "padding");
  const dilation = spatial(options.dilation ?? 1, n, op, "dilation");
  checkAtLeast(kernel, 1, op, "kernel size should be greater than zero");
  checkAtLeast(stride, 1, op, "stride should be greater than zero");
  checkAtLeast(padding, 0, op, "pad must be non-negative");
  checkAtLeast(dilation, 1, op, "dilation should be greater than zero");
  for (let d = 0; d < n; d++) {
    if (padding[d] <= (dilation[d] * (kernel[d] - 1) + 1) / 2) continue;
    throw new ShapeError(
      `${op}: pad should be at most half of effective kernel size, but got pad=${padding[d]}, kernel_size=${kernel[d]} and dilation=${dilation[d]}`,
    );
  }
  return { kernel, stride, padding, dilation };
}

function outputSize(x: Tensor, { kernel, stride, padding, dilation }: Window, ceilMode: boolean, op: string): number[] {
  if (x.shape.indexOf(0, 1) > 0) {
    throw new ShapeError(`${op}: Expected a tensor with optional 0 dim batch size for input, but got: ${formatShape(x.shape)}`, {
      shapes: [x.shape],
    });
  }
  const out = new Array<number>(kernel.length);
  for (let d = 0; d < out.length; d++) {
    const n = x.shape[d + 2];
    const steps = (n + 2 * padding[d] - dilation[d] * (kernel[d] - 1) - 1) / stride[d];
    out[d] = (ceilMode ? Math.ceil(steps) : Math.floor(steps)) + 1;
    // The last window must start inside the input or its left padding.
    if (ceilMode && (out[d] - 1) * stride[d] >= n + padding[d]) out[d]--;
  }
  if (out.some((n) => n < 1)) {
    throw new ShapeError(
      `${op}: Given input size: (${formatSizes(x.shape.slice(1), "x")}). Calculated output size: ` +
        `(${formatSizes([x.shape[1], ...out], "x")}). Output size is too small`,
      { shapes: [x.shape] },
    );
  }
  return out;
}

function maxPool(x: Tensor, n: number, kernelSize: Spatial, options: MaxPoolOptions): Tensor | ValuesIndices {
  const op = `maxPool${n}d`;
  const { ceilMode, returnIndices } = optionsOf(op, options, { ceilMode: false, returnIndices: false });
  const window = windowOf(n, op, kernelSize, options);
  const { kernel, stride, padding, dilation } = window;
  const [values, indices] = batchedInput(x, n, op, (input) => {
    const size = outputSize(input, window, ceilMode, op);
    return applyAll("maxPool", [input], { kernel, stride, padding, dilation, outputSize: size }, `MaxPool${n}DWithIndices`);
  });
  if (returnIndices) return new ValuesIndices(values, indices);
  // The tape keeps what it needs of them.
  if (indices.wrapped === null) indices.dispose();
  return values;
}

function avgPool(x: Tensor, n: number, kernelSize: Spatial, options: AvgPoolOptions): Tensor {
  const op = `avgPool${n}d`;
  if (!x.isFloatingPoint()) {
    const wide = x.storage.backend.limits.dtypes.has("float64") ? "float64" : "float32";
    return avgPool(x.cast(wide), n, kernelSize, options).cast(x.dtype);
  }
  const window = windowOf(n, op, kernelSize, options);
  const { kernel, stride, padding } = window;
  const {
    ceilMode,
    countIncludePad,
    divisorOverride: divisor,
  } = optionsOf(op, options, { ceilMode: false, countIncludePad: true, divisorOverride: Number });
  if (divisor === 0) throw new ShapeError(`${op}: divisor must be not zero`);
  const attrs = { kernel, stride, padding, countIncludePad, divisor };
  return batchedInput(x, n, op, (input) => {
    const size = outputSize(input, window, ceilMode, op);
    return [apply("avgPool", [input], { ...attrs, outputSize: size }, `AvgPool${n}D`)];
  })[0];
}

function adaptiveSizes(x: Tensor, n: number, size: AdaptiveSize, op: string): number[] {
  const input = x.shape.slice(2);
  const list =
    size === null || typeof size === "number"
      ? new Array<number | null>(n).fill(size)
      : size.length === 1
        ? new Array<number | null>(n).fill(size[0])
        : size;
  if (list.length !== n) throw new ShapeError(`${op}: output_size must be ${n}, got ${formatShape(list as number[])}`);
  const out = list.map((s, d) => s ?? input[d]);
  checkAtLeast(out, 0, op, "elements of output_size must be greater than or equal to 0");
  checkDevice(x.storage.backend, [...x.shape.slice(0, 2), ...out], x.dtype, op);
  if (input.some((s) => s === 0)) {
    throw new ShapeError(`${op}: Expected input to have non-zero size for non-batch dimensions, got ${formatShape(x.shape)}`, {
      shapes: [x.shape],
    });
  }
  return out;
}

/** First and last position (exclusive) of each bin. */
function bins(input: number, output: number): { readonly start: number; readonly end: number }[] {
  return Array.from({ length: output }, (_, i) => ({
    start: Math.floor((i * input) / output),
    end: Math.ceil(((i + 1) * input) / output),
  }));
}

function even(input: readonly number[], output: readonly number[]): boolean {
  return output.every((n, d) => n > 0 && input[d] % n === 0);
}

function adaptiveAvg(x: Tensor, out: readonly number[], label: string): readonly Tensor[] {
  const input = x.shape.slice(2);
  if (even(input, out)) {
    const kernel = input.map((size, d) => size / out[d]);
    const attrs = { kernel, stride: kernel, padding: kernel.map(() => 0), countIncludePad: true, divisor: null };
    return [apply("avgPool", [x], { ...attrs, outputSize: out }, label)];
  }
  // A mean over a box is a mean along each dimension in turn.
  return compositeAll(label, [x], () => [out.reduce((y, size, d) => averageAlong(y, d + 2, size), x)]);
}

function averageAlong(x: Tensor, dim: number, size: number): Tensor {
  const n = x.shape[dim];
  if (n === size) return x;
  const weights = new Float64Array(n * size);
  bins(n, size).forEach(({ start, end }, j) => {
    for (let i = start; i < end; i++) weights[i * size + j] = 1 / (end - start);
  });
  const host = x.dtype === "float64" ? weights : Float32Array.from(weights);
  const matrix = fromHost(x.storage.backend, [n, size], x.dtype, host);
  const last = x.ndim - 1;
  const moved = x.transpose(dim, last);
  return moved.matmul(matrix).transpose(dim, last);
}

function adaptiveMax(x: Tensor, out: readonly number[], label: string): readonly Tensor[] {
  const input = x.shape.slice(2);
  if (even(input, out)) {
    const kernel = input.map((size, d) => size / out[d]);
    const attrs = { kernel, stride: kernel, padding: kernel.map(() => 0), dilation: kernel.map(() => 1) };
    return applyAll("maxPool", [x], { ...attrs, outputSize: out }, label);
  }
  return compositeAll(label, [x], () => {
    const [n, c] = x.shape;
    const plane = windowPositions(input, out); // [prod(out), window]
    const windows = plane.length / Math.max(sizeOf(out), 1);
    const flat = x.reshape([n, c, sizeOf(input)]);
    const at = positions(x, plane);
    const taken = apply("indexSelect", [flat.detach(), at], { dim: 2 }).reshape([n, c, sizeOf(out), windows]);
    const best = apply("argReduce", [taken], { op: "max", dim: 3, keepdim: true });
    const table = at.reshape([1, 1, sizeOf(out), windows]).expand(taken.shape);
    const indices = apply("gather", [table, best], { dim: 3 }).reshape([n, c, sizeOf(out)]);
    const values = apply("gather", [flat, indices], { dim: 2 });
    return [values.reshape([n, c, ...out]), indices.reshape([n, c, ...out])];
  });
}

/** For every output cell the plane positions of its window; short windows repeat their last position. */
function windowPositions(input: readonly number[], output: readonly number[]): Int32Array {
  const perDim = input.map((size, d) => bins(size, output[d]));
  const width = perDim.map((list) => Math.max(1, ...list.map(({ start, end }) => end - start)));
  const cells = sizeOf(output);
  const window = sizeOf(width);
  const out = new Int32Array(cells * window);
  for (let cell = 0; cell < cells; cell++) {
    for (let w = 0; w < window; w++) {
      let at = 0;
      let step = 1;
      let restCell = cell;
      let restWindow = w;
      for (let d = input.length - 1; d >= 0; d--) {
        const { start, end } = perDim[d][restCell % output[d]];
        at += Math.min(start + (restWindow % width[d]), end - 1) * step;
        step *= input[d];
        restCell = Math.floor(restCell / output[d]);
        restWindow = Math.floor(restWindow / width[d]);
      }
      out[cell * window + w] = at;
    }
  }
  return out;
}

function adaptiveMaxPool(x: Tensor, n: number, size: AdaptiveSize, options: { readonly returnIndices?: boolean }): Tensor | ValuesIndices {
  const op = `adaptiveMaxPool${n}d`;
  const { returnIndices } = optionsOf(op, options, { returnIndices: false });
  const [values, indices] = batchedInput(x, n, op, (input) =>
    adaptiveMax(input, adaptiveSizes(input, n, size, op), `AdaptiveMaxPool${n}D`),
  );
  return returnIndices ? new ValuesIndices(values, indices) : values;
}

function adaptiveAvgPool(x: Tensor, n: number, size: AdaptiveSize): Tensor {
  const op = `adaptiveAvgPool${n}d`;
  requireFloat(x, op, '"adaptive_avg_pool" not implemented for integers');
  return batchedInput(x, n, op, (input) => adaptiveAvg(input, adaptiveSizes(input, n, size, op), `AdaptiveAvgPool${n}D`))[0];
}

function maxUnpool(x: Tensor, n: number, indices: Tensor, kernelSize: Spatial, options: MaxUnpoolOptions): Tensor {
  const op = `maxUnpool${n}d`;
  if (x.shape.length !== indices.shape.length || x.shape.some((size, d) => size !== indices.shape[d])) {
    throw new ShapeError(
      `${op}: Expected shape of indices to be the same as that of the input tensor, got ${formatShape(x.shape)} and ${formatShape(indices.shape)}`,
      {
        shapes: [x.shape, indices.shape],
      },
    );
  }
  const { kernel, stride, padding } = windowOf(n, op, kernelSize, optionsOf(op, options));
  return batchedInput(x, n, op, (input) => {
    const lead = input.shape.slice(0, 2);
    const sizes =
      options.outputSize?.slice(-n) ?? input.shape.slice(2).map((size, d) => (size - 1) * stride[d] - 2 * padding[d] + kernel[d]);
    const flat = [...lead, sizeOf(input.shape.slice(2))];
    const at = indexTensor(indices, op).reshape(flat);
    const zeros = constantLike(input, 0, input.dtype, [...lead, sizeOf(sizes)]);
    const out = apply("scatter", [zeros, at, input.reshape(flat)], { dim: 2, mode: "set" }, `MaxUnpool${n}D`);
    return [out.reshape([...lead, ...sizes])];
  })[0];
}

/** Options that ask for the positions of the maxima too. */
export type WithIndices = { readonly returnIndices: true };

/** A stride may stand in place of the options, also as `null`. @throws ValueError for anything else. */
export function poolOptions<O extends { readonly stride?: Spatial | null }>(options: Spatial | O): O {
  if (typeof options === "number" || options === null || Array.isArray(options)) return { stride: options } as unknown as O;
  return optionsOf("pool", options as O);
}

/** Largest element of each window of `[N, C, L]`, or without N; the stride is the kernel's size unless given. @throws ShapeError if the window does not fit. */
export function maxPool1d(x: Tensor, kernelSize: Spatial, options: MaxPoolOptions & WithIndices): ValuesIndices;
export function maxPool1d(x: Tensor, kernelSize: Spatial, options?: Spatial | MaxPoolOptions): Tensor;
export function maxPool1d(x: Tensor, kernelSize: Spatial, options: Spatial | MaxPoolOptions = {}): Tensor | ValuesIndices {
  return maxPool(x, 1, kernelSize, poolOptions(options));
}

/**
 * Largest element of each window of `[N, C, H, W]`, or without N; the stride is the kernel's size unless given.
 * @throws ShapeError if the window does not fit.
 * @example
 * maxPool2d(ones([1, 6, 28, 28]), 2); // [1, 6, 14, 14]
 */
export function maxPool2d(x: Tensor, kernelSize: Spatial, options: MaxPoolOptions & WithIndices): ValuesIndices;
export function maxPool2d(x: Tensor, kernelSize: Spatial, options?: Spatial | MaxPoolOptions): Tensor;
export function maxPool2d(x: Tensor, kernelSize: Spatial, options: Spatial | MaxPoolOptions = {}): Tensor | ValuesIndices {
  return maxPool(x, 2, kernelSize, poolOptions(options));
}

/** Largest element of each window of `[N, C, D, H, W]`, or without N; the stride is the kernel's size unless given. @throws ShapeError if the window does not fit. */
export function maxPool3d(x: Tensor, kernelSize: Spatial, options: MaxPoolOptions & WithIndices): ValuesIndices;
export function maxPool3d(x: Tensor, kernelSize: Spatial, options?: Spatial | MaxPoolOptions): Tensor;
export function maxPool3d(x: Tensor, kernelSize: Spatial, options: Spatial | MaxPoolOptions = {}): Tensor | ValuesIndices {
  return maxPool(x, 3, kernelSize, poolOptions(options));
}

/** Mean of each window of `[N, C, L]`, or without N; the stride is the kernel's size unless given. @throws ShapeError if the window does not fit. */
export function avgPool1d(x: Tensor, kernelSize: Spatial, options: Spatial | AvgPoolOptions = {}): Tensor {
  return avgPool(x, 1, kernelSize, poolOptions(options));
}

/**
 * Mean of each window of `[N, C, H, W]`, or without N; the stride is the kernel's size unless given.
 * @throws ShapeError if the window does not fit.
 * @example
 * avgPool2d(ones([1, 6, 28, 28]), 2); // [1, 6, 14, 14]
 */
export function avgPool2d(x: Tensor, kernelSize: Spatial, options: Spatial | AvgPoolOptions = {}): Tensor {
  return avgPool(x, 2, kernelSize, poolOptions(options));
}

/** Mean of each window of `[N, C, D, H, W]`, or without N; the stride is the kernel's size unless given. @throws ShapeError if the window does not fit. */
export function avgPool3d(x: Tensor, kernelSize: Spatial, options: Spatial | AvgPoolOptions = {}): Tensor {
  return avgPool(x, 3, kernelSize, poolOptions(options));
}

/** Means of bins that cover `[N, C, L]`, or without N, evenly; a size null keeps that of the input. */
export function adaptiveAvgPool1d(x: Tensor, outputSize: AdaptiveSize): Tensor {
  return adaptiveAvgPool(x, 1, outputSize);
}

/** Means of bins that cover `[N, C, H, W]`, or without N, evenly; a size null keeps that of the input. */
export function adaptiveAvgPool2d(x: Tensor, outputSize: AdaptiveSize): Tensor {
  return adaptiveAvgPool(x, 2, outputSize);
}

/** Means of bins that cover `[N, C, D, H, W]`, or without N, evenly; a size null keeps that of the input. */
export function adaptiveAvgPool3d(x: Tensor, outputSize: AdaptiveSize): Tensor {
  return adaptiveAvgPool(x, 3, outputSize);
}

/** Largest elements of bins that cover `[N, C, L]`, or without N, evenly; a size null keeps that of the input. */
export function adaptiveMaxPool1d(x: Tensor, outputSize: AdaptiveSize, options: WithIndices): ValuesIndices;
export function adaptiveMaxPool1d(x: Tensor, outputSize: AdaptiveSize, options?: { readonly returnIndices?: boolean }): Tensor;
export function adaptiveMaxPool1d(
  x: Tensor,
  outputSize: AdaptiveSize,
  options: { readonly returnIndices?: boolean } = {},
): Tensor | ValuesIndices {
  return adaptiveMaxPool(x, 1, outputSize, options);
}

/** Largest elements of bins that cover `[N, C, H, W]`, or without N, evenly; a size null keeps that of the input. */
export function adaptiveMaxPool2d(x: Tensor, outputSize: AdaptiveSize, options: WithIndices): ValuesIndices;
export function adaptiveMaxPool2d(x: Tensor, outputSize: AdaptiveSize, options?: { readonly returnIndices?: boolean }): Tensor;
export function adaptiveMaxPool2d(
  x: Tensor,
  outputSize: AdaptiveSize,
  options: { readonly returnIndices?: boolean } = {},
): Tensor | ValuesIndices {
  return adaptiveMaxPool(x, 2, outputSize, options);
}

/** Largest elements of bins that cover `[N, C, D, H, W]`, or without N, evenly; a size null keeps that of the input. */
export function adaptiveMaxPool3d(x: Tensor, outputSize: AdaptiveSize, options: WithIndices): ValuesIndices;
export function adaptiveMaxPool3d(x: Tensor, outputSize: AdaptiveSize, options?: { readonly returnIndices?: boolean }): Tensor;
export function adaptiveMaxPool3d(
  x: Tensor,
  outputSize: AdaptiveSize,
  options: { readonly returnIndices?: boolean } = {},
): Tensor | ValuesIndices {
  return adaptiveMaxPool(x, 3, outputSize, options);
}

/** Puts the results of {@link maxPool1d} back where `indices` found them; the rest is 0. */
export function maxUnpool1d(x: Tensor, indices: Tensor, kernelSize: Spatial, options: MaxUnpoolOptions = {}): Tensor {
  return maxUnpool(x, 1, indices, kernelSize, options);
}

/** Puts the results of {@link maxPool2d} back where `indices` found them; the rest is 0. */
export function maxUnpool2d(x: Tensor, indices: Tensor, kernelSize: Spatial, options: MaxUnpoolOptions = {}): Tensor {
  return maxUnpool(x, 2, indices, kernelSize, options);
}

/** Puts the results of {@link maxPool3d} back where `indices` found them; the rest is 0. */
export function maxUnpool3d(x: Tensor, indices: Tensor, kernelSize: Spatial, options: MaxUnpoolOptions = {}): Tensor {
  return maxUnpool(x, 3, indices, kernelSize, options);
}
