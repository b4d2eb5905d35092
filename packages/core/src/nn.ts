/**
 * What layers compute, as functions of tensors: activations, convolution, pooling, padding, resizing, normalisation, dropout and embeddings. The functions of
 * `nn.functional` that PyTorch keeps off the tensor; a program carries those that it uses.
 * @module core/nn
 */
export * from "./nn/activation.js";
export * from "./nn/conv.js";
export * from "./nn/layer.js";
export * from "./nn/pad.js";
export * from "./nn/pool.js";
export * from "./nn/resize.js";
export { type Spatial, spatial } from "./nn/spatial.js";
