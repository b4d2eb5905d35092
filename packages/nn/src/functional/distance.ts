import { broadcastTensors, inFullPrecision, type Tensor } from "@sconce/core";

/** Settings of {@link normalize}. */
export interface NormalizeOptions {
  /** Order of the norm. */
  readonly p?: number;
  readonly dim?: number;
  /** Smallest norm to divide by. */
  readonly eps?: number;
}

/** Vectors along `dim` divided by their norm. */
export function normalize(input: Tensor, { p = 2, dim = 1, eps = 1e-12 }: NormalizeOptions = {}): Tensor {
  return input.div(input.norm(p, dim, { keepdim: true }).clampMin(eps));
}

/** Settings of {@link cosineSimilarity}. */
export interface CosineSimilarityOptions {
  readonly dim?: number;
  /** Smallest norm to divide by. */
  readonly eps?: number;
}

/** Cosine of the angle between vectors along `dim`; shapes broadcast. */
export function cosineSimilarity(x1: Tensor, x2: Tensor, { dim = 1, eps = 1e-8 }: CosineSimilarityOptions = {}): Tensor {
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
export function pairwiseDistance(x1: Tensor, x2: Tensor, { p = 2, eps = 1e-6, keepdim = false }: PairwiseDistanceOptions = {}): Tensor {
  return x1.sub(x2).add(eps).norm(p, -1, { keepdim });
}
