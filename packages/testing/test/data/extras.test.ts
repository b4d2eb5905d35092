import { pad } from "@sconce/core/nn";
import "@sconce/backend-cpu";
import { arange, manualSeed, rand, randint, type Tensor, tensor } from "@sconce/core";
import {
  ChainDataset,
  Dataset,
  DistributedSampler,
  IterableDataset,
  MapDataset,
  StackDataset,
  TensorDataset,
  transforms,
} from "@sconce/data";
import { describe, expect, it } from "vitest";

class Squares extends Dataset<number> {
  readonly length: number;

  constructor(length: number) {
    super();
    this.length = length;
  }

  override getItem(index: number): number {
    return index ** 2;
  }
}

class Letters extends IterableDataset<string> {
  readonly text: string;

  constructor(text: string) {
    super();
    this.text = text;
  }

  override async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    yield* this.text;
  }
}

describe("DistributedSampler", () => {
  // Orders of epochs 0 and 1 by PyTorch 1.13.
  it.each([
    [{ numReplicas: 3, rank: 0 }, [4, 5, 0, 2], [5, 2, 9, 4]],
    [{ numReplicas: 3, rank: 1 }, [1, 3, 8, 4], [6, 0, 3, 5]],
    [{ numReplicas: 3, rank: 2, dropLast: true }, [7, 9, 6], [1, 8, 7]],
    [{ numReplicas: 3, rank: 1, shuffle: false }, [1, 4, 7, 0], [1, 4, 7, 0]],
    [{ numReplicas: 4, rank: 3, seed: 7 }, [4, 6, 0], [1, 7, 5]],
  ])("gives the share that PyTorch gives for %o", (options, first, second) => {
    const sampler = new DistributedSampler({ length: 10 }, options);
    expect(sampler.length).toBe(first.length);
    expect([...sampler]).toEqual(first);
    sampler.setEpoch(1);
    expect([...sampler]).toEqual(second);
  });

  it("starts again for more processes than samples", () => {
    expect([...new DistributedSampler({ length: 2 }, { numReplicas: 5, rank: 4 })]).toEqual([0]);
  });

  it("refuses a rank that there is not", () => {
    expect(() => new DistributedSampler({ length: 2 }, { numReplicas: 2, rank: 2 })).toThrow(
      "Invalid rank 2, rank should be in the interval [0, 1]",
    );
  });
});

describe("datasets of datasets", () => {
  it("stacks them as arrays and objects", async () => {
    const rows = new TensorDataset(arange(3));
    expect(await new StackDataset([new Squares(3), new Squares(3)] as const).getItem(2)).toEqual([4, 4]);
    const { n, row } = await new StackDataset({ n: new Squares(3), row: rows }).getItem(1);
    expect([n, row[0].itemSync()]).toEqual([1, 1]);
    expect(() => new StackDataset([new Squares(3), new Squares(2)])).toThrow("Size mismatch between datasets, got lengths 3, 2");
    expect(() => new StackDataset([])).toThrow("At least one dataset should be passed");
  });

  it("chains streams", async () => {
    const seen: string[] = [];
    for await (const c of new ChainDataset([new Letters("ab"), new Letters("c")])) seen.push(c);
    expect(seen).toEqual(["a", "b", "c"]);
  });

  it("maps samples", async () => {
    const dataset = new MapDataset(new Squares(4), async (x) => `${x}`);
    expect([dataset.length, await dataset.getItem(3)]).toEqual([4, "9"]);
  });
});

const image = (): Tensor => arange(24).float().view([2, 3, 4]);

describe("transforms", () => {
  it("normalise each channel", () => {
    const out = transforms.normalize([1, 12], [2, 4])(image());
    expect([out.at(0, 0, 3).itemSync(), out.at(1, 0, 0).itemSync(), out.at(1, 2, 3).itemSync()]).toEqual([1, 0, 2.75]);
    expect(() => transforms.normalize([1, 2, 3], [1, 1, 1])(image())).toThrow("normalize: expected an image [..., 3, H, W], got [2, 3, 4]");
    expect(() => transforms.normalize([0], [0])).toThrow("std evaluated to zero");
  });

  it("flip with their probability, drawing as torchvision does", () => {
    manualSeed(0);
    const draws = [
      ...(rand([1]).tolistSync() as number[]),
      ...(rand([1]).tolistSync() as number[]),
      ...(rand([1]).tolistSync() as number[]),
    ];
    manualSeed(0);
    const flip = transforms.randomHorizontalFlip();
    const flipped = draws.map(() => flip(image()).at(0, 0, 0).itemSync() === 3);
    expect(flipped).toEqual(draws.map((x) => x < 0.5));
    expect(new Set(flipped).size).toBe(2);
    expect(transforms.randomVerticalFlip({ p: 1 })(image()).at(0, 0, 0).itemSync()).toBe(8);
    expect(transforms.randomVerticalFlip({ p: 0 })(image()).at(0, 0, 0).itemSync()).toBe(0);
    expect(() => transforms.randomHorizontalFlip({ p: 2 })).toThrow("expected p between 0 and 1, got 2");
  });

  it("crop at random places of the padded image", () => {
    manualSeed(2);
    const [top, left] = [randint(0, 4, [1]).itemSync(), randint(0, 5, [1]).itemSync()];
    manualSeed(2);
    const out = transforms.randomCrop([2, 2], { padding: 1, fill: -1 })(image());
    const padded = pad(image(), [1, 1, 1, 1], { value: -1 });
    expect(out.shape).toEqual([2, 2, 2]);
    expect(out.equalSync(padded.at(":", `${top}:${top + 2}`, `${left}:${left + 2}`))).toBe(true);
    expect(() => transforms.randomCrop(4)(image())).toThrow("Required crop size [4, 4] is larger than input image size [2, 3, 4]");
  });

  it("draw nothing for a crop of the whole image", () => {
    manualSeed(2);
    const next = rand([1]).itemSync();
    manualSeed(2);
    expect(transforms.randomCrop([3, 4])(image()).shape).toEqual([2, 3, 4]);
    expect(rand([1]).itemSync()).toBe(next);
  });

  it("cut out the middle", () => {
    expect(transforms.centerCrop([1, 2])(image()).tolistSync()).toEqual([[[5, 6]], [[17, 18]]]);
  });

  it("make one-hot vectors", () => {
    expect(transforms.oneHot(3)(1).tolistSync()).toEqual([0, 1, 0]);
    expect(
      transforms
        .oneHot(2, { dtype: "int32" })([1, 0])
        .equalSync(
          tensor(
            [
              [0, 1],
              [1, 0],
            ],
            { dtype: "int32" },
          ),
        ),
    ).toBe(true);
    expect(() => transforms.oneHot(2)(2)).toThrow("got 2 of 2 classes");
  });

  it("follow each other", () => {
    const transform = transforms.compose(
      transforms.centerCrop(1),
      (x: Tensor) => x.sum().itemSync(),
      (n: number) => `${n}`,
    );
    expect(transform(image())).toBe("24");
  });
});
