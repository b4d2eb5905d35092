/** Divergences of distributions of different families. */
import { fullLike, type Tensor, where } from "@sconce/core";
import { Bernoulli, ContinuousBernoulli } from "./bernoulli.js";
import { Binomial, Poisson } from "./counts.js";
import { Gumbel, Pareto } from "./derived.js";
import { Beta } from "./dirichlet.js";
import type { Distribution } from "./distribution.js";
import { Exponential } from "./exponential.js";
import { Gamma } from "./gamma.js";
import type { DistributionClass, Divergence, Pair } from "./kl.js";
import { Laplace, Normal } from "./location-scale.js";
import { EULER } from "./numbers.js";
import { Uniform } from "./uniform.js";

const INFINITE = Number.POSITIVE_INFINITY;
const LOG_TWO_PI = Math.log(2 * Math.PI);

/** A pair of classes, typed by them. */
function pair<P extends Distribution, Q extends Distribution>(
  p: DistributionClass<P>,
  q: DistributionClass<Q>,
  divergence: Divergence<P, Q>,
): Pair {
  return [p, q, divergence as Divergence];
}

/** Pairs where `p` has values that `q` has not. */
function infinite(p: DistributionClass, others: readonly DistributionClass[]): Pair[] {
  return others.map((q) => [p, q, (a) => infiniteLike(a)]);
}

function infiniteLike(p: Distribution): Tensor {
  return fullLike(p.mean.detach(), INFINITE);
}

const xLogX = (x: Tensor): Tensor => x.mul(x.log());

function betaGamma(p: Beta, q: Gamma): Tensor {
  const sum = p.concentration1.add(p.concentration0);
  const t2 = q.concentration.lgamma().sub(q.concentration.mul(q.rate.log()));
  const t3 = q.concentration.sub(1).mul(p.concentration1.digamma().sub(sum.digamma()));
  return t2.sub(p.entropy()).sub(t3).add(q.rate.mul(p.concentration1).div(sum));
}

function betaNormal(p: Beta, q: Normal): Tensor {
  const mean = p.mean;
  const variance = q.scale.square();
  const t3 = p.variance.add(mean.square()).mul(0.5);
  const t5 = q.loc.square().mul(0.5);
  return variance
    .mul(2 * Math.PI)
    .log()
    .mul(0.5)
    .sub(p.entropy())
    .add(t3.sub(q.loc.mul(mean)).add(t5).div(variance));
}

function continuousBernoulliNormal(p: ContinuousBernoulli, q: Normal): Tensor {
  const t2 = q.loc.div(q.scale).square().add(LOG_TWO_PI).mul(0.5).add(q.scale.log());
  const t3 = p.variance.add(p.mean.square()).sub(q.loc.mul(p.mean).mul(2)).div(q.scale.square().mul(2));
  return t2.sub(p.entropy()).add(t3);
}

function exponentialGamma(p: Exponential, q: Gamma): Tensor {
  const ratio = q.rate.div(p.rate);
  const t1 = q.concentration.mul(ratio.log());
  return ratio
    .sub(t1)
    .add(q.concentration.lgamma())
    .add(q.concentration.mul(EULER))
    .sub(1 + EULER);
}

function exponentialGumbel(p: Exponential, q: Gumbel): Tensor {
  const product = p.rate.mul(q.scale);
  const shift = q.loc.div(q.scale);
  const t2 = shift.exp().mul(product).div(product.add(1));
  return product.log().sub(1).sub(shift).add(t2).add(product.reciprocal());
}

function exponentialNormal(p: Exponential, q: Normal): Tensor {
  const variance = q.scale.square();
  const squared = p.rate.square();
  const t1 = squared
    .mul(variance)
    .mul(2 * Math.PI)
    .log()
    .mul(0.5);
  const rest = squared.reciprocal().sub(q.loc.div(p.rate)).add(q.loc.square().mul(0.5));
  return t1.sub(1).add(rest.div(variance));
}

function gammaGumbel(p: Gamma, q: Gumbel): Tensor {
  const product = p.rate.mul(q.scale);
  const shift = q.loc.div(q.scale);
  const t1 = p.concentration.sub(1).mul(p.concentration.digamma()).sub(p.concentration.lgamma()).sub(p.concentration);
  const t2 = product.log().add(p.concentration.div(product));
  const t3 = shift.exp().mul(product.reciprocal().add(1).pow(p.concentration.neg())).sub(shift);
  return t1.add(t2).add(t3);
}

function gammaNormal(p: Gamma, q: Normal): Tensor {
  const variance = q.scale.square();
  const squared = p.rate.square();
  const t1 = squared
    .mul(variance)
    .mul(2 * Math.PI)
    .log()
    .mul(0.5)
    .sub(p.concentration)
    .sub(p.concentration.lgamma());
  const t2 = p.concentration.square().add(p.concentration).div(squared).mul(0.5);
  const t3 = q.loc.mul(p.concentration).div(p.rate);
  const rest = t2.sub(t3).add(q.loc.square().mul(0.5)).div(variance);
  return t1.add(p.concentration.sub(1).mul(p.concentration.digamma())).add(rest);
}

function gumbelNormal(p: Gumbel, q: Normal): Tensor {
  const ratio = p.scale.div(q.scale);
  const t1 = ratio.div(Math.sqrt(2 * Math.PI)).log();
  const t2 = ratio
    .mul(Math.PI * 0.5)
    .square()
    .div(3);
  const t3 = p.mean.sub(q.loc).div(q.scale).square().mul(0.5);
  return t2
    .sub(t1)
    .add(t3)
    .sub(EULER + 1);
}

function laplaceNormal(p: Laplace, q: Normal): Tensor {
  const variance = q.scale.square();
  const ratio = p.scale.square().div(variance);
  const t1 = ratio
    .mul(2 / Math.PI)
    .log()
    .mul(0.5);
  const rest = p.loc.sub(q.loc).square().mul(0.5);
  return ratio.sub(t1).add(rest.div(variance)).sub(1);
}

function normalGumbel(p: Normal, q: Gumbel): Tensor {
  const mean = p.loc.div(q.scale);
  const ratio = p.scale.div(q.scale).square();
  const shift = q.loc.div(q.scale);
  const t3 = ratio.mul(0.5).sub(mean).add(shift).exp();
  return mean
    .sub(shift)
    .sub(ratio.log().mul(0.5))
    .add(t3)
    .sub(0.5 * (1 + LOG_TWO_PI));
}

function normalLaplace(p: Normal, q: Laplace): Tensor {
  const difference = p.loc.sub(q.loc);
  const distance = difference.div(p.scale);
  const t2 = p.scale.mul(Math.sqrt(2 / Math.PI)).mul(distance.square().mul(-0.5).exp());
  const t3 = difference.mul(distance.mul(Math.SQRT1_2).erf());
  return t2
    .add(t3)
    .div(q.scale)
    .sub(p.scale.div(q.scale).log())
    .sub(0.5 * (1 + Math.log(0.5 * Math.PI)));
}

function paretoExponential(p: Pareto, q: Exponential): Tensor {
  const product = p.scale.mul(q.rate);
  const t3 = p.alpha.mul(product).div(p.alpha.sub(1));
  const result = p.alpha.div(product).log().sub(p.alpha.reciprocal()).add(t3).sub(1);
  return where(p.alpha.le(1), INFINITE, result);
}

function paretoGamma(p: Pareto, q: Gamma): Tensor {
  const common = p.scale.log().add(p.alpha.reciprocal());
  const t2 = q.concentration.lgamma().sub(q.concentration.mul(q.rate.log()));
  const t3 = q.concentration.neg().add(1).mul(common);
  const t4 = q.rate.mul(p.alpha).mul(p.scale).div(p.alpha.sub(1));
  const result = p.alpha.log().sub(common).add(t2).add(t3).add(t4).sub(1);
  return where(p.alpha.le(1), INFINITE, result);
}

function paretoNormal(p: Pareto, q: Normal): Tensor {
  const common = p.scale.div(p.alpha.sub(1));
  const t1 = q.scale
    .mul(p.alpha)
    .div(p.scale)
    .mul(Math.sqrt(2 * Math.PI))
    .log();
  const t3 = p.alpha.mul(common.square()).div(p.alpha.sub(2));
  const t4 = p.alpha.mul(common).sub(q.loc).square();
  const result = t1
    .sub(p.alpha.reciprocal())
    .add(t3.add(t4).div(q.scale.square().mul(2)))
    .sub(1);
  return where(p.alpha.le(2), INFINITE, result);
}

function uniformBeta(p: Uniform, q: Beta): Tensor {
  const width = p.high.sub(p.low);
  const [highRest, lowRest] = [p.high, p.low].map((x) => x.neg().add(1));
  const t2 = q.concentration1
    .sub(1)
    .mul(xLogX(p.high).sub(xLogX(p.low)).sub(width))
    .div(width);
  const t3 = q.concentration0
    .sub(1)
    .mul(xLogX(highRest).sub(xLogX(lowRest)).add(width))
    .div(width);
  const t4 = q.concentration1.lgamma().add(q.concentration0.lgamma()).sub(q.concentration1.add(q.concentration0).lgamma());
  return where(p.high.gt(1).logicalOr(p.low.lt(0)), INFINITE, t3.add(t4).sub(width.log()).sub(t2));
}

function uniformGamma(p: Uniform, q: Gamma): Tensor {
  const width = p.high.sub(p.low);
  const t2 = q.concentration.lgamma().sub(q.concentration.mul(q.rate.log()));
  const t3 = q.concentration
    .neg()
    .add(1)
    .mul(xLogX(p.high).sub(xLogX(p.low)).sub(width))
    .div(width);
  const result = t2
    .sub(width.log())
    .add(t3)
    .add(q.rate.mul(p.high.add(p.low)).div(2));
  return where(p.low.lt(0), INFINITE, result);
}

function uniformGumbel(p: Uniform, q: Gumbel): Tensor {
  const common = q.scale.div(p.high.sub(p.low));
  const [high, low] = [p.high, p.low].map((x) => x.sub(q.loc).div(q.scale));
  const t2 = common.mul(high.neg().exp().sub(low.neg().exp()));
  return common.log().add(high.add(low).mul(0.5)).sub(t2);
}

function uniformNormal(p: Uniform, q: Normal): Tensor {
  const width = p.high.sub(p.low);
  const t1 = q.scale
    .div(width)
    .mul(Math.sqrt(2 * Math.PI))
    .log();
  const t3 = p.mean.sub(q.loc).square();
  return t1.add(width.square().div(12).add(t3).mul(0.5).div(q.scale.square()));
}

function uniformPareto(p: Uniform, q: Pareto): Tensor {
  const width = p.high.sub(p.low);
  const t1 = q.alpha.mul(q.scale.pow(q.alpha)).mul(width).log();
  const t2 = xLogX(p.high).sub(xLogX(p.low)).sub(width).div(width);
  return where(p.low.lt(q.scale), INFINITE, t2.mul(q.alpha.add(1)).sub(t1));
}

/** Outside of [0, 1], where `q` has no values. */
function withinUnit(q: Uniform, result: Tensor): Tensor {
  return where(q.low.gt(0).logicalOr(q.high.lt(1)), INFINITE, result);
}

/** The pairs, by PyTorch's table. */
export const CROSS_PAIRS: readonly Pair[] = [
  pair(Bernoulli, Poisson, (p, q) => q.rate.sub(p.entropy()).sub(p.probs.mul(q.rate.log()))),
  pair(Beta, ContinuousBernoulli, (p, q) => p.entropy().neg().sub(p.mean.mul(q.logits)).sub(q.probs.neg().log1p()).sub(q.logNorm())),
  pair(Beta, Exponential, (p, q) => q.rate.mul(p.mean).sub(p.entropy()).sub(q.rate.log())),
  pair(Beta, Gamma, betaGamma),
  pair(Beta, Normal, betaNormal),
  pair(Beta, Uniform, (p, q) => withinUnit(q, q.high.sub(q.low).log().sub(p.entropy()))),
  pair(ContinuousBernoulli, Exponential, (p, q) => q.rate.mul(p.mean).sub(p.entropy()).sub(q.rate.log())),
  pair(ContinuousBernoulli, Normal, continuousBernoulliNormal),
  pair(ContinuousBernoulli, Uniform, (p, q) => withinUnit(q, q.high.sub(q.low).log().sub(p.entropy()))),
  pair(Exponential, Gamma, exponentialGamma),
  pair(Exponential, Gumbel, exponentialGumbel),
  pair(Exponential, Normal, exponentialNormal),
  pair(Gamma, Exponential, (p, q) => q.rate.mul(p.mean).sub(p.entropy()).sub(q.rate.log())),
  pair(Gamma, Gumbel, gammaGumbel),
  pair(Gamma, Normal, gammaNormal),
  pair(Gumbel, Normal, gumbelNormal),
  pair(Laplace, Normal, laplaceNormal),
  pair(Normal, Gumbel, normalGumbel),
  pair(Normal, Laplace, normalLaplace),
  pair(Pareto, Exponential, paretoExponential),
  pair(Pareto, Gamma, paretoGamma),
  pair(Pareto, Normal, paretoNormal),
  pair(Uniform, Beta, uniformBeta),
  pair(Uniform, ContinuousBernoulli, (p, q) => {
    const result = p.entropy().neg().sub(p.mean.mul(q.logits)).sub(q.probs.neg().log1p()).sub(q.logNorm());
    return where(p.high.gt(1).logicalOr(p.low.lt(0)), INFINITE, result);
  }),
  pair(Uniform, Exponential, (p, q) => {
    const result = q.rate.mul(p.mean).sub(p.high.sub(p.low).mul(q.rate).log());
    return where(p.low.lt(0), INFINITE, result);
  }),
  pair(Uniform, Gamma, uniformGamma),
  pair(Uniform, Gumbel, uniformGumbel),
  pair(Uniform, Normal, uniformNormal),
  pair(Uniform, Pareto, uniformPareto),
  ...infinite(Beta, [Pareto]),
  ...infinite(ContinuousBernoulli, [Pareto]),
  ...infinite(Exponential, [Beta, ContinuousBernoulli, Pareto, Uniform]),
  ...infinite(Gamma, [Beta, ContinuousBernoulli, Pareto, Uniform]),
  ...infinite(Gumbel, [Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform]),
  ...infinite(Laplace, [Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform]),
  ...infinite(Normal, [Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform]),
  ...infinite(Pareto, [Beta, ContinuousBernoulli, Uniform]),
  ...infinite(Poisson, [Bernoulli, Binomial]),
];
