import { rand, type Shape, type Tensor, ValueError } from "@sconce/core";
import * as constraints from "./constraints.js";
import { type ArgConstraints, Distribution, type DistributionOptions, UNCHECKED } from "./distribution.js";
import { allTrue, broadcastAll, like, type Param } from "./numbers.js";

/**
 * All values of `[low, high)` alike.
 * @throws ValueError unless `low` is less than `high`.
 * @example
 * new Uniform(0, 5).sample([2]).shape; // [2]
 */
export class Uniform extends Distribution {
  readonly low: Tensor;
  readonly high: Tensor;

  constructor(low: Param, high: Param, options: DistributionOptions = {}) {
    const [l, h] = broadcastAll(low, high);
    super(l.shape, [], options);
    this.low = l;
    this.high = h;
    this.checkArgs();
    if (this.validates && !allTrue(l.lt(h))) throw new ValueError("Uniform is not defined when low >= high");
  }

  override get argConstraints(): ArgConstraints {
    return { low: constraints.real, high: constraints.real };
  }

  override get support(): constraints.Constraint {
    return constraints.interval(this.low.detach(), this.high.detach());
  }

  override get hasRsample(): boolean {
    return true;
  }

  override get mean(): Tensor {
    return this.high.add(this.low).div(2);
  }

  /** NaN: no value is likelier than another. */
  override get mode(): Tensor {
    return this.high.mul(Number.NaN);
  }

  override get stddev(): Tensor {
    return this.high.sub(this.low).div(Math.sqrt(12));
  }

  override get variance(): Tensor {
    return this.high.sub(this.low).square().div(12);
  }

  override expand(batchShape: Shape): Uniform {
    const shape = [...batchShape];
    return this.alike(new Uniform(this.low.expand(shape), this.high.expand(shape), UNCHECKED));
  }

  override rsample(sampleShape: Shape = []): Tensor {
    return this.low.add(rand(this.extendedShape(sampleShape), like(this.low)).mul(this.high.sub(this.low)));
  }

  override logProb(value: Tensor): Tensor {
    this.checkValue(value);
    const inside = this.low.le(value).cast(this.low.dtype).mul(this.high.gt(value).cast(this.low.dtype));
    return inside.log().sub(this.high.sub(this.low).log());
  }

  override cdf(value: Tensor): Tensor {
    this.checkValue(value);
    return value.sub(this.low).div(this.high.sub(this.low)).clamp({ min: 0, max: 1 });
  }

  override icdf(probability: Tensor): Tensor {
    return probability.mul(this.high.sub(this.low)).add(this.low);
  }

  override entropy(): Tensor {
    return this.high.sub(this.low).log();
  }
}
