import { apply, applyAll } from "./dispatch.js";
import { formatShape, ShapeError, ValueError } from "./errors.js";
import { normalizeDim } from "./shape.js";
import { TensorBase } from "./tensor/base.js";
import {
  add,
  constantLike,
  expandTo,
  floor,
  fromHost,
  isnan,
  maximum,
  mul,
  not,
  permuteTo,
  requireFloat,
  sub,
  unsqueezeAt,
  where,
} from "./tensor/compose.js";
import { checkElements, readSync } from "./tensor/host.js";
import type { Tensor } from "./tensor/tensor.js";

/** What `quantile` takes. */
export interface QuantileOptions {
  readonly dim?: number | null;
  readonly keepdim?: boolean;
  /** What lies between two elements; `"linear"` if left out. */
  readonly interpolation?: "linear" | "lower" | "higher" | "nearest" | "midpoint";
}

type Interpolation = NonNullable<QuantileOptions["interpolation"]>;

/** Quantiles to take: a number, a list, or a tensor without or with one dimension. */
export type Quantiles = number | readonly number[] | Tensor;

function checkRange(values: Iterable<number | bigint>, op: string): void {
  for (const value of values) {
    if (!(Number(value) >= 0 && Number(value) <= 1)) throw new ValueError(`${op}: q values must be in the range [0, 1], got ${value}`);
  }
}

function quantilesOf(x: Tensor, q: Quantiles, op: string): Tensor {
  if (q instanceof TensorBase) {
    if (q.ndim > 1) throw new ShapeError(`${op}: q must be a scalar or 1D tensor, got ${formatShape(q.shape)}`, { shapes: [q.shape] });
    checkElements(q, (now) => checkRange(readSync(now, op), op));
    return q.cast(x.dtype);
  }
  const list = typeof q === "number" ? [q] : q;
  checkRange(list, op);
  const data = x.dtype === "float64" ? Float64Array.from(list) : Float32Array.from(list);
  return fromHost(x.storage.backend, typeof q === "number" ? [] : [list.length], x.dtype, data);
}

function rounded(rank: Tensor, interpolation: Interpolation): Tensor {
  if (interpolation === "lower") return floor(rank);
  if (interpolation === "higher") return apply("ceil", [rank], null);
  return interpolation === "nearest" ? apply("round", [rank], null) : rank;
}

/** Quantiles `[K]` of the last dimension: `[..., n]` to `[..., K]`. */
function ofRows(rows: Tensor, q: Tensor, interpolation: Interpolation, ignoreNan: boolean): Tensor {
  const last = rows.ndim - 1;
  const [sorted] = applyAll("sort", [rows], { dim: last, descending: false }, "Sort");
  const valid = not(isnan(rows.detach()));
  const count = apply("reduce", [valid.cast(rows.dtype)], { op: "sum", dims: [last], keepdim: true });
  const size = constantLike(rows, rows.shape[last]);
  const steps = sub(ignoreNan ? maximum(count, 1) : size, 1);
  const shape = [...rows.shape.slice(0, -1), q.shape[0]];
  const rank = expandTo(rounded(mul(q, steps), interpolation), shape);
  const below = floor(rank.detach());
  const weight = interpolation === "midpoint" ? constantLike(rows, 0.5) : sub(rank, below);
  const at = (position: Tensor) => apply("gather", [sorted, position.cast("int32")], { dim: last });
  const low = at(below);
  const high = at(apply("ceil", [rank.detach()], null));
  const result = add(low, mul(weight, sub(high, low)));
  const complete = apply("eq", [count, ignoreNan ? maximum(count, 1) : size], null);
  return where(expandTo(complete, shape), result, Number.NaN);
}

function quantiles(x: Tensor, q: Quantiles, options: QuantileOptions, op: string, ignoreNan: boolean): Tensor {
  const { dim, keepdim = false, interpolation = "linear" } = options;
  requireFloat(x, op, "quantile() input tensor must be either float or double dtype");
  if (x.numel() === 0)
    throw new ShapeError(`${op}() input tensor must be non-empty, got ${formatShape(x.shape)}`, { op, shapes: [x.shape] });
  const list = quantilesOf(x, q, op);
  const flat = dim == null || x.ndim === 0;
  const source = flat ? x.reshape([-1]) : x;
  const d = flat ? 0 : normalizeDim(dim, x.ndim, op);
  if (flat && dim != null) normalizeDim(dim, x.ndim, op);
  const rest = source.shape.map((_, i) => i).filter((i) => i !== d);
  const rows = permuteTo(source, [...rest, d]);
  const result = ofRows(rows, list.ndim === 0 ? unsqueezeAt(list, 0) : list, interpolation, ignoreNan);
  const columns = permuteTo(result, [rest.length, ...rest.map((_, i) => i)]); // [..., K] -> [K, ...]
  const kept = flat ? x.shape.map(() => 1) : x.shape.map((n, i) => (i === d ? 1 : n));
  const shape = keepdim ? kept : columns.shape.slice(1);
  return columns.reshape(list.ndim === 0 ? shape : [columns.shape[0], ...shape]);
}

/**
 * Quantiles of all elements or along `dim`; a list of `q`, or a 1-d tensor of them, adds a first dimension.
 * @throws ValueError if `q` is outside [0, 1].
 * @example
 * quantile(tensor([0, 1, 2, 3, 4]), 0.25); // tensor(1.)
 */
export function quantile(x: Tensor, q: Quantiles, options: QuantileOptions = {}): Tensor {
  return quantiles(x, q, options, "quantile", false);
}

/** The {@link quantile} of the elements that are not NaN. @throws ValueError if `q` is outside [0, 1]. */
export function nanquantile(x: Tensor, q: Quantiles, options: QuantileOptions = {}): Tensor {
  return quantiles(x, q, options, "nanquantile", true);
}
