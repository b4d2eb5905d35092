import "@sconce/backend-cpu";
import { noGrad } from "@sconce/autograd";
import { manualSeed, type Tensor } from "@sconce/core";
import { DataLoader, MNIST } from "@sconce/data";
import { Conv2d, functional as F, Flatten, Linear, MaxPool2d, type Module, ReLU, Sequential } from "@sconce/nn";
import { Adam, SGD } from "@sconce/optim";
import { beforeAll, describe, expect, it } from "vitest";
import { type GoldenTensor, readDocument } from "../../src/index.js";
import { expectClose, expectTrajectory, loadAll, readSeed, type Trajectory } from "./trajectory.js";

type Stepper = Pick<SGD, "step" | "zeroGrad">;
type Net = Module & ((x: Tensor) => Tensor);

/** Trains on batches and returns the loss of each; stops after `limit` of them. */
async function train(model: Net, optimizer: Stepper, batches: AsyncIterable<Tensor[]>, limit: number): Promise<number[]> {
  const losses: number[] = [];
  for await (const [x, y] of batches) {
    optimizer.zeroGrad();
    const loss = F.crossEntropy(model(x), y);
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
    if (losses.length === limit) break;
  }
  return losses;
}

describe("MNIST from given weights (12)", () => {
  interface Golden extends Trajectory {
    readonly state: { readonly [name: string]: GoldenTensor };
    readonly options: { readonly lr: number; readonly momentum?: number };
    readonly batch_size: number;
    readonly epochs: number;
    readonly test_accuracy_and_loss_per_epoch: readonly (readonly [number, number])[];
    readonly test_accuracy_and_loss_per_epoch_float64: readonly (readonly [number, number])[];
  }

  const bytes = { mean: 0, std: 1 };
  let training: MNIST;
  let test: MNIST;
  beforeAll(async () => {
    training = await MNIST.load({ train: true, limit: 2000, normalize: bytes });
    test = await MNIST.load({ train: false, limit: 1000, normalize: bytes });
  });

  async function run(name: string, model: Net, start: (golden: Golden) => Stepper): Promise<void> {
    const golden = await readSeed<Golden>(name);
    model.loadStateDict(loadAll(golden.state));
    const optimizer = start(golden);
    const losses: number[] = [];
    for (let epoch = 0; epoch < golden.epochs; epoch++) {
      const loader = new DataLoader(training, { batchSize: golden.batch_size });
      losses.push(...(await train(model, optimizer, loader as AsyncIterable<Tensor[]>, Number.POSITIVE_INFINITY)));
      const { accuracy, loss } = await evaluate(model);
      const [expectedAccuracy, expectedLoss] = golden.test_accuracy_and_loss_per_epoch[epoch];
      const [wideAccuracy, wideLoss] = golden.test_accuracy_and_loss_per_epoch_float64[epoch];
      expect(Math.abs(accuracy - expectedAccuracy)).toBeLessThanOrEqual(0.001 + 2 * Math.abs(expectedAccuracy - wideAccuracy));
      expectClose(loss, expectedLoss, 1e-3 + (5 * Math.abs(expectedLoss - wideLoss)) / expectedLoss, `test loss of epoch ${epoch}`);
    }
    expectTrajectory(losses, golden);
  }

  async function evaluate(model: Net): Promise<{ accuracy: number; loss: number }> {
    const [images, labels] = test.getItems(Array.from({ length: test.length }, (_, i) => i));
    const output = noGrad(() => model(images));
    const right = output.argmax(1).eq(labels).float().mean();
    return { accuracy: await right.item(), loss: await F.crossEntropy(output, labels).item() };
  }

  it("has PyTorch's losses and accuracy for an MLP with Adam", async () => {
    const model = new Sequential(new Flatten(), new Linear(784, 64), new ReLU(), new Linear(64, 10));
    await run("12_mnist_mlp_adam", model, ({ options }) => new Adam(model.parameters(), options));
  });

  it("has PyTorch's losses and accuracy for a CNN with SGD", async () => {
    const model = new Sequential(
      new Conv2d(1, 6, 5),
      new ReLU(),
      new MaxPool2d(2),
      new Conv2d(6, 16, 5),
      new ReLU(),
      new MaxPool2d(2),
      new Flatten(),
      new Linear(256, 84),
      new ReLU(),
      new Linear(84, 10),
    );
    await run("12_mnist_cnn_sgd", model, ({ options }) => new SGD(model.parameters(), options));
  });
});

/**
 * Rounding differences grow from step to step. PyTorch itself, on another machine or with the images of a batch in another order, has 3 to
 * 8 of the CNN's 100 losses further than 1e-2 from these, the furthest 3e-2.
 */
const CHAOTIC_STEPS = 10;

/** Within 1e-3 for 50 steps and 1e-2 for 100, but for some of the last 50, which stay within 5e-2. */
function expectSameRun(losses: readonly number[], golden: readonly number[], exceptions: number): void {
  expect(losses).toHaveLength(golden.length);
  const apart = losses.map((loss, t) => Math.abs(loss / golden[t] - 1));
  expect(Math.max(...apart.slice(0, 50))).toBeLessThanOrEqual(1e-3);
  expect(apart.slice(50).filter((d) => d > 1e-2).length).toBeLessThanOrEqual(exceptions);
  expect(Math.max(...apart)).toBeLessThanOrEqual(exceptions > 0 ? 5e-2 : 1e-2);
}

describe("the same seed gives PyTorch's run (15)", () => {
  interface Golden {
    readonly losses: readonly number[];
    readonly first_labels: readonly number[];
    readonly first_weights: { readonly [name: string]: readonly number[] };
  }

  const models: { readonly [name: string]: () => Net } = {
    mlp: () => new Sequential(new Flatten(), new Linear(784, 256), new ReLU(), new Linear(256, 128), new ReLU(), new Linear(128, 10)),
    cnn: () =>
      new Sequential(
        new Conv2d(1, 32, 3),
        new ReLU(),
        new Conv2d(32, 64, 3),
        new ReLU(),
        new MaxPool2d(2),
        new Flatten(),
        new Linear(9216, 128),
        new ReLU(),
        new Linear(128, 10),
      ),
  };

  it.each(Object.keys(models))(
    "for the %s: weights, order of the images and 100 losses",
    async (name) => {
      const golden = (await readDocument<{ readonly runs: { readonly [name: string]: Golden } }>("seeds/15_mnist_manual_seed_42.json"))
        .runs[name];
      const set = await MNIST.load({ train: true });
      manualSeed(42);
      const model = models[name]();
      const state = model.stateDict();
      for (const key in golden.first_weights) {
        const first = await state[key].flatten().narrow(0, 0, golden.first_weights[key].length).data();
        expect(Array.from(first, Number), key).toEqual(golden.first_weights[key]);
      }
      const loader = new DataLoader(set, { batchSize: 64, shuffle: true });
      let firstLabels: number[] | undefined;
      const batches = async function* (): AsyncGenerator<Tensor[]> {
        for await (const batch of loader as AsyncIterable<Tensor[]>) {
          firstLabels ??= Array.from(await batch[1].data(), Number);
          yield batch;
        }
      };
      const losses = await train(model, new Adam(model.parameters(), { lr: 1e-3 }), batches(), golden.losses.length);
      expect(firstLabels!.slice(0, golden.first_labels.length)).toEqual(golden.first_labels);
      expectSameRun(losses, golden.losses, name === "cnn" ? CHAOTIC_STEPS : 0);
    },
    300_000,
  );
});
