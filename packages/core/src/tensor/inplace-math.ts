import { defineInPlace } from "./compose.js";
import { InplaceOps, into } from "./inplace.js";
import type { Tensor } from "./tensor.js";

/** Functions of one number in place. Each returns the tensor itself. */
export interface InplaceMathOps {
  /** {@link abs} in place. */
  abs_(): Tensor;

  /** {@link neg} in place. */
  neg_(): Tensor;

  /** {@link sign} in place. */
  sign_(): Tensor;

  /** {@link sgn} in place. */
  sgn_(): Tensor;

  /** {@link sqrt} in place. */
  sqrt_(): Tensor;

  /** {@link rsqrt} in place. */
  rsqrt_(): Tensor;

  /** {@link reciprocal} in place. */
  reciprocal_(): Tensor;

  /** {@link square} in place. */
  square_(): Tensor;

  /** {@link exp} in place. */
  exp_(): Tensor;

  /** {@link exp2} in place. */
  exp2_(): Tensor;

  /** {@link expm1} in place. */
  expm1_(): Tensor;

  /** {@link log} in place. */
  log_(): Tensor;

  /** {@link log2} in place. */
  log2_(): Tensor;

  /** {@link log10} in place. */
  log10_(): Tensor;

  /** {@link log1p} in place. */
  log1p_(): Tensor;

  /** {@link sin} in place. */
  sin_(): Tensor;

  /** {@link cos} in place. */
  cos_(): Tensor;

  /** {@link tan} in place. */
  tan_(): Tensor;

  /** {@link asin} in place. */
  asin_(): Tensor;

  /** {@link acos} in place. */
  acos_(): Tensor;

  /** {@link atan} in place. */
  atan_(): Tensor;

  /** {@link sinh} in place. */
  sinh_(): Tensor;

  /** {@link cosh} in place. */
  cosh_(): Tensor;

  /** {@link tanh} in place. */
  tanh_(): Tensor;

  /** {@link asinh} in place. */
  asinh_(): Tensor;

  /** {@link acosh} in place. */
  acosh_(): Tensor;

  /** {@link atanh} in place. */
  atanh_(): Tensor;

  /** {@link sigmoid} in place. */
  sigmoid_(): Tensor;

  /** {@link erf} in place. */
  erf_(): Tensor;

  /** {@link erfc} in place. */
  erfc_(): Tensor;

  /** {@link erfinv} in place. */
  erfinv_(): Tensor;

  /** {@link lgamma} in place. */
  lgamma_(): Tensor;

  /** {@link digamma} in place. */
  digamma_(): Tensor;

  /** {@link floor} in place. */
  floor_(): Tensor;

  /** {@link ceil} in place. */
  ceil_(): Tensor;

  /** {@link trunc} in place. */
  trunc_(): Tensor;

  /** {@link frac} in place. */
  frac_(): Tensor;

  /** {@link deg2rad} in place. */
  deg2rad_(): Tensor;

  /** {@link rad2deg} in place. */
  rad2deg_(): Tensor;

  /** {@link sinc} in place. */
  sinc_(): Tensor;

  /** {@link relu} in place. */
  relu_(): Tensor;

  /** {@link round} in place. */
  round_(options?: { readonly decimals?: number }): Tensor;

  /** {@link logit} in place. */
  logit_(options?: { readonly eps?: number }): Tensor;
}

/** Functions of one number in place. Each returns the tensor itself. */
export class InplaceMathOps extends InplaceOps {}

defineInPlace(
  InplaceMathOps.prototype,
  into,
  "abs neg sign sgn sqrt rsqrt reciprocal square exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh sigmoid erf erfc erfinv lgamma digamma floor ceil trunc frac deg2rad rad2deg sinc relu round logit",
);
