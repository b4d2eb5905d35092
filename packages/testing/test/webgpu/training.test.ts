import "@sconce/backend-cpu";
import "@sconce/backend-webgpu";
import { deviceInfo, type WebGpuInfo } from "@sconce/backend-webgpu";
import { type Device, init, manualSeed, type Tensor } from "@sconce/core";
import { DataLoader, MNIST } from "@sconce/data";
import { Conv2d, functional as F, Flatten, Linear, MaxPool2d, type Module, ReLU, Sequential } from "@sconce/nn";
import { Adam, SGD } from "@sconce/optim";
import { describe, expect, it } from "vitest";
import { startDevice } from "./start.js";

type Net = Module & ((x: Tensor) => Tensor);
type Stepper = Pick<SGD, "step" | "zeroGrad">;

const available = (await startDevice()) !== null;
if (available) await init("webgpu");

/** The four files of MNIST: from the package in Node, from the server in a browser. */
const files = import.meta.url.startsWith("file:") ? {} : { root: `${location.origin}/data/` };

const mlp = (): Net =>
  new Sequential(new Flatten(), new Linear(784, 256), new ReLU(), new Linear(256, 128), new ReLU(), new Linear(128, 10)) as Net;
const cnn = (): Net =>
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
  ) as Net;

/** Trains for some steps; returns the losses. `each` is called after every step. */
async function train(
  device: Device,
  make: () => Net,
  start: (net: Net) => Stepper,
  steps: number,
  batchSize: number,
  each?: () => void,
): Promise<number[]> {
  manualSeed(7);
  const net = make().to(device);
  const optimizer = start(net);
  const images = await MNIST.load({ ...files, train: true, limit: steps * batchSize });
  const losses: number[] = [];
  for await (const [x, y] of new DataLoader(images, { batchSize, device })) {
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

const smallCnn = (): Net =>
  new Sequential(
    new Conv2d(1, 6, 5),
    new ReLU(),
    new MaxPool2d(2),
    new Conv2d(6, 16, 5),
    new ReLU(),
    new MaxPool2d(2),
    new Flatten(),
    new Linear(256, 10),
  ) as Net;

describe.skipIf(!available)("MNIST on WebGPU", { timeout: 240_000 }, () => {
  it("trains an MLP to the CPU's losses over 50 steps", async () => {
    const start = (net: Net): Stepper => new SGD(net.parameters(), { lr: 0.01, momentum: 0.9 });
    const want = await train("cpu", mlp, start, 50, 32);
    const got = await train("webgpu", mlp, start, 50, 32);
    expect(difference(got, want)).toBeLessThan(1e-3);
  });

  it("trains a small CNN to the CPU's losses over 50 steps", async () => {
    const start = (net: Net): Stepper => new SGD(net.parameters(), { lr: 0.01, momentum: 0.9 });
    const want = await train("cpu", smallCnn, start, 50, 16);
    const got = await train("webgpu", smallCnn, start, 50, 16);
    expect(want[49]).toBeLessThan(want[0] / 2);
    expect(difference(got, want)).toBeLessThan(1e-3);
  });

  it("trains a CNN with Adam to the CPU's losses, in one submit of at most 60 dispatches a step, and compiles nothing after the first", async () => {
    const start = (net: Net): Stepper => new Adam(net.parameters(), { lr: 1e-3 });
    const want = await train("cpu", cnn, start, 4, 2);
    const counts: WebGpuInfo[] = [];
    const got = await train("webgpu", cnn, start, 4, 2, () => counts.push(deviceInfo()));
    expect(difference(got, want)).toBeLessThan(1e-3);
    for (let i = 1; i < counts.length; i++) {
      expect(counts[i].submits - counts[i - 1].submits).toBe(1);
      expect(counts[i].dispatches - counts[i - 1].dispatches).toBeLessThanOrEqual(60);
    }
    expect(counts[3].pipelines).toBe(counts[1].pipelines);
  });
});
