/**
 * Special functions as in `torch.special`, by free functions: programs carry only those that they name. Those that are formulas run on
 * every device, fused with what is around them; the others say that they run on the host.
 * @module special
 */
import { optionsOf } from "./options.js";
import type { TensorOrScalar } from "./promotion.js";
import { gammainc, gammaincc, multigammaln } from "./special/gamma.js";
import type { Tensor } from "./tensor/tensor.js";

export {
  digamma,
  erf,
  erfc,
  erfinv,
  expm1,
  log1p,
  logit,
  round,
  sigmoid as expit,
  sinc,
} from "./functions-math.js";
export { xlogy } from "./functions-pointwise.js";
export * from "./special/bessel.js";
export * from "./special/error.js";
export * from "./special/gamma.js";
export * from "./special/polynomials.js";

/** {@link gammainc} under its other name. */
export function igamma(a: TensorOrScalar, x: TensorOrScalar): Tensor {
  return gammainc(a, x);
}

/** {@link gammaincc} under its other name. */
export function igammac(a: TensorOrScalar, x: TensorOrScalar): Tensor {
  return gammaincc(a, x);
}

/** {@link multigammaln} under its other name. */
export function mvlgamma(x: Tensor, p: number): Tensor {
  return multigammaln(x, p);
}

/** The logarithm of the absolute value of the gamma function. */
export function gammaln(x: Tensor): Tensor {
  return x.lgamma();
}

/** The derivative of {@link gammaln}. */
export function psi(x: Tensor): Tensor {
  return x.digamma();
}

/** 2 to the power. */
export function exp2(x: Tensor): Tensor {
  return x.exp2();
}

/** The logarithm of the sum of exponentials along `dim`. */
export function logsumexp(x: Tensor, dim: number | readonly number[], options: { readonly keepdim?: boolean } = {}): Tensor {
  return x.logsumexp(dim as number, optionsOf("special.logsumexp", options));
}

/** {@link Tensor.softmax}. */
export function softmax(x: Tensor, dim: number): Tensor {
  return x.softmax(dim);
}

/** {@link Tensor.logSoftmax}. */
export function logSoftmax(x: Tensor, dim: number): Tensor {
  return x.logSoftmax(dim);
}
