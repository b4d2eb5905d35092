import { apply, composite, compositeAll } from "../dispatch.js";
import { type DType, dtypeWord, isFloatingPoint, wideOf } from "../dtype.js";
import { DTypeError, formatShape, ShapeError, ValueError } from "../errors.js";
import { normalizeDims } from "../shape.js";
import { alongDim, div, inWide, isnan, mul, ne, not, requireFloat, safeSqrt, squeezeAt, sub, where } from "./compose.js";
import { vectorNorm } from "./norms.js";
import { PointwiseOps } from "./pointwise.js";
import { ValuesIndices } from "./results.js";
import type { Tensor } from "./tensor.js";

/** One dimension, several, or all (`null`). */
export type Dim = number | readonly number[] | null;

/** What a reduction takes. */
export interface ReduceOptions {
  /** Dimensions to reduce; all if left out. */
  readonly dim?: Dim;
  /** Keeps reduced dimensions with size 1. */
  readonly keepdim?: boolean;
  /** Converts before reducing. */
  readonly dtype?: DType | null;
}

/** What a reduction along one dimension takes. */
export interface DimOptions {
  readonly dim?: number;
  readonly keepdim?: boolean;
}

/** What `var` and `std` take. */
export interface VarOptions extends ReduceOptions {
  /** Subtracted from the number of elements in the divisor; 1 if left out. */
  readonly correction?: number | null;
  /** `false` means correction 0. */
  readonly unbiased?: boolean;
}

/** What `norm` takes. */
export interface NormOptions extends ReduceOptions {
  /** Order: a number, `Infinity`, `-Infinity`, or `"fro"` for 2. */
  readonly p?: number | "fro" | null;
}

interface Reduction {
  readonly dims: readonly number[];
  readonly keepdim: boolean;
  readonly dtype: DType | null | undefined;
  /** No dimension was given. */
  readonly full: boolean;
}

function reduction(x: Tensor, op: string, dim: Dim | ReduceOptions | undefined, options: ReduceOptions | undefined): Reduction {
  const all = isOptions(dim) ? dim : { dim, ...options };
  const dims = normalizeDims(all.dim, x.ndim, op);
  return { dims, keepdim: all.keepdim ?? false, dtype: all.dtype, full: all.dim == null };
}

function isOptions<T extends object>(value: Dim | T | string | undefined): value is T {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Sums of integers are wide where the device has wide integers. */
export function accumulatorDType(x: Tensor): DType {
  if (isFloatingPoint(x.dtype)) return x.dtype;
  return x.storage.backend.limits.dtypes.has("int64") ? "int64" : "int32";
}

function count(x: Tensor, dims: readonly number[]): number {
  return dims.reduce((n, d) => n * x.shape[d], 1);
}

function sumOver(x: Tensor, dims: readonly number[], keepdim: boolean): Tensor {
  return apply("reduce", [x], { op: "sum", dims, keepdim });
}

function meanOver(x: Tensor, dims: readonly number[], keepdim: boolean): Tensor {
  return div(sumOver(x, dims, keepdim), count(x, dims));
}

function checkMean(x: Tensor, op: string): void {
  if (!isFloatingPoint(x.dtype)) {
    throw new DTypeError(
      `${op}(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: ${dtypeWord(x.dtype)}; ` +
        `convert with .float() first`,
      { dtypes: [x.dtype] },
    );
  }
}

function checkNotEmpty(x: Tensor, dims: readonly number[], full: boolean, op: string): void {
  if (x.numel() > 0) return;
  if (full) {
    throw new ShapeError(
      `${op}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument, ` +
        `got ${formatShape(x.shape)}`,
      { shapes: [x.shape] },
    );
  }
  const empty = dims.find((d) => x.shape[d] === 0);
  if (empty === undefined) return;
  throw new ShapeError(`${op}(): Expected reduction dim ${empty} to have non-zero size, got ${formatShape(x.shape)}`, {
    shapes: [x.shape],
  });
}

function extreme(x: Tensor, op: "max" | "min", label: string, { dims, keepdim, full }: Reduction): Tensor {
  checkNotEmpty(x, dims, full, label.toLowerCase().replace(/\d/, ""));
  return apply("reduce", [x], { op, dims, keepdim }, label);
}

function extremeAlong(x: Tensor, op: "max" | "min", label: string, dim: number, keepdim: boolean): ValuesIndices {
  const [values, indices] = alongDim(x, dim, op, (y, d) => {
    checkNotEmpty(y, [d], false, op);
    return compositeAll(label, [y], () => {
      const at = apply("argReduce", [y.detach()], { op, dim: d, keepdim: true });
      const found = apply("gather", [y, at], { dim: d });
      return keepdim ? [found, at] : [squeezeAt(found, d), squeezeAt(at, d)];
    });
  });
  return new ValuesIndices(values, indices);
}

function argExtreme(x: Tensor, op: "max" | "min", dim: number | DimOptions | null | undefined, options: DimOptions | undefined): Tensor {
  const name = `arg${op}`;
  const { dim: d, keepdim = false } = isOptions(dim) ? dim : { dim, ...options };
  if (d == null) {
    checkNotEmpty(x, [], true, name);
    const flat = apply("argReduce", [x.detach().reshape([-1])], { op, dim: 0, keepdim: false });
    return keepdim ? flat.reshape(x.shape.map(() => 1)) : flat;
  }
  return alongDim(x.detach(), d, name, (y, at) => {
    checkNotEmpty(y, [at], false, name);
    return [apply("argReduce", [y], { op, dim: at, keepdim })];
  })[0];
}

function anyAll(x: Tensor, op: "any" | "all", { dims, keepdim }: Reduction): Tensor {
  const out = apply("reduce", [x.detach().cast("bool")], { op, dims, keepdim });
  return x.dtype === "uint8" ? out.cast("uint8") : out;
}

interface Moments extends Reduction {
  readonly correction: number;
}

function moments(x: Tensor, op: string, dim: Dim | VarOptions | undefined, options: VarOptions | undefined): Moments {
  requireFloat(x, op, "std and var only support floating point and complex dtypes");
  const { correction, unbiased = true } = (isOptions(dim) ? dim : options) ?? {};
  return { ...reduction(x, op, dim, options), correction: correction ?? (unbiased ? 1 : 0) };
}

function variance(x: Tensor, mean: Tensor, { dims, keepdim, correction }: Moments): Tensor {
  const deviation = sub(x, mean);
  return div(sumOver(mul(deviation, deviation), dims, keepdim), Math.max(count(x, dims) - correction, 0));
}

function varianceAndMean(x: Tensor, label: string, m: Moments, finish: (variance: Tensor) => Tensor): readonly Tensor[] {
  return compositeAll(label, [x], () => {
    const y = wideOf(x.dtype) === undefined ? x : x.float();
    const mean = meanOver(y, m.dims, true);
    const spread = finish(variance(y, mean, m));
    return [spread, m.keepdim ? mean : squeezeAt(mean, ...m.dims)].map((t) => t.cast(x.dtype));
  });
}

/** Ops that combine the elements along dimensions. */
export class ReductionOps extends PointwiseOps {
  /**
   * Sum over all elements or over dimensions; integers and bool sum as int64 where the device has it.
   * @example
   * tensor([[1, 2], [3, 4]]).sum(1); // tensor([3., 7.])
   */
  sum(dim?: Dim | ReduceOptions, options?: ReduceOptions): Tensor {
    const { dims, keepdim, dtype, full } = reduction(this.self, "sum", dim, options);
    const x = this.cast(dtype ?? accumulatorDType(this.self));
    return apply("reduce", [x], { op: "sum", dims, keepdim }, full ? "Sum" : "Sum1");
  }

  /**
   * Mean over all elements or over dimensions.
   * @throws DTypeError for integers without `dtype`.
   * @example
   * tensor([[1, 2], [3, 4]]).mean(0, { keepdim: true }); // tensor([[2., 3.]])
   */
  mean(dim?: Dim | ReduceOptions, options?: ReduceOptions): Tensor {
    const { dims, keepdim, dtype, full } = reduction(this.self, "mean", dim, options);
    const x = dtype == null ? this.self : this.cast(dtype);
    checkMean(x, "mean");
    return composite(full ? "Mean" : "Mean1", [x], () => inWide(x, (y) => meanOver(y, dims, keepdim)));
  }

  /** Product over all elements or over dimensions; integers and bool as int64 where the device has it. */
  prod(dim?: Dim | ReduceOptions, options?: ReduceOptions): Tensor {
    const { dims, keepdim, dtype, full } = reduction(this.self, "prod", dim, options);
    const x = this.cast(dtype ?? accumulatorDType(this.self));
    return apply("reduce", [x], { op: "prod", dims, keepdim }, full ? "Prod" : "Prod1");
  }

  /** Sum that counts NaN as 0. */
  nansum(dim?: Dim | ReduceOptions, options?: ReduceOptions): Tensor {
    if (!this.isFloatingPoint()) return this.sum(dim, options);
    const { dims, keepdim, dtype } = reduction(this.self, "nansum", dim, options);
    const x = dtype == null ? this.self : this.cast(dtype);
    return composite("Nansum", [x], () => sumOver(where(isnan(x), 0, x), dims, keepdim));
  }

  /** Mean of the elements that are not NaN. @throws DTypeError for integers. */
  nanmean(dim?: Dim | ReduceOptions, options?: ReduceOptions): Tensor {
    const { dims, keepdim, dtype } = reduction(this.self, "nanmean", dim, options);
    const x = dtype == null ? this.self : this.cast(dtype);
    checkMean(x, "nanmean");
    return composite("Div", [x], () =>
      inWide(x, (y) => div(sumOver(where(isnan(y), 0, y), dims, keepdim), sumOver(not(isnan(y.detach())).cast(y.dtype), dims, keepdim))),
    );
  }

  /** Number of elements that are not 0. */
  countNonzero(dim?: Dim): Tensor {
    const x = this.detach();
    return ne(x, 0).sum(dim ?? null);
  }

  /**
   * Largest element; with `dim` the largest along it and their positions (first of equals); with a tensor the elementwise maximum.
   * The gradient goes to the found position, for the full maximum in equal parts to all equal ones.
   * @throws ShapeError for an empty tensor.
   * @example
   * const { values, indices } = tensor([[1, 3], [4, 2]]).max(1); // [3., 4.] and [1, 0]
   */
  max(): Tensor;
  max(other: Tensor): Tensor;
  max(dim: number | { readonly dim: number; readonly keepdim?: boolean }, options?: DimOptions): ValuesIndices;
  max(dim?: number | DimOptions | Tensor, options?: DimOptions): Tensor | ValuesIndices {
    return minOrMax(this.self, "max", dim, options);
  }

  /** Smallest element, in the forms of {@link max}. */
  min(): Tensor;
  min(other: Tensor): Tensor;
  min(dim: number | { readonly dim: number; readonly keepdim?: boolean }, options?: DimOptions): ValuesIndices;
  min(dim?: number | DimOptions | Tensor, options?: DimOptions): Tensor | ValuesIndices {
    return minOrMax(this.self, "min", dim, options);
  }

  /** Largest elements over dimensions; the gradient is shared equally among equals. @throws ShapeError for an empty dimension. */
  amax(dim?: Dim | ReduceOptions, options?: ReduceOptions): Tensor {
    return extreme(this.self, "max", "Amax", reduction(this.self, "amax", dim, options));
  }

  /** Smallest elements over dimensions; the gradient is shared equally among equals. @throws ShapeError for an empty dimension. */
  amin(dim?: Dim | ReduceOptions, options?: ReduceOptions): Tensor {
    return extreme(this.self, "min", "Amin", reduction(this.self, "amin", dim, options));
  }

  /** Smallest and largest elements, of all or along one dimension. */
  aminmax(options: DimOptions = {}): { readonly min: Tensor; readonly max: Tensor } {
    const r = reduction(this.self, "aminmax", options, undefined);
    const [min, max] = compositeAll("Aminmax", [this.self], () => [
      extreme(this.self, "min", "Aminmax", r),
      extreme(this.self, "max", "Aminmax", r),
    ]);
    // PyTorch keeps a dimension here even where there is none.
    const scalarKept = this.ndim === 0 && options.dim != null && r.keepdim;
    return scalarKept ? { min: min.reshape([1]), max: max.reshape([1]) } : { min, max };
  }

  /**
   * Position of the largest element as int32 (first of equals; NaN counts as the largest), in the flattened tensor or along `dim`.
   * @throws ShapeError for an empty tensor.
   * @example
   * tensor([[1, 3], [4, 2]]).argmax(1); // tensor([1, 0])
   */
  argmax(dim?: number | DimOptions | null, options?: DimOptions): Tensor {
    return argExtreme(this.self, "max", dim, options);
  }

  /** Position of the smallest element as int32 (first of equals). @throws ShapeError for an empty tensor. */
  argmin(dim?: number | DimOptions | null, options?: DimOptions): Tensor {
    return argExtreme(this.self, "min", dim, options);
  }

  /** True where any element is not 0 (uint8 stays uint8). */
  any(dim?: Dim | ReduceOptions, options?: ReduceOptions): Tensor {
    return anyAll(this.self, "any", reduction(this.self, "any", dim, options));
  }

  /** True where no element is 0 (uint8 stays uint8). */
  all(dim?: Dim | ReduceOptions, options?: ReduceOptions): Tensor {
    return anyAll(this.self, "all", reduction(this.self, "all", dim, options));
  }

  /**
   * Variance with `n - correction` as the divisor.
   * @throws DTypeError for integers.
   * @example
   * tensor([1, 2, 3, 4]).var({ correction: 0 }); // tensor(1.2500)
   */
  var(dim?: Dim | VarOptions, options?: VarOptions): Tensor {
    const m = moments(this.self, "var", dim, options);
    const x = this.self;
    return composite("Var", [x], () => inWide(x, (y) => variance(y, meanOver(y, m.dims, true), m)));
  }

  /** Standard deviation with `n - correction` under the root; its gradient is 0 where it is 0. @throws DTypeError for integers. */
  std(dim?: Dim | VarOptions, options?: VarOptions): Tensor {
    const m = moments(this.self, "std", dim, options);
    const x = this.self;
    return composite("Std", [x], () => inWide(x, (y) => safeSqrt(variance(y, meanOver(y, m.dims, true), m))));
  }

  /** Variance and mean at once. @throws DTypeError for integers. */
  varMean(dim?: Dim | VarOptions, options?: VarOptions): [variance: Tensor, mean: Tensor] {
    const m = moments(this.self, "varMean", dim, options);
    const [variance, mean] = varianceAndMean(this.self, "VarMean", m, (v) => v);
    return [variance, mean];
  }

  /** Standard deviation and mean at once. @throws DTypeError for integers. */
  stdMean(dim?: Dim | VarOptions, options?: VarOptions): [std: Tensor, mean: Tensor] {
    const m = moments(this.self, "stdMean", dim, options);
    const [std, mean] = varianceAndMean(this.self, "StdMean", m, safeSqrt);
    return [std, mean];
  }

  /**
   * Vector norm of order `p` (2 if left out) over all elements or dimensions; its gradient is 0 where it is 0.
   * @throws DTypeError for integers without `dtype`. @throws ValueError for another kind of norm.
   * @example
   * tensor([3, 4]).norm(); // tensor(5.)
   */
  norm(p?: number | "fro" | NormOptions | null, dim?: Dim | NormOptions, options?: NormOptions): Tensor {
    const all: NormOptions = isOptions(p) ? p : isOptions(dim) ? { p, ...dim } : { p, dim, ...options };
    const { dims, keepdim, dtype } = reduction(this.self, "norm", all, undefined);
    const x = dtype == null ? this.self : this.cast(dtype);
    requireFloat(x, "norm", "linalg.vector_norm: Expected a floating point or complex tensor as input");
    const order = all.p === "fro" || all.p == null ? 2 : all.p;
    if (typeof order !== "number")
      throw new ValueError(`norm: expected a number or "fro" as p, got ${JSON.stringify(order)}; other matrix norms are in linalg.norm`);
    return composite("LinalgVectorNorm", [x], () => vectorNorm(x, order, dims, keepdim));
  }
}

function minOrMax(x: Tensor, op: "max" | "min", dim?: number | DimOptions | Tensor, options?: DimOptions): Tensor | ValuesIndices {
  if (dim instanceof ReductionOps) return op === "max" ? x.maximum(dim) : x.minimum(dim);
  const label = op === "max" ? "Max" : "Min";
  const { dim: d, keepdim = false } = typeof dim === "object" ? (dim as DimOptions) : { dim, ...options };
  if (d != null) return extremeAlong(x, op, label, d, keepdim);
  return extreme(x, op, `${label}1`, reduction(x, op, null, undefined));
}
