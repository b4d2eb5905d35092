import { InplaceOps, into } from "./inplace.js";
import type { Tensor } from "./tensor.js";

/** Functions of one number in place. Each returns the tensor itself. */
export class InplaceMathOps extends InplaceOps {
  /** {@link abs} in place. */
  abs_(): Tensor {
    return into(this.self, "abs_", this.abs());
  }

  /** {@link neg} in place. */
  neg_(): Tensor {
    return into(this.self, "neg_", this.neg());
  }

  /** {@link sign} in place. */
  sign_(): Tensor {
    return into(this.self, "sign_", this.sign());
  }

  /** {@link sgn} in place. */
  sgn_(): Tensor {
    return into(this.self, "sgn_", this.sgn());
  }

  /** {@link sqrt} in place. */
  sqrt_(): Tensor {
    return into(this.self, "sqrt_", this.sqrt());
  }

  /** {@link rsqrt} in place. */
  rsqrt_(): Tensor {
    return into(this.self, "rsqrt_", this.rsqrt());
  }

  /** {@link reciprocal} in place. */
  reciprocal_(): Tensor {
    return into(this.self, "reciprocal_", this.reciprocal());
  }

  /** {@link square} in place. */
  square_(): Tensor {
    return into(this.self, "square_", this.square());
  }

  /** {@link exp} in place. */
  exp_(): Tensor {
    return into(this.self, "exp_", this.exp());
  }

  /** {@link exp2} in place. */
  exp2_(): Tensor {
    return into(this.self, "exp2_", this.exp2());
  }

  /** {@link expm1} in place. */
  expm1_(): Tensor {
    return into(this.self, "expm1_", this.expm1());
  }

  /** {@link log} in place. */
  log_(): Tensor {
    return into(this.self, "log_", this.log());
  }

  /** {@link log2} in place. */
  log2_(): Tensor {
    return into(this.self, "log2_", this.log2());
  }

  /** {@link log10} in place. */
  log10_(): Tensor {
    return into(this.self, "log10_", this.log10());
  }

  /** {@link log1p} in place. */
  log1p_(): Tensor {
    return into(this.self, "log1p_", this.log1p());
  }

  /** {@link sin} in place. */
  sin_(): Tensor {
    return into(this.self, "sin_", this.sin());
  }

  /** {@link cos} in place. */
  cos_(): Tensor {
    return into(this.self, "cos_", this.cos());
  }

  /** {@link tan} in place. */
  tan_(): Tensor {
    return into(this.self, "tan_", this.tan());
  }

  /** {@link asin} in place. */
  asin_(): Tensor {
    return into(this.self, "asin_", this.asin());
  }

  /** {@link acos} in place. */
  acos_(): Tensor {
    return into(this.self, "acos_", this.acos());
  }

  /** {@link atan} in place. */
  atan_(): Tensor {
    return into(this.self, "atan_", this.atan());
  }

  /** {@link sinh} in place. */
  sinh_(): Tensor {
    return into(this.self, "sinh_", this.sinh());
  }

  /** {@link cosh} in place. */
  cosh_(): Tensor {
    return into(this.self, "cosh_", this.cosh());
  }

  /** {@link tanh} in place. */
  tanh_(): Tensor {
    return into(this.self, "tanh_", this.tanh());
  }

  /** {@link asinh} in place. */
  asinh_(): Tensor {
    return into(this.self, "asinh_", this.asinh());
  }

  /** {@link acosh} in place. */
  acosh_(): Tensor {
    return into(this.self, "acosh_", this.acosh());
  }

  /** {@link atanh} in place. */
  atanh_(): Tensor {
    return into(this.self, "atanh_", this.atanh());
  }

  /** {@link sigmoid} in place. */
  sigmoid_(): Tensor {
    return into(this.self, "sigmoid_", this.sigmoid());
  }

  /** {@link erf} in place. */
  erf_(): Tensor {
    return into(this.self, "erf_", this.erf());
  }

  /** {@link erfc} in place. */
  erfc_(): Tensor {
    return into(this.self, "erfc_", this.erfc());
  }

  /** {@link erfinv} in place. */
  erfinv_(): Tensor {
    return into(this.self, "erfinv_", this.erfinv());
  }

  /** {@link lgamma} in place. */
  lgamma_(): Tensor {
    return into(this.self, "lgamma_", this.lgamma());
  }

  /** {@link digamma} in place. */
  digamma_(): Tensor {
    return into(this.self, "digamma_", this.digamma());
  }

  /** {@link floor} in place. */
  floor_(): Tensor {
    return into(this.self, "floor_", this.floor());
  }

  /** {@link ceil} in place. */
  ceil_(): Tensor {
    return into(this.self, "ceil_", this.ceil());
  }

  /** {@link trunc} in place. */
  trunc_(): Tensor {
    return into(this.self, "trunc_", this.trunc());
  }

  /** {@link frac} in place. */
  frac_(): Tensor {
    return into(this.self, "frac_", this.frac());
  }

  /** {@link deg2rad} in place. */
  deg2rad_(): Tensor {
    return into(this.self, "deg2rad_", this.deg2rad());
  }

  /** {@link rad2deg} in place. */
  rad2deg_(): Tensor {
    return into(this.self, "rad2deg_", this.rad2deg());
  }

  /** {@link sinc} in place. */
  sinc_(): Tensor {
    return into(this.self, "sinc_", this.sinc());
  }

  /** {@link relu} in place. */
  relu_(): Tensor {
    return into(this.self, "relu_", this.relu());
  }
  /** {@link round} in place. */
  round_(options?: { readonly decimals?: number }): Tensor {
    return into(this.self, "round_", this.round(options));
  }

  /** {@link logit} in place. */
  logit_(options?: { readonly eps?: number }): Tensor {
    return into(this.self, "logit_", this.logit(options));
  }
}
