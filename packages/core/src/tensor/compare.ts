import { apply } from "../dispatch.js";
import { isFloatingPoint } from "../dtype.js";
import { ValueError } from "../errors.js";
import { checkScalarFits, isTensor, resultType, type TensorOrScalar } from "../promotion.js";
import type { ScalarOp } from "../scalar.js";
import { sameShape } from "../shape.js";
import { capital, constant, filled, floatBinary, pointwise, requireBits } from "./elementwise.js";
import { MathOps } from "./math.js";
import type { Tensor } from "./tensor.js";

/** When two floating-point numbers count as equal: `|a - b| <= atol + rtol * |b|`. */
export interface ToleranceOptions {
  readonly rtol?: number;
  readonly atol?: number;
  /** NaN equals NaN. */
  readonly equalNan?: boolean;
}

/** Comparisons, logic and bits. */
export class CompareOps extends MathOps {
  /** True where equal. */
  eq(other: TensorOrScalar): Tensor {
    return compare("eq", this.self, other);
  }

  /** True where not equal. */
  ne(other: TensorOrScalar): Tensor {
    return compare("ne", this.self, other);
  }

  /** True where less. */
  lt(other: TensorOrScalar): Tensor {
    return compare("lt", this.self, other);
  }

  /** True where less or equal. */
  le(other: TensorOrScalar): Tensor {
    return compare("le", this.self, other);
  }

  /** True where greater. */
  gt(other: TensorOrScalar): Tensor {
    return compare("gt", this.self, other);
  }

  /** True where greater or equal. */
  ge(other: TensorOrScalar): Tensor {
    return compare("ge", this.self, other);
  }

  /** True if shapes and all elements are equal. */
  async equal(other: Tensor): Promise<boolean> {
    return sameShape(this.shape, other.shape) && (await everywhere(this.eq(other)).item()) === 1;
  }

  /** {@link equal} at once. @throws NotSupportedError where the device cannot block. */
  equalSync(other: Tensor): boolean {
    return sameShape(this.shape, other.shape) && everywhere(this.eq(other)).itemSync() === 1;
  }

  /**
   * True where `|this - other| <= atol + rtol * |other|`.
   * @example
   * tensor([1, 2]).isclose(tensor([1.000001, 2.1])); // [true, false]
   */
  isclose(other: Tensor, { rtol = 1e-5, atol = 1e-8, equalNan = false }: ToleranceOptions = {}): Tensor {
    const x = this.detach();
    const b = other.detach();
    if (!(rtol >= 0 && atol >= 0)) {
      throw new ValueError(`isclose: expected rtol and atol of at least zero, got ${rtol} and ${atol}`);
    }
    let close = x.eq(b);
    if (equalNan) close = close.logicalOr(x.isnan().logicalAnd(b.isnan()));
    if (rtol === 0 && atol === 0) return close;
    const distance = x.dtype === "bool" || b.dtype === "bool" ? x.ne(b).float() : x.sub(b).abs();
    const allowed = b.mul(rtol).abs().add(atol);
    return close.logicalOr(distance.isfinite().logicalAnd(distance.le(allowed)));
  }

  /** True if all elements are close. */
  async allclose(other: Tensor, options?: ToleranceOptions): Promise<boolean> {
    return (await everywhere(this.isclose(other, options)).item()) === 1;
  }

  /** {@link allclose} at once. @throws NotSupportedError where the device cannot block. */
  allcloseSync(other: Tensor, options?: ToleranceOptions): boolean {
    return everywhere(this.isclose(other, options)).itemSync() === 1;
  }

  /** True where not a number. */
  isnan(): Tensor {
    return isFloatingPoint(this.dtype) ? apply("isnan", [this.self], null) : always(this.self, false);
  }

  /** True where infinite. */
  isinf(): Tensor {
    return isFloatingPoint(this.dtype) ? apply("isinf", [this.self], null) : always(this.self, false);
  }

  /** True where neither infinite nor NaN. */
  isfinite(): Tensor {
    return isFloatingPoint(this.dtype) ? this.detach().abs().lt(Number.POSITIVE_INFINITY) : always(this.self, true);
  }

  /** True where positive infinity. */
  isposinf(): Tensor {
    return isFloatingPoint(this.dtype) ? this.eq(Number.POSITIVE_INFINITY) : always(this.self, false);
  }

  /** True where negative infinity. */
  isneginf(): Tensor {
    return isFloatingPoint(this.dtype) ? this.eq(Number.NEGATIVE_INFINITY) : always(this.self, false);
  }

  /** True where the sign bit is set: negative numbers and -0. */
  signbit(): Tensor {
    const x = this.self;
    if (!isFloatingPoint(x.dtype)) return x.dtype === "bool" ? always(x, false) : x.lt(0);
    return constant(x, 1).copysign(x.detach()).lt(0);
  }

  /** True where both are not zero. */
  logicalAnd(other: Tensor): Tensor {
    return pointwise("bitwiseAnd", [this.bool(), other.bool()], { name: "logicalAnd" });
  }

  /** True where either is not zero. */
  logicalOr(other: Tensor): Tensor {
    return pointwise("bitwiseOr", [this.bool(), other.bool()], { name: "logicalOr" });
  }

  /** True where exactly one is not zero. */
  logicalXor(other: Tensor): Tensor {
    return pointwise("bitwiseXor", [this.bool(), other.bool()], { name: "logicalXor" });
  }

  /** True where zero. */
  logicalNot(): Tensor {
    return apply("bitwiseNot", [this.bool()], null);
  }

  /** Bits set in both; logic for bool. @throws DTypeError for floating point. */
  bitwiseAnd(other: TensorOrScalar): Tensor {
    return bits("bitwiseAnd", "bitwiseAnd", this.self, other);
  }

  /** Bits set in either; logic for bool. @throws DTypeError for floating point. */
  bitwiseOr(other: TensorOrScalar): Tensor {
    return bits("bitwiseOr", "bitwiseOr", this.self, other);
  }

  /** Bits set in exactly one; logic for bool. @throws DTypeError for floating point. */
  bitwiseXor(other: TensorOrScalar): Tensor {
    return bits("bitwiseXor", "bitwiseXor", this.self, other);
  }

  /** All bits flipped; logical not for bool. @throws DTypeError for floating point. */
  bitwiseNot(): Tensor {
    requireBits("bitwiseNot", this.dtype);
    return apply("bitwiseNot", [this.self], null);
  }

  /** Bits moved up. @throws DTypeError for floating point. */
  bitwiseLeftShift(other: TensorOrScalar): Tensor {
    return bits("bitwiseLeftShift", "shiftLeft", this.self, other);
  }

  /** Bits moved down, the sign kept. @throws DTypeError for floating point. */
  bitwiseRightShift(other: TensorOrScalar): Tensor {
    return bits("bitwiseRightShift", "shiftRight", this.self, other);
  }
}

/** A comparison of two operands, of which one may be a number. */
function compare(op: "eq" | "ne" | "lt" | "le" | "gt" | "ge", x: TensorOrScalar, other: TensorOrScalar): Tensor {
  const direct = isTensor(x) ? floatBinary(op, x, other) : null;
  if (direct !== null) return direct;
  const dtype = resultType(x, other);
  if (!isTensor(other)) checkScalarFits(op, other, dtype);
  const operands = [x, other].map((t) => (isTensor(t) && t.dtype !== dtype ? t.detach() : t));
  return pointwise(op, operands, { dtype });
}

function bits(name: string, op: ScalarOp, x: Tensor, other: TensorOrScalar): Tensor {
  const dtype = resultType(x, other);
  requireBits(name, dtype);
  return pointwise(op, [x, other], { name, label: capital(name), dtype });
}

function everywhere(x: Tensor): Tensor {
  return apply("reduce", [x], { op: "all", dims: x.shape.map((_, i) => i), keepdim: false });
}

function always(x: Tensor, value: boolean): Tensor {
  return filled(x, value, "bool");
}
