/**
 * Define-by-run automatic differentiation: importing it adds `requiresGrad`, `grad`, `backward` and their relatives to core's tensors.
 * @module autograd
 */
import "./install.js";

export { detectAnomaly, isAnomalyEnabled, setDetectAnomaly } from "./anomaly.js";
export { type BackwardOptions, backward, type GradOptions, grad } from "./backward.js";
export { type CheckpointOptions, checkpoint, checkpointSequential } from "./checkpoint.js";
export { Function, FunctionContext, onceDifferentiable } from "./function.js";
export { enableGrad, GradMode, inferenceMode, isGradEnabled, isInferenceModeEnabled, noGrad, setGradEnabled } from "./grad-mode.js";
export { type GradcheckOptions, gradcheck, gradgradcheck } from "./gradcheck.js";
export * as graph from "./graph.js";
export { gradOf, type ZeroGradOptions } from "./install.js";
export type { GradHook, HookHandle, Node, NodeHook, NodePrehook } from "./node.js";
