import { apply } from "../dispatch.js";
import { DTypeError, formatShape, ShapeError } from "../errors.js";
import { isReadable } from "../evaluate.js";
import {
  type Index,
  type IndexList,
  type ListSpec,
  outOfBounds,
  parseList,
  parseSlice,
  resolveIndex,
  resolveSlice,
} from "../indexing-spec.js";
import { broadcastAll, type Shape, sizeOf } from "../shape.js";
import { TensorBase } from "./base.js";
import {
  add,
  constantLike,
  expandTo,
  fromHost,
  ge,
  lt,
  mul,
  narrowIndex,
  or,
  positions,
  reshapeTo,
  unsqueezeAt,
  where,
} from "./compose.js";
import { coordinates, readSync } from "./host.js";
import type { Tensor } from "./tensor.js";

/** Positions along one dimension of the view: from the host, or a tensor whose values only the device knows. */
interface Picker {
  readonly dim: number;
  readonly shape: Shape;
  readonly host: Int32Array | null;
  readonly tensor: Tensor | null;
}

/** A mask whose positions have not been read. */
interface Mask {
  readonly dim: number;
  readonly tensor: Tensor;
}

/** An index applied to a tensor: the view of its basic entries, and the positions or the mask to pick from it. */
export interface Plan {
  readonly view: Tensor;
  readonly pickers: readonly Picker[];
  /** The only entry that picks, where it is a mask tensor. */
  readonly mask: Mask | null;
}

type Entry =
  | { readonly kind: "basic"; readonly index: number | string | null }
  | { readonly kind: "flag"; readonly value: boolean }
  | { readonly kind: "list"; readonly list: ListSpec }
  | { readonly kind: "tensor"; readonly tensor: Tensor };

function isMask(x: Tensor): boolean {
  return x.dtype === "bool" || x.dtype === "uint8";
}

function toEntry(index: Index, op: string): Entry {
  if (typeof index === "boolean") return { kind: "flag", value: index };
  if (index === null || typeof index === "number" || typeof index === "string") return { kind: "basic", index };
  if (Array.isArray(index)) return { kind: "list", list: parseList(index as IndexList) };
  if (!(index instanceof TensorBase)) {
    throw new DTypeError(`${op}: expected an integer, slice string, null, "...", boolean, list or tensor as an index, got ${typeof index}`);
  }
  return tensorEntry(index as Tensor, op);
}

function tensorEntry(tensor: Tensor, op: string): Entry {
  if (tensor.isFloatingPoint()) {
    throw new DTypeError(`${op}: tensors used as indices must be long, byte or bool tensors, got ${tensor.dtype}; convert with .int()`, {
      dtypes: [tensor.dtype],
    });
  }
  const readable = tensor.wrapped === null && isReadable(tensor);
  if (tensor.ndim === 0 && isMask(tensor)) return { kind: "flag", value: Number(readSync(tensor, op)[0]) !== 0 };
  // A single position makes a view, as in PyTorch, where it can be read.
  if (tensor.ndim === 0 && readable) return { kind: "basic", index: Number(tensor.detach().dataSync()[0]) };
  return { kind: "tensor", tensor };
}

/** Dimensions of the indexed tensor that an entry stands for. */
function consumed(entry: Entry): number {
  if (entry.kind === "flag") return 0;
  if (entry.kind === "basic") return entry.index === null || entry.index === "..." ? 0 : 1;
  if (entry.kind === "list") return entry.list.mask ? entry.list.shape.length : 1;
  return isMask(entry.tensor) ? entry.tensor.ndim : 1;
}

/** Applies the basic entries as views and collects the others. */
export function plan(x: Tensor, indices: readonly Index[], op: string): Plan {
  if (!Array.isArray(indices)) throw new DTypeError(`${op}: expected a list of indices, got ${typeof indices}`);
  const entries = indices.map((index) => toEntry(index, op));
  const used = entries.reduce((n, entry) => n + consumed(entry), 0);
  if (used > x.ndim) {
    throw new ShapeError(`${op}: too many indices for tensor of dimension ${x.ndim}, got ${used} for ${formatShape(x.shape)}`, {
      shapes: [x.shape],
    });
  }
  if (entries.filter((entry) => entry.kind === "basic" && entry.index === "...").length > 1) {
    throw new ShapeError(`${op}: an index can only have a single ellipsis ("...")`);
  }
  const build = new Builder(x, op, x.ndim - used);
  for (const entry of entries) build.add(entry);
  return build.finish(entries);
}

class Builder {
  view: Tensor;
  /** Next dimension of the view. */
  dim = 0;
  /** Next dimension of the indexed tensor, for messages. */
  from = 0;
  readonly pickers: Picker[] = [];
  readonly masks: Mask[] = [];
  readonly #op: string;
  readonly #rest: number;

  constructor(x: Tensor, op: string, rest: number) {
    this.view = x;
    this.#op = op;
    this.#rest = rest;
  }

  add(entry: Entry): void {
    if (entry.kind === "basic") this.#basic(entry.index);
    else if (entry.kind === "flag") this.#flag(entry.value);
    else if (entry.kind === "list") this.#list(entry.list);
    else if (isMask(entry.tensor)) this.#mask(entry.tensor);
    else this.#pick({ dim: this.dim, shape: entry.tensor.shape, host: null, tensor: narrowIndex(entry.tensor.detach()) });
  }

  #basic(index: number | string | null): void {
    const { view, dim } = this;
    if (index === null) this.view = unsqueezeAt(view, this.dim++);
    else if (index === "...") {
      this.dim += this.#rest;
      this.from += this.#rest;
    } else if (typeof index === "number") {
      const at = resolveIndex(index, this.from++, view.shape[dim], this.#op);
      this.view = apply("select", [view], { dim, index: at }, "Select");
    } else {
      const slice = parseSlice(index);
      const { start, length } = resolveSlice(slice, view.shape[dim]);
      const whole = length === view.shape[dim] && slice.step === 1;
      if (!whole) this.view = apply("slice", [view], { dim, start, step: slice.step, length }, "Slice");
      this.dim++;
      this.from++;
    }
  }

  /** A boolean adds a dimension of size 1 and keeps or drops it. */
  #flag(value: boolean): void {
    this.view = unsqueezeAt(this.view, this.dim);
    this.#pick({ dim: this.dim, shape: [value ? 1 : 0], host: new Int32Array(value ? 1 : 0), tensor: null }, 0);
  }

  #list({ shape, data, mask }: ListSpec): void {
    if (mask) this.#expandMask(data, shape);
    else this.#pick({ dim: this.dim, shape, host: data, tensor: null });
  }

  #mask(tensor: Tensor): void {
    this.#checkMask(tensor.shape);
    this.masks.push({ dim: this.dim, tensor });
    this.dim += tensor.ndim;
    this.from += tensor.ndim;
  }

  #expandMask(data: ArrayLike<number | bigint>, shape: Shape): void {
    this.#checkMask(shape);
    for (const column of coordinates(data, shape)) this.#pick({ dim: this.dim, shape: [column.length], host: column, tensor: null });
  }

  #checkMask(shape: Shape): void {
    const { view, dim } = this;
    if (shape.every((n, i) => n === view.shape[dim + i])) return;
    throw new ShapeError(
      `${this.#op}: The shape of the mask ${formatShape(shape)} at index ${this.from} does not match the shape of the indexed tensor ` +
        `${formatShape(view.shape)} at index ${dim}`,
      { shapes: [shape, view.shape] },
    );
  }

  #pick(picker: Picker, from = 1): void {
    this.pickers.push(picker);
    this.dim++;
    this.from += from;
  }

  finish(entries: readonly Entry[]): Plan {
    const picking = entries.filter((entry) => entry.kind !== "basic").length;
    const mask = picking === 1 && this.masks.length === 1 ? this.masks[0] : null;
    return { view: this.view, pickers: mask === null ? [...this.pickers, ...this.#readMasks()].sort(byDim) : [], mask };
  }

  #readMasks(): Picker[] {
    return this.masks.flatMap((mask) => readMask(mask, this.#op));
  }
}

function byDim(a: Picker, b: Picker): number {
  return a.dim - b.dim;
}

/** The positions of a mask, read from its device. */
export function readMask({ dim, tensor }: Mask, op: string): Picker[] {
  const data = readSync(tensor, op);
  return coordinates(data, tensor.shape).map((host, i) => ({ dim: dim + i, shape: [host.length], host, tensor: null }));
}

/** Where picked entries lie: `view` with the picked dimensions together from `start`, and one position list into their product. */
export interface Pick {
  /** Order of the view's dimensions that brings the picked ones together. */
  readonly order: readonly number[];
  readonly start: number;
  /** Shape after `order`, with the picked dimensions as one. */
  readonly flat: Shape;
  /** 1-d int32. */
  readonly index: Tensor;
  /** Shape of the picked entries. */
  readonly shape: Shape;
  /** Explains an index that the kernel refused. */
  readonly explain: () => void;
}

/** Joins the positions of all picked dimensions. */
export function joinPickers(view: Tensor, pickers: readonly Picker[], op: string): Pick {
  const dims = pickers.map((p) => p.dim);
  const adjacent = dims.every((d, i) => i === 0 || d === dims[i - 1] + 1);
  const rest = view.shape.map((_, d) => d).filter((d) => !dims.includes(d));
  const start = adjacent ? dims[0] : 0;
  const before = rest.slice(0, start);
  const after = rest.slice(start);
  const sizes = dims.map((d) => view.shape[d]);
  const shape = broadcastShapes(pickers, op);
  const size = (d: number) => view.shape[d];
  return {
    order: [...before, ...dims, ...after],
    start,
    flat: [...before.map(size), sizeOf(sizes), ...after.map(size)],
    index: pickers.every((p) => p.host !== null) ? hostIndex(view, pickers, shape, op) : deviceIndex(view, pickers, shape),
    shape: [...before.map(size), ...shape, ...after.map(size)],
    explain: () => explain(view, pickers, op),
  };
}

function broadcastShapes(pickers: readonly Picker[], op: string): Shape {
  const shapes = pickers.map((p) => p.shape);
  try {
    return broadcastAll(shapes, op);
  } catch {
    throw new ShapeError(
      `${op}: shape mismatch: indexing tensors could not be broadcast together with shapes ${shapes.map(formatShape).join(", ")}`,
      { shapes },
    );
  }
}

function hostIndex(view: Tensor, pickers: readonly Picker[], shape: Shape, op: string): Tensor {
  const n = sizeOf(shape);
  const out = new Int32Array(n);
  for (const { dim, shape: own, host } of pickers) {
    const size = view.shape[dim];
    const at = broadcastPositions(own, shape);
    for (let i = 0; i < n; i++) out[i] = out[i] * size + resolveIndex((host as Int32Array)[at(i)], dim, size, op);
  }
  return positions(view, out);
}

/** Maps a row-major position in `to` to the one in `from` that broadcasts there. */
function broadcastPositions(from: Shape, to: Shape): (i: number) => number {
  if (sizeOf(from) === sizeOf(to)) return (i) => i;
  const lead = to.length - from.length;
  return (i) => {
    let at = 0;
    let step = 1;
    let rest = i;
    for (let d = to.length - 1; d >= lead; d--) {
      const own = from[d - lead];
      if (own !== 1) at += (rest % to[d]) * step;
      step *= own;
      rest = Math.floor(rest / to[d]);
    }
    return at;
  };
}

function deviceIndex(view: Tensor, pickers: readonly Picker[], shape: Shape): Tensor {
  let out: Tensor | null = null;
  let bad: Tensor | null = null;
  for (const { dim, shape: own, host, tensor } of pickers) {
    const size = view.shape[dim];
    const given = tensor ?? fromHost(view.storage.backend, own, "int32", host as Int32Array);
    const at = where(lt(given, 0), add(given, size), given);
    out = out === null ? at : add(mul(out, size), at);
    const outside = or(lt(at, 0), ge(at, size));
    bad = bad === null ? outside : or(bad, outside);
  }
  // A position outside its own dimension must not land on another entry: -1 is refused by the kernel.
  const checked = pickers.length === 1 ? (out as Tensor) : where(bad as Tensor, constantLike(out as Tensor, -1), out as Tensor);
  return reshapeTo(expandTo(checked, shape), [sizeOf(shape)]);
}

function explain(view: Tensor, pickers: readonly Picker[], op: string): void {
  for (const { dim, tensor } of pickers) {
    if (tensor === null || tensor.wrapped !== null || !isReadable(tensor)) continue;
    const size = view.shape[dim];
    for (const value of tensor.dataSync())
      if (Number(value) < -size || Number(value) >= size) throw outOfBounds(Number(value), dim, size, op);
  }
}
