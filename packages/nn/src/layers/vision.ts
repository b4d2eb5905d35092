import { optionsOf, type Tensor } from "@sconce/core";
import type { InterpolateMode, InterpolateOptions, Spatial, WindowOptions } from "@sconce/core/nn";
import * as F from "../functional/vision.js";
import { Module } from "../module.js";
import { settle } from "../options.js";
import { pyFields, pyFloat } from "../repr.js";

/** Settings of {@link Upsample}. */
export type UpsampleOptions = InterpolateOptions;

/**
 * Resizes the spatial dimensions of `[N, C, ...]` to `size` or by `scaleFactor`.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.Upsample.html
 * @example
 * new nn.Upsample({ scaleFactor: 2, mode: "bilinear" })(randn([8, 3, 4, 4])); // [8, 3, 8, 8]
 */
export class Upsample extends Module {
  declare readonly size: Spatial | null;
  declare readonly scaleFactor: Spatial | null;
  declare readonly mode: InterpolateMode;
  declare readonly alignCorners: boolean | null;
  declare readonly recomputeScaleFactor: boolean | null;

  constructor(options: UpsampleOptions = {}) {
    super();
    settle(this, options, { size: Object, scaleFactor: Object, mode: "nearest", alignCorners: Boolean, recomputeScaleFactor: Boolean });
  }

  override forward(input: Tensor): Tensor {
    return F.interpolate(input, this);
  }

  override extraRepr(): string {
    const { scaleFactor, mode } = this;
    if (scaleFactor === null) return pyFields(this, "size", "mode");
    const factors = typeof scaleFactor === "number" ? pyFloat(scaleFactor) : `(${scaleFactor.map(pyFloat).join(", ")})`;
    return `scale_factor=${factors}, mode=${mode}`;
  }
}

/** {@link Upsample} of images by nearest neighbours. */
export class UpsamplingNearest2d extends Upsample {
  constructor(options: Pick<UpsampleOptions, "size" | "scaleFactor"> = {}) {
    const { size, scaleFactor } = optionsOf(new.target, options);
    super({ size, scaleFactor, mode: "nearest" });
  }
}

/** {@link Upsample} of images by bilinear interpolation with aligned corners. */
export class UpsamplingBilinear2d extends Upsample {
  constructor(options: Pick<UpsampleOptions, "size" | "scaleFactor"> = {}) {
    const { size, scaleFactor } = optionsOf(new.target, options);
    super({ size, scaleFactor, mode: "bilinear", alignCorners: true });
  }
}

/** Channels to pixels: `[..., C * r * r, H, W]` to `[..., C, H * r, W * r]`. Source: https://arxiv.org/abs/1609.05158 */
export class PixelShuffle extends Module {
  readonly upscaleFactor: number;

  constructor(upscaleFactor: number) {
    super();
    this.upscaleFactor = upscaleFactor;
  }

  override forward(input: Tensor): Tensor {
    return F.pixelShuffle(input, this.upscaleFactor);
  }

  override extraRepr(): string {
    return pyFields(this, "upscaleFactor");
  }
}

/** Pixels to channels: `[..., C, H * r, W * r]` to `[..., C * r * r, H, W]`. */
export class PixelUnshuffle extends Module {
  readonly downscaleFactor: number;

  constructor(downscaleFactor: number) {
    super();
    this.downscaleFactor = downscaleFactor;
  }

  override forward(input: Tensor): Tensor {
    return F.pixelUnshuffle(input, this.downscaleFactor);
  }

  override extraRepr(): string {
    return pyFields(this, "downscaleFactor");
  }
}

/** Mixes `groups` of channels of `[N, C, ...]`. Source: https://arxiv.org/abs/1707.01083 */
export class ChannelShuffle extends Module {
  readonly groups: number;

  constructor(groups: number) {
    super();
    this.groups = groups;
  }

  override forward(input: Tensor): Tensor {
    return F.channelShuffle(input, this.groups);
  }

  override extraRepr(): string {
    return pyFields(this, "groups");
  }
}

/** Geometry of sliding blocks. */
abstract class Blocks extends Module {
  readonly kernelSize: Spatial;
  readonly dilation: Spatial;
  readonly padding: Spatial;
  readonly stride: Spatial;

  constructor(kernelSize: Spatial, options: WindowOptions) {
    const { dilation = 1, padding = 0, stride = 1 } = optionsOf(new.target, options);
    super();
    this.kernelSize = kernelSize;
    this.dilation = dilation;
    this.padding = padding;
    this.stride = stride;
  }

  override extraRepr(): string {
    return pyFields(this, "kernelSize", "dilation", "padding", "stride");
  }
}

/** Sliding blocks as columns: `[N, C, H, W]` to `[N, C * KH * KW, blocks]`. */
export class Unfold extends Blocks {
  constructor(kernelSize: Spatial, options: WindowOptions = {}) {
    super(kernelSize, options);
  }

  override forward(input: Tensor): Tensor {
    return F.unfold(input, this.kernelSize, this);
  }
}

/** Adds columns up as sliding blocks: `[N, C * KH * KW, blocks]` to `[N, C, H, W]`. */
export class Fold extends Blocks {
  readonly outputSize: Spatial;

  constructor(outputSize: Spatial, kernelSize: Spatial, options: WindowOptions = {}) {
    super(kernelSize, options);
    this.outputSize = outputSize;
  }

  override forward(input: Tensor): Tensor {
    return F.fold(input, this.outputSize, this.kernelSize, this);
  }

  /** The options that are printed. */
  override extraRepr(): string {
    return `${pyFields(this, "outputSize")}, ${super.extraRepr()}`;
  }
}
