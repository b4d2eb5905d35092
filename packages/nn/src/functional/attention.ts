import { broadcastShapes, formatShape, ones, optionsOf, ShapeError, sameShape, Tensor } from "@sconce/core";
import { choose } from "../ops.js";
import { dropout } from "./dropout.js";
import { fusedAttention } from "./fused-attention.js";

/** Settings of {@link scaledDotProductAttention}. */
export interface AttentionOptions {
  /** Bool `[..., L, S]`, true where a query may look at a key, or numbers to add to the scores; broadcasts. */
  readonly attnMask?: Tensor | null;
  /** Probability of dropout of the weights; 0 unless given, in training and outside of it. */
  readonly dropoutP?: number;
  /** Lets query i look at the keys up to i only; not together with a mask. */
  readonly isCausal?: boolean;
  /** Factor of the scores; one over the root of E unless given. */
  readonly scale?: number | null;
  /** Lets groups of query heads share a head of keys and values: their number (dimension -3) divides that of the queries. */
  readonly enableGqa?: boolean;
}

/** What attention computes: `[..., L, Ev]`, and the weights `[..., L, S]`. */
export interface Attended {
  readonly output: Tensor;
  readonly weights: Tensor;
}

/** A mask as numbers to add: minus infinity where a bool mask is `blocked`, 0 elsewhere. */
export function additiveMask(mask: Tensor, like: Tensor, blocked: boolean): Tensor {
  if (mask.dtype !== "bool") return mask.cast(like.dtype);
  return blocked ? choose(mask, Number.NEGATIVE_INFINITY, 0, like.dtype) : choose(mask, 0, Number.NEGATIVE_INFINITY, like.dtype);
}

/** Attention of queries `[..., L, E]`, keys `[..., S, E]` and values `[..., S, Ev]` with masks that are added to the scores. */
export function attend(query: Tensor, key: Tensor, value: Tensor, scale: number, masks: readonly Tensor[], dropoutP: number): Attended {
  let scores = query.mul(scale).matmul(key.transpose(-2, -1)); // [..., L, S]
  for (const mask of masks) scores = scores.add(mask);
  const all = scores.softmax(-1);
  const weights = dropoutP > 0 ? dropout(all, dropoutP) : all;
  return { output: weights.matmul(value), weights };
}

/**
 * Attention: `softmax(Q Kᵀ / √E + mask) V` for queries `[..., L, E]`, keys `[..., S, E]` and values `[..., S, Ev]`.
 *
 * Source: https://arxiv.org/abs/1706.03762
 * @throws ShapeError if the sizes do not fit, or for a mask beside `isCausal`.
 * @example
 * const [q, k, v] = [1, 2, 3].map(() => randn([8, 4, 16, 32]));
 * F.scaledDotProductAttention(q, k, v, { isCausal: true }); // [8, 4, 16, 32] each
 */
export function scaledDotProductAttention(query: Tensor, key: Tensor, value: Tensor, options: AttentionOptions = {}): Tensor {
  const { attnMask, dropoutP, isCausal, scale, enableGqa } = optionsOf("scaledDotProductAttention", options, {
    attnMask: Tensor,
    dropoutP: 0,
    isCausal: false,
    scale: Number,
    enableGqa: false,
  });
  checkAttention(query, key, value, attnMask, isCausal);
  const [length, size] = [query.shape[query.ndim - 2], query.shape[query.ndim - 1]];
  const heads = query.shape[query.ndim - 3];
  const share = (x: Tensor): Tensor => (enableGqa ? x.repeatInterleave(heads / x.shape[x.ndim - 3], -3) : x);
  const [k, v] = [share(key), share(value)];
  const factor = scale ?? 1 / Math.sqrt(size);
  const mask = attnMask === null ? null : additiveMask(attnMask, query, false);
  if (dropoutP === 0) return attendOnly(query, k, v, factor, mask, isCausal);
  const causal = isCausal ? ones([length, k.shape[k.ndim - 2]], { dtype: "bool", device: query.device }).tril() : null;
  const masks = causal === null ? mask : additiveMask(causal, query, false);
  return attend(query, k, v, factor, masks === null ? [] : [masks], dropoutP).output;
}

/** {@link attend} without weights and dropout, in one kernel where the device has it. Batch dimensions and the mask broadcast. */
export function attendOnly(query: Tensor, key: Tensor, value: Tensor, scale: number, mask: Tensor | null, causal: boolean): Tensor {
  const lead = (x: Tensor): readonly number[] => x.shape.slice(0, -2);
  const batch = broadcastShapes(...[query, key, value, ...(mask === null ? [] : [mask])].map(lead));
  const fit = (x: Tensor, shape: readonly number[] = x.shape.slice(-2)): Tensor =>
    sameShape(x.shape, [...batch, ...shape]) ? x : x.expand([...batch, ...shape]);
  const scores = [query.shape[query.ndim - 2], key.shape[key.ndim - 2]];
  // Sums over no keys are 0, which a kernel would divide by their weights, 0 too.
  if (scores[1] === 0) return attend(query, key, value, scale, [], 0).output;
  return fusedAttention(fit(query), fit(key), fit(value), mask === null ? null : fit(mask, scores), { scale, causal });
}

function checkAttention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | null, isCausal: boolean): void {
  const op = "scaledDotProductAttention";
  const shapes = [query.shape, key.shape, value.shape];
  const problem =
    Math.min(query.ndim, key.ndim, value.ndim) < 2
      ? "Expected query, key, and value to all be at least 2 dimensional"
      : query.shape[query.ndim - 1] !== key.shape[key.ndim - 1]
        ? "expected queries and keys of the same last size"
        : key.shape[key.ndim - 2] !== value.shape[value.ndim - 2]
          ? "expected as many values as keys"
          : mask !== null && isCausal
            ? "Explicit attn_mask should not be set when is_causal=True"
            : null;
  if (problem !== null) throw new ShapeError(`${op}: ${problem}, got ${shapes.map(formatShape).join(", ")}`, { shapes });
}
