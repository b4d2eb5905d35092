import { type Shape, type Tensor, zeros, zerosLike } from "@sconce/core";
import * as constraints from "./constraints.js";
import { type ArgConstraints, Distribution, type DistributionOptions, UNCHECKED } from "./distribution.js";
import { broadcastAll, like, type Param } from "./numbers.js";

/**
 * Waiting times for events that come at a rate.
 * @example
 * new Exponential(2).mean; // tensor(0.5000)
 */
export class Exponential extends Distribution {
  readonly rate: Tensor;

  constructor(rate: Param, options: DistributionOptions = {}) {
    const [r] = broadcastAll(rate);
    super(r.shape, [], options);
    this.rate = r;
    this.checkArgs();
  }

  override get argConstraints(): ArgConstraints {
    return { rate: constraints.positive };
  }

  override get support(): constraints.Constraint {
    return constraints.nonnegative;
  }

  override get hasRsample(): boolean {
    return true;
  }

  override get mean(): Tensor {
    return this.rate.reciprocal();
  }

  override get mode(): Tensor {
    return zerosLike(this.rate);
  }

  override get stddev(): Tensor {
    return this.rate.reciprocal();
  }

  override get variance(): Tensor {
    return this.rate.pow(-2);
  }

  override expand(batchShape: Shape): Exponential {
    return this.alike(new Exponential(this.rate.expand([...batchShape]), UNCHECKED));
  }

  override rsample(sampleShape: Shape = []): Tensor {
    return zeros(this.extendedShape(sampleShape), like(this.rate)).exponential_().div(this.rate);
  }

  override logProb(value: Tensor): Tensor {
    this.checkValue(value);
    return this.rate.log().sub(this.rate.mul(value));
  }

  override cdf(value: Tensor): Tensor {
    this.checkValue(value);
    return this.rate.neg().mul(value).exp().neg().add(1);
  }

  override icdf(probability: Tensor): Tensor {
    return probability.neg().add(1).log().div(this.rate).neg();
  }

  override entropy(): Tensor {
    return this.rate.log().neg().add(1);
  }
}
