/**
 * Strided host arrays, the only thing that the reference kernels know.
 *
 * @module
 */
import type { DType, KernelName, Kernels, Layout, Spec, TypedArray } from "@sconce/core";

/**
 * A typed array of any dtype. Its elements count as numbers; those of int64 are bigints at run time and only meet functions made for
 * them (see {@link arithmeticOf}).
 */
export interface Elements {
  readonly length: number;
  [index: number]: number;
  fill(value: number, start?: number, end?: number): unknown;
  set(source: Elements, offset?: number): void;
  subarray(start: number, end: number): Elements;
}

/** An input: an array read through strides. */
export interface ArrayView extends Layout {
  readonly data: Elements;
  readonly dtype: DType;
}

/** An output: a row-major array of exactly the elements of its shape. */
export interface ArrayOutput extends Spec {
  readonly data: Elements;
}

/** A reference kernel: fills the outputs. */
export type ReferenceKernel<K extends KernelName> = (
  inputs: readonly ArrayView[],
  outputs: readonly ArrayOutput[],
  attrs: Kernels[K],
) => void;

/** A typed array as elements. */
export function elementsOf(array: TypedArray): Elements {
  return array as unknown as Elements;
}

/** Strides and offset alone. */
export interface Steps {
  readonly strides: readonly number[];
  readonly offset: number;
}

/** Calls `visit` for each index of `shape` in row-major order with its number and the position of the element in each layout. */
export function walk(shape: readonly number[], layouts: readonly Steps[], visit: (at: readonly number[], i: number) => void): void {
  const size = shape.reduce((n, d) => n * d, 1);
  const index = new Array<number>(shape.length).fill(0);
  const at = layouts.map((layout) => layout.offset);
  for (let i = 0; i < size; i++) {
    visit(at, i);
    for (let d = shape.length - 1; d >= 0; d--) {
      const wrap = ++index[d] === shape[d];
      const move = wrap ? 1 - shape[d] : 1;
      for (let k = 0; k < layouts.length; k++) at[k] += move * layouts[k].strides[d];
      if (!wrap) break;
      index[d] = 0;
    }
  }
}

/** Reads `count` elements of a view from number `start` (in row-major order) into `out`. */
export function readRange(view: ArrayView, start: number, count: number, out: Elements): void {
  const { data, shape, strides } = view;
  const index = new Array<number>(shape.length);
  let at = view.offset;
  let rest = start;
  for (let d = shape.length - 1; d >= 0; d--) {
    index[d] = rest % shape[d];
    rest = (rest - index[d]) / shape[d];
    at += index[d] * strides[d];
  }
  for (let i = 0; i < count; i++) {
    out[i] = data[at];
    for (let d = shape.length - 1; d >= 0; d--) {
      at += strides[d];
      if (++index[d] < shape[d]) break;
      at -= shape[d] * strides[d];
      index[d] = 0;
    }
  }
}
