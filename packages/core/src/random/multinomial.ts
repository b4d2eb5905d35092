import { ValueError } from "../errors.js";
import { type FloatArray, fillExponential } from "./fill.js";
import type { Generator } from "./generator.js";

/**
 * Draws `samples` column indices for each row of `weights` `[rows, columns]` in proportion to the weights: PyTorch's `multinomial`.
 *
 * @returns indices `[rows, samples]`, row-major.
 * @throws ValueError for a negative or non-finite weight, a row without weight, or more samples than columns without replacement.
 *
 * @example
 * drawMultinomial(new Generator(1), new Float32Array([0.1, 0.2, 0.3, 0.4]), 1, 6, true); // 0, 1, 1, 1, 2, 1
 */
export function drawMultinomial(generator: Generator, weights: FloatArray, rows: number, samples: number, replacement = false): Int32Array {
  const columns = rows === 0 ? 0 : weights.length / rows;
  if (!(samples > 0)) fail("cannot sample n_sample <= 0 samples");
  if (!replacement && samples > columns) fail("cannot sample n_sample > prob_dist.size(-1) samples without replacement");
  checkWeights(weights, rows, columns);
  const out = new Int32Array(rows * samples);
  if (!replacement) sampleByRace(generator, weights, columns, out, samples);
  else
    for (let row = 0; row < rows; row++)
      sampleRow(generator, weights, row * columns, columns, out.subarray(row * samples, (row + 1) * samples));
  return out;
}

/** Exponential race: the columns with the largest weight / Exp(1) are a draw without replacement. */
function sampleByRace(generator: Generator, weights: FloatArray, columns: number, out: Int32Array, samples: number): void {
  const race = weights.slice();
  fillExponential(generator, race, 1);
  for (let i = 0; i < race.length; i++) race[i] = weights[i] / race[i];
  for (let row = 0; row * columns < race.length; row++) {
    const start = row * columns;
    const order = Array.from({ length: columns }, (_, column) => column);
    order.sort((a, b) => race[start + b] - race[start + a]);
    for (let j = 0; j < samples; j++) out[row * samples + j] = order[j];
  }
}

function sampleRow(generator: Generator, weights: FloatArray, start: number, columns: number, out: Int32Array): void {
  const cumulative = weights.slice(start, start + columns);
  for (let j = 1; j < columns; j++) cumulative[j] = cumulative[j] + cumulative[j - 1];
  const sum = cumulative[columns - 1];
  for (let j = 0; j < columns; j++) cumulative[j] = cumulative[j] / sum;
  cumulative[columns - 1] = 1;
  for (let j = 0; j < out.length; j++) out[j] = lowerBound(cumulative, generator.uniformDouble());
}

/** Index of the first element that is not below `value`. */
function lowerBound(sorted: FloatArray, value: number): number {
  let left = 0;
  let right = sorted.length;
  while (left < right) {
    const middle = (left + right) >> 1;
    if (sorted[middle] < value) left = middle + 1;
    else right = middle;
  }
  return left;
}

function checkWeights(weights: FloatArray, rows: number, columns: number): void {
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let j = row * columns; j < (row + 1) * columns; j++) {
      const weight = weights[j];
      if (!(weight >= 0 && weight < Infinity)) fail(`probability tensor contains either \`inf\`, \`nan\` or element < 0, got ${weight}`);
      sum += weight;
    }
    if (!(sum > 0)) fail("invalid multinomial distribution (sum of probabilities <= 0)");
  }
}

function fail(message: string): never {
  throw new ValueError(`multinomial: ${message}`);
}
