/**
 * Optimizers, learning-rate schedulers and gradient clipping.
 * @module optim
 */
export { Adagrad, type AdagradOptions } from "./adagrad.js";
export { Adam, type AdamOptions, AdamW } from "./adam.js";
export { type ClipGradNormOptions, clipGradNorm_, clipGradValue_ } from "./clip.js";
export * as lrScheduler from "./lr-scheduler.js";
export {
  Optimizer,
  type OptimizerOptions,
  type OptimizerStateDict,
  type OptionValue,
  type ParamGroup,
  type ParamGroupInput,
  type ParamState,
  type Params,
} from "./optimizer.js";
export { RMSprop, type RMSpropOptions } from "./rmsprop.js";
export { SGD, type SGDOptions } from "./sgd.js";
