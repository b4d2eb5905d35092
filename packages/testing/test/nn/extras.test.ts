import "@sconce/backend-cpu";
import "@sconce/autograd";
import { arange, manualSeed, rand, type Tensor, tensor } from "@sconce/core";
import * as nn from "@sconce/nn";
import { swaUtils } from "@sconce/optim";
import { describe, expect, it } from "vitest";

const F = nn.functional;
const list = (x: Tensor): number[] => [...(x.flatten().dataSync() as Float32Array)];

describe("fractional max pooling", () => {
  it("draws PyTorch's windows for the same seed", () => {
    manualSeed(0);
    const x = arange(0, 36).view([1, 6, 6]).float();
    expect(list(F.fractionalMaxPool2d(x, 2, { outputRatio: 0.5 }))).toEqual([7, 9, 11, 19, 21, 23, 31, 33, 35]);
  });

  it("passes gradients to the maxima, and gives their positions", () => {
    const x = rand(2, 3, 7, 7, { requiresGrad: true });
    const layer = new nn.FractionalMaxPool2d(2, { outputSize: [3, 4], returnIndices: true });
    const { values, indices } = layer(x);
    expect([values.shape, indices.dtype]).toEqual([[2, 3, 3, 4], "int32"]);
    expect(list(x.detach().flatten(2).gather(2, indices.flatten(2)))).toEqual(list(values.detach()));
    values.sum().backward();
    expect(x.grad?.sum().itemSync()).toBeCloseTo(2 * 3 * 12, 4);
  });

  it("refuses sizes that make no sense", () => {
    const x = rand(1, 1, 4, 4);
    expect(() => new nn.FractionalMaxPool2d(2, {})).toThrow("requires specifying either an output size or an output ratio");
    expect(() => new nn.FractionalMaxPool3d(2, { outputRatio: 1.5 })).toThrow("output_ratio must be between 0 and 1 (got 1.5)");
    expect(() => F.fractionalMaxPool2d(x, 2, { outputSize: 4 })).toThrow(
      "pool size (2) too large relative to input of size 4 for an output of 4",
    );
    expect(() => F.fractionalMaxPool3d(rand(2, 2), 2, { outputSize: 1 })).toThrow("Expected 4D or 5D tensor, but got: [2, 2]");
  });
});

describe("functions beside them", () => {
  it("pdist gives the distances of pairs", () => {
    const x = tensor([
      [0, 0],
      [3, 4],
      [0, 1],
    ]);
    list(F.pdist(x)).forEach((d, i) => expect(d).toBeCloseTo([5, 1, 4.242640495300293][i], 5));
    expect(list(F.pdist(x, 1))).toEqual([7, 1, 6]);
    expect(() => F.pdist(tensor([1]))).toThrow("pdist: only supports 2D tensors, got [1]");
  });

  it("lpPool3d gives PyTorch's values", () => {
    const x = arange(0, 64).view([1, 1, 4, 4, 4]).float();
    const expected = [
      37.78888702392578, 42.379241943359375, 57.30619430541992, 62.513999938964844, 122.4581527709961, 128.015625, 144.73423767089844,
      150.3196563720703,
    ];
    list(new nn.LPPool3d(2, 2)(x)).forEach((v, i) => expect(v).toBeCloseTo(expected[i], 4));
  });

  it("CrossMapLRN2d takes the channels on both sides", () => {
    const x = rand(1, 6, 1, 1);
    const y = list(new nn.CrossMapLRN2d(3, { alpha: 0.3, beta: 0.5, k: 2 })(x));
    const v = list(x);
    const window = (c: number): number => (v[c - 1] ?? 0) ** 2 + v[c] ** 2 + (v[c + 1] ?? 0) ** 2;
    v.forEach((value, c) => expect(y[c]).toBeCloseTo(value / Math.sqrt(2 + 0.1 * window(c)), 5));
  });
});

describe("binaryCrossEntropy", () => {
  it("refuses inputs outside of [0, 1], in PyTorch's words", () => {
    const loss = new nn.BCELoss();
    expect(() => loss(tensor([0.5, 1.1]), tensor([0, 1]))).toThrow("all elements of input should be between 0 and 1");
    expect(() => loss(tensor([Number.NaN]), tensor([1]))).toThrow("all elements of input should be between 0 and 1");
    expect(loss(tensor([0, 1]), tensor([0, 1])).itemSync()).toBe(0);
  });
});

describe("a module that contains itself", () => {
  class Loop extends nn.Module {
    inner = new nn.Linear(1, 1);
    self: nn.Module | null = null;

    forward(x: Tensor): Tensor {
      return this.inner(x);
    }
  }

  it.each([
    ["parameters", (m: nn.Module) => m.parameters()],
    ["stateDict", (m: nn.Module) => m.stateDict()],
    ["toString", (m: nn.Module) => m.toString()],
    ["apply", (m: nn.Module) => m.apply(() => undefined)],
    ["train", (m: nn.Module) => m.train()],
  ] as const)("is named by %s", (_, call) => {
    const loop = new Loop();
    loop.self = new nn.Sequential(loop);
    expect(() => call(loop)).toThrow('Loop: the module contains itself, as "self.0"');
  });

  it("is not one that appears twice", () => {
    const shared = new nn.Linear(1, 1);
    expect(new nn.Sequential(shared, shared).parameters()).toHaveLength(2);
  });
});

describe("updateBn", () => {
  it("finds subclasses of batch normalisation by what they are, and leaves instance normalisation alone", async () => {
    class InstanceNormLikeName extends nn.BatchNorm1d {}
    const net = new nn.Sequential(new InstanceNormLikeName(2), new nn.InstanceNorm1d(2, { trackRunningStats: true }));
    const before = list((net.at(1) as nn.InstanceNorm1d).runningMean as Tensor);
    await swaUtils.updateBn(
      [
        tensor([
          [
            [1, 3],
            [5, 7],
          ],
        ]),
      ],
      net as never,
    );
    expect(list((net.at(0) as nn.BatchNorm1d).runningMean as Tensor)).toEqual([2, 6]);
    expect((net.at(1) as nn.InstanceNorm1d).momentum).toBe(0.1);
    expect(before).toEqual([0, 0]);
  });
});
