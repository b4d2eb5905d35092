import { finfo, fullLike, randn, type Shape, type Tensor, zeros } from "@sconce/core";
import * as constraints from "./constraints.js";
import { type ArgConstraints, Distribution, type DistributionOptions, UNCHECKED } from "./distribution.js";
import { broadcastAll, like, type Param } from "./numbers.js";

/** A distribution of any number that is moved and stretched. */
abstract class LocationScale extends Distribution {
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

  override get mode(): Tensor {
    return this.loc;
  }

  /** Distance from the location in units of the scale. */
  protected standard(value: Tensor): Tensor {
    return value.sub(this.loc).div(this.scale);
  }
}

/**
 * The normal (Gaussian) distribution.
 * @example
 * const normal = new Normal(0, tensor([1, 2]));
 * normal.rsample([3]).shape; // [3, 2]
 * normal.logProb(tensor(0.5)); // tensor([-1.0439, -1.6433])
 */
export class Normal extends LocationScale {
  override get mean(): Tensor {
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
    return this.standard(value).mul(Math.SQRT1_2).erf().add(1).mul(0.5);
  }

  override icdf(probability: Tensor): Tensor {
    return this.loc.add(this.scale.mul(probability.mul(2).sub(1).erfinv()).mul(Math.SQRT2));
  }

  override entropy(): Tensor {
    return this.scale.log().add(0.5 + 0.5 * Math.log(2 * Math.PI));
  }
}

/**
 * The Laplace (double exponential) distribution.
 * @example
 * new Laplace(0, 1).entropy(); // tensor(1.6931)
 */
export class Laplace extends LocationScale {
  override get mean(): Tensor {
    return this.loc;
  }

  override get variance(): Tensor {
    return this.scale.square().mul(2);
  }

  override get stddev(): Tensor {
    return this.scale.mul(Math.SQRT2);
  }

  override expand(batchShape: Shape): Laplace {
    const shape = [...batchShape];
    return this.alike(new Laplace(this.loc.expand(shape), this.scale.expand(shape), UNCHECKED));
  }

  override rsample(sampleShape: Shape = []): Tensor {
    const u = zeros(this.extendedShape(sampleShape), like(this.loc)).uniform_(finfo(this.loc.dtype).eps - 1, 1);
    return this.loc.sub(this.scale.mul(u.sign()).mul(u.abs().neg().log1p()));
  }

  override logProb(value: Tensor): Tensor {
    this.checkValue(value);
    return this.scale.mul(2).log().neg().sub(value.sub(this.loc).abs().div(this.scale));
  }

  override cdf(value: Tensor): Tensor {
    this.checkValue(value);
    const distance = value.sub(this.loc);
    return distance.sign().mul(distance.abs().neg().div(this.scale).expm1()).mul(-0.5).add(0.5);
  }

  override icdf(probability: Tensor): Tensor {
    const term = probability.sub(0.5);
    return this.loc.sub(this.scale.mul(term.sign()).mul(term.abs().mul(-2).log1p()));
  }

  override entropy(): Tensor {
    return this.scale.mul(2).log().add(1);
  }
}

/**
 * The Cauchy (Lorentz) distribution, which has no mean.
 * @example
 * new Cauchy(0, 1).cdf(tensor(1)); // tensor(0.7500)
 */
export class Cauchy extends LocationScale {
  /** NaN: the integral does not converge. */
  override get mean(): Tensor {
    return fullLike(this.loc, Number.NaN);
  }

  override get variance(): Tensor {
    return fullLike(this.loc, Number.POSITIVE_INFINITY);
  }

  override expand(batchShape: Shape): Cauchy {
    const shape = [...batchShape];
    return this.alike(new Cauchy(this.loc.expand(shape), this.scale.expand(shape), UNCHECKED));
  }

  override rsample(sampleShape: Shape = []): Tensor {
    return this.loc.add(zeros(this.extendedShape(sampleShape), like(this.loc)).cauchy_().mul(this.scale));
  }

  override logProb(value: Tensor): Tensor {
    this.checkValue(value);
    return this.scale.log().add(Math.log(Math.PI)).neg().sub(this.standard(value).square().log1p());
  }

  override cdf(value: Tensor): Tensor {
    this.checkValue(value);
    return this.standard(value).atan().div(Math.PI).add(0.5);
  }

  override icdf(probability: Tensor): Tensor {
    return probability.sub(0.5).mul(Math.PI).tan().mul(this.scale).add(this.loc);
  }

  override entropy(): Tensor {
    return this.scale.log().add(Math.log(4 * Math.PI));
  }
}
