import type { DType, TypedArray } from "../dtype.js";
import { ValueError } from "../errors.js";
import type { Generator } from "./generator.js";

const WIDE = 2 ** 32;

/**
 * Fills `out` with integers of [from, to): PyTorch's `randint` and `random_(from, to)`. A range of 2^32 or more takes 64-bit draws.
 * @throws ValueError unless `from` and `to` are integers with `from` below `to` that `out` can hold.
 *
 * @example
 * fillRandint(new Generator(0), new Int32Array(4), 0, 10); // 4, 9, 3, 0
 */
export function fillRandint(generator: Generator, out: TypedArray, from: number | bigint, to: number | bigint): void {
  const { base, range } = checkRange(out, from, to);
  if (range >= WIDE && (out instanceof BigInt64Array || out instanceof Float32Array || out instanceof Float64Array)) {
    fillWide(generator, out, base, range);
    return;
  }
  const offset = Number(base);
  const modulus = Number(range);
  if (out instanceof BigInt64Array) for (let i = 0; i < out.length; i++) out[i] = base + BigInt(generator.random() % modulus);
  else for (let i = 0; i < out.length; i++) out[i] = (generator.random() % modulus) + offset;
}

/** The largest integer that PyTorch's `random_()` without bounds draws, plus 1. */
const FULL: { readonly [D in DType]: bigint } = {
  bool: 2n,
  uint8: 1n << 8n,
  int8: 1n << 7n,
  int16: 1n << 15n,
  float16: (1n << 11n) + 1n,
  bfloat16: (1n << 8n) + 1n,
  int32: 1n << 31n,
  int64: 1n << 63n,
  float32: (1n << 24n) + 1n,
  float64: (1n << 53n) + 1n,
};

/**
 * Fills `out` with integers of the whole range from 0 that `dtype` holds exactly: PyTorch's `random_()`.
 *
 * @example
 * fillRandom(new Generator(0), new Uint8Array(4), "uint8"); // 188, 43, ...
 */
export function fillRandom(generator: Generator, out: TypedArray, dtype: DType): void {
  const range = FULL[dtype];
  if (range > WIDE) fillWide(generator, out as BigInt64Array | Float64Array, 0n, range);
  else fillRandint(generator, out, 0, range);
}

/**
 * A random permutation of 0 to n - 1: PyTorch's `randperm`.
 * @throws ValueError unless `n` is an integer from 0 to 2^31 - 1.
 *
 * @example
 * drawPermutation(new Generator(0), 5);
 */
export function drawPermutation(generator: Generator, n: number): Int32Array {
  if (!Number.isInteger(n) || n < 0 || n > 0x7fffffff) {
    throw new ValueError(`randperm: n must be non-negative and below 2^31, got ${n}`);
  }
  const order = new Int32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  for (let i = 0; i < n - 1; i++) {
    const j = i + (generator.random() % (n - i));
    const kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  }
  return order;
}

function fillWide(generator: Generator, out: BigInt64Array | Float32Array | Float64Array, base: bigint, range: bigint): void {
  if (out instanceof BigInt64Array) for (let i = 0; i < out.length; i++) out[i] = base + (generator.random64() % range);
  else for (let i = 0; i < out.length; i++) out[i] = Number(base + (generator.random64() % range));
}

function checkRange(out: TypedArray, from: number | bigint, to: number | bigint): { base: bigint; range: bigint } {
  for (const bound of [from, to]) {
    if (typeof bound === "number" && !Number.isInteger(bound)) fail(`expected integers, got from=${from} and to=${to}`);
  }
  let first = BigInt(from);
  let end = BigInt(to);
  if (out instanceof Float32Array || out instanceof Float64Array) {
    const digits = out instanceof Float32Array ? 24n : 53n;
    first = representable(first, 1n, digits);
    end = representable(end, -1n, digits);
  } else {
    const [least, most] = boundsOf(out);
    if (first < least || first > most) fail(`from is out of bounds for integers of ${least} to ${most}, got ${from}`);
    if (end <= least || end > most + 1n) fail(`to - 1 is out of bounds for integers of ${least} to ${most}, got ${end - 1n}`);
  }
  if (first >= end) fail(`random_ expects 'from' to be less than 'to', but got from=${from} >= to=${to}`);
  return { base: first, range: end - first };
}

/** The smallest and the largest integer of an array's dtype. */
function boundsOf(out: TypedArray): readonly [least: bigint, most: bigint] {
  if (out instanceof Uint8Array) return [0n, 255n];
  const half = 1n << BigInt(8 * out.BYTES_PER_ELEMENT - 1);
  return [-half, half - 1n];
}

/** PyTorch's bound where a float dtype would round the outermost sample out of the range: one float further in. */
function representable(bound: bigint, inward: 1n | -1n, digits: 24n | 53n): bigint {
  const sample = bound + inward;
  const rounded = BigInt(digits === 24n ? Math.fround(Number(sample)) : Number(sample));
  if (inward > 0n ? rounded >= bound : rounded < bound) return bound;
  const exponent = BigInt((sample < 0n ? -sample : sample).toString(2).length - 1);
  return rounded + inward * (1n << (exponent - digits + 1n));
}

function fail(message: string): never {
  throw new ValueError(`randint: ${message}`);
}
