import { arange, broadcastTensors, combinations, formatShape, inFullPrecision, optionsOf, ShapeError, type Tensor } from "@sconce/core";

/** Settings of {@link normalize}. */
export interface NormalizeOptions {
  /** Order of the norm. */
  readonly p?: number;
  readonly dim?: number;
  /** Smallest norm to divide by. */
  readonly eps?: number;
}

/** Vectors along `dim` divided by their norm. */
export function normalize(input: Tensor, options: NormalizeOptions = {}): Tensor {
  const { p, dim, eps } = optionsOf("normalize", options, { p: 2, dim: 1, eps: 1e-12 });
  return input.div(input.norm(p, dim, { keepdim: true }).clampMin(eps));
}

/** Settings of {@link cosineSimilarity}. */
export interface CosineSimilarityOptions {
  readonly dim?: number;
  /** Smallest norm to divide by. */
  readonly eps?: number;
}

/** Cosine of the angle between vectors along `dim`; shapes broadcast. */
export function cosineSimilarity(x1: Tensor, x2: Tensor, options: CosineSimilarityOptions = {}): Tensor {
  const { dim, eps } = optionsOf("cosineSimilarity", options, { dim: 1, eps: 1e-8 });
  const [a, b] = broadcastTensors(x1, x2);
  return inFullPrecision(a, () => normalize(a, { dim, eps }).mul(normalize(b, { dim, eps })).sum(dim));
}

/** Settings of {@link pairwiseDistance}. */
export interface PairwiseDistanceOptions {
  /** Order of the norm. */
  readonly p?: number;
  /** Added to every difference. */
  readonly eps?: number;
  readonly keepdim?: boolean;
}

/** Norm of the difference of two sets of vectors along the last dimension. */
export function pairwiseDistance(x1: Tensor, x2: Tensor, options: PairwiseDistanceOptions = {}): Tensor {
  const { p, eps, keepdim } = optionsOf("pairwiseDistance", options, { p: 2, eps: 1e-6, keepdim: false });
  return x1.sub(x2).add(eps).norm(p, -1, { keepdim });
}

/**
 * The p-distances of every pair of rows of `[N, D]`: `[N (N - 1) / 2]`, in the order of the upper triangle.
 * @throws ShapeError for another rank.
 * @example
 * F.pdist(tensor([[0, 0], [3, 4], [0, 1]])); // tensor([5.0000, 1.0000, 4.2426])
 */
export function pdist(input: Tensor, p = 2): Tensor {
  if (input.ndim !== 2) throw new ShapeError(`pdist: only supports 2D tensors, got ${formatShape(input.shape)}`, { shapes: [input.shape] });
  const [rows, others] = combinations(arange(0, input.shape[0], 1, { device: input.device })).unbind(1);
  return input.indexSelect(0, rows).sub(input.indexSelect(0, others)).norm(p, 1);
}
