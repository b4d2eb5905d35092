import { randn, type Shape, type Tensor } from "@sconce/core";
import * as constraints from "./constraints.js";
import { type ArgConstraints, Distribution, type DistributionOptions, UNCHECKED } from "./distribution.js";
import { broadcastAll, like, type Param } from "./numbers.js";

/**
 * The normal (Gaussian) distribution.
 * @example
 * const normal = new Normal(0, tensor([1, 2]));
 * normal.rsample([3]).shape; // [3, 2]
 * normal.logProb(tensor(0.5)); // tensor([-1.0439, -1.6433])
 */
export class Normal extends Distribution {
  readonly loc: Tensor;
  readonly scale: Tensor;

  constructor(loc: Param, scale: Param, options: DistributionOptions = {}) {
    const [l, s] = broadcastAll(loc, scale);
    super(l.shape, [], options);
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

  override get hasRsample(): boolean {
    return true;
  }

  override get mean(): Tensor {
    return this.loc;
  }

  override get mode(): Tensor {
    return this.loc;
  }

  override get stddev(): Tensor {
    return this.scale;
  }

  override get variance(): Tensor {
    return this.scale.square();
  }

  override expand(batchShape: Shape): Normal {
    const shape = [...batchShape];
    return this.alike(new Normal(this.loc.expand(shape), this.scale.expand(shape), UNCHECKED));
  }

  override rsample(sampleShape: Shape = []): Tensor {
    return this.loc.add(randn(this.extendedShape(sampleShape), like(this.loc)).mul(this.scale));
  }

  override logProb(value: Tensor): Tensor {
    this.checkValue(value);
    const distance = value.sub(this.loc).square().div(this.scale.square().mul(2));
    return distance
      .neg()
      .sub(this.scale.log())
      .sub(Math.log(Math.sqrt(2 * Math.PI)));
  }

  override cdf(value: Tensor): Tensor {
    this.checkValue(value);
    return value.sub(this.loc).div(this.scale).mul(Math.SQRT1_2).erf().add(1).mul(0.5);
  }

  override icdf(probability: Tensor): Tensor {
    return this.loc.add(this.scale.mul(probability.mul(2).sub(1).erfinv()).mul(Math.SQRT2));
  }

  override entropy(): Tensor {
    return this.scale.log().add(0.5 + 0.5 * Math.log(2 * Math.PI));
  }
}
