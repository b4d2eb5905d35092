import { broadcastShapes, finfo, fullLike, NotSupportedError, type Shape, Tensor } from "@sconce/core";
import { softplus } from "@sconce/core/nn";
import * as constraints from "./constraints.js";
import type { Distribution } from "./distribution.js";
import { allTrue, broadcastAll, type Param } from "./numbers.js";
import { Transform, type TransformOptions } from "./transform.js";

/** A transform of single numbers from any number. */
abstract class ScalarTransform extends Transform {
  override get domain(): constraints.Constraint {
    return constraints.real;
  }

  override equals(other: Transform): boolean {
    return other.constructor === this.constructor;
  }
}

/** `exp(x)`. */
export class ExpTransform extends ScalarTransform {
  protected override readonly name = "ExpTransform";

  override get codomain(): constraints.Constraint {
    return constraints.positive;
  }

  protected override call(x: Tensor): Tensor {
    return x.exp();
  }

  protected override inverse(y: Tensor): Tensor {
    return y.log();
  }

  override logAbsDetJacobian(x: Tensor): Tensor {
    return x;
  }
}

/** `x^exponent` of positive numbers. */
export class PowerTransform extends Transform {
  protected override readonly name = "PowerTransform";
  readonly exponent: Param;

  constructor(exponent: Param, options: TransformOptions = {}) {
    super(options);
    this.exponent = exponent;
  }

  override get domain(): constraints.Constraint {
    return constraints.positive;
  }

  override get codomain(): constraints.Constraint {
    return constraints.positive;
  }

  protected override call(x: Tensor): Tensor {
    return x.pow(this.exponent);
  }

  protected override inverse(y: Tensor): Tensor {
    return y.pow(typeof this.exponent === "number" ? 1 / this.exponent : this.exponent.reciprocal());
  }

  override logAbsDetJacobian(x: Tensor, y: Tensor): Tensor {
    return y.mul(this.exponent).div(x).abs().log();
  }

  override forwardShape(shape: Shape): Shape {
    return broadcastShapes(shape, shapeOf(this.exponent));
  }

  override inverseShape(shape: Shape): Shape {
    return this.forwardShape(shape);
  }

  override equals(other: Transform): boolean {
    return other instanceof PowerTransform && sameParam(this.exponent, other.exponent);
  }
}

/** `1 / (1 + exp(-x))`, kept away from 0 and 1. */
export class SigmoidTransform extends ScalarTransform {
  protected override readonly name = "SigmoidTransform";

  override get codomain(): constraints.Constraint {
    return constraints.unitInterval;
  }

  protected override call(x: Tensor): Tensor {
    return inside(x.sigmoid());
  }

  protected override inverse(y: Tensor): Tensor {
    const p = inside(y);
    return p.log().sub(p.neg().log1p());
  }

  override logAbsDetJacobian(x: Tensor): Tensor {
    return softplus(x.neg()).neg().sub(softplus(x));
  }
}

/** Numbers of [0, 1] without the ends. */
export function inside(p: Tensor): Tensor {
  const { eps, tiny } = finfo(p.dtype);
  return p.clamp({ min: tiny, max: 1 - eps });
}

/** `log(1 + exp(x))`. */
export class SoftplusTransform extends ScalarTransform {
  protected override readonly name = "SoftplusTransform";

  override get codomain(): constraints.Constraint {
    return constraints.positive;
  }

  protected override call(x: Tensor): Tensor {
    return softplus(x);
  }

  protected override inverse(y: Tensor): Tensor {
    return y.neg().expm1().neg().log().add(y);
  }

  override logAbsDetJacobian(x: Tensor): Tensor {
    return softplus(x.neg()).neg();
  }
}

/** `tanh(x)`; with `{ cacheSize: 1 }` going back is exact where the values are near 1. */
export class TanhTransform extends ScalarTransform {
  protected override readonly name = "TanhTransform";

  override get codomain(): constraints.Constraint {
    return constraints.interval(-1, 1);
  }

  protected override call(x: Tensor): Tensor {
    return x.tanh();
  }

  protected override inverse(y: Tensor): Tensor {
    return y.atanh();
  }

  override logAbsDetJacobian(x: Tensor): Tensor {
    // log(1 - tanh(x)^2), without the difference of numbers that are nearly equal
    return x
      .neg()
      .add(Math.LN2)
      .sub(softplus(x.mul(-2)))
      .mul(2);
  }
}

/** `|x|`; of the two values with the same image, the inverse is the positive one. */
export class AbsTransform extends ScalarTransform {
  protected override readonly name = "AbsTransform";

  override get codomain(): constraints.Constraint {
    return constraints.positive;
  }

  override get bijective(): boolean {
    return false;
  }

  protected override call(x: Tensor): Tensor {
    return x.abs();
  }

  protected override inverse(y: Tensor): Tensor {
    return y;
  }

  override logAbsDetJacobian(): Tensor {
    throw new NotSupportedError("AbsTransform: logAbsDetJacobian is not defined, as two values have the same image");
  }
}

/** Options of {@link AffineTransform}. */
export interface AffineTransformOptions extends TransformOptions {
  /** Trailing dimensions that belong to one value, 0 by default. */
  readonly eventDim?: number;
}

/**
 * `loc + scale * x`.
 * @example
 * new AffineTransform(1, 2).forward(tensor([0, 1])); // tensor([1., 3.])
 */
export class AffineTransform extends Transform {
  protected override readonly name = "AffineTransform";
  readonly loc: Param;
  readonly scale: Param;
  readonly eventDim: number;

  constructor(loc: Param, scale: Param, { eventDim = 0, ...options }: AffineTransformOptions = {}) {
    super(options);
    this.loc = loc;
    this.scale = scale;
    this.eventDim = eventDim;
  }

  override get domain(): constraints.Constraint {
    return this.eventDim === 0 ? constraints.real : constraints.independent(constraints.real, this.eventDim);
  }

  override get codomain(): constraints.Constraint {
    return this.domain;
  }

  override get sign(): number | Tensor {
    return typeof this.scale === "number" ? Math.sign(this.scale) : this.scale.sign();
  }

  protected override call(x: Tensor): Tensor {
    return x.mul(this.scale).add(this.loc);
  }

  protected override inverse(y: Tensor): Tensor {
    return y.sub(this.loc).div(this.scale);
  }

  override logAbsDetJacobian(x: Tensor): Tensor {
    const { scale } = this;
    const stretch = typeof scale === "number" ? fullLike(x, Math.log(Math.abs(scale))) : scale.abs().log();
    if (this.eventDim === 0) return stretch.expand([...x.shape]);
    const dims = Array.from({ length: this.eventDim }, (_, i) => -1 - i);
    return stretch.expand([...x.shape]).sum({ dim: dims });
  }

  override forwardShape(shape: Shape): Shape {
    return broadcastShapes(shape, shapeOf(this.loc), shapeOf(this.scale));
  }

  override inverseShape(shape: Shape): Shape {
    return this.forwardShape(shape);
  }

  override equals(other: Transform): boolean {
    return other instanceof AffineTransform && sameParam(this.loc, other.loc) && sameParam(this.scale, other.scale);
  }
}

function shapeOf(param: Param): Shape {
  return param instanceof Tensor ? param.shape : [];
}

function sameParam(a: Param, b: Param): boolean {
  if (typeof a === "number" && typeof b === "number") return a === b;
  const [x, y] = broadcastAll(a, b);
  return allTrue(x.eq(y));
}

/** The probability of values up to `x`, by the distribution function. */
export class CumulativeDistributionTransform extends Transform {
  protected override readonly name = "CumulativeDistributionTransform";
  readonly distribution: Distribution;

  constructor(distribution: Distribution, options: TransformOptions = {}) {
    super(options);
    this.distribution = distribution;
  }

  override get domain(): constraints.Constraint {
    return this.distribution.support;
  }

  override get codomain(): constraints.Constraint {
    return constraints.unitInterval;
  }

  protected override call(x: Tensor): Tensor {
    return this.distribution.cdf(x);
  }

  protected override inverse(y: Tensor): Tensor {
    return this.distribution.icdf(y);
  }

  override logAbsDetJacobian(x: Tensor): Tensor {
    return this.distribution.logProb(x);
  }
}
