import { conv2d } from "@sconce/core/nn";
import "@sconce/backend-cpu";
import "@sconce/autograd";
import { createWebGpuBackend, type GpuDevice, type WebGpuBackend } from "@sconce/backend-webgpu";
import {
  autocast,
  cat,
  type Device,
  inputExpr,
  randn,
  registerBackend,
  roundToHalf,
  scalarExpr,
  tensor,
  unregisterBackend,
} from "@sconce/core";
import { functional as F, Linear } from "@sconce/nn";
import { GradScaler, SGD } from "@sconce/optim";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { generator, runOn, tensorOf } from "./both.js";
import { dawnDevice } from "./dawn.js";
import { startDevice } from "./start.js";

const backend = await startDevice();
const device = "webgpu" as Device;

describe.skipIf(backend === null)("float16 on WebGPU", () => {
  const gpu = backend as WebGpuBackend;

  it("rounds as the host does", async () => {
    const random = generator(9);
    const bits = Int32Array.from({ length: 50_000 }, () => random() * 2 ** 32);
    const edges = [0, -0, 1, 65504, 65519.99, 65520, -65520, 2 ** -24, 2 ** -25, 3 * 2 ** -26, -(2 ** -14), 1e30, Infinity, -Infinity];
    const floats = [...edges, ...new Float32Array(bits.buffer)].filter((x) => !Number.isNaN(x));
    const rounded = scalarExpr("cast", "float32", [scalarExpr("cast", "float16", [inputExpr(0, "float32")])]);
    const outputs = [{ shape: [floats.length], dtype: "float32" as const }];
    const [got] = await runOn(gpu, "elementwise", [tensorOf("float32", [floats.length], floats)], outputs, {
      exprs: [rounded],
      numbers: [],
    });
    floats.forEach((x, i) => {
      if (!Object.is(got[i], roundToHalf(x, "float16"))) expect.fail(`${x}: got ${got[i]}, want ${roundToHalf(x, "float16")}`);
    });
  });

  it("is refused by name where the adapter has no shader-f16", () => {
    if (gpu.limits.dtypes.has("float16")) return;
    registerBackend(gpu);
    try {
      const why = 'device "webgpu" has no float16 (the adapter lacks the feature shader-f16)';
      expect(() => tensor([1], { device }).half()).toThrow(why);
      expect(() => tensor([1]).half().to(device)).toThrow(why);
      expect(() => autocast(device, () => 1)).toThrow(why);
      expect(() => tensor([1], { device }).bfloat16()).toThrow('device "webgpu" has no bfloat16');
    } finally {
      unregisterBackend(gpu);
    }
  });
});

// Dawn's device that computes nothing has every feature and checks every kernel.
const checking = backend === null ? null : await dawnDevice(["backend=null"], ["shader-f16"]);

describe.skipIf(checking === null).each([true, false])("kernels of float16, for software adapters: %s", (software) => {
  let gpu: WebGpuBackend;
  const errors: unknown[] = [];

  beforeAll(async () => {
    (checking as GpuDevice).addEventListener("uncapturederror", (event) => {
      errors.push((event as { error: { message: string } }).error.message);
    });
    gpu = await createWebGpuBackend({ device: checking as GpuDevice, software });
    registerBackend(gpu);
  });
  afterAll(() => unregisterBackend(gpu));

  it("are valid: elementwise ops in all layouts, reductions, products, copies, a training step in mixed precision", async () => {
    expect(gpu.limits.dtypes.has("float16")).toBe(true);
    const x = randn(70, 70).half().to(device);
    const results = [x.mul(2).add(x.t()).relu(), x.add(x.at(0)), x.sum(1), x.mm(x), x.softmax(1), x.gt(0), x.float()];
    const written = x.clone();
    written.setAt([":", 0], 1);
    const images = randn(1, 2, 8, 8).half().to(device);
    results.push(written, cat([x, x], 1), x.at(":", "1:3").contiguous(), x.sort(1).values, conv2d(images, images.at(":", ":", ":3", ":3")));
    for (const y of results) await y.data();
    expect((await x.data()).constructor).toBe(Uint16Array);
    const net = new Linear(70, 3).to(device);
    const optimizer = new SGD(net.parameters(), { lr: 0.1 });
    const scaler = new GradScaler();
    const loss = autocast(device, () => F.mseLoss(net(x), randn(70, 3).to(device)));
    expect(loss.dtype).toBe("float32");
    scaler.scale(loss).backward();
    await scaler.step(optimizer);
    await net.weight.data();
    expect(errors).toEqual([]);
  });

  it("would be refused if they were not", async () => {
    (checking as GpuDevice).createShaderModule({ code: "@compute @workgroup_size(1) fn main() { let x: f16 = 1h; }" });
    const read = async (): Promise<void> => {
      for (let i = 0; i < 3; i++) await tensor([1], { device }).data();
    };
    await expect(read()).rejects.toThrow("'f16' type used without 'f16' extension enabled");
  });
});
