import { NotSupportedError, type Shape, type Tensor, where } from "@sconce/core";
import { drawPoisson } from "@sconce/core/math";
import { logSigmoid } from "@sconce/core/nn";
import { enumerate, OddsDistribution } from "./bernoulli.js";
import * as constraints from "./constraints.js";
import { type ArgConstraints, Distribution, type DistributionOptions, UNCHECKED } from "./distribution.js";
import { drawBinomial, drawEach } from "./draw.js";
import { Gamma } from "./gamma.js";
import { broadcastAll, type Param } from "./numbers.js";
import { BinaryOdds, type Odds, splitOdds } from "./odds.js";

/** Counts and odds of one shape and dtype. */
function countsAndOdds(totalCount: Param, odds: Odds): readonly [Tensor, BinaryOdds] {
  const { given, value } = splitOdds(odds);
  const [count, param] = broadcastAll(totalCount, value);
  return [count.cast(param.dtype), new BinaryOdds(given, param)];
}

/**
 * Successes in `totalCount` trials.
 * @example
 * new Binomial(100, tensor([0, 0.2, 0.8, 1])).mean; // tensor([  0.,  20.,  80., 100.])
 */
export class Binomial extends OddsDistribution {
  readonly totalCount: Tensor;

  constructor(totalCount: Param, odds: Odds, options: DistributionOptions = {}) {
    const [count, both] = countsAndOdds(totalCount, odds);
    super(both, options);
    this.totalCount = count;
    this.checkArgs();
  }

  override get argConstraints(): ArgConstraints {
    return { totalCount: constraints.nonnegativeInteger, ...super.argConstraints };
  }

  override get support(): constraints.Constraint {
    return constraints.integerInterval(0, this.totalCount);
  }

  override get hasEnumerateSupport(): boolean {
    return true;
  }

  override get mean(): Tensor {
    return this.totalCount.mul(this.probs);
  }

  override get mode(): Tensor {
    return this.totalCount.add(1).mul(this.probs).floor().minimum(this.totalCount);
  }

  override get variance(): Tensor {
    return this.mean.mul(this.probs.neg().add(1));
  }

  override expand(batchShape: Shape): Binomial {
    return this.alike(new Binomial(this.totalCount.expand([...batchShape]), this.odds.expand(batchShape), UNCHECKED));
  }

  override sample(sampleShape: Shape = []): Tensor {
    const shape = this.extendedShape(sampleShape);
    return drawEach([this.totalCount.expand(shape), this.probs.expand(shape)], (g, [n, p]) => drawBinomial(g, n, p));
  }

  override logProb(value: Tensor): Tensor {
    this.checkValue(value);
    const { totalCount: n, logits } = this;
    // k log(p) + (n - k) log(1 - p), from the log-odds
    const norm = n.mul(clampByZero(logits)).add(n.mul(logits.abs().neg().exp().log1p())).sub(n.add(1).lgamma());
    return value.mul(logits).sub(value.add(1).lgamma()).sub(n.sub(value).add(1).lgamma()).sub(norm);
  }

  override entropy(): Tensor {
    const logProb = this.logProb(this.enumerateSupport(false));
    return logProb.exp().mul(logProb).sum(0).neg();
  }

  override enumerateSupport(expand = true): Tensor {
    const count = this.totalCount.max().itemSync();
    if (this.totalCount.min().itemSync() !== count)
      throw new NotSupportedError("Binomial: Inhomogeneous total count not supported by `enumerateSupport`.");
    return enumerate(count + 1, this.batchShape, this.odds.param, expand);
  }
}

/** Numbers above 0, and a slope of a half at 0. */
function clampByZero(x: Tensor): Tensor {
  return x
    .clamp({ min: 0 })
    .add(x)
    .sub(x.clamp({ max: 0 }))
    .div(2);
}

/**
 * Successes before `totalCount` failures.
 * @example
 * new NegativeBinomial(10, 0.5).mean; // tensor(10.)
 */
export class NegativeBinomial extends OddsDistribution {
  readonly totalCount: Tensor;

  constructor(totalCount: Param, odds: Odds, options: DistributionOptions = {}) {
    const [count, both] = countsAndOdds(totalCount, odds);
    super(both, options);
    this.totalCount = count;
    this.checkArgs();
  }

  override get argConstraints(): ArgConstraints {
    return {
      totalCount: constraints.greaterThanEq(0),
      probs: constraints.halfOpenInterval(0, 1),
      logits: constraints.real,
    };
  }

  override get support(): constraints.Constraint {
    return constraints.nonnegativeInteger;
  }

  override get mean(): Tensor {
    return this.totalCount.mul(this.logits.exp());
  }

  override get mode(): Tensor {
    return this.totalCount.sub(1).mul(this.logits.exp()).floor().clamp({ min: 0 });
  }

  override get variance(): Tensor {
    return this.mean.div(this.logits.neg().sigmoid());
  }

  override expand(batchShape: Shape): NegativeBinomial {
    return this.alike(new NegativeBinomial(this.totalCount.expand([...batchShape]), this.odds.expand(batchShape), UNCHECKED));
  }

  override sample(sampleShape: Shape = []): Tensor {
    // A count of 0 is none that a gamma distribution takes.
    const rates = new Gamma(this.totalCount, this.logits.neg().exp(), UNCHECKED).sample(sampleShape);
    return drawEach([rates], (g, [rate]) => drawPoisson(g, rate));
  }

  override logProb(value: Tensor): Tensor {
    this.checkValue(value);
    const { totalCount: n, logits } = this;
    const unnormalised = n.mul(logSigmoid(logits.neg())).add(value.mul(logSigmoid(logits)));
    const norm = value.add(1).lgamma().sub(n.add(value).lgamma()).add(n.lgamma());
    return unnormalised.sub(where(n.add(value).eq(0), 0, norm));
  }
}

/**
 * How many events come in a time in which `rate` are expected.
 * @example
 * new Poisson(4).logProb(tensor(2)); // tensor(-1.9206)
 */
export class Poisson extends Distribution {
  readonly rate: Tensor;

  constructor(rate: Param, options: DistributionOptions = {}) {
    const [r] = broadcastAll(rate);
    super(r.shape, [], options);
    this.rate = r;
    this.checkArgs();
  }

  override get argConstraints(): ArgConstraints {
    return { rate: constraints.nonnegative };
  }

  override get support(): constraints.Constraint {
    return constraints.nonnegativeInteger;
  }

  override get mean(): Tensor {
    return this.rate;
  }

  override get mode(): Tensor {
    return this.rate.floor();
  }

  override get variance(): Tensor {
    return this.rate;
  }

  override expand(batchShape: Shape): Poisson {
    return this.alike(new Poisson(this.rate.expand([...batchShape]), UNCHECKED));
  }

  override sample(sampleShape: Shape = []): Tensor {
    return drawEach([this.rate.expand(this.extendedShape(sampleShape))], (g, [rate]) => drawPoisson(g, rate));
  }

  override logProb(value: Tensor): Tensor {
    this.checkValue(value);
    return value.xlogy(this.rate).sub(this.rate).sub(value.add(1).lgamma());
  }
}
