import {
  apply,
  composite,
  type DType,
  defaultGenerator,
  type Generator,
  mutate,
  normalizeDim,
  optionsOf,
  ShapeError,
  type Tensor,
  ValueError,
} from "@sconce/core";
import * as layers from "@sconce/core/nn";
import { choose } from "../ops.js";
import { withOption } from "../options.js";
import { warn } from "../warn.js";

/** Whether the result overwrites the input. */
export interface InplaceOptions {
  readonly inplace?: boolean;
}

/** The dtype to convert the input to before the op. */
export interface DTypeOption {
  readonly dtype?: DType | null;
}

function finish(op: string, input: Tensor, result: Tensor, options: InplaceOptions): Tensor {
  return optionsOf(op, options, { inplace: false }).inplace ? mutate(input, result) : result;
}

/** Settings of {@link leakyRelu}. */
export interface LeakyReluOptions extends InplaceOptions {
  /** Slope of the negative part; 0.01 unless given. */
  readonly negativeSlope?: number;
}

/** Settings of {@link elu} and {@link celu}. */
export interface EluOptions extends InplaceOptions {
  /** Scale of the negative part; 1 unless given. */
  readonly alpha?: number;
}

/** Settings of {@link softshrink} and {@link hardshrink}. */
export interface ShrinkOptions {
  /** Magnitude up to which elements become 0; 0.5 unless given. */
  readonly lambda?: number;
}

/** Settings of {@link softmax} and its relatives. */
export interface SoftmaxOptions extends DTypeOption {
  readonly dim?: number | null;
}

/** `max(x, 0)`. */
export function relu(input: Tensor, options: InplaceOptions = {}): Tensor {
  return finish("relu", input, input.relu(), options);
}

/** `min(max(x, 0), 6)`. */
export function relu6(input: Tensor, options: InplaceOptions = {}): Tensor {
  return finish("relu6", input, layers.relu6(input), options);
}

/**
 * x where positive, else `negativeSlope * x`.
 * @example
 * F.leakyRelu(x, 0.2);
 */
export function leakyRelu(input: Tensor, slope?: number | LeakyReluOptions, options?: InplaceOptions): Tensor {
  const op = "leakyRelu";
  const given = withOption<LeakyReluOptions>(op, "negativeSlope", slope, options);
  return finish(op, input, layers.leakyRelu(input, optionsOf(op, given, { negativeSlope: 0.01 }).negativeSlope), given);
}

/** Settings of {@link rrelu}. */
export interface RreluOptions extends InplaceOptions {
  /** Bounds of the slope. */
  readonly lower?: number;
  readonly upper?: number;
  /** Draws a slope for each element; false unless given, which takes their mean. */
  readonly training?: boolean;
}

/**
 * {@link leakyRelu} with a random slope while training. Source: https://arxiv.org/abs/1505.00853
 * @throws ValueError if the lower bound is above the upper one.
 */
export function rrelu(input: Tensor, options: RreluOptions = {}): Tensor {
  const { lower, upper, training } = optionsOf("rrelu", options, { lower: 1 / 8, upper: 1 / 3, training: false });
  if (!(lower <= upper)) {
    throw new ValueError(`rrelu: Lower bound should be less than or equal to the upper bound, got ${lower} and ${upper}`);
  }
  if (!training) return finish("rrelu", input, layers.leakyRelu(input, (lower + upper) / 2), options);
  const noise = apply("random", [], { shape: input.shape, device: input.device, ...defaultGenerator().nextKernelStream() });
  const slope = noise
    .cast(input.dtype)
    .mul(upper - lower)
    .add(lower);
  const result = composite("RreluWithNoise", [input], () => choose(input.gt(0), input, input.mul(slope), input.dtype));
  return finish("rrelu", input, result, options);
}

/** x where positive, else `weight * x` with a learned weight: one number, or one for each channel. */
export function prelu(input: Tensor, weight: Tensor): Tensor {
  return layers.prelu(input, weight);
}

function scaled(op: string, fn: typeof layers.elu, input: Tensor, scale?: number | EluOptions, options?: InplaceOptions): Tensor {
  const given = withOption<EluOptions>(op, "alpha", scale, options);
  return finish(op, input, fn(input, given), given);
}

/** x where positive, else `alpha * (exp(x) - 1)`. Source: https://arxiv.org/abs/1511.07289 */
export function elu(input: Tensor, scale?: number | EluOptions, options?: InplaceOptions): Tensor {
  return scaled("elu", layers.elu, input, scale, options);
}

/** The self-normalising {@link elu}. Source: https://arxiv.org/abs/1706.02515 */
export function selu(input: Tensor, options: InplaceOptions = {}): Tensor {
  return finish("selu", input, layers.selu(input), options);
}

/** `max(0, x) + min(0, alpha * (exp(x / alpha) - 1))`. Source: https://arxiv.org/abs/1704.07483 */
export function celu(input: Tensor, scale?: number | EluOptions, options?: InplaceOptions): Tensor {
  return scaled("celu", layers.celu, input, scale, options);
}

/** `x Φ(x)` by the error function, or by tanh with `approximate: "tanh"`. Source: https://arxiv.org/abs/1606.08415 */
export function gelu(input: Tensor, options: { readonly approximate?: "none" | "tanh" } = {}): Tensor {
  return layers.gelu(input, options);
}

/** `x * sigmoid(x)`. Source: https://arxiv.org/abs/1702.03118 */
export function silu(input: Tensor, options: InplaceOptions = {}): Tensor {
  return finish("silu", input, layers.silu(input), options);
}

/** `x * tanh(softplus(x))`. Source: https://arxiv.org/abs/1908.08681 */
export function mish(input: Tensor, options: InplaceOptions = {}): Tensor {
  return finish("mish", input, layers.mish(input), options);
}

/** `1 / (1 + exp(-x))`. */
export function sigmoid(input: Tensor): Tensor {
  return input.sigmoid();
}

/** The hyperbolic tangent. */
export function tanh(input: Tensor): Tensor {
  return input.tanh();
}

/** `log(1 + exp(beta * x)) / beta`; x itself where `beta * x` is above `threshold`. */
export function softplus(input: Tensor, options: { readonly beta?: number; readonly threshold?: number } = {}): Tensor {
  return layers.softplus(input, options);
}

/** `x / (1 + |x|)`. */
export function softsign(input: Tensor): Tensor {
  return layers.softsign(input);
}

/** x limited to `[minVal, maxVal]`, with gradient 0 at the bounds. */
export function hardtanh(input: Tensor, options: { readonly minVal?: number; readonly maxVal?: number } & InplaceOptions = {}): Tensor {
  const { minVal, maxVal } = optionsOf("hardtanh", options, { minVal: -1, maxVal: 1 });
  return finish("hardtanh", input, layers.hardtanh(input, { min: minVal, max: maxVal }), options);
}

/** `x * relu6(x + 3) / 6`. Source: https://arxiv.org/abs/1905.02244 */
export function hardswish(input: Tensor, options: InplaceOptions = {}): Tensor {
  return finish("hardswish", input, layers.hardswish(input), options);
}

/** `relu6(x + 3) / 6`. */
export function hardsigmoid(input: Tensor, options: InplaceOptions = {}): Tensor {
  return finish("hardsigmoid", input, layers.hardsigmoid(input), options);
}

/** x where above `threshold`, else `value`. */
export function threshold(input: Tensor, threshold: number, value: number, options: InplaceOptions = {}): Tensor {
  return finish("threshold", input, layers.threshold(input, threshold, value), options);
}

/** `x - tanh(x)`. */
export function tanhshrink(input: Tensor): Tensor {
  return layers.tanhshrink(input);
}

function lambdaOf(op: string, bound?: number | ShrinkOptions): number {
  return optionsOf(op, withOption<ShrinkOptions>(op, "lambda", bound), { lambda: 0.5 }).lambda;
}

/** x moved towards 0 by `lambda`. */
export function softshrink(input: Tensor, bound?: number | ShrinkOptions): Tensor {
  return layers.softshrink(input, lambdaOf("softshrink", bound));
}

/** x where its magnitude is above `lambda`, else 0. */
export function hardshrink(input: Tensor, bound?: number | ShrinkOptions): Tensor {
  return input.hardshrink(lambdaOf("hardshrink", bound));
}

/** `log(sigmoid(x))` without underflow. */
export function logSigmoid(input: Tensor): Tensor {
  return layers.logSigmoid(input);
}

/**
 * The first half along `dim` times the sigmoid of the second. Source: https://arxiv.org/abs/1612.08083
 * @throws ShapeError if the size of `dim` is odd.
 */
export function glu(input: Tensor, along?: number | { readonly dim?: number }): Tensor {
  const { dim } = optionsOf("glu", withOption<{ readonly dim?: number }>("glu", "dim", along), { dim: -1 });
  if (input.ndim === 0) throw new ShapeError("glu: glu does not support 0-dimensional tensors", { shapes: [input.shape] });
  const d = normalizeDim(dim, input.ndim, "glu");
  const half = input.shape[d] / 2;
  if (!Number.isInteger(half)) {
    throw new ShapeError(`glu: Halving dimension must be even, but dimension ${d} is size ${input.shape[d]}`, {
      shapes: [input.shape],
    });
  }
  return composite("Glu", [input], () => input.narrow(d, 0, half).mul(input.narrow(d, half, half).sigmoid()));
}

/**
 * Exponentials that sum to 1 along `dim`.
 * @example
 * F.softmax(logits, 1); // [N, C], every row sums to 1
 */
export function softmax(input: Tensor, along?: number | null | SoftmaxOptions, options?: DTypeOption): Tensor {
  const [x, dim] = inputAndDim("softmax", input, along, options);
  return x.softmax(dim);
}

/** {@link softmax} of -x. */
export function softmin(input: Tensor, along?: number | null | SoftmaxOptions, options?: DTypeOption): Tensor {
  const [x, dim] = inputAndDim("softmin", input, along, options);
  return x.neg().softmax(dim);
}

/** The logarithm of {@link softmax}, computed without underflow. */
export function logSoftmax(input: Tensor, along?: number | null | SoftmaxOptions, options?: DTypeOption): Tensor {
  const [x, dim] = inputAndDim("log_softmax", input, along, options);
  return x.logSoftmax(dim);
}

/** The input in the dtype that was asked for, and the dimension: PyTorch's choice where none is given. */
function inputAndDim(name: string, input: Tensor, along?: number | null | SoftmaxOptions, options?: DTypeOption): [Tensor, number] {
  const given = withOption<SoftmaxOptions>(name, "dim", along, options);
  const { dim } = optionsOf(name, given, { dim: Number });
  const x = given.dtype == null ? input : input.cast(given.dtype);
  return [x, dim ?? implicitDim(name, input)];
}

function implicitDim(name: string, { ndim }: Tensor): number {
  warn(`Implicit dimension choice for ${name} has been deprecated. Change the call to include dim=X as an argument.`);
  return ndim === 0 || ndim === 1 || ndim === 3 ? 0 : 1;
}

/** Settings of {@link gumbelSoftmax}. */
export interface GumbelSoftmaxOptions {
  /** Temperature: smaller ones give results closer to one-hot; 1 unless given. */
  readonly tau?: number;
  /** Gives one-hot results, with the gradient of the soft ones. */
  readonly hard?: boolean;
  /** -1 unless given. */
  readonly dim?: number;
  readonly generator?: Generator;
}

/**
 * Draws from the distributions of logits along a dimension, so that gradients pass.
 *
 * Source: https://arxiv.org/abs/1611.01144
 * @example
 * F.gumbelSoftmax(logits, { tau: 0.5, hard: true });
 */
export function gumbelSoftmax(logits: Tensor, options: GumbelSoftmaxOptions = {}): Tensor {
  const { tau, hard, dim } = optionsOf("gumbelSoftmax", options, { tau: 1, hard: false, dim: -1 });
  const { generator } = options;
  const noise = logits.detach().newZeros(logits.shape).exponential_(1, { generator }).log().neg();
  const soft = logits.add(noise).div(tau).softmax(dim);
  if (!hard) return soft;
  const index = soft.detach().argmax(dim, { keepdim: true });
  const chosen = soft.detach().mul(0).scatter(dim, index, 1);
  return chosen.sub(soft.detach()).add(soft);
}
