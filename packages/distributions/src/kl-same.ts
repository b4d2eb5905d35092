/** Divergences of two distributions of the same family. */

import { broadcastShapes, NotSupportedError, ShapeError, type Tensor, where } from "@sconce/core";
import { solveTriangular } from "@sconce/core/linalg";
import { softplus } from "@sconce/core/nn";
import { Bernoulli, ContinuousBernoulli, Geometric } from "./bernoulli.js";
import { Categorical, OneHotCategorical } from "./categorical.js";
import { Binomial, Poisson } from "./counts.js";
import { Gumbel, HalfNormal, Pareto } from "./derived.js";
import { Beta, Dirichlet } from "./dirichlet.js";
import type { Distribution } from "./distribution.js";
import { Exponential } from "./exponential.js";
import { Gamma } from "./gamma.js";
import type { DistributionClass, Divergence, Pair } from "./kl.js";
import { Cauchy, Laplace, Normal } from "./location-scale.js";
import { LowRankMultivariateNormal } from "./low-rank.js";
import { halfLogDet, MultivariateNormal, mahalanobis } from "./multivariate-normal.js";
import { allTrue, EULER } from "./numbers.js";
import { Uniform } from "./uniform.js";

const INFINITE = Number.POSITIVE_INFINITY;

/** A pair of one class, typed by it. */
function same<D extends Distribution>(type: DistributionClass<D>, divergence: Divergence<D, D>): Pair {
  return [type, type, divergence as Divergence];
}

function normals(p: Normal, q: Normal): Tensor {
  const ratio = p.scale.div(q.scale).square();
  const shift = p.loc.sub(q.loc).div(q.scale).square();
  return ratio.add(shift).sub(1).sub(ratio.log()).mul(0.5);
}

/** What one of two outcomes adds: its probability times the difference of the log-probabilities. */
function outcome(p: Tensor, q: Tensor, difference: Tensor): Tensor {
  return where(p.eq(0), 0, where(q.eq(0), INFINITE, p.mul(difference)));
}

function bernoullis(p: Bernoulli, q: Bernoulli): Tensor {
  const one = outcome(p.probs, q.probs, softplus(q.logits.neg()).sub(softplus(p.logits.neg())));
  const [pZero, qZero] = [p, q].map(({ probs }) => probs.neg().add(1));
  return one.add(outcome(pZero, qZero, softplus(q.logits).sub(softplus(p.logits))));
}

function categoricals(p: Categorical | OneHotCategorical, q: Categorical | OneHotCategorical): Tensor {
  return outcome(p.probs, q.probs, p.logits.sub(q.logits)).sum(-1);
}

function binomials(p: Binomial, q: Binomial): Tensor {
  if (!allTrue(p.totalCount.ge(q.totalCount)))
    throw new NotSupportedError("KL between Binomials where q.totalCount > p.totalCount is not implemented");
  const each = p.probs.mul(p.logits.sub(q.logits)).add(p.probs.neg().log1p()).sub(q.probs.neg().log1p());
  return where(p.totalCount.gt(q.totalCount), INFINITE, p.totalCount.mul(each));
}

function betas(p: Beta, q: Beta): Tensor {
  const [pSum, qSum] = [p, q].map((b) => b.concentration1.add(b.concentration0));
  const t1 = q.concentration1.lgamma().add(q.concentration0.lgamma()).add(pSum.lgamma());
  const t2 = p.concentration1.lgamma().add(p.concentration0.lgamma()).add(qSum.lgamma());
  const t3 = p.concentration1.sub(q.concentration1).mul(p.concentration1.digamma());
  const t4 = p.concentration0.sub(q.concentration0).mul(p.concentration0.digamma());
  return t1.sub(t2).add(t3).add(t4).add(qSum.sub(pSum).mul(pSum.digamma()));
}

function dirichlets(p: Dirichlet, q: Dirichlet): Tensor {
  const [pSum, qSum] = [p, q].map((d) => d.concentration.sum(-1));
  const t2 = p.concentration.lgamma().sub(q.concentration.lgamma()).sum(-1);
  const t4 = p.concentration.digamma().sub(pSum.digamma().unsqueeze(-1));
  return pSum.lgamma().sub(qSum.lgamma()).sub(t2).add(p.concentration.sub(q.concentration).mul(t4).sum(-1));
}

function gammas(p: Gamma, q: Gamma): Tensor {
  const t1 = q.concentration.mul(p.rate.div(q.rate).log());
  const t2 = q.concentration.lgamma().sub(p.concentration.lgamma());
  const t3 = p.concentration.sub(q.concentration).mul(p.concentration.digamma());
  return t1
    .add(t2)
    .add(t3)
    .add(q.rate.sub(p.rate).mul(p.concentration.div(p.rate)));
}

function gumbels(p: Gumbel, q: Gumbel): Tensor {
  const ratio = p.scale.div(q.scale);
  const shift = q.loc.sub(p.loc).div(q.scale);
  const t3 = shift.add(ratio.add(1).lgamma()).exp();
  return ratio
    .log()
    .neg()
    .sub(shift)
    .add(ratio.mul(EULER))
    .add(t3)
    .sub(1 + EULER);
}

function laplaces(p: Laplace, q: Laplace): Tensor {
  const ratio = p.scale.div(q.scale);
  const distance = p.loc.sub(q.loc).abs();
  return ratio
    .log()
    .neg()
    .add(distance.div(q.scale))
    .add(ratio.mul(distance.neg().div(p.scale).exp()))
    .sub(1);
}

function multivariateNormals(p: MultivariateNormal, q: MultivariateNormal): Tensor {
  const [n] = p.eventShape;
  if (q.eventShape[0] !== n)
    throw new ShapeError("KL-divergence between two Multivariate Normals with different event shapes cannot be computed");
  const batch = broadcastShapes(p.batchShape, q.batchShape);
  const [pTril, qTril] = [p, q].map((d) => d.scaleTril.expand([...batch, n, n]));
  const trace = solveTriangular(qTril, pTril, { upper: false })
    .square()
    .sum({ dim: [-2, -1] });
  const distance = mahalanobis(qTril, q.loc.sub(p.loc));
  return halfLogDet(qTril).sub(halfLogDet(pTril)).add(trace.add(distance).sub(n).mul(0.5));
}

const full = (d: MultivariateNormal | LowRankMultivariateNormal): MultivariateNormal =>
  d instanceof LowRankMultivariateNormal ? d.full() : d;

/** Pairs of normal vectors of which one has a covariance of low rank. */
const LOW_RANK: readonly Pair[] = [
  [LowRankMultivariateNormal, LowRankMultivariateNormal],
  [LowRankMultivariateNormal, MultivariateNormal],
  [MultivariateNormal, LowRankMultivariateNormal],
].map(([P, Q]) => [P, Q, (p, q) => multivariateNormals(full(p as MultivariateNormal), full(q as MultivariateNormal))] as Pair);

function paretos(p: Pareto, q: Pareto): Tensor {
  const ratio = q.alpha.div(p.alpha);
  const result = q.alpha.mul(p.scale.div(q.scale).log()).sub(ratio.log()).add(ratio).sub(1);
  return where(p.scale.lt(q.scale), INFINITE, result);
}

function continuousBernoullis(p: ContinuousBernoulli, q: ContinuousBernoulli): Tensor {
  const t2 = p.logNorm().add(p.probs.neg().log1p());
  return p.mean.mul(p.logits.sub(q.logits)).add(t2).sub(q.logNorm()).sub(q.probs.neg().log1p());
}

/** The pairs, by PyTorch's table. */
export const SAME_PAIRS: readonly Pair[] = [
  same(Normal, normals),
  same(Bernoulli, bernoullis),
  same(Categorical, categoricals),
  same(OneHotCategorical, categoricals),
  same(Binomial, binomials),
  same(Beta, betas),
  same(Dirichlet, dirichlets),
  same(Gamma, gammas),
  same(Gumbel, gumbels),
  same(Laplace, laplaces),
  same(MultivariateNormal, multivariateNormals),
  ...LOW_RANK,
  same(Pareto, paretos),
  same(ContinuousBernoulli, continuousBernoullis),
  same(HalfNormal, (p, q) => normals(p.baseDist as Normal, q.baseDist as Normal)),
  same(Geometric, (p, q) => p.entropy().neg().sub(q.probs.neg().log1p().div(p.probs)).sub(q.logits)),
  same(Poisson, (p, q) => p.rate.mul(p.rate.log().sub(q.rate.log())).sub(p.rate.sub(q.rate))),
  same(Exponential, (p, q) => {
    const ratio = q.rate.div(p.rate);
    return ratio.sub(ratio.log()).sub(1);
  }),
  same(Uniform, (p, q) => {
    const result = q.high.sub(q.low).div(p.high.sub(p.low)).log();
    return where(q.low.gt(p.low).logicalOr(q.high.lt(p.high)), INFINITE, result);
  }),
  same(Cauchy, (p, q) => {
    const joint = p.scale.add(q.scale).square().add(p.loc.sub(q.loc).square()).log();
    return joint.sub(p.scale.mul(q.scale).mul(4).log());
  }),
];
