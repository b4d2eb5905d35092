import "@sconce/backend-cpu";
import { inspect } from "node:util";
import { manualSeed, randn, type Tensor, tensor } from "@sconce/core";
import { deserialize, serialize } from "@sconce/io";
import { functional as F, Linear, ReLU, Sequential } from "@sconce/nn";
import { Adagrad, Adam, AdamW, clipGradNorm_, clipGradValue_, lrScheduler, type Optimizer, RMSprop, SGD } from "@sconce/optim";
import { beforeEach, describe, expect, it } from "vitest";

// biome-ignore lint/suspicious/noExplicitAny: an optimizer's options are invariant
type AnyOptimizer = Optimizer<any>;

const x = randn([16, 4]);
const y = randn([16, 1]);

function net(): Sequential {
  manualSeed(0);
  return new Sequential(new Linear(4, 8), new ReLU(), new Linear(8, 1));
}

function train(model: Sequential, optimizer: AnyOptimizer, steps: number): number[] {
  return Array.from({ length: steps }, () => {
    optimizer.zeroGrad();
    const loss = F.mseLoss(model(x), y);
    loss.backward();
    optimizer.step();
    return loss.itemSync();
  });
}

const OPTIMIZERS: readonly (readonly [string, (params: Iterable<Tensor>) => AnyOptimizer])[] = [
  ["SGD", (p) => new SGD(p, { lr: 0.05, momentum: 0.9, nesterov: true })],
  ["Adam", (p) => new Adam(p, { lr: 0.01, amsgrad: true })],
  ["AdamW", (p) => new AdamW(p, { lr: 0.01 })],
  ["RMSprop", (p) => new RMSprop(p, { lr: 0.01, momentum: 0.5, centered: true })],
  ["Adagrad", (p) => new Adagrad(p, { lr: 0.1, lrDecay: 0.01 })],
];

describe.each(OPTIMIZERS)("%s", (_name, make) => {
  it("steps without a closure if that is null", () => {
    const x = tensor([1]).requiresGrad_();
    x.sum().backward();
    expect(make([x]).step(null)).toBeUndefined();
    expect(x.detach().itemSync()).toBeLessThan(1);
  });

  it("lowers the loss", () => {
    const model = net();
    const losses = train(model, make(model.parameters()), 40);
    expect(losses.at(-1)).toBeLessThan(losses[0] * 0.9);
  });

  it("goes on from a saved state as if it had not stopped", () => {
    const whole = net();
    const expected = train(whole, make(whole.parameters()), 8);
    const first = net();
    const optimizer = make(first.parameters());
    train(first, optimizer, 4);
    const second = net();
    second.loadStateDict(first.stateDict());
    const resumed = make(second.parameters());
    resumed.loadStateDict(optimizer.stateDict());
    expect(train(second, resumed, 4)).toEqual(expected.slice(4));
  });

  it("saves copies' worth of state: training on does not change what was loaded", () => {
    const model = net();
    const optimizer = make(model.parameters());
    train(model, optimizer, 2);
    const other = make(net().parameters());
    other.loadStateDict(optimizer.stateDict());
    const before = JSON.stringify(other.stateDict(), values);
    train(model, optimizer, 2);
    expect(JSON.stringify(other.stateDict(), values)).toBe(before);
  });
});

function values(_key: string, value: unknown): unknown {
  return typeof value === "object" && value !== null && "tolistSync" in value ? (value as Tensor).tolistSync() : value;
}

describe("Optimizer", () => {
  let w: Tensor;
  beforeEach(() => {
    w = tensor([1, 2]).requiresGrad_();
  });

  it("runs a closure with gradients on and returns its loss", () => {
    const optimizer = new SGD([w], { lr: 0.1 });
    const loss = optimizer.step(() => {
      optimizer.zeroGrad();
      const value = w.square().sum();
      value.backward();
      return value;
    });
    expect(loss.itemSync()).toBe(5);
    expect((w.tolistSync() as number[]).map((v) => Math.round(v * 1e5) / 1e5)).toEqual([0.8, 1.6]);
  });

  it("leaves parameters without a gradient alone", () => {
    const other = tensor([3]).requiresGrad_();
    const optimizer = new SGD([w, other], { lr: 0.1, weightDecay: 1 });
    w.sum().backward();
    optimizer.step();
    expect(other.tolistSync()).toEqual([3]);
    expect(w.tolistSync()).not.toEqual([1, 2]);
  });

  it("clears gradients to null, or to zeros", () => {
    const optimizer = new SGD([w], { lr: 0.1 });
    w.sum().backward();
    optimizer.zeroGrad({ setToNone: false });
    expect(w.grad!.tolistSync()).toEqual([0, 0]);
    optimizer.zeroGrad();
    expect(w.grad).toBeNull();
  });

  it("takes groups with options of their own and adds groups later", () => {
    const other = tensor([3]).requiresGrad_();
    const optimizer = new SGD([{ params: [w], lr: 1 }], { lr: 0.5 });
    optimizer.addParamGroup({ params: other });
    expect(optimizer.paramGroups.map((group) => group.lr)).toEqual([1, 0.5]);
    w.sum().add(other.sum()).backward();
    optimizer.step();
    expect(w.tolistSync()).toEqual([0, 1]);
    expect(other.tolistSync()).toEqual([2.5]);
  });

  it("refuses what it cannot train", () => {
    expect(() => new SGD([], { lr: 0.1 })).toThrow(/empty parameter list/);
    expect(() => new SGD([w.mul(2)], { lr: 0.1 })).toThrow("can't optimize a non-leaf Tensor");
    expect(() => new SGD([tensor([1], { dtype: "int32" })], { lr: 0.1 })).toThrow(/floating-point/);
    expect(() => new SGD([{ params: [w] }, { params: [w] }], { lr: 0.1 })).toThrow(/more than one parameter group/);
    expect(() => new SGD([w], { lr: -1 })).toThrow("Invalid learning rate value: -1");
    expect(() => new SGD([w], { lr: 0.1, nesterov: true })).toThrow(/Nesterov momentum requires a momentum and zero dampening/);
    expect(() => new Adam([w], { betas: [1, 0.9] })).toThrow(/beta parameter at index 0/);
  });

  it("refuses a state of other groups or shapes and keeps its own", () => {
    const optimizer = new Adam([w], { lr: 0.1 });
    w.sum().backward();
    optimizer.step();
    const state = optimizer.stateDict();
    expect(() => new Adam([w, tensor([1]).requiresGrad_()]).loadStateDict(state)).toThrow(/doesn't match the size/);
    expect(() => new Adam([tensor([1, 2, 3]).requiresGrad_()]).loadStateDict(state)).toThrow(
      /state\[0\]\.exp_avg in the shape of the parameter/,
    );
    expect(() => optimizer.loadStateDict({ ...state, param_groups: [] })).toThrow(/different number of parameter groups/);
    expect(String(optimizer.stateDict().state[0].step)).toBe("tensor(1.)");
  });

  it("has PyTorch's names in its state and prints its groups", () => {
    const optimizer = new SGD([w], { lr: 0.1, momentum: 0.9 });
    expect(optimizer.stateDict().param_groups[0]).toMatchObject({ lr: 0.1, momentum: 0.9, weight_decay: 0, nesterov: false, params: [0] });
    expect(String(optimizer)).toContain("SGD (\nParameter Group 0\n    dampening: 0\n");
    expect(inspect(optimizer)).toBe(String(optimizer));
  });

  it("says what it takes when it is given a module", () => {
    expect(() => new Adam(new Linear(1, 1) as never)).toThrow("give it net.parameters()");
  });
});

describe("schedulers", () => {
  it("have a state that can be saved beside the optimizer's", async () => {
    const optimizer = new SGD([tensor([1]).requiresGrad_()], { lr: 1 });
    const scheduler = new lrScheduler.ReduceLROnPlateau(optimizer);
    const saved = { epoch: 1, optimizer: optimizer.stateDict(), scheduler: scheduler.stateDict() };
    expect(deserialize<typeof saved>(await serialize(saved)).scheduler).toEqual(scheduler.stateDict());
  });

  it("go on from a saved state", () => {
    const make = (): [SGD, InstanceType<typeof lrScheduler.CosineAnnealingLR>] => {
      const optimizer = new SGD([tensor([1]).requiresGrad_()], { lr: 1 });
      return [optimizer, new lrScheduler.CosineAnnealingLR(optimizer, 10)];
    };
    const [optimizer, scheduler] = make();
    for (let i = 0; i < 3; i++) scheduler.step();
    const [other, resumed] = make();
    other.loadStateDict(optimizer.stateDict());
    resumed.loadStateDict(scheduler.stateDict());
    scheduler.step();
    resumed.step();
    expect(other.paramGroups[0].lr).toBe(optimizer.paramGroups[0].lr);
    expect(resumed.getLastLr()).toEqual(scheduler.getLastLr());
  });

  it("set the rate of every group", () => {
    const groups = [0.1, 1].map((lr) => ({ params: [tensor([1]).requiresGrad_()], lr }));
    const optimizer = new SGD(groups, { lr: 0 });
    const scheduler = new lrScheduler.LambdaLR(optimizer, (epoch) => 1 / (1 + epoch));
    scheduler.step();
    expect(optimizer.paramGroups.map((group) => group.lr)).toEqual([0.05, 0.5]);
  });
});

describe("gradient clipping", () => {
  it("clips by norm and by value and refuses a norm that is not finite", () => {
    const w = tensor([0, 0]).requiresGrad_();
    w.grad = tensor([3, 4]);
    expect(clipGradNorm_([w], 1).itemSync()).toBe(5);
    expect(w.grad.norm().itemSync()).toBeCloseTo(1, 5);
    w.grad = tensor([3, -4]);
    clipGradValue_(w, 2);
    expect(w.grad.tolistSync()).toEqual([2, -2]);
    w.grad = tensor([Number.NaN, 1]);
    expect(() => clipGradNorm_(w, 1, { errorIfNonfinite: true })).toThrow(/non-finite/);
  });
});
