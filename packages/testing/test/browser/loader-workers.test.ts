import "@sconce/backend-cpu";
import { manualSeed, type Tensor } from "@sconce/core";
import { DataLoader, WorkerError } from "@sconce/data";
import { describe, expect, it } from "vitest";
import { Rows, type RowsOptions } from "../data/fixtures/rows.js";

const start = (): Worker => new Worker(new URL("../data/fixtures/rows.ts", import.meta.url), { type: "module" });

interface Batch {
  readonly label: Tensor;
  readonly noise: Tensor;
}

function loaderOf(workerData: RowsOptions, worker: string | (() => Worker) = start): DataLoader<never, Batch> {
  return new DataLoader<never, Batch>(new Rows(workerData) as never, { batchSize: 3, shuffle: true, numWorkers: 2, worker, workerData });
}

async function read(loader: DataLoader<never, Batch>): Promise<[number[], number][]> {
  const seen: [number[], number][] = [];
  for await (const { label, noise } of loader) seen.push([[...(label.dataSync() as Int32Array)], noise.at(0).itemSync()]);
  return seen;
}

describe("a loader with Web Workers", () => {
  it("gives PyTorch's order and PyTorch's random numbers for the same seed", async () => {
    manualSeed(0);
    expect(await read(loaderOf({ length: 10 }))).toEqual([
      [[6, 7, 1], 0.7821398973464966],
      [[4, 2, 0], 0.6938178539276123],
      [[9, 8, 3], 0.1948593258857727],
      [[5], 0.2847197651863098],
    ]);
  });

  it("reports an error with the worker's stack", async () => {
    const error = await read(loaderOf({ length: 10, fault: "throw" })).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(WorkerError);
    expect((error as WorkerError).message).toMatch(
      /caught RangeError in worker [01]: sample 5 is damaged\nStack in the worker:\n.*sample 5/,
    );
  });

  it("reports a worker that is gone", async () => {
    await expect(read(loaderOf({ length: 10, fault: "close" }))).rejects.toThrow(/worker [01] exited unexpectedly/);
  });

  it("reports a module that cannot be loaded", async () => {
    await expect(read(loaderOf({ length: 10 }, "/nothing/here.js"))).rejects.toThrow(/worker [01] failed/);
  });
});
