import "@sconce/backend-cpu";
import "@sconce/backend-webgl";
import { contextInfo, createWebGlBackend, onContextLost } from "@sconce/backend-webgl";
import { arange, cat, type DeviceError, getBackend, init, memory, randn, scope, type Tensor, tensor, zeros } from "@sconce/core";
import { describe, expect, it, vi } from "vitest";

const contexts = new Set<object>();
const nativeGpu = Object.getOwnPropertyDescriptor(globalThis, "GPU");
const getContext = HTMLCanvasElement.prototype.getContext as (this: HTMLCanvasElement, ...args: unknown[]) => object | null;
HTMLCanvasElement.prototype.getContext = function (this: HTMLCanvasElement, ...args: unknown[]): object | null {
  const context = getContext.apply(this, args);
  if (context !== null) contexts.add(context);
  return context;
} as typeof HTMLCanvasElement.prototype.getContext;

const device = await init("webgl");

describe("the WebGL device", () => {
  it("has one context for the page, whoever asks for it", async () => {
    expect(await createWebGlBackend()).toBe(getBackend(device));
    await tensor([1], { device }).add(1).data();
    expect(contexts.size).toBe(1);
  });

  it("leaves the browser's interface GPU in place", () => {
    expect(Object.getOwnPropertyDescriptor(globalThis, "GPU")).toEqual(nativeGpu);
  });

  it("moves tensors to it and back, blocking or not", async () => {
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
    expect(x.to("cpu").mul(2).tolistSync()).toEqual([
      [2, 4],
      [6, 8],
    ]);
  });

  it("reads without blocking: pixels go to a buffer, which is fetched behind a fence", async () => {
    const read = vi.spyOn(WebGL2RenderingContext.prototype, "readPixels");
    const block = vi.spyOn(WebGL2RenderingContext.prototype, "finish");
    await randn([100]).to(device).exp().data();
    expect(read.mock.calls.map((args) => typeof args[6])).toEqual(["number"]);
    expect(block).not.toHaveBeenCalled();
    read.mockRestore();
    block.mockRestore();
  });

  it("starts by name only where a real GPU is wanted and there is none", async () => {
    const { device: chosen, why } = await init();
    expect(chosen).toBe("cpu");
    expect(why).toMatch(/webgl has only the software adapter .*SwiftShader/);
    expect(await init({ software: true })).toMatchObject({ device: "webgl", why: expect.stringMatching(/^webgl: runs on /) });
  });

  it("runs every kernel as a draw call: none falls back to another device", async () => {
    const draw = vi.spyOn(WebGL2RenderingContext.prototype, "drawArrays");
    const warn = vi.spyOn(console, "warn");
    const before = contextInfo().launches;
    const x = randn([6, 8]).to(device);
    await x.mm(x.t()).softmax(1).cumsum(0).sum().item();
    const { launches } = contextInfo();
    expect(launches - before).toBeGreaterThanOrEqual(4);
    expect(draw).toHaveBeenCalledTimes(launches - before);
    expect(warn).not.toHaveBeenCalled();
    draw.mockRestore();
    warn.mockRestore();
  });

  it("refuses dtypes that it lacks and tensors of another device", () => {
    expect(() => tensor([1], { dtype: "float64" }).to(device)).toThrow("has no float64");
    expect(() => tensor([1n]).to(device)).toThrow("has no int64");
    expect(() => tensor([1]).add(tensor([1], { device }))).toThrow("Expected all tensors to be on the same device");
  });

  it("checks indices that the host knows", () => {
    const x = zeros([3], { device });
    expect(() => x.gather(0, tensor([0, 3], { dtype: "int32", device }))).toThrow("index 3 is out of bounds for dimension 0 with size 3");
  });

  it("handles empty tensors", async () => {
    const x = zeros([0, 3], { device });
    expect(await x.add(1).sum(0).tolist()).toEqual([0, 0, 0]);
    expect((await x.mm(zeros([3, 2], { device })).data()).length).toBe(0);
    expect(
      await zeros([2, 0], { device })
        .mm(zeros([0, 2], { device }))
        .tolist(),
    ).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  it("goes past the inputs of one kernel", async () => {
    const many = Array.from({ length: 30 }, (_, i) => tensor([i, 1], { device }));
    expect(await many.reduce((a, b) => a.add(b)).tolist()).toEqual([435, 30]);
    expect((await cat(many).data()).length).toBe(60);
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
    const before = contextInfo().programs;
    await step(10, 0.25);
    expect(contextInfo().programs).toBe(before);
  });
});

describe("integers in float textures", () => {
  it("are exact up to 2^24", async () => {
    const values = [16777216, -16777216, 16777215, 0, -1];
    const x = tensor(values, { dtype: "int32", device });
    expect(await x.tolist()).toEqual(values);
    expect(await x.sub(x.div(3, { roundingMode: "floor" })).tolist()).toEqual(values.map((v) => v - Math.floor(v / 3)));
  });

  it("throw beyond: when uploaded, and when a result is read", async () => {
    expect(() => tensor([1, 16777217], { dtype: "int32" }).to(device)).toThrow("expected int32 values from -16777216 to 16777216");
    const large = tensor([5000, 3], { dtype: "int32", device }).mul(5000);
    await expect(large.data()).rejects.toThrow("got a larger result at position 0");
    await expect(large.add(1).sub(25000000).data()).rejects.toThrow("got a larger result");
    expect(await large.to("float32").tolist()).toEqual([Number.NaN, 15000]);
  });
});

describe("what drivers get wrong", () => {
  const X = [0, -0, 1, -1, 0.5, -2, 3, 100, -100, 1e-3, 88, -88, 1e5, Infinity, -Infinity, Number.NaN];

  /** Fails unless a function gives what the CPU gives. */
  async function same(name: string, fn: (x: Tensor) => Tensor): Promise<void> {
    const [want, got] = await Promise.all(["cpu", device].map(async (on) => fn(tensor(X, { device: on as "cpu" })).data()));
    want.forEach((value, i) => {
      const close = Object.is(got[i], value) || Math.abs(Number(got[i]) - Number(value)) <= 2e-6 * Math.max(1, Math.abs(Number(value)));
      expect(close, `${name}(${X[i]}) is ${got[i]}, expected ${value}`).toBe(true);
    });
  }

  it("tanh of large values, logarithms of 0 and below, sines far out", async () => {
    await same("tanh", (x) => x.tanh());
    await same("sinh", (x) => x.sinh());
    await same("exp", (x) => x.exp());
    await same("log", (x) => x.log());
    await same("log1p", (x) => x.log1p());
    await same("sin", (x) => x.sin());
    await same("sqrt", (x) => x.sqrt());
    await same("gelu", (x) => x.erf());
  });

  it("powers of negative numbers", async () => {
    for (const power of [2, 3, -1, 0.5, 0, Infinity]) await same(`pow ${power}`, (x) => x.pow(x.mul(0).nanToNum().add(power)));
  });

  it("NaN in maximum, minimum, comparisons and reductions", async () => {
    await same("maximum", (x) => x.maximum(x.neg()));
    await same("clamp", (x) => x.clamp({ min: -1, max: 1 }));
    await same("isnan", (x) => x.isnan().to("float32"));
    await same("ne", (x) => x.ne(x).to("float32"));
    await same("max", (x) => x.max());
  });

  it("loops beyond 1000 turns", async () => {
    const ones = zeros([3000], { device }).add(1);
    expect(await ones.cumsum(0).at(-1).item()).toBe(3000);
    expect(
      await ones
        .view([1, 3000])
        .mm(ones.view([3000, 1]))
        .item(),
    ).toBe(3000);
    expect(await ones.view([3000, 1]).sum(0).item()).toBe(3000);
  });

  it("one kernel for textures of other sizes", async () => {
    for (const n of [3, 5000, 4, 70000, 1]) {
      const x = arange(n, { device, dtype: "float32" });
      const total = await x.mul(2).sum().item();
      expect(Math.abs(total - n * (n - 1))).toBeLessThanOrEqual(1e-6 * n * n);
      expect(await x.add(1).at(-1).item()).toBe(n);
    }
  });

  it("rows and columns beyond the side of a texture", async () => {
    for (const shape of [
      [10000, 10],
      [3, 20001],
    ]) {
      const x = arange(shape[0] * shape[1], { device, dtype: "float32" }).view(shape);
      const last = await x.t().add(0).at(-1, -1).item();
      expect(last).toBe(shape[0] * shape[1] - 1);
      expect(await x.at(-1, 1).item()).toBe((shape[0] - 1) * shape[1] + 1);
    }
  });

  it("positions above 2^24", { timeout: 120_000 }, async () => {
    const n = 2 ** 24 + 4;
    const x = zeros([n], { device }).add(1);
    x.setAt(-2, 7);
    expect(await x.at(`${n - 4}:`).tolist()).toEqual([1, 1, 7, 1]);
    expect(
      await x
        .view([5, n / 5])
        .at(4)
        .max()
        .item(),
    ).toBe(7);
    expect(await x.mul(2).at(-2).item()).toBe(14);
  });

  it("tensors that no texture holds", () => {
    expect(() => zeros([2 ** 26], { device })).toThrow(/expected at most \d+ bytes in one tensor on "webgl"/);
  });
});

describe("textures", () => {
  it("are not read after they were freed", () => {
    const backend = getBackend(device);
    const handle = backend.upload(new Float32Array(4), "float32");
    backend.free(handle);
    const view = { handle, dtype: "float32" as const, shape: [4], strides: [1], offset: 0 };
    expect(() => backend.run("softmax", [view], [view], { dim: 0, log: false })).toThrow("freed texture");
  });

  it("do not grow in number over 1000 steps", { timeout: 120_000 }, async () => {
    const w = randn([16, 16]).to(device);
    const step = async (): Promise<void> => {
      const total = scope(() => randn([8, 16]).to(device).mm(w).relu().sum());
      await total.item();
      total.dispose();
    };
    for (let i = 0; i < 5; i++) await step();
    const { textures, created, bytes } = contextInfo();
    const held = memory().buffers;
    for (let i = 0; i < 1000; i++) await step();
    expect(contextInfo()).toMatchObject({ textures, created, bytes });
    expect(memory().buffers).toBeLessThanOrEqual(held);
  });
});

describe("a lost context", () => {
  it("is reported, fails what is pending, and a new one takes its place", async () => {
    const x = randn([8]).to(device);
    const reports: DeviceError[] = [];
    onContextLost((error) => reports.push(error));
    const [gl] = contexts as Set<WebGL2RenderingContext>;
    const pending = x.exp().data();
    gl.getExtension("WEBGL_lose_context")!.loseContext();
    await expect(pending).rejects.toThrow("the WebGL context was lost");
    expect(() => x.add(1).dataSync()).toThrow('call init("webgl") for a new one');
    await vi.waitFor(() => expect(reports.length).toBe(1));
    x.dispose();
    await init("webgl");
    expect(await tensor([1, 2], { device }).add(1).tolist()).toEqual([2, 3]);
  });
});
