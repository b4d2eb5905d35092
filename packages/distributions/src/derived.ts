import { finfo, fullLike, onesLike, type Shape, type Tensor, where, zerosLike } from "@sconce/core";
import * as constraints from "./constraints.js";
import type { ArgConstraints, DistributionOptions } from "./distribution.js";
import { UNCHECKED } from "./distribution.js";
import { Exponential } from "./exponential.js";
import { Cauchy, Normal } from "./location-scale.js";
import { broadcastAll, EULER, type Param } from "./numbers.js";
import { TransformedDistribution } from "./transformed-distribution.js";
import { AbsTransform, AffineTransform, ExpTransform, PowerTransform } from "./transforms-scalar.js";
import { Uniform } from "./uniform.js";

/**
 * Numbers whose logarithm is normal.
 * @example
 * new LogNormal(0, 1).mean; // tensor(1.6487)
 */
export class LogNormal extends TransformedDistribution {
  readonly loc: Tensor;
  readonly scale: Tensor;

  constructor(loc: Param, scale: Param, options: DistributionOptions = {}) {
    const base = new Normal(loc, scale, UNCHECKED);
    super(base, new ExpTransform(), options);
    this.loc = base.loc;
    this.scale = base.scale;
    this.checkArgs();
  }

  override get argConstraints(): ArgConstraints {
    return { loc: constraints.real, scale: constraints.positive };
  }

  override get mean(): Tensor {
    return this.loc.add(this.scale.square().div(2)).exp();
  }

  override get mode(): Tensor {
    return this.loc.sub(this.scale.square()).exp();
  }

  override get variance(): Tensor {
    const squared = this.scale.square();
    return squared.expm1().mul(this.loc.mul(2).add(squared).exp());
  }

  override expand(batchShape: Shape): LogNormal {
    const shape = [...batchShape];
    return this.alike(new LogNormal(this.loc.expand(shape), this.scale.expand(shape), UNCHECKED));
  }

  override entropy(): Tensor {
    return this.baseDist.entropy().add(this.loc);
  }
}

/** The distance from 0 of a distribution that is the same on both sides. */
abstract class Half extends TransformedDistribution {
  readonly scale: Tensor;

  constructor(base: Normal | Cauchy, options: DistributionOptions) {
    super(base, new AbsTransform(), options);
    this.scale = base.scale;
    this.checkArgs();
  }

  override get argConstraints(): ArgConstraints {
    return { scale: constraints.positive };
  }

  override get support(): constraints.Constraint {
    return constraints.nonnegative;
  }

  override get mode(): Tensor {
    return zerosLike(this.scale);
  }

  /** The logarithm of the density at `value`. */
  override logProb(value: Tensor): Tensor {
    this.checkValue(value);
    return where(value.ge(0), this.baseDist.logProb(value).add(Math.LN2), Number.NEGATIVE_INFINITY);
  }

  /** The probability of a value at most `value`. */
  override cdf(value: Tensor): Tensor {
    this.checkValue(value);
    return this.baseDist.cdf(value).mul(2).sub(1);
  }

  /** The value below which a share of the probability lies. */
  override icdf(probability: Tensor): Tensor {
    return this.baseDist.icdf(probability.add(1).div(2));
  }

  override entropy(): Tensor {
    return this.baseDist.entropy().sub(Math.LN2);
  }
}

/**
 * The absolute value of a normal number of mean 0.
 * @example
 * new HalfNormal(1).mean; // tensor(0.7979)
 */
export class HalfNormal extends Half {
  constructor(scale: Param, options: DistributionOptions = {}) {
    super(new Normal(0, scale, UNCHECKED), options);
  }

  override get mean(): Tensor {
    return this.scale.mul(Math.sqrt(2 / Math.PI));
  }

  override get variance(): Tensor {
    return this.scale.square().mul(1 - 2 / Math.PI);
  }

  /** The same distribution with a larger batch shape. */
  override expand(batchShape: Shape): HalfNormal {
    return this.alike(new HalfNormal(this.scale.expand([...batchShape]), UNCHECKED));
  }
}

/**
 * The absolute value of a Cauchy number around 0.
 * @example
 * new HalfCauchy(1).icdf(tensor(0.5)); // tensor(1.)
 */
export class HalfCauchy extends Half {
  constructor(scale: Param, options: DistributionOptions = {}) {
    super(new Cauchy(0, scale, UNCHECKED), options);
  }

  override get mean(): Tensor {
    return fullLike(this.scale, Number.POSITIVE_INFINITY);
  }

  override get variance(): Tensor {
    return this.baseDist.variance;
  }

  /** The same distribution with a larger batch shape. */
  override expand(batchShape: Shape): HalfCauchy {
    return this.alike(new HalfCauchy(this.scale.expand([...batchShape]), UNCHECKED));
  }
}

/**
 * The Gumbel distribution, of the largest of many numbers.
 * @example
 * new Gumbel(1, 2).mean; // tensor(2.1544)
 */
export class Gumbel extends TransformedDistribution {
  readonly loc: Tensor;
  readonly scale: Tensor;

  constructor(loc: Param, scale: Param, options: DistributionOptions = {}) {
    const [l, s] = broadcastAll(loc, scale);
    const { eps, tiny } = finfo(l.dtype);
    const base = new Uniform(fullLike(l, tiny), fullLike(l, 1 - eps), UNCHECKED);
    const log = new ExpTransform().inv;
    super(base, [log, new AffineTransform(0, -1), log, new AffineTransform(l, s.neg())], options);
    this.loc = l;
    this.scale = s;
    this.checkArgs();
  }

  override get argConstraints(): ArgConstraints {
    return { loc: constraints.real, scale: constraints.positive };
  }

  override get support(): constraints.Constraint {
    return constraints.real;
  }

  override get mean(): Tensor {
    return this.loc.add(this.scale.mul(EULER));
  }

  override get mode(): Tensor {
    return this.loc;
  }

  override get stddev(): Tensor {
    return this.scale.mul(Math.PI / Math.sqrt(6));
  }

  override get variance(): Tensor {
    return this.stddev.square();
  }

  override expand(batchShape: Shape): Gumbel {
    const shape = [...batchShape];
    return this.alike(new Gumbel(this.loc.expand(shape), this.scale.expand(shape), UNCHECKED));
  }

  override logProb(value: Tensor): Tensor {
    this.checkValue(value);
    const y = this.loc.sub(value).div(this.scale);
    return y.sub(y.exp()).sub(this.scale.log());
  }

  override cdf(value: Tensor): Tensor {
    this.checkValue(value);
    return this.loc.sub(value).div(this.scale).exp().neg().exp();
  }

  override icdf(probability: Tensor): Tensor {
    return this.loc.sub(this.scale.mul(probability.log().neg().log()));
  }

  override entropy(): Tensor {
    return this.scale.log().add(1 + EULER);
  }
}

/**
 * The Pareto distribution, of what few have most of: values from `scale` on.
 * @example
 * new Pareto(1, 3).mean; // tensor(1.5000)
 */
export class Pareto extends TransformedDistribution {
  readonly scale: Tensor;
  readonly alpha: Tensor;

  constructor(scale: Param, alpha: Param, options: DistributionOptions = {}) {
    const [s, a] = broadcastAll(scale, alpha);
    super(new Exponential(a, UNCHECKED), [new ExpTransform(), new AffineTransform(0, s)], options);
    this.scale = s;
    this.alpha = a;
    this.checkArgs();
  }

  override get argConstraints(): ArgConstraints {
    return { alpha: constraints.positive, scale: constraints.positive };
  }

  override get support(): constraints.Bounded {
    return constraints.greaterThanEq(this.scale.detach());
  }

  /** Infinite up to an `alpha` of 1. */
  override get mean(): Tensor {
    const a = this.alpha.clamp({ min: 1 });
    return a.mul(this.scale).div(a.sub(1));
  }

  override get mode(): Tensor {
    return this.scale;
  }

  /** Infinite up to an `alpha` of 2. */
  override get variance(): Tensor {
    const a = this.alpha.clamp({ min: 2 });
    return this.scale
      .square()
      .mul(a)
      .div(a.sub(1).square().mul(a.sub(2)));
  }

  override expand(batchShape: Shape): Pareto {
    const shape = [...batchShape];
    return this.alike(new Pareto(this.scale.expand(shape), this.alpha.expand(shape), UNCHECKED));
  }

  override entropy(): Tensor {
    return this.scale.div(this.alpha).log().add(this.alpha.reciprocal()).add(1);
  }
}

/**
 * The Weibull distribution, of times until something fails.
 * @example
 * new Weibull(1, 1).mean; // tensor(1.)
 */
export class Weibull extends TransformedDistribution {
  readonly scale: Tensor;
  readonly concentration: Tensor;

  constructor(scale: Param, concentration: Param, options: DistributionOptions = {}) {
    const [s, c] = broadcastAll(scale, concentration);
    const base = new Exponential(onesLike(s), UNCHECKED);
    super(base, [new PowerTransform(c.reciprocal()), new AffineTransform(0, s)], options);
    this.scale = s;
    this.concentration = c;
    this.checkArgs();
  }

  override get argConstraints(): ArgConstraints {
    return { scale: constraints.positive, concentration: constraints.positive };
  }

  override get support(): constraints.Constraint {
    return constraints.positive;
  }

  override get mean(): Tensor {
    return this.scale.mul(this.concentration.reciprocal().add(1).lgamma().exp());
  }

  override get mode(): Tensor {
    const c = this.concentration;
    return this.scale.mul(c.sub(1).div(c).pow(c.reciprocal()));
  }

  override get variance(): Tensor {
    const inverse = this.concentration.reciprocal();
    const second = inverse.mul(2).add(1).lgamma().exp();
    return this.scale.square().mul(second.sub(inverse.add(1).lgamma().mul(2).exp()));
  }

  override expand(batchShape: Shape): Weibull {
    const shape = [...batchShape];
    return this.alike(new Weibull(this.scale.expand(shape), this.concentration.expand(shape), UNCHECKED));
  }

  override entropy(): Tensor {
    const inverse = this.concentration.reciprocal();
    return inverse.neg().add(1).mul(EULER).add(this.scale.mul(inverse).log()).add(1);
  }
}

/**
 * Kumaraswamy's distribution of parts of a whole: like a beta distribution, with a distribution function in closed form.
 * @example
 * new Kumaraswamy(1, 1).mean; // tensor(0.5000)
 */
export class Kumaraswamy extends TransformedDistribution {
  readonly concentration1: Tensor;
  readonly concentration0: Tensor;

  constructor(concentration1: Param, concentration0: Param, options: DistributionOptions = {}) {
    const [c1, c0] = broadcastAll(concentration1, concentration0);
    const base = new Uniform(zerosLike(c0), onesLike(c0), UNCHECKED);
    super(base, [new PowerTransform(c0.reciprocal()), new AffineTransform(1, -1), new PowerTransform(c1.reciprocal())], options);
    this.concentration1 = c1;
    this.concentration0 = c0;
    this.checkArgs();
  }

  override get argConstraints(): ArgConstraints {
    return { concentration1: constraints.positive, concentration0: constraints.positive };
  }

  override get support(): constraints.Constraint {
    return constraints.unitInterval;
  }

  #moment(n: number): Tensor {
    const b = this.concentration0;
    const a = this.concentration1.reciprocal().mul(n).add(1);
    return b.mul(a.lgamma().add(b.lgamma()).sub(a.add(b).lgamma()).exp());
  }

  override get mean(): Tensor {
    return this.#moment(1);
  }

  override get mode(): Tensor {
    const [c1, c0] = [this.concentration1, this.concentration0];
    const log = c0.reciprocal().mul(c0.neg().log1p()).sub(c0.mul(c1).neg().log1p());
    return where(c0.lt(1).logicalOr(c1.lt(1)), Number.NaN, log).exp();
  }

  override get variance(): Tensor {
    return this.#moment(2).sub(this.mean.square());
  }

  override expand(batchShape: Shape): Kumaraswamy {
    const shape = [...batchShape];
    return this.alike(new Kumaraswamy(this.concentration1.expand(shape), this.concentration0.expand(shape), UNCHECKED));
  }

  override entropy(): Tensor {
    const [c1, c0] = [this.concentration1, this.concentration0];
    const t1 = c1.reciprocal().neg().add(1);
    const t0 = c0.reciprocal().neg().add(1);
    return t0
      .add(t1.mul(c0.add(1).digamma().add(EULER)))
      .sub(c1.log())
      .sub(c0.log());
  }
}
