import "@sconce/backend-cpu";
import "@sconce/autograd";
import { getRngState, manualSeed, ones, type Tensor, zeros } from "@sconce/core";
import * as nn from "@sconce/nn";
import { describe, expect, it } from "vitest";

class Net extends nn.Module {
  features = new nn.Sequential(new nn.Conv2d(3, 8, 3), new nn.BatchNorm2d(8), new nn.ReLU(), new nn.MaxPool2d(2));
  act = new nn.ReLU();
  head = new nn.Linear(8 * 15 * 15, 10);

  forward(x: Tensor): Tensor {
    return this.head(this.act(this.act(this.features(x)).flatten(1)));
  }
}

describe("summary", () => {
  it("prints the table of a model", () => {
    expect(nn.summary(new Net(), [2, 3, 32, 32]).toString()).toBe(
      `
=============================================================
Layer (type:depth-idx)   Output Shape    Param #  Mult-Adds
=============================================================
Net                      [2, 10]         18,250   --
├─Sequential: 1-1        [2, 8, 15, 15]  240      --
│    ├─Conv2d: 2-1       [2, 8, 30, 30]  224      403,200
│    ├─BatchNorm2d: 2-2  [2, 8, 30, 30]  16       32
│    ├─ReLU: 2-3         [2, 8, 30, 30]  --       --
│    └─MaxPool2d: 2-4    [2, 8, 15, 15]  --       --
├─ReLU: 1-2              [2, 8, 15, 15]  --       --
├─ReLU: 1-3              [2, 1800]       --       --
└─Linear: 1-4            [2, 10]         18,010   36,020
=============================================================
Total params: 18,250
Trainable params: 18,250
Non-trainable params: 0
Total mult-adds (k): 439.25
=============================================================
Input size (MB): 0.02
Forward/backward pass size (MB): 0.43
Params size (MB): 0.07
Estimated Total Size (MB): 0.53
=============================================================`.slice(1),
    );
  });

  it("leaves modes, statistics and random numbers as they were", () => {
    manualSeed(0);
    const net = new Net();
    net.act.eval();
    const [state, before] = [net.features.stateDict()["1.running_mean"].clone(), getRngState()];
    nn.summary(net, [2, 3, 32, 32]);
    expect(getRngState()).toEqual(before);
    expect([net.training, net.features.training, net.act.training]).toEqual([true, true, false]);
    expect(net.features.stateDict()["1.running_mean"].sub(state).abs().sum().itemSync()).toBe(0);
  });

  it("takes data, depths and columns", () => {
    const tokens = new nn.Sequential(new nn.Embedding(10, 4), new nn.Linear(4, 2));
    const found = nn.summary(tokens, null, {
      inputData: [zeros([3, 5], { dtype: "int32" })],
      columns: ["inputSize", "trainable"],
      depth: 1,
    });
    expect(found.layers.map(({ className, depth }) => [className, depth])).toEqual([
      ["Sequential", 0],
      ["Embedding", 1],
      ["Linear", 1],
    ]);
    expect(found.layers[2].multAdds).toBe(3 * 5 * (4 * 2 + 2));
    expect(found.toString()).toContain("└─Linear: 1-2           [3, 5, 4]    True");
    expect(nn.summary(tokens, [[3, 5]], { dtypes: ["int32"], depth: 0 }).toString()).not.toContain("Linear");
  });

  it("counts shared and frozen parameters once", () => {
    const shared = new nn.Linear(4, 4);
    shared.bias?.markTrainable(false);
    const found = nn.summary(new nn.Sequential(shared, shared), [1, 4]);
    expect([found.totalParams, found.trainableParams, found.totalMultAdds]).toEqual([20, 16, 40]);
    expect(found.toString()).toContain("(recursive)");
    expect(found.toString()).toContain("Non-trainable params: 4");
  });

  it("multiplies at every place of the input of a transposed convolution", () => {
    const [layer] = nn
      .summary(new nn.Sequential(new nn.ConvTranspose2d(3, 2, 2, { stride: 2, bias: false })), [1, 3, 4, 4])
      .layers.slice(1);
    expect([layer.multAdds, layer.kernelSize]).toEqual([3 * 2 * 4 * 16, [2, 2]]);
  });

  it("initialises lazy layers and takes several inputs", () => {
    const net = new nn.Bilinear(2, 3, 4);
    expect(
      nn.summary(net, [
        [1, 2],
        [1, 3],
      ]).totalParams,
    ).toBe(28);
    expect(nn.summary(new nn.Sequential(new nn.LazyLinear(3)), [1, 2]).totalParams).toBe(9);
    expect(() => nn.summary(net)).toThrow("summary: expected the size of the input, or inputData");
    expect(nn.summary(new nn.ReLU(), null, { inputData: [ones(1)] }).totalParams).toBe(0);
  });
});
