import "@sconce/autograd";
import { createCpuBackend } from "@sconce/backend-cpu";
import { createWebGpuBackend, type GpuDevice, type WebGpuBackend } from "@sconce/backend-webgpu";
import {
  autocast,
  type ConvAttrs,
  convShape,
  type Device,
  type KernelName,
  type Kernels,
  manualSeed,
  randn,
  registerBackend,
  roundToHalf,
  type Spec,
  sizeOf,
  type Tensor,
  type TypedArray,
  unregisterBackend,
} from "@sconce/core";
import { Conv2d, functional as F, Flatten, Linear, ReLU, Sequential } from "@sconce/nn";
import { GradScaler, SGD } from "@sconce/optim";
import { describe, expect, it } from "vitest";
import { expectClose, generator, type HostTensor, hostTensor, type LAYOUTS, runOn } from "./both.js";
import { dawnDevice } from "./dawn.js";
import { startDevice } from "./start.js";

/**
 * A device that takes kernels of float16 where there is no `shader-f16`: with float32 in their place, in buffers of twice the size. It shows
 * where they read, how they add up and how they round; that their text is valid WGSL is for Dawn's null device to say.
 */
function widened(device: GpuDevice): GpuDevice {
  const changes: { readonly [name: string]: unknown } = {
    features: { has: (name: string) => name === "shader-f16" || device.features.has(name) },
    createShaderModule: ({ code, ...rest }: { code: string }) =>
      device.createShaderModule({ ...rest, code: code.replace("enable f16;", "").replace(/\bf16\b/g, "f32") }),
    createBuffer: ({ size, ...rest }: { size: number }) => device.createBuffer({ ...rest, size: 2 * size }),
  };
  return new Proxy(device, {
    get(target, name) {
      if (Object.hasOwn(changes, name)) return changes[name as string];
      const value = Reflect.get(target, name) as unknown;
      return typeof value === "function" ? (value as () => unknown).bind(target) : value;
    },
  });
}

const random = generator(77);
const half = (shape: readonly number[], layout: (typeof LAYOUTS)[number]): HostTensor =>
  hostTensor("float32", shape, layout, () => roundToHalf(random() * 2 - 1, "float16"));

/** Runs a kernel on tensors and results said to be of float16 whose elements lie there as float32. */
async function runWidened<K extends KernelName>(
  gpu: WebGpuBackend,
  kernel: K,
  inputs: readonly HostTensor[],
  output: readonly number[],
  attrs: Kernels[K],
): Promise<TypedArray> {
  const views = inputs.map(({ array, shape, strides, offset }) => ({
    handle: gpu.upload(array, "float32"),
    dtype: "float16" as const,
    shape,
    strides,
    offset,
  }));
  const [result] = gpu.run(kernel, views, [{ shape: output, dtype: "float16" }], attrs);
  return gpu.download(result, "float32", sizeOf(output));
}

type Check = <K extends KernelName>(
  kernel: K,
  inputs: readonly HostTensor[],
  output: readonly number[],
  attrs: Kernels[K],
) => Promise<void>;

const one = { stride: [1], padding: [0], dilation: [1], groups: 1 };
const two = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 };
const CONVS: readonly (ConvAttrs & { readonly x: readonly number[]; readonly w: readonly number[] })[] = [
  { x: [2, 3, 9], w: [3, 3, 3], ...one, padding: [1] },
  { x: [2, 4, 9, 9], w: [6, 2, 3, 2], stride: [2, 3], padding: [2, 1], dilation: [2, 1], groups: 2 },
  // Large enough to go through columns.
  { x: [2, 6, 21], w: [4, 6, 3], ...one, padding: [1] },
  { x: [6, 8, 6, 6], w: [16, 8, 3, 3], ...two, padding: [1, 1] },
];

/** Every kernel that takes float16 as it is. */
async function eachKernel(check: Check): Promise<void> {
  for (const layout of ["contiguous", "transposed"] as const) {
    for (const [m, k, n] of [
      [5, 7, 3],
      [64, 32, 48],
      [70, 33, 65],
    ]) {
      const [a, b] = [half([m, k], layout), half([k, n], layout)];
      const bias = { ...half([n], "contiguous"), shape: [m, n], strides: [0, 1] };
      await check("matmul", [a, b], [m, n], { bias: false });
      await check("matmul", [a, b, bias], [m, n], { bias: true });
    }
    for (const { x, w, ...attrs } of CONVS) {
      const out = convShape(x, w, attrs);
      const [input, weight, grad] = [half(x, layout), half(w, layout), half(out, layout)];
      await check("conv", [input, weight], out, attrs);
      await check("conv", [input, weight, half([w[0]], "contiguous")], out, attrs);
      await check("convInput", [grad, weight], x, attrs);
      await check("convWeight", [grad, input], w, attrs);
    }
  }
}

const reference = createCpuBackend({ reference: true });

/** Losses of a small network trained in mixed precision. */
async function trainMixed(device: Device): Promise<number[]> {
  manualSeed(4);
  const net = new Sequential(new Conv2d(2, 6, 3), new ReLU(), new Flatten(), new Linear(96, 5)).to(device);
  const optimizer = new SGD(net.parameters(), { lr: 0.1 });
  const scaler = new GradScaler({ initScale: 256 });
  const [x, y] = [randn(8, 2, 6, 6).to(device), randn(8, 5).to(device)];
  const losses: number[] = [];
  for (let step = 0; step < 5; step++) {
    optimizer.zeroGrad();
    const loss = autocast(device, { dtype: "float16" }, () => F.mseLoss(net(x) as Tensor, y));
    scaler.scale(loss).backward();
    expect(await scaler.step(optimizer)).toBe(true);
    scaler.update();
    losses.push(await loss.item());
  }
  scaler.scale((net(x) as Tensor).sum().mul(Number.POSITIVE_INFINITY)).backward();
  expect(await scaler.step(optimizer)).toBe(false);
  scaler.update();
  expect(scaler.getScale()).toBe(128);
  return losses;
}
const available = (await startDevice()) !== null;

for (const software of [true, false]) {
  const kind = software ? "software adapters" : "hardware";
  const real = available ? await dawnDevice([], []) : null;
  describe.skipIf(real === null)(`products of float16, with float32 in its place, for ${kind}`, () => {
    it("add up in float32 and round once, as the CPU does", { timeout: 120_000 }, async () => {
      const gpu = await createWebGpuBackend({ device: widened(real!), software });
      await eachKernel(async (kernel, inputs, output, attrs) => {
        const specs: Spec[] = [{ shape: output, dtype: "float32" }];
        const [want] = await runOn(reference, kernel, inputs, specs, attrs);
        const got = await runWidened(gpu, kernel, inputs, output, attrs);
        // Sums in another order may round to the neighbour.
        expectClose(
          got as Float32Array,
          Array.from(want as Float32Array, (x) => roundToHalf(x, "float16")),
          2 ** -10,
          `${kernel} ${output}`,
        );
        for (const x of got) expect(roundToHalf(Number(x), "float16")).toBe(x);
      });
    });
  });

  describe.skipIf(real === null)(`mixed precision, with float32 in place of float16, for ${kind}`, () => {
    it("trains by autocast and GradScaler as on the CPU, and leaves steps with infinities out", async () => {
      const gpu = await createWebGpuBackend({ device: widened(real!), software });
      registerBackend(gpu);
      try {
        const [want, got] = [await trainMixed("cpu" as Device), await trainMixed("webgpu" as Device)];
        expect(want[4]).toBeLessThan(want[0]);
        expectClose(got, want, 1e-3);
      } finally {
        unregisterBackend(gpu);
      }
    });
  });

  const checking = available ? await dawnDevice(["backend=null"], ["shader-f16"]) : null;
  describe.skipIf(checking === null)(`the text of products of float16, for ${kind}`, () => {
    it("is valid, and no copy in float32 is made", async () => {
      const errors: unknown[] = [];
      checking!.addEventListener("uncapturederror", (event) => {
        errors.push((event as { error: { message: string } }).error.message);
      });
      const gpu = await createWebGpuBackend({ device: checking!, software });
      await eachKernel(async (kernel, inputs, output, attrs) => {
        const narrow = inputs.map((x) => ({ ...x, array: new Uint16Array(x.array.length), dtype: "float16" as const }));
        const before = gpu.info.dispatches;
        const [got] = await runOn(gpu, kernel, narrow, [{ shape: output, dtype: "float16" }], attrs);
        expect(got.constructor).toBe(Uint16Array);
        if (kernel === "matmul") expect(gpu.info.dispatches - before).toBe(1);
      });
      await gpu.synchronize();
      expect(errors).toEqual([]);
      expect(gpu.limits.narrow).toEqual(new Set(["concat", "matmul", "conv", "convInput", "convWeight"]));
    });
  });
}
