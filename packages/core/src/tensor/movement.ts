import type { Backend } from "../backend.js";
import { create, createFilled, type Defaults, type SizeArgs, splitSizes, type TensorOptions } from "../creation-options.js";
import { apply } from "../dispatch.js";
import type { TypedArray } from "../dtype.js";
import { formatShape, ShapeError, ValueError } from "../errors.js";
import { contiguousValue, isWhole } from "../evaluate.js";
import { parseNested, type TensorData } from "../nested.js";
import type { Scalar } from "../promotion.js";
import { checkLayout, checkShape, inferSize, type Layout, normalizeDim, type Shape, sizeOf, viewStrides } from "../shape.js";
import { TensorBase } from "./base.js";
import { fromHost } from "./compose.js";
import type { Tensor } from "./tensor.js";

/** Sizes as one array or as separate arguments. */
export type Sizes = readonly [shape: Shape] | readonly number[];

/** The sizes of an argument list. */
export function sizesOf(args: Sizes): Shape {
  return args.length === 1 && typeof args[0] !== "number" ? args[0] : (args as readonly number[]);
}

/** Dimensions that become one, both included. */
export interface FlattenOptions {
  readonly startDim?: number;
  readonly endDim?: number;
}

/** A dimension, alone or as an option. */
export type DimArgument = number | { readonly dim?: number };

/** The dimension of an argument. */
export function dimOf(dim: DimArgument): number {
  return typeof dim === "number" ? dim : (dim.dim ?? 0);
}

/** Which diagonal of which two dimensions. */
export interface DiagonalOptions {
  readonly offset?: number;
  readonly dim1?: number;
  readonly dim2?: number;
}

/** Ops that show the same memory in another layout. */
export class MovementOps extends TensorBase {
  /** A copy with memory of its own. */
  clone(): Tensor {
    return apply("cast", [this.self], { dtype: this.dtype }, "Clone");
  }

  /** The tensor without its history, over the same memory. */
  detach(): Tensor {
    return apply("detach", [this.self], null);
  }

  /** This, or a row-major copy if it is not row-major. */
  contiguous(): Tensor {
    return this.isContiguous() ? this.self : this.clone();
  }

  /**
   * The elements in another shape without a copy; one size may be -1.
   * @throws ShapeError if the sizes do not fit, or if strides cannot show it: use reshape.
   * @example
   * arange(6).view(2, -1); // [2, 3]
   */
  view(...shape: Sizes): Tensor {
    const to = inferSize(sizesOf(shape), this.numel(), "view");
    if (this.numel() > 0 && viewStrides(this.shape, this.strides, to) === null) {
      throw new ShapeError(
        `view: view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous subspaces), ` +
          `got ${formatShape(to)} for ${formatShape(this.shape)} with strides ${formatShape(this.strides)}. Use .reshape(...) instead.`,
        { shapes: [this.shape, to] },
      );
    }
    return apply("reshape", [this.self], { shape: to }, "View");
  }

  /** The elements in the shape of `other`, as {@link view}. */
  viewAs(other: Tensor): Tensor {
    return this.view(other.shape);
  }

  /** The elements in another shape (one size may be -1): a view where strides allow, else of a copy. */
  reshape(...shape: Sizes): Tensor {
    const to = inferSize(sizesOf(shape), this.numel(), "reshape");
    if (this.numel() === 0 || viewStrides(this.shape, this.strides, to) !== null)
      return apply("reshape", [this.self], { shape: to }, "View");
    return apply("reshape", [this.clone()], { shape: to }, "UnsafeView");
  }

  /** The elements in the shape of `other`, as {@link reshape}. */
  reshapeAs(other: Tensor): Tensor {
    return this.reshape(other.shape);
  }

  /**
   * Dimensions `startDim` to `endDim` as one.
   * @example
   * zeros([2, 3, 4]).flatten(1); // [2, 12]
   */
  flatten(range: number | FlattenOptions = 0, last = -1): Tensor {
    const { startDim = 0, endDim = last } = typeof range === "number" ? { startDim: range } : range;
    const { shape, ndim } = this;
    const start = normalizeDim(startDim, ndim, "flatten");
    const end = normalizeDim(endDim, ndim, "flatten");
    if (start > end)
      throw new ShapeError(`flatten: flatten() has invalid args: start_dim cannot come after end_dim, got ${startDim} and ${endDim}`);
    if (ndim === 0) return this.reshape([1]);
    if (start === end) return this.self;
    return this.reshape([...shape.slice(0, start), sizeOf(shape.slice(start, end + 1)), ...shape.slice(end + 1)]);
  }

  /** All elements in one dimension, row-major. */
  ravel(): Tensor {
    return this.contiguous().view(-1);
  }

  /** One dimension as several; one size may be -1. */
  unflatten(dim: number, sizes: Shape): Tensor {
    const at = normalizeDim(dim, this.ndim, "unflatten");
    const inner = inferSize(sizes, this.shape[at] ?? 1, "unflatten");
    return this.view([...this.shape.slice(0, at), ...inner, ...this.shape.slice(at + 1)]);
  }

  /** Dimensions in another order. @throws ShapeError unless `dims` names each once. */
  permute(...dims: Sizes): Tensor {
    const list = sizesOf(dims);
    if (list.length !== this.ndim) {
      throw new ShapeError(
        `permute: number of dimensions in the tensor input does not match the length of the desired ordering of dimensions ` +
          `i.e. input.dim() = ${this.ndim} is not equal to len(dims) = ${list.length}`,
        { shapes: [this.shape] },
      );
    }
    const order = list.map((d) => normalizeDim(d, this.ndim, "permute"));
    if (new Set(order).size !== order.length) throw new ShapeError(`permute: repeated dim in permute, got ${formatShape(list)}`);
    return apply("permute", [this.self], { dims: order });
  }

  /** Two dimensions swapped. */
  transpose(dim0: number, dim1: number): Tensor {
    return swapped(this.self, dim0, dim1, "transpose", "Transpose");
  }

  /** Two dimensions swapped, as {@link transpose}. */
  swapaxes(dim0: number, dim1: number): Tensor {
    return swapped(this.self, dim0, dim1, "swapaxes", "Transpose");
  }

  /** Two dimensions swapped, as {@link transpose}. */
  swapdims(dim0: number, dim1: number): Tensor {
    return swapped(this.self, dim0, dim1, "swapdims", "Transpose");
  }

  /** The transpose of a matrix; a tensor of less than 2 dimensions as it is. @throws ShapeError for more dimensions. */
  t(): Tensor {
    if (this.ndim > 2) {
      throw new ShapeError(`t: t() expects a tensor with <= 2 dimensions, but self is ${this.ndim}D; use transpose or permute`, {
        shapes: [this.shape],
      });
    }
    return apply("permute", [this.self], { dims: this.ndim === 2 ? [1, 0] : this.shape.map((_, i) => i) }, "T");
  }

  /** All dimensions in reverse order. */
  get T(): Tensor {
    return apply("permute", [this.self], { dims: this.shape.map((_, i) => this.ndim - 1 - i) });
  }

  /** The last two dimensions swapped: the transpose of each matrix. @throws ShapeError for a vector. */
  get mT(): Tensor {
    if (this.ndim === 0) return apply("alias", [this.self], null);
    if (this.ndim === 1) throw new ShapeError(`mT: expected a tensor with 2 or more dimensions, got ${formatShape(this.shape)}`);
    return this.transpose(-2, -1);
  }

  /** {@link mT}: real numbers are their own conjugates. */
  get mH(): Tensor {
    return this.mT;
  }

  /** The transpose of a matrix. @throws ShapeError unless there are two dimensions or none. */
  get H(): Tensor {
    if (this.ndim !== 0 && this.ndim !== 2) throw new ShapeError(`H: expected a matrix, got ${formatShape(this.shape)}; use mH`);
    return this.mH;
  }

  /** Dimensions moved to other positions, the rest in order. */
  movedim(source: number | readonly number[], destination: number | readonly number[]): Tensor {
    const rank = this.ndim;
    const positions = (list: number | readonly number[]): number[] =>
      (typeof list === "number" ? [list] : list).map((d) => normalizeDim(d, rank, "movedim"));
    const [from, to] = [positions(source), positions(destination)];
    if (from.length !== to.length || new Set(from).size !== from.length || new Set(to).size !== to.length) {
      throw new ShapeError(
        `movedim: Invalid source or destination dims: expected as many distinct sources as destinations, got [${from}] and [${to}]`,
      );
    }
    const order = new Array<number>(rank).fill(-1);
    from.forEach((d, i) => {
      order[to[i]] = d;
    });
    const rest = this.shape.map((_, i) => i).filter((d) => !from.includes(d));
    return this.permute(order.map((d) => (d < 0 ? (rest.shift() as number) : d)));
  }

  /** Dimensions moved, as {@link movedim}. */
  moveaxis(source: number | readonly number[], destination: number | readonly number[]): Tensor {
    return this.movedim(source, destination);
  }

  /** Without dimensions of size 1: all of them, or those of `dim` that have it. */
  squeeze(dim?: number | readonly number[]): Tensor {
    const wanted = dim === undefined ? this.shape.map((_, i) => i) : [dim].flat().map((d) => normalizeDim(d, this.ndim, "squeeze"));
    const dims = wanted.filter((d) => this.shape[d] === 1);
    return apply("squeeze", [this.self], { dims }, dim === undefined ? "Squeeze" : "Squeeze1");
  }

  /** A dimension of size 1 inserted before dimension `dim`. */
  unsqueeze(dim: number): Tensor {
    return apply("unsqueeze", [this.self], { dim: normalizeDim(dim, this.ndim + 1, "unsqueeze") });
  }

  /**
   * Dimensions of size 1 stretched without a copy; -1 keeps a size, new dimensions come first.
   * @throws ShapeError if a size other than 1 would change.
   */
  expand(...shape: Sizes): Tensor {
    return apply("expand", [this.self], { shape: expandedShape(this.shape, sizesOf(shape)) });
  }

  /** Stretched to the shape of `other`. */
  expandAs(other: Tensor): Tensor {
    return this.expand(other.shape);
  }

  /** Stretched to a shape, as {@link expand}. */
  broadcastTo(...shape: Sizes): Tensor {
    return this.expand(sizesOf(shape));
  }

  /** `length` positions of a dimension from `start`. @throws ShapeError if they are not there. */
  narrow(dim: number, start: number, length: number): Tensor {
    if (this.ndim === 0) throw new ShapeError("narrow: narrow() cannot be applied to a 0-dim tensor.");
    const at = normalizeDim(dim, this.ndim, "narrow");
    const size = this.shape[at];
    if (length < 0) throw new ShapeError(`narrow: narrow(): length must be non-negative, got ${length}`);
    if (!Number.isInteger(start) || !Number.isInteger(length) || start < -size || start > size) {
      throw new ShapeError(`narrow: start out of range (expected to be in range of [${-size}, ${size}], but got ${start})`);
    }
    const first = start < 0 ? start + size : start;
    if (first + length > size) {
      throw new ShapeError(`narrow: start (${first}) + length (${length}) exceeds dimension size (${size})`, {
        shapes: [this.shape],
      });
    }
    return apply("slice", [this.self], { dim: at, start: first, step: 1, length });
  }

  /** Position `index` of a dimension, without that dimension. @throws ShapeError if it is not there. */
  select(dim: number, index: number): Tensor {
    if (this.ndim === 0) throw new ShapeError("select: select() cannot be applied to a 0-dim tensor.");
    const at = normalizeDim(dim, this.ndim, "select");
    const size = this.shape[at];
    if (!Number.isInteger(index) || index < -size || index >= size) {
      throw new ShapeError(`select: index ${index} is out of bounds for dimension ${at} with size ${size}`, {
        shapes: [this.shape],
      });
    }
    return apply("select", [this.self], { dim: at, index: index < 0 ? index + size : index });
  }

  /**
   * Positions `start` to `end` (not included) of a dimension, every `step`-th one; as Python's slices, negative positions count from
   * the end and positions outside are cut off.
   * @throws ShapeError unless `step` is positive.
   */
  slice(dim: number, start?: number | null, end?: number | null, step = 1): Tensor {
    if (this.ndim === 0) throw new ShapeError("slice: slice() cannot be applied to a 0-dim tensor.");
    const at = normalizeDim(dim, this.ndim, "slice");
    if (!Number.isInteger(step) || step <= 0) throw new ShapeError(`slice: slice step must be positive, got ${step}`);
    const size = this.shape[at];
    const clip = (i: number): number => Math.min(Math.max(i < 0 ? i + size : i, 0), size);
    const first = clip(requireInteger(start ?? 0, "slice", "start"));
    const length = Math.max(Math.ceil((clip(requireInteger(end ?? size, "slice", "end")) - first) / step), 0);
    return apply("slice", [this.self], { dim: at, start: first, step, length });
  }

  /** A diagonal of two dimensions, as the last dimension. */
  diagonal(options: number | DiagonalOptions = 0): Tensor {
    const { offset = 0, dim1 = 0, dim2 = 1 } = typeof options === "number" ? { offset: options } : options;
    requireInteger(offset, "diagonal", "offset");
    const first = normalizeDim(dim1, this.ndim, "diagonal");
    const second = normalizeDim(dim2, this.ndim, "diagonal");
    if (first === second) throw new ShapeError(`diagonal: diagonal dimensions cannot be identical ${dim1}, ${dim2}`);
    return apply("diagonal", [this.self], { offset, dim1: first, dim2: second });
  }

  /** All windows of `size` positions along a dimension, `step` apart, as a new last dimension. */
  unfold(dim: number, size: number, step: number): Tensor {
    const at = normalizeDim(dim, this.ndim, "unfold");
    const length = this.ndim === 0 ? 1 : this.shape[at];
    requireInteger(size, "unfold", "size");
    requireInteger(step, "unfold", "step");
    if (size < 0 || size > length) {
      throw new ShapeError(`unfold: maximum size for tensor at dimension ${at} is ${length} but size is ${size}`);
    }
    if (step <= 0) throw new ShapeError(`unfold: step is ${step} but must be > 0`);
    return this.ndim === 0 ? this.asStrided([size], [1], this.offset) : apply("unfold", [this.self], { dim: at, size, step });
  }

  /** The storage in a layout of one's own. @throws ShapeError if it reaches outside the storage. */
  asStrided(shape: Shape, strides: readonly number[], offset: number = this.offset): Tensor {
    const layout = stridedLayout(shape, strides, offset, this.storage.size, "asStrided");
    return apply("asStrided", [this.self], layout);
  }

  /** A tensor on another backend from host data of this shape. */
  onDevice(backend: Backend, data: TypedArray): Tensor {
    return fromHost(backend, this.shape, this.dtype, data);
  }

  /** True if this tensor shows its whole storage in row-major order. */
  isWhole(): boolean {
    return isWhole(this, this.storage) && sizeOf(this.shape) === contiguousValue(this.self).size;
  }

  /** A tensor of nested arrays in this one's dtype and device, as `tensor` reads them. */
  newTensor(data: TensorData, options: TensorOptions = {}): Tensor {
    const host = parseNested(data, options.dtype ?? this.dtype, "newTensor");
    return create("newTensor", host.shape, host.dtype, host.data, options, defaultsOf(this.self));
  }

  /** A tensor of `value` in this one's dtype and device. */
  newFull(shape: Shape, value: Scalar, options: TensorOptions = {}): Tensor {
    return createFilled("newFull", shape, value, options, defaultsOf(this.self));
  }

  /** Zeros in this one's dtype and device. */
  newZeros(...args: SizeArgs<TensorOptions>): Tensor {
    const [shape, options] = splitSizes(args, {});
    return createFilled("newZeros", shape, 0, options, defaultsOf(this.self));
  }

  /** Ones in this one's dtype and device. */
  newOnes(...args: SizeArgs<TensorOptions>): Tensor {
    const [shape, options] = splitSizes(args, {});
    return createFilled("newOnes", shape, 1, options, defaultsOf(this.self));
  }

  /** A tensor in this one's dtype and device whose elements are to be overwritten; they are zeros. */
  newEmpty(...args: SizeArgs<TensorOptions>): Tensor {
    const [shape, options] = splitSizes(args, {});
    return createFilled("newEmpty", shape, 0, options, defaultsOf(this.self));
  }
}

function defaultsOf(x: Tensor): Defaults {
  return { dtype: x.dtype, backend: x.storage.backend };
}

/** A copy of a caller's layout. @throws ShapeError if it has negative numbers or reaches outside a storage of `size` elements. */
export function stridedLayout(shape: Shape, strides: readonly number[], offset: number, size: number, op: string): Layout {
  checkShape(shape, op);
  if (strides.some((s) => s < 0) || offset < 0) {
    throw new ShapeError(`${op}: negative strides and offsets are not supported, got strides ${formatShape(strides)}, offset ${offset}`, {
      shapes: [shape],
    });
  }
  const layout = { shape: [...shape], strides: [...strides], offset };
  checkLayout(layout, size, op);
  return layout;
}

/** An integer argument. @throws ValueError for anything else. */
export function requireInteger(value: number, op: string, name: string): number {
  if (!Number.isSafeInteger(value)) throw new ValueError(`${op}: expected an integer ${name}, got ${value}`);
  return value;
}

function swapped(x: Tensor, dim0: number, dim1: number, op: string, label: string): Tensor {
  const [a, b] = [normalizeDim(dim0, x.ndim, op), normalizeDim(dim1, x.ndim, op)];
  const dims = x.shape.map((_, i) => (i === a ? b : i === b ? a : i));
  return apply("permute", [x], { dims }, label);
}

/** The shape that `expand` gives; -1 keeps a size. */
function expandedShape(from: Shape, to: Shape): Shape {
  const lead = to.length - from.length;
  if (lead < 0) {
    throw new ShapeError(
      `expand: the number of sizes provided (${to.length}) must be greater or equal to the number of dimensions in the tensor (${from.length}), ` +
        `got ${formatShape(to)} for ${formatShape(from)}`,
      { shapes: [from, to] },
    );
  }
  return to.map((size, i) => {
    const old = i < lead ? 1 : from[i - lead];
    if (size === -1 && i >= lead) return old;
    if (size === old || (old === 1 && Number.isInteger(size) && size >= 0)) return size;
    throw new ShapeError(
      `expand: The expanded size of the tensor (${size}) must match the existing size (${old}) at non-singleton dimension ${i}.  ` +
        `Target sizes: ${formatShape(to)}.  Tensor sizes: ${formatShape(from)}`,
      { shapes: [from, to] },
    );
  });
}
