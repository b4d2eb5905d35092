import "@sconce/autograd";
import "@sconce/backend-cpu";
import { createWebGpuBackend, deviceInfo, type GpuDevice, onDeviceLost, type WebGpuInfo } from "@sconce/backend-webgpu";
import { DeviceError, getBackend, init, manualSeed, memory, randint, randn, scope, type Tensor, zeros } from "@sconce/core";
import { deserialize, type State, serialize } from "@sconce/io";
import { Conv2d, functional as F, Flatten, Linear, MaxPool2d, type Module, ReLU, Sequential } from "@sconce/nn";
import { Adam } from "@sconce/optim";
import { describe, expect, it, vi } from "vitest";
import { startDevice } from "./start.js";

type Net = Module & ((x: Tensor) => Tensor);

const opened = await startDevice();
const available = opened !== null;
if (available) await init("webgpu");
const device = "webgpu" as const;

function makeNet(): Net {
  return new Sequential(new Conv2d(1, 4, 3), new ReLU(), new MaxPool2d(2), new Flatten(), new Linear(36, 10)) as Net;
}

interface Training {
  readonly net: Net;
  readonly optimizer: Adam;
  readonly x: Tensor;
  readonly y: Tensor;
}

function begin(): Training {
  manualSeed(3);
  const net = makeNet().to(device);
  const [x, y] = [randn([4, 1, 8, 8]).to(device), randint(0, 10, [4]).to(device)];
  return { net, optimizer: new Adam(net.parameters(), { lr: 1e-2 }), x, y };
}

function step({ net, optimizer, x, y }: Training): Tensor {
  optimizer.zeroGrad();
  const loss = F.crossEntropy(net(x), y);
  loss.backward();
  optimizer.step();
  return loss;
}

async function losses(training: Training, steps: number): Promise<number[]> {
  const list: number[] = [];
  for (let i = 0; i < steps; i++) list.push(await step(training).item());
  return list;
}

describe.skipIf(!available)("long runs and mishaps on WebGPU", () => {
  it("holds the same buffers after 500 steps of a CNN as after 10, in one submit each", { timeout: 240_000 }, async () => {
    const training = begin();
    const run = async (steps: number): Promise<number> => {
      let last = 0;
      for (let i = 0; i < steps; i++) {
        const loss = scope(() => step(training));
        last = await loss.item();
        loss.dispose();
      }
      return last;
    };
    const first = await run(10);
    const before: WebGpuInfo = deviceInfo();
    const held = memory();
    const last = await run(490);
    const after = deviceInfo();
    expect(last).toBeLessThan(first / 10);
    expect(after.buffers).toBe(before.buffers);
    expect(after.bytes).toBe(before.bytes);
    // The network was made on the CPU, whose buffers may go in the meantime.
    expect(memory().buffers).toBeLessThanOrEqual(held.buffers);
    expect(memory().bytes).toBeLessThanOrEqual(held.bytes);
    expect(after.pipelines).toBe(before.pipelines);
    expect(after.submits - before.submits).toBe(490);
  });

  it("trains on from a checkpoint after the device was lost, as if nothing had happened", async () => {
    const training = begin();
    await losses(training, 5);
    const state: State = { net: training.net.stateDict(), optimizer: training.optimizer.stateDict() as unknown as State };
    const saved = await serialize(state);
    const want = await losses(training, 5);
    const lost = new Promise<DeviceError>((resolve) => onDeviceLost(resolve));
    (getBackend(device) as unknown as { destroy(): void }).destroy();
    expect((await lost).message).toContain("load the parameters again");
    expect(() => step(training)).toThrow(DeviceError);
    await init(device);
    const again = begin();
    const loaded = deserialize<{ net: { [name: string]: Tensor }; optimizer: never }>(saved);
    again.net.loadStateDict(loaded.net);
    again.optimizer.loadStateDict(loaded.optimizer);
    const got = await losses(again, 5);
    got.forEach((loss, i) => {
      expect(Math.abs(loss - want[i])).toBeLessThan(1e-5 * Math.abs(want[i]));
    });
  });

  it("names the tensor that is too large for one buffer", () => {
    const side = Math.ceil(Math.sqrt(getBackend(device).limits.maxBytes / 4)) + 1;
    expect(() => zeros([side, side], { device })).toThrow(`got [${side}, ${side}] float32`);
    const [a, b] = [zeros([side, 1], { device }), zeros([1, side], { device })];
    expect(() => a.mm(b)).toThrow(`got [${side}, ${side}] float32`);
  });

  it("names the tensor that the device had no memory for", async () => {
    const real = await openRaw();
    const starved = await createWebGpuBackend({ device: withoutMemory(real) });
    const spec = { shape: [2048, 2048], dtype: "float32" } as const;
    const small = {
      handle: starved.upload(Float32Array.of(1), "float32"),
      dtype: "float32",
      shape: [2048, 2048],
      strides: [0, 0],
      offset: 0,
    } as const;
    const use = (): unknown => starved.run("softmax", [small], [spec], { dim: 1, log: false });
    const message = "out of memory: 16777216 bytes for a tensor [2048, 2048]; free tensors or use smaller ones";
    await vi.waitFor(() => expect(use).toThrow(message), { timeout: 20_000 });
    starved.destroy();
  });
});

/** A device of its own: the one that a fresh backend has opened. */
async function openRaw(): Promise<GpuDevice> {
  let raw: GpuDevice | undefined;
  const { navigator } = globalThis as unknown as {
    navigator?: { gpu?: { requestAdapter(): Promise<{ requestDevice(): Promise<GpuDevice> }> } };
  };
  if (navigator?.gpu !== undefined) raw = await (await navigator.gpu.requestAdapter()).requestDevice();
  else {
    const name = "webgpu";
    const dawn = (await import(/* @vite-ignore */ name)) as {
      create(flags: string[]): { requestAdapter(): Promise<{ requestDevice(): Promise<GpuDevice> }> };
    };
    const gpu = dawn.create([]);
    Object.assign(globalThis, { sconceTestGpu: gpu });
    raw = await (await gpu.requestAdapter()).requestDevice();
  }
  return raw;
}

/** The same device, but for large buffers, of which it reports that there is no memory for them. */
function withoutMemory(device: GpuDevice): GpuDevice {
  const report = async (): Promise<{ message: string }> => {
    await device.popErrorScope();
    return { message: "no memory" };
  };
  return new Proxy(device, {
    get: (target, name) => {
      if (name === "popErrorScope") return report;
      const value = Reflect.get(target, name) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
