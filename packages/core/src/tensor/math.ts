import { apply, composite } from "../dispatch.js";
import { type DType, isFloatingPoint } from "../dtype.js";
import { DTypeError } from "../errors.js";
import type { ScalarOp } from "../scalar.js";
import { ArithmeticOps } from "./arithmetic.js";
import { choose, constant, floatType, refuseBool } from "./elementwise.js";
import type { Tensor } from "./tensor.js";

/** An op on floats; integers are converted to the default floating-point dtype. */
function unaryFloat(op: ScalarOp, x: Tensor, label?: string): Tensor {
  return apply(op, [x.cast(floatType(x.dtype))], null, label);
}

/** An op that keeps the dtype; bool has none. */
function unaryNumeric(op: ScalarOp, x: Tensor): Tensor {
  refuseBool(op, x.dtype);
  return apply(op, [x], null);
}

/** Rounding: integers are what they are. */
function rounding(op: ScalarOp, x: Tensor): Tensor {
  refuseBool(op, x.dtype);
  return isFloatingPoint(x.dtype) ? apply(op, [x], null) : x.clone();
}

/** Functions of one number. Those of analysis convert integers to floating point. */
export class MathOps extends ArithmeticOps {
  /** `-this`. @throws DTypeError for bool: use logicalNot. */
  neg(): Tensor {
    if (this.dtype === "bool") {
      throw new DTypeError("neg: Negation, the `-` operator, on a bool tensor is not supported; use logicalNot()", {
        dtypes: ["bool"],
      });
    }
    return apply("neg", [this.self], null);
  }

  /** The tensor itself. */
  positive(): Tensor {
    refuseBool("positive", this.dtype);
    return this.self;
  }

  /** The absolute value. */
  abs(): Tensor {
    return unaryNumeric("abs", this.self);
  }

  /** -1, 0 or 1 by the sign. */
  sign(): Tensor {
    return this.dtype === "bool" ? this.clone() : apply("sign", [this.self], null);
  }

  /** The sign, as {@link sign}. */
  sgn(): Tensor {
    return this.dtype === "bool" ? this.clone() : apply("sign", [this.self], null, "Sgn");
  }

  /** The square root. */
  sqrt(): Tensor {
    return unaryFloat("sqrt", this.self);
  }

  /** `1 / sqrt(this)`. */
  rsqrt(): Tensor {
    return unaryFloat("rsqrt", this.self);
  }

  /** `1 / this`. */
  reciprocal(): Tensor {
    return unaryFloat("reciprocal", this.self);
  }

  /** The square. */
  square(): Tensor {
    return this.pow(2);
  }

  /** e to the power. */
  exp(): Tensor {
    return unaryFloat("exp", this.self);
  }

  /** 2 to the power. */
  exp2(): Tensor {
    const x = this.cast(floatType(this.dtype));
    return composite("Exp2", [x], () => apply("pow", [constant(x, 2), x], null));
  }

  /** `exp(this) - 1`, exact near 0. */
  expm1(): Tensor {
    return unaryFloat("expm1", this.self);
  }

  /** The natural logarithm. */
  log(): Tensor {
    return unaryFloat("log", this.self);
  }

  /** The logarithm to base 2. */
  log2(): Tensor {
    return unaryFloat("log2", this.self);
  }

  /** The logarithm to base 10. */
  log10(): Tensor {
    return unaryFloat("log10", this.self);
  }

  /** `log(1 + this)`, exact near 0. */
  log1p(): Tensor {
    return unaryFloat("log1p", this.self);
  }

  /** The sine. */
  sin(): Tensor {
    return unaryFloat("sin", this.self);
  }

  /** The cosine. */
  cos(): Tensor {
    return unaryFloat("cos", this.self);
  }

  /** The tangent. */
  tan(): Tensor {
    return unaryFloat("tan", this.self);
  }

  /** The arcsine. */
  asin(): Tensor {
    return unaryFloat("asin", this.self);
  }

  /** The arccosine. */
  acos(): Tensor {
    return unaryFloat("acos", this.self);
  }

  /** The arctangent. */
  atan(): Tensor {
    return unaryFloat("atan", this.self);
  }

  /** The hyperbolic sine. */
  sinh(): Tensor {
    return unaryFloat("sinh", this.self);
  }

  /** The hyperbolic cosine. */
  cosh(): Tensor {
    return unaryFloat("cosh", this.self);
  }

  /** The hyperbolic tangent. */
  tanh(): Tensor {
    return unaryFloat("tanh", this.self);
  }

  /** The inverse hyperbolic sine. */
  asinh(): Tensor {
    return unaryFloat("asinh", this.self);
  }

  /** The inverse hyperbolic cosine. */
  acosh(): Tensor {
    return unaryFloat("acosh", this.self);
  }

  /** The inverse hyperbolic tangent. */
  atanh(): Tensor {
    return unaryFloat("atanh", this.self);
  }

  /** `1 / (1 + exp(-this))`. */
  sigmoid(): Tensor {
    return unaryFloat("sigmoid", this.self);
  }

  /** `log(p / (1 - p))`; with `eps` the probabilities are first clamped to `[eps, 1 - eps]`. */
  logit({ eps }: { readonly eps?: number | null } = {}): Tensor {
    const x = this.cast(floatType(this.dtype));
    return composite("Logit", [x], () => {
      // Outside of [0, 1] there is neither a value nor a derivative.
      const factor = choose(x.lt(0).bitwiseOr(x.gt(1)), Number.NaN, 1, x.dtype);
      const p = eps == null ? x.mul(factor) : x.clamp({ min: eps, max: 1 - eps });
      return p.log().sub(p.neg().log1p());
    });
  }

  /** The error function. */
  erf(): Tensor {
    return unaryFloat("erf", this.self);
  }

  /** `1 - erf(this)`, exact for large values. */
  erfc(): Tensor {
    return unaryFloat("erfc", this.self);
  }

  /** The inverse of {@link erf}. */
  erfinv(): Tensor {
    return unaryFloat("erfinv", this.self);
  }

  /** The logarithm of the absolute value of the gamma function. */
  lgamma(): Tensor {
    return unaryFloat("lgamma", this.self);
  }

  /** The derivative of {@link lgamma}. */
  digamma(): Tensor {
    return unaryFloat("digamma", this.self);
  }

  /** Rounded down. */
  floor(): Tensor {
    return rounding("floor", this.self);
  }

  /** Rounded up. */
  ceil(): Tensor {
    return rounding("ceil", this.self);
  }

  /** Rounded to the nearest integer, halves to the even one; with `decimals` to that many digits. */
  round({ decimals = 0 }: { readonly decimals?: number } = {}): Tensor {
    if (decimals === 0 || !isFloatingPoint(this.dtype)) return rounding("round", this.self);
    const x = this.self;
    const scale = 10 ** Math.abs(decimals);
    return composite("Round1", [x], () => {
      if (decimals > 0) return apply("round", [x.mul(scale)], null).div(scale);
      return apply("round", [x.div(scale)], null).mul(scale);
    });
  }

  /** Rounded towards zero. */
  trunc(): Tensor {
    return rounding("trunc", this.self);
  }

  /** Rounded towards zero, as {@link trunc}. */
  fix(): Tensor {
    return this.trunc();
  }

  /** The part behind the point, with the sign. */
  frac(): Tensor {
    const x = this.self;
    return composite("Frac", [x], () => x.sub(x.trunc()));
  }

  /** Degrees as radians. */
  deg2rad(): Tensor {
    return scale(this.self, Math.PI / 180, "Deg2Rad");
  }

  /** Radians as degrees. */
  rad2deg(): Tensor {
    return scale(this.self, 180 / Math.PI, "Rad2Deg");
  }

  /** `sin(πx) / (πx)`, and 1 at 0. */
  sinc(): Tensor {
    const x = this.cast(floatType(this.dtype));
    return composite("Sinc", [x], () => {
      const zero = x.square().eq(0);
      // The division never sees what is next to nothing, so its gradient there is 0 and not NaN.
      const angle = choose(zero, 1, x, x.dtype).mul(Math.PI);
      return choose(zero, 1, angle.sin().div(angle), x.dtype);
    });
  }
}

function scale(x: Tensor, factor: number, label: string): Tensor {
  const dtype: DType = floatType(x.dtype);
  const y = x.cast(dtype);
  return apply("mul", [y, constant(y, factor)], null, label);
}
