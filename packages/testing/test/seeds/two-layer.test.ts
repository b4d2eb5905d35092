import "@sconce/backend-cpu";
import { Function, type FunctionContext, noGrad } from "@sconce/autograd";
import type { Tensor } from "@sconce/core";
import { Linear, Module, MSELoss, ReLU, Sequential } from "@sconce/nn";
import { Adam, SGD } from "@sconce/optim";
import { beforeAll, describe, expect, it } from "vitest";
import type { GoldenTensor } from "../../src/index.js";
import { expectFinal, expectTrajectory, loadAll, readSeed } from "./trajectory.js";

const STEPS = 500;
const LEARNING_RATE = 1e-6;

let data: { [name: string]: Tensor };
beforeAll(async () => {
  data = loadAll(await readSeed<{ [name: string]: GoldenTensor }>("two_layer_data"));
});

/** Copies, since training changes them in place. */
function weights(): { x: Tensor; y: Tensor; w1: Tensor; w2: Tensor } {
  return { x: data.x, y: data.y, w1: data.w1.clone(), w2: data.w2.clone() };
}

function state(names: { readonly [key: string]: string }): { [key: string]: Tensor } {
  return Object.fromEntries(
    Object.entries(names).flatMap(([key, name]) => ["weight", "bias"].map((part) => [`${key}.${part}`, data[`${name}.${part}`]])),
  );
}

/** Trains with a hand-written update of `w1` and `w2`; `forward` gives the prediction. */
function trainByHand(forward: (x: Tensor, w1: Tensor, w2: Tensor) => Tensor): { losses: number[]; w1: Tensor; w2: Tensor } {
  const { x, y, w1, w2 } = weights();
  w1.requiresGrad_();
  w2.requiresGrad_();
  const losses: number[] = [];
  for (let t = 0; t < STEPS; t++) {
    const loss = forward(x, w1, w2).sub(y).pow(2).sum();
    losses.push(loss.itemSync());
    loss.backward();
    noGrad(() => {
      w1.sub_(w1.grad!.mul(LEARNING_RATE));
      w2.sub_(w2.grad!.mul(LEARNING_RATE));
      w1.grad!.zero_();
      w2.grad!.zero_();
    });
  }
  return { losses, w1, w2 };
}

function train(model: (x: Tensor) => Tensor, optimizer: Pick<SGD, "step" | "zeroGrad">): number[] {
  const { x, y } = data;
  const criterion = new MSELoss({ reduction: "sum" });
  const losses: number[] = [];
  for (let t = 0; t < STEPS; t++) {
    const loss = criterion(model(x), y);
    losses.push(loss.itemSync());
    // The middle layer of (07) has no gradient at some steps; PyTorch 1.13 left zeros there, so that its momentum went on.
    optimizer.zeroGrad({ setToNone: false });
    loss.backward();
    optimizer.step();
  }
  return losses;
}

class TwoLayerNet extends Module {
  linear1 = new Linear(1000, 100);
  linear2 = new Linear(100, 10);

  forward(x: Tensor): Tensor {
    return this.linear2(this.linear1(x).clamp({ min: 0 }));
  }
}

class DynamicNet extends Module {
  input_linear = new Linear(1000, 100);
  middle_linear = new Linear(100, 100);
  output_linear = new Linear(100, 10);

  /** Applies the middle layer, always the same, `layers` times. */
  forward(x: Tensor, layers: number): Tensor {
    let hidden = this.input_linear(x).clamp({ min: 0 });
    for (let i = 0; i < layers; i++) hidden = this.middle_linear(hidden).clamp({ min: 0 });
    return this.output_linear(hidden);
  }
}

class MyRelu extends Function {
  static forward(ctx: FunctionContext, input: Tensor): Tensor {
    ctx.saveForBackward(input);
    return input.clamp({ min: 0 });
  }

  static backward(ctx: FunctionContext, gradOutput: Tensor): Tensor {
    const [input] = ctx.savedTensors;
    const gradInput = gradOutput.clone();
    gradInput.setAt([input.lt(0)], 0);
    return gradInput;
  }
}

describe("a two-layer network has PyTorch's losses for 500 steps", () => {
  it("with gradients by hand (01)", async () => {
    const golden = await readSeed("01_numpy_manual");
    const { x, y, w1, w2 } = weights();
    const losses: number[] = [];
    for (let t = 0; t < STEPS; t++) {
      const h = x.mm(w1);
      const hRelu = h.clamp({ min: 0 });
      const yPred = hRelu.mm(w2);
      losses.push(yPred.sub(y).square().sum().itemSync());
      const gradYPred = yPred.sub(y).mul(2);
      const gradW2 = hRelu.t().mm(gradYPred);
      const gradH = gradYPred.mm(w2.t()).clone();
      gradH.setAt([h.lt(0)], 0);
      const gradW1 = x.t().mm(gradH);
      w1.sub_(gradW1.mul(LEARNING_RATE));
      w2.sub_(gradW2.mul(LEARNING_RATE));
    }
    expectTrajectory(losses, golden);
    expectFinal(Object.entries({ w1, w2 }), golden);
  });

  it("with autograd (02)", async () => {
    const golden = await readSeed("02_autograd");
    const { losses, w1, w2 } = trainByHand((x, a, b) => x.mm(a).clamp({ min: 0 }).mm(b));
    expectTrajectory(losses, golden);
    expectFinal(Object.entries({ w1, w2 }), golden);
  });

  it("with a function of one's own (03)", async () => {
    const golden = await readSeed("03_custom_function");
    const relu = (x: Tensor): Tensor => MyRelu.apply(x);
    const { losses, w1, w2 } = trainByHand((x, a, b) => relu(x.mm(a)).mm(b));
    expectTrajectory(losses, golden);
    expectFinal(Object.entries({ w1, w2 }), golden);
  });

  it("with nn.Sequential and an update by hand (04)", async () => {
    const golden = await readSeed("04_nn_sequential");
    const model = new Sequential(new Linear(1000, 100), new ReLU(), new Linear(100, 10));
    model.loadStateDict(state({ 0: "linear1", 2: "linear2" }));
    const lossFn = new MSELoss({ reduction: "sum" });
    const losses: number[] = [];
    for (let t = 0; t < STEPS; t++) {
      const loss = lossFn(model(data.x), data.y);
      losses.push(loss.itemSync());
      model.zeroGrad();
      loss.backward();
      noGrad(() => {
        for (const param of model.parameters()) param.sub_(param.grad!.mul(1e-4));
      });
    }
    expectTrajectory(losses, golden);
    expectFinal(model.namedParameters(), golden);
  });

  it("with Adam (05)", async () => {
    const golden = await readSeed("05_adam");
    const model = new Sequential(new Linear(1000, 100), new ReLU(), new Linear(100, 10));
    model.loadStateDict(state({ 0: "linear1", 2: "linear2" }));
    expectTrajectory(train(model, new Adam(model.parameters(), { lr: 1e-4 })), golden);
    expectFinal(model.namedParameters(), golden);
  });

  it("with a module of one's own (06)", async () => {
    const golden = await readSeed("06_custom_module");
    const model = new TwoLayerNet();
    model.loadStateDict(state({ linear1: "linear1", linear2: "linear2" }));
    expectTrajectory(train(model, new SGD(model.parameters(), { lr: 1e-4 })), golden);
    expectFinal(model.namedParameters(), golden);
  });

  it("with control flow and shared weights (07)", async () => {
    const golden = await readSeed("07_dynamic_net");
    const model = new DynamicNet();
    model.loadStateDict(state({ input_linear: "linear1", middle_linear: "middle", output_linear: "linear2" }));
    expect([...model.parameters()]).toHaveLength(6);
    let step = 0;
    const losses = train((x) => model(x, golden.layers![step++]), new SGD(model.parameters(), { lr: 1e-4, momentum: 0.9 }));
    expectTrajectory(losses, golden);
    expectFinal(model.namedParameters(), golden);
  });
});
