import type { Shape } from "./shape.js";
import type { SetAtOptions } from "./tensor/indexing.js";
import type { ScatterReduceOptions, ScatterReduction } from "./tensor/indexing-gather.js";
import type { DiagonalOptions } from "./tensor/movement.js";
import type { Tensor } from "./tensor/tensor.js";

/**
 * A copy with `value` written at the positions that index tensors (one per leading dimension, or a mask) name.
 * @throws ShapeError if an index is out of bounds or the value does not fit.
 */
export function indexPut(x: Tensor, indices: readonly Tensor[], value: Tensor | number, options?: SetAtOptions): Tensor {
  return x.indexPut(indices, value, options);
}

/**
 * `out[i][j] = x[index[i][j]][j]` for `dim` 0, and so on for other dimensions; the result has the shape of `index`.
 * @throws ShapeError if the ranks differ or a position is out of bounds.
 */
export function gather(x: Tensor, dim: number, index: Tensor): Tensor {
  return x.gather(dim, index);
}

/**
 * A copy with `source` (a tensor or a number) written at the positions `index` along `dim`; with `reduce` added or multiplied.
 * @throws ShapeError if the shapes do not fit.
 */
export function scatter(
  x: Tensor,
  dim: number,
  index: Tensor,
  source: Tensor | number,
  options?: { readonly reduce?: "add" | "multiply" },
): Tensor {
  return x.scatter(dim, index, source, options);
}

/** A copy with `source` added at the positions `index` along `dim`. @throws ShapeError if the shapes do not fit. */
export function scatterAdd(x: Tensor, dim: number, index: Tensor, source: Tensor): Tensor {
  return x.scatterAdd(dim, index, source);
}

/**
 * A copy in which the elements of `source` are combined at the positions `index` along `dim`.
 * @throws ShapeError if the shapes do not fit.
 */
export function scatterReduce(
  x: Tensor,
  dim: number,
  index: Tensor,
  source: Tensor,
  reduce: ScatterReduction,
  options?: ScatterReduceOptions,
): Tensor {
  return x.scatterReduce(dim, index, source, reduce, options);
}

/** The entries of `dim` that a 1-d `index` names. @throws ShapeError if a position is out of bounds. */
export function indexSelect(x: Tensor, dim: number, index: Tensor): Tensor {
  return x.indexSelect(dim, index);
}

/** A copy with `alpha` times the rows of `source` added at `index` along `dim`. @throws ShapeError if the shapes do not fit. */
export function indexAdd(x: Tensor, dim: number, index: Tensor, source: Tensor, options?: { readonly alpha?: number }): Tensor {
  return x.indexAdd(dim, index, source, options);
}

/** A copy with the rows of `source` written at `index` along `dim`. @throws ShapeError if the shapes do not fit. */
export function indexCopy(x: Tensor, dim: number, index: Tensor, source: Tensor): Tensor {
  return x.indexCopy(dim, index, source);
}

/** A copy with a number (or a tensor without dimensions) written at `index` along `dim`. */
export function indexFill(x: Tensor, dim: number, index: Tensor, value: Tensor | number): Tensor {
  return x.indexFill(dim, index, value);
}

/** The elements of the flattened tensor at `index`, in its shape. @throws ShapeError if a position is out of bounds. */
export function take(x: Tensor, index: Tensor): Tensor {
  return x.take(index);
}

/** A copy with `source` written (or added, with `accumulate`) at the positions `index` of the flattened tensor. */
export function put(x: Tensor, index: Tensor, source: Tensor, options?: { readonly accumulate?: boolean }): Tensor {
  return x.put(index, source, options);
}

/** {@link gather} with an index that broadcasts; without `dim` from the flattened tensor. */
export function takeAlongDim(x: Tensor, index: Tensor, dim?: number | null): Tensor {
  return x.takeAlongDim(index, dim);
}

/**
 * The elements where a bool `mask` (broadcast with this) is true, as one dimension.
 * @throws NotSupportedError on a device that cannot be read at once.
 */
export function maskedSelect(x: Tensor, mask: Tensor): Tensor {
  return x.maskedSelect(mask);
}

/** A copy with the elements of `source` written in order where `mask` (broadcast to this) is true. */
export function maskedScatter(x: Tensor, mask: Tensor, source: Tensor): Tensor {
  return x.maskedScatter(mask, source);
}

/** The lower triangle of the last two dimensions, up to `diagonal`; the rest is 0. @throws ShapeError below two dimensions. */
export function tril(x: Tensor, diagonal?: number): Tensor {
  return x.tril(diagonal);
}

/** The upper triangle of the last two dimensions, from `diagonal`; the rest is 0. @throws ShapeError below two dimensions. */
export function triu(x: Tensor, diagonal?: number): Tensor {
  return x.triu(diagonal);
}

/** The sum of the diagonal of a matrix. @throws ShapeError for other ranks. */
export function trace(x: Tensor): Tensor {
  return x.trace();
}

/** A copy with entry `index` of `dim` replaced by `source`. @throws ShapeError if the shapes do not fit. */
export function selectScatter(x: Tensor, source: Tensor, dim: number, index: number): Tensor {
  return x.selectScatter(source, dim, index);
}

/** A copy with entries `start` to `end` by `step` of `dim` replaced by `source`. @throws ShapeError if the shapes do not fit. */
export function sliceScatter(
  x: Tensor,
  source: Tensor,
  dim?: number,
  range?: { readonly start?: number; readonly end?: number; readonly step?: number },
): Tensor {
  return x.sliceScatter(source, dim, range);
}

/** A copy with a diagonal replaced by `source`. @throws ShapeError if the shapes do not fit. */
export function diagonalScatter(x: Tensor, source: Tensor, options?: DiagonalOptions): Tensor {
  return x.diagonalScatter(source, options);
}

/** A copy in which the rows of `source` are combined with those at `index` along `dim`. @throws ShapeError if the shapes do not fit. */
export function indexReduce(
  x: Tensor,
  dim: number,
  index: Tensor,
  source: Tensor,
  reduce: ScatterReduction,
  options?: ScatterReduceOptions,
): Tensor {
  return x.indexReduce(dim, index, source, reduce, options);
}

/** A copy with the elements of a layout over the row-major copy replaced by `source`. @throws ShapeError if the shapes do not fit. */
export function asStridedScatter(x: Tensor, source: Tensor, shape: Shape, strides: readonly number[], offset?: number): Tensor {
  return x.asStridedScatter(source, shape, strides, offset);
}
