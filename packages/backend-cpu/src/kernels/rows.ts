import type { View } from "@sconce/core";
import type { Steps } from "../reference/array.js";

/**
 * Calls `visit` for each row along the last dimension of `shape` with the position of its first element in each layout. A shape without
 * dimensions is one row.
 */
export function eachRow(shape: readonly number[], layouts: readonly Steps[], visit: (at: readonly number[]) => void): void {
  const rank = shape.length - 1;
  let rows = 1;
  for (let d = 0; d < rank; d++) rows *= shape[d];
  if (rank >= 0 && shape[rank] === 0) return;
  const index = new Array<number>(Math.max(rank, 0)).fill(0);
  const at = layouts.map((layout) => layout.offset);
  for (let row = 0; row < rows; row++) {
    visit(at);
    for (let d = rank - 1; d >= 0; d--) {
      const wraps = ++index[d] === shape[d];
      const move = wraps ? 1 - shape[d] : 1;
      for (let k = 0; k < at.length; k++) at[k] += move * layouts[k].strides[d];
      if (!wraps) break;
      index[d] = 0;
    }
  }
}

/** Size of the last dimension, 1 where there is none. */
export function lastSize(shape: readonly number[]): number {
  return shape.length === 0 ? 1 : shape[shape.length - 1];
}

/** Stride of the last dimension, 0 where there is none. */
export function lastStride(strides: readonly number[]): number {
  return strides.length === 0 ? 0 : strides[strides.length - 1];
}

/** A list with entry `dim` moved to the end. */
export function moveLast(list: readonly number[], dim: number): number[] {
  return [...list.slice(0, dim), ...list.slice(dim + 1), ...list.slice(dim, dim + 1)];
}

/** A view whose rows go along `dim`. */
export function rowsAlong(x: View, dim: number): View {
  return { ...x, shape: moveLast(x.shape, dim), strides: moveLast(x.strides, dim) };
}
