import type { Dim, DimOptions, NormOptions, ReduceOptions, VarOptions } from "./tensor/reduction.js";
import type { DTypeOption } from "./tensor/reduction-scan.js";
import type { ValuesIndices } from "./tensor/results.js";
import type { Tensor } from "./tensor/tensor.js";

/** Sum over all elements or over dimensions; integers and bool sum as int64 where the device has it. */
export function sum(x: Tensor, dim?: Dim | ReduceOptions, options?: ReduceOptions): Tensor {
  return x.sum(dim, options);
}

/** Mean over all elements or over dimensions. @throws DTypeError for integers without `dtype`. */
export function mean(x: Tensor, dim?: Dim | ReduceOptions, options?: ReduceOptions): Tensor {
  return x.mean(dim, options);
}

/** Product over all elements or over dimensions; integers and bool as int64 where the device has it. */
export function prod(x: Tensor, dim?: Dim | ReduceOptions, options?: ReduceOptions): Tensor {
  return x.prod(dim, options);
}

/** Sum that counts NaN as 0. */
export function nansum(x: Tensor, dim?: Dim | ReduceOptions, options?: ReduceOptions): Tensor {
  return x.nansum(dim, options);
}

/** Mean of the elements that are not NaN. @throws DTypeError for integers. */
export function nanmean(x: Tensor, dim?: Dim | ReduceOptions, options?: ReduceOptions): Tensor {
  return x.nanmean(dim, options);
}

/** Number of elements that are not 0. */
export function countNonzero(x: Tensor, dim?: Dim): Tensor {
  return x.countNonzero(dim);
}

/**
 * Largest element; with `dim` the largest along it and their positions (first of equals); with a tensor the elementwise maximum.
 * The gradient goes to the found position, for the full maximum in equal parts to all equal ones.
 * @throws ShapeError for an empty tensor.
 */
export function max(x: Tensor): Tensor;
export function max(x: Tensor, other: Tensor): Tensor;
export function max(x: Tensor, dim: number | { readonly dim: number; readonly keepdim?: boolean }, options?: DimOptions): ValuesIndices;
export function max(x: Tensor, dim?: number | DimOptions | Tensor, options?: DimOptions): Tensor | ValuesIndices {
  return (x.max as (...args: readonly unknown[]) => Tensor | ValuesIndices).call(x, dim, options);
}

/** Smallest element, in the forms of {@link max}. */
export function min(x: Tensor): Tensor;
export function min(x: Tensor, other: Tensor): Tensor;
export function min(x: Tensor, dim: number | { readonly dim: number; readonly keepdim?: boolean }, options?: DimOptions): ValuesIndices;
export function min(x: Tensor, dim?: number | DimOptions | Tensor, options?: DimOptions): Tensor | ValuesIndices {
  return (x.min as (...args: readonly unknown[]) => Tensor | ValuesIndices).call(x, dim, options);
}

/** Largest elements over dimensions; the gradient is shared equally among equals. @throws ShapeError for an empty dimension. */
export function amax(x: Tensor, dim?: Dim | ReduceOptions, options?: ReduceOptions): Tensor {
  return x.amax(dim, options);
}

/** Smallest elements over dimensions; the gradient is shared equally among equals. @throws ShapeError for an empty dimension. */
export function amin(x: Tensor, dim?: Dim | ReduceOptions, options?: ReduceOptions): Tensor {
  return x.amin(dim, options);
}

/**
 * Position of the largest element as int32 (first of equals; NaN counts as the largest), in the flattened tensor or along `dim`.
 * @throws ShapeError for an empty tensor.
 */
export function argmax(x: Tensor, dim?: number | DimOptions | null, options?: DimOptions): Tensor {
  return x.argmax(dim, options);
}

/** Position of the smallest element as int32 (first of equals). @throws ShapeError for an empty tensor. */
export function argmin(x: Tensor, dim?: number | DimOptions | null, options?: DimOptions): Tensor {
  return x.argmin(dim, options);
}

/** True where any element is not 0 (uint8 stays uint8). */
export function any(x: Tensor, dim?: Dim | ReduceOptions, options?: ReduceOptions): Tensor {
  return x.any(dim, options);
}

/** True where no element is 0 (uint8 stays uint8). */
export function all(x: Tensor, dim?: Dim | ReduceOptions, options?: ReduceOptions): Tensor {
  return x.all(dim, options);
}

/** Variance with `n - correction` as the divisor. @throws DTypeError for integers. */
function variance(x: Tensor, dim?: Dim | VarOptions, options?: VarOptions): Tensor {
  return x.var(dim, options);
}

export { variance as var };

/** Standard deviation with `n - correction` under the root; its gradient is 0 where it is 0. @throws DTypeError for integers. */
export function std(x: Tensor, dim?: Dim | VarOptions, options?: VarOptions): Tensor {
  return x.std(dim, options);
}

/** Variance and mean at once. @throws DTypeError for integers. */
export function varMean(x: Tensor, dim?: Dim | VarOptions, options?: VarOptions): [variance: Tensor, mean: Tensor] {
  return x.varMean(dim, options);
}

/** Standard deviation and mean at once. @throws DTypeError for integers. */
export function stdMean(x: Tensor, dim?: Dim | VarOptions, options?: VarOptions): [std: Tensor, mean: Tensor] {
  return x.stdMean(dim, options);
}

/**
 * Vector norm of order `p` (2 if left out) over all elements or dimensions; its gradient is 0 where it is 0.
 * @throws DTypeError for integers without `dtype`.
 */
export function norm(x: Tensor, p?: number | "fro" | NormOptions, dim?: Dim | NormOptions, options?: NormOptions): Tensor {
  return x.norm(p, dim, options);
}

/** Softmax along `dim`. @throws DTypeError for integers without `dtype`. */
export function softmax(x: Tensor, dim: number, options?: DTypeOption): Tensor {
  return x.softmax(dim, options);
}

/** Logarithm of the softmax along `dim`, without overflow. @throws DTypeError for integers without `dtype`. */
export function logSoftmax(x: Tensor, dim: number, options?: DTypeOption): Tensor {
  return x.logSoftmax(dim, options);
}

/** Softmax of the negated elements along `dim`. @throws DTypeError for integers without `dtype`. */
export function softmin(x: Tensor, dim: number, options?: DTypeOption): Tensor {
  return (options?.dtype == null ? x : x.cast(options.dtype)).neg().softmax(dim);
}

/** `log(sum(exp(x)))` over dimensions, without overflow. */
export function logsumexp(x: Tensor, dim: Dim, options?: { readonly keepdim?: boolean }): Tensor {
  return x.logsumexp(dim, options);
}

/** Running sum along `dim`; integers and bool as int64 where the device has it. */
export function cumsum(x: Tensor, dim: number, options?: DTypeOption): Tensor {
  return x.cumsum(dim, options);
}

/** Running product along `dim`; integers and bool as int64 where the device has it. */
export function cumprod(x: Tensor, dim: number, options?: DTypeOption): Tensor {
  return x.cumprod(dim, options);
}

/** Running maximum along `dim` and its positions (last of equals). */
export function cummax(x: Tensor, dim: number): ValuesIndices {
  return x.cummax(dim);
}

/** Running minimum along `dim` and its positions (last of equals). */
export function cummin(x: Tensor, dim: number): ValuesIndices {
  return x.cummin(dim);
}

/** Running `log(sum(exp(x)))` along `dim`, without overflow. @throws DTypeError for integers. */
export function logcumsumexp(x: Tensor, dim: number): Tensor {
  return x.logcumsumexp(dim);
}
