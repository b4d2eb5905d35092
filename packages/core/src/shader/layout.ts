/**
 * Layouts as kernels address them: dimensions merged where all operands allow it, and the text of the address.
 *
 * @module
 */
import type { Text } from "./text.js";

/** A shape and the strides of several operands over it, with as few dimensions as they allow. */
export interface Collapsed {
  readonly shape: readonly number[];
  readonly strides: readonly (readonly number[])[];
}

/** Drops dimensions of size 1 and merges neighbours that every operand walks as one. */
export function collapse(shape: readonly number[], strides: readonly (readonly number[])[]): Collapsed {
  const sizes: number[] = [];
  const out: number[][] = strides.map(() => []);
  for (let d = 0; d < shape.length; d++) {
    const n = shape[d];
    if (n === 1) continue;
    const last = sizes.length - 1;
    let merges = last >= 0;
    for (let k = 0; merges && k < strides.length; k++) merges = out[k][last] === strides[k][d] * n;
    if (merges) sizes[last] *= n;
    else sizes.push(n);
    for (let k = 0; k < strides.length; k++) {
      if (merges) out[k][last] = strides[k][d];
      else out[k].push(strides[k][d]);
    }
  }
  return { shape: sizes, strides: out };
}

/** How an operand is read: in order from a multiple of four, as one element, or through strides. */
export type Access = "linear" | "single" | "strided";

/** The access of strides and an offset over a collapsed shape. */
export function accessOf(shape: readonly number[], strides: readonly number[], offset: number): Access {
  let step = 1;
  let linear = offset % 4 === 0;
  let single = true;
  for (let d = shape.length - 1; d >= 0; d--) {
    if (strides[d] !== step) linear = false;
    if (strides[d] !== 0) single = false;
    step *= shape[d];
  }
  // A lone element is both; "linear" keeps the kernel of its larger neighbours.
  return linear ? "linear" : single ? "single" : "strided";
}

/** Statements that split `index` into coordinates `<name>0` ... over `rank` dimensions whose sizes but the first are parameters. */
export function coordinates(text: Text, rank: number, index: string, name = "c"): string[] {
  const lines: string[] = [];
  if (rank === 0) return lines;
  const sizes = text.ints(rank - 1);
  let rest = index;
  for (let d = rank - 1; d > 0; d--) {
    lines.push(`int ${name}r${d} = ${rest} / ${sizes[d - 1]};`, `int ${name}${d} = ${rest} - ${name}r${d} * ${sizes[d - 1]};`);
    rest = `${name}r${d}`;
  }
  lines.push(`int ${name}0 = ${rest};`);
  return lines;
}

/** The text of the offset of coordinates `<name>0` ... through strides that are the next parameters. */
export function dot(text: Text, rank: number, name = "c"): string {
  const strides = text.ints(rank);
  return strides.length === 0 ? "0" : strides.map((s, d) => `${name}${d} * ${s}`).join(" + ");
}

/** The entries of the dimensions in `dims`, or of the others. */
export function pickDims<T>(list: readonly T[], dims: readonly number[], inside: boolean): T[] {
  return list.filter((_, d) => dims.includes(d) === inside);
}
