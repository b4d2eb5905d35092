import { rand, type Shape, type Tensor } from "@sconce/core";
import { OddsDistribution } from "./bernoulli.js";
import { Categorical, type ClassOdds } from "./categorical.js";
import * as constraints from "./constraints.js";
import { type ArgConstraints, Distribution, type DistributionOptions, UNCHECKED } from "./distribution.js";
import { Independent } from "./independent.js";
import { Normal } from "./location-scale.js";
import { broadcastAll, clampProbs, like, type Param } from "./numbers.js";
import { BinaryOdds, type Odds } from "./odds.js";
import { TransformedDistribution } from "./transformed-distribution.js";
import { ExpTransform, SigmoidTransform } from "./transforms-scalar.js";
import { StickBreakingTransform } from "./transforms-vector.js";

/** The log-odds of a {@link RelaxedBernoulli}. */
export class LogitRelaxedBernoulli extends OddsDistribution {
  readonly temperature: Tensor;

  constructor(temperature: Param, odds: Odds, options: DistributionOptions = {}) {
    const binary = BinaryOdds.of(odds);
    super(binary, options);
    [this.temperature] = broadcastAll(temperature, binary.param);
    this.checkArgs();
  }

  override get support(): constraints.Constraint {
    return constraints.real;
  }

  override get hasRsample(): boolean {
    return true;
  }

  override expand(batchShape: Shape): LogitRelaxedBernoulli {
    return this.alike(new LogitRelaxedBernoulli(this.temperature, this.odds.expand(batchShape), UNCHECKED));
  }

  override rsample(sampleShape: Shape = []): Tensor {
    const shape = this.extendedShape(sampleShape);
    const probs = clampProbs(this.probs.expand(shape));
    const u = clampProbs(rand(shape, like(probs)));
    const noise = u.log().sub(u.neg().log1p());
    return noise.add(probs.log()).sub(probs.neg().log1p()).div(this.temperature);
  }

  override logProb(value: Tensor): Tensor {
    this.checkValue(value);
    const difference = this.logits.sub(value.mul(this.temperature));
    return this.temperature.log().add(difference).sub(difference.exp().log1p().mul(2));
  }
}

/**
 * Numbers of (0, 1) near the outcomes of a {@link Bernoulli}: the nearer, the lower the temperature.
 *
 * Source: https://arxiv.org/abs/1611.00712
 * @example
 * new RelaxedBernoulli(0.5, tensor([0.1, 0.9])).rsample().shape; // [2]
 */
export class RelaxedBernoulli extends TransformedDistribution {
  readonly #logits: LogitRelaxedBernoulli;

  constructor(temperature: Param, odds: Odds, options: DistributionOptions = {}) {
    const base = new LogitRelaxedBernoulli(temperature, odds, options);
    super(base, new SigmoidTransform(), options);
    this.#logits = base;
  }

  override get argConstraints(): ArgConstraints {
    return { probs: constraints.unitInterval, logits: constraints.real };
  }

  get temperature(): Tensor {
    return this.#logits.temperature;
  }

  get probs(): Tensor {
    return this.#logits.probs;
  }

  get logits(): Tensor {
    return this.#logits.logits;
  }

  override expand(batchShape: Shape): RelaxedBernoulli {
    return this.alike(new RelaxedBernoulli(this.temperature, { logits: this.logits.expand([...batchShape]) }, UNCHECKED));
  }
}

/** The logarithms of a {@link RelaxedOneHotCategorical}. */
class ExpRelaxedCategorical extends Distribution {
  readonly temperature: Tensor;
  readonly categorical: Categorical;

  constructor(temperature: Param, categorical: Categorical, options: DistributionOptions) {
    super(categorical.batchShape, categorical.logits.shape.slice(-1), options);
    this.temperature = broadcastAll(temperature, categorical.odds.param)[0].select(-1, 0).unsqueeze(-1);
    this.categorical = categorical;
  }

  override get argConstraints(): ArgConstraints {
    return {};
  }

  override get support(): constraints.Constraint {
    return constraints.realVector;
  }

  override get hasRsample(): boolean {
    return true;
  }

  override expand(batchShape: Shape): ExpRelaxedCategorical {
    const temperature = this.temperature.expand([...batchShape, ...this.eventShape]);
    return this.alike(new ExpRelaxedCategorical(temperature, this.categorical.expand(batchShape), UNCHECKED));
  }

  override rsample(sampleShape: Shape = []): Tensor {
    const { logits } = this.categorical;
    const u = clampProbs(rand(this.extendedShape(sampleShape), like(logits)));
    const scores = logits.sub(u.log().neg().log()).div(this.temperature);
    return scores.sub(scores.logsumexp(-1, { keepdim: true }));
  }

  override logProb(value: Tensor): Tensor {
    this.checkValue(value);
    const k = this.eventShape[0];
    const t = this.temperature.squeeze(-1);
    const [logits, y] = broadcastAll(this.categorical.logits, value);
    const score = logits.sub(y.mul(this.temperature));
    let factorial = 0;
    for (let i = 2; i < k; i++) factorial += Math.log(i);
    const norm = t
      .log()
      .mul(k - 1)
      .add(factorial);
    return score
      .sub(score.logsumexp(-1, { keepdim: true }))
      .sum(-1)
      .add(norm);
  }
}

/**
 * Parts of a whole near the outcomes of a `OneHotCategorical`: the nearer, the lower the temperature.
 *
 * Source: https://arxiv.org/abs/1611.00712
 * @example
 * new RelaxedOneHotCategorical(0.5, tensor([0.2, 0.3, 0.5])).rsample().shape; // [3]
 */
export class RelaxedOneHotCategorical extends TransformedDistribution {
  readonly #temperature: Param;
  readonly #categorical: Categorical;

  constructor(temperature: Param, odds: Odds<Tensor> | ClassOdds, options: DistributionOptions = {}) {
    const categorical = new Categorical(odds, options);
    super(new ExpRelaxedCategorical(temperature, categorical, options), new ExpTransform(), options);
    this.#temperature = temperature;
    this.#categorical = categorical;
  }

  override get argConstraints(): ArgConstraints {
    return { probs: constraints.simplex, logits: constraints.realVector };
  }

  override get support(): constraints.Constraint {
    return constraints.simplex;
  }

  get temperature(): Param {
    return this.#temperature;
  }

  get probs(): Tensor {
    return this.#categorical.probs;
  }

  get logits(): Tensor {
    return this.#categorical.logits;
  }

  override expand(batchShape: Shape): RelaxedOneHotCategorical {
    return this.alike(new RelaxedOneHotCategorical(this.#temperature, this.#categorical.odds.expand(batchShape), UNCHECKED));
  }
}

/**
 * Parts of a whole, `[..., K + 1]`, made of K normal numbers by stick breaking.
 * @example
 * new LogisticNormal(zeros(2), ones(2)).sample().shape; // [3]
 */
export class LogisticNormal extends TransformedDistribution {
  readonly loc: Tensor;
  readonly scale: Tensor;

  constructor(loc: Tensor, scale: Tensor, options: DistributionOptions = {}) {
    const base = new Normal(loc, scale, options);
    super(new Independent(base, 1, options), new StickBreakingTransform(), options);
    this.loc = base.loc;
    this.scale = base.scale;
  }

  override get argConstraints(): ArgConstraints {
    return { loc: constraints.real, scale: constraints.positive };
  }

  override get support(): constraints.Constraint {
    return constraints.simplex;
  }

  override expand(batchShape: Shape): LogisticNormal {
    const shape = [...batchShape, ...this.loc.shape.slice(-1)];
    return this.alike(new LogisticNormal(this.loc.expand(shape), this.scale.expand(shape), UNCHECKED));
  }
}
