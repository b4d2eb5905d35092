import "@sconce/backend-cpu";
import "@sconce/autograd";
import { manualSeed, randn, scope, Tensor, tensor } from "@sconce/core";
import { deserialize, serialize } from "@sconce/io";
import { functional as F, Linear, Sequential, Tanh } from "@sconce/nn";
import * as optim from "@sconce/optim";
import { describe, expect, it } from "vitest";

type Make = (params: Tensor[]) => optim.Optimizer;

/** Optimizers with options under which all of their state is used, and PyTorch's names and shapes of it; null is a number. */
const CASES: readonly (readonly [string, Make, { readonly [name: string]: readonly number[] | null }])[] = [
  ["SGD", (p) => new optim.SGD(p, { lr: 0.1, momentum: 0.9, nesterov: true }), { momentum_buffer: [2] }],
  ["Adagrad", (p) => new optim.Adagrad(p, { lrDecay: 0.1 }), { step: [], sum: [2] }],
  ["Adadelta", (p) => new optim.Adadelta(p), { step: null, square_avg: [2], acc_delta: [2] }],
  ["Adam", (p) => new optim.Adam(p, { amsgrad: true }), { step: [], exp_avg: [2], exp_avg_sq: [2], max_exp_avg_sq: [2] }],
  ["AdamW", (p) => new optim.AdamW(p), { step: [], exp_avg: [2], exp_avg_sq: [2] }],
  ["Adamax", (p) => new optim.Adamax(p), { step: [], exp_avg: [2], exp_inf: [2] }],
  ["NAdam", (p) => new optim.NAdam(p), { step: [], mu_product: [], exp_avg: [2], exp_avg_sq: [2] }],
  ["RAdam", (p) => new optim.RAdam(p), { step: [], exp_avg: [2], exp_avg_sq: [2] }],
  [
    "RMSprop",
    (p) => new optim.RMSprop(p, { centered: true, momentum: 0.9 }),
    { step: null, square_avg: [2], grad_avg: [2], momentum_buffer: [2] },
  ],
  ["Rprop", (p) => new optim.Rprop(p), { step: null, prev: [2], step_size: [2] }],
  ["ASGD", (p) => new optim.ASGD(p, { t0: 2 }), { step: [], eta: [], mu: [], ax: [2] }],
];

const net = (): Sequential => new Sequential(new Linear(3, 4), new Tanh(), new Linear(4, 2));

function train(model: Sequential, optimizer: optim.Optimizer, x: Tensor, y: Tensor, steps: number): void {
  for (let i = 0; i < steps; i++) {
    optimizer.step(() => {
      optimizer.zeroGrad();
      const loss = F.mseLoss(model(x) as Tensor, y);
      loss.backward();
      return loss;
    });
  }
}

const values = (model: Sequential): number[][] => model.parameters().map((p) => [...(p.detach().dataSync() as Float32Array)]);

async function expectExactResume(make: Make): Promise<void> {
  manualSeed(0);
  const [x, y] = [randn([8, 3]), randn([8, 2])];
  const model = net();
  const optimizer = make(model.parameters());
  train(model, optimizer, x, y, 5);
  const bytes = await serialize({ model: model.stateDict(), optimizer: optimizer.stateDict() });
  train(model, optimizer, x, y, 5);

  const saved = deserialize<{ model: { [name: string]: Tensor }; optimizer: optim.OptimizerStateDict }>(bytes);
  const model2 = net();
  const optimizer2 = make(model2.parameters());
  model2.loadStateDict(saved.model);
  optimizer2.loadStateDict(saved.optimizer);
  const before = values(model2);
  train(model2, optimizer2, x, y, 5);
  expect(values(model2)).not.toEqual(before);
  expect(values(model2)).toEqual(values(model));
}

describe("states of optimizers", () => {
  it.each(CASES)("%s has PyTorch's names and shapes", (_, make, expected) => {
    const p = tensor([1, 2]).requiresGrad_();
    const optimizer = make([p]);
    for (let i = 0; i < 3; i++) {
      p.grad = tensor([0.5, -1]);
      optimizer.step();
    }
    const state = Object.entries(optimizer.stateDict().state[0]);
    const shapes = state.map(([name, value]) => [name, value instanceof Tensor ? [...value.shape] : null]);
    expect(Object.fromEntries(shapes)).toEqual(expected);
    const { step } = Object.fromEntries(state);
    if (step !== undefined)
      expect(step instanceof Tensor ? [step.dtype, step.itemSync()] : step).toEqual(step instanceof Tensor ? ["float32", 3] : 3);
  });

  it.each<[string, Make]>([
    ...CASES.map(([name, make]): [string, Make] => [name, make]),
    ["LBFGS", (p) => new optim.LBFGS(p, { maxIter: 3, historySize: 4, lineSearchFn: "strong_wolfe" })],
  ])("%s goes on from a file as if it had not stopped", (_, make) => expectExactResume(make));

  it("reads a step that is a number or a tensor", async () => {
    const p = tensor([1, 2]).requiresGrad_();
    const moments = { exp_avg: tensor([0.1, 0.2]), exp_avg_sq: tensor([0.3, 0.4]) };
    const groups = [{ lr: 0.1, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0, amsgrad: false, maximize: false, params: [0] }];
    const results: number[][] = [];
    for (const step of [7, tensor(7)]) {
      for (const load of ["loadStateDict", "loadStateDictAsync"] as const) {
        const q = p.detach().clone().requiresGrad_();
        const optimizer = new optim.Adam([q]);
        await optimizer[load]({ state: { 0: { step, ...moments } }, param_groups: groups });
        q.grad = tensor([1, 1]);
        optimizer.step();
        expect((optimizer.stateDict().state[0].step as Tensor).itemSync()).toBe(8);
        results.push([...(q.detach().dataSync() as Float32Array)]);
      }
    }
    expect(new Set(results.map(String)).size).toBe(1);
  });

  it("copies what it loads and refuses what does not fit", () => {
    const p = tensor([1, 2]).requiresGrad_();
    const optimizer = new optim.SGD([p], { lr: 1, momentum: 0.5 });
    const buffer = tensor([1, 1]);
    const groups = [{ lr: 1, momentum: 0.5, params: [0] }];
    optimizer.loadStateDict({ state: { 0: { momentum_buffer: buffer } }, param_groups: groups });
    p.grad = tensor([1, 1]);
    optimizer.step();
    expect([...buffer.dataSync()]).toEqual([1, 1]);
    expect([...p.detach().dataSync()]).toEqual([-0.5, 0.5]);
    expect(() => optimizer.loadStateDict({ state: { 0: { momentum_buffer: tensor([1]) } }, param_groups: groups })).toThrow(
      "expected state[0].momentum_buffer in the shape of the parameter, [2], got [1]",
    );
    expect(() => optimizer.loadStateDict({ state: { 0: { momentum_buffer: tensor([[1, 1]]) } }, param_groups: groups })).toThrow(
      "expected state[0].momentum_buffer in the shape of the parameter, [2], got [1, 2]",
    );
    expect(() => optimizer.loadStateDict({ state: {}, param_groups: [] })).toThrow("different number of parameter groups");
    expect([...(optimizer.stateDict().state[0].momentum_buffer as Tensor).dataSync()]).toEqual([1.5, 1.5]);
  });

  it("outlives the scope of a step", () => {
    const p = tensor([1, 2]).requiresGrad_();
    const optimizer = new optim.NAdam([p]);
    for (let i = 0; i < 3; i++) {
      scope(() => {
        p.grad = tensor([0.5, -1]);
        optimizer.step();
        optimizer.zeroGrad();
      });
    }
    expect((optimizer.stateDict().state[0].exp_avg as Tensor).dataSync()[0]).toBeCloseTo(0.1355, 6);
  });
});

describe("hooks of optimizers", () => {
  it("run before and after each step until they are removed", () => {
    const p = tensor([1]).requiresGrad_();
    const optimizer = new optim.SGD([p], { lr: 1 });
    const seen: string[] = [];
    const value = (o: optim.SGD): number => o.paramGroups[0].params[0].detach().itemSync();
    const before = optimizer.registerStepPreHook((o) => void seen.push(`before ${value(o)}`));
    optimizer.registerStepPostHook((o) => void seen.push(`after ${value(o)}`));
    p.grad = tensor([1]);
    optimizer.step();
    before.remove();
    optimizer.step();
    expect(seen).toEqual(["before 1", "after 0", "after -1"]);
  });
});

describe("an optimizer of one's own", () => {
  class SignSGD extends optim.Optimizer {
    protected override update(
      param: Tensor,
      grad: Tensor,
      _state: optim.ParamState,
      group: optim.ParamGroup<optim.OptimizerOptions>,
    ): void {
      param.add_(grad.sign(), { alpha: -group.lr });
    }
  }

  it("needs no more than how a parameter moves", () => {
    const p = tensor([1, 2]).requiresGrad_();
    p.grad = tensor([0.1, -0.1]);
    new SignSGD([p], { lr: 0.5 }).step();
    expect([...p.detach().dataSync()]).toEqual([0.5, 2.5]);
  });

  it("is told so if it does not say it", () => {
    class Empty extends optim.Optimizer {}
    const p = tensor([1]).requiresGrad_();
    p.grad = tensor([1]);
    expect(() => new Empty([p], { lr: 1 }).step()).toThrow("Empty: expected a subclass that overrides update or step");
  });
});
