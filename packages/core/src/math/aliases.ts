/**
 * Further names of functions, as PyTorch has them.
 */

export {
  div as divide,
  sub as subtract,
} from "../functions.js";
export {
  abs as absolute,
  acos as arccos,
  acosh as arccosh,
  asin as arcsin,
  asinh as arcsinh,
  atan as arctan,
  atanh as arctanh,
  neg as negative,
} from "../functions-math.js";
export {
  atan2 as arctan2,
  clamp as clip,
  ge as greaterEqual,
  gt as greater,
  le as lessEqual,
  lt as less,
  mul as multiply,
  ne as notEqual,
} from "../functions-pointwise.js";

import type { Tensor } from "../tensor/tensor.js";

/** Number of elements. */
export function numel(x: Tensor): number {
  return x.numel();
}

/** Smallest and largest elements, of all or along a dimension. */
export function aminmax(
  x: Tensor,
  options: { readonly dim?: number; readonly keepdim?: boolean } = {},
): { readonly min: Tensor; readonly max: Tensor } {
  return x.aminmax(options);
}
