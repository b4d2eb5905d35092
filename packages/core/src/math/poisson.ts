import { numberArray } from "../dtype.js";
import { ValueError } from "../errors.js";
import { defaultGenerator } from "../random/default.js";
import type { Generator } from "../random/generator.js";
import { requireFloat } from "../tensor/elementwise.js";
import { readSync } from "../tensor/host.js";
import type { RandomOptions } from "../tensor/sampling.js";
import type { Tensor } from "../tensor/tensor.js";

/**
 * Poisson numbers with the rates of a floating-point tensor, without gradient: with the same seed, PyTorch's.
 * @throws ValueError for a negative rate.
 * @example
 * import "@sconce/backend-cpu";
 * import { tensor } from "@sconce/core";
 * import { poisson } from "@sconce/core/math";
 * poisson(tensor([0, 2, 100])); // such as [0, 3, 91]
 */
export function poisson(rates: Tensor, { generator }: RandomOptions = {}): Tensor {
  const given = readSync(requireFloat("poisson", rates), "poisson");
  const data = numberArray(rates.dtype, given.length);
  for (let i = 0; i < data.length; i++) data[i] = drawPoisson(generator ?? defaultGenerator(), Number(given[i])) as never;
  return rates.onDevice(rates.storage.backend, data);
}

/** From here on transformed rejection takes fewer draws than a product of uniform numbers. */
const MANY = 10;

/** A Poisson number from the host generator. @throws ValueError for a negative rate. */
export function drawPoisson(generator: Generator, rate: number): number {
  if (!(rate >= 0)) throw new ValueError(`poisson: invalid Poisson rate, expected rate to be non-negative, got ${rate}`);
  if (rate === 0) return 0;
  if (rate >= MANY) return byRejection(generator, rate);
  const end = Math.exp(-rate);
  let count = 0;
  for (let product = generator.uniformDouble(); product > end; product *= generator.uniformDouble()) count++;
  return count;
}

/** Source: Hörmann, The transformed rejection method for generating Poisson random variables, https://doi.org/10.1016/0167-6687(93)90997-4 */
function byRejection(generator: Generator, rate: number): number {
  const b = 0.931 + 2.53 * Math.sqrt(rate);
  const a = -0.059 + 0.02483 * b;
  const scale = 1.1239 + 1.1328 / (b - 3.4);
  const accepted = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const u = generator.uniformDouble() - 0.5;
    const v = generator.uniformDouble();
    const edge = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / edge + b) * u + rate + 0.43);
    if (edge >= 0.07 && v <= accepted) return k;
    if (k < 0 || (edge < 0.013 && v > edge)) continue;
    if (Math.log(v) + Math.log(scale) - Math.log(a / (edge * edge) + b) <= -rate + k * Math.log(rate) - logFactorial(k)) return k;
  }
}

/** `log k!`: the sum for few factors, else Stirling's series. */
function logFactorial(k: number): number {
  if (k < 16) {
    let product = 1;
    for (let i = 2; i <= k; i++) product *= i;
    return Math.log(product);
  }
  const x = k + 1;
  const series = 1 / 12 - (1 / 360 - (1 / 1260 - 1 / (1680 * x * x)) / (x * x)) / (x * x);
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series / x;
}
