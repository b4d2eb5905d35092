import { broadcastShapes, eye, finfo, fullLike, multinomial, rand, type Shape, type Tensor, ValueError, where, zeros } from "@sconce/core";
import { oneHot } from "@sconce/core/nn";
import { enumerate } from "./bernoulli.js";
import * as constraints from "./constraints.js";
import { Binomial } from "./counts.js";
import { type ArgConstraints, Distribution, type DistributionOptions, UNCHECKED } from "./distribution.js";
import { canBlock, clampProbs, like } from "./numbers.js";
import { type Odds, splitOdds } from "./odds.js";

/** Probabilities of classes `[..., K]` or their logarithms, normalised: what was given, and the other computed when it is asked for. */
export class ClassOdds {
  readonly given: "probs" | "logits";
  /** What was given. */
  readonly param: Tensor;
  #other: Tensor | undefined;

  constructor(given: "probs" | "logits", param: Tensor) {
    this.given = given;
    this.param = param;
  }

  /** Normalises what was given. @throws ValueError for odds without a dimension. */
  static of(odds: Odds<Tensor> | ClassOdds): ClassOdds {
    if (odds instanceof ClassOdds) return odds;
    const { given, value } = splitOdds(odds);
    if (value.ndim < 1) throw new ValueError(`Categorical: \`${given}\` parameter must be at least one-dimensional.`);
    const total = { keepdim: true } as const;
    return new ClassOdds(given, given === "probs" ? value.div(value.sum(-1, total)) : value.sub(value.logsumexp(-1, total)));
  }

  get probs(): Tensor {
    return this.given === "probs" ? this.param : (this.#other ??= this.param.softmax(-1));
  }

  get logits(): Tensor {
    return this.given === "logits" ? this.param : (this.#other ??= clampProbs(this.param).log());
  }

  /** The same for a larger batch. */
  expand(batchShape: Shape): ClassOdds {
    return new ClassOdds(this.given, this.param.expand([...batchShape, this.param.shape[this.param.ndim - 1]]));
  }
}

/** A distribution over classes. */
abstract class ClassDistribution extends Distribution {
  /** @internal */
  readonly odds: ClassOdds;

  protected constructor(odds: ClassOdds, eventShape: Shape, options: DistributionOptions) {
    super(odds.param.shape.slice(0, -1), eventShape, options);
    this.odds = odds;
  }

  /** Probabilities of the classes, `[..., K]`. */
  get probs(): Tensor {
    return this.odds.probs;
  }

  /** Their logarithms, `[..., K]`. */
  get logits(): Tensor {
    return this.odds.logits;
  }

  override get argConstraints(): ArgConstraints {
    return { probs: constraints.simplex, logits: constraints.realVector };
  }

  protected override shownParams(): readonly string[] {
    return [this.odds.given];
  }

  /** Number of classes. */
  protected get classes(): number {
    return this.odds.param.shape[this.odds.param.ndim - 1];
  }
}

/**
 * One of K classes; given as probabilities `[..., K]`, which need not sum to one, or as `{ logits }`.
 * @throws ValueError for parameters without a dimension.
 * @example
 * const action = new Categorical({ logits: randn([8, 4]) }); // what a policy gives for 8 states
 * const taken = action.sample(); // int32 [8]
 * const loss = action.logProb(taken).mul(-1).mean();
 */
export class Categorical extends ClassDistribution {
  constructor(odds: Odds<Tensor> | ClassOdds, options: DistributionOptions = {}) {
    super(ClassOdds.of(odds), [], options);
    this.checkArgs();
  }

  override get support(): constraints.Constraint {
    return constraints.integerInterval(0, this.classes - 1);
  }

  override get hasEnumerateSupport(): boolean {
    return true;
  }

  /** NaN: classes have no mean. */
  override get mean(): Tensor {
    return fullLike(this.odds.param.select(-1, 0), Number.NaN);
  }

  override get mode(): Tensor {
    return this.probs.argmax(-1);
  }

  /** NaN: classes have no variance. */
  override get variance(): Tensor {
    return this.mean;
  }

  override expand(batchShape: Shape): Categorical {
    return this.alike(new Categorical(this.odds.expand(batchShape), UNCHECKED));
  }

  /** Draws classes, int32; PyTorch's for the same seed on a device that can be read at once, and by the Gumbel trick elsewhere. */
  override sample(sampleShape: Shape = []): Tensor {
    const probs = this.probs.detach();
    const shape = this.extendedShape(sampleShape);
    if (!canBlock(probs)) {
      const { tiny } = finfo(probs.dtype);
      const u = rand([...shape, this.classes], like(probs)).clamp({ min: tiny });
      return this.logits.detach().sub(u.log().neg().log()).argmax(-1);
    }
    const count = sampleShape.reduce((a, b) => a * b, 1);
    const rows = probs.reshape([-1, this.classes]);
    if (count === 0 || rows.shape[0] === 0) return zeros(shape, { dtype: "int32", device: probs.device });
    return multinomial(rows, count, { replacement: true }).t().reshape(shape);
  }

  override logProb(value: Tensor): Tensor {
    this.checkValue(value);
    const { logits } = this;
    const shape = broadcastShapes(value.shape, this.batchShape);
    const index = value
      .int()
      .expand([...shape])
      .unsqueeze(-1);
    return logits
      .expand([...shape, this.classes])
      .gather(-1, index)
      .squeeze(-1);
  }

  override entropy(): Tensor {
    const { logits } = this;
    return logits
      .clamp({ min: finfo(logits.dtype).min })
      .mul(this.probs)
      .sum(-1)
      .neg();
  }

  override enumerateSupport(expand = true): Tensor {
    return enumerate(this.classes, this.batchShape, this.odds.param, expand).int();
  }
}

/**
 * One of K classes as a vector of zeros with a one, `[..., K]`.
 * @example
 * new OneHotCategorical(tensor([0.25, 0.25, 0.5])).sample().shape; // [3]
 */
export class OneHotCategorical extends ClassDistribution {
  constructor(odds: Odds<Tensor> | ClassOdds, options: DistributionOptions = {}) {
    const classes = ClassOdds.of(odds);
    super(classes, classes.param.shape.slice(-1), options);
    this.checkArgs();
  }

  /** The distribution of the class. */
  protected get categorical(): Categorical {
    return new Categorical(this.odds, UNCHECKED);
  }

  override get support(): constraints.Constraint {
    return constraints.oneHot;
  }

  override get hasEnumerateSupport(): boolean {
    return true;
  }

  override get mean(): Tensor {
    return this.probs;
  }

  override get mode(): Tensor {
    return oneHot(this.probs.argmax(-1), this.classes).cast(this.probs.dtype);
  }

  override get variance(): Tensor {
    return this.probs.mul(this.probs.neg().add(1));
  }

  override expand(batchShape: Shape): OneHotCategorical {
    return this.alike(new OneHotCategorical(this.odds.expand(batchShape), UNCHECKED));
  }

  override sample(sampleShape: Shape = []): Tensor {
    return oneHot(this.categorical.sample(sampleShape), this.classes).cast(this.probs.dtype);
  }

  override logProb(value: Tensor): Tensor {
    this.checkValue(value);
    return this.categorical.logProb(value.argmax(-1));
  }

  override entropy(): Tensor {
    return this.categorical.entropy();
  }

  override enumerateSupport(expand = true): Tensor {
    const n = this.classes;
    const values = eye(n, like(this.odds.param)).view([n, ...this.batchShape.map(() => 1), n]);
    return expand ? values.expand([n, ...this.batchShape, n]) : values;
  }
}

/**
 * A {@link OneHotCategorical} whose samples pass gradients to the probabilities as if they were them.
 *
 * Source: https://arxiv.org/abs/1308.3432
 */
export class OneHotCategoricalStraightThrough extends OneHotCategorical {
  override get hasRsample(): boolean {
    return true;
  }

  override expand(batchShape: Shape): OneHotCategoricalStraightThrough {
    return this.alike(new OneHotCategoricalStraightThrough(this.odds.expand(batchShape), UNCHECKED));
  }

  override rsample(sampleShape: Shape = []): Tensor {
    return this.sample(sampleShape).add(this.probs.sub(this.probs.detach()));
  }
}

/**
 * How often each of K classes comes in `totalCount` draws, `[..., K]`.
 * @throws ValueError unless `totalCount` is a whole number of 0 or more.
 * @example
 * new Multinomial(100, tensor([1, 1, 2])).mean; // tensor([25., 25., 50.])
 */
export class Multinomial extends ClassDistribution {
  readonly totalCount: number;

  constructor(totalCount: number, odds: Odds<Tensor> | ClassOdds, options: DistributionOptions = {}) {
    const classes = ClassOdds.of(odds);
    super(classes, classes.param.shape.slice(-1), options);
    if (!Number.isInteger(totalCount) || totalCount < 0)
      throw new ValueError(`Multinomial: expected a whole number of draws, got ${totalCount}; inhomogeneous totalCount is not supported`);
    this.totalCount = totalCount;
    this.checkArgs();
  }

  override get support(): constraints.Constraint {
    return constraints.multinomial(this.totalCount);
  }

  override get mean(): Tensor {
    return this.probs.mul(this.totalCount);
  }

  override get variance(): Tensor {
    return this.mean.mul(this.probs.neg().add(1));
  }

  override expand(batchShape: Shape): Multinomial {
    return this.alike(new Multinomial(this.totalCount, this.odds.expand(batchShape), UNCHECKED));
  }

  override sample(sampleShape: Shape = []): Tensor {
    const drawn = new Categorical(this.odds, UNCHECKED).sample([this.totalCount, ...sampleShape]);
    return oneHot(drawn, this.classes).sum(0).cast(this.probs.dtype);
  }

  override logProb(value: Tensor): Tensor {
    this.checkValue(value);
    const possible = where(value.eq(0).logicalAnd(this.logits.eq(Number.NEGATIVE_INFINITY)), 0, this.logits);
    return value.sum(-1).add(1).lgamma().sub(value.add(1).lgamma().sum(-1)).add(possible.mul(value).sum(-1));
  }

  override entropy(): Tensor {
    const n = this.totalCount;
    const term = new Categorical(this.odds, UNCHECKED).entropy().mul(n).sub(logFactorial(n));
    const binomial = new Binomial(n, this.probs, UNCHECKED);
    const support = binomial.enumerateSupport(false).narrow(0, 1, n);
    const weighted = binomial.logProb(support).exp().mul(support.add(1).lgamma());
    return term.add(weighted.sum({ dim: [0, -1] }));
  }
}

function logFactorial(n: number): number {
  let sum = 0;
  for (let k = 2; k <= n; k++) sum += Math.log(k);
  return sum;
}
