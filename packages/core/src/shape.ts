import { formatShape, NotSupportedError, ShapeError } from "./errors.js";

/** Sizes of a tensor's dimensions, outermost first. */
export type Shape = readonly number[];

/** How elements lie in a buffer, counted in elements. */
export interface Layout {
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly offset: number;
}

/** Number of elements. */
export function sizeOf(shape: Shape): number {
  let n = 1;
  for (let i = 0; i < shape.length; i++) n *= shape[i];
  return n;
}

/** Row-major strides. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= Math.max(shape[i], 1);
  }
  return strides;
}

/** The layout of a row-major tensor. */
export function rowMajor(shape: Shape): Layout {
  return { shape, strides: contiguousStrides(shape), offset: 0 };
}

/** True if the elements lie in row-major order without gaps (sizes of 1 and empty tensors do not matter). */
export function isContiguous(shape: Shape, strides: readonly number[]): boolean {
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    const n = shape[i];
    if (n === 0) return true;
    if (n !== 1) {
      if (strides[i] !== step) return false;
      step *= n;
    }
  }
  return true;
}

/** True if two lists of sizes are equal. */
export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/**
 * The shape that two shapes broadcast to.
 * @throws ShapeError with PyTorch's text.
 */
export function broadcast(a: Shape, b: Shape, op: string): Shape {
  if (a === b || sameShape(a, b)) return a;
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const x = a.length >= i ? a[a.length - i] : 1;
    const y = b.length >= i ? b[b.length - i] : 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new ShapeError(
        `${op}: The size of tensor a (${x}) must match the size of tensor b (${y}) at non-singleton dimension ${rank - i}, ` +
          `got ${formatShape(a)} and ${formatShape(b)}`,
        { shapes: [a, b] },
      );
    }
    out[rank - i] = x === 1 ? y : x;
  }
  return out;
}

/** Broadcast of any number of shapes. */
export function broadcastAll(shapes: readonly Shape[], op: string): Shape {
  let out: Shape = [];
  for (const shape of shapes) out = broadcast(out, shape, op);
  return out;
}

/** Strides of a layout read as `shape`: 0 where a dimension is stretched. */
export function broadcastStrides(from: Shape, strides: readonly number[], shape: Shape): number[] {
  const out = new Array<number>(shape.length);
  const lead = shape.length - from.length;
  for (let i = 0; i < shape.length; i++) out[i] = i < lead || (from[i - lead] === 1 && shape[i] !== 1) ? 0 : strides[i - lead];
  return out;
}

/**
 * A dimension counted from the front.
 * @throws ShapeError if it is out of `[-rank, rank - 1]`.
 */
export function normalizeDim(dim: number, rank: number, op: string): number {
  const n = Math.max(rank, 1);
  if (!Number.isInteger(dim) || dim < -n || dim >= n) {
    throw new ShapeError(`${op}: Dimension out of range (expected to be in range of [${-n}, ${n - 1}], but got ${dim})`);
  }
  return dim < 0 ? dim + n : dim;
}

/** A list of dimensions, each counted from the front, in ascending order; `undefined` or an empty list means all. */
export function normalizeDims(dim: number | readonly number[] | null | undefined, rank: number, op: string): number[] {
  if (dim === undefined || dim === null || (typeof dim !== "number" && dim.length === 0)) return [...Array(rank).keys()];
  const list = typeof dim === "number" ? [dim] : dim;
  if (!Array.isArray(list)) throw new ShapeError(`${op}: expected a dimension or a list of dimensions, got ${typeof dim}`);
  const out = list.map((d) => normalizeDim(d, rank, op)).sort((a, b) => a - b);
  for (let i = 1; i < out.length; i++) {
    if (out[i] === out[i - 1]) throw new ShapeError(`${op}: dim ${out[i]} appears multiple times in the list of dims`);
  }
  return rank === 0 ? [] : out;
}

/** Shape after reducing `dims` (ascending). */
export function reducedShape(shape: Shape, dims: readonly number[], keepdim: boolean): number[] {
  const out: number[] = [];
  for (let i = 0; i < shape.length; i++) {
    if (!dims.includes(i)) out.push(shape[i]);
    else if (keepdim) out.push(1);
  }
  return out;
}

/** Throws ShapeError unless every size is a non-negative integer. */
export function checkShape(shape: Shape, op: string): void {
  if (!Array.isArray(shape)) throw new ShapeError(`${op}: expected a list of sizes, got ${typeof shape}`);
  for (const n of shape) {
    if (!Number.isInteger(n) || n < 0) {
      throw new ShapeError(
        `${op}: expected non-negative integer sizes, got ${formatShape(shape)}: ` +
          (n < 0 ? `Trying to create tensor with negative dimension ${n}` : `${typeof n} ${String(n)} is not a size`),
        { shapes: [shape] },
      );
    }
  }
}

/** Elements that a kernel can count. */
const MAX_ELEMENTS = 2 ** 31 - 1;

/**
 * Throws unless a layout is one of integers that stays within a storage of `size` elements: what passes it cannot make a kernel read or
 * write another tensor's memory.
 */
export function checkLayout({ shape, strides, offset }: Layout, size: number, op: string): void {
  let valid = shape.length === strides.length && Number.isSafeInteger(offset);
  let first = offset;
  let last = offset;
  let count = 1;
  for (let i = 0; i < shape.length; i++) {
    const n = shape[i];
    valid &&= Number.isSafeInteger(n) && n >= 0 && Number.isSafeInteger(strides[i]);
    count *= n;
    const reach = (n - 1) * strides[i];
    if (reach < 0) first += reach;
    else last += reach;
  }
  if (!valid || (count > 0 && (first < 0 || last >= size))) {
    throw new ShapeError(
      `${op}: expected integer sizes and strides within the storage, got sizes ${formatShape(shape)}, strides ${formatShape(strides)}, ` +
        `storage offset ${offset} are out of bounds for storage of size ${size}`,
      { shapes: [shape] },
    );
  }
  if (count > MAX_ELEMENTS) {
    throw new NotSupportedError(`${op}: expected at most ${MAX_ELEMENTS} elements in one tensor, got ${formatShape(shape)}`, {
      shapes: [shape],
    });
  }
}

/** Replaces one -1 by the size that fits `size` elements. */
export function inferSize(shape: Shape, size: number, op: string): number[] {
  if (!Array.isArray(shape)) throw new ShapeError(`${op}: expected a list of sizes, got ${typeof shape}`);
  let unknown = -1;
  let known = 1;
  for (let i = 0; i < shape.length; i++) {
    if (shape[i] === -1) {
      if (unknown >= 0) throw new ShapeError(`${op}: only one dimension can be inferred, got ${formatShape(shape)}`, { shapes: [shape] });
      unknown = i;
    } else if (!Number.isInteger(shape[i]) || shape[i] < 0) {
      throw new ShapeError(`${op}: invalid shape dimension ${shape[i]} in ${formatShape(shape)}`, { shapes: [shape] });
    } else known *= shape[i];
  }
  const out = [...shape];
  if (unknown >= 0) {
    if (known === 0) {
      throw new ShapeError(
        `${op}: cannot reshape tensor of 0 elements into shape ${formatShape(shape)} because the unspecified dimension size -1 can be any value and is ambiguous`,
        { shapes: [shape] },
      );
    }
    out[unknown] = size / known;
  }
  if (sizeOf(out) !== size || (unknown >= 0 && !Number.isInteger(out[unknown]))) {
    throw new ShapeError(`${op}: shape '${formatShape(shape)}' is invalid for input of size ${size}`, { shapes: [shape] });
  }
  return out;
}

/** Strides that show a strided layout as another shape without a copy, or null if there are none. */
export function viewStrides(shape: Shape, strides: readonly number[], to: Shape): number[] | null {
  if (isContiguous(shape, strides)) return contiguousStrides(to);
  const out = new Array<number>(to.length);
  let view = to.length - 1;
  let base = strides[strides.length - 1];
  let chunk = 1;
  let seen = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    chunk *= shape[d];
    if (d === 0 || (shape[d - 1] !== 1 && strides[d - 1] !== chunk * base)) {
      while (view >= 0 && (seen < chunk || to[view] === 1)) {
        out[view] = seen * base;
        seen *= to[view];
        view--;
      }
      if (seen !== chunk) return null;
      if (d > 0) {
        base = strides[d - 1];
        chunk = 1;
        seen = 1;
      }
    }
  }
  return view === -1 ? out : null;
}
