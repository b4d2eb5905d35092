import { type Device, type DType, formatShape, full, optionsOf, ShapeError, type Tensor } from "@sconce/core";
import type { InplaceOptions } from "../functional/activation.js";
import * as F from "../functional/activation.js";
import { Module } from "../module.js";
import { withOption } from "../options.js";
import { Parameter } from "../parameter.js";
import { pyFloat, pyNumber, pyOption, pyTuple } from "../repr.js";

/** An activation that may overwrite its input. */
abstract class Inplace extends Module {
  /** Whether the output overwrites the input. */
  inplace: boolean;

  constructor(options: InplaceOptions = {}) {
    const { inplace = false } = optionsOf(new.target, options);
    super();
    this.inplace = inplace;
  }

  override extraRepr(): string {
    return this.inplace ? "inplace=True" : "";
  }
}

/** `, inplace=True` after the other settings. */
function suffix(inplace: boolean): string {
  return inplace ? ", inplace=True" : "";
}

/** Settings of {@link PReLU}. */
export interface PReLUOptions {
  /** 1, or the number of channels. */
  readonly numParameters?: number;
  /** First value of the weights. */
  readonly init?: number;
  readonly dtype?: DType;
  readonly device?: Device;
}

/**
 * `max(x, 0)`.
 * @example
 * new nn.ReLU()(tensor([-1, 2])); // tensor([0., 2.])
 */
export class ReLU extends Inplace {
  static override readonly transient: boolean = true;

  override forward(input: Tensor): Tensor {
    return F.relu(input, this);
  }
}

/** `min(max(x, 0), 6)`. */
export class ReLU6 extends Inplace {
  static override readonly transient: boolean = true;

  override forward(input: Tensor): Tensor {
    return F.relu6(input, this);
  }
}

/** The self-normalising {@link ELU}. Source: https://arxiv.org/abs/1706.02515 */
export class SELU extends Inplace {
  override forward(input: Tensor): Tensor {
    return F.selu(input, this);
  }
}

/** `x * sigmoid(x)`. Source: https://arxiv.org/abs/1702.03118 */
export class SiLU extends Inplace {
  static override readonly transient: boolean = true;

  override forward(input: Tensor): Tensor {
    return F.silu(input, this);
  }
}

/** `x * tanh(softplus(x))`. Source: https://arxiv.org/abs/1908.08681 */
export class Mish extends Inplace {
  override forward(input: Tensor): Tensor {
    return F.mish(input, this);
  }
}

/** `x * relu6(x + 3) / 6`. Source: https://arxiv.org/abs/1905.02244 */
export class Hardswish extends Inplace {
  static override readonly transient: boolean = true;

  override forward(input: Tensor): Tensor {
    return F.hardswish(input, this);
  }

  /** The options that are printed. */
  override extraRepr(): string {
    return "";
  }
}

/** `relu6(x + 3) / 6`. */
export class Hardsigmoid extends Inplace {
  override forward(input: Tensor): Tensor {
    return F.hardsigmoid(input, this);
  }

  /** The options that are printed. */
  override extraRepr(): string {
    return "";
  }
}

/** `1 / (1 + exp(-x))`. */
export class Sigmoid extends Module {
  static override readonly transient: boolean = true;

  override forward(input: Tensor): Tensor {
    return F.sigmoid(input);
  }
}

/** The hyperbolic tangent. */
export class Tanh extends Module {
  static override readonly transient: boolean = true;

  override forward(input: Tensor): Tensor {
    return F.tanh(input);
  }
}

/** `x / (1 + |x|)`. */
export class Softsign extends Module {
  override forward(input: Tensor): Tensor {
    return F.softsign(input);
  }
}

/** `x - tanh(x)`. */
export class Tanhshrink extends Module {
  override forward(input: Tensor): Tensor {
    return F.tanhshrink(input);
  }
}

/** `log(sigmoid(x))` without underflow. */
export class LogSigmoid extends Module {
  override forward(input: Tensor): Tensor {
    return F.logSigmoid(input);
  }
}

/** x where positive, else `negativeSlope * x`. */
export class LeakyReLU extends Inplace {
  static override readonly transient: boolean = true;

  negativeSlope: number;

  constructor(first?: number | F.LeakyReluOptions, options?: InplaceOptions) {
    const { negativeSlope = 0.01, inplace } = withOption<F.LeakyReluOptions>("negativeSlope", first, options);
    super({ inplace });
    this.negativeSlope = negativeSlope;
  }

  override forward(input: Tensor): Tensor {
    return F.leakyRelu(input, this.negativeSlope, this);
  }

  /** The options that are printed. */
  override extraRepr(): string {
    return `negative_slope=${pyNumber(this.negativeSlope)}${suffix(this.inplace)}`;
  }
}

/** x where positive, else `alpha * (exp(x) - 1)`. Source: https://arxiv.org/abs/1511.07289 */
export class ELU extends Inplace {
  static override readonly transient: boolean = true;

  alpha: number;

  constructor(first?: number | F.EluOptions, options?: InplaceOptions) {
    const { alpha = 1, inplace } = withOption<F.EluOptions>("alpha", first, options);
    super({ inplace });
    this.alpha = alpha;
  }

  override forward(input: Tensor): Tensor {
    return F.elu(input, this.alpha, this);
  }

  /** The options that are printed. */
  override extraRepr(): string {
    return `alpha=${pyFloat(this.alpha)}${suffix(this.inplace)}`;
  }
}

/** `max(0, x) + min(0, alpha * (exp(x / alpha) - 1))`. Source: https://arxiv.org/abs/1704.07483 */
export class CELU extends Inplace {
  alpha: number;

  constructor(first?: number | F.EluOptions, options?: InplaceOptions) {
    const { alpha = 1, inplace } = withOption<F.EluOptions>("alpha", first, options);
    super({ inplace });
    this.alpha = alpha;
  }

  override forward(input: Tensor): Tensor {
    return F.celu(input, this.alpha, this);
  }

  /** The options that are printed. */
  override extraRepr(): string {
    return `alpha=${pyFloat(this.alpha)}${suffix(this.inplace)}`;
  }
}

/** x moved towards 0 by `lambda`. */
export class Softshrink extends Module {
  lambda: number;

  constructor(first?: number | F.ShrinkOptions) {
    super();
    this.lambda = withOption<F.ShrinkOptions>("lambda", first).lambda ?? 0.5;
  }

  override forward(input: Tensor): Tensor {
    return F.softshrink(input, this.lambda);
  }

  override extraRepr(): string {
    return pyNumber(this.lambda);
  }
}

/** x where its magnitude is above `lambda`, else 0. */
export class Hardshrink extends Module {
  lambda: number;

  constructor(first?: number | F.ShrinkOptions) {
    super();
    this.lambda = withOption<F.ShrinkOptions>("lambda", first).lambda ?? 0.5;
  }

  override forward(input: Tensor): Tensor {
    return F.hardshrink(input, this.lambda);
  }

  override extraRepr(): string {
    return pyNumber(this.lambda);
  }
}

/** The first half along `dim` times the sigmoid of the second. Source: https://arxiv.org/abs/1612.08083 */
export class GLU extends Module {
  dim: number;

  constructor(first?: number | { readonly dim?: number }) {
    super();
    this.dim = withOption<{ readonly dim?: number }>("dim", first).dim ?? -1;
  }

  override forward(input: Tensor): Tensor {
    return F.glu(input, this.dim);
  }

  override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}

/**
 * Exponentials that sum to 1 along `dim`.
 * @example
 * new nn.Softmax(1)(logits); // [N, C], every row sums to 1
 */
export class Softmax extends Module {
  static override readonly transient: boolean = true;

  dim: number | null;

  constructor(first?: number | null | { readonly dim?: number | null }) {
    super();
    this.dim = withOption<{ readonly dim?: number | null }>("dim", first).dim ?? null;
  }

  override forward(input: Tensor): Tensor {
    return F.softmax(input, this.dim);
  }

  override extraRepr(): string {
    return `dim=${pyTuple(this.dim)}`;
  }
}

/** {@link Softmax} of -x. */
export class Softmin extends Module {
  dim: number | null;

  constructor(first?: number | null | { readonly dim?: number | null }) {
    super();
    this.dim = withOption<{ readonly dim?: number | null }>("dim", first).dim ?? null;
  }

  override forward(input: Tensor): Tensor {
    return F.softmin(input, this.dim);
  }

  override extraRepr(): string {
    return `dim=${pyTuple(this.dim)}`;
  }
}

/** The logarithm of {@link Softmax}, computed without underflow. */
export class LogSoftmax extends Module {
  static override readonly transient: boolean = true;

  dim: number | null;

  constructor(first?: number | null | { readonly dim?: number | null }) {
    super();
    this.dim = withOption<{ readonly dim?: number | null }>("dim", first).dim ?? null;
  }

  override forward(input: Tensor): Tensor {
    return F.logSoftmax(input, this.dim);
  }

  override extraRepr(): string {
    return `dim=${pyTuple(this.dim)}`;
  }
}

/**
 * {@link Softmax} over the channels of `[N, C, H, W]` or `[C, H, W]`.
 *
 * @throws ShapeError for another rank.
 * @example
 * new nn.Softmax2d()(randn([4, 3, 8, 8])); // [4, 3, 8, 8]
 */
export class Softmax2d extends Module {
  override forward(input: Tensor): Tensor {
    if (input.ndim !== 3 && input.ndim !== 4) {
      throw new ShapeError(`Softmax2d: expected input to be a 3D or 4D tensor, got ${formatShape(input.shape)}`, {
        shapes: [input.shape],
      });
    }
    return F.softmax(input, -3);
  }
}

/** `x Φ(x)` by the error function, or by tanh with `approximate: "tanh"`. Source: https://arxiv.org/abs/1606.08415 */
export class GELU extends Module {
  static override readonly transient: boolean = true;

  approximate: "none" | "tanh";

  constructor(options: { readonly approximate?: "none" | "tanh" } = {}) {
    const { approximate = "none" } = optionsOf(new.target, options);
    super();
    this.approximate = approximate;
  }

  override forward(input: Tensor): Tensor {
    return F.gelu(input, this);
  }

  override extraRepr(): string {
    return `approximate='${this.approximate}'`;
  }
}

/** `log(1 + exp(beta * x)) / beta`; x itself where `beta * x` is above `threshold`. */
export class Softplus extends Module {
  beta: number;
  threshold: number;

  constructor(options: { readonly beta?: number; readonly threshold?: number } = {}) {
    const { beta = 1, threshold = 20 } = optionsOf(new.target, options);
    super();
    this.beta = beta;
    this.threshold = threshold;
  }

  override forward(input: Tensor): Tensor {
    return F.softplus(input, this);
  }

  override extraRepr(): string {
    return `beta=${pyNumber(this.beta)}, threshold=${pyNumber(this.threshold)}`;
  }
}

/** x limited to `[minVal, maxVal]`, with gradient 0 at the bounds. */
export class Hardtanh extends Inplace {
  minVal: number;
  maxVal: number;

  constructor(options: { readonly minVal?: number; readonly maxVal?: number } & InplaceOptions = {}) {
    const { minVal = -1, maxVal = 1, inplace = false } = optionsOf(new.target, options);
    super({ inplace });
    this.minVal = minVal;
    this.maxVal = maxVal;
  }

  override forward(input: Tensor): Tensor {
    return F.hardtanh(input, this);
  }

  /** The options that are printed. */
  override extraRepr(): string {
    return `min_val=${pyOption(this.minVal, -1)}, max_val=${pyOption(this.maxVal, 1)}${suffix(this.inplace)}`;
  }
}

/** x where above `threshold`, else `value`. */
export class Threshold extends Inplace {
  threshold: number;
  value: number;

  constructor(threshold: number, value: number, options: InplaceOptions = {}) {
    super(options);
    this.threshold = threshold;
    this.value = value;
  }

  override forward(input: Tensor): Tensor {
    return F.threshold(input, this.threshold, this.value, this);
  }

  /** The options that are printed. */
  override extraRepr(): string {
    return `threshold=${pyNumber(this.threshold)}, value=${pyNumber(this.value)}${suffix(this.inplace)}`;
  }
}

/**
 * x where positive, else `weight * x` with a learned weight of shape `[numParameters]`: one, or one for each channel of `[N, C, ...]`.
 *
 * Source: https://arxiv.org/abs/1502.01852
 *
 * @example
 * new nn.PReLU({ numParameters: 3 })(randn([4, 3, 8, 8])); // [4, 3, 8, 8]
 */
export class PReLU extends Module {
  weight: Parameter;

  constructor(options: PReLUOptions = {}) {
    const { numParameters = 1, init = 0.25 } = optionsOf(new.target, options);
    super();
    this.weight = new Parameter(full([numParameters], init, options));
  }

  override forward(input: Tensor): Tensor {
    return F.prelu(input, this.weight);
  }

  override extraRepr(): string {
    return `num_parameters=${this.weight.numel()}`;
  }
}

/** {@link LeakyReLU} with a random slope of `[lower, upper]` while training. Source: https://arxiv.org/abs/1505.00853 */
export class RReLU extends Inplace {
  lower: number;
  upper: number;

  constructor(options: { readonly lower?: number; readonly upper?: number } & InplaceOptions = {}) {
    const { lower = 1 / 8, upper = 1 / 3, inplace } = optionsOf(new.target, options);
    super({ inplace });
    this.lower = lower;
    this.upper = upper;
  }

  override forward(input: Tensor): Tensor {
    return F.rrelu(input, this);
  }

  /** The options that are printed. */
  override extraRepr(): string {
    return `lower=${pyNumber(this.lower)}, upper=${pyNumber(this.upper)}${suffix(this.inplace)}`;
  }
}
