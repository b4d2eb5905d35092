import { formatShape, type Shape, ShapeError, type Tensor } from "@sconce/core";
import type { Categorical } from "./categorical.js";
import type { Constraint } from "./constraints.js";
import { type ArgConstraints, Distribution, type DistributionOptions, UNCHECKED } from "./distribution.js";

/**
 * A mixture of distributions of one family: `component` has one for each class of `mixture` in its last batch dimension.
 * @throws ShapeError if their batches do not fit.
 * @example
 * const mixture = new MixtureSameFamily(new Categorical(ones(5)), new Normal(randn(5), rand(5)));
 * mixture.sample([2]).shape; // [2]
 */
export class MixtureSameFamily extends Distribution {
  readonly mixtureDistribution: Categorical;
  readonly componentDistribution: Distribution;

  constructor(mixture: Categorical, component: Distribution, options: DistributionOptions = {}) {
    const batch = component.batchShape.slice(0, -1);
    const [classes, components] = [mixture.logits.shape.at(-1), component.batchShape.at(-1)];
    if (classes !== components) {
      throw new ShapeError(
        `MixtureSameFamily: mixture components (${classes}) do not equal component.batchShape[-1] (${components ?? "none"})`,
      );
    }
    const fits = [...mixture.batchShape].reverse().every((n, i) => n === 1 || (batch.at(-1 - i) ?? 1) === 1 || n === batch.at(-1 - i));
    if (!fits) {
      throw new ShapeError(
        `MixtureSameFamily: mixture.batchShape ${formatShape(mixture.batchShape)} is not compatible with component.batchShape ${formatShape(component.batchShape)}`,
      );
    }
    super(batch, component.eventShape, options);
    this.mixtureDistribution = mixture;
    this.componentDistribution = component;
  }

  override get argConstraints(): ArgConstraints {
    return {};
  }

  override get support(): Constraint {
    return this.componentDistribution.support;
  }

  /** The dimension of the components, from the end. */
  get #dim(): number {
    return -1 - this.eventShape.length;
  }

  /** Probabilities `[..., K]` with dimensions for the event behind. */
  get #weights(): Tensor {
    const { probs } = this.mixtureDistribution;
    return probs.reshape([...probs.shape, ...this.eventShape.map(() => 1)]);
  }

  override get mean(): Tensor {
    return this.#weights.mul(this.componentDistribution.mean).sum(this.#dim);
  }

  /** The mean of the variances and the variance of the means. */
  override get variance(): Tensor {
    const { mean, variance } = this.componentDistribution;
    const spread = mean.sub(this.mean.unsqueeze(this.#dim)).square();
    return this.#weights.mul(variance.add(spread)).sum(this.#dim);
  }

  override expand(batchShape: Shape): MixtureSameFamily {
    const components = this.componentDistribution.expand([...batchShape, ...this.componentDistribution.batchShape.slice(-1)]);
    return this.alike(new MixtureSameFamily(this.mixtureDistribution.expand(batchShape), components, UNCHECKED));
  }

  override sample(sampleShape: Shape = []): Tensor {
    const classes = this.mixtureDistribution.expand(this.batchShape).sample(sampleShape);
    const drawn = this.componentDistribution.sample(sampleShape);
    const dim = sampleShape.length + this.batchShape.length;
    const index = classes.reshape([...classes.shape, 1, ...this.eventShape.map(() => 1)]).expand([...classes.shape, 1, ...this.eventShape]);
    return drawn.gather(dim, index).squeeze(dim);
  }

  override logProb(value: Tensor): Tensor {
    this.checkValue(value);
    const components = this.componentDistribution.logProb(value.unsqueeze(this.#dim));
    return components.add(this.mixtureDistribution.logits.logSoftmax(-1)).logsumexp(-1);
  }

  override cdf(value: Tensor): Tensor {
    this.checkValue(value);
    return this.componentDistribution.cdf(value.unsqueeze(this.#dim)).mul(this.mixtureDistribution.probs).sum(-1);
  }

  override toString(): string {
    return `MixtureSameFamily(\n  ${this.mixtureDistribution},\n  ${this.componentDistribution})`;
  }
}
