import type { Scalar, TensorOrScalar } from "./promotion.js";
import type { AlphaOptions } from "./tensor/arithmetic.js";
import type { ToleranceOptions } from "./tensor/compare.js";
import type { ClampOptions, NanToNumOptions, ValueOptions } from "./tensor/pointwise.js";
import type { Tensor } from "./tensor/tensor.js";

/**
 * `x + alpha * other`, broadcast and promoted.
 * @throws ShapeError if the shapes do not broadcast.
 */
export function add(x: Tensor, other: TensorOrScalar, options?: AlphaOptions): Tensor {
  return x.add(other, options);
}

/** The product. */
export function mul(x: Tensor, other: TensorOrScalar): Tensor {
  return x.mul(other);
}

/** The remainder with the sign of the dividend, as C's `fmod`. */
export function fmod(x: Tensor, other: TensorOrScalar): Tensor {
  return x.fmod(other);
}

/** The power, computed in float64. */
export function floatPower(x: Tensor, exponent: TensorOrScalar): Tensor {
  return x.floatPower(exponent);
}

/** The angle of the points (other, x), in radians. */
export function atan2(x: Tensor, other: TensorOrScalar): Tensor {
  return x.atan2(other);
}

/** The larger of each pair; NaN wins. */
export function maximum(x: Tensor, other: TensorOrScalar): Tensor {
  return x.maximum(other);
}

/** The smaller of each pair; NaN wins. */
export function minimum(x: Tensor, other: TensorOrScalar): Tensor {
  return x.minimum(other);
}

/** The larger of each pair; a number wins over NaN. */
export function fmax(x: Tensor, other: TensorOrScalar): Tensor {
  return x.fmax(other);
}

/** The smaller of each pair; a number wins over NaN. */
export function fmin(x: Tensor, other: TensorOrScalar): Tensor {
  return x.fmin(other);
}

/** `x * log(other)`, and 0 where x is 0 unless other is NaN. */
export function xlogy(x: Tensor, other: TensorOrScalar): Tensor {
  return x.xlogy(other);
}

/** `sqrt(this² + other²)`. */
export function hypot(x: Tensor, other: TensorOrScalar): Tensor {
  return x.hypot(other);
}

/** The magnitude of x with the sign of other. */
export function copysign(x: Tensor, other: TensorOrScalar): Tensor {
  return x.copysign(other);
}

/** `log(exp(x) + exp(other))` without overflow. */
export function logaddexp(x: Tensor, other: Tensor): Tensor {
  return x.logaddexp(other);
}

/** `log2(2^x + 2^other)` without overflow. */
export function logaddexp2(x: Tensor, other: Tensor): Tensor {
  return x.logaddexp2(other);
}

/** `x * 2^other`. */
export function ldexp(x: Tensor, other: Tensor): Tensor {
  return x.ldexp(other);
}

/** True where equal. */
export function eq(x: Tensor, other: TensorOrScalar): Tensor {
  return x.eq(other);
}

/** True where not equal. */
export function ne(x: Tensor, other: TensorOrScalar): Tensor {
  return x.ne(other);
}

/** True where less. */
export function lt(x: Tensor, other: TensorOrScalar): Tensor {
  return x.lt(other);
}

/** True where less or equal. */
export function le(x: Tensor, other: TensorOrScalar): Tensor {
  return x.le(other);
}

/** True where greater. */
export function gt(x: Tensor, other: TensorOrScalar): Tensor {
  return x.gt(other);
}

/** True where greater or equal. */
export function ge(x: Tensor, other: TensorOrScalar): Tensor {
  return x.ge(other);
}

/** True if shapes and all elements are equal. */
export function equal(x: Tensor, other: Tensor): Promise<boolean> {
  return x.equal(other);
}

/** {@link equal} at once. @throws NotSupportedError where the device cannot block. */
export function equalSync(x: Tensor, other: Tensor): boolean {
  return x.equalSync(other);
}

/** True where `|x - other| <= atol + rtol * |other|`. */
export function isclose(x: Tensor, other: Tensor, options?: ToleranceOptions): Tensor {
  return x.isclose(other, options);
}

/** True if all elements are close. */
export function allclose(x: Tensor, other: Tensor, options?: ToleranceOptions): Promise<boolean> {
  return x.allclose(other, options);
}

/** {@link allclose} at once. @throws NotSupportedError where the device cannot block. */
export function allcloseSync(x: Tensor, other: Tensor, options?: ToleranceOptions): boolean {
  return x.allcloseSync(other, options);
}

/** True where not a number. */
export function isnan(x: Tensor): Tensor {
  return x.isnan();
}

/** True where infinite. */
export function isinf(x: Tensor): Tensor {
  return x.isinf();
}

/** True where neither infinite nor NaN. */
export function isfinite(x: Tensor): Tensor {
  return x.isfinite();
}

/** True where positive infinity. */
export function isposinf(x: Tensor): Tensor {
  return x.isposinf();
}

/** True where negative infinity. */
export function isneginf(x: Tensor): Tensor {
  return x.isneginf();
}

/** True where the sign bit is set: negative numbers and -0. */
export function signbit(x: Tensor): Tensor {
  return x.signbit();
}

/** True where both are not zero. */
export function logicalAnd(x: Tensor, other: Tensor): Tensor {
  return x.logicalAnd(other);
}

/** True where either is not zero. */
export function logicalOr(x: Tensor, other: Tensor): Tensor {
  return x.logicalOr(other);
}

/** True where exactly one is not zero. */
export function logicalXor(x: Tensor, other: Tensor): Tensor {
  return x.logicalXor(other);
}

/** True where zero. */
export function logicalNot(x: Tensor): Tensor {
  return x.logicalNot();
}

/** Bits set in both; logic for bool. @throws DTypeError for floating point. */
export function bitwiseAnd(x: Tensor, other: TensorOrScalar): Tensor {
  return x.bitwiseAnd(other);
}

/** Bits set in either; logic for bool. @throws DTypeError for floating point. */
export function bitwiseOr(x: Tensor, other: TensorOrScalar): Tensor {
  return x.bitwiseOr(other);
}

/** Bits set in exactly one; logic for bool. @throws DTypeError for floating point. */
export function bitwiseXor(x: Tensor, other: TensorOrScalar): Tensor {
  return x.bitwiseXor(other);
}

/** All bits flipped; logical not for bool. @throws DTypeError for floating point. */
export function bitwiseNot(x: Tensor): Tensor {
  return x.bitwiseNot();
}

/** Bits moved up. @throws DTypeError for floating point. */
export function bitwiseLeftShift(x: Tensor, other: TensorOrScalar): Tensor {
  return x.bitwiseLeftShift(other);
}

/** Bits moved down, the sign kept. @throws DTypeError for floating point. */
export function bitwiseRightShift(x: Tensor, other: TensorOrScalar): Tensor {
  return x.bitwiseRightShift(other);
}

/**
 * Limited to `[min, max]`; gradients pass at the bounds.
 * @throws ValueError if neither bound is given.
 */
export function clamp(x: Tensor, options: ClampOptions): Tensor {
  return x.clamp(options);
}

/** At least `min`. */
export function clampMin(x: Tensor, min: TensorOrScalar): Tensor {
  return x.clampMin(min);
}

/** At most `max`. */
export function clampMax(x: Tensor, max: TensorOrScalar): Tensor {
  return x.clampMax(max);
}

/** This with `value` where `mask` is true. @throws DTypeError unless the mask is bool. */
export function maskedFill(x: Tensor, mask: Tensor, value: Scalar | Tensor): Tensor {
  return x.maskedFill(mask, value);
}

/** `x + weight * (end - x)`. @throws DTypeError unless the dtypes are equal. */
export function lerp(x: Tensor, end: Tensor, weight: number | Tensor): Tensor {
  return x.lerp(end, weight);
}

/** `x + value * a * b`. */
export function addcmul(x: Tensor, a: Tensor, b: Tensor, options?: ValueOptions): Tensor {
  return x.addcmul(a, b, options);
}

/** `x + value * a / b`. @throws DTypeError for integers: divide first. */
export function addcdiv(x: Tensor, a: Tensor, b: Tensor, options?: ValueOptions): Tensor {
  return x.addcdiv(a, b, options);
}

/** NaN and infinities replaced by numbers. */
export function nanToNum(x: Tensor, options?: NanToNumOptions): Tensor {
  return x.nanToNum(options);
}

/** 0 where negative, 1 where positive, `values` where zero. @throws DTypeError unless the dtypes are equal. */
export function heaviside(x: Tensor, values: Tensor): Tensor {
  return x.heaviside(values);
}

/** A tensor of the same shape filled with one value. */
export function fill(x: Tensor, value: Scalar | Tensor): Tensor {
  return x.fill(value);
}
