import { mutate } from "../dispatch.js";
import { numberArray, type TypedArray } from "../dtype.js";
import { isTensor } from "../promotion.js";
import { defaultGenerator } from "../random/default.js";
import {
  type FloatArray,
  fillBernoulli,
  fillBernoulliFrom,
  fillCauchy,
  fillExponential,
  fillGeometric,
  fillLogNormal,
  fillUniform,
} from "../random/fill.js";
import type { Generator } from "../random/generator.js";
import { fillRandint, fillRandom } from "../random/integer.js";
import { fillNormal } from "../random/normal.js";
import { drawn } from "../tracing.js";
import { requireFloat } from "./elementwise.js";
import { readSync } from "./host.js";
import { InplaceMathOps } from "./inplace-math.js";
import type { Tensor } from "./tensor.js";

/** Where random numbers come from; the default generator if it is left out. */
export interface RandomOptions {
  readonly generator?: Generator | null | undefined;
}

/** Draws the elements on the host, as PyTorch's CPU generator does, and writes them. */
function sample(x: Tensor, { generator }: RandomOptions, fill: (generator: Generator, out: TypedArray) => void): Tensor {
  const data = drawn(() => {
    const out = numberArray(x.dtype, x.numel());
    fill(generator ?? defaultGenerator(), out);
    return out;
  });
  return mutate(x, x.onDevice(x.storage.backend, data));
}

function sampleFloats(op: string, x: Tensor, options: RandomOptions, fill: (generator: Generator, out: FloatArray) => void): Tensor {
  requireFloat(op, x);
  return sample(x, options, fill as (generator: Generator, out: TypedArray) => void);
}

/** Random numbers in place: with the same seed, PyTorch's numbers. */
export class SamplingOps extends InplaceMathOps {
  /** Uniform numbers of `[from, to)`. @throws ValueError unless `from <= to`. */
  uniform_(from = 0, to = 1, options: RandomOptions = {}): Tensor {
    return sampleFloats("uniform_", this.self, options, (g, out) => fillUniform(g, out, from, to, this.dtype));
  }

  /** Normal numbers. @throws ValueError for a negative standard deviation. */
  normal_(mean = 0, std = 1, options: RandomOptions = {}): Tensor {
    return sampleFloats("normal_", this.self, options, (g, out) => fillNormal(g, out, mean, std));
  }

  /** 1 with probability `p` (one for all, or one for each element), else 0. */
  bernoulli_(p: number | Tensor = 0.5, options: RandomOptions = {}): Tensor {
    if (!isTensor(p)) return sample(this.self, options, (g, out) => fillBernoulli(g, out, p));
    const chances = readSync(requireFloat("bernoulli_", p.expand(this.shape)), "bernoulli_") as FloatArray;
    return sample(this.self, options, (g, out) => fillBernoulliFrom(g, out, chances));
  }

  /** Exponentially distributed numbers of mean `1 / lambda`. */
  exponential_(lambda = 1, options: RandomOptions = {}): Tensor {
    return sampleFloats("exponential_", this.self, options, (g, out) => fillExponential(g, out, lambda));
  }

  /** Trials until the first success of probability `p`. */
  geometric_(p: number, options: RandomOptions = {}): Tensor {
    return sample(this.self, options, (g, out) => fillGeometric(g, out, p));
  }

  /** Cauchy-distributed numbers. */
  cauchy_(median = 0, sigma = 1, options: RandomOptions = {}): Tensor {
    return sampleFloats("cauchy_", this.self, options, (g, out) => fillCauchy(g, out, median, sigma));
  }

  /** Numbers whose logarithm is normal with `mean` and `std`. */
  logNormal_(mean = 1, std = 2, options: RandomOptions = {}): Tensor {
    return sampleFloats("logNormal_", this.self, options, (g, out) => fillLogNormal(g, out, mean, std));
  }

  /**
   * Uniform integers of `[from, to)`; without bounds all that the dtype holds (floats: all that they hold exactly).
   * @throws ValueError unless `from < to`.
   */
  random_(from?: number | bigint, to?: number | bigint | null, options: RandomOptions = {}): Tensor {
    const x = this.self;
    if (from === undefined) return sample(x, options, (g, out) => fillRandom(g, out, x.dtype));
    const [low, high] = to == null ? [0, from] : [from, to];
    return sample(x, options, (g, out) => fillRandint(g, out, low, high));
  }
}
