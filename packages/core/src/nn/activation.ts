import { apply, composite } from "../dispatch.js";
import { ValueError } from "../errors.js";
import { optionsOf } from "../options.js";
import type { ScalarOp } from "../scalar.js";
import { choose, constant, refuseBool, requireFloat } from "../tensor/elementwise.js";
import type { Tensor } from "../tensor/tensor.js";

const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;

function activation(op: ScalarOp, x: Tensor, label?: string): Tensor {
  return apply(op, [requireFloat(op, x)], null, label);
}

function withNumbers(op: ScalarOp, x: Tensor, numbers: readonly number[], label?: string): Tensor {
  return apply(op, [requireFloat(op, x), ...numbers.map((n) => constant(x, n))], null, label);
}

/** Clamped to `[0, 6]`. */
export function relu6(x: Tensor): Tensor {
  return hardtanh(x, { min: 0, max: 6 });
}

/**
 * `x Φ(x)`; with `approximate: "tanh"` the tanh formula.
 *
 * Source: https://arxiv.org/abs/1606.08415
 */
export function gelu(x: Tensor, options: { readonly approximate?: "none" | "tanh" } = {}): Tensor {
  const { approximate } = optionsOf("gelu", options, { approximate: "none" });
  if (approximate === "none") return activation("gelu", x);
  if (approximate === "tanh") {
    requireFloat("gelu", x);
    return activation("geluTanh", x, "Gelu");
  }
  throw new ValueError(`gelu: approximate argument must be either none or tanh, got ${JSON.stringify(approximate)}`);
}

/** `x * sigmoid(x)`. */
export function silu(x: Tensor): Tensor {
  return activation("silu", x);
}

/** `x * tanh(softplus(x))`. */
export function mish(x: Tensor): Tensor {
  return activation("mish", x);
}

/** `x` where positive, else `alpha * (exp(x) - 1)`. */
export function elu(x: Tensor, options: { readonly alpha?: number } = {}): Tensor {
  const { alpha } = optionsOf("elu", options, { alpha: 1 });
  return withNumbers("elu", x, [alpha, 1]);
}

/** The self-normalising {@link elu}. Source: https://arxiv.org/abs/1706.02515 */
export function selu(x: Tensor): Tensor {
  return withNumbers("elu", x, [SELU_ALPHA, SELU_SCALE]);
}

/** `max(0, x) + min(0, alpha * (exp(x / alpha) - 1))`. */
export function celu(x: Tensor, options: { readonly alpha?: number } = {}): Tensor {
  const { alpha } = optionsOf("celu", options, { alpha: 1 });
  requireFloat("celu", x);
  if (alpha === 0) throw new ValueError("celu: ZeroDivisionError: alpha cannot be 0 for CELU");
  // The exponential sees no positive number, so where it is not chosen its gradient is finite.
  return composite("Celu", [x], () => choose(x.lt(0), x.clampMax(0).div(alpha).expm1().mul(alpha), x, x.dtype));
}

/** `x` where positive, else `negativeSlope * x`. */
export function leakyRelu(x: Tensor, negativeSlope = 0.01): Tensor {
  return withNumbers("leakyRelu", x, [negativeSlope]);
}

/** Clamped to `[min, max]`, with no gradient at the bounds. */
export function hardtanh(x: Tensor, options: { readonly min?: number; readonly max?: number } = {}): Tensor {
  const { min, max } = optionsOf("hardtanh", options, { min: -1, max: 1 });
  refuseBool("hardtanh", x.dtype);
  return composite("Hardtanh", [x], () => choose(x.le(min), min, choose(x.ge(max), max, x, x.dtype), x.dtype));
}

/** `x * relu6(x + 3) / 6`. */
export function hardswish(x: Tensor): Tensor {
  return activation("hardswish", x);
}

/** `relu6(x + 3) / 6`. */
export function hardsigmoid(x: Tensor): Tensor {
  return activation("hardsigmoid", x);
}

/** `log(1 + exp(beta * x)) / beta`, and x itself where `beta * x > threshold`. */
export function softplus(x: Tensor, options: { readonly beta?: number; readonly threshold?: number } = {}): Tensor {
  const { beta, threshold } = optionsOf("softplus", options, { beta: 1, threshold: 20 });
  return withNumbers("softplus", x, [beta, threshold]);
}

/** `x / (1 + |x|)`. */
export function softsign(x: Tensor): Tensor {
  return x.div(x.abs().add(1));
}

/** `log(sigmoid(x))` without underflow. */
export function logSigmoid(x: Tensor): Tensor {
  return activation("logSigmoid", x);
}

/** `x - tanh(x)`. */
export function tanhshrink(x: Tensor): Tensor {
  return x.sub(x.tanh());
}

/** `x` moved towards 0 by `lambda`. */
export function softshrink(x: Tensor, lambda = 0.5): Tensor {
  if (!(lambda >= 0)) {
    throw new ValueError(`softshrink: lambda must be greater or equal to 0, but found to be ${lambda}`);
  }
  return withNumbers("softshrink", x, [lambda]);
}

/** `x` where above `threshold`, else `value`. */
export function threshold(x: Tensor, threshold: number, value: number): Tensor {
  refuseBool("threshold", x.dtype);
  return apply("threshold", [x, constant(x, threshold), constant(x, value)], null);
}

/** `x` where positive, else `weight * x`; a weight per channel is of shape `[C]` for `[N, C, ...]`. */
export function prelu(x: Tensor, weight: Tensor): Tensor {
  requireFloat("prelu", x);
  const channels = x.ndim > 1 ? x.shape[1] : 1;
  if (weight.ndim > 1 || (weight.numel() !== 1 && weight.numel() !== channels)) {
    throw new ValueError(
      `prelu: Mismatch of parameter numbers and input channel size, got ${weight.numel()} parameters in ${weight.ndim} dimensions ` +
        `for ${channels} channels`,
      { shapes: [x.shape, weight.shape] },
    );
  }
  const slope = weight.numel() === 1 ? weight.reshape([]) : weight.reshape([channels, ...x.shape.slice(2).map(() => 1)]);
  return composite("Prelu", [x, weight], () => choose(x.gt(0), x, x.mul(slope), x.dtype));
}
