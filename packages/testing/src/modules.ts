import type { Tensor } from "@sconce/core";
import * as nn from "@sconce/nn";
import type { GoldenValue } from "./golden.js";
import { arrange, camelCase, readSignature } from "./signatures.js";
import { Unsupported, type Values } from "./values.js";

const CONV = "in_channels out_channels kernel_size | stride padding dilation groups bias padding_mode";
const CONV_TRANSPOSE = "in_channels out_channels kernel_size | stride padding output_padding groups bias dilation padding_mode";
const MAX_POOL = "kernel_size | stride padding dilation return_indices ceil_mode";
const AVG_POOL = "kernel_size | stride padding ceil_mode count_include_pad divisor_override";
const LP_POOL = "norm_type kernel_size | stride ceil_mode";
const ADAPTIVE = "output_size | return_indices";
const NORM = "num_features | eps momentum affine track_running_stats";
const RNN = "input_size hidden_size | num_layers nonlinearity bias batch_first dropout bidirectional proj_size";
const LAYER = "d_model nhead | dim_feedforward dropout activation layer_norm_eps batch_first norm_first";
const LOSS = "| size_average reduce reduction";

/** Constructor parameters in PyTorch's order; those after `|` are options here. */
const SIGNATURES: { readonly [module: string]: string } = {
  AdaptiveAvgPool1d: ADAPTIVE,
  AdaptiveAvgPool2d: ADAPTIVE,
  AdaptiveAvgPool3d: ADAPTIVE,
  AdaptiveLogSoftmaxWithLoss: "in_features n_classes cutoffs | div_value head_bias",
  AdaptiveMaxPool1d: ADAPTIVE,
  AdaptiveMaxPool2d: ADAPTIVE,
  AdaptiveMaxPool3d: ADAPTIVE,
  AlphaDropout: "p | inplace",
  AvgPool1d: AVG_POOL,
  AvgPool2d: AVG_POOL,
  AvgPool3d: AVG_POOL,
  BCELoss: "| weight size_average reduce reduction",
  BCEWithLogitsLoss: "| weight size_average reduce reduction pos_weight",
  BatchNorm1d: NORM,
  BatchNorm2d: NORM,
  BatchNorm3d: NORM,
  Bilinear: "in1_features in2_features out_features | bias",
  CELU: "alpha | inplace",
  CTCLoss: "| blank reduction zero_infinity",
  ChannelShuffle: "groups",
  ConstantPad1d: "padding value",
  ConstantPad2d: "padding value",
  ConstantPad3d: "padding value",
  Conv1d: CONV,
  Conv2d: CONV,
  Conv3d: CONV,
  ConvTranspose1d: CONV_TRANSPOSE,
  ConvTranspose2d: CONV_TRANSPOSE,
  ConvTranspose3d: CONV_TRANSPOSE,
  CosineEmbeddingLoss: "| margin size_average reduce reduction",
  CosineSimilarity: "| dim eps",
  CrossEntropyLoss: "| weight size_average ignore_index reduce reduction label_smoothing",
  CrossMapLRN2d: "size | alpha beta k",
  Dropout: "p | inplace",
  Dropout1d: "p | inplace",
  Dropout2d: "p | inplace",
  Dropout3d: "p | inplace",
  ELU: "alpha | inplace",
  Embedding: "num_embeddings embedding_dim | padding_idx max_norm norm_type scale_grad_by_freq sparse",
  EmbeddingBag: "num_embeddings embedding_dim | max_norm norm_type scale_grad_by_freq mode sparse _weight include_last_offset padding_idx",
  FeatureAlphaDropout: "p | inplace",
  Flatten: "start_dim end_dim",
  Fold: "output_size kernel_size | dilation padding stride",
  FractionalMaxPool2d: "kernel_size | output_size output_ratio return_indices _random_samples",
  FractionalMaxPool3d: "kernel_size | output_size output_ratio return_indices _random_samples",
  GELU: "| approximate",
  GLU: "dim",
  GRU: RNN,
  GRUCell: "input_size hidden_size | bias",
  GaussianNLLLoss: "| full eps reduction",
  GroupNorm: "num_groups num_channels | eps affine",
  Hardshrink: "lambd",
  Hardsigmoid: "| inplace",
  Hardswish: "| inplace",
  Hardtanh: "| min_val max_val inplace",
  HingeEmbeddingLoss: "| margin size_average reduce reduction",
  HuberLoss: "| reduction delta",
  InstanceNorm1d: NORM,
  InstanceNorm2d: NORM,
  InstanceNorm3d: NORM,
  KLDivLoss: "| size_average reduce reduction log_target",
  L1Loss: LOSS,
  LPPool1d: LP_POOL,
  LPPool2d: LP_POOL,
  LSTM: RNN,
  LSTMCell: "input_size hidden_size | bias",
  LayerNorm: "normalized_shape | eps elementwise_affine",
  LeakyReLU: "negative_slope | inplace",
  Linear: "in_features out_features | bias",
  LocalResponseNorm: "size | alpha beta k",
  LogSigmoid: "",
  LogSoftmax: "dim",
  MSELoss: LOSS,
  MarginRankingLoss: "| margin size_average reduce reduction",
  MaxPool1d: MAX_POOL,
  MaxPool2d: MAX_POOL,
  MaxPool3d: MAX_POOL,
  MaxUnpool1d: "kernel_size | stride padding",
  Mish: "| inplace",
  MultiLabelMarginLoss: LOSS,
  MultiLabelSoftMarginLoss: "| weight size_average reduce reduction",
  MultiMarginLoss: "| p margin weight size_average reduce reduction",
  MultiheadAttention: "embed_dim num_heads | dropout bias add_bias_kv add_zero_attn kdim vdim batch_first",
  NLLLoss: "| weight size_average ignore_index reduce reduction",
  PReLU: "| num_parameters init",
  PairwiseDistance: "| p eps keepdim",
  PixelShuffle: "upscale_factor",
  PixelUnshuffle: "downscale_factor",
  PoissonNLLLoss: "| log_input full size_average eps reduce reduction",
  RNN,
  RNNCell: "input_size hidden_size | bias nonlinearity",
  RReLU: "| lower upper inplace",
  ReLU: "| inplace",
  ReLU6: "| inplace",
  ReflectionPad1d: "padding",
  ReflectionPad2d: "padding",
  ReflectionPad3d: "padding",
  ReplicationPad1d: "padding",
  ReplicationPad2d: "padding",
  ReplicationPad3d: "padding",
  SELU: "| inplace",
  SiLU: "| inplace",
  Sigmoid: "",
  SmoothL1Loss: "| size_average reduce reduction beta",
  SoftMarginLoss: LOSS,
  Softmax: "dim",
  Softmax2d: "",
  Softmin: "dim",
  Softplus: "| beta threshold",
  Softshrink: "lambd",
  Softsign: "",
  Tanh: "",
  Tanhshrink: "",
  Threshold: "threshold value | inplace",
  Transformer:
    "| d_model nhead num_encoder_layers num_decoder_layers dim_feedforward dropout activation custom_encoder custom_decoder layer_norm_eps batch_first norm_first",
  TransformerDecoder: "decoder_layer num_layers | norm",
  TransformerDecoderLayer: LAYER,
  TransformerEncoder: "encoder_layer num_layers | norm enable_nested_tensor",
  TransformerEncoderLayer: LAYER,
  TripletMarginLoss: "| margin p eps swap size_average reduce reduction",
  TripletMarginWithDistanceLoss: "| distance_function margin swap reduction",
  Unflatten: "dim unflattened_size",
  Unfold: "kernel_size | dilation padding stride",
  Upsample: "| size scale_factor mode align_corners recompute_scale_factor",
  UpsamplingBilinear2d: "| size scale_factor",
  UpsamplingNearest2d: "| size scale_factor",
  ZeroPad2d: "padding",
};

/** Parameters of `forward` where some are options here. */
const FORWARD: { readonly [module: string]: string } = {
  EmbeddingBag: "input | offsets per_sample_weights",
  MultiheadAttention: "query key value | key_padding_mask need_weights attn_mask average_attn_weights",
  Transformer: "src tgt | src_mask tgt_mask memory_mask src_key_padding_mask tgt_key_padding_mask memory_key_padding_mask",
  TransformerDecoder: "tgt memory | tgt_mask memory_mask tgt_key_padding_mask memory_key_padding_mask",
  TransformerDecoderLayer: "tgt memory | tgt_mask memory_mask tgt_key_padding_mask memory_key_padding_mask",
  TransformerEncoder: "src | mask src_key_padding_mask",
  TransformerEncoderLayer: "src | src_mask src_key_padding_mask",
  MaxUnpool1d: "input indices | output_size",
};

type Class = new (...args: never[]) => nn.Module;

/** The class of a module, or undefined if there is none here. */
export function moduleClass(name: string): Class | undefined {
  return (nn as unknown as { [name: string]: Class | undefined })[name];
}

/** A module from PyTorch's constructor arguments. @throws Unsupported if there is no such class. */
export function makeModule(name: string, args: readonly unknown[], kwargs: { readonly [name: string]: unknown }): nn.Module {
  const found = moduleClass(name);
  if (found === undefined) throw new Unsupported(`no nn.${name}`);
  const signature = SIGNATURES[name];
  const laid = signature === undefined ? [...args] : arrange(readSignature(signature), args, kwargs);
  // `arrange` leaves null out, the default of other options; here it means equal shares for all batches.
  if (signature === NORM && (kwargs.momentum === null || args[2] === null))
    laid[1] = { ...(laid[1] as object | undefined), momentum: null };
  return new found(...(laid as never[]));
}

/** Calls a module with PyTorch's arguments. */
export function callModule(
  name: string,
  module: nn.Module,
  args: readonly unknown[],
  kwargs: { readonly [name: string]: unknown },
): Tensor | readonly unknown[] {
  const signature = FORWARD[name];
  const laid = signature === undefined ? [...args, ...Object.values(kwargs)] : arrange(readSignature(signature), args, kwargs);
  return module(...laid);
}

/** Modules and functions that are arguments of golden cases. */
export function construct(kind: "module" | "fn", value: GoldenValue, values: Values): unknown {
  if (kind === "fn") {
    const name = camelCase(value as string);
    const fn = (nn.functional as unknown as { [name: string]: unknown })[name];
    if (typeof fn !== "function") throw new Unsupported(`no F.${name}`);
    return fn;
  }
  const { module, args, kwargs } = value as unknown as {
    readonly module: string;
    readonly args: readonly GoldenValue[];
    readonly kwargs: { readonly [name: string]: GoldenValue };
  };
  const options = Object.entries(kwargs).map(([name, option]) => [name, values.value(option)]);
  return makeModule(
    module,
    args.map((arg) => values.value(arg)),
    Object.fromEntries(options),
  );
}
