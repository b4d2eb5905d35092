import { ShapeError, ValueError } from "./errors.js";
import type { Tensor } from "./tensor/tensor.js";

/** Nested lists of integers or of booleans. */
export type IndexList = readonly (number | boolean | IndexList)[];

/**
 * One entry of an index: an integer, a slice such as `"1:-1"` or `"::2"`, `"..."`, `null` for a new dimension, a boolean, lists of
 * integers or booleans, an integer tensor, or a bool tensor (a mask).
 */
export type Index = number | string | null | boolean | IndexList | Tensor;

/** A slice; ends left out are undefined. */
export interface SliceSpec {
  readonly start: number | undefined;
  readonly stop: number | undefined;
  readonly step: number;
}

/** A parsed list: its shape and elements; booleans as 0 and 1. */
export interface ListSpec {
  readonly shape: readonly number[];
  readonly data: Int32Array;
  readonly mask: boolean;
}

const SLICE = /^\s*([+-]?\d+)?\s*:\s*([+-]?\d+)?\s*(?::\s*([+-]?\d+)?\s*)?$/;

/**
 * Reads a slice such as `"1:-1"`.
 * @throws ValueError if the text is not a slice or its step is not positive.
 */
export function parseSlice(text: string): SliceSpec {
  const match = SLICE.exec(text);
  if (match === null) {
    throw new ValueError(`at: expected a slice such as "1:-1" or "::2", "..." or null, got ${JSON.stringify(text)}`);
  }
  const number = (part: string | undefined) => (part === undefined ? undefined : Number(part));
  const step = number(match[3]) ?? 1;
  if (step <= 0) throw new ValueError(`at: slice step must be positive, got ${JSON.stringify(text)}; use flip() to reverse`);
  return { start: number(match[1]), stop: number(match[2]), step };
}

/** Start and length of a slice within a dimension of `size`, ends clipped as Python does. */
export function resolveSlice({ start = 0, stop, step }: SliceSpec, size: number): { readonly start: number; readonly length: number } {
  const clip = (n: number) => Math.min(Math.max(n < 0 ? n + size : n, 0), size);
  const from = clip(start);
  const to = stop === undefined ? size : clip(stop);
  return { start: from, length: Math.max(Math.ceil((to - from) / step), 0) };
}

/** Reads nested lists. @throws ShapeError if they are ragged. @throws ValueError if they mix integers and booleans. */
export function parseList(list: IndexList): ListSpec {
  const shape: number[] = [];
  for (let level: unknown = list; Array.isArray(level); level = level[0]) shape.push(level.length);
  const flat: (number | boolean)[] = [];
  collect(list, shape, 0, flat);
  const mask = flat.length > 0 && typeof flat[0] === "boolean";
  for (const item of flat) {
    if (typeof item !== (mask ? "boolean" : "number") || (!mask && !Number.isInteger(item))) {
      throw new ValueError(`at: expected a list of integers or a list of booleans, got ${JSON.stringify(list)}`);
    }
  }
  return { shape, data: Int32Array.from(flat, (item) => clampInt32(Number(item))), mask };
}

/** Beyond int32 no dimension reaches: the bound stays out of range where wrapping would not. */
function clampInt32(n: number): number {
  return Math.min(Math.max(n, -(2 ** 31)), 2 ** 31 - 1);
}

function collect(list: IndexList, shape: readonly number[], depth: number, out: (number | boolean)[]): void {
  if (list.length !== shape[depth]) throw ragged(list.length, shape[depth]);
  for (const item of list) {
    const nested = Array.isArray(item);
    if (nested !== depth < shape.length - 1) throw ragged(nested ? (item as IndexList).length : 1, shape[depth + 1] ?? 1);
    if (nested) collect(item as IndexList, shape, depth + 1, out);
    else out.push(item as number | boolean);
  }
}

function ragged(got: number, expected: number): ShapeError {
  return new ShapeError(`at: expected lists of equal length ${expected} in an index, got one of length ${got}`);
}

/** Throws unless `index` lies within a dimension; returns it counted from the front. */
export function resolveIndex(index: number, dim: number, size: number, op: string): number {
  if (!Number.isInteger(index)) throw new ValueError(`${op}: expected an integer index, got ${index}`);
  if (index < -size || index >= size) throw outOfBounds(index, dim, size, op);
  return index < 0 ? index + size : index;
}

/** PyTorch's text for an index that is out of range. */
export function outOfBounds(index: number, dim: number, size: number, op: string): ShapeError {
  return new ShapeError(`${op}: index ${index} is out of bounds for dimension ${dim} with size ${size}`);
}
