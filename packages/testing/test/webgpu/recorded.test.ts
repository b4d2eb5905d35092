import "@sconce/autograd";
import "@sconce/backend-cpu";
import { compile } from "@sconce/autograd/compile";
import { createWebGpuBackend, type WebGpuBackend } from "@sconce/backend-webgpu";
import { DeviceError, manualSeed, memory, randint, randn, registerBackend, type Tensor, tensor } from "@sconce/core";
import { Conv2d, functional as F, Flatten, Linear, MaxPool2d, type Module, ReLU, Sequential } from "@sconce/nn";
import { Adam, lrScheduler } from "@sconce/optim";
import { beforeEach, describe, expect, it } from "vitest";
import { startDevice } from "./start.js";

type Net = Module & ((x: Tensor) => Tensor);
type Step = (x: Tensor, y: Tensor) => Tensor;

const device = "webgpu" as const;
const available = (await startDevice()) !== null;
let backend: WebGpuBackend;

/** Makes a device that has recorded nothing the one that tensors move to. */
async function freshDevice(): Promise<void> {
  backend = await createWebGpuBackend();
  registerBackend(backend);
}

/** What ops give that share kernels and layouts, but neither buffers nor numbers. */
function programs(x: Tensor, y: Tensor, n: number): Tensor[] {
  const index = tensor([n, 1, 0], { dtype: "int32" }).to(device);
  return [
    x
      .mul(n)
      .add(y, { alpha: n + 0.5 })
      .exp(),
    x.mul(y).sub(n).sum(1),
    x.square().mul(n).mean(0),
    x.mm(y),
    x.mm(x.t()),
    x.softmax(1),
    x.sort(1).values,
    x.indexSelect(0, index),
    x.cumsum(0).clamp({ min: -n, max: n }),
    x.at("1:").sub(y.at(":-1")).abs().max(),
    x.gt(n / 4).logicalOr(y.lt(0)),
  ];
}

const read = (list: readonly Tensor[]): Promise<unknown[]> => Promise.all(list.map((t) => t.data()));

function makeNet(): Net {
  manualSeed(5);
  return new Sequential(new Conv2d(1, 4, 3), new ReLU(), new MaxPool2d(2), new Flatten(), new Linear(36, 10)).to(device) as Net;
}

/** A training step whose learning rate falls, and what it works on. */
function training(net: Net): Step {
  const optimizer = new Adam(net.parameters(), { lr: 0.01 });
  const scheduler = new lrScheduler.ExponentialLR(optimizer, 0.9);
  return (x, y) => {
    optimizer.zeroGrad();
    const loss = F.crossEntropy(net(x), y);
    loss.backward();
    optimizer.step();
    scheduler.step();
    return loss;
  };
}

async function train(wrap: (step: Step) => Step): Promise<unknown[]> {
  const net = makeNet();
  const step = wrap(training(net));
  const losses: number[] = [];
  for (let i = 0; i < 6; i++) losses.push(await step(randn([4, 1, 8, 8]).to(device), randint(0, 10, [4]).to(device)).item());
  return [losses, ...(await read(net.parameters()))];
}

describe.skipIf(!available)("recorded calls on WebGPU", () => {
  beforeEach(freshDevice);

  it("give other buffers and numbers the bits that a first call gives them", async () => {
    manualSeed(1);
    const inputs = [1, 2].map((n) => ({ x: randn([8, 8]), y: randn([8, 8]), n }));
    const run = ({ x, y, n }: (typeof inputs)[number]): Promise<unknown[]> => read(programs(x.to(device), y.to(device), n));
    await run(inputs[0]);
    const again = await run(inputs[1]);
    await freshDevice();
    expect(again).toEqual(await run(inputs[1]));
  });

  it("tell one buffer read twice from two buffers of the same layout", async () => {
    const [a, b] = [tensor([1, 2, 3]).to(device), tensor([4, 5, 6]).to(device)];
    expect(await read([a.mul(b), a.mul(a), b.mul(b), b.mul(a)])).toEqual([
      Float32Array.of(4, 10, 18),
      Float32Array.of(1, 4, 9),
      Float32Array.of(16, 25, 36),
      Float32Array.of(4, 10, 18),
    ]);
  });

  it("tell dtypes, dimensions and options of one layout apart", async () => {
    const x = tensor([
      [1, 5],
      [4, 2],
    ]).to(device);
    const whole = x.int();
    expect(await read([x.cumsum(0), x.cumsum(1), x.cumprod(1), x.max(0).values, x.max(1).values])).toEqual(
      [
        [1, 5, 5, 7],
        [1, 6, 4, 6],
        [1, 5, 4, 8],
        [4, 5],
        [5, 4],
      ].map((list) => Float32Array.from(list)),
    );
    expect(await whole.cumsum(0).data()).toEqual(Int32Array.of(1, 5, 5, 7));
    expect(await read([x.logSoftmax(0).exp().sum(), x.softmax(0).sum()])).toEqual([Float32Array.of(2), Float32Array.of(2)]);
  });

  it("check the indices that were uploaded", () => {
    const x = tensor([1, 2, 3]).to(device);
    const pick = (list: number[]): Tensor => x.gather(0, tensor(list, { dtype: "int32" }).to(device));
    pick([0, 2]);
    expect(() => pick([0, 3])).toThrow("index 3 is out of bounds for dimension 0 with size 3");
  });

  it("write over a parameter that nobody else holds, and beside one that somebody does", async () => {
    const w = tensor([1, 2], { requiresGrad: true });
    const p = w.detach().to(device).requiresGrad_();
    const optimizer = new Adam([p], { lr: 0.5 });
    const kept: Tensor[] = [];
    for (let i = 0; i < 4; i++) {
      p.grad = tensor([1, -1]).to(device);
      if (i === 2) kept.push(p.detach().clone());
      optimizer.step();
    }
    expect(await kept[0].data()).toEqual(Float32Array.of(0, 3));
    expect(await p.data()).toEqual(Float32Array.of(-1, 4));
  });

  it("train to the same bits in eager mode and in replays", async () => {
    const eager = await train((step) => step);
    expect(await train((step) => compile(step))).toEqual(eager);
    await freshDevice();
    expect(await train((step) => compile(step))).toEqual(eager);
  });

  it("hold the same buffers over 500 replays of a CNN's step, in one submit each", { timeout: 240_000 }, async () => {
    const step = compile(training(makeNet()));
    const [x, y] = [randn([4, 1, 8, 8]).to(device), randint(0, 10, [4]).to(device)];
    const run = async (steps: number): Promise<void> => {
      for (let i = 0; i < steps; i++) {
        const loss = step(x, y);
        await loss.item();
        loss.dispose();
      }
    };
    await run(10);
    const [before, held] = [backend.info, memory()];
    await run(490);
    const after = backend.info;
    expect(step.info().replays).toBe(498);
    expect({ buffers: after.buffers, bytes: after.bytes, pipelines: after.pipelines }).toEqual({
      buffers: before.buffers,
      bytes: before.bytes,
      pipelines: before.pipelines,
    });
    expect(memory().buffers).toBeLessThanOrEqual(held.buffers);
    expect(after.submits - before.submits).toBe(490);
    expect((after.dispatches - before.dispatches) / 490).toBeLessThanOrEqual(60);
  });

  it("throw once the device is lost", async () => {
    const step = compile(training(makeNet()));
    const [x, y] = [randn([4, 1, 8, 8]).to(device), randint(0, 10, [4]).to(device)];
    for (let i = 0; i < 3; i++) await step(x, y).item();
    const lost = new Promise<DeviceError>((resolve) => backend.onLost(resolve));
    backend.destroy();
    expect((await lost).message).toContain("load the parameters again");
    expect(() => step(x, y)).toThrow(DeviceError);
  });
});
