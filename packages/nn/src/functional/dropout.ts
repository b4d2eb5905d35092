import { apply, defaultGenerator, formatShape, mutate, optionsOf, type Shape, ShapeError, type Tensor } from "@sconce/core";
import { checkProbability, dropout as dropElements } from "@sconce/core/nn";
import { choose } from "../ops.js";
import { withOption } from "../options.js";

/** Settings of the dropout functions. */
export interface DropoutOptions {
  /** Probability of an element to be dropped; 0.5 unless given. */
  readonly p?: number;
  /** Whether to drop anything; true unless said otherwise. */
  readonly training?: boolean;
  /** Whether the result overwrites the input. */
  readonly inplace?: boolean;
}

/** True with probability `1 - p`, drawn in the kernel: the same on every device, apart from the generator of the host. */
function kept(input: Tensor, shape: Shape, p: number): Tensor {
  const noise = apply("random", [], { shape, device: input.device, ...defaultGenerator().nextKernelStream() });
  return noise.ge(p);
}

function finish(input: Tensor, result: Tensor, inplace: boolean): Tensor {
  return inplace ? mutate(input, result) : result;
}

function settings(op: string, p: number | DropoutOptions | undefined, options: DropoutOptions | undefined): Required<DropoutOptions> {
  return optionsOf(op, withOption<DropoutOptions>(op, "p", p, options), { p: 0.5, training: true, inplace: false });
}

/** Drops what shares an element of `maskShape` together. */
function drop(op: string, input: Tensor, maskShape: Shape, first?: number | DropoutOptions, options?: DropoutOptions): Tensor {
  const { p, training, inplace } = settings(op, first, options);
  const result = dropElements(input, { p, training, maskShape });
  return result === input ? input : finish(input, result, inplace);
}

/**
 * Zeroes elements with probability p and divides the others by `1 - p`, unless `training` is false.
 *
 * Source: https://arxiv.org/abs/1207.0580
 * @throws ValueError unless p lies in [0, 1].
 * @example
 * F.dropout(x, 0.2, { training: this.training });
 */
export function dropout(input: Tensor, p?: number | DropoutOptions, options?: DropoutOptions): Tensor {
  return drop("dropout", input, input.shape, p, options);
}

/** One factor for each channel of `[N, C, ...]`. */
function channels({ shape }: Tensor, batched: boolean): number[] {
  const lead = batched ? 2 : 1;
  return shape.map((n, i) => (i < lead ? n : 1));
}

/**
 * {@link dropout} of whole channels of `[N, C, L]` or `[C, L]`.
 * @throws ShapeError for another rank.
 */
export function dropout1d(input: Tensor, p?: number | DropoutOptions, options?: DropoutOptions): Tensor {
  checkRank("dropout1d", input, [2, 3]);
  return drop("dropout1d", input, channels(input, input.ndim === 3), p, options);
}

/** {@link dropout} of whole channels of `[N, C, H, W]`; of `[N, C, L]` as PyTorch reads three dimensions. */
export function dropout2d(input: Tensor, p?: number | DropoutOptions, options?: DropoutOptions): Tensor {
  checkRank("dropout2d", input, [3, 4]);
  return drop("dropout2d", input, channels(input, true), p, options);
}

/** {@link dropout} of whole channels of `[N, C, D, H, W]` or `[C, D, H, W]`. */
export function dropout3d(input: Tensor, p?: number | DropoutOptions, options?: DropoutOptions): Tensor {
  checkRank("dropout3d", input, [4, 5]);
  return drop("dropout3d", input, channels(input, input.ndim === 5), p, options);
}

function checkRank(op: string, input: Tensor, ranks: readonly number[]): void {
  if (ranks.includes(input.ndim)) return;
  throw new ShapeError(`${op}: expected ${ranks.map((n) => `${n}-D`).join(" or ")} input, got ${formatShape(input.shape)}`, {
    shapes: [input.shape],
  });
}

const ALPHA = 1.7580993408473766;

/** Dropout that keeps mean and variance of self-normalising networks. */
function alpha(op: string, input: Tensor, shape: Shape, first?: number | DropoutOptions, options?: DropoutOptions): Tensor {
  const { p, training, inplace } = settings(op, first, options);
  checkProbability(op, p);
  if (!training || p === 0 || input.numel() === 0) return input;
  if (p === 1) return finish(input, input.mul(0), inplace);
  const a = 1 / Math.sqrt((ALPHA * ALPHA * p + 1) * (1 - p));
  const keep = kept(input, shape, p);
  const scale = choose(keep, a, 0, input.dtype);
  const shift = choose(keep, ALPHA * a * p, ALPHA * a * (p - 1), input.dtype);
  return finish(input, input.mul(scale).add(shift), inplace);
}

/** Dropout for networks of SELU: what is dropped takes the value that keeps mean and variance. Source: https://arxiv.org/abs/1706.02515 */
export function alphaDropout(input: Tensor, p?: number | DropoutOptions, options?: DropoutOptions): Tensor {
  return alpha("alphaDropout", input, input.shape, p, options);
}

/** {@link alphaDropout} of whole channels of `[N, C, ...]`. */
export function featureAlphaDropout(input: Tensor, p?: number | DropoutOptions, options?: DropoutOptions): Tensor {
  return alpha("featureAlphaDropout", input, channels(input, true), p, options);
}
