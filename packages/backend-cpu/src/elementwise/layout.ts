/**
 * Dimensions that every operand steps through evenly are merged before a kernel runs.
 *
 * @module
 */
import { isContiguous, type View } from "@sconce/core";
import type { StrideClass } from "./body.js";

/** Merged sizes, and each operand's strides for them. There is at least one dimension. */
export interface Collapsed {
  readonly sizes: number[];
  readonly strides: number[][];
}

/** Merges the dimensions of `shape` where all operands allow it and drops those of size 1. */
export function collapse(shape: readonly number[], operands: readonly (readonly number[])[]): Collapsed {
  const sizes: number[] = [];
  const strides: number[][] = operands.map(() => []);
  for (let d = 0; d < shape.length; d++) {
    const size = shape[d];
    if (size === 1) continue;
    const last = sizes.length - 1;
    let merges = last >= 0;
    for (let o = 0; merges && o < operands.length; o++) merges = strides[o][last] === operands[o][d] * size;
    if (merges) {
      sizes[last] *= size;
      for (let o = 0; o < operands.length; o++) strides[o][last] = operands[o][d];
    } else {
      sizes.push(size);
      for (let o = 0; o < operands.length; o++) strides[o].push(operands[o][d]);
    }
  }
  if (sizes.length === 0) {
    sizes.push(1);
    for (const list of strides) list.push(1);
  }
  return { sizes, strides };
}

/** True if all views are row-major without gaps. */
export function allContiguous(views: readonly View[]): boolean {
  for (let i = 0; i < views.length; i++) if (!isContiguous(views[i].shape, views[i].strides)) return false;
  return true;
}

/** How an operand moves along a dimension. */
export function strideClass(stride: number): StrideClass {
  return stride === 0 ? 0 : stride === 1 ? 1 : 2;
}
