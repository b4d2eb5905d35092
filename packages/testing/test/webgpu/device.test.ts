import "@sconce/backend-cpu";
import { deviceInfo, onDeviceLost, profile, type WebGpuBackend, warmup } from "@sconce/backend-webgpu";
import {
  arange,
  cat,
  DeviceError,
  eye,
  full,
  getBackend,
  init,
  memory,
  NotSupportedError,
  prefetch,
  randn,
  scope,
  type Tensor,
  tensor,
  zeros,
} from "@sconce/core";
import * as linalg from "@sconce/core/linalg";
import { Linear, type Module } from "@sconce/nn";
import { describe, expect, it } from "vitest";
import { startDevice } from "./start.js";

const available = (await startDevice()) !== null;
if (available) await init("webgpu");
const device = "webgpu" as const;

const matrix = (): Tensor =>
  tensor(
    [
      [4, 1],
      [1, 3],
    ],
    { device },
  );

describe.skipIf(!available)("the WebGPU device", () => {
  it("moves tensors to it at once and back asynchronously", async () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]).to(device);
    expect(x.device).toBe(device);
    expect(await x.t().tolist()).toEqual([
      [1, 3],
      [2, 4],
    ]);
    expect((await x.add(1).toAsync("cpu")).device).toBe("cpu");
    expect(() => x.dataSync()).toThrow("cannot block");
  });

  it("refuses wide dtypes and tensors of another device", () => {
    expect(() => tensor([1], { dtype: "float64" }).to(device)).toThrow("has no float64");
    expect(() => tensor([1n]).to(device)).toThrow("has no int64");
    expect(() => tensor([1]).add(tensor([1], { device }))).toThrow("Expected all tensors to be on the same device");
  });

  it("puts all that is read in one turn into one submit", async () => {
    const before = deviceInfo().submits;
    const list = [1, 2, 3].map((n) => tensor([n], { device }).mul(2));
    expect(await Promise.all(list.map((t) => t.item()))).toEqual([2, 4, 6]);
    expect(deviceInfo().submits - before).toBe(1);
  });

  it("does not let an upload overtake commands that still read its buffer", async () => {
    const sums = [];
    for (let i = 0; i < 20; i++) {
      const x = tensor([i, i, i, i], { device });
      sums.push(x.sum());
      x.dispose();
    }
    expect(await Promise.all(sums.map((s) => s.item()))).toEqual(Array.from({ length: 20 }, (_, i) => 4 * i));
  });

  it("goes past 65535 workgroups and past the inputs of one kernel", async () => {
    const n = 65535 * 64 + 1000;
    const x = zeros([n], { device }).add(arange(3, { device }).at(1)).add(1);
    expect(await x.sum().item()).toBe(2 * n);
    const many = Array.from({ length: 30 }, (_, i) => tensor([i, 1], { device }));
    expect(await many.reduce((a, b) => a.add(b)).tolist()).toEqual([435, 30]);
    expect((await cat(many).data()).length).toBe(60);
  });

  it("handles empty tensors", async () => {
    const x = zeros([0, 3], { device });
    expect(await x.add(1).sum(0).tolist()).toEqual([0, 0, 0]);
    expect((await x.mm(zeros([3, 2], { device })).data()).length).toBe(0);
  });

  it("refuses what needs elements at once and says what to do, and does it once they were read ahead", async () => {
    const x = tensor([3, -1, 2, 3], { device });
    const mask = x.gt(0);
    expect(() => x.at(mask)).toThrow(
      'needs the elements of [4] at once, and device "webgpu" cannot block; read them ahead with await prefetch(t)',
    );
    expect(() => x.unique()).toThrow(NotSupportedError);
    await prefetch(x, mask);
    expect(await x.at(mask).tolist()).toEqual([3, 2, 3]);
    expect(await mask.nonzero().tolist()).toEqual([[0], [2], [3]]);
    expect(await x.unique().tolist()).toEqual([-1, 2, 3]);
    expect(x.at("1::2").tolistSync()).toEqual([-1, 3]);
    expect(mask.float().tolistSync()).toEqual([1, 0, 1, 1]);
    expect(x.toString()).toBe("tensor([ 3., -1.,  2.,  3.], device='webgpu')");
    expect(x.to("cpu").device).toBe("cpu");
    x.add_(1);
    expect(() => x.itemSync()).toThrow();
    expect(() => x.dataSync()).toThrow(NotSupportedError);
    expect(await x.tolist()).toEqual([4, 0, 3, 4]);
  });

  it("computes on the host what only the host can, at once where it knows the elements", async () => {
    const a = matrix();
    await prefetch(a);
    const factor = linalg.cholesky(a);
    expect(factor.device).toBe(device);
    expect(await factor.mm(factor.t()).allclose(a)).toBe(true);
    // What the host has made it also knows.
    expect(linalg.solveTriangular(factor, factor, { upper: false }).tolistSync()).toEqual([
      [1, 0],
      [0, 1],
    ]);
  });

  it("computes on the host in the order of the program, whatever is uploaded, freed or read meanwhile", async () => {
    const sums = [];
    for (let i = 1; i <= 20; i++) {
      const a = matrix().mul(i);
      const half = linalg.inv(a);
      a.dispose();
      const x = linalg.inv(half.mul(2)).mul(tensor([i, i], { device }));
      half.dispose();
      sums.push(x.sum());
      x.dispose();
      tensor([-1, -1, -1, -1], { device }).dispose();
    }
    const found = await Promise.all(sums.map((s) => s.item()));
    found.forEach((sum, i) => {
      expect(sum / (i + 1) ** 2).toBeCloseTo(4.5, 4);
    });
  });

  it("waits for the host before it is idle, warms up across it, and reports the host's error later", async () => {
    const before = deviceInfo().dispatches;
    const product = linalg.inv(matrix().mul(2)).mm(matrix());
    await (getBackend(device) as WebGpuBackend).synchronize();
    expect(deviceInfo().dispatches - before).toBe(2);
    expect(
      await product.allclose(
        tensor(
          [
            [0.5, 0],
            [0, 0.5],
          ],
          { device },
        ),
        { atol: 1e-6 },
      ),
    ).toBe(true);
    expect(await warmup(() => linalg.inv(matrix().mul(3)).sinh().softmax(0))).toBeGreaterThan(0);
    const wrong = linalg.inv(matrix().mul(0));
    await expect(wrong.data()).rejects.toThrow("the inversion could not be completed because the input matrix is singular");
    expect(await linalg.det(linalg.inv(matrix())).item()).toBeCloseTo(1 / 11, 5);
  });

  it("compiles nothing for another batch size or another number", async () => {
    const step = async (n: number, rate: number): Promise<number> =>
      randn([n, 8])
        .to(device)
        .mul(rate)
        .mm(randn([8, 4]).to(device))
        .relu()
        .sum()
        .item();
    await step(6, 0.5);
    const before = deviceInfo().pipelines;
    await step(10, 0.25);
    expect(deviceInfo().pipelines).toBe(before);
  });

  it("compiles kernels ahead in the background and runs them then, in order", async () => {
    const net = new Linear(5, 3).to(device) as Linear & Module;
    const input = arange(20, { device }).float().view([4, 5]).div(20);
    const scaled = input.mul(3);
    const { dispatches } = deviceInfo();
    let early: Tensor | undefined;
    const warm = warmup((x: Tensor) => {
      early = net(x).tanh().cosh().softmax(1);
      net.bias!.detach().add_(1);
    }, scaled);
    expect(deviceInfo().dispatches).toBe(dispatches);
    expect(await warm).toBeGreaterThan(0);
    expect(deviceInfo().dispatches).toBeGreaterThan(dispatches);
    const { pipelines } = deviceInfo();
    const late = net(scaled).tanh().cosh().softmax(1);
    expect(deviceInfo().pipelines).toBe(pipelines);
    expect(await late.data()).not.toEqual(await early!.data());
    net.bias!.detach().sub_(1);
    const again = await net(scaled).tanh().cosh().softmax(1).data();
    (await early!.data()).forEach((v, i) => expect(again[i]).toBeCloseTo(v as number, 5));
    expect(await scaled.sum().item()).toBeCloseTo(28.5, 5);
  });

  it("runs what a warm-up holds back as soon as something is read", async () => {
    const x = full([3], 2, { device });
    const warm = warmup(() => x.atan().asinh());
    const y = x.atan().asinh();
    expect(await y.sum().item()).toBeCloseTo(3 * Math.asinh(Math.atan(2)), 5);
    await warm;
  });

  it("times kernels on the device and puts them on a track of the performance panel", async () => {
    const x = randn([64, 64]).to(device);
    performance.clearMeasures();
    const times = await profile(() => x.mm(x).exp().sum().item());
    expect(times.map(({ kernel }) => kernel.split(" ")[0]).sort()).toEqual(["matmul", "reduce"]);
    for (const { ms, calls } of times) {
      expect(ms).toBeGreaterThan(0);
      expect(calls).toBeGreaterThan(0);
    }
    const track = performance.getEntriesByType("measure") as PerformanceMeasure[];
    expect(track.map(({ name }) => name.split(" ")[0]).sort()).toEqual(["matmul", "reduce"]);
    for (const { detail } of track) expect(detail.devtools).toEqual({ dataType: "track-entry", track: "Sconce GPU" });
  });

  it.each([
    ["the device alone", (x: Tensor, w: Tensor) => x.mm(w).relu().sum()],
    ["the host, too", (x: Tensor, w: Tensor) => linalg.solve(w.mm(w.t()).add(eye(16, { device })), x.mm(w).t()).sum()],
  ])("holds no more buffers after many steps of %s in scopes", async (_, compute) => {
    const w = randn([16, 16]).to(device);
    const step = async (): Promise<void> => {
      const total = scope(() => compute(randn([8, 16]).to(device), w));
      await total.item();
      total.dispose();
    };
    for (let i = 0; i < 5; i++) await step();
    const { buffers } = deviceInfo();
    const held = memory().buffers;
    for (let i = 0; i < 100; i++) await step();
    expect(deviceInfo().buffers).toBe(buffers);
    expect(memory().buffers).toBeLessThanOrEqual(held);
  });

  it("reports a lost device: reads reject, the listener is called, the next init works", async () => {
    const lost: DeviceError[] = [];
    onDeviceLost((error) => lost.push(error));
    const x = tensor([1, 2], { device }).add(1);
    const pending = x.data();
    (getBackend(device) as unknown as { destroy(): void }).destroy();
    await expect(pending).rejects.toThrow(DeviceError);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(lost.length).toBe(1);
    expect(() => x.exp().sum()).toThrow("the device was lost");
    await init(device);
    expect(await tensor([1, 2], { device }).add(1).tolist()).toEqual([2, 3]);
  });
});
