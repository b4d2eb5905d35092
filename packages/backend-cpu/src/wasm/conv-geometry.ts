/**
 * The shape of a convolution, and the address tables and padded planes through which the kernels see it.
 *
 * @module
 */
import { WIDE_ROWS } from "./indirect-emit.js";

/** A convolution over any number of spatial dimensions; `[N, C, ...input]` and `[F, C / groups, ...kernel]` to `[N, F, ...output]`. */
export interface ConvGeometry {
  readonly batch: number;
  readonly channels: number;
  readonly filters: number;
  readonly groups: number;
  readonly input: readonly number[];
  /** Usually {@link convOutput}; larger where there is more padding behind than in front. */
  readonly output: readonly number[];
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  /** Zeros in front of each dimension. */
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
}

/** Output sizes for the same padding on both sides. */
export function convOutput(geometry: Omit<ConvGeometry, "output">): number[] {
  const { input, kernel, stride, padding, dilation } = geometry;
  return input.map((size, d) => Math.floor((size + 2 * padding[d] - dilation[d] * (kernel[d] - 1) - 1) / stride[d]) + 1);
}

/** The product of sizes. */
export function volume(sizes: readonly number[]): number {
  return sizes.reduce((product, size) => product * size, 1);
}

/** `count` offsets that are `step` apart. */
export function offsets(count: number, step: number): number[] {
  return Array.from({ length: count }, (_, i) => i * step);
}

/** Bytes of a table of so many sums, see {@link tableOf}. */
export const tableBytes = (count: number): number => 4 * (count + WIDE_ROWS - 1);

/** All sums of one offset per axis in row-major order, with copies of the first behind them: tiles may reach beyond the end. */
export function tableOf(axes: readonly (readonly number[])[]): Int32Array {
  const table = new Int32Array(volume(axes.map((axis) => axis.length)) + WIDE_ROWS - 1);
  let length = 1;
  for (const axis of axes.toReversed()) {
    for (let i = axis.length - 1; i >= 0; i--) {
      for (let j = 0; j < length; j++) table[i * length + j] = table[j] + axis[i];
    }
    length *= axis.length;
  }
  return table.fill(table[0], length);
}

/** The offsets of slices of the last two dimensions, which lie at such strides. */
export function sliceOffsets(sizes: readonly number[], strides: readonly number[]): number[] {
  const outer = sizes.slice(0, -2);
  return outer.reduce<number[]>((sums, count, d) => sums.flatMap((sum) => offsets(count, strides[d]).map((offset) => sum + offset)), [0]);
}

/** How the planes of a source lie in memory for the kernel: as they are, or copied into the middle of zeros. Sizes in elements. */
export interface Planes {
  readonly copied: boolean;
  readonly size: readonly number[];
  readonly before: readonly number[];
  /** From one element to the next along each spatial dimension. */
  readonly strides: readonly number[];
  /** From one channel to the next. */
  readonly plane: number;
}

/** Planes this far apart (in elements) fall into the same cache sets. */
const CACHE_PERIOD = 512;
const MANY_PLANES = 32;

/** Row-major strides of sizes. */
function rowMajor(sizes: readonly number[]): number[] {
  return sizes.map((_, d) => volume(sizes.slice(d + 1)));
}

/** The planes of a source that is read from `-before` up to its size plus `after`. */
function planesOf(size: readonly number[], before: readonly number[], after: readonly number[], channels: number): Planes {
  const padded = size.map((extent, d) => extent + before[d] + after[d]);
  const plane = volume(padded);
  const clashing = plane % CACHE_PERIOD === 0 && channels > MANY_PLANES;
  const copied = clashing || padded.some((extent, d) => extent !== size[d]);
  return { copied, size, before, strides: rowMajor(padded), plane: clashing ? plane + 16 : plane };
}

/** The planes that the forward pass and the gradient of the weights read the input through. */
function inputPlanes(g: ConvGeometry): Planes {
  const after = g.input.map((size, d) => {
    const last = (g.output[d] - 1) * g.stride[d] + (g.kernel[d] - 1) * g.dilation[d] - g.padding[d];
    return Math.max(0, last - (size - 1));
  });
  return planesOf(g.input, g.padding, after, g.channels / g.groups);
}

/** How the input of a convolution is read: its planes, and where the outputs and the kernel elements lie in them, in bytes. */
export function inputPlan(g: ConvGeometry): {
  readonly planes: Planes;
  readonly positions: readonly (readonly number[])[];
  readonly taps: readonly (readonly number[])[];
} {
  const planes = inputPlanes(g);
  const along = (counts: readonly number[], step: readonly number[]): number[][] =>
    counts.map((count, d) => offsets(count, 4 * step[d] * planes.strides[d]));
  const taps = [offsets(g.channels / g.groups, 4 * planes.plane), ...along(g.kernel, g.dilation)];
  return { planes, positions: along(g.output, g.stride), taps };
}

/** Every `stride`-th input element along one dimension, and the kernel elements that reach it from which output. */
export interface Residue {
  /** First input index. */
  readonly first: number;
  readonly count: number;
  /** Pairs of a kernel index and the output index it pairs with `first`; `first + stride` then pairs with the next output. */
  readonly taps: readonly { readonly kernel: number; readonly output: number }[];
}

/** The input indices along a dimension by their remainder modulo the stride: each kind is a convolution of its own with stride 1. */
export function residues(g: ConvGeometry, d: number): Residue[] {
  const stride = g.stride[d];
  return Array.from({ length: Math.min(stride, g.input[d]) }, (_, first) => ({
    first,
    count: Math.ceil((g.input[d] - first) / stride),
    taps: offsets(g.kernel[d], 1)
      .map((kernel) => ({ kernel, output: (first + g.padding[d] - kernel * g.dilation[d]) / stride }))
      .filter(({ output }) => Number.isInteger(output)),
  }));
}

/** The planes that the gradient of the input reads the output gradient through. */
export function outputPlanes(g: ConvGeometry, kinds: readonly Residue[][]): Planes {
  const before = kinds.map((list) => Math.max(0, ...list.flatMap(({ taps }) => taps.map(({ output }) => -output))));
  const after = kinds.map((list, d) =>
    Math.max(0, ...list.flatMap(({ taps, count }) => taps.map(({ output }) => output + count - g.output[d]))),
  );
  return planesOf(g.output, before, after, g.filters / g.groups);
}
