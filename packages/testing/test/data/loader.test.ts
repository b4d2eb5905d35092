import "@sconce/backend-cpu";
import { arange, Generator, manualSeed, memory, multinomial, rand, randn, type Tensor, tensor } from "@sconce/core";
import {
  BatchSampler,
  ConcatDataset,
  DataLoader,
  Dataset,
  defaultCollate,
  IterableDataset,
  RandomSampler,
  randomSplit,
  SequentialSampler,
  Subset,
  SubsetRandomSampler,
  TensorDataset,
  WeightedRandomSampler,
} from "@sconce/data";
import { describe, expect, it } from "vitest";
import { expectTensor, type GoldenTensor, goldenData, readCases } from "../../src/index.js";

interface LoaderCase {
  readonly id: string;
  readonly x: GoldenTensor;
  readonly y: GoldenTensor;
  readonly batch_size: number;
  readonly drop_last: boolean;
  readonly shuffle: boolean;
  readonly len: number;
  readonly batches: readonly (readonly [GoldenTensor, GoldenTensor])[];
}

interface SamplerCase {
  readonly id: string;
  readonly kind: string;
  readonly n: number;
  readonly batch_size: number;
  readonly drop_last: boolean;
  readonly len: number;
  readonly lengths: readonly number[];
  readonly out: readonly unknown[];
}

class Numbers extends Dataset<number> {
  readonly length: number;

  constructor(length: number) {
    super();
    this.length = length;
  }

  getItem(index: number): number {
    return index;
  }
}

class Stream extends IterableDataset<number> {
  async *[Symbol.asyncIterator](): AsyncGenerator<number> {
    for (let i = 0; i < 5; i++) yield i;
  }
}

function load({ shape, ...golden }: GoldenTensor): Tensor {
  return tensor(goldenData({ shape, ...golden })).view([...shape]);
}

async function lists(loader: AsyncIterable<Tensor>): Promise<number[][]> {
  const out: number[][] = [];
  for await (const batch of loader) out.push(Array.from(await batch.data(), Number));
  return out;
}

describe("DataLoader", () => {
  it("yields PyTorch's batches", async () => {
    for (const c of await readCases<LoaderCase>("data", "loader")) {
      expect(c.shuffle).toBe(false);
      const loader = new DataLoader(new TensorDataset(load(c.x), load(c.y)), { batchSize: c.batch_size, dropLast: c.drop_last });
      expect(loader.length, c.id).toBe(c.len);
      let i = 0;
      for await (const [x, y] of loader) {
        await expectTensor(x, c.batches[i][0], 0, c.id);
        await expectTensor(y, c.batches[i][1], 0, c.id);
        i++;
      }
      expect(i, c.id).toBe(c.len);
    }
  });

  it("collates samples one by one where the dataset makes no batches", async () => {
    expect(await lists(new DataLoader(new Numbers(5), { batchSize: 2 }))).toEqual([[0, 1], [2, 3], [4]]);
  });

  it("has every sample once in a shuffled epoch and another order in the next", async () => {
    manualSeed(3);
    const loader = new DataLoader(new Numbers(50), { batchSize: 7, shuffle: true });
    const first = (await lists(loader)).flat();
    const second = (await lists(loader)).flat();
    expect([...first].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(second).not.toEqual(first);
  });

  it("repeats its orders after the same seed, of the default generator or its own", async () => {
    const run = async (generator?: Generator): Promise<number[][]> => {
      const options = generator === undefined ? {} : { generator };
      const loader = new DataLoader(new Numbers(20), { batchSize: 20, shuffle: true, ...options });
      return [...(await lists(loader)), ...(await lists(loader))];
    };
    manualSeed(5);
    const first = await run();
    manualSeed(5);
    expect(await run()).toEqual(first);
    const own = await run(new Generator(9));
    await rand([3]).data();
    expect(await run(new Generator(9))).toEqual(own);
  });

  it("batches a stream whose end is unknown", async () => {
    expect(await lists(new DataLoader(new Stream(), { batchSize: 2 }))).toEqual([[0, 1], [2, 3], [4]]);
    expect(await lists(new DataLoader(new Stream(), { batchSize: 2, dropLast: true }))).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(() => new DataLoader(new Stream()).length).toThrow(/has no length/);
    expect(() => new DataLoader(new Stream(), { shuffle: true })).toThrow(/IterableDataset/);
  });

  it("takes a sampler, a batch sampler, a collate function, or no batches at all", async () => {
    expect(await lists(new DataLoader(new Numbers(6), { batchSize: 2, sampler: [5, 3, 1] }))).toEqual([[5, 3], [1]]);
    expect(await lists(new DataLoader(new Numbers(6), { batchSampler: [[0, 5], [2]] }))).toEqual([[0, 5], [2]]);
    const sums: number[] = [];
    const loader = new DataLoader(new Numbers(4), { batchSize: 2, collate: (items: number[]) => items.reduce((a, b) => a + b) });
    for await (const sum of loader) sums.push(sum);
    expect(sums).toEqual([1, 5]);
    const plain: unknown[] = [];
    for await (const item of new DataLoader(new Numbers(3), { batchSize: null })) plain.push(item);
    expect(plain).toEqual([0, 1, 2]);
  });

  it("refuses options that exclude each other", () => {
    const set = new Numbers(3);
    expect(() => new DataLoader(set, { sampler: [0], shuffle: true })).toThrow(/mutually exclusive with shuffle/);
    expect(() => new DataLoader(set, { batchSampler: [[0]], batchSize: 2 })).toThrow(/mutually exclusive/);
    expect(() => new DataLoader(set, { batchSize: 0 })).toThrow(/positive integer/);
    expect(() => new DataLoader(set, { batchSize: null, dropLast: true })).toThrow(/mutually exclusive with dropLast/);
  });

  it("moves batches to a device and reports a failure when its turn comes", async () => {
    class Broken extends Numbers {
      override getItem(index: number): number {
        if (index === 2) throw new Error("sample 2 is broken");
        return index;
      }
    }
    const seen: number[] = [];
    const run = async (): Promise<void> => {
      for await (const x of new DataLoader(new Broken(4), { device: "cpu" })) seen.push(await x.item());
    };
    await expect(run()).rejects.toThrow("sample 2 is broken");
    expect(seen).toEqual([0, 1]);
  });

  it("ends with the reason of its signal", async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const run = async (): Promise<void> => {
      for await (const x of new DataLoader(new Numbers(10), { signal: controller.signal })) {
        seen.push(await x.item());
        if (seen.length === 3) controller.abort(new Error("enough"));
      }
    };
    await expect(run()).rejects.toThrow("enough");
    expect(seen).toEqual([0, 1, 2]);
  });

  it("lets other tasks run between batches", async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const before = memory().bytes;
    for await (const x of new DataLoader(new TensorDataset(randn([4000, 4])), { batchSize: 4 })) expect(x[0].shape).toEqual([4, 4]);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
    expect(memory().bytes - before).toBeLessThan(2 ** 22);
  });
});

describe("samplers and splits", () => {
  it("draw in proportion to weights, as multinomial does", () => {
    const weights = [0, 1, 3, 0.5];
    const sampler = new WeightedRandomSampler(weights, 4000);
    manualSeed(5);
    const drawn = [...sampler];
    manualSeed(5);
    expect(drawn).toEqual(multinomial(tensor(weights, { dtype: "float64" }), 4000, { replacement: true }).tolistSync());
    const shares = weights.map((_, i) => drawn.filter((j) => j === i).length / 4000);
    expect(shares[0]).toBe(0);
    expect(shares[2] / shares[1]).toBeCloseTo(3, 0);
    expect([...new WeightedRandomSampler([1, 5, 2], 3, { replacement: false })].sort()).toEqual([0, 1, 2]);
    expect(() => new WeightedRandomSampler([1], 0)).toThrow(/positive integer/);
    expect(() => [...new WeightedRandomSampler([1, 1], 3, { replacement: false })]).toThrow(/without replacement/);
  });

  it("are PyTorch's", async () => {
    for (const c of await readCases<SamplerCase>("data", "samplers")) {
      if (c.kind === "batch_sampler") {
        const sampler = new BatchSampler(new SequentialSampler({ length: c.n }), c.batch_size, c.drop_last);
        expect([...sampler], c.id).toEqual(c.out);
        expect(sampler.length, c.id).toBe(c.len);
      } else {
        expect(c.kind).toBe("random_split_lengths");
        expect(
          randomSplit(new Numbers(c.n), c.lengths).map((part) => part.length),
          c.id,
        ).toEqual(c.out);
      }
    }
  });

  it("split a dataset into parts that share no sample", async () => {
    const parts = randomSplit(new Numbers(10), [7, 3], { generator: new Generator(1) });
    const all = parts.flatMap((part) => Array.from({ length: part.length }, (_, i) => part.getItem(i) as number));
    expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: 10 }, (_, i) => i));
    expect(() => randomSplit(new Numbers(10), [7, 4])).toThrow(/Sum of input lengths/);
  });

  it("draw with replacement, a number of samples, or from given positions", () => {
    manualSeed(1);
    const drawn = [...new RandomSampler({ length: 5 }, { replacement: true, numSamples: 100 })];
    expect(drawn).toHaveLength(100);
    expect(new Set(drawn)).toEqual(new Set([0, 1, 2, 3, 4]));
    expect([...new RandomSampler({ length: 5 }, { numSamples: 3 })]).toHaveLength(3);
    expect([...new SubsetRandomSampler([7, 8, 9])].sort()).toEqual([7, 8, 9]);
    expect(() => new RandomSampler({ length: 0 })).toThrow(/positive integer/);
  });
});

describe("datasets", () => {
  it("pick, join and check positions", async () => {
    const set = new TensorDataset(arange(10).float(), arange(10));
    const [x, y] = set.getItem(3);
    expect(await x.item()).toBe(3);
    expect(await y.item()).toBe(3);
    const joined = new ConcatDataset([new Subset(new Numbers(10), [4, 5]), new Numbers(2)]);
    expect(Array.from({ length: joined.length }, (_, i) => joined.getItem(i))).toEqual([4, 5, 0, 1]);
    expect(() => set.getItem(10)).toThrow(/out of range/);
    expect(() => new TensorDataset(randn([2, 1]), randn([3, 1]))).toThrow(/Size mismatch/);
  });

  it("collate nested samples as PyTorch does, integers as int32 and other numbers as float32", async () => {
    const [first, second] = defaultCollate([
      [1, tensor([1, 1])],
      [2, tensor([0, 0])],
    ] as [number, Tensor][]);
    expect([first.dtype, await first.tolist()]).toEqual(["int32", [1, 2]]);
    expect(await second.tolist()).toEqual([
      [1, 1],
      [0, 0],
    ]);
    const nested = defaultCollate([
      { a: 1, b: [1.5, 2], c: "x" },
      { a: 3, b: [3, 4], c: "y" },
    ]);
    expect(await nested.a.tolist()).toEqual([1, 3]);
    expect(await Promise.all((nested.b as unknown as Tensor[]).map((t) => t.tolist()))).toEqual([
      [1.5, 3],
      [2, 4],
    ]);
    expect(nested.c).toEqual(["x", "y"]);
    expect(defaultCollate([true, false]).dtype).toBe("bool");
    expect(defaultCollate([1n, 2n]).dtype).toBe("int64");
    expect(() => defaultCollate([[1], [1, 2]])).toThrow(/equal size/);
    expect(() => defaultCollate([new Map()])).toThrow(/collate function/);
  });
});
