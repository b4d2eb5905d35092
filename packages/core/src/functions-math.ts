import type { Tensor } from "./tensor/tensor.js";

/** `-x`. @throws DTypeError for bool: use logicalNot. */
export function neg(x: Tensor): Tensor {
  return x.neg();
}

/** The tensor itself. */
export function positive(x: Tensor): Tensor {
  return x.positive();
}

/** The absolute value. */
export function abs(x: Tensor): Tensor {
  return x.abs();
}

/** -1, 0 or 1 by the sign. */
export function sign(x: Tensor): Tensor {
  return x.sign();
}

/** The sign, as {@link sign}. */
export function sgn(x: Tensor): Tensor {
  return x.sgn();
}

/** The square root. */
export function sqrt(x: Tensor): Tensor {
  return x.sqrt();
}

/** `1 / sqrt(x)`. */
export function rsqrt(x: Tensor): Tensor {
  return x.rsqrt();
}

/** `1 / x`. */
export function reciprocal(x: Tensor): Tensor {
  return x.reciprocal();
}

/** The square. */
export function square(x: Tensor): Tensor {
  return x.square();
}

/** e to the power. */
export function exp(x: Tensor): Tensor {
  return x.exp();
}

/** 2 to the power. */
export function exp2(x: Tensor): Tensor {
  return x.exp2();
}

/** `exp(x) - 1`, exact near 0. */
export function expm1(x: Tensor): Tensor {
  return x.expm1();
}

/** The natural logarithm. */
export function log(x: Tensor): Tensor {
  return x.log();
}

/** The logarithm to base 2. */
export function log2(x: Tensor): Tensor {
  return x.log2();
}

/** The logarithm to base 10. */
export function log10(x: Tensor): Tensor {
  return x.log10();
}

/** `log(1 + x)`, exact near 0. */
export function log1p(x: Tensor): Tensor {
  return x.log1p();
}

/** The sine. */
export function sin(x: Tensor): Tensor {
  return x.sin();
}

/** The cosine. */
export function cos(x: Tensor): Tensor {
  return x.cos();
}

/** The tangent. */
export function tan(x: Tensor): Tensor {
  return x.tan();
}

/** The arcsine. */
export function asin(x: Tensor): Tensor {
  return x.asin();
}

/** The arccosine. */
export function acos(x: Tensor): Tensor {
  return x.acos();
}

/** The arctangent. */
export function atan(x: Tensor): Tensor {
  return x.atan();
}

/** The hyperbolic sine. */
export function sinh(x: Tensor): Tensor {
  return x.sinh();
}

/** The hyperbolic cosine. */
export function cosh(x: Tensor): Tensor {
  return x.cosh();
}

/** The hyperbolic tangent. */
export function tanh(x: Tensor): Tensor {
  return x.tanh();
}

/** The inverse hyperbolic sine. */
export function asinh(x: Tensor): Tensor {
  return x.asinh();
}

/** The inverse hyperbolic cosine. */
export function acosh(x: Tensor): Tensor {
  return x.acosh();
}

/** The inverse hyperbolic tangent. */
export function atanh(x: Tensor): Tensor {
  return x.atanh();
}

/** `1 / (1 + exp(-x))`. */
export function sigmoid(x: Tensor): Tensor {
  return x.sigmoid();
}

/** `log(p / (1 - p))`; with `eps` the probabilities are first clamped to `[eps, 1 - eps]`. */
export function logit(x: Tensor, options?: { readonly eps?: number | null }): Tensor {
  return x.logit(options);
}

/** The error function. */
export function erf(x: Tensor): Tensor {
  return x.erf();
}

/** `1 - erf(x)`, exact for large values. */
export function erfc(x: Tensor): Tensor {
  return x.erfc();
}

/** The inverse of {@link erf}. */
export function erfinv(x: Tensor): Tensor {
  return x.erfinv();
}

/** The logarithm of the absolute value of the gamma function. */
export function lgamma(x: Tensor): Tensor {
  return x.lgamma();
}

/** The derivative of {@link lgamma}. */
export function digamma(x: Tensor): Tensor {
  return x.digamma();
}

/** Rounded down. */
export function floor(x: Tensor): Tensor {
  return x.floor();
}

/** Rounded up. */
export function ceil(x: Tensor): Tensor {
  return x.ceil();
}

/** Rounded to the nearest integer, halves to the even one; with `decimals` to that many digits. */
export function round(x: Tensor, options?: { readonly decimals?: number }): Tensor {
  return x.round(options);
}

/** Rounded towards zero. */
export function trunc(x: Tensor): Tensor {
  return x.trunc();
}

/** Rounded towards zero, as {@link trunc}. */
export function fix(x: Tensor): Tensor {
  return x.fix();
}

/** The part behind the point, with the sign. */
export function frac(x: Tensor): Tensor {
  return x.frac();
}

/** Degrees as radians. */
export function deg2rad(x: Tensor): Tensor {
  return x.deg2rad();
}

/** Radians as degrees. */
export function rad2deg(x: Tensor): Tensor {
  return x.rad2deg();
}

/** `sin(πx) / (πx)`, and 1 at 0. */
export function sinc(x: Tensor): Tensor {
  return x.sinc();
}

/** `max(x, 0)`. */
export function relu(x: Tensor): Tensor {
  return x.relu();
}
