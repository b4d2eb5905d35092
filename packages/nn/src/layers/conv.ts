import { formatShape, ShapeError, type Tensor, ValueError } from "@sconce/core";
import { type ConvOptions, type ConvTransposeOptions, type Spatial, spatial } from "@sconce/core/nn";
import * as F from "../functional/conv.js";
import { pad } from "../functional/vision.js";
import { Module } from "../module.js";
import { settle } from "../options.js";
import type { Parameter } from "../parameter.js";
import { pyTuple } from "../repr.js";
import { type BiasOptions, checkSizes, filledParameter, resetWeightAndBias } from "./factory.js";

/** How a convolution continues its input over the edge. */
export type PaddingMode = "zeros" | "reflect" | "replicate" | "circular";

/** Settings of convolutions. */
export interface ConvLayerOptions extends ConvOptions, BiasOptions {
  readonly paddingMode?: PaddingMode;
}

/** Settings of transposed convolutions. */
export interface ConvTransposeLayerOptions extends ConvTransposeOptions, BiasOptions {}

const MODES: readonly string[] = ["zeros", "reflect", "replicate", "circular"];

/** What convolutions and transposed convolutions share. */
abstract class ConvBase extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[] | "same" | "valid";
  readonly dilation: readonly number[];
  readonly outputPadding: readonly number[];
  declare readonly groups: number;
  readonly paddingMode: PaddingMode;
  weight: Parameter;
  bias: Parameter | null;

  constructor(
    n: number,
    transposed: boolean,
    inChannels: number,
    outChannels: number,
    kernelSize: Spatial,
    options: ConvLayerOptions & { readonly outputPadding?: Spatial },
  ) {
    super();
    const { groups, bias } = settle(this, options, { groups: 1, bias: true });
    const { stride = 1, padding = 0, dilation = 1, outputPadding = 0, paddingMode = "zeros" } = options;
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    const sizes = (name: string, value: Spatial): number[] => spatial(value, n, new.target.name, name);
    this.kernelSize = sizes("kernelSize", kernelSize);
    this.stride = sizes("stride", stride);
    this.padding = typeof padding === "string" ? padding : sizes("padding", padding);
    this.dilation = sizes("dilation", dilation);
    this.outputPadding = sizes("outputPadding", outputPadding);
    this.paddingMode = paddingMode;
    checkConv(this);
    const [first, second] = transposed ? [inChannels, outChannels] : [outChannels, inChannels];
    this.weight = filledParameter([first, second / groups, ...this.kernelSize], 0, options);
    this.bias = bias ? filledParameter([outChannels], 0, options) : null;
    this.resetParameters();
  }

  /** Draws new weights, as the constructor does. */
  resetParameters(): void {
    resetWeightAndBias(this.weight, this.bias);
  }

  override extraRepr(): string {
    const { padding, dilation, outputPadding, groups, paddingMode } = this;
    let text = `${this.inChannels}, ${this.outChannels}, kernel_size=${pyTuple(this.kernelSize)}, stride=${pyTuple(this.stride)}`;
    if (typeof padding === "string" || padding.some((p) => p !== 0)) text += `, padding=${pyTuple(padding)}`;
    if (dilation.some((d) => d !== 1)) text += `, dilation=${pyTuple(dilation)}`;
    if (outputPadding.some((p) => p !== 0)) text += `, output_padding=${pyTuple(outputPadding)}`;
    if (groups !== 1) text += `, groups=${groups}`;
    if (this.bias === null) text += ", bias=False";
    if (paddingMode !== "zeros") text += `, padding_mode=${paddingMode}`;
    return text;
  }
}

function checkConv(layer: ConvBase): void {
  const { inChannels, outChannels, kernelSize, groups, padding, stride, paddingMode } = layer;
  const op = layer.constructor.name;
  checkSizes(op, { groups });
  checkSizes(op, { inChannels, outChannels }, 0);
  for (const size of kernelSize) checkSizes(op, { kernelSize: size });
  const fail = (message: string): never => {
    throw new ValueError(`${op}: ${message}`);
  };
  if (inChannels % groups !== 0) fail(`in_channels must be divisible by groups, got ${inChannels} and ${groups}`);
  if (outChannels % groups !== 0) fail(`out_channels must be divisible by groups, got ${outChannels} and ${groups}`);
  if (typeof padding === "string" && padding !== "same" && padding !== "valid") {
    fail(`Invalid padding string '${padding}', should be one of same, valid`);
  }
  if (padding === "same" && stride.some((s) => s !== 1)) fail("padding='same' is not supported for strided convolutions");
  if (!MODES.includes(paddingMode)) fail(`padding_mode must be one of ${MODES.join(", ")}, but got padding_mode='${paddingMode}'`);
}

/** A convolution that pads as it is set to. */
abstract class Conv extends ConvBase {
  /** The input and the options of the plain convolution: other modes than zeros pad beforehand. */
  protected prepared(input: Tensor): [Tensor, ConvOptions] {
    const { paddingMode, stride, padding, dilation, groups } = this;
    if (paddingMode === "zeros") return [input, { stride, padding, dilation, groups }];
    return [pad(input, edgePads(this), { mode: paddingMode }), { stride, dilation, groups }];
  }
}

/** Sizes before and after each spatial dimension, the last dimension first. */
function edgePads({ padding, dilation, kernelSize }: ConvBase): number[] {
  return kernelSize
    .flatMap((k, i) => {
      if (padding === "valid") return [0, 0];
      if (padding !== "same") return [padding[i], padding[i]];
      const total = dilation[i] * (k - 1);
      return [Math.ceil(total / 2), Math.floor(total / 2)];
    })
    .reverse();
}

/** A transposed convolution, which can aim at an output size. */
abstract class ConvTranspose extends ConvBase {
  /** Options of the plain transposed convolution that gives `outputSize`, where several sizes are possible. */
  protected aimed(input: Tensor, outputSize: Spatial | null | undefined): ConvTransposeOptions {
    const { stride, dilation, groups, kernelSize, outputPadding } = this;
    const padding = this.padding as readonly number[];
    if (outputSize == null) return { stride, padding, outputPadding, groups, dilation };
    const n = kernelSize.length;
    const sizes = typeof outputSize === "number" ? new Array<number>(n).fill(outputSize) : outputSize.slice(-n);
    const extra = sizes.map((size, i) => {
      const least = (input.shape[input.ndim - n + i] - 1) * stride[i] - 2 * padding[i] + dilation[i] * (kernelSize[i] - 1) + 1;
      if (size < least || size >= least + stride[i]) {
        throw new ShapeError(
          `${this.constructor.name}: requested an output size of ${formatShape(sizes)}, but valid sizes of dimension ${i} range from ${least} to ${least + stride[i] - 1}`,
          { shapes: [input.shape] },
        );
      }
      return size - least;
    });
    return { stride, padding, outputPadding: extra, groups, dilation };
  }
}

/**
 * Convolution of `[N, C, L]` or `[C, L]`. State: `weight` `[outChannels, inChannels / groups, K]`, `bias` `[outChannels]`.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.Conv1d.html
 * @throws ValueError if the groups do not divide the channels.
 */
export class Conv1d extends Conv {
  static override readonly transient: boolean = true;

  constructor(inChannels: number, outChannels: number, kernelSize: Spatial, options: ConvLayerOptions = {}) {
    super(1, false, inChannels, outChannels, kernelSize, options);
  }

  override forward(input: Tensor): Tensor {
    const [padded, options] = this.prepared(input);
    return F.conv1d(padded, this.weight, this.bias, options);
  }
}

/**
 * Convolution of `[N, C, H, W]` or `[C, H, W]`. State: `weight` `[outChannels, inChannels / groups, KH, KW]`, `bias` `[outChannels]`.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
 * @throws ValueError if the groups do not divide the channels.
 * @example
 * const layer = new nn.Conv2d(3, 8, 3, { padding: 1 });
 * layer(randn([16, 3, 32, 32])); // [16, 8, 32, 32]
 */
export class Conv2d extends Conv {
  static override readonly transient: boolean = true;

  constructor(inChannels: number, outChannels: number, kernelSize: Spatial, options: ConvLayerOptions = {}) {
    super(2, false, inChannels, outChannels, kernelSize, options);
  }

  override forward(input: Tensor): Tensor {
    const [padded, options] = this.prepared(input);
    return F.conv2d(padded, this.weight, this.bias, options);
  }
}

/**
 * Convolution of `[N, C, D, H, W]` or `[C, D, H, W]`. State: `weight` `[outChannels, inChannels / groups, KD, KH, KW]`, `bias` `[outChannels]`.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.Conv3d.html
 * @throws ValueError if the groups do not divide the channels.
 */
export class Conv3d extends Conv {
  static override readonly transient: boolean = true;

  constructor(inChannels: number, outChannels: number, kernelSize: Spatial, options: ConvLayerOptions = {}) {
    super(3, false, inChannels, outChannels, kernelSize, options);
  }

  override forward(input: Tensor): Tensor {
    const [padded, options] = this.prepared(input);
    return F.conv3d(padded, this.weight, this.bias, options);
  }
}

/**
 * Transposed convolution of `[N, C, L]` or `[C, L]`. State: `weight` `[inChannels, outChannels / groups, K]`, `bias`
 * `[outChannels]`.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose1d.html
 * @throws ValueError if the groups do not divide the channels.
 */
export class ConvTranspose1d extends ConvTranspose {
  constructor(inChannels: number, outChannels: number, kernelSize: Spatial, options: ConvTransposeLayerOptions = {}) {
    super(1, true, inChannels, outChannels, kernelSize, options);
  }

  override forward(input: Tensor, outputSize?: Spatial | null): Tensor {
    return F.convTranspose1d(input, this.weight, this.bias, this.aimed(input, outputSize));
  }
}

/**
 * Transposed convolution of `[N, C, H, W]` or `[C, H, W]`. State: `weight` `[inChannels, outChannels / groups, KH, KW]`, `bias`
 * `[outChannels]`.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html
 * @throws ValueError if the groups do not divide the channels.
 * @example
 * const layer = new nn.ConvTranspose2d(8, 3, 2, { stride: 2 });
 * layer(randn([16, 8, 14, 14])); // [16, 3, 28, 28]
 */
export class ConvTranspose2d extends ConvTranspose {
  constructor(inChannels: number, outChannels: number, kernelSize: Spatial, options: ConvTransposeLayerOptions = {}) {
    super(2, true, inChannels, outChannels, kernelSize, options);
  }

  override forward(input: Tensor, outputSize?: Spatial | null): Tensor {
    return F.convTranspose2d(input, this.weight, this.bias, this.aimed(input, outputSize));
  }
}

/**
 * Transposed convolution of `[N, C, D, H, W]` or `[C, D, H, W]`. State: `weight` `[inChannels, outChannels / groups, KD, KH, KW]`, `bias`
 * `[outChannels]`.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose3d.html
 * @throws ValueError if the groups do not divide the channels.
 */
export class ConvTranspose3d extends ConvTranspose {
  constructor(inChannels: number, outChannels: number, kernelSize: Spatial, options: ConvTransposeLayerOptions = {}) {
    super(3, true, inChannels, outChannels, kernelSize, options);
  }

  override forward(input: Tensor, outputSize?: Spatial | null): Tensor {
    return F.convTranspose3d(input, this.weight, this.bias, this.aimed(input, outputSize));
  }
}
