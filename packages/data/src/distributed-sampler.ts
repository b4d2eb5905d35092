import { Generator, ValueError } from "@sconce/core";
import { permutation, type Sampler, type Sized } from "./sampler.js";

/** Options of {@link DistributedSampler}. */
export interface DistributedSamplerOptions {
  /** Number of processes or workers that share the samples. */
  readonly numReplicas: number;
  /** Which of them this is, 0 up to `numReplicas - 1`. */
  readonly rank: number;
  /** A new order in each epoch, the default. */
  readonly shuffle?: boolean;
  /** Seed of the order, 0 by default; the same for all. */
  readonly seed?: number;
  /** Leaves samples out so that all get as many, instead of giving some twice. */
  readonly dropLast?: boolean;
}

/**
 * The share of one of several processes in a dataset: all together see every sample. Call {@link setEpoch} before each epoch.
 * Source: torch.utils.data.distributed.DistributedSampler.
 * @throws ValueError for a rank that is not between 0 and `numReplicas - 1`.
 * @example
 * const sampler = new DistributedSampler(dataset, { numReplicas: 4, rank: 0 });
 * sampler.setEpoch(1);
 */
export class DistributedSampler implements Sampler {
  readonly length: number;
  /** Decides the order, with the seed. */
  epoch = 0;
  readonly #size: number;
  readonly #numReplicas: number;
  readonly #rank: number;
  readonly #shuffle: boolean;
  readonly #seed: number;

  constructor(source: Sized, { numReplicas, rank, shuffle = true, seed = 0, dropLast = false }: DistributedSamplerOptions) {
    if (!Number.isInteger(rank) || rank < 0 || rank >= numReplicas) {
      throw new ValueError(`DistributedSampler: Invalid rank ${rank}, rank should be in the interval [0, ${numReplicas - 1}]`);
    }
    const share = source.length / numReplicas;
    this.length = dropLast ? Math.floor(share) : Math.ceil(share);
    this.#size = source.length;
    this.#numReplicas = numReplicas;
    this.#rank = rank;
    this.#shuffle = shuffle;
    this.#seed = seed;
  }

  /** Sets the epoch, so that each has an order of its own and all processes the same one. */
  setEpoch(epoch: number): void {
    this.epoch = epoch;
  }

  /** Goes through the items in order. */
  *[Symbol.iterator](): Iterator<number> {
    const order = this.#shuffle ? permutation(this.#size, new Generator(this.#seed + this.epoch)) : null;
    for (let i = 0; i < this.length; i++) {
      // Beyond the end the order starts again.
      const at = (this.#rank + i * this.#numReplicas) % this.#size;
      yield order === null ? at : order[at];
    }
  }
}
