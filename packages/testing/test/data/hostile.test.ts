import "@sconce/backend-cpu";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { FormatError, ones, ShapeError, type Tensor, tensor, ValueError } from "@sconce/core";
import { DataLoader, Dataset, defaultCollate, IterableDataset, MNIST, randomSplit, TensorDataset } from "@sconce/data";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

class Stream extends IterableDataset<number> {
  closed = 0;

  async *[Symbol.asyncIterator](): AsyncGenerator<number> {
    try {
      for (let i = 0; i < 6; i++) yield i;
    } finally {
      this.closed++;
    }
  }
}

class Broken extends Dataset<number> {
  readonly length = 4;

  getItem(index: number): number {
    if (index === 2) throw new RangeError("sample 2 is gone");
    return index;
  }
}

describe("a loader whose loop is left early", () => {
  it.each([undefined, "cpu" as const])("closes the stream it reads, device %s", async (device) => {
    const stream = new Stream();
    for await (const _ of new DataLoader(stream, { batchSize: 2, ...(device === undefined ? {} : { device }) })) break;
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(stream.closed).toBe(1);
  });

  it("closes the stream when it is aborted", async () => {
    const stream = new Stream();
    const stop = new AbortController();
    const loop = async (): Promise<void> => {
      for await (const _ of new DataLoader(stream, { batchSize: 2, signal: stop.signal })) stop.abort(new Error("enough"));
    };
    await expect(loop()).rejects.toThrow("enough");
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(stream.closed).toBe(1);
  });

  it("reports a dataset's own error after the batches before it", async () => {
    const seen: unknown[] = [];
    const loop = async (): Promise<void> => {
      for await (const batch of new DataLoader(new Broken(), { batchSize: 2, device: "cpu" })) seen.push((batch as Tensor).tolistSync());
    };
    await expect(loop()).rejects.toThrow("sample 2 is gone");
    expect(seen).toEqual([[0, 1]]);
  });
});

describe("options and samples that make no sense", () => {
  it.each([0, -1, 1.5, Number.NaN, "2"])("a batch size of %s is refused for datasets of both kinds", (batchSize) => {
    for (const dataset of [new Broken(), new Stream()]) {
      expect(() => new DataLoader(dataset as Dataset<number>, { batchSize: batchSize as number })).toThrow(
        /batchSize should be a positive integer/,
      );
    }
  });

  it("what is no dataset is refused", () => {
    for (const no of [undefined, [1, 2, 3], {}]) expect(() => new DataLoader(no as never)).toThrow(ValueError);
  });

  it("integers beyond int32 are collated as int64, not wrapped", () => {
    const batch = defaultCollate([2 ** 40, 1]);
    expect(batch.dtype).toBe("int64");
    expect(batch.tolistSync()).toEqual([2 ** 40, 1]);
    expect(defaultCollate([-(2 ** 31), 2 ** 31 - 1]).dtype).toBe("int32");
  });

  it("samples of different kinds are refused", () => {
    expect(() => defaultCollate<unknown>([[1, 2], null])).toThrow(ShapeError);
    expect(() => defaultCollate<unknown>([{ a: 1 }, null])).toThrow(ValueError);
    expect(() => defaultCollate<unknown>([{ a: 1 }, 3])).toThrow(ValueError);
  });

  it("splits have no negative or broken lengths, tensors of samples have a dimension", () => {
    const dataset = new TensorDataset(ones(3));
    expect(() => randomSplit(dataset, [4, -1])).toThrow(ValueError);
    expect(() => randomSplit(dataset, [1.5, 1.5])).toThrow(ValueError);
    expect(() => randomSplit(dataset, [Number.NaN])).toThrow(ValueError);
    expect(() => new TensorDataset(tensor(3))).toThrow(ShapeError);
  });
});

describe("damaged MNIST files", () => {
  let root: string;
  const header = (...words: number[]): Buffer => {
    const bytes = Buffer.alloc(4 * words.length);
    words.forEach((word, i) => {
      bytes.writeUInt32BE(word, 4 * i);
    });
    return bytes;
  };
  const images = Buffer.concat([header(0x803, 2, 28, 28), Buffer.alloc(2 * 784, 7)]);
  const labels = Buffer.concat([header(0x801, 2), Buffer.from([3, 9])]);

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "mnist-"));
    await writeFile(join(root, "t10k-images-idx3-ubyte"), images);
  });
  afterEach(() => rm(root, { recursive: true }));

  const loadWith = async (bytes: Buffer): Promise<MNIST> => {
    await writeFile(join(root, "t10k-labels-idx1-ubyte"), bytes);
    return MNIST.load({ root, train: false });
  };

  it("whole files load, gzipped too", async () => {
    expect((await loadWith(labels)).length).toBe(2);
    expect((await loadWith(gzipSync(labels))).length).toBe(2);
  });

  it.each([
    ["cut short", labels.subarray(0, 9)],
    ["empty", Buffer.alloc(0)],
    ["text", Buffer.from("hello, world")],
    ["gzip cut short", gzipSync(labels).subarray(0, 20)],
  ])("%s: one error that names the file", async (_, bytes) => {
    const error = await loadWith(bytes).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as Error).message).toContain("t10k-labels-idx1-ubyte");
  });

  it.each([
    ["images in the place of labels", images],
    ["a label of 10", Buffer.concat([header(0x801, 2), Buffer.from([3, 10])])],
    ["fewer labels than images", Buffer.concat([header(0x801, 1), Buffer.from([3])])],
  ])("%s are refused", async (_, bytes) => {
    await expect(loadWith(bytes)).rejects.toThrow(ValueError);
  });

  it.each([0, -1, 1.5, Number.NaN])("a limit of %s is refused", async (limit) => {
    await writeFile(join(root, "t10k-labels-idx1-ubyte"), labels);
    await expect(MNIST.load({ root, train: false, limit })).rejects.toThrow(ValueError);
  });
});
