import "@sconce/backend-cpu";
import { noGrad } from "@sconce/autograd";
import { fromTypedArray, tensor, type Tensor } from "@sconce/core";
import { DataLoader, TensorDataset } from "@sconce/data";
import { Module, MSELoss, Parameter } from "@sconce/nn";
import { SGD } from "@sconce/optim";
import { beforeAll, describe, expect, it } from "vitest";
import type { GoldenTensor } from "../../src/index.js";
import { expectClose, load, readSeed } from "./trajectory.js";

type Points = readonly (readonly [epoch: number, loss: number])[];

interface Run {
  readonly first_grads: readonly [number, number];
  readonly losses: Points;
  readonly a: number;
  readonly b: number;
}

interface Golden {
  readonly x_train: GoldenTensor;
  readonly y_train: GoldenTensor;
  readonly x_train_float64: readonly number[];
  readonly y_train_float64: readonly number[];
  readonly numpy: { readonly init_a: number; readonly init_b: number; readonly lr: number; readonly losses: Points; readonly a: number; readonly b: number };
  readonly init_a: number;
  readonly init_b: number;
  readonly torch_manual: Run;
  readonly torch_sgd: Run;
  readonly torch_mse: Run;
  readonly minibatch: { readonly order: readonly (readonly number[])[]; readonly batch_size: number; readonly losses: readonly number[]; readonly a: number; readonly b: number };
}

const EPOCHS = 1000;

let golden: Golden;
let x: Tensor;
let y: Tensor;
beforeAll(async () => {
  golden = await readSeed<Golden>("08_linear_regression");
  x = load(golden.x_train);
  y = load(golden.y_train);
});

function start(): { a: Tensor; b: Tensor } {
  return { a: tensor([golden.init_a]).requiresGrad_(), b: tensor([golden.init_b]).requiresGrad_() };
}

function expectRun(losses: readonly number[], first: readonly number[], a: Tensor, b: Tensor, run: Run): void {
  for (const [epoch, loss] of run.losses) expectClose(losses[epoch], loss, 1e-4, `loss of epoch ${epoch}`);
  expectClose(first[0], run.first_grads[0], 1e-5, "first gradient of a");
  expectClose(first[1], run.first_grads[1], 1e-5, "first gradient of b");
  expectClose(a.itemSync(), run.a, 1e-5, "a");
  expectClose(b.itemSync(), run.b, 1e-5, "b");
}

describe("linear regression, five ways (08),", () => {
  it("has NumPy's numbers in float64 with gradients by hand", () => {
    const { init_a, init_b, lr, losses, a: endA, b: endB } = golden.numpy;
    const xs = fromTypedArray(Float64Array.from(golden.x_train_float64)).view([-1, 1]);
    const ys = fromTypedArray(Float64Array.from(golden.y_train_float64)).view([-1, 1]);
    let a = tensor([init_a], { dtype: "float64" });
    let b = tensor([init_b], { dtype: "float64" });
    const found: number[] = [];
    for (let epoch = 0; epoch < EPOCHS; epoch++) {
      const error = ys.sub(a.add(b.mul(xs)));
      found.push(error.pow(2).mean().itemSync());
      a = a.sub(error.mean().mul(-2 * lr));
      b = b.sub(xs.mul(error).mean().mul(-2 * lr));
    }
    for (const [epoch, loss] of losses) expectClose(found[epoch], loss, 1e-9, `loss of epoch ${epoch}`);
    expectClose(a.itemSync(), endA, 1e-9, "a");
    expectClose(b.itemSync(), endB, 1e-9, "b");
  });

  it("has PyTorch's numbers with autograd and an update by hand", () => {
    const { a, b } = start();
    const losses: number[] = [];
    let first: number[] = [];
    for (let epoch = 0; epoch < EPOCHS; epoch++) {
      const error = y.sub(a.add(b.mul(x)));
      const loss = error.pow(2).mean();
      losses.push(loss.itemSync());
      loss.backward();
      if (epoch === 0) first = [a.grad!.itemSync(), b.grad!.itemSync()];
      noGrad(() => {
        a.sub_(a.grad!.mul(0.1));
        b.sub_(b.grad!.mul(0.1));
      });
      a.grad!.zero_();
      b.grad!.zero_();
    }
    expectRun(losses, first, a, b, golden.torch_manual);
  });

  it("has PyTorch's numbers with SGD and with a loss module", () => {
    const ways: readonly [Run, (guess: Tensor) => Tensor][] = [
      [golden.torch_sgd, (guess) => y.sub(guess).pow(2).mean()],
      [golden.torch_mse, (guess) => new MSELoss({ reduction: "mean" })(y, guess)],
    ];
    for (const [run, lossOf] of ways) {
      const { a, b } = start();
      const optimizer = new SGD([a, b], { lr: 0.1 });
      const losses: number[] = [];
      let first: number[] = [];
      for (let epoch = 0; epoch < EPOCHS; epoch++) {
        const loss = lossOf(a.add(b.mul(x)));
        losses.push(loss.itemSync());
        loss.backward();
        if (epoch === 0) first = [a.grad!.itemSync(), b.grad!.itemSync()];
        optimizer.step();
        optimizer.zeroGrad();
      }
      expectRun(losses, first, a, b, run);
    }
  });

  it("has PyTorch's losses in batches of a loader with a module", async () => {
    const { order, batch_size, losses, a, b } = golden.minibatch;
    class Line extends Module {
      a = new Parameter(tensor([golden.init_a]));
      b = new Parameter(tensor([golden.init_b]));
      forward(input: Tensor): Tensor {
        return this.a.add(this.b.mul(input));
      }
    }
    const model = new Line();
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    const lossFn = new MSELoss();
    const found: number[] = [];
    const set = new TensorDataset(x, y);
    for (const epoch of order) {
      const loader = new DataLoader(set, { batchSize: batch_size, sampler: [...epoch] });
      for await (const [xs, ys] of loader) {
        const loss = lossFn(ys, model.train()(xs));
        loss.backward();
        optimizer.step();
        optimizer.zeroGrad();
        found.push(await loss.item());
      }
    }
    expect(found).toHaveLength(losses.length);
    losses.forEach((loss, t) => expectClose(found[t], loss, 1e-4, `loss of batch ${t}`));
    expectClose(await model.a.item(), a, 1e-4, "a");
    expectClose(await model.b.item(), b, 1e-4, "b");
  });
});
