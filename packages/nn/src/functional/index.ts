/**
 * Layers and losses as functions of their weights.
 * @module functional
 */
export * from "./activation.js";
export { logSigmoid as logsigmoid } from "./activation.js";
export { type AttentionOptions, scaledDotProductAttention } from "./attention.js";
export * from "./classification.js";
export * from "./conv.js";
export * from "./ctc.js";
export * from "./distance.js";
export * from "./dropout.js";
export * from "./embedding-bag.js";
export { type FractionalOptions, fractionalMaxPool2d, fractionalMaxPool3d } from "./fractional.js";
export * from "./grid.js";
export * from "./likelihood.js";
export * from "./linear.js";
export * from "./loss.js";
export * from "./margin.js";
export * from "./normalization.js";
export {
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  adaptiveMaxPool3d,
  avgPool1d,
  avgPool2d,
  avgPool3d,
  type LpPoolOptions,
  lpPool1d,
  lpPool2d,
  lpPool3d,
  maxPool1d,
  maxPool2d,
  maxPool3d,
  maxUnpool1d,
  maxUnpool2d,
  maxUnpool3d,
} from "./pool.js";
export type { Reduction, ReductionOptions } from "./reduction.js";
export * from "./vision.js";
export { interpolate as upsample } from "./vision.js";
