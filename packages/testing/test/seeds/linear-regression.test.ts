import { data, fromTypedArray, manualSeed, nn, optim, type Tensor, tensor } from "sconce";
import { beforeAll, describe, expect, it } from "vitest";
import {
  byHand,
  ManualLinearRegression,
  makeTrainStep,
  withAutograd,
  withLoss,
  withModule,
  withOptimizer,
} from "../../../../docs/tutorials/09-linear-regression.js";
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
  readonly numpy: {
    readonly init_a: number;
    readonly init_b: number;
    readonly lr: number;
    readonly losses: Points;
    readonly a: number;
    readonly b: number;
  };
  readonly init_a: number;
  readonly init_b: number;
  readonly torch_manual: Run;
  readonly torch_sgd: Run;
  readonly torch_mse: Run;
  readonly minibatch: {
    readonly order: readonly (readonly number[])[];
    readonly batch_size: number;
    readonly losses: readonly number[];
    readonly a: number;
    readonly b: number;
  };
}

let golden: Golden;
let x: Tensor;
let y: Tensor;
beforeAll(async () => {
  golden = await readSeed<Golden>("08_linear_regression");
  x = load(golden.x_train);
  y = load(golden.y_train);
});

describe("linear regression, five ways (08),", () => {
  it("has NumPy's numbers in float64 with gradients by hand", async () => {
    const { init_a, init_b, lr, losses, a, b } = golden.numpy;
    const column = (values: readonly number[]): Tensor => fromTypedArray(Float64Array.from(values)).view(-1, 1);
    const points = { x: column(golden.x_train_float64), y: column(golden.y_train_float64) };
    const [startA, startB] = [init_a, init_b].map((value) => tensor([value], { dtype: "float64" }));
    const fit = await byHand(points, startA, startB, lr);
    for (const [epoch, loss] of losses) expectClose(fit.losses[epoch], loss, 1e-9, `loss of epoch ${epoch}`);
    expectClose(fit.a, a, 1e-9, "a");
    expectClose(fit.b, b, 1e-9, "b");
  });

  it("has PyTorch's first gradients", () => {
    const [a, b] = [golden.init_a, golden.init_b].map((value) => tensor([value], { requiresGrad: true }));
    y.sub(a.add(b.mul(x)))
      .pow(2)
      .mean()
      .backward();
    const [first, second] = golden.torch_manual.first_grads;
    expectClose(a.grad!.itemSync(), first, 1e-5, "first gradient of a");
    expectClose(b.grad!.itemSync(), second, 1e-5, "first gradient of b");
  });

  const ways = [
    { name: "with autograd and an update by hand", solve: withAutograd, run: "torch_manual" },
    { name: "with SGD", solve: withOptimizer, run: "torch_sgd" },
    { name: "with a loss module", solve: withLoss, run: "torch_mse" },
    { name: "with a module and a step function", solve: withModule, run: "torch_mse" },
  ] as const;
  it.each(ways)("has PyTorch's numbers $name", async ({ solve, run }) => {
    const expected = golden[run];
    const { a, b, losses } = await solve({ x, y });
    for (const [epoch, loss] of expected.losses) expectClose(losses[epoch], loss, 1e-4, `loss of epoch ${epoch}`);
    expectClose(a, expected.a, 1e-5, "a");
    expectClose(b, expected.b, 1e-5, "b");
  });

  it("has PyTorch's losses in batches of a loader", async () => {
    const { order, batch_size, losses, a, b } = golden.minibatch;
    manualSeed(42);
    const model = new ManualLinearRegression();
    const step = makeTrainStep(model, new nn.MSELoss(), new optim.SGD(model.parameters(), { lr: 0.1 }));
    const found: number[] = [];
    const set = new data.TensorDataset(x, y);
    for (const epoch of order) {
      const loader = new data.DataLoader(set, { batchSize: batch_size, sampler: [...epoch] });
      for await (const [xs, ys] of loader) found.push(await step(xs, ys));
    }
    expect(found).toHaveLength(losses.length);
    losses.forEach((loss, t) => expectClose(found[t], loss, 1e-4, `loss of batch ${t}`));
    expectClose(await model.a.item(), a, 1e-4, "a");
    expectClose(await model.b.item(), b, 1e-4, "b");
  });
});
