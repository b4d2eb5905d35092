import { NotSupportedError, ShapeError, ValueError } from "../errors.js";
import { cat } from "../functions.js";
import { normalizeDim } from "../shape.js";
import { constantLike } from "../tensor/compose.js";
import type { Tensor } from "../tensor/tensor.js";

/** How {@link segmentReduce} combines the elements of a segment. */
export type SegmentReduction = "sum" | "mean" | "max" | "min" | "prod";

/** What {@link segmentReduce} takes: lengths or offsets. */
export interface SegmentOptions {
  /** Number of elements of each segment. */
  readonly lengths?: Tensor;
  /** Where each segment starts, and the end of the last. */
  readonly offsets?: Tensor;
  readonly axis?: number;
  /** What each segment starts with. */
  readonly initial?: number;
  /** Leaves out the checks of lengths. */
  readonly unsafe?: boolean;
}

const IDENTITY: { readonly [R in SegmentReduction]: number } = {
  sum: 0,
  mean: Number.NaN,
  max: Number.NEGATIVE_INFINITY,
  min: Number.POSITIVE_INFINITY,
  prod: 1,
};

/**
 * Reduces segments of the first dimension: runs of elements of given lengths.
 * @throws ValueError for another reduction, or without lengths and offsets. @throws ShapeError if the lengths do not add up.
 * @throws NotSupportedError on a device that cannot block: the lengths are read.
 */
export function segmentReduce(
  x: Tensor,
  reduce: SegmentReduction,
  { lengths, offsets, axis = 0, initial, unsafe = false }: SegmentOptions,
): Tensor {
  const op = "segmentReduce";
  if (!Object.hasOwn(IDENTITY, reduce))
    throw new ValueError(`${op}: unsupported reduction ${JSON.stringify(reduce)}; take sum, mean, max, min or prod`);
  if (normalizeDim(axis, x.ndim, op) !== 0) throw new NotSupportedError(`${op}: Currently only dim=0 is supported, got ${axis}`);
  const bounds = boundsOf(op, lengths, offsets);
  if (!unsafe && bounds[bounds.length - 1] !== x.shape[0]) {
    throw new ShapeError(
      `${op}: Expected all rows of lengths along axis to sum to data.size(lengths.dim()-1), got ${bounds[bounds.length - 1]} for ${x.shape[0]}`,
      {
        shapes: [x.shape],
      },
    );
  }
  const rest = x.shape.slice(1);
  const parts = bounds.slice(1).map((end, i) => one(x.narrow(0, bounds[i], end - bounds[i]), reduce, initial).reshape([1, ...rest]));
  return parts.length === 0 ? constantLike(x, 0, x.dtype, [0, ...rest]) : cat(parts, 0);
}

/** Where the segments start, and the end of the last. */
function boundsOf(op: string, lengths: Tensor | undefined, offsets: Tensor | undefined): readonly number[] {
  if (offsets !== undefined) return Array.from(offsets.dataSync(), Number);
  if (lengths === undefined) throw new ValueError(`${op}: Either lengths or offsets must be defined.`);
  const bounds = [0];
  for (const n of lengths.dataSync()) bounds.push(bounds[bounds.length - 1] + Number(n));
  return bounds;
}

/** One segment; what it starts with takes part as one more element, but not in the count of a mean. */
function one(x: Tensor, reduce: SegmentReduction, initial: number | undefined): Tensor {
  const n = x.shape[0];
  if (n === 0) return constantLike(x, initial ?? IDENTITY[reduce], x.dtype, x.shape.slice(1));
  switch (reduce) {
    case "sum":
      return initial === undefined ? x.sum(0) : x.sum(0).add(initial);
    case "mean":
      return initial === undefined ? x.mean(0) : x.sum(0).add(initial).div(n);
    case "prod":
      return initial === undefined ? x.prod(0) : x.prod(0).mul(initial);
    case "max":
      return initial === undefined ? x.amax(0) : x.amax(0).clampMin(initial);
    case "min":
      return initial === undefined ? x.amin(0) : x.amin(0).clampMax(initial);
  }
}
