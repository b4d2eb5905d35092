import { compile } from "@sconce/autograd/compile";
import { CpuBackend } from "@sconce/backend-cpu";
import { arange, type DType, manualSeed, memory, ones, rand, randn, registerBackend, scope, type Tensor, tensor } from "@sconce/core";
import { functional as F, Linear, ReLU, Sequential } from "@sconce/nn";
import { Adam } from "@sconce/optim";
import { beforeEach, describe, expect, it, vi } from "vitest";

const LIMIT = 2 ** 20;
let backend: CpuBackend;

/** A megabyte in buffers that nothing frees before the event loop has a turn. */
function litter(): Tensor[] {
  return Array.from({ length: 16 }, (_, i) => {
    const x = ones([2 ** 14]).mul(i);
    x.dataSync();
    return x;
  });
}

const live = (): number => backend.machine.heap.stats().live;

describe("a loop that never waits", () => {
  beforeEach(() => {
    backend = new CpuBackend({ memoryLimit: LIMIT });
    registerBackend(backend);
  });

  it("stays within its limit, and says once how to do better", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const weight = rand([1000]);
    const before = weight.dataSync();
    const start = live();
    for (let i = 0; i < 50; i++) {
      litter();
      expect(live() - start).toBeLessThan(1.5 * LIMIT);
      expect(memory().bytes).toBeLessThan(1.5 * LIMIT + start);
    }
    expect(weight.dataSync()).toEqual(before);
    expect(warn).toHaveBeenCalledOnce();
    expect(warn.mock.calls[0][0]).toContain("scope(() => { ... })");
    warn.mockRestore();
  });

  it("trains to the same losses as with room for all", () => {
    const train = (): number[] => {
      manualSeed(1);
      const net = new Sequential(new Linear(64, 256), new ReLU(), new Linear(256, 10));
      const optimizer = new Adam(net.parameters(), { lr: 1e-3 });
      const [x, y] = [randn([128, 64]), arange(128).remainder(10)];
      return Array.from({ length: 160 }, () => {
        optimizer.zeroGrad();
        const loss = F.crossEntropy(net(x), y);
        loss.backward();
        optimizer.step();
        return loss.itemSync();
      });
    };
    const crowded = train();
    expect(live()).toBeLessThan(16 * LIMIT);
    registerBackend(new CpuBackend());
    expect(crowded).toEqual(train());
  });

  it("keeps few small buffers as well, and little of what they were made with", () => {
    registerBackend(new CpuBackend());
    const start = { buffers: memory().buffers, heap: process.memoryUsage().heapUsed };
    let [buffers, heap] = [0, 0];
    for (let i = 0; i < 150_000; i++) {
      ones([4]).mul(i).dataSync();
      buffers = Math.max(buffers, memory().buffers - start.buffers);
      if (i % 500 === 0) heap = Math.max(heap, process.memoryUsage().heapUsed - start.heap);
    }
    expect(buffers).toBeLessThan(3 * (2 ** 28 / 4 / 2 ** 13) + 100);
    expect(heap).toBeLessThan(30 * 2 ** 20);
  });

  it("lets the collector have what it left behind", () => {
    const start = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 1000; i++) litter();
    expect(process.memoryUsage().arrayBuffers - start).toBeLessThan(500e6);
  });

  it("never touches a living tensor: every dtype, views, and writes in place", () => {
    const dtypes: DType[] = ["float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"];
    const made = dtypes.map((dtype) => arange(5).to(dtype).add(tensor(1).to(dtype)));
    const view = arange(12).float().view([3, 4]).t();
    const written = ones([4]);
    for (let i = 0; i < 5; i++) {
      litter();
      written.add_(1);
      view.select(0, 1).mul_(2);
    }
    expect(made.map((x) => x.tolistSync())).toEqual(
      dtypes.map((dtype) => (dtype === "bool" ? [true, true, true, true, true] : [1, 2, 3, 4, 5])),
    );
    expect(view.tolistSync()).toEqual([
      [0, 4, 8],
      [32, 160, 288],
      [2, 6, 10],
      [3, 7, 11],
    ]);
    expect(written.tolistSync()).toEqual([6, 6, 6, 6]);
  });

  it("keeps what a graph needs, and what a scope frees stays freed", () => {
    const x = randn([100]).requiresGrad_();
    const y = x.exp().sin().sum();
    let lost: Tensor | undefined;
    scope(() => {
      lost = ones([10]).add(1);
      for (let i = 0; i < 4; i++) litter();
    });
    for (let i = 0; i < 4; i++) litter();
    y.backward();
    const expected = x.detach().exp().cos().mul(x.detach().exp());
    expect(x.grad?.sub(expected).abs().max().itemSync()).toBeLessThan(1e-5);
    expect(() => lost?.dataSync()).toThrow("freed at the end of the scope");
  });

  it("leaves the memory of compiled functions where it is", () => {
    const weight = rand([128, 128]);
    const bias = new Float32Array(128 * 128).fill(0.5);
    const fn = compile((x: Tensor) =>
      x
        .matmul(weight)
        .relu()
        .matmul(weight)
        .add(tensor(bias).view([128, 128])),
    );
    const x = rand([128, 128]);
    const expected = x.matmul(weight).relu().matmul(weight).add(0.5).dataSync();
    const others: Tensor[] = [];
    for (let round = 0; round < 8; round++) {
      expect(fn(x).dataSync()).toEqual(expected);
      others.push(...litter());
    }
    expect(others.map((other) => other.sum().itemSync() / 2 ** 14)).toEqual(others.map((_, i) => i % 16));
  });
});
