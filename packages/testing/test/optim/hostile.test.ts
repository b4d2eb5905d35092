import "@sconce/backend-cpu";
import { tensor, ValueError } from "@sconce/core";
import { Linear } from "@sconce/nn";
import { Adam, GradScaler, lrScheduler, type OptimizerStateDict, SGD, swaUtils } from "@sconce/optim";
import { describe, expect, it } from "vitest";
import "@sconce/autograd";

const optimizer = (): SGD => new SGD([tensor([1], { requiresGrad: true })], { lr: 1 });

describe("optimizers and schedulers given nonsense", () => {
  it.each([0, -1, 1.5, Number.NaN, undefined])("StepLR refuses a step of %s epochs", (stepSize) => {
    expect(() => new lrScheduler.StepLR(optimizer(), stepSize as number)).toThrow(ValueError);
  });

  it("a rate that would become NaN is refused and the old one kept", () => {
    const o = optimizer();
    const scheduler = new lrScheduler.CosineAnnealingLR(o, 0);
    expect(() => scheduler.step()).toThrow(/learning rate in epoch 1, got NaN/);
    expect(o.paramGroups[0].lr).toBe(1);
    expect(() => new lrScheduler.LambdaLR(optimizer(), () => Number.NaN)).toThrow(ValueError);
  });

  it("what holds no parameters is refused", () => {
    for (const params of [[1], [null], [{}], ["w"], undefined, 3]) expect(() => new Adam(params as never)).toThrow(ValueError);
  });

  it.each([null, undefined, 3, []])("schedulers, averages and scalers refuse %s as a state", async (state) => {
    const o = optimizer();
    const schedulers = [
      new lrScheduler.StepLR(o, 1),
      new lrScheduler.MultiStepLR(o, [1]),
      new lrScheduler.ReduceLROnPlateau(o),
      new lrScheduler.ChainedScheduler([new lrScheduler.StepLR(o, 1)]),
    ];
    for (const s of schedulers) {
      expect(() => s.loadStateDict(state as never)).toThrow(/^\w+\.loadStateDict: expected what stateDict\(\) returned, got \w+$/);
    }
    await expect(new swaUtils.AveragedModel(new Linear(1, 1)).loadStateDict(state as never)).rejects.toThrow(ValueError);
    expect(() => new GradScaler().loadStateDict(state as never)).toThrow(/source state dict is empty/);
  });

  it("a scheduler's state of other kinds is refused by name, and nothing changes", () => {
    const scheduler = new lrScheduler.StepLR(optimizer(), 5);
    const state = { ...scheduler.stateDict(), step_size: 9 };
    expect(() => scheduler.loadStateDict({ ...state, gamma: "x" })).toThrow(/StepLR.loadStateDict: expected number at gamma, got string/);
    expect(() => scheduler.loadStateDict({ ...state, base_lrs: 3 })).toThrow(/expected array at base_lrs, got number/);
    expect(scheduler.stateDict().step_size).toBe(5);
    scheduler.loadStateDict(state);
    expect(scheduler.stateDict().step_size).toBe(9);
  });

  it("milestones stay where a state does not name them", () => {
    const scheduler = new lrScheduler.MultiStepLR(optimizer(), [2, 4, 4]);
    const before = scheduler.stateDict();
    scheduler.loadStateDict({} as never);
    expect(scheduler.stateDict()).toEqual(before);
  });

  it("a scheduler of schedulers changes none of them if the state of one does not fit", () => {
    const o = optimizer();
    const parts = [new lrScheduler.StepLR(o, 5), new lrScheduler.ExponentialLR(o, 0.9)];
    for (const scheduler of [new lrScheduler.ChainedScheduler(parts), new lrScheduler.SequentialLR(o, parts, [3])]) {
      const before = scheduler.stateDict();
      const [first, second] = structuredClone(before._schedulers) as { [name: string]: unknown }[];
      const bad = {
        ...before,
        last_epoch: 7,
        _schedulers: [
          { ...first, step_size: 9 },
          { ...second, gamma: "x" },
        ],
      };
      expect(() => scheduler.loadStateDict(bad as never)).toThrow(/ExponentialLR.loadStateDict: expected number at gamma, got string/);
      expect(scheduler.stateDict()).toEqual(before);
      const wrong = { ...before, _last_lr: 3, lastLr: 3, _schedulers: [{ ...first, step_size: 9 }, second] };
      expect(() => scheduler.loadStateDict(wrong as never)).toThrow(ValueError);
      expect(scheduler.stateDict()).toEqual(before);
    }
  });

  it("what is no state is refused and the own one kept", () => {
    const o = optimizer();
    for (const state of [{}, null, undefined, { param_groups: [] }, { state: {}, param_groups: 3 }]) {
      expect(() => o.loadStateDict(state as never)).toThrow(ValueError);
    }
    expect(o.paramGroups[0].lr).toBe(1);
  });
});

describe("states that are none of the optimizer's", () => {
  const trained = (): Adam => {
    const w = tensor([1, 2], { requiresGrad: true });
    const o = new Adam([w], { lr: 0.1 });
    w.square().sum().backward();
    o.step();
    return o;
  };
  /** A good state with one part replaced. */
  const state = (entries: object, group: object = {}): unknown => {
    const { state: saved, param_groups: groups } = trained().stateDict();
    return { state: { 0: { ...saved[0], ...entries } }, param_groups: [{ ...groups[0], lr: 7, ...group }] };
  };
  const without = (name: string): unknown => {
    const dict = state({}) as OptimizerStateDict;
    delete dict.state[0][name];
    return dict;
  };
  const { param_groups: groups } = trained().stateDict();

  it.each<[string, unknown, RegExp]>([
    ["no second mean", without("exp_avg_sq"), /a tensor at state\[0\]\.exp_avg_sq, got undefined/],
    ["no step", without("step"), /at state\[0\]\.step, got undefined/],
    ["a number for a tensor", state({ exp_avg: 3 }), /a tensor at state\[0\]\.exp_avg, got number/],
    ["null for a tensor", state({ exp_avg: null }), /a tensor at state\[0\]\.exp_avg, got null/],
    ["a list for a tensor", state({ exp_avg: [tensor([1, 2])] }), /a tensor at state\[0\]\.exp_avg, got array/],
    ["another shape", state({ exp_avg: tensor([1, 2, 3]) }), /state\[0\]\.exp_avg in the shape of the parameter, \[2\], got \[3\]/],
    ["a text for a number", state({ step: "1" }), /a number at state\[0\]\.step, got string/],
    ["a vector for a number", state({ step: tensor([1, 2]) }), /a number at state\[0\]\.step, got object/],
    ["a text under another name", state({ more: "x" }), /at state\[0\]\.more, got string/],
    ["no entries", { state: { 0: null }, param_groups: groups }, /an object at state\[0\], got null/],
    ["a list of states", { state: [], param_groups: groups }, /with state and param_groups/],
    ["a parameter of no group", { state: { 3: {} }, param_groups: groups }, /state\[3\] names a parameter that is in no group/],
    ["null for a group", { state: {}, param_groups: [null] }, /an object at param_groups\[0\], got null/],
    ["a group without parameters", { state: {}, param_groups: [{ lr: 1 }] }, /an array at param_groups\[0\]\.params, got undefined/],
    ["null for a parameter", state({}, { params: [null] }), /at param_groups\[0\]\.params\[0\], got null/],
    ["a text for a rate", state({}, { lr: "0.1" }), /number such as 0\.1 at param_groups\[0\]\.lr, got string/],
    ["null for a rate", state({}, { lr: null }), /number such as 0\.1 at param_groups\[0\]\.lr, got null/],
    ["one beta", state({}, { betas: [0.9] }), /array such as 0\.9,0\.999 at param_groups\[0\]\.betas, got array/],
    ["a text for a flag", state({}, { amsgrad: "no" }), /boolean such as false at param_groups\[0\]\.amsgrad, got string/],
    ["groups in groups", { state: {}, param_groups: [[{ params: [0] }]] }, /an object at param_groups\[0\], got array/],
    ["nothing", null, /with state and param_groups/],
  ])("%s: the error names the place, and nothing changes", async (_, dict, message) => {
    const o = trained();
    const before = o.stateDict();
    expect(() => o.loadStateDict(dict as OptimizerStateDict)).toThrow(ValueError);
    expect(() => o.loadStateDict(dict as OptimizerStateDict)).toThrow(message);
    await expect(o.loadStateDictAsync(dict as OptimizerStateDict)).rejects.toThrow(message);
    const after = o.stateDict();
    expect(after.param_groups).toEqual(before.param_groups);
    expect(after.state[0].exp_avg).toBe(before.state[0].exp_avg);
  });

  it("a parameter that has not moved has an empty state, and a state with what is optional left out is whole", () => {
    const o = trained();
    o.loadStateDict({ state: { 0: {} }, param_groups: groups });
    expect(o.stateDict().state).toEqual({ 0: {} });
    o.loadStateDict(state({}) as OptimizerStateDict);
    expect(o.paramGroups[0].lr).toBe(7);
    const w = tensor([1], { requiresGrad: true });
    const sgd = new SGD([w], { lr: 1 });
    sgd.loadStateDict({ state: { 0: { momentum_buffer: null } }, param_groups: sgd.stateDict().param_groups });
    expect(sgd.stateDict().state).toEqual({ 0: { momentum_buffer: null } });
  });
});
