import { expectTensor, formatShape, optionsOf, type Shape, ShapeError, Tensor, write } from "@sconce/core";
import { type AffineOptions, batchNorm as normalizeBatch, rmsNorm as normalizeRms, pad } from "@sconce/core/nn";
import { sizeText } from "../ops.js";

export { groupNorm, layerNorm } from "@sconce/core/nn";

/** Settings of {@link batchNorm}. */
export interface BatchNormFunctionOptions extends AffineOptions {
  /** Normalises by the batch and moves the running statistics; false unless given. */
  readonly training?: boolean;
  /** Share of the batch in the running statistics. */
  readonly momentum?: number | Tensor;
}

/** `old` moved towards `seen` by `momentum`, in place and without recording. */
function move(running: Tensor, seen: Tensor, momentum: number | Tensor): void {
  if (typeof momentum !== "number") expectTensor("batchNorm", momentum);
  const kept = typeof momentum === "number" ? running.mul(1 - momentum) : running.mul(momentum.rsub(1));
  write(running, kept.add(seen.detach().mul(momentum)).cast(running.dtype));
}

/** Elements that share a channel. */
function perChannel(shape: Shape): number {
  return shape.reduce((n, size, i) => (i === 1 ? n : n * size), 1);
}

/** `[N, C, ...]` by its own statistics, which move the running ones, if there are. */
function byBatch(
  input: Tensor,
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  { momentum = 0.1, weight, bias, eps }: BatchNormFunctionOptions,
  mix: (statistic: Tensor) => Tensor = (statistic) => statistic,
): Tensor {
  const [output, mean, variance] = normalizeBatch(input, { weight, bias, eps });
  const n = perChannel(input.shape);
  if (n === 0) return output;
  if (runningMean !== null) move(runningMean, mix(mean.detach()), momentum);
  if (runningVar !== null) move(runningVar, mix(variance.detach().mul(n / (n - 1))), momentum);
  return output;
}

/**
 * Normalises the channels of `[N, C, ...]`: in training by the statistics of the batch, which then move the running ones, else by the
 * running ones. Running statistics, weight and bias are `[C]`.
 *
 * Source: https://arxiv.org/abs/1502.03167
 * @throws ShapeError in training with one value per channel, or if sizes differ.
 * @example
 * const [mean, variance] = [zeros([3]), ones([3])]; // moved towards those of the batch
 * F.batchNorm(randn([8, 3, 4, 4]), mean, variance, { training: true }); // [8, 3, 4, 4]
 */
export function batchNorm(
  input: Tensor,
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  options: BatchNormFunctionOptions = {},
): Tensor {
  const { training } = optionsOf("batchNorm", options, { training: false });
  const { weight, bias, eps } = options;
  if (!training) {
    if (runningMean === null || runningVar === null) {
      throw new ShapeError("batchNorm: expected running_mean and running_var outside of training, got null");
    }
    return normalizeBatch(input, { weight, bias, eps, mean: runningMean, variance: runningVar })[0];
  }
  if (perChannel(input.shape) === 1) {
    throw new ShapeError(`batchNorm: Expected more than 1 value per channel when training, got input size ${sizeText(input.shape)}`, {
      shapes: [input.shape],
    });
  }
  return byBatch(input, runningMean, runningVar, options);
}

/** Settings of {@link instanceNorm}. */
export interface InstanceNormFunctionOptions extends AffineOptions {
  readonly runningMean?: Tensor | null;
  readonly runningVar?: Tensor | null;
  /** Normalises by the input and moves the running statistics; true unless given. */
  readonly useInputStats?: boolean;
  readonly momentum?: number;
}

/**
 * Normalises every channel of every sample of `[N, C, ...]` by its own statistics, or by running ones of shape `[C]`.
 *
 * Source: https://arxiv.org/abs/1607.08022
 * @throws ShapeError for one element per channel.
 */
export function instanceNorm(input: Tensor, options: InstanceNormFunctionOptions = {}): Tensor {
  const { runningMean, runningVar, useInputStats, momentum, weight, bias, eps } = optionsOf("instanceNorm", options, {
    runningMean: Tensor,
    runningVar: Tensor,
    useInputStats: true,
    momentum: 0.1,
    weight: Tensor,
    bias: Tensor,
    eps: 1e-5,
  });
  const [n, channels, ...rest] = input.shape;
  if (useInputStats && rest.reduce((a, b) => a * b, 1) === 1) {
    throw new ShapeError(`instanceNorm: Expected more than 1 spatial element when training, got input size ${sizeText(input.shape)}`, {
      shapes: [input.shape],
    });
  }
  const rows = input.reshape([1, n * channels, ...rest]);
  const affine = { weight: weight?.repeat([n]), bias: bias?.repeat([n]), eps };
  const mix = (statistic: Tensor): Tensor => statistic.reshape([n, channels]).mean(0);
  const output = useInputStats
    ? byBatch(rows, runningMean, runningVar, { ...affine, momentum }, mix)
    : normalizeBatch(rows, { ...affine, mean: runningMean?.repeat([n]), variance: runningVar?.repeat([n]) })[0];
  return output.reshape(input.shape);
}

/**
 * Divides by the root of the mean square over the last dimensions. Source: https://arxiv.org/abs/1910.07467
 * @throws ShapeError if the sizes differ.
 */
export function rmsNorm(
  input: Tensor,
  normalizedShape: Shape,
  options: { readonly weight?: Tensor | null; readonly eps?: number | null } = {},
): Tensor {
  const { weight, eps } = optionsOf("rmsNorm", options, { weight: Tensor, eps: Number });
  return normalizeRms(input, normalizedShape, { weight, eps: eps ?? (input.dtype === "float64" ? 2 ** -52 : 2 ** -23) });
}

/** Settings of {@link localResponseNorm}. */
export interface LocalResponseNormOptions {
  readonly alpha?: number;
  readonly beta?: number;
  readonly k?: number;
}

/**
 * Divides `[N, C, ...]` by `(k + alpha * mean of squares of size neighbouring channels) ^ beta`.
 * @throws ShapeError for fewer than three dimensions.
 */
export function localResponseNorm(input: Tensor, size: number, options: LocalResponseNormOptions = {}): Tensor {
  const { alpha, beta, k } = optionsOf("localResponseNorm", options, { alpha: 1e-4, beta: 0.75, k: 1 });
  if (input.ndim < 3) {
    throw new ShapeError(
      `localResponseNorm: Expected 3D or higher dimensionality input (got ${input.ndim} dimensions), ${formatShape(input.shape)}`,
      {
        shapes: [input.shape],
      },
    );
  }
  const pads = [...input.shape.slice(2).flatMap(() => [0, 0]), Math.floor(size / 2), Math.floor((size - 1) / 2)];
  const squares = pad(input.square(), pads).unfold(1, size, 1);
  // PyTorch's mean of integers is rounded down.
  const power = input.isFloatingPoint() ? squares.mean(-1) : squares.sum(-1).floorDivide(size).float();
  return input.div(power.mul(alpha).add(k).pow(beta));
}
