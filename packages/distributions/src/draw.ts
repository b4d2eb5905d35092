/** Samples that the host draws one by one, with PyTorch's numbers for the same seed. */
import { defaultGenerator, fillNormalSerial, type Generator, numberArray, type Tensor, type TypedArray } from "@sconce/core";

type Draw = (generator: Generator, parameters: readonly number[]) => number;

/** A tensor in the shape of the first parameter, each element drawn with the parameters at its place. */
export function drawEach(parameters: readonly Tensor[], draw: Draw): Tensor {
  const [first] = parameters;
  const arrays = parameters.map((p) => p.detach().dataSync() as Float64Array);
  return first.onDevice(first.storage.backend, drawArray(first, arrays, draw));
}

function drawArray(like: Tensor, arrays: readonly ArrayLike<number>[], draw: Draw): TypedArray {
  const generator = defaultGenerator();
  const out = numberArray(like.dtype, like.numel());
  for (let i = 0; i < out.length; i++) {
    out[i] = draw(
      generator,
      arrays.map((a) => a[i]),
    );
  }
  return out;
}

const one = new Float64Array(1);

function nextNormal(generator: Generator): number {
  fillNormalSerial(generator, one);
  return one[0];
}

/**
 * A sample of the gamma distribution with rate 1.
 *
 * Source: Marsaglia and Tsang, https://doi.org/10.1145/358407.358414
 */
export function drawGamma(generator: Generator, alpha: number): number {
  if (alpha === 0) return 0;
  // A larger shape is accepted more often.
  const scale = alpha < 1 ? (1 - generator.uniformDouble()) ** (1 / alpha) : 1;
  const d = (alpha < 1 ? alpha + 1 : alpha) - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    let x: number;
    let y: number;
    do {
      x = nextNormal(generator);
      y = 1 + c * x;
    } while (y <= 0);
    const v = y * y * y;
    const u = 1 - generator.uniformDouble();
    const xx = x * x;
    if (u < 1 - 0.0331 * xx * xx || Math.log(u) < 0.5 * xx + d * (1 - v + Math.log(v))) return scale * d * v;
  }
}

/** Successes in `count` trials of probability `p`. */
export function drawBinomial(generator: Generator, count: number, p: number): number {
  if (Number.isNaN(p)) return Number.NaN;
  if (count <= 0 || p <= 0) return 0;
  if (p >= 1) return count;
  const rare = Math.min(p, 1 - p);
  const successes = count * rare >= 10 ? rejectBinomial(generator, count, rare) : countBinomial(generator, count, rare);
  return p <= 0.5 ? successes : count - successes;
}

/** Adds up the trials from one success to the next. */
function countBinomial(generator: Generator, count: number, p: number): number {
  const scale = Math.log1p(-p);
  let trials = 0;
  for (let successes = 0; ; successes++) {
    trials += Math.ceil(Math.log(generator.uniformDouble()) / scale);
    if (trials > count) return successes;
  }
}

/** Source: Hörmann, The generation of binomial random variates (BTRS), 1993. */
function rejectBinomial(generator: Generator, count: number, p: number): number {
  const deviation = Math.sqrt(count * p * (1 - p));
  const b = 1.15 + 2.53 * deviation;
  const a = -0.0873 + 0.0248 * b + 0.01 * p;
  const vr = 0.92 - 4.2 / b;
  const r = p / (1 - p);
  const alpha = (2.83 + 5.1 / b) * deviation;
  const m = Math.floor((count + 1) * p);
  for (;;) {
    const u = generator.uniformDouble() - 0.5;
    const v = generator.uniformDouble();
    const us = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / us + b) * u + count * p + 0.5);
    if (us >= 0.07 && v <= vr) return k;
    if (k < 0 || k > count) continue;
    const bound =
      (m + 0.5) * Math.log((m + 1) / (r * (count - m + 1))) +
      (count + 1) * Math.log((count - m + 1) / (count - k + 1)) +
      (k + 0.5) * Math.log((r * (count - k + 1)) / (k + 1)) +
      stirlingTail(m) +
      stirlingTail(count - m) -
      stirlingTail(k) -
      stirlingTail(count - k);
    if (Math.log((v * alpha) / (a / (us * us) + b)) <= bound) return k;
  }
}

const TAILS = [
  0.0810614667953272, 0.0413406959554092, 0.0276779256849983, 0.02079067210376509, 0.0166446911898211, 0.0138761288230707,
  0.0118967099458917, 0.010411265261972, 0.00925546218271273, 0.00833056343336287,
];

/** What Stirling's formula lacks of the logarithm of `k!`. */
function stirlingTail(k: number): number {
  if (k <= 9) return TAILS[k];
  const square = (k + 1) * (k + 1);
  return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1);
}
