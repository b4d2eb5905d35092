import { asTensor, finfo, type Shape, Tensor } from "@sconce/core";
import { gammainc } from "@sconce/core/special";
import * as constraints from "./constraints.js";
import { type ArgConstraints, Distribution, type DistributionOptions, UNCHECKED } from "./distribution.js";
import { broadcastAll, type Param } from "./numbers.js";
import { standardGamma } from "./standard-gamma.js";

/**
 * The gamma distribution with a concentration (shape) and a rate (inverse scale).
 * @example
 * new Gamma(2, 4).mean; // tensor(0.5000)
 */
export class Gamma extends Distribution {
  readonly concentration: Tensor;
  readonly rate: Tensor;

  constructor(concentration: Param, rate: Param, options: DistributionOptions = {}) {
    const [c, r] = broadcastAll(concentration, rate);
    super(c.shape, [], options);
    this.concentration = c;
    this.rate = r;
    this.checkArgs();
  }

  override get argConstraints(): ArgConstraints {
    return { concentration: constraints.positive, rate: constraints.positive };
  }

  override get support(): constraints.Constraint {
    return constraints.nonnegative;
  }

  override get hasRsample(): boolean {
    return true;
  }

  override get mean(): Tensor {
    return this.concentration.div(this.rate);
  }

  override get mode(): Tensor {
    return this.concentration.sub(1).div(this.rate).clamp({ min: 0 });
  }

  override get variance(): Tensor {
    return this.concentration.div(this.rate.square());
  }

  override expand(batchShape: Shape): Gamma {
    const shape = [...batchShape];
    return this.alike(new Gamma(this.concentration.expand(shape), this.rate.expand(shape), UNCHECKED));
  }

  override rsample(sampleShape: Shape = []): Tensor {
    const shape = this.extendedShape(sampleShape);
    const drawn = standardGamma(this.concentration.expand(shape)).div(this.rate.expand(shape));
    // A sample of 0 has no logarithm.
    return drawn.clamp({ min: finfo(drawn.dtype).tiny });
  }

  override logProb(value: Tensor | number): Tensor {
    const { concentration, rate } = this;
    const x = value instanceof Tensor ? value : asTensor(value, { dtype: rate.dtype, device: rate.device });
    this.checkValue(x);
    return concentration.xlogy(rate).add(concentration.sub(1).xlogy(x)).sub(rate.mul(x)).sub(concentration.lgamma());
  }

  /** Computed on the host; without a gradient for the concentration. */
  override cdf(value: Tensor): Tensor {
    this.checkValue(value);
    return gammainc(this.concentration, this.rate.mul(value));
  }

  override entropy(): Tensor {
    const { concentration, rate } = this;
    return concentration.sub(rate.log()).add(concentration.lgamma()).add(concentration.neg().add(1).mul(concentration.digamma()));
  }
}

/**
 * The distribution of the sum of `df` squared standard normal numbers.
 * @example
 * new Chi2(3).mean; // tensor(3.)
 */
export class Chi2 extends Gamma {
  constructor(df: Param, options: DistributionOptions = {}) {
    super(df instanceof Tensor ? df.mul(0.5) : 0.5 * df, 0.5, options);
  }

  /** Degrees of freedom. */
  get df(): Tensor {
    return this.concentration.mul(2);
  }

  override get argConstraints(): ArgConstraints {
    return { df: constraints.positive };
  }

  override expand(batchShape: Shape): Chi2 {
    return this.alike(new Chi2(this.df.expand([...batchShape]), UNCHECKED));
  }
}
