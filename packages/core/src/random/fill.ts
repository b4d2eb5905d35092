import type { DType, TypedArray } from "../dtype.js";
import { ValueError } from "../errors.js";
import { isHalf } from "../half.js";
import type { Generator } from "./generator.js";
import { nextNormal } from "./normal.js";

/** Host array of a floating-point dtype. */
export type FloatArray = Float32Array | Float64Array;

const { fround } = Math;

/**
 * Fills `out` uniformly from [from, to): PyTorch's `uniform_`, 24 random bits for float32 and 53 for float64, in numbers that `dtype` names
 * where it is float16 (11 bits) or bfloat16 (8 bits).
 * @throws ValueError if `from` is above `to`.
 *
 * @example
 * fillUniform(new Generator(0), new Float32Array(3)); // 0.4962566, 0.7682218, 0.08847743
 */
export function fillUniform(generator: Generator, out: FloatArray, from = 0, to = 1, dtype: DType = "float32"): void {
  if (!(from <= to)) fail("uniform", `uniform_ expects to return a [from, to) range, but found from=${from} > to=${to}`);
  if (out instanceof Float32Array) {
    const base = fround(from);
    const range = fround(fround(to) - base);
    // Halves take the last bits of a draw.
    const scale = dtype === "float16" ? 2 ** 13 : 2 ** 16;
    if (isHalf(dtype)) for (let i = 0; i < out.length; i++) out[i] = ((generator.uniformFloat() * scale) % 1) * range + base;
    else for (let i = 0; i < out.length; i++) out[i] = generator.uniformFloat() * range + base;
  } else {
    for (let i = 0; i < out.length; i++) out[i] = fusedMultiplyAdd(generator.uniformDouble(), to - from, from);
  }
}

/**
 * Fills `out` with 1 at probability `p` and 0 else: PyTorch's `bernoulli_(p)`, one float64 draw an element.
 * @throws ValueError unless `p` lies in [0, 1].
 *
 * @example
 * fillBernoulli(new Generator(0), new Uint8Array(4), 0.5);
 */
export function fillBernoulli(generator: Generator, out: TypedArray, p = 0.5): void {
  checkProbability("bernoulli", p);
  const one = unit(out);
  const zero = unit(out, 0);
  for (let i = 0; i < out.length; i++) out[i] = generator.uniformDouble() < p ? one : zero;
}

/**
 * Fills `out` with 1 at the probability in the same place of `p`: PyTorch's `bernoulli` of a tensor, float32 draws for float32 `p`.
 * @throws ValueError unless every probability lies in [0, 1].
 *
 * @example
 * fillBernoulliFrom(new Generator(0), new Float32Array(2), new Float32Array([0.3, 0.9]));
 */
export function fillBernoulliFrom(generator: Generator, out: TypedArray, p: FloatArray): void {
  const one = unit(out);
  const zero = unit(out, 0);
  const narrow = p instanceof Float32Array;
  for (let i = 0; i < out.length; i++) {
    const chance = p[i];
    checkProbability("bernoulli", chance);
    const sample = narrow ? generator.uniformFloat() : generator.uniformDouble();
    out[i] = sample < chance ? one : zero;
  }
}

/**
 * Fills `out` with 1 / (1 - p) at probability 1 - p and 0 else: the factors of PyTorch's CPU dropout.
 * @throws ValueError unless `p` lies in [0, 1].
 *
 * @example
 * fillDropoutMask(new Generator(0), new Float32Array(3), 0.4); // 0, 0, 1.6666666
 */
export function fillDropoutMask(generator: Generator, out: FloatArray, p = 0.5): void {
  if (!(p >= 0 && p <= 1)) fail("dropout", `dropout probability has to be between 0 and 1, but got ${p}`);
  const keep = 1 - p;
  const factor = out instanceof Float32Array ? 1 / fround(keep) : 1 / keep;
  if (p === 1) out.fill(0);
  else for (let i = 0; i < out.length; i++) out[i] = generator.uniformDouble() < keep ? factor : 0;
}

/**
 * Fills `out` with samples of the exponential distribution: PyTorch's `exponential_`.
 * @throws ValueError unless `lambda` is above 0.
 *
 * @example
 * fillExponential(new Generator(0), new Float32Array(4), 2);
 */
export function fillExponential(generator: Generator, out: FloatArray, lambda = 1): void {
  if (!(lambda > 0)) fail("exponential", `exponential_ expects lambda > 0.0, but found lambda=${lambda}`);
  const scale = -1 / lambda;
  for (let i = 0; i < out.length; i++) out[i] = scale * Math.log1p(-generator.uniformDouble());
}

/**
 * Fills `out` with the number of trials up to the first success: PyTorch's `geometric_`.
 * @throws ValueError unless `p` lies strictly between 0 and 1.
 *
 * @example
 * fillGeometric(new Generator(0), new Float32Array(4), 0.25);
 */
export function fillGeometric(generator: Generator, out: TypedArray, p: number): void {
  if (!(p > 0 && p < 1)) fail("geometric", `geometric_ expects p to be in (0, 1), but got p=${p}`);
  const scale = Math.log1p(-p);
  const draw = (): number => Math.ceil(Math.log(generator.uniformDouble()) / scale);
  if (out instanceof BigInt64Array) for (let i = 0; i < out.length; i++) out[i] = BigInt(draw());
  else for (let i = 0; i < out.length; i++) out[i] = draw();
}

/**
 * Fills `out` with samples of the Cauchy distribution: PyTorch's `cauchy_`.
 * @throws ValueError unless `sigma` is above 0.
 *
 * @example
 * fillCauchy(new Generator(0), new Float32Array(4), 0, 1);
 */
export function fillCauchy(generator: Generator, out: FloatArray, median = 0, sigma = 1): void {
  if (!(sigma > 0)) fail("cauchy", `cauchy_ expects sigma > 0.0, but found sigma=${sigma}`);
  for (let i = 0; i < out.length; i++) out[i] = median + sigma * Math.tan(Math.PI * (generator.uniformDouble() - 0.5));
}

/**
 * Fills `out` with the exponential of normal samples: PyTorch's `log_normal_`.
 * @throws ValueError unless `std` is above 0.
 *
 * @example
 * fillLogNormal(new Generator(0), new Float32Array(4), 1, 2);
 */
export function fillLogNormal(generator: Generator, out: FloatArray, mean = 1, std = 2): void {
  if (!(std > 0)) fail("logNormal", `log_normal_ expects std > 0.0, but found std=${std}`);
  for (let i = 0; i < out.length; i++) out[i] = Math.exp(nextNormal(generator) * std + mean);
}

/** a * b + c in float64, rounded once but for rare last bits: Dekker's exact product and Knuth's exact sum. */
function fusedMultiplyAdd(a: number, b: number, c: number): number {
  const product = a * b;
  const aHigh = a * 134217729 - (a * 134217729 - a);
  const bHigh = b * 134217729 - (b * 134217729 - b);
  const aLow = a - aHigh;
  const bLow = b - bHigh;
  const productError = aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
  const sum = product + c;
  const virtual = sum - product;
  return sum + (product - (sum - virtual) + (c - virtual) + productError);
}

/** What an element of `out` calls 1 (or 0). */
function unit(out: TypedArray, value: 0 | 1 = 1): never {
  return (out instanceof BigInt64Array ? BigInt(value) : value) as never;
}

function checkProbability(op: string, p: number): void {
  if (!(p >= 0 && p <= 1)) fail(op, `${op}_ expects p to be in [0, 1], but got p=${p}`);
}

function fail(op: string, message: string): never {
  throw new ValueError(`${op}: ${message}`);
}
