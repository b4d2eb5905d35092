import "@sconce/autograd";
import "@sconce/backend-cpu";
import "@sconce/backend-webgl";
import { contextInfo, type WebGlInfo } from "@sconce/backend-webgl";
import { type Device, init, manualSeed, rand, randint, type Tensor } from "@sconce/core";
import { Conv2d, functional as F, Flatten, Linear, MaxPool2d, type Module, ReLU, Sequential } from "@sconce/nn";
import { Adam, SGD } from "@sconce/optim";
import { describe, expect, it } from "vitest";

type Net = Module & ((x: Tensor) => Tensor);
type Stepper = Pick<SGD, "step" | "zeroGrad">;

await init("webgl");

const STEPS = 30;

const mlp = (): Net =>
  new Sequential(new Flatten(), new Linear(784, 64), new ReLU(), new Linear(64, 32), new ReLU(), new Linear(32, 10)) as Net;
const cnn = (): Net =>
  new Sequential(
    new Conv2d(1, 4, 3),
    new ReLU(),
    new Conv2d(4, 8, 3),
    new ReLU(),
    new MaxPool2d(2),
    new Flatten(),
    new Linear(1152, 32),
    new ReLU(),
    new Linear(32, 10),
  ) as Net;

/** Digits of a sort: bright squares whose place tells the class. */
function batch(size: number, device: Device): [x: Tensor, y: Tensor] {
  const y = randint(0, 10, [size]);
  const x = rand([size, 1, 28, 28]).mul(0.3);
  const labels = y.tolistSync() as number[];
  labels.forEach((label, i) => {
    const row = 4 + 10 * Math.floor(label / 5);
    const column = 5 * (label % 5);
    x.setAt([i, 0, `${row}:${row + 6}`, `${column}:${column + 5}`], 1);
  });
  return [x.to(device), y.to(device)];
}

/** Trains for some steps; returns the losses. */
async function train(device: Device, make: () => Net, start: (net: Net) => Stepper, size: number, each?: () => void): Promise<number[]> {
  manualSeed(7);
  const net = make().to(device);
  const optimizer = start(net);
  const losses: number[] = [];
  for (let step = 0; step < STEPS; step++) {
    const [x, y] = batch(size, device);
    optimizer.zeroGrad();
    const loss = F.crossEntropy(net(x), y);
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
    each?.();
  }
  return losses;
}

/** Largest relative difference of two lists. */
function difference(got: readonly number[], want: readonly number[]): number {
  expect(got.length).toBe(want.length);
  return Math.max(...got.map((loss, i) => Math.abs(loss - want[i]) / Math.abs(want[i])));
}

describe("training on WebGL", () => {
  it("trains an MLP to the CPU's losses and compiles nothing once momentum is there, after the first step", async () => {
    const start = (net: Net): Stepper => new SGD(net.parameters(), { lr: 0.05, momentum: 0.9 });
    const want = await train("cpu", mlp, start, 16);
    const counts: WebGlInfo[] = [];
    const got = await train("webgl", mlp, start, 16, () => counts.push(contextInfo()));
    expect(want[STEPS - 1]).toBeLessThan(want[0] / 2);
    expect(difference(got, want)).toBeLessThan(2e-3);
    expect(counts[STEPS - 1].programs).toBe(counts[1].programs);
  });

  it("trains a CNN with Adam to the CPU's losses and compiles nothing after the first step", async () => {
    const start = (net: Net): Stepper => new Adam(net.parameters(), { lr: 2e-3 });
    const want = await train("cpu", cnn, start, 4);
    const counts: WebGlInfo[] = [];
    const got = await train("webgl", cnn, start, 4, () => counts.push(contextInfo()));
    expect(difference(got, want)).toBeLessThan(2e-3);
    expect(counts[STEPS - 1].programs).toBe(counts[0].programs);
  });
});
