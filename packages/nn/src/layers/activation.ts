import { type Device, type DType, formatShape, full, optionsOf, ShapeError, type Tensor } from "@sconce/core";
import type { InplaceOptions } from "../functional/activation.js";
import * as F from "../functional/activation.js";
import { Module } from "../module.js";
import { settle, withOption } from "../options.js";
import { Parameter } from "../parameter.js";
import { pyFields, pyFloat, pyNumber, pyOption } from "../repr.js";

/** An activation that may overwrite its input. */
abstract class Inplace extends Module {
  /** Whether the output overwrites the input. */
  declare inplace: boolean;

  constructor(options: InplaceOptions = {}, defaults: object = {}) {
    super();
    settle(this, options, { inplace: false, ...defaults });
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

  declare negativeSlope: number;

  constructor(first?: number | F.LeakyReluOptions, options?: InplaceOptions) {
    super(withOption<F.LeakyReluOptions>(new.target, "negativeSlope", first, options), { negativeSlope: 0.01 });
  }

  override forward(input: Tensor): Tensor {
    return F.leakyRelu(input, this.negativeSlope, this);
  }

  /** The options that are printed. */
  override extraRepr(): string {
    return pyFields(this, "negativeSlope") + suffix(this.inplace);
  }
}

/** x where positive, else `alpha * (exp(x) - 1)`. Source: https://arxiv.org/abs/1511.07289 */
export class ELU extends Inplace {
  static override readonly transient: boolean = true;

  declare alpha: number;

  constructor(first?: number | F.EluOptions, options?: InplaceOptions) {
    super(withOption<F.EluOptions>(new.target, "alpha", first, options), { alpha: 1 });
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
  declare alpha: number;

  constructor(first?: number | F.EluOptions, options?: InplaceOptions) {
    super(withOption<F.EluOptions>(new.target, "alpha", first, options), { alpha: 1 });
  }

  override forward(input: Tensor): Tensor {
    return F.celu(input, this.alpha, this);
  }

  /** The options that are printed. */
  override extraRepr(): string {
    return `alpha=${pyFloat(this.alpha)}${suffix(this.inplace)}`;
  }
}

/** An activation that is 0 near 0. */
abstract class Shrink extends Module {
  declare lambda: number;

  constructor(first?: number | F.ShrinkOptions) {
    super();
    settle(this, withOption<F.ShrinkOptions>(new.target, "lambda", first), { lambda: 0.5 });
  }

  override extraRepr(): string {
    return pyNumber(this.lambda);
  }
}

/** x moved towards 0 by `lambda`. */
export class Softshrink extends Shrink {
  override forward(input: Tensor): Tensor {
    return F.softshrink(input, this.lambda);
  }
}

/** x where its magnitude is above `lambda`, else 0. */
export class Hardshrink extends Shrink {
  override forward(input: Tensor): Tensor {
    return F.hardshrink(input, this.lambda);
  }
}

/** The first half along `dim` times the sigmoid of the second. Source: https://arxiv.org/abs/1612.08083 */
export class GLU extends Module {
  declare dim: number;

  constructor(first?: number | { readonly dim?: number }) {
    super();
    settle(this, withOption<{ readonly dim?: number }>(new.target, "dim", first), { dim: -1 });
  }

  override forward(input: Tensor): Tensor {
    return F.glu(input, this.dim);
  }

  override extraRepr(): string {
    return pyFields(this, "dim");
  }
}

/** What sums to 1 along a dimension. */
abstract class AlongDim extends Module {
  declare dim: number | null;

  constructor(first?: number | null | { readonly dim?: number | null }) {
    super();
    settle(this, withOption<{ readonly dim?: number | null }>(new.target, "dim", first), { dim: Number });
  }

  override extraRepr(): string {
    return pyFields(this, "dim");
  }
}

/**
 * Exponentials that sum to 1 along `dim`.
 * @example
 * new nn.Softmax(1)(logits); // [N, C], every row sums to 1
 */
export class Softmax extends AlongDim {
  static override readonly transient: boolean = true;

  override forward(input: Tensor): Tensor {
    return F.softmax(input, this.dim);
  }
}

/** {@link Softmax} of -x. */
export class Softmin extends AlongDim {
  override forward(input: Tensor): Tensor {
    return F.softmin(input, this.dim);
  }
}

/** The logarithm of {@link Softmax}, computed without underflow. */
export class LogSoftmax extends AlongDim {
  static override readonly transient: boolean = true;

  override forward(input: Tensor): Tensor {
    return F.logSoftmax(input, this.dim);
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

  declare approximate: "none" | "tanh";

  constructor(options: { readonly approximate?: "none" | "tanh" } = {}) {
    super();
    settle(this, options, { approximate: "none" });
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
  declare beta: number;
  declare threshold: number;

  constructor(options: { readonly beta?: number; readonly threshold?: number } = {}) {
    super();
    settle(this, options, { beta: 1, threshold: 20 });
  }

  override forward(input: Tensor): Tensor {
    return F.softplus(input, this);
  }

  override extraRepr(): string {
    return pyFields(this, "beta", "threshold");
  }
}

/** x limited to `[minVal, maxVal]`, with gradient 0 at the bounds. */
export class Hardtanh extends Inplace {
  declare minVal: number;
  declare maxVal: number;

  constructor(options: { readonly minVal?: number; readonly maxVal?: number } & InplaceOptions = {}) {
    super(options, { minVal: -1, maxVal: 1 });
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
    return pyFields(this, "threshold", "value") + suffix(this.inplace);
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
    const { numParameters, init } = optionsOf(new.target, options, { numParameters: 1, init: 0.25 });
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
  declare lower: number;
  declare upper: number;

  constructor(options: { readonly lower?: number; readonly upper?: number } & InplaceOptions = {}) {
    super(options, { lower: 1 / 8, upper: 1 / 3 });
  }

  override forward(input: Tensor): Tensor {
    return F.rrelu(input, this);
  }

  /** The options that are printed. */
  override extraRepr(): string {
    return pyFields(this, "lower", "upper") + suffix(this.inplace);
  }
}
