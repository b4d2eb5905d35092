import "@sconce/backend-cpu";
import "@sconce/autograd";
import { type Device, manualSeed, randn, realiseAll, registerBackend, scope, type Tensor, unregisterBackend } from "@sconce/core";
import {
  BatchNorm2d,
  Conv2d,
  functional as F,
  GRU,
  GroupNorm,
  InstanceNorm2d,
  LSTM,
  RNN,
  Sequential,
  TransformerEncoderLayer,
} from "@sconce/nn";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectClose } from "../../../backend-cpu/src/testing.js";
import { startDevice } from "./start.js";

const backend = await startDevice();
const webgpu = "webgpu" as Device;

/** The elements of tensors. */
const read = (tensors: readonly Tensor[]): Promise<Float32Array[]> =>
  Promise.all(tensors.map(async (x) => (await x.data()) as Float32Array));

/** Fails unless `run`, which gets the device, gives the same numbers on WebGPU as on the CPU. */
async function expectAlike(run: (device: Device) => readonly Tensor[]): Promise<void> {
  const [want, got] = [await read(run("cpu" as Device)), await read(run(webgpu))];
  expect(got.length).toBe(want.length);
  want.forEach((list, i) => expectClose(got[i], list, 1e-4, `tensor ${i}`));
}

/** Random tensors, the same on all devices. */
function draw(device: Device, ...shapes: readonly (readonly number[])[]): Tensor[] {
  manualSeed(3);
  return shapes.map((shape) => randn(shape).to(device).requiresGrad_());
}

const gradients = (tensors: readonly Tensor[]): Tensor[] => tensors.map((x) => x.grad as Tensor);

describe.skipIf(backend === null)("layers of fused kernels on WebGPU", () => {
  beforeAll(() => registerBackend(backend!));
  afterAll(() => unregisterBackend(backend!));

  it("train a transformer's layer as the CPU does", async () => {
    await expectAlike((device) => {
      manualSeed(1);
      const layer = new TransformerEncoderLayer(16, 4, { dimFeedforward: 32, dropout: 0, batchFirst: true }).to(device);
      const [x] = draw(device, [2, 9, 16]);
      const y = layer(x);
      y.mul(y).mean().backward();
      return [y, ...gradients([x, ...layer.parameters()])];
    });
  });

  it("train a bidirectional LSTM of two layers as the CPU does", async () => {
    await expectAlike((device) => {
      manualSeed(1);
      const layer = new LSTM(6, 5, { numLayers: 2, bidirectional: true }).to(device);
      const [x] = draw(device, [7, 3, 6]);
      const [y, [h, c]] = layer(x);
      y.mul(y).sum().add(h.sum()).add(c.mul(2).sum()).backward();
      return [y, h, c, ...gradients([x, ...layer.parameters()])];
    });
  });

  it("train batch, group and instance normalisation between convolutions as the CPU does, with running statistics", async () => {
    for (const norm of [() => new BatchNorm2d(6), () => new GroupNorm(3, 6), () => new InstanceNorm2d(6, { affine: true })]) {
      await expectAlike((device) => {
        manualSeed(1);
        const layer = new Sequential(new Conv2d(3, 6, 3), norm(), new Conv2d(6, 2, 3)).to(device);
        const [x] = draw(device, [4, 3, 12, 11]);
        const y = layer(x);
        y.mul(y).mean().backward();
        return [y, ...gradients([x, ...layer.parameters()]), ...[...layer.buffers()].map((b) => b.float())];
      });
    }
  });

  it("train GRU and RNN layers as the CPU does", async () => {
    for (const make of [() => new GRU(6, 5), () => new GRU(6, 5, { bias: false }), () => new RNN(6, 5, { nonlinearity: "relu" })]) {
      await expectAlike((device) => {
        manualSeed(1);
        const layer = make().to(device);
        const [x] = draw(device, [7, 3, 6]);
        const [y, h] = layer(x);
        y.mul(y).sum().add(h.sum()).backward();
        return [y, h, ...gradients([x, ...layer.parameters()])];
      });
    }
  });

  it.each([
    ["small, with kept weights", [2, 3, 40, 8]],
    ["large, with weights made again", [1, 1, 1100, 4]],
  ] as const)("differentiate attention twice over one graph: %s", async (_, shape) => {
    await expectAlike((device) => {
      const inputs = draw(device, shape, shape, shape);
      const [q, k, v] = inputs;
      const y = F.scaledDotProductAttention(q, k, v);
      const loss = y.mul(y).sum();
      loss.backward({ retainGraph: true });
      loss.backward();
      return [y, ...gradients(inputs)];
    });
  });

  it("give the memory of kept weights back", async () => {
    const run = async (): Promise<void> => {
      scope(() => {
        const inputs = draw(webgpu, [2, 3, 40, 8], [2, 3, 40, 8], [2, 3, 40, 8]);
        F.scaledDotProductAttention(inputs[0], inputs[1], inputs[2]).sum().backward();
        realiseAll(gradients(inputs));
        // Gradients outlive the scope.
        for (const x of gradients(inputs)) x.dispose();
      });
      await backend!.synchronize();
    };
    await run();
    const { buffers } = backend!.info;
    for (let i = 0; i < 5; i++) await run();
    expect(backend!.info.buffers).toBe(buffers);
  });
});
