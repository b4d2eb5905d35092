import { apply, applyAll, composite, compositeAll } from "../dispatch.js";
import { formatShape, ShapeError, ValueError } from "../errors.js";
import {
  add,
  alongDim,
  and,
  constantLike,
  div,
  eq,
  floor,
  ge,
  gt,
  iota,
  isnan,
  le,
  minimum,
  mul,
  narrowAt,
  ne,
  or,
  requireFloat,
  squeezeAt,
  sub,
  where,
} from "./compose.js";
import type { DimOptions } from "./reduction.js";
import { ScanOps } from "./reduction-scan.js";
import { ValuesIndices } from "./results.js";
import type { Tensor } from "./tensor.js";

/** What `sort` and `argsort` take. */
export interface SortOptions {
  readonly dim?: number;
  readonly descending?: boolean;
  /** Sorting is always stable. */
  readonly stable?: boolean;
}

/** What `topk` takes. */
export interface TopkOptions {
  readonly dim?: number;
  readonly largest?: boolean;
  /** Results are always sorted. */
  readonly sorted?: boolean;
}

function sortOptions(
  dim: number | SortOptions | undefined,
  options: SortOptions | undefined,
): Required<Pick<SortOptions, "dim" | "descending">> {
  const { dim: d = -1, descending = false } = typeof dim === "object" ? dim : { dim, ...options };
  return { dim: d, descending };
}

/** Values by their positions along a dimension, so that the gradient goes there and nowhere else. */
function pick(x: Tensor, at: Tensor, dim: number, keepdim: boolean): readonly Tensor[] {
  const values = apply("gather", [x, at], { dim });
  return keepdim ? [values, at] : [squeezeAt(values, dim), squeezeAt(at, dim)];
}

function sorted(x: Tensor, dim: number, descending = false): readonly Tensor[] {
  return applyAll("sort", [x.detach()], { dim, descending });
}

function rangeError(op: string, message: string, x: Tensor): ShapeError {
  return new ShapeError(`${op}(): ${message}, got ${formatShape(x.shape)}`, { shapes: [x.shape] });
}

/** Position among the sorted entries of the lower median: NaN wins unless `ignoreNan`. */
function medianRank(values: Tensor, dim: number, ignoreNan: boolean): Tensor {
  const n = values.shape[dim];
  const shape = values.shape.map((size, d) => (d === dim ? 1 : size));
  const middle = constantLike(values, (n - 1) >> 1, "int32", shape);
  if (!values.isFloatingPoint()) return middle;
  const nans = apply("reduce", [isnan(values).cast("int32")], { op: "sum", dims: [dim], keepdim: true });
  if (!ignoreNan) return where(gt(nans, 0), sub(constantLike(values, n, "int32"), nans), middle);
  const valid = sub(constantLike(values, n, "int32"), nans);
  return apply("maximum", [apply("shiftRight", [sub(valid, 1), constantLike(valid, 1)], null), constantLike(valid, 0)], null);
}

function medianAlong(x: Tensor, dim: number, keepdim: boolean, ignoreNan: boolean): readonly Tensor[] {
  if (x.shape[dim] === 0) throw rangeError("median", `Expected reduction dim ${dim} to have non-zero size`, x);
  const [values, indices] = sorted(x, dim);
  const at = apply("gather", [indices, medianRank(values, dim, ignoreNan)], { dim });
  return pick(x, at, dim, keepdim);
}

/** The median of all elements; equal ones share its gradient, as the maximum of those that equal it. */
function medianOfAll(x: Tensor, ignoreNan: boolean): Tensor {
  const flat = x.detach().reshape([-1]);
  if (flat.numel() === 0) return constantLike(x, Number.NaN);
  const value = medianAlong(flat, 0, false, ignoreNan)[0];
  if (!x.isFloatingPoint()) return value;
  const same = or(eq(x.detach(), value), and(isnan(x.detach()), isnan(value)));
  const dims = x.shape.map((_, d) => d);
  return apply("reduce", [where(same, x, Number.NEGATIVE_INFINITY)], { op: "max", dims, keepdim: false });
}

function medianOf(x: Tensor, label: string, dim: number | DimOptions | undefined, options: DimOptions | undefined): Tensor | ValuesIndices {
  const { dim: d, keepdim = false } = typeof dim === "object" ? dim : { dim, ...options };
  const ignoreNan = label === "Nanmedian";
  if (d === undefined) return composite(label, [x], () => medianOfAll(x, ignoreNan));
  const name = label.toLowerCase();
  const [values, indices] = alongDim(x, d, name, (y, at) => compositeAll(`${label}1`, [y], () => medianAlong(y, at, keepdim, ignoreNan)));
  return new ValuesIndices(values, indices);
}

/** Position of the last entry of the longest run of equal sorted entries. */
function modeAlong(x: Tensor, dim: number, keepdim: boolean): readonly Tensor[] {
  const n = x.shape[dim];
  if (n === 0) throw rangeError("mode", `Expected reduction dim ${dim} to have non-zero size`, x);
  const [values, indices] = sorted(x, dim);
  const place = iota(x, n).reshape(x.shape.map((_, d) => (d === dim ? n : 1)));
  const starts =
    n === 1
      ? constantLike(x, true, "bool", x.shape)
      : apply(
          "concat",
          [
            constantLike(
              x,
              true,
              "bool",
              x.shape.map((size, d) => (d === dim ? 1 : size)),
            ),
            ne(narrowAt(values, dim, 1, n - 1), narrowAt(values, dim, 0, n - 1)),
          ],
          { dim },
        );
  const [start] = applyAll("cumulate", [where(starts, place, 0)], { op: "max", dim });
  const best = apply("argReduce", [sub(place, start)], { op: "max", dim, keepdim: true });
  return pick(x, apply("gather", [indices, best], { dim }), dim, keepdim);
}

/** Ops that order elements or look for them. */
export class OrderOps extends ScanOps {
  /**
   * Sorted elements along `dim` (the last if left out) and where they came from; stable; NaN sorts as the largest.
   * @example
   * const { values, indices } = tensor([3, 1, 2]).sort(0, { descending: true }); // [3., 2., 1.] and [0, 2, 1]
   */
  sort(dim?: number | SortOptions, options?: SortOptions): ValuesIndices {
    const { dim: d, descending } = sortOptions(dim, options);
    const [values, indices] = alongDim(this.self, d, "sort", (y, at) => applyAll("sort", [y], { dim: at, descending }, "Sort"));
    return new ValuesIndices(values, indices);
  }

  /** Positions that sort the elements along `dim` (the last if left out), as int32. */
  argsort(dim?: number | SortOptions, options?: SortOptions): Tensor {
    const { dim: d, descending } = sortOptions(dim, options);
    return alongDim(this.self, d, "argsort", (y, at) => [sorted(y, at, descending)[1]])[0];
  }

  /** Sorted along the first dimension. */
  msort(): Tensor {
    return this.sort(0).values;
  }

  /**
   * The `k` largest elements along `dim` (the last if left out) in descending order, and their positions.
   * @throws ShapeError if `k` is not within the dimension.
   * @example
   * tensor([1, 4, 2]).topk(2).values; // tensor([4., 2.])
   */
  topk(k: number, { dim = -1, largest = true }: TopkOptions = {}): ValuesIndices {
    const [values, indices] = alongDim(this.self, dim, "topk", (y, d) => {
      if (!Number.isInteger(k) || k < 0 || k > y.shape[d]) throw rangeError("topk", `selected index k out of range: k = ${k}`, y);
      return compositeAll("Topk", [y], () => pick(y, narrowAt(sorted(y, d, largest)[1], d, 0, k), d, true));
    });
    return new ValuesIndices(values, indices);
  }

  /**
   * The `k`-th smallest element along `dim` (counted from 1) and its position.
   * @throws ShapeError if `k` is not within the dimension.
   */
  kthvalue(k: number, { dim = -1, keepdim = false }: DimOptions = {}): ValuesIndices {
    const [values, indices] = alongDim(this.self, dim, "kthvalue", (y, d) => {
      if (!Number.isInteger(k) || k < 1 || k > y.shape[d])
        throw rangeError("kthvalue", `selected number k out of range for dimension ${d}: k = ${k}`, y);
      return compositeAll("Kthvalue", [y], () => pick(y, narrowAt(sorted(y, d)[1], d, k - 1, 1), d, keepdim));
    });
    return new ValuesIndices(values, indices);
  }

  /**
   * The lower median of all elements, or along `dim` with its position; NaN wins.
   * @example
   * tensor([4, 1, 3, 2]).median(); // tensor(2.)
   */
  median(): Tensor;
  median(dim: number | { readonly dim: number; readonly keepdim?: boolean }, options?: DimOptions): ValuesIndices;
  median(dim?: number | DimOptions, options?: DimOptions): Tensor | ValuesIndices {
    return medianOf(this.self, "Median", dim, options);
  }

  /** The {@link median} of the elements that are not NaN. */
  nanmedian(): Tensor;
  nanmedian(dim: number | { readonly dim: number; readonly keepdim?: boolean }, options?: DimOptions): ValuesIndices;
  nanmedian(dim?: number | DimOptions, options?: DimOptions): Tensor | ValuesIndices {
    return medianOf(this.self, "Nanmedian", dim, options);
  }

  /** The most frequent element along `dim` (the smallest of equally frequent ones) and the position of its last occurrence. */
  mode(dim: number | DimOptions = -1, options: DimOptions = {}): ValuesIndices {
    const { dim: d = -1, keepdim = false } = typeof dim === "object" ? dim : { ...options, dim };
    const [values, indices] = alongDim(this.self, d, "mode", (y, at) => compositeAll("Mode", [y], () => modeAlong(y, at, keepdim)));
    return new ValuesIndices(values, indices);
  }
  /**
   * Counts of the elements in `bins` equal intervals from `min` to `max` (those of the data if both are 0).
   * @throws ValueError if `max` is below `min`.
   * @example
   * tensor([1, 2, 1]).histc({ bins: 4, min: 0, max: 3 }); // tensor([0., 2., 1., 0.])
   */
  histc({ bins = 100, min = 0, max = 0 }: { readonly bins?: number; readonly min?: number; readonly max?: number } = {}): Tensor {
    requireFloat(this.self, "histc", '"histogram_cpu" not implemented for integers');
    if (max < min) throw new ValueError(`histc: max must be larger than min, got ${min} and ${max}`);
    const x = this.detach().reshape([-1]);
    const zeros = constantLike(x, 0, x.dtype, [bins]);
    if (x.numel() === 0) return zeros.clone();
    const given = min !== max;
    const low = given ? constantLike(x, min) : x.amin();
    const high = given ? constantLike(x, max) : x.amax();
    const flat = eq(low, high);
    const from = where(flat, sub(low, 1), low);
    const to = where(flat, add(high, 1), high);
    const inside = and(ge(x, from), le(x, to));
    const scaled = floor(div(mul(sub(where(inside, x, from), from), bins), sub(to, from)));
    const at = minimum(scaled.cast("int32"), bins - 1);
    return apply("indexUpdate", [zeros, at, inside.cast(x.dtype)], { dim: 0, mode: "add" });
  }
}
