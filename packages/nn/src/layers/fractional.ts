import type { Tensor } from "@sconce/core";
import type { Spatial } from "@sconce/core/nn";
import * as F from "../functional/fractional.js";
import { Module } from "../module.js";
import type { Pooled } from "./pooling.js";

/** Settings of fractional max pooling; `R` is true if it returns positions too. */
export type FractionalLayerOptions<R extends boolean> = F.FractionalOptions & { readonly returnIndices?: R };

abstract class FractionalMaxPool<R extends boolean> extends Module {
  static override readonly stateKeys: Readonly<Record<string, string>> = { randomSamples: "_random_samples" };

  readonly kernelSize: Spatial;
  readonly outputSize: Spatial | null | undefined;
  readonly outputRatio: Spatial | null | undefined;
  readonly returnIndices: boolean;
  /** Where the windows lie, if it is always the same. */
  declare randomSamples: Tensor | null;

  constructor(kernelSize: Spatial, options: FractionalLayerOptions<R>) {
    super();
    F.checkFractional(new.target.name, options);
    this.kernelSize = kernelSize;
    this.outputSize = options.outputSize;
    this.outputRatio = options.outputRatio;
    this.returnIndices = options.returnIndices ?? false;
    this.registerBuffer("randomSamples", options.randomSamples ?? null);
  }

  /** Options of the function. */
  protected get options(): F.FractionalOptions {
    const { outputSize, outputRatio, returnIndices, randomSamples } = this;
    return { outputSize, outputRatio, returnIndices, randomSamples };
  }
}

/**
 * The largest elements of windows of `[N, C, H, W]`, or without N, at distances that vary at random.
 *
 * Source: https://arxiv.org/abs/1412.6071
 * @throws ValueError unless one of `outputSize` and `outputRatio` is given.
 * @example
 * new nn.FractionalMaxPool2d(3, { outputSize: [13, 12] })(randn([20, 16, 50, 32])); // [20, 16, 13, 12]
 */
export class FractionalMaxPool2d<R extends boolean = false> extends FractionalMaxPool<R> {
  override forward(input: Tensor): Pooled<R> {
    return F.fractionalMaxPool2d(input, this.kernelSize, this.options) as Pooled<R>;
  }
}

/** {@link FractionalMaxPool2d} of `[N, C, D, H, W]`, or without N. @throws ValueError unless one of `outputSize` and `outputRatio` is given. */
export class FractionalMaxPool3d<R extends boolean = false> extends FractionalMaxPool<R> {
  override forward(input: Tensor): Pooled<R> {
    return F.fractionalMaxPool3d(input, this.kernelSize, this.options) as Pooled<R>;
  }
}
