/**
 * Options of a loader with workers.
 *
 * @module
 */
import { ValueError } from "@sconce/core";
import { type Dataset, IterableDataset, Subset } from "../dataset.js";
import { WorkerPool } from "./pool.js";
import type { Start } from "./protocol.js";
import type { WorkerSource } from "./thread.js";

/** Options of a {@link DataLoader} about its workers. */
export interface WorkerOptions {
  /** Workers that make batches ahead; 0, the default, makes them in this thread. */
  readonly numWorkers?: number;
  /**
   * The module that calls {@link serveDataset}: its URL, or, for bundlers of browser programs, a function that starts it:
   * `() => new Worker(new URL("./dataset.ts", import.meta.url), { type: "module" })`.
   */
  readonly worker?: WorkerSource;
  /** Handed to the function that makes the dataset in each worker; what structured cloning can copy. */
  readonly workerData?: unknown;
  /** Batches that each worker makes in advance, 2 by default. */
  readonly prefetchFactor?: number;
  /** Keeps the workers and their datasets for the next epochs; `close()` ends them. */
  readonly persistentWorkers?: boolean;
  /** Seconds to wait for a batch before a WorkerError; 0, the default, waits for as long as the worker lives. */
  readonly timeout?: number;
}

/** Makes pools for a loader; undefined for a loader without workers. @throws ValueError for options that exclude each other. */
export function poolMaker(
  dataset: Dataset<never> | IterableDataset<never>,
  options: WorkerOptions,
  batches: Pick<Start, "batchSize" | "dropLast" | "samples">,
): (() => WorkerPool) | undefined {
  const { numWorkers = 0, worker, workerData: data, prefetchFactor, persistentWorkers = false, timeout = 0 } = options;
  const check = (ok: boolean, message: string): void => {
    if (!ok) throw new ValueError(`DataLoader: ${message}`);
  };
  check(
    Number.isInteger(numWorkers) && numWorkers >= 0,
    `numWorkers option should be a non-negative integer, got ${numWorkers}; use numWorkers=0 to disable workers`,
  );
  check(timeout >= 0, `timeout option should be non-negative, got ${timeout}`);
  if (numWorkers === 0) {
    check(prefetchFactor === undefined, "prefetchFactor option could only be specified with workers; let numWorkers > 0");
    check(!persistentWorkers, "persistentWorkers option needs numWorkers > 0");
    return undefined;
  }
  check(
    prefetchFactor === undefined || (Number.isInteger(prefetchFactor) && prefetchFactor > 0),
    `prefetchFactor option should be a positive integer, got ${prefetchFactor}`,
  );
  if (worker === undefined)
    throw new ValueError(
      'DataLoader: numWorkers > 0 needs the option worker: the URL of a module that calls serveDataset(), as new URL("./dataset.js", import.meta.url)',
    );
  const length = dataset instanceof IterableDataset ? null : baseOf(dataset).length;
  return () => new WorkerPool({ source: worker, numWorkers, prefetch: prefetchFactor ?? 2, timeout, length, start: { data, ...batches } });
}

/** The dataset under subsets. */
function baseOf(dataset: Dataset<never>): Dataset<never> {
  return dataset instanceof Subset ? baseOf(dataset.dataset as Dataset<never>) : dataset;
}

/** Positions in the dataset under subsets. */
export function inBase(dataset: Dataset<never>, indices: readonly number[]): readonly number[] {
  if (!(dataset instanceof Subset)) return indices;
  return inBase(
    dataset.dataset as Dataset<never>,
    indices.map((i) => dataset.indices[i]),
  );
}
