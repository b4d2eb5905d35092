import { type AttentionAttrs, applyFused, applyKernel, type FusedOp, type KernelOp, ones, sizeOf, type Tensor } from "@sconce/core";
import { choose } from "../ops.js";

/** Weights that are kept for the gradient. */
const FEW = 2 ** 20;

type Scores = Omit<AttentionAttrs, "weights">;

/** Scores of all queries and keys with their masks, `[..., L, S]`. */
function maskedScores(query: Tensor, key: Tensor, mask: Tensor | undefined, { scale, causal }: Scores): Tensor {
  const scores = query.mul(scale).matmul(key.transpose(-2, -1));
  const shown = mask === undefined ? scores : scores.add(mask);
  if (!causal) return shown;
  const seen = ones(shown.shape.slice(-2), { dtype: "bool", device: query.device }).tril();
  return choose(seen, shown, Number.NEGATIVE_INFINITY, query.dtype);
}

const attentionGrad: KernelOp<"attentionGrad"> = {
  name: "AttentionBackward",
  kernel: "attentionGrad",
  infer: ([, q, k, v]) => [q, k, v],
};

/** Attention that never holds all of many scores: its gradient makes them again block by block, and only few weights are kept for it. */
const attention: FusedOp<"attention"> = {
  name: "ScaledDotProductAttention",
  kernel: "attention",
  results: 1,
  infer: ([{ shape, dtype }, k, v], { weights }) => {
    const rows = shape.slice(0, -1);
    return [
      { shape: [...rows, v.shape[v.shape.length - 1]], dtype },
      { shape: weights ? [...rows, k.shape[k.shape.length - 2]] : rows, dtype },
    ];
  },
  composed: ([q, k, v, mask], attrs) => [maskedScores(q, k, mask, attrs).softmax(-1).matmul(v)],
  vjp: ([grad], { inputs, outputs, params, needs }) => {
    const [q, k, v, mask] = inputs;
    const [result, saved] = outputs;
    const attrs = params as AttentionAttrs;
    const g = grad as Tensor;
    const given = mask === undefined ? [] : [mask];
    const grads: (Tensor | null)[] = [...applyKernel(attentionGrad, [g, q, k, v, result, saved, ...given], attrs)];
    if (mask === undefined) return grads;
    if (!needs[3]) return [...grads, null];
    const weights = attrs.weights ? saved : maskedScores(q, k, mask, attrs).sub(saved.unsqueeze(-1)).exp();
    const along = g.mul(result).sum(-1, { keepdim: true });
    return [...grads, weights.mul(g.matmul(v.transpose(-2, -1)).sub(along))];
  },
};

/** `softmax(scale q kᵀ + mask) v` for tensors with the same batch dimensions; the mask `[..., L, S]` too. */
export function fusedAttention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | null, scores: Scores): Tensor {
  const keys = k.shape[k.ndim - 2];
  const weights = keys % 4 === 0 && sizeOf(q.shape.slice(0, -1)) * keys <= FEW;
  return applyFused(attention, mask === null ? [q, k, v] : [q, k, v, mask], { ...scores, weights })[0];
}
