import type { DimOptions } from "./tensor/reduction.js";
import type { UniqueOptions, UniqueResult } from "./tensor/reduction-count.js";
import type { SortOptions, TopkOptions } from "./tensor/reduction-order.js";
import type { ValuesIndices } from "./tensor/results.js";
import type { Tensor } from "./tensor/tensor.js";

/** Sorted elements along `dim` (the last if left out) and where they came from; stable; NaN sorts as the largest. */
export function sort(x: Tensor, dim?: number | SortOptions, options?: SortOptions): ValuesIndices {
  return x.sort(dim, options);
}

/** Positions that sort the elements along `dim` (the last if left out), as int32. */
export function argsort(x: Tensor, dim?: number | SortOptions, options?: SortOptions): Tensor {
  return x.argsort(dim, options);
}

/** Sorted along the first dimension. */
export function msort(x: Tensor): Tensor {
  return x.msort();
}

/**
 * The `k` largest elements along `dim` (the last if left out) in descending order, and their positions.
 * @throws ShapeError if `k` is not within the dimension.
 */
export function topk(x: Tensor, k: number, options?: TopkOptions): ValuesIndices {
  return x.topk(k, options);
}

/**
 * The `k`-th smallest element along `dim` (counted from 1) and its position.
 * @throws ShapeError if `k` is not within the dimension.
 */
export function kthvalue(x: Tensor, k: number, options?: DimOptions): ValuesIndices {
  return x.kthvalue(k, options);
}

/** The lower median of all elements, or along `dim` with its position; NaN wins. */
export function median(x: Tensor): Tensor;
export function median(x: Tensor, dim: number | { readonly dim: number; readonly keepdim?: boolean }, options?: DimOptions): ValuesIndices;
export function median(x: Tensor, dim?: number | DimOptions, options?: DimOptions): Tensor | ValuesIndices {
  return (x.median as (...args: readonly unknown[]) => Tensor | ValuesIndices).call(x, dim, options);
}

/** The {@link median} of the elements that are not NaN. */
export function nanmedian(x: Tensor): Tensor;
export function nanmedian(
  x: Tensor,
  dim: number | { readonly dim: number; readonly keepdim?: boolean },
  options?: DimOptions,
): ValuesIndices;
export function nanmedian(x: Tensor, dim?: number | DimOptions, options?: DimOptions): Tensor | ValuesIndices {
  return (x.nanmedian as (...args: readonly unknown[]) => Tensor | ValuesIndices).call(x, dim, options);
}

/** The most frequent element along `dim` (the smallest of equally frequent ones) and the position of its last occurrence. */
export function mode(x: Tensor, dim?: number | DimOptions, options?: DimOptions): ValuesIndices {
  return x.mode(dim, options);
}

/**
 * Counts of the elements in `bins` equal intervals from `min` to `max` (those of the data if both are 0).
 * @throws ValueError if `max` is below `min`.
 */
export function histc(x: Tensor, options?: { readonly bins?: number; readonly min?: number; readonly max?: number }): Tensor {
  return x.histc(options);
}

/**
 * The distinct elements in ascending order, or the distinct slices along `dim`.
 * @throws NotSupportedError on a device that cannot be read at once.
 */
export function unique(x: Tensor): Tensor;
export function unique(
  x: Tensor,
  options: UniqueOptions & ({ readonly returnInverse: true } | { readonly returnCounts: true }),
): UniqueResult;
export function unique(x: Tensor, options: { readonly dim?: number }): Tensor;
export function unique(x: Tensor, options?: UniqueOptions): Tensor | UniqueResult {
  return (x.unique as (...args: readonly unknown[]) => Tensor | UniqueResult).call(x, options);
}

/** One element of each run of equal ones, or one slice along `dim`. @throws NotSupportedError on a device that cannot be read at once. */
export function uniqueConsecutive(x: Tensor): Tensor;
export function uniqueConsecutive(
  x: Tensor,
  options: UniqueOptions & ({ readonly returnInverse: true } | { readonly returnCounts: true }),
): UniqueResult;
export function uniqueConsecutive(x: Tensor, options: { readonly dim?: number }): Tensor;
export function uniqueConsecutive(x: Tensor, options?: UniqueOptions): Tensor | UniqueResult {
  return (x.uniqueConsecutive as (...args: readonly unknown[]) => Tensor | UniqueResult).call(x, options);
}

/**
 * The coordinates of the elements that are not 0 as int32 `[count, ndim]`, or one 1-d tensor per dimension with `asTuple`.
 * @throws NotSupportedError on a device that cannot be read at once.
 */
export function nonzero(x: Tensor): Tensor;
export function nonzero(x: Tensor, options: { readonly asTuple: true }): Tensor[];
export function nonzero(x: Tensor, options?: { readonly asTuple?: boolean }): Tensor | Tensor[] {
  return (x.nonzero as (...args: readonly unknown[]) => Tensor | Tensor[]).call(x, options);
}

/** The coordinates of the elements that are not 0, as int32 `[count, ndim]`. */
export function argwhere(x: Tensor): Tensor {
  return x.argwhere();
}

/**
 * How often each non-negative integer occurs in this 1-d tensor, or the sum of the `weights` there.
 * @throws ValueError for other inputs. @throws NotSupportedError on a device that cannot be read at once.
 */
export function bincount(x: Tensor, options?: { readonly weights?: Tensor | null; readonly minlength?: number }): Tensor {
  return x.bincount(options);
}

/** True where an element equals one of `test`. */
export function isin(x: Tensor, test: Tensor, options?: { readonly invert?: boolean }): Tensor {
  return x.isin(test, options);
}
