import "@sconce/backend-cpu";
import { manualSeed, type Tensor } from "@sconce/core";
import { DataLoader, type DataLoaderOptions, type DataLoaderState, getWorkerInfo, Subset, WorkerError } from "@sconce/data";
import { describe, expect, it } from "vitest";
import { buildWorker } from "./fixtures/build.js";
import { Rows, type RowsOptions } from "./fixtures/rows.js";
import { Ranges } from "./fixtures/stream.js";

interface Batch {
  readonly row: Tensor;
  readonly label: Tensor;
  readonly noise: Tensor;
  readonly worker: Tensor;
  readonly served: Tensor;
}

const rows = await buildWorker("rows");
const stream = await buildWorker("stream");

type Options = DataLoaderOptions<never, Batch>;

function loaderOf(workerData: RowsOptions, options: Options = {}): DataLoader<never, Batch> {
  return new DataLoader<never, Batch>(new Rows(workerData) as never, { numWorkers: 2, worker: rows, workerData, ...options });
}

const list = (x: Tensor): number[] => [...(x.dataSync() as Float32Array)];

async function labels(loader: DataLoader<never, Batch>): Promise<number[][]> {
  const seen: number[][] = [];
  for await (const { label } of loader) seen.push(list(label));
  return seen;
}

async function failure(work: Promise<unknown>): Promise<WorkerError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(WorkerError);
  return error as WorkerError;
}

describe("a loader with workers", () => {
  it("gives PyTorch's order and PyTorch's random numbers for the same seed", async () => {
    manualSeed(0);
    const loader = loaderOf({ length: 10 }, { batchSize: 3, shuffle: true });
    const seen: [number[], number[]][] = [];
    for (let epoch = 0; epoch < 2; epoch++) for await (const { label, noise } of loader) seen.push([list(label), list(noise.flatten())]);
    const expected: [number[], number[]][] = [
      [
        [6, 7, 1],
        [0.7821398973464966, 0.053598999977111816, 0.9887869358062744],
      ],
      [
        [4, 2, 0],
        [0.6938178539276123, 0.29795897006988525, 0.1668546199798584],
      ],
      [
        [9, 8, 3],
        [0.1948593258857727, 0.5241790413856506, 0.19871777296066284],
      ],
      [[5], [0.2847197651863098]],
      [
        [2, 4, 7],
        [0.7514271140098572, 0.5173729062080383, 0.8544216752052307],
      ],
      [
        [0, 8, 9],
        [0.1679295301437378, 0.6140713095664978, 0.1337870955467224],
      ],
      [
        [5, 3, 6],
        [0.2774844765663147, 0.8012884259223938, 0.7869285345077515],
      ],
      [[1], [0.5165135860443115]],
    ];
    expect(seen).toEqual(expected);
  });

  it("shares batches out in turn and carries tensors of nested samples", async () => {
    const workers: number[][] = [];
    for await (const { row, label, worker } of loaderOf({ length: 7 }, { batchSize: 2 })) {
      workers.push(list(worker));
      expect(row.dtype).toBe("float32");
      expect(await row.tolist()).toEqual(list(label).map((i) => [i, 10 * i]));
    }
    expect(workers).toEqual([[0, 0], [1, 1], [0, 0], [1]]);
    expect(getWorkerInfo()).toBeNull();
  });

  it("takes the samples of a subset from the dataset under it", async () => {
    const workerData = { length: 20 };
    const half = new Subset(new Subset(new Rows(workerData), [1, 3, 5, 7, 9, 11]), [5, 4, 0]);
    const loader = new DataLoader<never, Batch>(half as never, { batchSize: 2, numWorkers: 2, worker: rows, workerData });
    expect(await labels(loader)).toEqual([[11, 9], [1]]);
  });

  it("hands the samples to a collate function of the loader", async () => {
    const loader = new DataLoader(new Rows({ length: 3 }), {
      batchSize: 2,
      numWorkers: 1,
      worker: rows,
      workerData: { length: 3 },
      collate: (items) => items.map(({ label }) => label),
    });
    const seen: number[][] = [];
    for await (const batch of loader) seen.push(batch);
    expect(seen).toEqual([[0, 1], [2]]);
  });

  it("yields samples as they are without a batch size", async () => {
    const seen: unknown[] = [];
    for await (const { label } of loaderOf({ length: 3 }, { batchSize: null })) seen.push(label);
    expect(seen).toEqual([0, 1, 2]);
  });

  it("goes on where a state says", async () => {
    manualSeed(3);
    const loader = loaderOf({ length: 8 }, { batchSize: 2, shuffle: true });
    const all: number[][] = [];
    let state: DataLoaderState | undefined;
    for await (const { label } of loader) {
      all.push(list(label));
      if (all.length === 2) state = loader.stateDict();
    }
    manualSeed(99);
    const resumed = loaderOf({ length: 8 }, { batchSize: 2, shuffle: true });
    resumed.loadStateDict(state as DataLoaderState);
    expect(await labels(resumed)).toEqual(all.slice(2));
  });

  it("keeps its workers for the next epoch when they are persistent", async () => {
    const loader = loaderOf({ length: 4 }, { persistentWorkers: true });
    const served = async (): Promise<number[]> => {
      const seen: number[] = [];
      for await (const batch of loader) seen.push(...list(batch.served));
      return seen;
    };
    expect(await served()).toEqual([1, 1, 2, 2]);
    expect(await served()).toEqual([3, 3, 4, 4]);
    for await (const _ of loader) break;
    // What was asked ahead for the loop that was left is made, and dropped.
    expect((await served()).every((n) => n > 4)).toBe(true);
    loader.close();
    expect(await served()).toEqual([1, 1, 2, 2]);
    loader.close();
  });
});

describe("streams with workers", () => {
  const streamed = async (starts: number[], ends: number[], options: object = {}): Promise<{ numbers: number[]; greeting: string }[]> => {
    const ranges = [starts, ends] as const;
    const loader = new DataLoader<never, { numbers: number[]; greeting: string }>(new Ranges(ranges) as never, {
      batchSize: 2,
      numWorkers: 3,
      worker: stream,
      workerData: ranges,
      ...options,
    });
    const seen = [];
    for await (const batch of loader) seen.push(batch);
    return seen;
  };

  it("come in PyTorch's order when they end at different times", async () => {
    const seen = await streamed([0, 10, 10], [2, 15, 20]);
    const expected = [[0, 1], [10, 11], [10, 11], [12, 13], [12, 13], [14], [14, 15], [16, 17], [18, 19]];
    expect(seen.map(({ numbers }) => numbers)).toEqual(expected);
    const dropped = await streamed([0, 10, 10], [2, 15, 20], { dropLast: true });
    expect(dropped.map(({ numbers }) => numbers)).toEqual(expected.filter(({ length }) => length === 2));
  });

  it("know their worker, and workerInit runs once in each", async () => {
    const seen = await streamed([0, 3, 5], [2, 5, 6]);
    expect(seen.map(({ greeting }) => greeting)).toEqual(["0 of 3 has 2", "1 of 3 has 5", "2 of 3 has 6"]);
  });
});

describe("a worker that fails", () => {
  it("reports an error of the dataset with the worker's stack, when its turn comes", async () => {
    const seen: number[] = [];
    const loader = loaderOf({ length: 10, fault: "throw" });
    const error = await failure(
      (async () => {
        for await (const { label } of loader) seen.push(...list(label));
      })(),
    );
    expect(seen).toEqual([0, 1, 2, 3, 4]);
    expect(error.message).toContain("caught RangeError in worker 1: sample 5 is damaged\nStack in the worker:\nRangeError: sample 5");
    expect(error.workerStack).toMatch(/at .*getItem/);
    expect(error.worker).toBe(1);
  });

  it("is reported when it is killed", async () => {
    const error = await failure(labels(loaderOf({ length: 10, fault: "exit" })));
    expect(error.message).toBe("DataLoader: worker 1 exited unexpectedly with code 3");
  });

  it("is reported when its dataset cannot be made", async () => {
    const loader = new DataLoader(new Rows({ length: 1 }), { numWorkers: 1, worker: rows, workerData: { length: -1 } });
    const work = (async () => {
      for await (const _ of loader);
    })();
    expect((await failure(work)).message).toContain("caught RangeError in worker 0: no such dataset");
  });

  it("is reported when its module cannot be found, or serves nothing", async () => {
    const missing = failure(labels(loaderOf({ length: 1 }, { worker: new URL("file:///nothing/here.js") })));
    expect((await missing).message).toMatch(/worker [01] failed: .*Cannot find module/);
    const empty = failure(labels(loaderOf({ length: 1 }, { worker: new URL("data:text/javascript,0") })));
    expect((await empty).message).toMatch(/worker [01] exited unexpectedly with code 0/);
  });

  it("is reported when it makes another dataset than the loader has", async () => {
    await expect(labels(loaderOf({ length: 4 }, { workerData: { length: 3 } }))).rejects.toThrow(
      /expected worker [01] to make a Dataset of 4 samples, as the loader has, got a Dataset of 3 samples/,
    );
  });

  it("is waited for no longer than the timeout", async () => {
    const loader = loaderOf({ length: 10, fault: "hang" }, { timeout: 4 });
    const error = await failure(labels(loader));
    expect(error.message).toContain("DataLoader timed out after 4 seconds in worker 1");
  });
});

describe("a loop over workers", () => {
  it("ends with the signal's reason while it waits", async () => {
    const controller = new AbortController();
    const loader = loaderOf({ length: 10, fault: "hang" }, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error("enough")), 1_500);
    await expect(labels(loader)).rejects.toThrow("enough");
  });

  it("may be left early", async () => {
    for await (const { label } of loaderOf({ length: 1000 })) if (list(label)[0] === 3) break;
    expect(await labels(loaderOf({ length: 2 }))).toEqual([[0], [1]]);
  });
});

describe("options of workers", () => {
  it.each([
    [{ numWorkers: -1 }, "numWorkers option should be a non-negative integer"],
    [{ numWorkers: 2 }, "numWorkers > 0 needs the option worker"],
    [{ prefetchFactor: 2 }, "prefetchFactor option could only be specified with workers"],
    [{ persistentWorkers: true }, "persistentWorkers option needs numWorkers > 0"],
    [{ timeout: -1 }, "timeout option should be non-negative"],
    [{ numWorkers: 1, worker: rows, prefetchFactor: 0 }, "prefetchFactor option should be a positive integer"],
  ])("refuse wrong ones: %#", (options, message) => {
    expect(() => new DataLoader(new Rows({ length: 1 }), options)).toThrow(message);
  });
});
