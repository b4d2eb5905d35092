import { formatShape, NotSupportedError, type OptionValues, optionsOf, ShapeError, sameShape, Tensor, ValueError } from "@sconce/core";
import { choose } from "../ops.js";
import { type EmbeddingFunctionOptions, embedding } from "./linear.js";

/** How the rows of a bag become one. */
export type BagMode = "sum" | "mean" | "max";

/** Settings of {@link embeddingBag}. */
export interface EmbeddingBagFunctionOptions extends EmbeddingFunctionOptions {
  /** Where each bag starts in indices of one dimension. */
  readonly offsets?: Tensor | null;
  /** mean unless given. */
  readonly mode?: BagMode;
  /** A factor for each index, in its shape; with the mode sum alone. */
  readonly perSampleWeights?: Tensor | null;
  /** The last offset is where the last bag ends. */
  readonly includeLastOffset?: boolean;
}

/** Indices in bags: rows and factors by bag. */
interface Bags {
  readonly count: number;
  /** Sums `[M, D]` or `[M]` over the bags: `[B, D]` or `[B]`. */
  sum(x: Tensor): Tensor;
  /** Largest of `[M, D]` in each bag, minus infinity for an empty one. */
  max(x: Tensor): Tensor;
}

/** Bags of equal size: indices `[B, L]`. */
function evenBags([count, size]: readonly number[]): Bags {
  const split = (x: Tensor): Tensor => x.reshape([count, size, ...x.shape.slice(1)]);
  return { count, sum: (x) => split(x).sum(1), max: (x) => split(x).amax(1) };
}

/** Bags that start at the offsets. */
function offsetBags(input: Tensor, offsets: Tensor, includeLastOffset: boolean): Bags {
  const starts = includeLastOffset ? offsets.narrow(0, 0, offsets.shape[0] - 1) : offsets;
  const [count] = starts.shape;
  const marks = input.newFull([input.shape[0] + 1], 0, { dtype: "int32" });
  const before = marks
    .scatterAdd(0, starts.int(), marks.newFull([count], 1))
    .cumsum(0)
    .int();
  const bag = before.narrow(0, 0, input.shape[0]).sub(1);
  return {
    count,
    sum: (x) => x.newFull([count, ...x.shape.slice(1)], 0).indexAdd(0, bag, x),
    max: (x) => x.newFull([count, ...x.shape.slice(1)], Number.NEGATIVE_INFINITY).indexReduce(0, bag, x, "amax"),
  };
}

function checkBags(
  input: Tensor,
  { offsets, mode, perSampleWeights, scaleGradByFreq }: OptionValues<EmbeddingBagFunctionOptions, keyof EmbeddingBagFunctionOptions>,
): void {
  const op = "embeddingBag";
  const refuse = (message: string): never => {
    throw new ValueError(`${op}: ${message}`, { shapes: [input.shape] });
  };
  if (mode !== "sum" && mode !== "mean" && mode !== "max") refuse(`mode has to be one of sum, mean or max, got ${mode}`);
  if (mode === "max" && scaleGradByFreq) refuse("max mode does not support scaling the gradient by the frequency");
  if (input.ndim !== 1 && input.ndim !== 2) {
    throw new ShapeError(`${op}: input has to be 1D or 2D Tensor, but got Tensor of dimension ${input.ndim}`, {
      shapes: [input.shape],
    });
  }
  if (input.ndim === 2 && offsets !== null) refuse("if input is 2D, then offsets has to be null, as input is a batch of bags of one size");
  if (input.ndim === 1 && offsets?.ndim !== 1) refuse("offsets has to be a 1D Tensor for input of one dimension");
  if (perSampleWeights === null) return;
  if (!sameShape(perSampleWeights.shape, input.shape)) {
    refuse(
      `expected perSampleWeights of the shape of the input, got ${formatShape(perSampleWeights.shape)} and ${formatShape(input.shape)}`,
    );
  }
  if (mode !== "sum") {
    throw new NotSupportedError(`${op}: per_sample_weights is only supported for mode='sum' (got mode='${mode}')`);
  }
}

/**
 * Sums, means or maxima of rows of a table, without holding the rows as a result: indices `[B, L]`, or `[M]` with the offsets `[B]` of
 * the bags, and weight `[rows, size]` to `[B, size]`. Rows `paddingIdx` do not count; an empty bag gives zeros.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.embedding_bag.html
 * @throws ValueError or ShapeError if the arguments do not fit.
 * @example
 * F.embeddingBag(tensor([1, 2, 4, 5]).int(), randn([10, 3]), { offsets: tensor([0, 3]).int(), mode: "sum" }); // [2, 3]
 */
export function embeddingBag(input: Tensor, weight: Tensor, options: EmbeddingBagFunctionOptions = {}): Tensor {
  const settings = optionsOf("embeddingBag", options, {
    offsets: Tensor,
    mode: "mean",
    perSampleWeights: Tensor,
    includeLastOffset: false,
    paddingIdx: Number,
    maxNorm: Number,
    normType: 2,
    scaleGradByFreq: false,
  });
  checkBags(input, settings);
  const { offsets, mode, perSampleWeights, includeLastOffset, ...rowOptions } = settings;
  const ids = input.flatten();
  const rows = embedding(ids, weight, rowOptions);
  const bags = offsets === null ? evenBags(input.shape) : offsetBags(ids, offsets, includeLastOffset);
  const padding = rowOptions.paddingIdx;
  const counted = padding === null ? null : ids.ne(padding < 0 ? padding + weight.shape[0] : padding);
  if (mode === "max") {
    const lowest = counted === null ? rows : choose(counted.unsqueeze(1), rows, Number.NEGATIVE_INFINITY, rows.dtype);
    const largest = bags.max(lowest);
    return choose(largest.detach().eq(Number.NEGATIVE_INFINITY), 0, largest, rows.dtype);
  }
  const flags = counted?.cast(rows.dtype) ?? null;
  const given = perSampleWeights?.flatten() ?? null;
  const factors = flags !== null && given !== null ? flags.mul(given) : (flags ?? given);
  const total = bags.sum(factors === null ? rows : rows.mul(factors.unsqueeze(1)));
  if (mode === "sum") return total;
  const sizes = bags.sum(flags ?? rows.newFull([ids.shape[0]], 1));
  return total.div(sizes.clampMin(1).unsqueeze(1));
}
