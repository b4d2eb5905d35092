import { apply, arange, bernoulli, finfo, rand, type Shape, type Tensor, where, zerosLike } from "@sconce/core";
import * as constraints from "./constraints.js";
import { type ArgConstraints, Distribution, type DistributionOptions, UNCHECKED } from "./distribution.js";
import { allTrue, broadcastAll, canBlock, clampProbs, like } from "./numbers.js";
import { BinaryOdds, type Odds } from "./odds.js";

/** `-log` of the probability of an outcome, from the log-odds. */
function binaryCrossEntropy(logits: Tensor, outcome: Tensor): Tensor {
  const [x, y] = broadcastAll(logits, outcome.cast(logits.dtype));
  return apply("bceWithLogits", [x, y], null);
}

/** A distribution with the odds of success as its parameter. */
export abstract class OddsDistribution extends Distribution {
  /** @internal */
  protected readonly odds: BinaryOdds;

  protected constructor(odds: BinaryOdds, options: DistributionOptions) {
    super(odds.param.shape, [], options);
    this.odds = odds;
  }

  /** Probability of 1. */
  get probs(): Tensor {
    return this.odds.probs;
  }

  /** Logarithm of the odds of 1. */
  get logits(): Tensor {
    return this.odds.logits;
  }

  override get argConstraints(): ArgConstraints {
    return { probs: constraints.unitInterval, logits: constraints.real };
  }

  protected override shownParams(): readonly string[] {
    return Object.keys(this.argConstraints).filter((name) => (name !== "probs" && name !== "logits") || name === this.odds.given);
  }
}

/**
 * 1 with a probability, else 0; given as the probability or as `{ logits }`.
 * @example
 * new Bernoulli(0.3).mean; // tensor(0.3000)
 * new Bernoulli({ logits: 0 }).probs; // tensor(0.5000)
 */
export class Bernoulli extends OddsDistribution {
  constructor(odds: Odds, options: DistributionOptions = {}) {
    super(BinaryOdds.of(odds), options);
    this.checkArgs();
  }

  override get support(): constraints.Constraint {
    return constraints.boolean;
  }

  override get hasEnumerateSupport(): boolean {
    return true;
  }

  override get mean(): Tensor {
    return this.probs;
  }

  /** NaN where both are as likely. */
  override get mode(): Tensor {
    return where(this.probs.eq(0.5), Number.NaN, this.probs.ge(0.5).cast(this.probs.dtype));
  }

  override get variance(): Tensor {
    return this.probs.mul(this.probs.neg().add(1));
  }

  override expand(batchShape: Shape): Bernoulli {
    return this.alike(new Bernoulli(this.odds.expand(batchShape), UNCHECKED));
  }

  /** Draws samples; PyTorch's for the same seed on a device that can be read at once, and numbers of the device elsewhere. */
  override sample(sampleShape: Shape = []): Tensor {
    const probs = this.probs.detach().expand(this.extendedShape(sampleShape));
    if (canBlock(probs)) return bernoulli(probs);
    return rand([...probs.shape], like(probs))
      .lt(probs)
      .cast(probs.dtype);
  }

  override logProb(value: Tensor): Tensor {
    this.checkValue(value);
    return binaryCrossEntropy(this.logits, value).neg();
  }

  override entropy(): Tensor {
    return binaryCrossEntropy(this.logits, this.probs);
  }

  override enumerateSupport(expand = true): Tensor {
    return enumerate(2, this.batchShape, this.odds.param, expand);
  }
}

/** 0 up to n - 1 as `[n, ...batchShape]`, or `[n, 1, ...]`. */
export function enumerate(n: number, batchShape: Shape, beside: Tensor, expand: boolean): Tensor {
  const values = arange(0, n, 1, like(beside)).view([n, ...batchShape.map(() => 1)]);
  return expand ? values.expand([n, ...batchShape]) : values;
}

/**
 * Failures before the first success of a probability.
 * @throws ValueError for a probability of 0.
 * @example
 * new Geometric(0.25).mean; // tensor(3.)
 */
export class Geometric extends OddsDistribution {
  constructor(odds: Odds, options: DistributionOptions = {}) {
    super(BinaryOdds.of(odds), options);
    this.checkArgs();
  }

  protected override checkArgs(): void {
    super.checkArgs();
    if (!this.validates || this.odds.given === "logits" || allTrue(this.probs.detach().gt(0))) return;
    throw this.invalid("probs", "to be positive");
  }

  override get support(): constraints.Constraint {
    return constraints.nonnegativeInteger;
  }

  override get mean(): Tensor {
    return this.probs.reciprocal().sub(1);
  }

  override get mode(): Tensor {
    return zerosLike(this.probs);
  }

  override get variance(): Tensor {
    return this.probs.reciprocal().sub(1).div(this.probs);
  }

  override expand(batchShape: Shape): Geometric {
    return this.alike(new Geometric(this.odds.expand(batchShape), UNCHECKED));
  }

  override sample(sampleShape: Shape = []): Tensor {
    const probs = this.probs.detach();
    const u = rand(this.extendedShape(sampleShape), like(probs)).clamp({ min: finfo(probs.dtype).tiny });
    return u.log().div(probs.neg().log1p()).floor();
  }

  override logProb(value: Tensor): Tensor {
    this.checkValue(value);
    // Without a failure, how unlikely one is does not count.
    const probs = where(this.probs.eq(1).logicalAnd(value.eq(0)), 0, this.probs);
    return value.mul(probs.neg().log1p()).add(this.probs.log());
  }

  override entropy(): Tensor {
    return binaryCrossEntropy(this.logits, this.probs).div(this.probs);
  }
}

/** Parameters of {@link ContinuousBernoulli} beside its odds. */
export interface ContinuousBernoulliOptions extends DistributionOptions {
  /** Probabilities between which a series takes the place of the formulas, 0.499 to 0.501 by default. */
  readonly lims?: readonly [number, number];
}

/**
 * Numbers of `[0, 1]` with a density in proportion to `p^x (1 - p)^(1 - x)`.
 *
 * Source: https://arxiv.org/abs/1907.06845
 * @example
 * new ContinuousBernoulli(0.3).mean; // tensor(0.4302)
 */
export class ContinuousBernoulli extends OddsDistribution {
  readonly #lims: readonly [number, number];

  constructor(odds: Odds, { lims = [0.499, 0.501], ...options }: ContinuousBernoulliOptions = {}) {
    super(BinaryOdds.of(odds), options);
    this.#lims = lims;
    this.checkArgs();
  }

  override get support(): constraints.Bounded {
    return constraints.unitInterval;
  }

  override get hasRsample(): boolean {
    return true;
  }

  override get probs(): Tensor {
    return clampProbs(this.odds.probs);
  }

  override expand(batchShape: Shape): ContinuousBernoulli {
    return this.alike(new ContinuousBernoulli(this.odds.expand(batchShape), { lims: this.#lims, ...UNCHECKED }));
  }

  /** True where the formulas hold, away from a half. */
  get #stable(): Tensor {
    return this.probs.le(this.#lims[0]).logicalOr(this.probs.gt(this.#lims[1]));
  }

  get #cut(): Tensor {
    return where(this.#stable, this.probs, this.#lims[0]);
  }

  /** The logarithm of the factor that makes the density one. */
  logNorm(): Tensor {
    const p = this.#cut;
    const below = p.le(0.5);
    const width = where(below, where(below, p, 0).mul(-2).log1p(), where(below, 1, p).mul(2).sub(1).log());
    const formula = p.neg().log1p().sub(p.log()).abs().log().sub(width);
    const x = this.probs.sub(0.5).square();
    return where(
      this.#stable,
      formula,
      x
        .mul(104 / 45)
        .add(4 / 3)
        .mul(x)
        .add(Math.LN2),
    );
  }

  override get mean(): Tensor {
    const p = this.#cut;
    const formula = p.div(p.mul(2).sub(1)).add(p.neg().log1p().sub(p.log()).reciprocal());
    const x = this.probs.sub(0.5);
    return where(
      this.#stable,
      formula,
      x
        .square()
        .mul(16 / 45)
        .add(1 / 3)
        .mul(x)
        .add(0.5),
    );
  }

  override get variance(): Tensor {
    const p = this.#cut;
    const formula = p.mul(p.sub(1)).div(p.mul(-2).add(1).square()).add(p.neg().log1p().sub(p.log()).square().reciprocal());
    const x = this.probs.sub(0.5).square();
    return where(
      this.#stable,
      formula,
      x
        .mul(-128 / 945)
        .add(1 / 15)
        .mul(x)
        .neg()
        .add(1 / 12),
    );
  }

  override rsample(sampleShape: Shape = []): Tensor {
    return this.icdf(rand(this.extendedShape(sampleShape), like(this.probs)));
  }

  override logProb(value: Tensor): Tensor {
    this.checkValue(value);
    return this.logNorm().sub(binaryCrossEntropy(this.logits, value));
  }

  override cdf(value: Tensor): Tensor {
    this.checkValue(value);
    const p = this.#cut;
    const formula = p
      .pow(value)
      .mul(p.neg().add(1).pow(value.neg().add(1)))
      .add(p)
      .sub(1)
      .div(p.mul(2).sub(1));
    return where(value.le(0), 0, where(value.ge(1), 1, where(this.#stable, formula, value)));
  }

  override icdf(probability: Tensor): Tensor {
    const p = this.#cut;
    const rest = p.neg().log1p();
    const formula = probability.mul(p.mul(2).sub(1)).sub(p).log1p().sub(rest).div(p.log().sub(rest));
    return where(this.#stable, formula, probability);
  }

  override entropy(): Tensor {
    const [zero, one] = [this.probs.neg().log1p(), this.probs.log()];
    return this.mean.mul(zero.sub(one)).sub(this.logNorm()).sub(zero);
  }
}
