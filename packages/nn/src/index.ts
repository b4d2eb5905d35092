/**
 * Callable modules with PyTorch's names, state keys and first weights.
 * @module nn
 */
export { clone } from "./clone.js";
export type { Target } from "./convert.js";
export * as functional from "./functional/index.js";
export type { Reduction, ReductionOptions } from "./functional/reduction.js";
export { type FunctionalCallOptions, functionalCall, stackModuleState } from "./functional-call.js";
export { type BackwardHook, type Gradients, RemovableHandle } from "./hooks.js";
export * as init from "./init.js";
export * from "./layers/activation.js";
export * from "./layers/adaptive.js";
export * from "./layers/attention.js";
export { Container, DictContainer, type Item, ListContainer, type NamedItems } from "./layers/container.js";
export * from "./layers/conv.js";
export * from "./layers/dropout.js";
export * from "./layers/embedding.js";
export * from "./layers/embedding-bag.js";
export type { BiasOptions, FactoryOptions } from "./layers/factory.js";
export * from "./layers/fractional.js";
export * from "./layers/lazy.js";
export * from "./layers/linear.js";
export * from "./layers/normalization.js";
export * from "./layers/padding.js";
export * from "./layers/parameters.js";
export * from "./layers/pooling.js";
export * from "./layers/recurrent.js";
export * from "./layers/recurrent-cell.js";
export * from "./layers/sequential.js";
export * from "./layers/transformer.js";
export * from "./layers/vision.js";
export {
  BCELoss,
  BCEWithLogitsLoss,
  CosineSimilarity,
  CrossEntropyLoss,
  HuberLoss,
  KLDivLoss,
  L1Loss,
  MSELoss,
  NLLLoss,
  PairwiseDistance,
  SmoothL1Loss,
} from "./losses/common.js";
export * from "./losses/margin.js";
export * from "./losses/sequence.js";
export { type ForwardHook, type ForwardPreHook, Module, type WalkOptions } from "./module.js";
export { isLazy, Parameter, type ParameterOptions, UninitializedParameter } from "./parameter.js";
export { IncompatibleKeys, type StateDict } from "./state.js";
export { type LayerInfo, ModelSummary, type SummaryColumn, type SummaryOptions, summary } from "./summary.js";
export * as utils from "./utils.js";
