import type { Tensor, ValuesIndices } from "@sconce/core";
import type { AdaptiveSize, AvgPoolOptions, MaxPoolOptions, Spatial } from "@sconce/core/nn";
import * as F from "../functional/pool.js";
import { Module } from "../module.js";
import { settle } from "../options.js";
import { pyFields } from "../repr.js";

/** What a layer returns that may return positions too. */
export type Pooled<R extends boolean> = R extends true ? ValuesIndices : Tensor;

/** Settings of max pooling; `R` is true if it returns positions too. */
export type MaxPoolLayerOptions<R extends boolean> = MaxPoolOptions & { readonly returnIndices?: R };

abstract class MaxPool<R extends boolean> extends Module {
  readonly kernelSize: Spatial;
  readonly stride: Spatial;
  readonly padding: Spatial;
  readonly dilation: Spatial;
  declare readonly returnIndices: boolean;
  declare readonly ceilMode: boolean;

  constructor(kernelSize: Spatial, options: Spatial | MaxPoolLayerOptions<R> = {}) {
    super();
    const given = F.poolOptions<MaxPoolOptions>(options);
    const { stride, padding = 0, dilation = 1 } = given;
    settle(this, given, { ceilMode: false, returnIndices: false });
    this.kernelSize = kernelSize;
    this.stride = stride ?? kernelSize;
    this.padding = padding;
    this.dilation = dilation;
  }

  override extraRepr(): string {
    return pyFields(this, "kernelSize", "stride", "padding", "dilation", "ceilMode");
  }
}

abstract class AvgPool extends Module {
  readonly kernelSize: Spatial;
  readonly stride: Spatial;
  readonly padding: Spatial;
  declare readonly ceilMode: boolean;
  declare readonly countIncludePad: boolean;
  declare readonly divisorOverride: number | null;

  constructor(kernelSize: Spatial, options: Spatial | AvgPoolOptions = {}) {
    super();
    const given = F.poolOptions<AvgPoolOptions>(options);
    const { stride, padding = 0 } = given;
    settle(this, given, { ceilMode: false, countIncludePad: true, divisorOverride: Number });
    this.kernelSize = kernelSize;
    this.stride = stride ?? kernelSize;
    this.padding = padding;
  }

  override extraRepr(): string {
    return pyFields(this, "kernelSize", "stride", "padding");
  }
}

abstract class Adaptive extends Module {
  readonly outputSize: AdaptiveSize;

  constructor(outputSize: AdaptiveSize) {
    super();
    this.outputSize = outputSize;
  }

  override extraRepr(): string {
    return pyFields(this, "outputSize");
  }
}

abstract class MaxUnpool extends Module {
  readonly kernelSize: Spatial;
  readonly stride: Spatial;
  readonly padding: Spatial;

  constructor(kernelSize: Spatial, options: Spatial | { readonly stride?: Spatial | null; readonly padding?: Spatial } = {}) {
    super();
    const { stride, padding = 0 } = F.poolOptions<{ readonly stride?: Spatial | null; readonly padding?: Spatial }>(options);
    this.kernelSize = kernelSize;
    this.stride = stride ?? kernelSize;
    this.padding = padding;
  }

  override extraRepr(): string {
    return pyFields(this, "kernelSize", "stride", "padding");
  }
}

abstract class AdaptiveMax<R extends boolean> extends Adaptive {
  declare readonly returnIndices: boolean;

  constructor(outputSize: AdaptiveSize, options: { readonly returnIndices?: R } = {}) {
    super(outputSize);
    settle(this, options as { readonly returnIndices?: boolean }, { returnIndices: false });
  }
}

/** The largest element of every window of `[N, C, L]` or `[C, L]`. The stride is the kernel's size unless given. */
export class MaxPool1d<R extends boolean = false> extends MaxPool<R> {
  static override readonly transient: boolean = true;

  override forward(input: Tensor): Pooled<R> {
    return F.maxPool1d(input, this.kernelSize, this) as Pooled<R>;
  }
}

/**
 * The largest element of every window of `[N, C, H, W]` or `[C, H, W]`. The stride is the kernel's size unless given.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
 * @throws ShapeError when called, if a window does not fit.
 * @example
 * new nn.MaxPool2d(2)(randn([8, 6, 28, 28])); // [8, 6, 14, 14]
 * new nn.MaxPool2d(3, { stride: 2, padding: 1 });
 */
export class MaxPool2d<R extends boolean = false> extends MaxPool<R> {
  static override readonly transient: boolean = true;

  override forward(input: Tensor): Pooled<R> {
    return F.maxPool2d(input, this.kernelSize, this) as Pooled<R>;
  }
}

/** The largest element of every window of `[N, C, D, H, W]` or `[C, D, H, W]`. The stride is the kernel's size unless given. */
export class MaxPool3d<R extends boolean = false> extends MaxPool<R> {
  static override readonly transient: boolean = true;

  override forward(input: Tensor): Pooled<R> {
    return F.maxPool3d(input, this.kernelSize, this) as Pooled<R>;
  }
}

/** The mean of every window of `[N, C, L]` or `[C, L]`. The stride is the kernel's size unless given. */
export class AvgPool1d extends AvgPool {
  static override readonly transient: boolean = true;

  override forward(input: Tensor): Tensor {
    return F.avgPool1d(input, this.kernelSize, this);
  }

  /** The options that are printed. */
  override extraRepr(): string {
    const { kernelSize, stride, padding } = this;
    return pyFields(
      { kernelSize: single(kernelSize), stride: single(stride), padding: single(padding) },
      "kernelSize",
      "stride",
      "padding",
    );
  }
}

/** PyTorch keeps the sizes of this one as tuples. */
function single(value: Spatial): readonly number[] {
  return typeof value === "number" ? [value] : value;
}

/** The mean of every window of `[N, C, H, W]` or `[C, H, W]`. The stride is the kernel's size unless given. */
export class AvgPool2d extends AvgPool {
  static override readonly transient: boolean = true;

  override forward(input: Tensor): Tensor {
    return F.avgPool2d(input, this.kernelSize, this);
  }
}

/** The mean of every window of `[N, C, D, H, W]` or `[C, D, H, W]`. The stride is the kernel's size unless given. */
export class AvgPool3d extends AvgPool {
  static override readonly transient: boolean = true;

  override forward(input: Tensor): Tensor {
    return F.avgPool3d(input, this.kernelSize, this);
  }
}

/** Means of windows of `[N, C, L]` or `[C, L]` that give a result of `outputSize`; null keeps the size of the input. */
export class AdaptiveAvgPool1d extends Adaptive {
  static override readonly transient: boolean = true;

  override forward(input: Tensor): Tensor {
    return F.adaptiveAvgPool1d(input, this.outputSize);
  }
}

/** Means of windows of `[N, C, H, W]` or `[C, H, W]` that give a result of `outputSize`; null keeps the size of the input. */
export class AdaptiveAvgPool2d extends Adaptive {
  static override readonly transient: boolean = true;

  override forward(input: Tensor): Tensor {
    return F.adaptiveAvgPool2d(input, this.outputSize);
  }
}

/** Means of windows of `[N, C, D, H, W]` or `[C, D, H, W]` that give a result of `outputSize`; null keeps the size of the input. */
export class AdaptiveAvgPool3d extends Adaptive {
  static override readonly transient: boolean = true;

  override forward(input: Tensor): Tensor {
    return F.adaptiveAvgPool3d(input, this.outputSize);
  }
}

/** Largest elements of windows of `[N, C, L]` or `[C, L]` that give a result of `outputSize`; null keeps the size of the input. */
export class AdaptiveMaxPool1d<R extends boolean = false> extends AdaptiveMax<R> {
  override forward(input: Tensor): Pooled<R> {
    return F.adaptiveMaxPool1d(input, this.outputSize, this) as Pooled<R>;
  }
}

/** Largest elements of windows of `[N, C, H, W]` or `[C, H, W]` that give a result of `outputSize`; null keeps the size of the input. */
export class AdaptiveMaxPool2d<R extends boolean = false> extends AdaptiveMax<R> {
  override forward(input: Tensor): Pooled<R> {
    return F.adaptiveMaxPool2d(input, this.outputSize, this) as Pooled<R>;
  }
}

/** Largest elements of windows of `[N, C, D, H, W]` or `[C, D, H, W]` that give a result of `outputSize`; null keeps the size of the input. */
export class AdaptiveMaxPool3d<R extends boolean = false> extends AdaptiveMax<R> {
  override forward(input: Tensor): Pooled<R> {
    return F.adaptiveMaxPool3d(input, this.outputSize, this) as Pooled<R>;
  }
}

/** Puts pooled values back at the positions that {@link MaxPool1d} returned, among zeros. */
export class MaxUnpool1d extends MaxUnpool {
  override forward(input: Tensor, indices: Tensor, outputSize?: readonly number[] | null): Tensor {
    return F.maxUnpool1d(input, indices, this.kernelSize, { stride: this.stride, padding: this.padding, outputSize });
  }
}

/** Puts pooled values back at the positions that {@link MaxPool2d} returned, among zeros. */
export class MaxUnpool2d extends MaxUnpool {
  override forward(input: Tensor, indices: Tensor, outputSize?: readonly number[] | null): Tensor {
    return F.maxUnpool2d(input, indices, this.kernelSize, { stride: this.stride, padding: this.padding, outputSize });
  }
}

/** Puts pooled values back at the positions that {@link MaxPool3d} returned, among zeros. */
export class MaxUnpool3d extends MaxUnpool {
  override forward(input: Tensor, indices: Tensor, outputSize?: readonly number[] | null): Tensor {
    return F.maxUnpool3d(input, indices, this.kernelSize, { stride: this.stride, padding: this.padding, outputSize });
  }
}

abstract class LPPool extends Module {
  readonly normType: number;
  readonly kernelSize: Spatial;
  readonly stride: Spatial | null;
  declare readonly ceilMode: boolean;

  constructor(normType: number, kernelSize: Spatial, options: Spatial | F.LpPoolOptions = {}) {
    super();
    const given = F.poolOptions<F.LpPoolOptions>(options);
    settle(this, given, { ceilMode: false });
    this.normType = normType;
    this.kernelSize = kernelSize;
    this.stride = given.stride ?? null;
  }

  override extraRepr(): string {
    return pyFields(this, "normType", "kernelSize", "stride", "ceilMode");
  }
}

/** `(sum of x ^ normType) ^ (1 / normType)` of every window of `[N, C, L]` or `[C, L]`. */
export class LPPool1d extends LPPool {
  override forward(input: Tensor): Tensor {
    return F.lpPool1d(input, this.normType, this.kernelSize, this);
  }
}

/** `(sum of x ^ normType) ^ (1 / normType)` of every window of `[N, C, H, W]` or `[C, H, W]`. */
export class LPPool2d extends LPPool {
  override forward(input: Tensor): Tensor {
    return F.lpPool2d(input, this.normType, this.kernelSize, this);
  }
}

/** `(sum of x ^ normType) ^ (1 / normType)` of every window of `[N, C, D, H, W]` or `[C, D, H, W]`. */
export class LPPool3d extends LPPool {
  override forward(input: Tensor): Tensor {
    return F.lpPool3d(input, this.normType, this.kernelSize, this);
  }
}
