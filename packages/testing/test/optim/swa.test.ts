import "@sconce/backend-cpu";
import "@sconce/autograd";
import { randn, type Tensor, tensor } from "@sconce/core";
import { BatchNorm1d, clone, InstanceNorm1d, Linear, Sequential } from "@sconce/nn";
import { swaUtils } from "@sconce/optim";
import { manualSeed, noGrad } from "sconce";
import { describe, expect, it } from "vitest";

const weightOf = (net: Linear): number[] => [...(net.weight.detach().dataSync() as Float32Array)];

/** Averages three states of a layer. */
function averageOf(states: readonly number[][], options: swaUtils.AveragedModelOptions = {}): swaUtils.AveragedModel<Linear> {
  const net = new Linear(2, 1, { bias: false });
  const averaged = new swaUtils.AveragedModel(clone(net), options);
  for (const state of states) {
    noGrad(() => net.weight.copy_(tensor([state])));
    averaged.updateParameters(net);
  }
  return averaged;
}

const STATES = [
  [1, 2],
  [3, 4],
  [8, 9],
];

describe("averages of weights", () => {
  it("are equally weighted by default", () => {
    const averaged = averageOf(STATES);
    expect(weightOf(averaged.module)).toEqual([4, 5]);
    expect(averaged.nAveraged).toBe(3);
  });

  it("can be exponential", () => {
    const averaged = averageOf(STATES, { avgFn: swaUtils.getEmaAvgFn(0.5) });
    expect(weightOf(averaged.module)).toEqual([5, 6]);
  });

  it("can take all tensors at once", () => {
    expect(weightOf(averageOf(STATES, { multiAvgFn: swaUtils.getEmaMultiAvgFn(0.5) }).module)).toEqual([5, 6]);
    expect(weightOf(averageOf(STATES, { multiAvgFn: swaUtils.getSwaMultiAvgFn() }).module)).toEqual([4, 5]);
    expect(() => swaUtils.getEmaMultiAvgFn(2)).toThrow("Invalid decay value 2 provided");
    const both = { avgFn: swaUtils.getSwaAvgFn(), multiAvgFn: swaUtils.getSwaMultiAvgFn() };
    expect(() => averageOf(STATES, both)).toThrow("Only one of avgFn and multiAvgFn should be provided");
  });

  it("refuse to average a model into itself", () => {
    const net = new Linear(2, 1);
    expect(() => new swaUtils.AveragedModel(net).updateParameters(net)).toThrow("give it nn.clone(model)");
  });

  it("go on from a state under PyTorch's names", async () => {
    const averaged = averageOf(STATES.slice(0, 2));
    const state = averaged.stateDict();
    expect(Object.keys(state)).toEqual(["n_averaged", "module.weight"]);
    const other = new swaUtils.AveragedModel(new Linear(2, 1, { bias: false }));
    await other.loadStateDict(state);
    const net = new Linear(2, 1, { bias: false });
    noGrad(() => net.weight.copy_(tensor([[8, 9]])));
    other.updateParameters(net);
    expect(weightOf(other.module)).toEqual([4, 5]);
  });

  it("take buffers in if asked, and copy counters", () => {
    const net = new BatchNorm1d(1);
    const averaged = new swaUtils.AveragedModel(clone(net), { useBuffers: true });
    for (const x of [1, 3]) {
      net(tensor([[x], [x + 2]]));
      averaged.updateParameters(net);
    }
    const [first, second] = [0.1 * 2, 0.9 * 0.1 * 2 + 0.1 * 4];
    expect((averaged.module.runningMean as Tensor).itemSync()).toBeCloseTo((first + second) / 2, 6);
    expect((averaged.module.numBatchesTracked as Tensor).itemSync()).toBe(2);
  });
});

describe("updateBn", () => {
  it("gives each batch the same share and leaves mode and momentum as they were", async () => {
    manualSeed(0);
    const net = new Sequential(new Linear(2, 3), new BatchNorm1d(3)).eval();
    const norm = net[1] as BatchNorm1d;
    const batches = [randn([8, 2]), randn([8, 2]), randn([8, 2])];
    await swaUtils.updateBn(
      batches.map((x) => [x, x]),
      net,
    );
    const hidden = noGrad(() => batches.map((x) => net[0](x) as Tensor));
    const mean = hidden
      .map((h) => h.mean(0))
      .reduce((a, b) => a.add(b))
      .div(3);
    const variance = hidden
      .map((h) => h.var(0))
      .reduce((a, b) => a.add(b))
      .div(3);
    expect((norm.runningMean as Tensor).allcloseSync(mean)).toBe(true);
    expect((norm.runningVar as Tensor).allcloseSync(variance)).toBe(true);
    expect(net.training).toBe(false);
    expect(norm.momentum).toBe(0.1);
  });

  it("leaves instance normalisations to their momentum", async () => {
    const norm = new InstanceNorm1d(2, { trackRunningStats: true });
    const x = tensor([
      [
        [1, 3],
        [5, 9],
      ],
    ]);
    await swaUtils.updateBn([x], new Sequential(norm, new BatchNorm1d(2)));
    expect((norm.runningMean as Tensor).allcloseSync(tensor([0.2, 0.7]))).toBe(true);
    expect(norm.momentum).toBe(0.1);
  });
});
