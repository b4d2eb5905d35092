import "@sconce/backend-cpu";
import { compile } from "@sconce/autograd/compile";
import { manualSeed, memory, randint, randn, type Tensor } from "@sconce/core";
import * as nn from "@sconce/nn";
import * as optim from "@sconce/optim";
import { describe, expect, it } from "vitest";

const F = nn.functional;

/** The same model, optimizer and data twice, one of them compiled: losses and states after every step. */
interface Setup {
  readonly net: nn.Module & ((x: Tensor) => Tensor);
  readonly optimizer: optim.Optimizer;
}

type Step = (x: Tensor, y: Tensor) => Tensor;

function stepOf({ net, optimizer }: Setup): Step {
  return (x, y) => {
    optimizer.zeroGrad();
    const loss = F.crossEntropy(net(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  };
}

function run(make: () => Setup, step: (setup: Setup) => Step, batches: readonly (readonly [Tensor, Tensor])[]): number[][] {
  manualSeed(7);
  const setup = make();
  manualSeed(8);
  const one = step(setup);
  return batches.map(([x, y]) => {
    const loss = one(x, y).itemSync();
    const state = Object.values(setup.net.stateDict()).flatMap((t) => [...t.float().dataSync()].map(Number));
    return [loss, ...state];
  });
}

function expectSame(make: () => Setup, batches: readonly (readonly [Tensor, Tensor])[]): void {
  const eager = run(make, stepOf, batches);
  const [compiled, replays] = counted((wrap) => run(make, (setup) => wrap(stepOf(setup)), batches));
  expect(compiled).toEqual(eager);
  expect(replays).toBe(batches.length - 2);
}

/** What `fn` gives, and how many replays there were of what it had compiled. */
function counted<T>(fn: (wrap: (step: Step) => Step) => T): [T, number] {
  const all: ReturnType<typeof compile>[] = [];
  const result = fn((step) => {
    const compiled = compile(step);
    all.push(compiled);
    return compiled;
  });
  return [result, all.reduce((sum, compiled) => sum + compiled.info().replays, 0)];
}

function batches(count: number, shape: readonly number[], classes: number): [Tensor, Tensor][] {
  manualSeed(1);
  return Array.from({ length: count }, () => [randn(shape), randint(classes, [shape[0]])]);
}

const mlp = (): nn.Sequential => new nn.Sequential(new nn.Linear(12, 16), new nn.ReLU(), new nn.Linear(16, 5));

class Conv extends nn.Module {
  conv1 = new nn.Conv2d(1, 4, 3, { padding: 1 });
  norm = new nn.BatchNorm2d(4);
  conv2 = new nn.Conv2d(4, 6, 3);
  drop = new nn.Dropout(0.3);
  out = new nn.Linear(6 * 3 * 3, 4);

  forward(x: Tensor): Tensor {
    const hidden = F.maxPool2d(this.norm(this.conv1(x)).relu(), 2); // [N, 4, 5, 5]
    return this.out(this.drop(this.conv2(hidden).relu().flatten(1)));
  }
}

class Recurrent extends nn.Module {
  lstm = new nn.LSTM(6, 8, { batchFirst: true });
  out = new nn.Linear(8, 3);

  forward(x: Tensor): Tensor {
    const [y] = this.lstm(x);
    return this.out(y.select(1, -1));
  }
}

class Attention extends nn.Module {
  block = new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 16, dropout: 0.1, batchFirst: true });
  out = new nn.Linear(8, 3);

  forward(x: Tensor): Tensor {
    return this.out(this.block(x).mean(1));
  }
}

type Make = (params: Iterable<Tensor>) => optim.Optimizer;

const OPTIMIZERS: { readonly [name: string]: Make } = {
  SGD: (params) => new optim.SGD(params, { lr: 0.05 }),
  "SGD with momentum": (params) => new optim.SGD(params, { lr: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.01 }),
  Adam: (params) => new optim.Adam(params, { lr: 0.01, amsgrad: true }),
  AdamW: (params) => new optim.AdamW(params, { lr: 0.01 }),
  NAdam: (params) => new optim.NAdam(params),
  RAdam: (params) => new optim.RAdam(params),
  Adagrad: (params) => new optim.Adagrad(params, { lrDecay: 0.1 }),
  Adadelta: (params) => new optim.Adadelta(params),
  RMSprop: (params) => new optim.RMSprop(params, { centered: true, momentum: 0.5 }),
  Rprop: (params) => new optim.Rprop(params),
  ASGD: (params) => new optim.ASGD(params, { t0: 2 }),
};

describe("a compiled training step equals eager mode bit for bit", () => {
  it.each(Object.keys(OPTIMIZERS))("for an MLP with %s", (name) => {
    expectSame(
      () => {
        const net = mlp();
        return { net, optimizer: OPTIMIZERS[name](net.parameters()) };
      },
      batches(8, [8, 12], 5),
    );
  });

  const MODELS: { readonly [name: string]: [() => Setup["net"], number[], number] } = {
    "a CNN with batch normalisation and dropout": [() => new Conv(), [6, 1, 10, 10], 4],
    "an LSTM": [() => new Recurrent(), [5, 7, 6], 3],
    "a transformer block": [() => new Attention(), [4, 5, 8], 3],
  };
  it.each(Object.keys(MODELS))("for %s", (name) => {
    const [make, shape, classes] = MODELS[name];
    const setup = (): Setup => {
      const net = make();
      return { net, optimizer: new optim.SGD(net.parameters(), { lr: 0.05, momentum: 0.9 }) };
    };
    expectSame(setup, batches(6, shape, classes));
  });

  it("for gradients that are clipped, accumulated and averaged", () => {
    const make = (): Setup => {
      const net = mlp();
      return { net, optimizer: new optim.Adam(net.parameters()) };
    };
    const clipped = ({ net, optimizer }: Setup): Step => {
      const average = new optim.swaUtils.AveragedModel(nn.clone(net), { avgFn: optim.swaUtils.getEmaAvgFn(0.9) });
      return (x, y) => {
        optimizer.zeroGrad({ setToNone: false });
        F.crossEntropy(net(x), y).backward();
        F.crossEntropy(net(x.mul(0.5)), y).backward();
        const norm = optim.clipGradNorm_(net.parameters(), 0.1);
        optimizer.step();
        average.updateParameters(net);
        return norm.add(average.module(x).sum()).detach();
      };
    };
    const data = batches(6, [8, 12], 5);
    const eager = run(make, clipped, data);
    const [compiled, replays] = counted((wrap) => run(make, (setup) => wrap(clipped(setup)), data));
    expect(compiled).toEqual(eager);
    expect(replays).toBe(4);
  });
});

describe("numbers are read at each replay", () => {
  it("by a scheduler inside and outside of the step, and by hand", () => {
    const make = (): Setup => {
      const net = mlp();
      return { net, optimizer: new optim.Adam(net.parameters(), { lr: 0.1 }) };
    };
    const scheduled =
      (wrap: (step: Step) => Step) =>
      (setup: Setup): Step => {
        const { optimizer } = setup;
        const inner = new optim.lrScheduler.ExponentialLR(optimizer, 0.7);
        const outer = new optim.lrScheduler.StepLR(optimizer, 2, { gamma: 0.5 });
        const plain = stepOf(setup);
        const step = wrap((x, y) => {
          const loss = plain(x, y);
          inner.step();
          return loss;
        });
        let calls = 0;
        return (x, y) => {
          const loss = step(x, y);
          outer.step();
          if (++calls === 4) optimizer.paramGroups[0].lr = 0.5;
          return loss;
        };
      };
    const data = batches(8, [8, 12], 5);
    const eager = run(
      make,
      scheduled((step) => step),
      data,
    );
    const [compiled, replays] = counted((wrap) => run(make, scheduled(wrap), data));
    expect(compiled).toEqual(eager);
    expect(replays).toBe(6);
  });
});

describe("memory", () => {
  it("stays flat over 1,000 replays", () => {
    const net = mlp();
    const step = compile(stepOf({ net, optimizer: new optim.Adam(net.parameters()) }));
    const [[x, y]] = batches(1, [8, 12], 5);
    for (let i = 0; i < 10; i++) step(x, y).dispose();
    const before = memory();
    for (let i = 0; i < 1000; i++) step(x, y).dispose();
    expect(memory().bytes).toBe(before.bytes);
    expect(memory().buffers).toBe(before.buffers);
  });
});
