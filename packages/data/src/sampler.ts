import { defaultGenerator, drawMultinomial, Generator, randint, randperm, ValueError } from "@sconce/core";

/** Anything that has a length: a sampler needs no more of a dataset. */
export interface Sized {
  readonly length: number;
}

/** An order of sample positions; iterating again starts a new epoch. */
export interface Sampler<T = number> extends Iterable<T>, Sized {}

/** A seed for an epoch, drawn as PyTorch draws it, so that the same `manualSeed` gives the same order. */
export function drawSeed(generator: Generator): bigint {
  return generator.random64() & 0x7fffffffffffffffn;
}

/** 0, 1, 2, ... */
export class SequentialSampler implements Sampler {
  readonly #source: Sized;

  constructor(source: Sized) {
    this.#source = source;
  }

  get length(): number {
    return this.#source.length;
  }

  /** Goes through the items in order. */
  *[Symbol.iterator](): Iterator<number> {
    for (let i = 0; i < this.length; i++) yield i;
  }
}

/** Options of {@link RandomSampler}. */
export interface RandomSamplerOptions {
  /** Draws with replacement. */
  readonly replacement?: boolean;
  /** Samples per epoch; the dataset's length by default. */
  readonly numSamples?: number | null;
  /** Source of randomness; without one, an epoch's order follows `manualSeed`. */
  readonly generator?: Generator | null;
}

/** A new random order in each epoch, PyTorch's for the same seed. */
export class RandomSampler implements Sampler {
  readonly #source: Sized;
  readonly #replacement: boolean;
  readonly #numSamples: number | null | undefined;
  readonly #generator: Generator | null | undefined;

  constructor(source: Sized, { replacement = false, numSamples, generator }: RandomSamplerOptions = {}) {
    this.#source = source;
    this.#replacement = replacement;
    this.#numSamples = numSamples;
    this.#generator = generator;
    if (this.length <= 0 || !Number.isInteger(this.length)) {
      throw new ValueError(`RandomSampler: numSamples should be a positive integer value, but got numSamples=${this.length}`);
    }
  }

  get length(): number {
    return this.#numSamples ?? this.#source.length;
  }

  /** Goes through the items in order. */
  *[Symbol.iterator](): Iterator<number> {
    const generator = this.#generator ?? new Generator(drawSeed(defaultGenerator()));
    const n = this.#source.length;
    let left = this.length;
    while (left > 0) {
      const take = Math.min(left, this.#replacement ? 32 : n);
      yield* (this.#replacement ? drawIndices(n, take, generator) : permutation(n, generator)).subarray(0, take);
      left -= take;
    }
  }
}

/** A random order of 0 up to n - 1, PyTorch's for the same generator. */
export function permutation(n: number, generator: Generator): Int32Array {
  return randperm(n, { generator, device: "cpu" as never }).dataSync() as Int32Array;
}

function drawIndices(n: number, count: number, generator: Generator): Int32Array {
  return randint(0, n, [count], { generator, device: "cpu" as never }).dataSync() as Int32Array;
}

/** A new random order of the given positions in each epoch. */
export class SubsetRandomSampler implements Sampler {
  readonly #indices: readonly number[];
  readonly #generator: Generator | null | undefined;

  constructor(indices: readonly number[], { generator }: { generator?: Generator | null } = {}) {
    this.#indices = indices;
    this.#generator = generator;
  }

  get length(): number {
    return this.#indices.length;
  }

  /** Goes through the items in order. */
  *[Symbol.iterator](): Iterator<number> {
    for (const i of permutation(this.length, this.#generator ?? defaultGenerator())) yield this.#indices[i];
  }
}

/** Options of {@link WeightedRandomSampler}. */
export interface WeightedRandomSamplerOptions {
  /** Draws with replacement, the default. */
  readonly replacement?: boolean;
  /** Source of randomness; without one, an epoch's order follows `manualSeed`. */
  readonly generator?: Generator | null;
}

/**
 * Positions 0 up to `weights.length - 1` in proportion to their weights, which need not sum to one: rare classes can be drawn as often as common ones.
 * @throws ValueError unless `numSamples` is a positive integer, and when it is iterated for weights that are negative or all zero, or
 * for more samples than weights without replacement.
 * @example
 * const sampler = new WeightedRandomSampler([0.1, 0.9, 0.4], 5);
 * const loader = new DataLoader(dataset, { batchSize: 2, sampler });
 */
export class WeightedRandomSampler implements Sampler {
  readonly length: number;
  readonly #weights: Float64Array;
  readonly #replacement: boolean;
  readonly #generator: Generator | null | undefined;

  constructor(weights: Iterable<number>, numSamples: number, { replacement = true, generator }: WeightedRandomSamplerOptions = {}) {
    if (!Number.isInteger(numSamples) || numSamples <= 0) {
      throw new ValueError(`WeightedRandomSampler: numSamples should be a positive integer value, but got numSamples=${numSamples}`);
    }
    this.length = numSamples;
    this.#weights = Float64Array.from(weights);
    this.#replacement = replacement;
    this.#generator = generator;
  }

  /** Goes through the items in order. */
  [Symbol.iterator](): Iterator<number> {
    const generator = this.#generator ?? defaultGenerator();
    return drawMultinomial(generator, this.#weights, 1, this.length, this.#replacement)[Symbol.iterator]();
  }
}

/** Positions in groups of `batchSize`. */
export class BatchSampler implements Sampler<number[]> {
  readonly sampler: Sampler;
  readonly batchSize: number;
  readonly dropLast: boolean;

  constructor(sampler: Sampler, batchSize: number, dropLast = false) {
    if (!Number.isInteger(batchSize) || batchSize <= 0) {
      throw new ValueError(`BatchSampler: batchSize should be a positive integer value, but got batchSize=${batchSize}`);
    }
    this.sampler = sampler;
    this.batchSize = batchSize;
    this.dropLast = dropLast;
  }

  get length(): number {
    const batches = this.sampler.length / this.batchSize;
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  /** Goes through the items in order. */
  *[Symbol.iterator](): Iterator<number[]> {
    let batch: number[] = [];
    for (const index of this.sampler) {
      batch.push(index);
      if (batch.length === this.batchSize) {
        yield batch;
        batch = [];
      }
    }
    if (batch.length > 0 && !this.dropLast) yield batch;
  }
}
