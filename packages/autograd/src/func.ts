/**
 * Function transforms in the manner of `torch.func`: functions of tensors to their gradients, Jacobians and batched forms, in any nesting.
 * @module autograd/func
 */
import "./install.js";
import "./func/function-rule.js";

export type { Randomness } from "./func/batched.js";
export {
  type Argnums,
  type ByArguments,
  grad,
  gradAndValue,
  hessian,
  type JacobianOptions,
  jacfwd,
  jacrev,
  jvp,
  linearize,
  type TransformOptions,
  valueAndGrad,
  vjp,
} from "./func/transforms.js";
export { type BatchDim, type BatchDims, type VmapOptions, vmap } from "./func/vmap.js";
