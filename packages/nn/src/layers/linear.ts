import { optionsOf, type Shape, type Tensor } from "@sconce/core";
import * as F from "../functional/linear.js";
import { uniform_ } from "../init.js";
import { Module } from "../module.js";
import type { Parameter } from "../parameter.js";
import { pyBool, pyFields } from "../repr.js";
import { type BiasOptions, checkSizes, filledParameter, resetWeightAndBias } from "./factory.js";

/**
 * `x Wᵀ + b` over the last dimension: `[..., inFeatures]` to `[..., outFeatures]`. State: `weight` `[outFeatures, inFeatures]`,
 * `bias` `[outFeatures]`.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.Linear.html
 * @throws ShapeError unless the sizes are non-negative integers.
 * @example
 * const layer = new nn.Linear(784, 10);
 * layer(randn([64, 784])); // [64, 10]
 */
export class Linear extends Module {
  static override readonly transient: boolean = true;

  readonly inFeatures: number;
  readonly outFeatures: number;
  weight: Parameter;
  bias: Parameter | null;

  constructor(inFeatures: number, outFeatures: number, options: BiasOptions = {}) {
    const { bias } = optionsOf(new.target, options, { bias: true });
    super();
    checkSizes("Linear", { inFeatures, outFeatures }, 0);
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.weight = filledParameter([outFeatures, inFeatures], 0, options);
    this.bias = bias ? filledParameter([outFeatures], 0, options) : null;
    this.resetParameters();
  }

  /** Draws new weights, as the constructor does. */
  resetParameters(): void {
    resetWeightAndBias(this.weight, this.bias);
  }

  override forward(input: Tensor): Tensor {
    return F.linear(input, this.weight, this.bias);
  }

  override extraRepr(): string {
    return `in_features=${this.inFeatures}, out_features=${this.outFeatures}, bias=${pyBool(this.bias !== null)}`;
  }
}

/**
 * `x1ᵀ A x2 + b`: `[..., in1Features]` and `[..., in2Features]` to `[..., outFeatures]`.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.Bilinear.html
 */
export class Bilinear extends Module {
  readonly in1Features: number;
  readonly in2Features: number;
  readonly outFeatures: number;
  weight: Parameter;
  bias: Parameter | null;

  constructor(in1Features: number, in2Features: number, outFeatures: number, options: BiasOptions = {}) {
    const { bias } = optionsOf(new.target, options, { bias: true });
    super();
    checkSizes("Bilinear", { in1Features, in2Features, outFeatures });
    this.in1Features = in1Features;
    this.in2Features = in2Features;
    this.outFeatures = outFeatures;
    this.weight = filledParameter([outFeatures, in1Features, in2Features], 0, options);
    this.bias = bias ? filledParameter([outFeatures], 0, options) : null;
    this.resetParameters();
  }

  /** Draws new weights, as the constructor does. */
  resetParameters(): void {
    const bound = 1 / Math.sqrt(this.in1Features);
    uniform_(this.weight, -bound, bound);
    if (this.bias !== null) uniform_(this.bias, -bound, bound);
  }

  override forward(input1: Tensor, input2: Tensor): Tensor {
    return F.bilinear(input1, input2, this.weight, this.bias);
  }

  override extraRepr(): string {
    return `${pyFields(this, "in1Features", "in2Features", "outFeatures")}, bias=${pyBool(this.bias !== null)}`;
  }
}

/** Passes its input on. */
export class Identity extends Module {
  static override readonly transient: boolean = true;

  override forward(input: Tensor): Tensor {
    return input;
  }
}

/**
 * Joins the dimensions from `startDim` to `endDim`; by default all but the first.
 * @example
 * new nn.Flatten()(randn([8, 3, 4, 5])); // [8, 60]
 */
export class Flatten extends Module {
  static override readonly transient: boolean = true;

  readonly startDim: number;
  readonly endDim: number;

  constructor(startDim = 1, endDim = -1) {
    super();
    this.startDim = startDim;
    this.endDim = endDim;
  }

  override forward(input: Tensor): Tensor {
    return input.flatten(this.startDim, this.endDim);
  }

  override extraRepr(): string {
    return pyFields(this, "startDim", "endDim");
  }
}

/**
 * Splits a dimension in several.
 * @example
 * new nn.Unflatten(1, [3, 4, 5])(randn([8, 60])); // [8, 3, 4, 5]
 */
export class Unflatten extends Module {
  readonly dim: number;
  readonly unflattenedSize: Shape;

  constructor(dim: number, unflattenedSize: Shape) {
    super();
    this.dim = dim;
    this.unflattenedSize = unflattenedSize;
  }

  override forward(input: Tensor): Tensor {
    return input.unflatten(this.dim, this.unflattenedSize);
  }

  override extraRepr(): string {
    return pyFields(this, "dim", "unflattenedSize");
  }
}
