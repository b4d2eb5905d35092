import { ValueError } from "../errors.js";
import type { Generator } from "./generator.js";

const { cos, fround, log, log1p, sin, sqrt } = Math;
const TWO_PI = 2 * Math.PI;

/**
 * Fills `out` with samples of the normal distribution: PyTorch's `normal_`.
 *
 * As in PyTorch, 16 or more elements are drawn in blocks of 16 and fewer one by one, which are different streams.
 *
 * @throws ValueError unless `std` is at least 0.
 *
 * @example
 * fillNormal(new Generator(0), new Float32Array(16), 0, 1); // -1.1258398, -1.1523602, -0.25057858, ...
 */
export function fillNormal(generator: Generator, out: Float32Array | Float64Array, mean = 0, std = 1): void {
  checkStd(std);
  if (out.length < 16) fillNormalSerial(generator, out, mean, std);
  else if (out instanceof Float32Array) fillBlocks(generator, out, transform32, fround(mean), fround(std));
  else fillBlocks(generator, out, transform64, mean, std);
}

/**
 * Fills `out` one sample at a time, as PyTorch's `normal_` does for fewer than 16 elements or a tensor that is not contiguous.
 * @throws ValueError unless `std` is at least 0.
 */
export function fillNormalSerial(generator: Generator, out: Float32Array | Float64Array, mean = 0, std = 1): void {
  checkStd(std);
  for (let i = 0; i < out.length; i++) out[i] = nextNormal(generator) * std + mean;
}

/** The next sample of the standard normal distribution in float64; every second one was kept by the generator. */
export function nextNormal(generator: Generator): number {
  const kept = generator.nextNormal;
  if (kept !== undefined) {
    generator.nextNormal = undefined;
    return kept;
  }
  const u1 = generator.uniformDouble();
  const radius = sqrt(-2 * log1p(-generator.uniformDouble()));
  const theta = TWO_PI * u1;
  generator.nextNormal = radius * sin(theta);
  return radius * cos(theta);
}

function checkStd(std: number): void {
  if (!(std >= 0)) throw new ValueError(`normal: normal expects std >= 0.0, but found std ${std}`);
}

/** Turns the 16 uniform samples at `start` into normal ones, 8 pairs in halves. */
type Transform<A> = (data: A, start: number, mean: number, std: number) => void;

function fillBlocks<A extends Float32Array | Float64Array>(
  generator: Generator,
  out: A,
  transform: Transform<A>,
  mean: number,
  std: number,
): void {
  const n = out.length;
  drawUniform(generator, out, 0);
  for (let i = 0; i + 16 <= n; i += 16) transform(out, i, mean, std);
  if (n % 16 === 0) return;
  drawUniform(generator, out, n - 16); // PyTorch draws the last 16 once more
  transform(out, n - 16, mean, std);
}

function drawUniform(generator: Generator, out: Float32Array | Float64Array, start: number): void {
  if (out instanceof Float32Array) for (let i = start; i < out.length; i++) out[i] = generator.uniformFloat();
  else for (let i = start; i < out.length; i++) out[i] = generator.uniformDouble();
}

function transform64(data: Float64Array, start: number, mean: number, std: number): void {
  for (let j = start; j < start + 8; j++) {
    const radius = sqrt(-2 * log(1 - data[j]));
    const theta = TWO_PI * data[j + 8];
    data[j] = radius * cos(theta) * std + mean;
    data[j + 8] = radius * sin(theta) * std + mean;
  }
}

// PyTorch's float32 path computes log, sin and cos with the single-precision polynomials of Cephes (S. Moshier) and fused
// multiply-adds. A product of two float32 is exact in float64, so `fround(a * b + c)` is that fused operation.

const SQRT_HALF = fround(Math.SQRT1_2);
const P0 = fround(7.0376836292e-2);
const P1 = fround(-1.151461031e-1);
const P2 = fround(1.167699874e-1);
const P3 = fround(-1.2420140846e-1);
const P4 = fround(1.4249322787e-1);
const P5 = fround(-1.6668057665e-1);
const P6 = fround(2.0000714765e-1);
const P7 = fround(-2.4999993993e-1);
const P8 = fround(3.3333331174e-1);
const LOG_Q1 = fround(-2.1219444e-4);
const LOG_Q2 = 0.693359375;
const INVERSE_POWER = Float64Array.from({ length: 26 }, (_, e) => 2 ** -e);

/** Natural logarithm of `k` / 2^24 for an integer `k` from 1 to 2^24. */
function log32(k: number): number {
  let e = 32 - Math.clz32(k);
  const mantissa = k * INVERSE_POWER[e]; // in [0.5, 1)
  e -= 24;
  let x = mantissa - 1;
  if (mantissa < SQRT_HALF) {
    e -= 1;
    x += mantissa;
  }
  const z = fround(x * x);
  let y = fround(P0 * x + P1);
  y = fround(y * x + P2);
  y = fround(y * x + P3);
  y = fround(y * x + P4);
  y = fround(y * x + P5);
  y = fround(y * x + P6);
  y = fround(y * x + P7);
  y = fround(y * x + P8);
  y = fround(fround(y * x) * z + fround(e * LOG_Q1));
  y = fround(y - z * 0.5);
  return fround(fround(x + y) + e * LOG_Q2);
}

const TWO_PI_32 = fround(TWO_PI);
const FOUR_OVER_PI = fround(1.27323954473516);
// pi / 4 in three parts, so that the reduced angle keeps its digits.
const DP1 = 0.78515625;
const DP2 = fround(2.4187564849853516e-4);
const DP3 = fround(3.774894977445941e-8);
const SIN_P0 = fround(-1.9515295891e-4);
const SIN_P1 = fround(8.3321608736e-3);
const SIN_P2 = fround(-1.6666654611e-1);
const COS_P0 = fround(2.443315711809948e-5);
const COS_P1 = fround(-1.388731625493765e-3);
const COS_P2 = fround(4.166664568298827e-2);

function transform32(data: Float32Array, start: number, mean: number, std: number): void {
  for (let i = start; i < start + 8; i++) {
    const radius = fround(sqrt(-2 * log32(16777216 - data[i] * 16777216)));
    const theta = fround(TWO_PI_32 * data[i + 8]);
    const octant = (fround(theta * FOUR_OVER_PI) + 1) & ~1;
    let x = fround(theta - octant * DP1);
    x = fround(x - octant * DP2);
    x = fround(x - octant * DP3);
    const z = fround(x * x);
    let c = fround(COS_P0 * z + COS_P1);
    c = fround(c * z + COS_P2);
    c = fround(fround(c * z) * z - z * 0.5);
    c = fround(c + 1);
    let s = fround(SIN_P0 * z + SIN_P1);
    s = fround(s * z + SIN_P2);
    s = fround(fround(s * z) * x + x);
    const swap = (octant & 2) !== 0;
    const sine = (octant & 4) !== 0 ? -(swap ? c : s) : swap ? c : s;
    const cosine = ((octant - 2) & 4) === 0 ? -(swap ? s : c) : swap ? s : c;
    data[i] = fround(radius * cosine) * std + mean;
    data[i + 8] = fround(radius * sine) * std + mean;
  }
}
