import { apply, composite } from "../dispatch.js";
import { ValueError } from "../errors.js";
import type { ScalarOp } from "../scalar.js";
import { CompareOps } from "./compare.js";
import { choose, constant, refuseBool, requireFloat } from "./elementwise.js";
import type { Tensor } from "./tensor.js";

const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;

function activation(op: ScalarOp, x: Tensor, label?: string): Tensor {
  return apply(op, [requireFloat(op, x)], null, label);
}

function withNumbers(op: ScalarOp, x: Tensor, numbers: readonly number[], label?: string): Tensor {
  return apply(op, [requireFloat(op, x), ...numbers.map((n) => constant(x, n))], null, label);
}

/** Activation functions of neural networks. */
export class ActivationOps extends CompareOps {
  /** `max(this, 0)`. */
  relu(): Tensor {
    refuseBool("relu", this.dtype);
    return apply("relu", [this.self], null);
  }

  /** Clamped to `[0, 6]`. */
  relu6(): Tensor {
    return this.hardtanh({ min: 0, max: 6 });
  }

  /**
   * `x Φ(x)`; with `approximate: "tanh"` the tanh formula.
   *
   * Source: https://arxiv.org/abs/1606.08415
   */
  gelu({ approximate = "none" }: { readonly approximate?: "none" | "tanh" } = {}): Tensor {
    if (approximate === "none") return activation("gelu", this.self);
    if (approximate === "tanh") {
      requireFloat("gelu", this.self);
      return activation("geluTanh", this.self, "Gelu");
    }
    throw new ValueError(`gelu: approximate argument must be either none or tanh, got ${JSON.stringify(approximate)}`, { op: "gelu" });
  }

  /** `x * sigmoid(x)`. */
  silu(): Tensor {
    return activation("silu", this.self);
  }

  /** `x * tanh(softplus(x))`. */
  mish(): Tensor {
    return activation("mish", this.self);
  }

  /** `x` where positive, else `alpha * (exp(x) - 1)`. */
  elu({ alpha = 1 }: { readonly alpha?: number } = {}): Tensor {
    return withNumbers("elu", this.self, [alpha, 1]);
  }

  /** The self-normalising {@link elu}. Source: https://arxiv.org/abs/1706.02515 */
  selu(): Tensor {
    return withNumbers("elu", this.self, [SELU_ALPHA, SELU_SCALE]);
  }

  /** `max(0, x) + min(0, alpha * (exp(x / alpha) - 1))`. */
  celu({ alpha = 1 }: { readonly alpha?: number } = {}): Tensor {
    const x = requireFloat("celu", this.self);
    if (alpha === 0) throw new ValueError("celu: ZeroDivisionError: alpha cannot be 0 for CELU", { op: "celu" });
    // The exponential sees no positive number, so where it is not chosen its gradient is finite.
    return composite("Celu", [x], () => choose(x.lt(0), x.clampMax(0).div(alpha).expm1().mul(alpha), x, x.dtype));
  }

  /** `x` where positive, else `negativeSlope * x`. */
  leakyRelu(negativeSlope = 0.01): Tensor {
    return withNumbers("leakyRelu", this.self, [negativeSlope]);
  }

  /** Clamped to `[min, max]`, with no gradient at the bounds. */
  hardtanh({ min = -1, max = 1 }: { readonly min?: number; readonly max?: number } = {}): Tensor {
    const x = this.self;
    refuseBool("hardtanh", x.dtype);
    return composite("Hardtanh", [x], () => choose(x.le(min), min, choose(x.ge(max), max, x, x.dtype), x.dtype));
  }

  /** `x * relu6(x + 3) / 6`. */
  hardswish(): Tensor {
    return activation("hardswish", this.self);
  }

  /** `relu6(x + 3) / 6`. */
  hardsigmoid(): Tensor {
    return activation("hardsigmoid", this.self);
  }

  /** `log(1 + exp(beta * x)) / beta`, and x itself where `beta * x > threshold`. */
  softplus({ beta = 1, threshold = 20 }: { readonly beta?: number; readonly threshold?: number } = {}): Tensor {
    return withNumbers("softplus", this.self, [beta, threshold]);
  }

  /** `x / (1 + |x|)`. */
  softsign(): Tensor {
    return this.div(this.abs().add(1));
  }

  /** `log(sigmoid(x))` without underflow. */
  logSigmoid(): Tensor {
    return activation("logSigmoid", this.self);
  }

  /** `x - tanh(x)`. */
  tanhshrink(): Tensor {
    return this.sub(this.tanh());
  }

  /** `x` where `|x| > lambda`, else 0. */
  hardshrink(lambda = 0.5): Tensor {
    return withNumbers("hardshrink", this.self, [lambda]);
  }

  /** `x` moved towards 0 by `lambda`. */
  softshrink(lambda = 0.5): Tensor {
    if (!(lambda >= 0)) {
      throw new ValueError(`softshrink: lambda must be greater or equal to 0, but found to be ${lambda}`, { op: "softshrink" });
    }
    return withNumbers("softshrink", this.self, [lambda]);
  }

  /** `x` where above `threshold`, else `value`. */
  threshold(threshold: number, value: number): Tensor {
    const x = this.self;
    refuseBool("threshold", x.dtype);
    return apply("threshold", [x, constant(x, threshold), constant(x, value)], null);
  }

  /** `x` where positive, else `weight * x`; a weight per channel is of shape `[C]` for `[N, C, ...]`. */
  prelu(weight: Tensor): Tensor {
    const x = requireFloat("prelu", this.self);
    const channels = x.ndim > 1 ? x.shape[1] : 1;
    if (weight.ndim > 1 || (weight.numel() !== 1 && weight.numel() !== channels)) {
      throw new ValueError(
        `prelu: Mismatch of parameter numbers and input channel size, got ${weight.numel()} parameters in ${weight.ndim} dimensions ` +
          `for ${channels} channels`,
        { op: "prelu", shapes: [x.shape, weight.shape] },
      );
    }
    const slope = weight.numel() === 1 ? weight.reshape([]) : weight.reshape([channels, ...x.shape.slice(2).map(() => 1)]);
    return composite("Prelu", [x, weight], () => choose(x.gt(0), x, x.mul(slope), x.dtype));
  }
}
