import type { ScatterMode } from "../backend.js";
import { apply, composite } from "../dispatch.js";
import { type DType, isFloatingPoint, itemSize } from "../dtype.js";
import { formatShape, ShapeError, ValueError } from "../errors.js";
import { broadcast, normalizeDim, type Shape, sizeOf } from "../shape.js";
import { TensorBase } from "./base.js";
import {
  add,
  constantLike,
  defineInPlace,
  div,
  expandTo,
  indexTensor,
  lt,
  maximum,
  mul,
  narrowAt,
  overwritten,
  positions,
  sub,
  where,
} from "./compose.js";
import { coordinates, readSync } from "./host.js";
import { IndexingOps } from "./indexing.js";
import type { Tensor } from "./tensor.js";

/** How `scatterReduce` combines. */
export type ScatterReduction = "sum" | "prod" | "mean" | "amax" | "amin";

/** What `scatterReduce` takes. */
export interface ScatterReduceOptions {
  /** Counts the elements that are there already; true if left out. */
  readonly includeSelf?: boolean;
}

const MODE: { readonly [K in ScatterReduction]: ScatterMode } = { sum: "add", mean: "add", prod: "mul", amax: "max", amin: "min" };

/** An index and a source that fit `self` for gather and scatter along `dim`. */
function checkIndex(self: Tensor, dim: number, index: Tensor, op: string): { readonly d: number; readonly at: Tensor } {
  const d = normalizeDim(dim, self.ndim, op);
  const at = indexTensor(index, op);
  if (Math.max(at.ndim, 1) !== Math.max(self.ndim, 1)) {
    throw new ShapeError(
      `${op}: Index tensor must have the same number of dimensions as input tensor, got ${formatShape(index.shape)} for ${formatShape(self.shape)}`,
      { shapes: [index.shape, self.shape] },
    );
  }
  const larger = at.shape.some((n, i) => i !== d && n > (self.shape[i] ?? 1));
  if (larger && at.numel() > 0) {
    throw new ShapeError(
      `${op}: Size does not match at dimension ${at.shape.findIndex((n, i) => i !== d && n > self.shape[i])} expected index ` +
        `${formatShape(index.shape)} to be smaller than self ${formatShape(self.shape)} apart from dimension ${d}`,
      { shapes: [index.shape, self.shape] },
    );
  }
  return { d, at };
}

/** A tensor without dimensions as one element. */
function atLeast1d(x: Tensor): Tensor {
  return x.ndim === 0 ? x.reshape([1]) : x;
}

function gather(x: Tensor, dim: number, index: Tensor, op: string, label: string): Tensor {
  const { d, at } = checkIndex(x, dim, index, op);
  const out = apply("gather", [atLeast1d(x), atLeast1d(at)], { dim: d }, label);
  return at.ndim === 0 ? out.reshape([]) : out;
}

function scatter(x: Tensor, dim: number, index: Tensor, source: Tensor | number, mode: ScatterMode, op: string, label: string): Tensor {
  const { d, at } = checkIndex(x, dim, index, op);
  const own = atLeast1d(x);
  const where1d = atLeast1d(at);
  const rows =
    source instanceof TensorBase
      ? fitSource(atLeast1d(source.cast(x.dtype)), where1d, op)
      : constantLike(x, source, x.dtype, where1d.shape);
  if (where1d.numel() === 0) return x.clone();
  const out = apply("scatter", [own, where1d, rows], { dim: d, mode }, label);
  return x.ndim === 0 ? out.reshape([]) : out;
}

/** The part of the source that the index covers. */
function fitSource(source: Tensor, index: Tensor, op: string): Tensor {
  if (source.ndim !== index.ndim || index.shape.some((n, i) => n > source.shape[i])) {
    throw new ShapeError(`${op}: Expected index ${formatShape(index.shape)} to be smaller than src ${formatShape(source.shape)}`, {
      shapes: [index.shape, source.shape],
    });
  }
  return index.shape.reduce((out, n, dim) => narrowAt(out, dim, 0, n), source);
}

/** The number that leaves the others as they are. */
function identity(reduce: ScatterReduction, dtype: DType): number {
  if (reduce === "sum" || reduce === "mean") return 0;
  if (reduce === "prod") return 1;
  if (isFloatingPoint(dtype)) return reduce === "amax" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (dtype === "uint8" || dtype === "bool") return reduce === "amax" ? 0 : dtype === "bool" ? 1 : 255;
  const limit = dtype === "int64" ? Number.MAX_SAFE_INTEGER : 2 ** (8 * itemSize(dtype) - 1);
  return reduce === "amax" ? -limit : limit - 1;
}

function scatterReduce(x: Tensor, dim: number, index: Tensor, source: Tensor, reduce: ScatterReduction, includeSelf: boolean): Tensor {
  const op = "scatterReduce";
  if (!(reduce in MODE)) throw new ValueError(`${op}: reduce argument must be either sum, prod, mean, amax or amin, got ${reduce}`);
  const base = includeSelf ? x : scatter(x, dim, index, identity(reduce, x.dtype), "set", op, "Scatter");
  const out = scatter(base, dim, index, source, MODE[reduce], op, reduce === "sum" ? "ScatterAdd" : "ScatterReduce");
  if (reduce !== "mean") return out;
  const start = scatter(constantLike(x, 1, x.dtype, x.shape), dim, index, includeSelf ? 1 : 0, "set", op, "Scatter");
  const counts = scatter(start, dim, index, 1, "add", op, "ScatterAdd");
  const divisor = maximum(counts, 1);
  return x.isFloatingPoint() ? div(out, divisor) : apply("floorDivide", [out, divisor], null);
}

/** A dimension and a 1-d index for the `index*` ops. */
function checkRows(x: Tensor, dim: number, index: Tensor, op: string): { readonly d: number; readonly at: Tensor } {
  if (index.ndim > 1) {
    throw new ShapeError(`${op}(): Index is supposed to be a vector, got ${formatShape(index.shape)}`, { shapes: [index.shape] });
  }
  return { d: normalizeDim(dim, x.ndim, op), at: atLeast1d(indexTensor(index, op)) };
}

/** Writes rows of `source` at an index along `dim`. */
function updateRows(x: Tensor, dim: number, index: Tensor, source: Tensor, mode: ScatterMode, op: string, label: string): Tensor {
  const { d, at } = checkRows(x, dim, index, op);
  const own = atLeast1d(x);
  const rows = source.ndim === 0 ? source.reshape(own.shape.map(() => 1)) : source;
  const fits = rows.ndim === own.ndim && rows.shape.every((n, i) => n === (i === d ? at.shape[0] : own.shape[i]));
  if (!fits) {
    throw new ShapeError(
      `${op}(): Number of indices should be equal to source.size(dim) and the other sizes to those of self, ` +
        `got index ${formatShape(index.shape)}, source ${formatShape(source.shape)} and self ${formatShape(x.shape)}`,
      { shapes: [index.shape, source.shape, x.shape] },
    );
  }
  const out = apply("indexUpdate", [own, at, rows.cast(x.dtype)], { dim: d, mode }, label);
  return x.ndim === 0 ? out.reshape([]) : out;
}

/** Negative positions counted from the end. */
function wrap(index: Tensor, size: number): Tensor {
  return where(lt(index, 0), add(index, size), index);
}

/** Ops that read or write at positions that tensors give. */
export interface GatherOps {
  /** {@link scatter} in place. */
  scatter_(dim: number, index: Tensor, source: Tensor | number, options?: { readonly reduce?: "add" | "multiply" }): Tensor;

  /** {@link scatterAdd} in place. */
  scatterAdd_(dim: number, index: Tensor, source: Tensor): Tensor;

  /** {@link scatterReduce} in place. */
  scatterReduce_(dim: number, index: Tensor, source: Tensor, reduce: ScatterReduction, options?: ScatterReduceOptions): Tensor;

  /** {@link indexAdd} in place. */
  indexAdd_(dim: number, index: Tensor, source: Tensor, options?: { readonly alpha?: number }): Tensor;

  /** {@link indexCopy} in place. */
  indexCopy_(dim: number, index: Tensor, source: Tensor): Tensor;

  /** {@link indexFill} in place. */
  indexFill_(dim: number, index: Tensor, value: Tensor | number): Tensor;

  /** {@link indexReduce} in place. */
  indexReduce_(dim: number, index: Tensor, source: Tensor, reduce: ScatterReduction, options?: ScatterReduceOptions): Tensor;

  /** {@link put} in place. */
  put_(index: Tensor, source: Tensor, options?: { readonly accumulate?: boolean }): Tensor;

  /** {@link maskedScatter} in place. */
  maskedScatter_(mask: Tensor, source: Tensor): Tensor;
}

/** Ops that read or write at positions that tensors give. */
export class GatherOps extends IndexingOps {
  /**
   * `out[i][j] = x[index[i][j]][j]` for `dim` 0, and so on for other dimensions; the result has the shape of `index`.
   * @throws ShapeError if the ranks differ or a position is out of bounds.
   * @example
   * tensor([[1, 2], [3, 4]]).gather(1, tensor([[0, 0], [1, 0]]).int()); // [[1, 1], [4, 3]]
   */
  gather(dim: number, index: Tensor): Tensor {
    return gather(this.self, dim, index, "gather", "Gather");
  }

  /**
   * A copy with `source` (a tensor or a number) written at the positions `index` along `dim`; with `reduce` added or multiplied.
   * @throws ShapeError if the shapes do not fit.
   */
  scatter(dim: number, index: Tensor, source: Tensor | number, { reduce }: { readonly reduce?: "add" | "multiply" } = {}): Tensor {
    const mode: ScatterMode = reduce === undefined ? "set" : reduce === "add" ? "add" : "mul";
    return scatter(this.self, dim, index, source, mode, "scatter", "Scatter");
  }

  /** A copy with `source` added at the positions `index` along `dim`. @throws ShapeError if the shapes do not fit. */
  scatterAdd(dim: number, index: Tensor, source: Tensor): Tensor {
    return scatter(this.self, dim, index, source, "add", "scatterAdd", "ScatterAdd");
  }

  /**
   * A copy in which the elements of `source` are combined at the positions `index` along `dim`.
   * @throws ShapeError if the shapes do not fit.
   */
  scatterReduce(dim: number, index: Tensor, source: Tensor, reduce: ScatterReduction, options: ScatterReduceOptions = {}): Tensor {
    const { includeSelf = true } = options;
    return composite("ScatterReduce", [this.self, source], () => scatterReduce(this.self, dim, index, source, reduce, includeSelf));
  }

  /**
   * The entries of `dim` that a 1-d `index` names.
   * @throws ShapeError if a position is out of bounds.
   * @example
   * tensor([[1, 2], [3, 4]]).indexSelect(0, tensor([1]).int()); // [[3, 4]]
   */
  indexSelect(dim: number, index: Tensor): Tensor {
    const { d, at } = checkRows(this.self, dim, index, "indexSelect");
    const out = apply("indexSelect", [atLeast1d(this.self), at], { dim: d }, "IndexSelect");
    return this.ndim === 0 ? out.reshape([]) : out;
  }

  /** A copy with `alpha` times the rows of `source` added at `index` along `dim`. @throws ShapeError if the shapes do not fit. */
  indexAdd(dim: number, index: Tensor, source: Tensor, { alpha = 1 }: { readonly alpha?: number } = {}): Tensor {
    const rows = alpha === 1 ? source : mul(source, alpha);
    return updateRows(this.self, dim, index, rows, "add", "indexAdd", "IndexAdd");
  }

  /** A copy with the rows of `source` written at `index` along `dim`. @throws ShapeError if the shapes do not fit. */
  indexCopy(dim: number, index: Tensor, source: Tensor): Tensor {
    return updateRows(this.self, dim, index, source, "set", "indexCopy", "IndexCopy");
  }

  /** A copy with a number (or a tensor without dimensions) written at `index` along `dim`. */
  indexFill(dim: number, index: Tensor, value: Tensor | number): Tensor {
    const { d, at } = checkRows(this.self, dim, index, "indexFill");
    if (value instanceof TensorBase && value.ndim > 0) {
      throw new ShapeError(`indexFill: only supports a 0-dimensional value tensor, got ${formatShape(value.shape)}`, {
        shapes: [value.shape],
      });
    }
    const own = atLeast1d(this.self);
    const shape = own.shape.map((n, i) => (i === d ? at.shape[0] : n));
    const rows = value instanceof TensorBase ? expandTo(value.cast(this.dtype), shape) : constantLike(own, value, own.dtype, shape);
    const out = apply("indexUpdate", [own, at, rows], { dim: d, mode: "set" }, "IndexFill");
    return this.ndim === 0 ? out.reshape([]) : out;
  }

  /** A copy in which the rows of `source` are combined with those at `index` along `dim`. @throws ShapeError if the shapes do not fit. */
  indexReduce(dim: number, index: Tensor, source: Tensor, reduce: ScatterReduction, options: ScatterReduceOptions = {}): Tensor {
    const { includeSelf = true } = options;
    const rows = indexTensor(index, "indexReduce");
    const shape = this.shape.map((_, d) => (d === normalizeDim(dim, this.ndim, "indexReduce") ? rows.shape[0] : 1));
    const at = expandTo(rows.reshape(shape), source.shape);
    return composite("IndexReduce", [this.self, source], () => scatterReduce(this.self, dim, at, source, reduce, includeSelf));
  }

  /** The elements of the flattened tensor at `index`, in its shape. @throws ShapeError if a position is out of bounds. */
  take(index: Tensor): Tensor {
    const at = wrap(indexTensor(index, "take"), this.numel()).reshape([-1]);
    return composite("Take", [this.self], () => apply("indexSelect", [this.reshape([-1]), at], { dim: 0 }).reshape(index.shape));
  }

  /** A copy with `source` written (or added, with `accumulate`) at the positions `index` of the flattened tensor. */
  put(index: Tensor, source: Tensor, { accumulate = false }: { readonly accumulate?: boolean } = {}): Tensor {
    const at = wrap(indexTensor(index, "put"), this.numel()).reshape([-1]);
    if (source.numel() !== index.numel()) {
      throw new ShapeError(
        `put_(): Expected source and index to have the same number of elements, got ${formatShape(source.shape)} and ${formatShape(index.shape)}`,
        { op: "put", shapes: [source.shape, index.shape] },
      );
    }
    if (index.numel() === 0) return this.clone();
    const mode = accumulate ? "add" : "set";
    return composite("Put", [this.self, source], () =>
      apply("indexUpdate", [this.reshape([-1]), at, source.cast(this.dtype).reshape([-1])], { dim: 0, mode }).reshape(this.shape),
    );
  }

  /** {@link gather} with an index that broadcasts; without `dim` from the flattened tensor. */
  takeAlongDim(index: Tensor, dim?: number | null): Tensor {
    if (dim == null) return gather(this.reshape([-1]), 0, index.reshape([-1]), "takeAlongDim", "Gather");
    const d = normalizeDim(dim, this.ndim, "takeAlongDim");
    if (index.ndim !== this.ndim) {
      throw new ShapeError(
        `takeAlongDim: input and indices should have the same number of dimensions, got ${formatShape(this.shape)} and ${formatShape(index.shape)}`,
        { shapes: [this.shape, index.shape] },
      );
    }
    const without = (shape: Shape, size: number) => shape.map((n, i) => (i === d ? size : n));
    const common = broadcast(without(this.shape, 1), without(index.shape, 1), "takeAlongDim");
    const at = expandTo(indexTensor(index, "takeAlongDim"), without(common, index.shape[d]));
    return gather(expandTo(this.self, without(common, this.shape[d])), d, at, "takeAlongDim", "Gather");
  }

  /**
   * The elements where a bool `mask` (broadcast with this) is true, as one dimension.
   * @throws NotSupportedError on a device that cannot be read at once.
   * @example
   * tensor([1, 2, 3]).maskedSelect(tensor([true, false, true])); // tensor([1., 3.])
   */
  maskedSelect(mask: Tensor): Tensor {
    const shape = broadcast(this.shape, mask.shape, "maskedSelect");
    const flags = readSync(expandTo(mask.cast("bool"), shape), "maskedSelect");
    const [found] = coordinates(flags, [sizeOf(shape)]);
    return composite("MaskedSelect", [this.self], () =>
      apply("indexSelect", [expandTo(this.self, shape).reshape([-1]), positions(this.self, found)], { dim: 0 }),
    );
  }

  /** A copy with the elements of `source` written in order where `mask` (broadcast to this) is true. */
  maskedScatter(mask: Tensor, source: Tensor): Tensor {
    const x = expandTo(this.self, broadcast(this.shape, mask.shape, "maskedScatter"));
    const flags = expandTo(mask.cast("bool"), x.shape).reshape([-1]);
    if (x.numel() === 0) return x.clone();
    const rank = apply("cumulate", [flags.cast("int32")], { op: "sum", dim: 0 });
    const at = maximum(sub(rank, 1), 0);
    return composite("MaskedScatter", [this.self, source], () => {
      const taken = apply("indexSelect", [source.cast(x.dtype).reshape([-1]), at], { dim: 0 });
      return where(flags, taken, x.reshape([-1])).reshape(x.shape);
    });
  }
}

defineInPlace(
  GatherOps.prototype,
  overwritten,
  "scatter scatterAdd scatterReduce indexAdd indexCopy indexFill indexReduce put maskedScatter",
);
