import "@sconce/backend-cpu";
import "@sconce/autograd";
import { ones } from "@sconce/core";
import { deserialize, serialize } from "@sconce/io";
import * as optim from "@sconce/optim";
import { describe, expect, it } from "vitest";

const S = optim.lrScheduler;

type Scheduler = Pick<optim.lrScheduler.Schedule, "stateDict" | "loadStateDict" | "getLastLr"> & { step(metrics: number): void };
type State = optim.lrScheduler.SchedulerState;

const twoGroups = (): optim.SGD => {
  const group = (lr: number) => ({ params: [ones([1]).requiresGrad_()], lr });
  return new optim.SGD([group(0.1), group(0.01)], { lr: 0.1, momentum: 0.9 });
};

/** Steps a scheduler; those that count epochs ignore the number of ReduceLROnPlateau. */
const stepOnce = (scheduler: Scheduler): void =>
  scheduler instanceof S.ReduceLROnPlateau ? scheduler.step(1) : (scheduler as optim.lrScheduler.Schedule).step();

/** What PyTorch's `state_dict()` holds after three steps, without functions and switches of its own. */
const CASES: readonly (readonly [string, (optimizer: optim.SGD) => Scheduler, State])[] = [
  [
    "StepLR",
    (o) => new S.StepLR(o, 2),
    { step_size: 2, gamma: 0.1, base_lrs: [0.1, 0.01], last_epoch: 3, _step_count: 4, _last_lr: [0.010000000000000002, 0.001] },
  ],
  [
    "MultiStepLR",
    (o) => new S.MultiStepLR(o, [1, 3, 3]),
    {
      milestones: { 1: 1, 3: 2 },
      gamma: 0.1,
      base_lrs: [0.1, 0.01],
      last_epoch: 3,
      _step_count: 4,
      _last_lr: [0.00010000000000000005, 1.0000000000000003e-5],
    },
  ],
  [
    "ExponentialLR",
    (o) => new S.ExponentialLR(o, 0.9),
    { gamma: 0.9, base_lrs: [0.1, 0.01], last_epoch: 3, _step_count: 4, _last_lr: [0.07290000000000002, 0.007290000000000001] },
  ],
  [
    "CosineAnnealingLR",
    (o) => new S.CosineAnnealingLR(o, 10),
    { T_max: 10, eta_min: 0, base_lrs: [0.1, 0.01], last_epoch: 3, _step_count: 4, _last_lr: [0.07938926261462367, 0.007938926261462366] },
  ],
  [
    "CosineAnnealingWarmRestarts",
    (o) => new S.CosineAnnealingWarmRestarts(o, 2, { tMult: 2 }),
    {
      T_0: 2,
      T_i: 4,
      T_mult: 2,
      eta_min: 0,
      T_cur: 1,
      base_lrs: [0.1, 0.01],
      last_epoch: 3,
      _step_count: 0,
      _last_lr: [0.08535533905932738, 0.008535533905932738],
    },
  ],
  [
    "LambdaLR",
    (o) => new S.LambdaLR(o, (epoch) => 0.9 ** epoch),
    { base_lrs: [0.1, 0.01], last_epoch: 3, _step_count: 4, _last_lr: [0.0729, 0.007290000000000001], lr_lambdas: [null, null] },
  ],
  [
    "MultiplicativeLR",
    (o) => new S.MultiplicativeLR(o, () => 0.9),
    {
      base_lrs: [0.1, 0.01],
      last_epoch: 3,
      _step_count: 4,
      _last_lr: [0.07290000000000002, 0.007290000000000001],
      lr_lambdas: [null, null],
    },
  ],
  [
    "ConstantLR",
    (o) => new S.ConstantLR(o),
    {
      factor: 0.3333333333333333,
      total_iters: 5,
      base_lrs: [0.1, 0.01],
      last_epoch: 3,
      _step_count: 4,
      _last_lr: [0.03333333333333333, 0.003333333333333333],
    },
  ],
  [
    "LinearLR",
    (o) => new S.LinearLR(o),
    {
      start_factor: 0.3333333333333333,
      end_factor: 1,
      total_iters: 5,
      base_lrs: [0.1, 0.01],
      last_epoch: 3,
      _step_count: 4,
      _last_lr: [0.07333333333333335, 0.007333333333333335],
    },
  ],
  [
    "PolynomialLR",
    (o) => new S.PolynomialLR(o),
    { total_iters: 5, power: 1, base_lrs: [0.1, 0.01], last_epoch: 3, _step_count: 4, _last_lr: [0.04000000000000001, 0.004] },
  ],
  [
    "CyclicLR",
    (o) => new S.CyclicLR(o, 0.01, 0.1, { stepSizeUp: 4 }),
    {
      max_lrs: [0.1, 0.1],
      total_size: 8,
      step_ratio: 0.5,
      mode: "triangular",
      gamma: 1,
      scale_mode: "cycle",
      cycle_momentum: true,
      base_momentums: [0.8, 0.8],
      max_momentums: [0.9, 0.9],
      base_lrs: [0.01, 0.01],
      last_epoch: 3,
      _step_count: 4,
      _last_lr: [0.0775, 0.0775],
    },
  ],
  [
    "OneCycleLR",
    (o) => new S.OneCycleLR(o, 0.1, { totalSteps: 10 }),
    {
      total_steps: 10,
      cycle_momentum: true,
      use_beta1: false,
      base_lrs: [0.004, 0.004],
      last_epoch: 3,
      _step_count: 4,
      _last_lr: [0.09504846320134738, 0.09504846320134738],
    },
  ],
  [
    "ReduceLROnPlateau",
    (o) => new S.ReduceLROnPlateau(o, { patience: 1 }),
    {
      factor: 0.1,
      min_lrs: [0, 0],
      patience: 1,
      cooldown: 0,
      cooldown_counter: 0,
      mode: "min",
      threshold: 0.0001,
      threshold_mode: "rel",
      best: 1,
      num_bad_epochs: 0,
      eps: 1e-8,
      last_epoch: 3,
      _last_lr: [0.010000000000000002, 0.001],
    },
  ],
  [
    "SWALR",
    (o) => new S.SWALR(o, 0.05),
    { anneal_epochs: 10, base_lrs: [0.1, 0.01], last_epoch: 3, _step_count: 4, _last_lr: [0.08969463130731184, 0.018244294954150538] },
  ],
  [
    "SequentialLR",
    (o) => new S.SequentialLR(o, [new S.ConstantLR(o), new S.ExponentialLR(o, 0.9)], [2]),
    {
      _milestones: [2],
      last_epoch: 3,
      _last_lr: [0.09000000000000001, 0.009000000000000001],
      _schedulers: [
        {
          factor: 0.3333333333333333,
          total_iters: 5,
          base_lrs: [0.1, 0.01],
          last_epoch: 1,
          _step_count: 2,
          _last_lr: [0.03333333333333333, 0.003333333333333333],
        },
        { gamma: 0.9, base_lrs: [0.1, 0.01], last_epoch: 1, _step_count: 3, _last_lr: [0.09000000000000001, 0.009000000000000001] },
      ],
    },
  ],
  [
    "ChainedScheduler",
    (o) => new S.ChainedScheduler([new S.ConstantLR(o), new S.ExponentialLR(o, 0.9)]),
    {
      _last_lr: [0.0243, 0.0024300000000000003],
      _schedulers: [
        { factor: 0.3333333333333333, total_iters: 5, base_lrs: [0.1, 0.01], last_epoch: 3, _step_count: 4, _last_lr: [0.027, 0.0027] },
        { gamma: 0.9, base_lrs: [0.1, 0.01], last_epoch: 3, _step_count: 4, _last_lr: [0.0243, 0.0024300000000000003] },
      ],
    },
  ],
];

/** Compares numbers to 12 digits: PyTorch's cosines differ in the last bit. */
function expectState(actual: unknown, expected: unknown, path: string): void {
  if (typeof expected === "number") {
    expect(typeof actual, path).toBe("number");
    expect(Math.abs((actual as number) - expected), path).toBeLessThanOrEqual(1e-12 * Math.abs(expected));
  } else if (expected === null || typeof expected !== "object") expect(actual, path).toBe(expected);
  else {
    expect(Object.keys(actual as object).sort(), path).toEqual(Object.keys(expected).sort());
    for (const [key, value] of Object.entries(expected)) expectState((actual as Record<string, unknown>)[key], value, `${path}.${key}`);
  }
}

describe("states of schedulers", () => {
  it.each(CASES)("%s saves what PyTorch saves", (name, make, expected) => {
    const scheduler = make(twoGroups());
    for (let i = 0; i < 3; i++) stepOnce(scheduler);
    const { mode_worse, ...state } = scheduler.stateDict();
    expectState(state, expected, name);
    expect(mode_worse).toBe(name === "ReduceLROnPlateau" ? Number.POSITIVE_INFINITY : undefined);
  });

  it.each(CASES)("%s goes on from a file as if it had not stopped", async (_, make) => {
    const optimizer = twoGroups();
    const scheduler = make(optimizer);
    for (let i = 0; i < 3; i++) stepOnce(scheduler);
    const bytes = await serialize({ optimizer: optimizer.stateDict(), scheduler: scheduler.stateDict() });
    const saved = deserialize<{ optimizer: optim.OptimizerStateDict; scheduler: State }>(bytes);

    const optimizer2 = twoGroups();
    const scheduler2 = make(optimizer2);
    scheduler2.loadStateDict(saved.scheduler);
    optimizer2.loadStateDict(saved.optimizer);
    expect(scheduler2.getLastLr()).toEqual(scheduler.getLastLr());
    for (let i = 0; i < 5; i++) {
      stepOnce(scheduler);
      stepOnce(scheduler2);
      expect(optimizer2.stateDict().param_groups).toEqual(optimizer.stateDict().param_groups);
    }
    expect(scheduler2.stateDict()).toEqual(scheduler.stateDict());
  });

  it.each(CASES)("%s goes on from plain JSON, before a step and after some", (_, make) => {
    for (const steps of [0, 3]) {
      const [optimizer, optimizer2] = [twoGroups(), twoGroups()];
      const [scheduler, scheduler2] = [make(optimizer), make(optimizer2)];
      for (let i = 0; i < steps; i++) stepOnce(scheduler);
      const saved = JSON.parse(JSON.stringify({ optimizer: optimizer.stateDict(), scheduler: scheduler.stateDict() }));
      stepOnce(scheduler2);
      scheduler2.loadStateDict(saved.scheduler);
      optimizer2.loadStateDict(saved.optimizer);
      expect(scheduler2.stateDict()).toEqual(scheduler.stateDict());
      for (let i = 0; i < 3; i++) for (const each of [scheduler, scheduler2]) stepOnce(each);
      expect(optimizer2.stateDict().param_groups).toEqual(optimizer.stateDict().param_groups);
    }
  });

  it("JSON's null for the worst number goes with the mode that is loaded", () => {
    const rising = new S.ReduceLROnPlateau(twoGroups(), { mode: "max" });
    const scheduler = new S.ReduceLROnPlateau(twoGroups());
    scheduler.loadStateDict(JSON.parse(JSON.stringify(rising.stateDict())));
    expect(scheduler.best).toBe(Number.NEGATIVE_INFINITY);
  });

  it("reads PyTorch's names and leaves out those that it does not know", () => {
    const scheduler = new S.CosineAnnealingLR(twoGroups(), 10);
    scheduler.loadStateDict({ T_max: 7, last_epoch: 3, _last_lr: [0.3, 0.2], verbose: false });
    expect(scheduler.tMax).toBe(7);
    expect(scheduler.lastEpoch).toBe(3);
    expect(scheduler.getLastLr()).toEqual([0.3, 0.2]);
    expect("verbose" in scheduler).toBe(false);
  });

  it("needs the first rates of the groups to start at a later epoch", () => {
    const optimizer = twoGroups();
    expect(() => new S.StepLR(optimizer, 2, { lastEpoch: 3 })).toThrow(
      "param 'initialLr' is not specified in paramGroups[0] when resuming an optimizer",
    );
    for (const group of optimizer.paramGroups) group.initialLr = 1;
    const scheduler = new S.StepLR(optimizer, 2, { lastEpoch: 3 });
    expect(scheduler.lastEpoch).toBe(4);
    expect(scheduler.getLastLr()).toEqual([0.1 * 0.1, 0.01 * 0.1]);
  });
});

describe("wrong options of schedulers", () => {
  it.each<[string, () => unknown, string]>([
    [
      "OneCycleLR without a number of steps",
      () => new S.OneCycleLR(twoGroups(), 0.1),
      "You must define either totalSteps OR (epochs AND stepsPerEpoch)",
    ],
    [
      "OneCycleLR with 0 steps",
      () => new S.OneCycleLR(twoGroups(), 0.1, { totalSteps: 0 }),
      "Expected positive integer totalSteps, but got 0",
    ],
    [
      "OneCycleLR with one rate too many",
      () => new S.OneCycleLR(twoGroups(), [1, 2, 3], { totalSteps: 5 }),
      "expected 2 values for maxLr, got 3",
    ],
    [
      "CyclicLR of an optimizer without momentum",
      () => new S.CyclicLR(new optim.Adagrad([ones([1])]), 0.1, 1),
      "optimizer must support momentum",
    ],
    ["ReduceLROnPlateau with factor 1", () => new S.ReduceLROnPlateau(twoGroups(), { factor: 1 }), "Factor should be < 1.0"],
    [
      "CosineAnnealingWarmRestarts with t0 = 0",
      () => new S.CosineAnnealingWarmRestarts(twoGroups(), 0),
      "Expected positive integer t0, but got 0",
    ],
    [
      "SequentialLR without milestones",
      () => new S.SequentialLR(twoGroups(), [], []),
      "expects number of schedulers provided to be one more",
    ],
    [
      "ChainedScheduler over two optimizers",
      () => new S.ChainedScheduler([new S.ConstantLR(twoGroups()), new S.ConstantLR(twoGroups())]),
      "expects all schedulers to belong to the same optimizer",
    ],
  ])("%s is refused", (_, make, message) => {
    expect(make).toThrow(message);
  });

  it("OneCycleLR refuses a step beyond the last", () => {
    const scheduler = new S.OneCycleLR(twoGroups(), 0.1, { totalSteps: 2 });
    scheduler.step();
    scheduler.step();
    expect(() => scheduler.step()).toThrow("Tried to step 4 times. The specified number of total steps is 2");
  });
});
