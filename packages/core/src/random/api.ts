import { likeOptions } from "../creation.js";
import { create, finish, type SizeArgs, splitSizes, type TensorOptions } from "../creation-options.js";
import { convertArray, type DType, getDefaultDType, isFloatingPoint, numberArray } from "../dtype.js";
import { DTypeError, ShapeError } from "../errors.js";
import { isTensor } from "../promotion.js";
import { broadcast, type Shape, sizeOf } from "../shape.js";
import { requireFloat } from "../tensor/elementwise.js";
import { readSync } from "../tensor/host.js";
import type { RandomOptions } from "../tensor/sampling.js";
import type { Tensor } from "../tensor/tensor.js";
import { drawn } from "../tracing.js";
import { defaultGenerator } from "./default.js";
import { type FloatArray, fillBernoulliFrom, fillUniform } from "./fill.js";
import type { Generator } from "./generator.js";
import { drawPermutation, fillRandint } from "./integer.js";
import { drawMultinomial } from "./multinomial.js";
import { fillNormal } from "./normal.js";

/** Dtype and device of a new random tensor, and where its numbers come from. */
export interface RandomTensorOptions extends TensorOptions, RandomOptions {}

const NONE: RandomTensorOptions = {};

type Fill = (generator: Generator, out: FloatArray, dtype: DType) => void;

/** Draws on the host, as PyTorch's CPU generator does, and uploads. */
function drawFloats(op: string, shape: Shape, options: RandomTensorOptions, fill: Fill): Tensor {
  const dtype = options.dtype ?? getDefaultDType();
  if (!isFloatingPoint(dtype)) throw new DTypeError(`${op}: expected a floating-point dtype, got ${dtype}`, { dtypes: [dtype] });
  const data = drawn(() => {
    const out = numberArray(dtype, sizeOf(shape)) as FloatArray;
    fill(options.generator ?? defaultGenerator(), out, dtype);
    return out;
  });
  return create(op, shape, dtype, data, options);
}

const uniform: Fill = (g, out, dtype) => fillUniform(g, out, 0, 1, dtype);

/**
 * Uniform numbers of [0, 1).
 * @example
 * manualSeed(0);
 * rand(3); // [0.4963, 0.7682, 0.0885]
 */
export function rand(...args: SizeArgs<RandomTensorOptions>): Tensor {
  const [shape, options] = splitSizes(args, NONE);
  return drawFloats("rand", shape, options, uniform);
}

/**
 * Standard normal numbers.
 * @example
 * manualSeed(0);
 * randn(2, 3);
 */
export function randn(...args: SizeArgs<RandomTensorOptions>): Tensor {
  const [shape, options] = splitSizes(args, NONE);
  return drawFloats("randn", shape, options, (g, out) => fillNormal(g, out));
}

/** Uniform numbers of [0, 1) in the shape, dtype and device of `x`. */
export function randLike(x: Tensor, options: RandomTensorOptions = NONE): Tensor {
  return drawFloats("randLike", x.shape, likeOptions(x, options), uniform);
}

/** Standard normal numbers in the shape, dtype and device of `x`. */
export function randnLike(x: Tensor, options: RandomTensorOptions = NONE): Tensor {
  return drawFloats("randnLike", x.shape, likeOptions(x, options), (g, out) => fillNormal(g, out));
}

/** `high, shape`, or `low, high, shape`, and options after them. */
export type RandintArgs =
  | readonly [high: number, shape: Shape, options?: RandomTensorOptions]
  | readonly [low: number, high: number, shape: Shape, options?: RandomTensorOptions];

function drawIntegers(op: string, low: number, high: number, shape: Shape, from: DType, options: RandomTensorOptions): Tensor {
  const dtype = options.dtype ?? from;
  const data = drawn(() => {
    const out = numberArray(dtype, sizeOf(shape));
    fillRandint(options.generator ?? defaultGenerator(), out, low, high);
    return out;
  });
  return create(op, shape, dtype, data, options);
}

/**
 * Uniform integers from `low` (0) to `high` (not included), as int32.
 * @throws ValueError unless `low < high`.
 * @example
 * randint(10, [3]);
 * randint(-5, 5, [2, 2], { dtype: "int64" });
 */
export function randint(...args: RandintArgs): Tensor {
  const at = args.findIndex((x) => Array.isArray(x));
  if (at < 1) throw new ShapeError("randint: expected randint(high, shape) or randint(low, high, shape), with the shape as an array");
  const [low, high] = at === 1 ? [0, args[0]] : [args[0], args[1] as number];
  return drawIntegers("randint", low, high, args[at] as Shape, "int32", (args[at + 1] as RandomTensorOptions | undefined) ?? NONE);
}

/** Uniform integers of `[0, high)` or `[low, high)` in the shape, dtype and device of `x`. */
export function randintLike(
  x: Tensor,
  ...args: readonly [high: number, options?: RandomTensorOptions] | readonly [low: number, high: number, options?: RandomTensorOptions]
): Tensor {
  const [low, high] = typeof args[1] === "number" ? [args[0], args[1]] : [0, args[0]];
  const last = args[args.length - 1];
  return drawIntegers("randintLike", low, high, x.shape, x.dtype, likeOptions(x, typeof last === "object" ? last : NONE));
}

/** A random permutation of 0 to n - 1, as int32. */
export function randperm(n: number, options: RandomTensorOptions = NONE): Tensor {
  const dtype = options.dtype ?? "int32";
  const data = drawn(() => convertArray(drawPermutation(options.generator ?? defaultGenerator(), n), "int32", dtype));
  return create("randperm", [n], dtype, data, options);
}

/** 1 with the probability that each element of `p` states, else 0. @throws DTypeError for integers. */
export function bernoulli(p: Tensor, { generator }: RandomOptions = NONE): Tensor {
  const chances = readSync(requireFloat("bernoulli", p), "bernoulli") as FloatArray;
  const data = numberArray(p.dtype, chances.length);
  fillBernoulliFrom(generator ?? defaultGenerator(), data, chances);
  return p.onDevice(p.storage.backend, data);
}

/** Options of {@link multinomial}. */
export interface MultinomialOptions extends RandomOptions {
  /** Allows an index to be drawn again. */
  readonly replacement?: boolean;
}

/**
 * Draws indices in proportion to weights, `[K]` or `[N, K]`, to `[numSamples]` or `[N, numSamples]` as int32.
 * @throws ShapeError for other ranks. @throws ValueError for negative weights or too many samples.
 */
export function multinomial(weights: Tensor, numSamples: number, options: MultinomialOptions = NONE): Tensor {
  const { replacement = false, generator } = options;
  if (weights.ndim < 1 || weights.ndim > 2 || weights.shape[weights.ndim - 1] === 0) {
    throw new ShapeError(`multinomial: prob_dist must be 1 or 2 dim and not empty, got ${weights.ndim} dimensions`, {
      shapes: [weights.shape],
    });
  }
  const rows = weights.ndim === 1 ? 1 : weights.shape[0];
  const data = readSync(requireFloat("multinomial", weights), "multinomial") as FloatArray;
  const drawn = drawMultinomial(generator ?? defaultGenerator(), data, rows, numSamples, replacement);
  const shape = weights.ndim === 1 ? [numSamples] : [rows, numSamples];
  return create("multinomial", shape, "int32", drawn, { device: weights.device });
}

/**
 * Normal numbers of the given means and standard deviations, one for each element; of two numbers in `shape`.
 * @example
 * normal(0, 0.01, [3, 4]);
 */
export function normal(mean: number | Tensor, std: number | Tensor = 1, shape?: Shape, options: RandomTensorOptions = NONE): Tensor {
  const [m, s] = [mean, std].map((x) => (isTensor(x) ? x.detach() : x));
  if (!isTensor(m) && !isTensor(s)) {
    if (shape === undefined) throw new ShapeError("normal: expected a shape beside two numbers");
    return drawFloats("normal", shape, options, (g, out) => fillNormal(g, out, m, s));
  }
  const like = (isTensor(m) ? m : s) as Tensor;
  const size = isTensor(m) && isTensor(s) ? broadcast(m.shape, s.shape, "normal") : like.shape;
  const standard = drawFloats("normal", size, { ...likeOptions(like, NONE), generator: options.generator }, (g, out) => fillNormal(g, out));
  return finish(standard.mul(s).add(m), options);
}
