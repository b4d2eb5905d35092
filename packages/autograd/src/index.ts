/**
 * Define-by-run automatic differentiation: importing it adds `requiresGrad`, `grad`, `backward` and their relatives to core's tensors.
 * @module autograd
 */
import "./install.js";

export { detectAnomaly, setDetectAnomaly } from "./anomaly.js";
export { type BackwardOptions, backward, type GradOptions, grad } from "./backward.js";
export { Function, FunctionContext } from "./function.js";
export { enableGrad, GradMode, inferenceMode, isGradEnabled, noGrad, setGradEnabled } from "./grad-mode.js";
export { type GradcheckOptions, gradcheck, gradgradcheck } from "./gradcheck.js";
export type { HookHandle } from "./hooks.js";
export { gradOf, type ZeroGradOptions } from "./install.js";
export type { GradHook, Node } from "./node.js";
