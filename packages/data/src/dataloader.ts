import { breathe, type Device, defaultGenerator, type Generator, Tensor, typeName, ValueError } from "@sconce/core";
import { type Collated, defaultCollate } from "./collate.js";
import { type Dataset, IterableDataset } from "./dataset.js";
import { BatchSampler, drawSeed, RandomSampler, type Sampler, SequentialSampler } from "./sampler.js";
import { inBase, poolMaker, type WorkerOptions } from "./workers/options.js";
import type { WorkerPool } from "./workers/pool.js";

/** Options of {@link DataLoader}. */
export interface DataLoaderOptions<Item, Batch> extends WorkerOptions {
  /** Samples in a batch, 1 by default; null yields samples as they are. */
  readonly batchSize?: number | null;
  /** A new order in each epoch. */
  readonly shuffle?: boolean;
  /** Drops a last batch that is not full. */
  readonly dropLast?: boolean;
  /** Order of the samples; excludes `shuffle`. */
  readonly sampler?: Sampler;
  /** Batches of positions; excludes `batchSize`, `shuffle`, `sampler` and `dropLast`. */
  readonly batchSampler?: Sampler<number[]>;
  /** Makes a batch of samples, in this thread also with workers; {@link defaultCollate} by default. */
  readonly collate?: (samples: Item[]) => Batch;
  /** Moves the tensors of each batch to a device, one batch ahead. */
  readonly device?: Device;
  /** Source of the order; without one it follows `manualSeed`. */
  readonly generator?: Generator;
  /** Ends the iteration with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Options of which any may be null, which is as if it was left out (but for `batchSize`). */
export type NullableOptions<O> = { readonly [K in keyof O]: O[K] | null };

/** Where a {@link DataLoader} is in its epoch: plain values, for `save` or JSON. */
export type DataLoaderState = {
  /** Batches of the epoch that are done. */
  batches: number;
  /** State of the randomness when the epoch started, in base64. */
  epoch_start: string;
  /** State of the randomness now; null for a loader with a generator of its own, which only follows its epochs. */
  now: string | null;
};

/**
 * Batches of a dataset, epoch by epoch. Iterating yields to the event loop between batches, so that a plain training loop runs in
 * bounded memory; a yielded batch is never freed by the loader.
 *
 * Source: https://pytorch.org/docs/stable/data.html
 * @throws ValueError for options that exclude each other. While iterating, WorkerError if a worker fails, ends or is late.
 * @example
 * const loader = new DataLoader(new TensorDataset(x, y), { batchSize: 64, shuffle: true });
 * for await (const [input, target] of loader) console.log(input.shape, target.shape);
 */
export class DataLoader<Item, Batch = Collated<Item>> {
  readonly dataset: Dataset<Item> | IterableDataset<Item>;
  readonly batchSize: number | null;
  readonly dropLast: boolean;
  readonly #collate: ((samples: Item[]) => Batch) | undefined;
  readonly #batches: Sampler<number[]> | undefined;
  readonly #device: Device | undefined;
  readonly #generator: Generator | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #makePool: (() => WorkerPool) | undefined;
  readonly #persistent: boolean;
  #pool: WorkerPool | undefined;
  /** The epoch that was started last, until it ends. */
  #epoch: { readonly start: string; batches: number } | null = null;
  #resume: DataLoaderState | null = null;

  constructor(dataset: Dataset<Item> | IterableDataset<Item>, given: NullableOptions<DataLoaderOptions<Item, Batch>> = {}) {
    if (typeof given !== "object" || given === null)
      throw new ValueError(`DataLoader: expected options such as { batchSize: 64 }, got ${given}`);
    const set = Object.entries(given).filter(([name, value]) => value !== null || name === "batchSize" || name === "workerData");
    const options: DataLoaderOptions<Item, Batch> = Object.fromEntries(set);
    const { batchSize = 1, shuffle = false, dropLast = false, sampler, batchSampler, collate, device, generator, signal } = options;
    this.dataset = dataset;
    this.batchSize = batchSize;
    this.dropLast = dropLast;
    this.#collate = collate;
    this.#device = device;
    this.#generator = generator;
    this.#signal = signal;
    if (!(dataset instanceof IterableDataset) && typeof (dataset as Partial<Dataset<Item>> | undefined)?.getItem !== "function") {
      throw new ValueError("DataLoader: expected a Dataset with getItem and length, or an IterableDataset");
    }
    checkBatchSize(batchSize);
    checkOptions(options);
    if (dataset instanceof IterableDataset) {
      if (shuffle || sampler !== undefined || batchSampler !== undefined) {
        throw new ValueError("DataLoader with IterableDataset: expected unspecified shuffle, sampler and batchSampler options");
      }
    } else this.#batches = batchesOf(dataset, options, batchSize);
    this.#makePool = poolMaker(dataset as Dataset<never>, options, { batchSize, dropLast, samples: collate !== undefined });
    this.#persistent = options.persistentWorkers ?? false;
  }

  /** Number of batches in an epoch. @throws ValueError for an IterableDataset, whose end is unknown. */
  get length(): number {
    if (this.#batches === undefined) throw new ValueError("DataLoader: an IterableDataset has no length");
    return this.#batches.length;
  }

  /**
   * The position in the epoch, to go on later with the batch after the last one that a loop was given.
   * @example
   * await save({ loader: loader.stateDict(), net: net.stateDict() }, "run.safetensors");
   */
  stateDict(): DataLoaderState {
    if (this.#resume !== null) return { ...this.#resume };
    const state = encodeState(this.#generator ?? defaultGenerator());
    const { start, batches } = this.#epoch ?? { start: state, batches: 0 };
    return { batches, epoch_start: start, now: this.#generator === undefined ? state : null };
  }

  /**
   * Lets the next loop go on where {@link stateDict} was called: with the same order, without loading the batches before (those of an
   * IterableDataset are read and dropped), and with the randomness as it was.
   * @throws ValueError for a state that is none of a loader.
   */
  loadStateDict(state: DataLoaderState): void {
    if (!Number.isInteger(state?.batches) || typeof state.epoch_start !== "string") {
      throw new ValueError("DataLoader.loadStateDict: expected what stateDict() returned, with batches, epoch_start and now");
    }
    this.#resume = { ...state };
  }

  /** Ends workers that were kept by `persistentWorkers`; a loop over the loader starts new ones. */
  close(): void {
    this.#pool?.close();
  }

  /** Goes through the items in order, as they become ready. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Batch, void, undefined> {
    const resume = this.#resume;
    this.#resume = null;
    const generator = this.#generator ?? defaultGenerator();
    if (resume !== null) generator.setState(decodeState(resume.epoch_start));
    const epoch = { start: encodeState(generator), batches: resume?.batches ?? 0 };
    this.#epoch = epoch;
    // PyTorch draws a seed for its workers at the start of each epoch; the streams stay equal.
    const seed = drawSeed(generator);
    const workers = this.#workers();
    const source =
      workers !== undefined
        ? this.#worked(workers, seed, resume)
        : this.#batches === undefined
          ? this.#streamed(resume)
          : this.#indexed(this.#batches, resume);
    // The next batch is made and uploaded while the device still works on this one.
    let ahead = this.#device === undefined ? undefined : source.next();
    try {
      for (;;) {
        this.#signal?.throwIfAborted();
        const result = await (ahead ?? source.next());
        if (result.done === true) {
          this.#epoch = null;
          return;
        }
        if (ahead !== undefined) {
          ahead = source.next();
          // A failure is reported when its turn comes.
          ahead.catch(() => undefined);
        }
        await breathe();
        this.#signal?.throwIfAborted();
        epoch.batches++;
        yield result.value;
      }
    } finally {
      // A loop that is left early closes what an IterableDataset has open. It may still wait for its next sample, so do not wait for it.
      source.return().catch(() => undefined);
      if (!this.#persistent || this.#signal?.aborted === true) workers?.close();
    }
  }

  /** Workers for an epoch: those that were kept, or new ones. */
  #workers(): WorkerPool | undefined {
    if (this.#pool?.closed === false) return this.#pool;
    const pool = this.#makePool?.();
    if (this.#persistent) this.#pool = pool;
    return pool;
  }

  async *#worked(pool: WorkerPool, seed: bigint, resume: DataLoaderState | null): AsyncGenerator<Batch, void, undefined> {
    await pool.start(this.#signal);
    let skip = resume?.batches ?? 0;
    const indices = this.#batches === undefined ? null : this.#asked(this.#batches, skip);
    for await (const batch of pool.epoch(seed, indices, this.#signal)) {
      if (skip > 0 && indices !== null) {
        restoreNow(resume);
        skip = 0;
      }
      if (skip === 0) yield this.#received(batch);
      else if (--skip === 0) restoreNow(resume);
    }
    if (skip > 0) restoreNow(resume);
  }

  /** Positions of the batches for the workers. */
  *#asked(batches: Sampler<number[]>, skip: number): IterableIterator<readonly number[]> {
    let n = 0;
    for (const indices of batches) if (n++ >= skip) yield inBase(this.dataset as Dataset<never>, indices);
  }

  #received(batch: unknown): Batch {
    return this.#collate === undefined || this.batchSize === null ? this.#place(batch as Batch) : this.#batch(batch as Item[]);
  }

  async *#indexed(batches: Sampler<number[]>, resume: DataLoaderState | null): AsyncGenerator<Batch, void, undefined> {
    const dataset = this.dataset as Dataset<Item>;
    let skip = resume?.batches ?? 0;
    for (const indices of batches) {
      if (skip > 0) {
        // The order was drawn with the first batch.
        if (--skip === 0) restoreNow(resume);
        continue;
      }
      if (this.batchSize === null) yield this.#place((await dataset.getItem(indices[0])) as unknown as Batch);
      else if (this.#collate === undefined && dataset.getItems !== undefined) yield this.#place((await dataset.getItems(indices)) as Batch);
      else yield this.#batch(await Promise.all(indices.map((i) => dataset.getItem(i))));
    }
  }

  async *#streamed(resume: DataLoaderState | null): AsyncGenerator<Batch, void, undefined> {
    let skip = (resume?.batches ?? 0) * (this.batchSize ?? 1);
    let samples: Item[] = [];
    for await (const sample of { [Symbol.asyncIterator]: () => (this.dataset as IterableDataset<Item>)[Symbol.asyncIterator]() }) {
      if (skip > 0) {
        if (--skip === 0) restoreNow(resume);
      } else if (this.batchSize === null) yield this.#place(sample as unknown as Batch);
      else if (samples.push(sample) === this.batchSize) {
        yield this.#batch(samples);
        samples = [];
      }
    }
    if (samples.length > 0 && !this.dropLast) yield this.#batch(samples);
  }

  #batch(samples: Item[]): Batch {
    return this.#place(this.#collate === undefined ? (defaultCollate(samples) as Batch) : this.#collate(samples));
  }

  #place(batch: Batch): Batch {
    return this.#device === undefined ? batch : (moveAll(batch, this.#device) as Batch);
  }
}

function encodeState(generator: Generator): string {
  return btoa(Array.from(generator.getState(), (byte) => String.fromCharCode(byte)).join(""));
}

function decodeState(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}

/** Puts the randomness that the rest of a program shares where it was. */
function restoreNow(resume: DataLoaderState | null): void {
  if (typeof resume?.now === "string") defaultGenerator().setState(decodeState(resume.now));
}

/** @throws ValueError for an option of another kind. */
function checkOptions<Item, Batch>({ sampler, batchSampler, collate, generator, shuffle }: DataLoaderOptions<Item, Batch>): void {
  const expectThat = (ok: boolean, name: string, wanted: string, got: unknown): void => {
    if (!ok) throw new ValueError(`DataLoader: expected ${wanted} for the option ${name}, got ${typeName(got)}`);
  };
  for (const [name, order] of Object.entries({ sampler, batchSampler })) {
    expectThat(order === undefined || typeof order?.[Symbol.iterator] === "function", name, "an iterable of indices", order);
  }
  expectThat(collate === undefined || typeof collate === "function", "collate", "a function", collate);
  expectThat(generator === undefined || typeof generator?.getState === "function", "generator", "a Generator", generator);
  expectThat(shuffle === undefined || typeof shuffle === "boolean", "shuffle", "a boolean", shuffle);
}

/** PyTorch's rule and words, for datasets of both kinds. */
function checkBatchSize(batchSize: number | null): void {
  if (batchSize === null || (Number.isInteger(batchSize) && batchSize > 0)) return;
  throw new ValueError(`DataLoader: batchSize should be a positive integer value or null, but got batchSize=${batchSize}`);
}

function batchesOf<Item, Batch>(
  dataset: Dataset<Item>,
  options: DataLoaderOptions<Item, Batch>,
  batchSize: number | null,
): Sampler<number[]> {
  const { shuffle = false, dropLast = false, sampler, batchSampler, generator } = options;
  if (sampler !== undefined && shuffle) throw new ValueError("DataLoader: sampler option is mutually exclusive with shuffle");
  if (batchSampler !== undefined) {
    if (batchSize !== 1 || shuffle || sampler !== undefined || dropLast) {
      throw new ValueError("DataLoader: batchSampler option is mutually exclusive with batchSize, shuffle, sampler, and dropLast");
    }
    return batchSampler;
  }
  if (batchSize === null && dropLast) {
    throw new ValueError("DataLoader: batchSize=null option disables auto-batching and is mutually exclusive with dropLast");
  }
  const order =
    sampler ??
    (shuffle ? new RandomSampler(dataset, { ...(generator === undefined ? {} : { generator }) }) : new SequentialSampler(dataset));
  return new BatchSampler(order, batchSize ?? 1, dropLast);
}

/** Moves every tensor in nested tuples and objects. */
function moveAll(value: unknown, device: Device): unknown {
  if (value instanceof Tensor) return value.to({ device });
  if (Array.isArray(value)) return value.map((v) => moveAll(v, device));
  if (value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, moveAll(v, device)]));
  }
  return value;
}
