import { NotSupportedError, type Tensor } from "@sconce/core";
import type { Distribution } from "./distribution.js";
import { Independent } from "./independent.js";
import { CROSS_PAIRS } from "./kl-cross.js";
import { SAME_PAIRS } from "./kl-same.js";
import { sumRightmost } from "./numbers.js";
import { sameTransforms } from "./transform.js";
import { TransformedDistribution } from "./transformed-distribution.js";

/** A class of distributions. */
// biome-ignore lint/suspicious/noExplicitAny: a class with any constructor
export type DistributionClass<D extends Distribution = Distribution> = abstract new (...args: any[]) => D;

/** The divergence of two distributions. */
export type Divergence<P extends Distribution = Distribution, Q extends Distribution = Distribution> = (p: P, q: Q) => Tensor;

/** Two classes and the divergence of their distributions. */
export type Pair = readonly [DistributionClass, DistributionClass, Divergence];

/** Pairs of a program; later ones come before earlier ones. */
const added: Pair[] = [];

/**
 * Adds a divergence for two classes and their subclasses; the one for the nearest classes is taken.
 * @example
 * class Shifted extends Normal {}
 * registerKl(Shifted, Shifted, (p, q) => p.loc.sub(q.loc).square().div(2));
 */
export function registerKl<P extends Distribution, Q extends Distribution>(
  p: DistributionClass<P>,
  q: DistributionClass<Q>,
  divergence: Divergence<P, Q>,
): void {
  added.unshift([p, q, divergence as Divergence]);
}

/** Steps from a class of an object up to `target`. */
function distance(value: Distribution, target: DistributionClass): number {
  let steps = 0;
  for (let proto = Object.getPrototypeOf(value) as object | null; proto !== null; proto = Object.getPrototypeOf(proto) as object | null) {
    if (proto === target.prototype) return steps;
    steps++;
  }
  return Number.POSITIVE_INFINITY;
}

const COMPOSED: readonly Pair[] = [
  [
    Independent,
    Independent,
    (p, q) => {
      const [a, b] = [p as Independent, q as Independent];
      if (a.reinterpretedBatchNdims !== b.reinterpretedBatchNdims) return refuse(p, q, "they take different dimensions together");
      return sumRightmost(klDivergence(a.baseDist, b.baseDist), a.reinterpretedBatchNdims);
    },
  ],
  [
    TransformedDistribution,
    TransformedDistribution,
    (p, q) => {
      const [a, b] = [p as TransformedDistribution, q as TransformedDistribution];
      if (!sameTransforms(a.transforms, b.transforms)) return refuse(p, q, "their transforms differ");
      return klDivergence(a.baseDist, b.baseDist);
    },
  ],
];

function refuse(p: Distribution, q: Distribution, why: string): never {
  throw new NotSupportedError(`No KL(p || q) is implemented for p type ${p.constructor.name} and q type ${q.constructor.name}: ${why}`);
}

/**
 * The Kullback-Leibler divergence of `p` from `q`, for each member of their batch: the expected difference of their log-probabilities under `p`.
 * @throws NotSupportedError for distributions without a closed form.
 * @example
 * klDivergence(new Normal(0, 1), new Normal(1, 1)); // tensor(0.5000)
 */
export function klDivergence(p: Distribution, q: Distribution): Tensor {
  let best: { readonly near: readonly [number, number]; readonly divergence: Divergence } | undefined;
  for (const [P, Q, divergence] of [...added, ...SAME_PAIRS, ...CROSS_PAIRS, ...COMPOSED]) {
    const near = [distance(p, P), distance(q, Q)] as const;
    if (!Number.isFinite(near[0]) || !Number.isFinite(near[1])) continue;
    if (best === undefined || near[0] < best.near[0] || (near[0] === best.near[0] && near[1] < best.near[1])) best = { near, divergence };
  }
  return best === undefined ? refuse(p, q, "register one with registerKl") : best.divergence(p, q);
}
