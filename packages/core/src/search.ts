import { apply } from "./dispatch.js";
import { formatShape, ShapeError } from "./errors.js";
import { constantLike, ge, lt, not, unsqueezeAt } from "./tensor/compose.js";
import type { Tensor } from "./tensor/tensor.js";

/** What `searchsorted` and `bucketize` take. */
export interface SearchOptions {
  /** Returns the position after equal entries instead of before them. */
  readonly right?: boolean;
}

/** Number of entries of the last dimension of `sequence` that lie before each value. */
function countBefore(sequence: Tensor, values: Tensor, right: boolean): Tensor {
  const row = unsqueezeAt(sequence, sequence.ndim - 1);
  const column = unsqueezeAt(values, values.ndim);
  const before = right ? not(lt(column, row)) : not(ge(row, column));
  return apply("reduce", [before.cast("int32")], { op: "sum", dims: [before.ndim - 1], keepdim: false });
}

/**
 * For each value the position at which it would enter a sorted tensor, along the last dimension, as int32.
 * @throws ShapeError unless the sequence is 1-d or all but the last dimension agree.
 * @example
 * searchsorted(tensor([1, 3, 5]), tensor([2, 3])); // tensor([1, 1])
 */
export function searchsorted(sequence: Tensor, values: Tensor | number, { right = false }: SearchOptions = {}): Tensor {
  const list = typeof values === "number" ? constantLike(sequence, values) : values.cast(sequence.dtype).detach();
  const shared = sequence.ndim === 1 || (sequence.ndim === list.ndim && sequence.shape.slice(0, -1).every((n, d) => n === list.shape[d]));
  if (!shared) {
    throw new ShapeError(
      "searchsorted: boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor and input value tensor must match, " +
        `got ${formatShape(sequence.shape)} and ${formatShape(list.shape)}`,
      { shapes: [sequence.shape, list.shape] },
    );
  }
  if (sequence.numel() === 0) return constantLike(sequence, 0, "int32", list.shape);
  const sorted = sequence.detach();
  // A shared sequence meets every value; its dimensions broadcast.
  if (sequence.ndim === 1)
    return countBefore(sorted.reshape([1, sequence.shape[0]]), list.reshape([list.numel()]), right).reshape(list.shape);
  return countBefore(sorted, list, right);
}

/** For each element the index of the bucket between sorted `boundaries` (1-d) that holds it, as int32. */
export function bucketize(x: Tensor, boundaries: Tensor, options: SearchOptions = {}): Tensor {
  return searchsorted(boundaries, x, options);
}
