import { apply, composite } from "../dispatch.js";
import { isFloatingPoint } from "../dtype.js";
import { DTypeError, ValueError } from "../errors.js";
import { isIntegral, isTensor, resultType, type Scalar, type TensorOrScalar } from "../promotion.js";
import type { ScalarOp } from "../scalar.js";
import { choose, floatBinary, floatType, notImplemented, pointwise, pointwiseFloat, refuseBool } from "./elementwise.js";
import { RearrangeOps } from "./rearrange.js";
import type { Tensor } from "./tensor.js";

/** A factor for the second operand. */
export interface AlphaOptions {
  readonly alpha?: number;
}

/** How a quotient is rounded: towards minus infinity, towards zero, or not at all. */
export interface DivOptions {
  readonly roundingMode?: "floor" | "trunc" | null;
}

/** Arithmetic of two tensors, or a tensor and a number. */
export class ArithmeticOps extends RearrangeOps {
  /**
   * `this + alpha * other`, broadcast and promoted.
   * @throws ShapeError if the shapes do not broadcast.
   * @example
   * tensor([1, 2]).add(tensor([[10], [20]])); // [[11, 12], [21, 22]]
   */
  add(other: TensorOrScalar, { alpha = 1 }: AlphaOptions = {}): Tensor {
    const x = this.self;
    if (alpha === 1) return logical("add", "bitwiseOr", x, other);
    return scaled("add", "Add", x, other, alpha);
  }

  /** `this - alpha * other`. @throws DTypeError for bool tensors: use logicalXor or logicalNot. */
  sub(other: TensorOrScalar, { alpha = 1 }: AlphaOptions = {}): Tensor {
    const x = this.self;
    refuseBoolSub(x, other);
    return alpha === 1 ? (floatBinary("sub", x, other) ?? pointwise("sub", [x, other])) : scaled("sub", "Sub", x, other, alpha);
  }

  /** `other - alpha * this`. */
  rsub(other: TensorOrScalar, { alpha = 1 }: AlphaOptions = {}): Tensor {
    const x = this.self;
    refuseBoolSub(x, other);
    const label = isTensor(other) ? "Rsub" : "Rsub1";
    if (alpha === 1) return pointwise("sub", [other, x], { name: "rsub", label });
    checkAlpha("rsub", alpha, resultType(x, other));
    return composite(label, [x, other].filter(isTensor), () => pointwise("sub", [other, x.mul(alpha)], { name: "rsub" }));
  }

  /** The product. */
  mul(other: TensorOrScalar): Tensor {
    return logical("mul", "bitwiseAnd", this.self, other);
  }

  /**
   * The quotient: floating-point for integers too, unless `roundingMode` says how to round.
   * @example
   * tensor([7, -7]).div(2, { roundingMode: "floor" }); // [3, -4]
   */
  div(other: TensorOrScalar, { roundingMode = null }: DivOptions = {}): Tensor {
    return divide(this.self, other, roundingMode);
  }

  /** The quotient, always floating-point. */
  trueDivide(other: TensorOrScalar): Tensor {
    return divide(this.self, other, null);
  }

  /** The quotient rounded towards minus infinity. */
  floorDivide(other: TensorOrScalar): Tensor {
    return integerDivision("floorDivide", this.self, other, undefined);
  }

  /** The remainder with the sign of the divisor, as Python's `%`. */
  remainder(other: TensorOrScalar): Tensor {
    return integerDivision("remainder", this.self, other, isTensor(other) ? "Remainder1" : "Remainder");
  }

  /** The remainder with the sign of the dividend, as C's `fmod`. */
  fmod(other: TensorOrScalar): Tensor {
    return integerDivision("fmod", this.self, other, isTensor(other) ? "Fmod1" : "Fmod");
  }

  /**
   * The power.
   * @throws ValueError for a negative number as the exponent of integers.
   * @example
   * tensor([1, 2, 3]).pow(2); // [1, 4, 9]
   */
  pow(exponent: TensorOrScalar): Tensor {
    return isTensor(exponent) ? powOf(this.self, exponent, "Pow1") : powNumber(this.self, exponent);
  }

  /** The power, computed in float64. */
  floatPower(exponent: TensorOrScalar): Tensor {
    return this.double().pow(isTensor(exponent) ? exponent.double() : exponent);
  }

  /** The angle of the points (other, this), in radians. */
  atan2(other: TensorOrScalar): Tensor {
    return pointwiseFloat("atan2", [this.self, other]);
  }

  /** The larger of each pair; NaN wins. */
  maximum(other: TensorOrScalar): Tensor {
    return logical("maximum", "bitwiseOr", this.self, other);
  }

  /** The smaller of each pair; NaN wins. */
  minimum(other: TensorOrScalar): Tensor {
    return logical("minimum", "bitwiseAnd", this.self, other);
  }

  /** The larger of each pair; a number wins over NaN. */
  fmax(other: TensorOrScalar): Tensor {
    return pickNumber("fmax", "ge", this.self, other);
  }

  /** The smaller of each pair; a number wins over NaN. */
  fmin(other: TensorOrScalar): Tensor {
    return pickNumber("fmin", "le", this.self, other);
  }

  /** `this * log(other)`, and 0 where this is 0 unless other is NaN. */
  xlogy(other: TensorOrScalar): Tensor {
    return pointwiseFloat("xlogy", [this.self, other], { label: isTensor(other) ? "Xlogy" : "Xlogy2" });
  }

  /** `sqrt(this² + other²)`. */
  hypot(other: TensorOrScalar): Tensor {
    return pointwiseFloat("hypot", [this.self, other]);
  }

  /** The magnitude of this with the sign of other. */
  copysign(other: TensorOrScalar): Tensor {
    return pointwiseFloat("copysign", [this.self, other], { label: isTensor(other) ? "Copysign" : "Copysign1" });
  }

  /** `log(exp(this) + exp(other))` without overflow. */
  logaddexp(other: Tensor): Tensor {
    return pointwiseFloat("logaddexp", [this.self, other]);
  }

  /** `log2(2^this + 2^other)` without overflow. */
  logaddexp2(other: Tensor): Tensor {
    const x = this.self;
    return composite("Logaddexp2", [x, other], () => x.mul(Math.LN2).logaddexp(other.mul(Math.LN2)).mul(Math.LOG2E));
  }

  /** `this * 2^other`. */
  ldexp(other: Tensor): Tensor {
    return this.mul(power(2, other.cast(floatType(other.dtype))));
  }
}

/** An op that bool has under another name: `add` is or, `mul` is and. */
function logical(op: ScalarOp, boolOp: ScalarOp, x: Tensor, other: TensorOrScalar): Tensor {
  const direct = floatBinary(op, x, other);
  if (direct !== null) return direct;
  const dtype = resultType(x, other);
  return pointwise(dtype === "bool" ? boolOp : op, [x, other], { name: op, dtype });
}

function checkAlpha(op: string, alpha: number, dtype: ReturnType<typeof resultType>): void {
  if (isFloatingPoint(dtype) || Number.isInteger(alpha)) return;
  throw new ValueError(`${op}: For integral input tensors, argument alpha must not be a floating point number, got ${alpha}`);
}

function scaled(op: "add" | "sub", label: string, x: Tensor, other: TensorOrScalar, alpha: number): Tensor {
  checkAlpha(op, alpha, resultType(x, other));
  const inputs = isTensor(other) ? [x, other] : [x];
  return composite(label, inputs, () => pointwise(op, [x, isTensor(other) ? other.mul(alpha) : Number(other) * alpha]));
}

function refuseBoolSub(x: Tensor, other: TensorOrScalar): void {
  const otherBool = isTensor(other) ? other.dtype === "bool" : typeof other === "boolean";
  if (x.dtype !== "bool" && !otherBool) return;
  const both = x.dtype === "bool" && otherBool;
  throw new DTypeError(
    `sub: Subtraction, the \`-\` operator, with ${both ? "two bool tensors" : "a bool tensor"} is not supported; use logicalXor() or logicalNot()`,
    { dtypes: ["bool"] },
  );
}

/** The quotient of two operands, of which one may be a number. */
export function divide(x: TensorOrScalar, other: TensorOrScalar, roundingMode: "floor" | "trunc" | null): Tensor {
  if (roundingMode === null) return (isTensor(x) ? floatBinary("div", x, other) : null) ?? pointwiseFloat("div", [x, other]);
  if (roundingMode === "floor") return integerDivision("floorDivide", x, other, "Div2");
  if (roundingMode === "trunc") return integerDivision("truncDivide", x, other, "Div2");
  throw new ValueError(`div: expected roundingMode null, "trunc" or "floor", got ${JSON.stringify(roundingMode)}`);
}

type IntegerDivision = "floorDivide" | "truncDivide" | "remainder" | "fmod";

/** An op that bool has not and in which integers have no answer for a divisor of zero. */
export function integerDivision(op: IntegerDivision, x: TensorOrScalar, other: TensorOrScalar, label: string | undefined): Tensor {
  const dtype = resultType(x, other);
  refuseBool(op, dtype);
  if (!isTensor(other) && Number(other) === 0 && !isFloatingPoint(dtype)) {
    throw new ValueError(`${op}: ZeroDivisionError: expected a divisor other than 0 for ${dtype}`, { dtypes: [dtype] });
  }
  return pointwise(op, [x, other], { label, dtype });
}

/** The comparison decides, so that equals give their gradient to the first. */
function pickNumber(op: "fmax" | "fmin", wins: "ge" | "le", x: Tensor, other: TensorOrScalar): Tensor {
  const dtype = resultType(x, other);
  const label = op === "fmax" ? "Fmax" : "Fmin";
  return composite(label, [x, other].filter(isTensor), () => {
    const first = pointwise(wins, [x, other], { name: op, dtype });
    const second = isTensor(other) ? other.cast(dtype) : other;
    const keep = isTensor(other) && isFloatingPoint(other.dtype) ? first.logicalOr(apply("isnan", [other], null)) : first;
    return choose(keep, x.cast(dtype), second, dtype);
  });
}

/** The power of two operands, of which one may be a number. */
export function power(base: TensorOrScalar, exponent: TensorOrScalar): Tensor {
  if (isTensor(base)) return base.pow(exponent);
  return powOf(base, exponent, "Pow2");
}

function powOf(base: TensorOrScalar, exponent: TensorOrScalar, label: string): Tensor {
  const dtype = resultType(base, exponent);
  if (dtype === "bool") throw notImplemented("pow", dtype, "convert it with .int() or .float() first");
  return pointwise("pow", [base, exponent], { label, dtype });
}

/** Exponents that have a shorter way; gradients take the same way. */
function powNumber(x: Tensor, exponent: Scalar): Tensor {
  const dtype = resultType(x, exponent);
  if (!isFloatingPoint(dtype)) {
    if (isIntegral(exponent) && Number(exponent) < 0) {
      throw new ValueError(`pow: Integers to negative integer powers are not allowed, got ${x.dtype} and ${exponent}; use .float() first`, {
        dtypes: [x.dtype],
      });
    }
    return Number(exponent) === 2 ? pointwise("square", [x], { label: "Pow", dtype }) : powOf(x, exponent, "Pow");
  }
  const options = { label: "Pow", dtype: floatType(dtype) };
  if (exponent === 2) return pointwise("square", [x], options);
  if (exponent === 0.5) return pointwise("sqrt", [x], options);
  if (exponent === -0.5) return pointwise("rsqrt", [x], options);
  if (exponent === -1) return pointwise("reciprocal", [x], options);
  if (exponent === 3) return composite("Pow", [x], () => pointwise("mul", [pointwise("square", [x], options), x]));
  return pointwise("pow", [x, exponent], options);
}
