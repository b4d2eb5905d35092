import "@sconce/backend-cpu";
import "@sconce/autograd";
import { arange, manualSeed, ones, randn, type Tensor } from "@sconce/core";
import * as nn from "@sconce/nn";
import { SGD } from "@sconce/optim";
import { describe, expect, it } from "vitest";

const model = (): nn.Sequential =>
  new nn.Sequential(new nn.LazyConv2d(4, 3), new nn.LazyBatchNorm2d(), new nn.ReLU(), new nn.Flatten(), new nn.LazyLinear(2));

const input = (): Tensor => arange(0, 150).view([2, 3, 5, 5]).div(100);

describe("lazy layers", () => {
  it("give PyTorch's numbers for the same seed, and become plain ones", () => {
    manualSeed(3);
    const net = model();
    expect(net.toString()).toBe(
      "Sequential(\n  (0): LazyConv2d(0, 4, kernel_size=(3, 3), stride=(1, 1))\n  (1): LazyBatchNorm2d(0, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)\n" +
        "  (2): ReLU()\n  (3): Flatten(start_dim=1, end_dim=-1)\n  (4): LazyLinear(in_features=0, out_features=2, bias=True)\n)",
    );
    const y = net(input()) as Tensor;
    const expected = [-1.0670355558395386, 0.9345663785934448, 0.11223222315311432, -0.030088037252426147];
    [...(y.flatten().dataSync() as Float32Array)].forEach((v, i) => expect(v).toBeCloseTo(expected[i], 5));
    expect(net.toString()).toContain("(0): Conv2d(3, 4, kernel_size=(3, 3), stride=(1, 1))\n  (1): BatchNorm2d(4, eps=1e-05");
    expect(net.toString()).toContain("(4): Linear(in_features=36, out_features=2, bias=True)");
    expect(net.at(4)).toBeInstanceOf(nn.Linear);
    expect(net.at(4)).not.toBeInstanceOf(nn.LazyLinear);
  });

  it("keep their parameters, so that an optimizer made before the first input trains them", () => {
    const net = new nn.LazyLinear(2);
    const { weight } = net;
    expect(nn.isLazy(weight)).toBe(true);
    expect(() => weight.shape).toThrow("Can't access the shape of an uninitialized parameter or buffer");
    const optimizer = new SGD(net.parameters(), { lr: 0.1 });
    const loss = net(ones(1, 3)).sum();
    expect(net.weight).toBe(weight);
    expect(nn.isLazy(weight)).toBe(false);
    const before = weight.detach().clone();
    loss.backward();
    optimizer.step();
    expect(before.sub(weight.detach()).isclose(ones(2, 3).mul(0.1), { rtol: 1e-4 }).all().itemSync()).toBe(1);
  });

  it("take their sizes from a state", () => {
    const trained = model();
    trained(input());
    const fresh = model();
    fresh.loadStateDict(trained.stateDict());
    expect(fresh.toString()).toBe(trained.toString());
    expect(fresh.eval()(input()).sub(trained.eval()(input())).abs().max().itemSync()).toBe(0);
  });

  it.each([
    ["LazyConv1d", () => new nn.LazyConv1d(4, 2, { groups: 2 }), [2, 6, 5], [4, 3, 2]],
    ["LazyConv1d without a batch", () => new nn.LazyConv1d(4, 2), [6, 5], [4, 6, 2]],
    ["LazyConv3d", () => new nn.LazyConv3d(4, 2), [1, 3, 4, 4, 4], [4, 3, 2, 2, 2]],
    ["LazyConvTranspose1d", () => new nn.LazyConvTranspose1d(4, 3, { groups: 2 }), [6, 5], [6, 2, 3]],
    ["LazyConvTranspose2d", () => new nn.LazyConvTranspose2d(4, 3), [1, 6, 5, 5], [6, 4, 3, 3]],
    ["LazyConvTranspose3d", () => new nn.LazyConvTranspose3d(4, 2), [1, 6, 3, 3, 3], [6, 4, 2, 2, 2]],
    ["LazyBatchNorm1d", () => new nn.LazyBatchNorm1d(), [3, 7], [7]],
    ["LazyBatchNorm3d", () => new nn.LazyBatchNorm3d(), [2, 7, 2, 2, 2], [7]],
    ["LazyInstanceNorm1d", () => new nn.LazyInstanceNorm1d({ affine: true }), [7, 4], [7]],
    ["LazyInstanceNorm2d", () => new nn.LazyInstanceNorm2d({ affine: true, trackRunningStats: true }), [2, 7, 4, 4], [7]],
    ["LazyInstanceNorm3d", () => new nn.LazyInstanceNorm3d({ affine: true }), [2, 7, 2, 2, 2], [7]],
  ] as [string, () => nn.Module & { weight: Tensor | null }, number[], number[]][])("%s finds its size", (name, make, shape, weight) => {
    const layer = make();
    layer(randn(shape));
    expect(layer.weight?.shape).toEqual(weight);
    expect(layer.constructor.name).toBe(name.split(" ")[0].replace("Lazy", ""));
    expect(Object.values(layer.stateDict()).some(nn.isLazy)).toBe(false);
  });

  it("draw PyTorch's weights for groups", () => {
    manualSeed(1);
    expect(new nn.LazyConvTranspose1d(4, 3, { groups: 2 })(ones(6, 5)).sum().itemSync()).toBeCloseTo(2.480935573577881, 4);
  });

  it("refuse an input of another rank, and channels that the groups do not divide", () => {
    expect(() => new nn.LazyConv2d(1, 2)(ones(2, 2))).toThrow(
      "LazyConv2d: Expected 3D (unbatched) or 4D (batched) input, but got input of size: [2, 2]",
    );
    expect(() => new nn.LazyConv1d(2, 2, { groups: 2 })(ones(3, 4))).toThrow("in_channels must be divisible by groups, got 3 and 2");
  });

  it("move to another dtype before their first input", () => {
    const layer = new nn.LazyLinear(2).to("float64");
    expect(layer(ones([1, 3], { dtype: "float64" })).dtype).toBe("float64");
  });
});
