import { spawnSync } from "node:child_process";
import { type DType, inputExpr, type KernelName, type Kernels, opExpr, type Spec, sizeOf, type View } from "@sconce/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CpuBackend } from "../backend.js";
import { generator, hostTensor, type LayoutKind, values } from "../testing.js";
import { convOutput } from "../wasm/conv.js";
import { FLOAT32, gemmKernels } from "../wasm/gemm.js";
import { Heap } from "../wasm/memory.js";
import { CONTROL_BYTES, WORDS } from "./control.js";
import { ThreadPool } from "./pool.js";
import { rangeOf } from "./range.js";
import { getNumThreads, setNumThreads } from "./settings.js";
import { workerSource } from "./worker.js";

const backend = new CpuBackend();
const { pool } = backend.machine;
const initial = getNumThreads();
const random = generator(51);

beforeAll(async () => {
  setNumThreads(3);
  pool.start();
  for (let i = 0; i < 2000 && pool.threads < 3; i++) await new Promise((resolve) => setTimeout(resolve, 5));
});
afterAll(() => setNumThreads(initial));

function input(shape: readonly number[], dtype: DType = "float32", kind: LayoutKind = "contiguous"): View {
  const { array, ...layout } = hostTensor(dtype, shape, kind, values(dtype, random, 1));
  return { handle: backend.upload(array, dtype), ...layout };
}

/** Runs a kernel with one thread and with three; the results must be the same bits, and the threads must have been used. */
function expectSame<K extends KernelName>(kernel: K, inputs: readonly View[], outputs: readonly Spec[], attrs: Kernels[K]): void {
  const jobs = pool.jobs;
  const [alone, together] = [1, 3].map((threads) => {
    setNumThreads(threads);
    const handles = backend.run(kernel, inputs, outputs, attrs);
    const results = handles.map((handle, i) => backend.downloadSync(handle, outputs[i].dtype, sizeOf(outputs[i].shape)));
    for (const handle of handles) backend.free(handle);
    return results.map((result) => new Uint8Array(result.buffer));
  });
  expect(pool.jobs, "jobs").toBeGreaterThan(jobs);
  alone.forEach((bytes, i) => expect(Buffer.compare(bytes, together[i]), `output ${i}`).toBe(0));
}

const float = (shape: readonly number[]): Spec => ({ shape, dtype: "float32" });

describe("several threads give the bits of one", () => {
  it("starts its workers", () => {
    expect(pool.threads).toBe(3);
  });

  it("in matrix products of every form", () => {
    for (const [m, n, k] of [
      [130, 70, 133],
      [70, 301, 90],
      [1, 900, 700],
      [900, 1, 700],
      [65, 10, 1000],
    ]) {
      for (const kind of ["contiguous", "transposed", "sliced"] as const) {
        expectSame("matmul", [input([m, k], "float32", kind), input([k, n], "float32", kind)], [float([m, n])], { bias: false });
        expectSame("matmul", [input([m, k]), input([k, n], "float32", kind), input([n])], [float([m, n])], { bias: true });
      }
    }
    expectSame("matmul", [input([90, 80], "float64"), input([80, 100], "float64")], [{ shape: [90, 100], dtype: "float64" }], {
      bias: false,
    });
  });

  it("in batches of products", () => {
    expectSame("matmul", [input([7, 33, 60]), input([7, 60, 41])], [float([7, 33, 41])], { bias: false });
    expectSame("matmul", [input([5000, 4, 8]), input([5000, 8, 4])], [float([5000, 4, 4])], { bias: false });
  });

  for (const [name, batch, channels, filters, size, kernel, stride, padding, groups] of [
    ["padded", 9, 6, 20, 17, 3, 1, 1, 1],
    ["strided", 12, 7, 32, 21, 3, 2, 1, 1],
    ["one image", 1, 12, 24, 33, 3, 1, 0, 1],
    ["one strided image", 2, 12, 24, 33, 3, 2, 1, 1],
    ["grouped", 16, 12, 24, 15, 3, 1, 1, 2],
    ["depthwise", 4, 40, 40, 30, 3, 1, 1, 40],
  ] as const) {
    it(`in convolutions: ${name}`, () => {
      const pair = (n: number): number[] => [n, n];
      const attrs = { stride: pair(stride), padding: pair(padding), dilation: [1, 1], groups };
      const output = convOutput({ batch, channels, filters, input: pair(size), kernel: pair(kernel), ...attrs });
      const shapes = { x: [batch, channels, size, size], w: [filters, channels / groups, kernel, kernel], y: [batch, filters, ...output] };
      const [x, w, dy] = [input(shapes.x), input(shapes.w), input(shapes.y)];
      expectSame("conv", [x, w, input([filters])], [float(shapes.y)], attrs);
      expectSame("convInput", [dy, w], [float(shapes.x)], attrs);
      expectSame("convWeight", [dy, x], [float(shapes.w)], attrs);
    });
  }

  it("in pooling", () => {
    const attrs = { kernel: [3, 3], stride: [2, 2], padding: [1, 1] };
    const indices: Spec = { shape: [4, 8, 20, 20], dtype: "int32" };
    expectSame("maxPool", [input([4, 8, 40, 40])], [float(indices.shape), indices], { ...attrs, dilation: [1, 1] });
    const average = { ...attrs, countIncludePad: false, divisor: null };
    expectSame("avgPool", [input([4, 8, 40, 40])], [float(indices.shape)], average);
    expectSame("avgPoolGrad", [input([4, 8, 20, 20])], [float([4, 8, 40, 40])], average);
  });

  it("in elementwise kernels of every layout", () => {
    const [a, b] = [inputExpr(0, "float32"), inputExpr(1, "float32")];
    const exprs = [opExpr("add", "float32", [a, opExpr("exp", "float32", [b])]), opExpr("gt", "bool", [a, b])];
    const outputs = (shape: readonly number[]): Spec[] => [float(shape), { shape, dtype: "bool" }];
    for (const shape of [[100_003], [301, 333], [2, 90_001], [3, 200, 170]]) {
      for (const kind of ["contiguous", "transposed", "sliced", "reversed", "broadcast"] as const) {
        expectSame("elementwise", [input(shape), input(shape, "float32", kind)], outputs(shape), { exprs, numbers: [] });
      }
    }
  });

  it("in parts of elementwise kernels", () => {
    const [a, b] = [inputExpr(0, "float32"), inputExpr(1, "float32")];
    const shapes = [[3], [70_001], [1, 0], [301, 333], [64], [9]];
    const inputs = [...shapes, ...shapes].map((shape) => input(shape));
    const exprs = [opExpr("add", "float32", [a, opExpr("exp", "float32", [b])]), opExpr("mul", "float32", [a, b])];
    expectSame("elementwise", inputs, [...shapes, ...shapes].map(float), { exprs, numbers: [], parts: shapes.length });
    for (const [j, shape] of shapes.entries()) {
      const own = [inputs[j], inputs[shapes.length + j]];
      const all = backend.run("elementwise", inputs, [...shapes, ...shapes].map(float), { exprs, numbers: [], parts: shapes.length });
      const one = backend.run("elementwise", own, [float(shape), float(shape)], { exprs, numbers: [] });
      for (const k of [0, 1]) {
        const [got, want] = [all[k * shapes.length + j], one[k]].map((handle) => backend.downloadSync(handle, "float32", sizeOf(shape)));
        expect(got).toEqual(want);
      }
    }
  });

  it("in reductions that keep a dimension", () => {
    const expr = inputExpr(0, "float32");
    for (const [shape, dims, kept] of [
      [[400, 500], [1], [400]],
      [[400, 500], [0], [500]],
      [[20, 50, 300], [0, 2], [50]],
      [[900, 257], [0], [257]],
    ]) {
      for (const op of ["sum", "max"] as const) {
        expectSame("reduce", [input(shape)], [float(kept)], { op, dims, shape, expr, numbers: [] });
      }
    }
  });

  it("in reductions to one number", () => {
    const expr = inputExpr(0, "float32");
    for (const [shape, kind] of [
      [[300, 700], "contiguous"],
      [[300, 700], "transposed"],
      [[1, 200_001], "contiguous"],
    ] as const) {
      for (const op of ["sum", "max", "any"] as const) {
        const dtype = op === "any" ? "bool" : "float32";
        expectSame("reduce", [input(shape, "float32", kind)], [{ shape: [], dtype }], { op, dims: [0, 1], shape, expr, numbers: [] });
      }
    }
  });

  it("in copies of regions", () => {
    const kinds = ["contiguous", "transposed", "sliced"] as const;
    const shapes = [
      [90, 7, 100],
      [90, 11, 100],
      [90, 1, 100],
    ];
    const inputs = shapes.map((shape, i) => input(shape, "float32", kinds[i]));
    expectSame("concat", inputs, [float([90, 19, 100])], { dim: 1 });
    expectSame("concat", [input([70_001], "uint8"), input([9], "uint8")], [{ shape: [70_010], dtype: "uint8" }], { dim: 0 });
  });

  it("in sums at indices", () => {
    const index = hostTensor("int32", [128, 300], "contiguous", () => Math.floor(random() * 80));
    const view = { ...index, handle: backend.upload(index.array, "int32") };
    expectSame("scatter", [input([128, 80]), view, input([128, 300])], [float([128, 80])], { dim: 1, mode: "add" });
  });

  it("in softmax and in random numbers", () => {
    for (const dim of [0, 1]) expectSame("softmax", [input([300, 211])], [float([300, 211])], { dim, log: dim === 1 });
    expectSame("random", [], [float([100_001])], { seed: 5, offset: 77 });
  });
});

describe("several threads give the bits of one in fused kernels", () => {
  it("of softmax and layer normalisation", () => {
    const shape = [300, 211];
    for (const log of [false, true]) expectSame("softmaxGrad", [input(shape), input(shape)], [float(shape)], { dim: 1, log });
    const [rows, attrs] = [float([300, 1]), { dims: 1, eps: 1e-5 }];
    expectSame("layerNorm", [input(shape), input([211]), input([211])], [float(shape), rows, rows], attrs);
    expectSame("layerNormGrad", [input(shape), input(shape), input([300, 1]), input([300, 1]), input([211])], [float(shape)], attrs);
  });

  it("of batch and group normalisation", () => {
    const shape = [12, 30, 20, 11];
    for (const groups of [null, 6]) {
      const attrs = { groups, eps: 50 };
      const [statistics, sums] =
        groups === null
          ? [[30], [1, 30]]
          : [
              [12, groups],
              [12, 30],
            ];
      expectSame("channelNorm", [input(shape), input([30]), input([30])], [shape, statistics, statistics].map(float), attrs);
      const [grad, x, means] = [shape, shape, statistics].map((own) => input(own));
      const inputs = [grad, x, means, input(statistics), input([30])];
      expectSame("channelNormGrad", inputs, [shape, sums, sums].map(float), attrs);
    }
  });

  it("of an LSTM", () => {
    const [size, batchSizes] = [40, [25, 25, 19, 8, 3]];
    const [wide, narrow, state] = [
      [80, 4 * size],
      [80, size],
      [25, size],
    ];
    for (const reverse of [false, true]) {
      const attrs = { batchSizes, reverse };
      const outputs = [narrow, state, state, wide, narrow, narrow].map(float);
      expectSame("lstm", [input(wide), input(state), input(state), input([4 * size, size])], outputs, attrs);
      const inputs = [narrow, state, state, wide, narrow, [4 * size, size]].map((shape) => input(shape));
      expectSame("lstmGrad", inputs, [wide, state, state].map(float), attrs);
    }
  });

  it("of recurrent layers", () => {
    const [size, batchSizes] = [40, [25, 25, 19, 8, 3]];
    const [one, three, four] = [1, 3, 4].map((parts) => [80, parts * size]);
    const state = [25, size];
    for (const reverse of [false, true]) {
      const attrs = { batchSizes, reverse };
      const weights = input([3 * size, size]);
      expectSame("gru", [input(three), input(state), weights, input([3 * size])], [one, state, four, one].map(float), attrs);
      const kept = [one, state, four, one].map((shape) => input(shape));
      expectSame("gruGrad", [...kept, weights], [three, three, state].map(float), attrs);
      for (const relu of [false, true]) {
        const square = input([size, size]);
        expectSame("rnn", [input(one), input(state), square], [one, state, one].map(float), { ...attrs, relu });
        const inputs = [input(one), input(state), input(one), square];
        expectSame("rnnGrad", inputs, [one, state].map(float), { ...attrs, relu });
      }
    }
  });

  it("of attention", () => {
    const [q, k, v, rows, mask] = [
      [3, 150, 24],
      [3, 280, 24],
      [3, 280, 16],
      [3, 150],
      [3, 150, 280],
    ];
    for (const causal of [false, true]) {
      const attrs = { scale: 0.2, causal, weights: false };
      const main = [q, k, v].map((shape) => input(shape));
      const result = [3, 150, 16];
      expectSame("attention", main, [float(result), float(rows)], attrs);
      expectSame("attention", [...main, input(mask)], [float(result), float(rows)], attrs);
      const inputs = [input(result), ...main, input(result), input(rows)];
      expectSame("attentionGrad", inputs, [q, k, v].map(float), attrs);
      expectSame("attentionGrad", [...inputs, input(mask)], [q, k, v].map(float), attrs);
      const kept = { ...attrs, weights: true };
      expectSame("attention", main, [float(result), float(mask)], kept);
      expectSame("attentionGrad", [input(result), ...main, input(result), input(mask)], [q, k, v].map(float), kept);
    }
  });
});

describe("parts", () => {
  it("are as many as the threads, or twice as many where that leaves no thread waiting longer", () => {
    for (const [nanoseconds, pieces, parts] of [
      [11_000, 100, 1],
      [13_000, 100, 2],
      [25_000, 100, 3],
      [1e9, 2, 2],
      [1e9, 4, 3],
      [1e9, 6, 6],
      [1e9, 7, 3],
      [1e9, 60, 6],
    ]) {
      expect(pool.parts(nanoseconds, pieces), `${pieces} pieces of ${nanoseconds} ns`).toBe(parts);
    }
  });

  it("cover a range without gaps", () => {
    for (const [size, unit, count] of [
      [10, 1, 3],
      [100, 8, 4],
      [5, 8, 3],
      [64, 32, 4],
    ]) {
      let at = 0;
      for (let i = 0; i < count; i++) {
        const [first, end] = rangeOf(size, unit, i, count);
        expect(first).toBe(at);
        if (end < size) expect(end % unit).toBe(0);
        at = end;
      }
      expect(at).toBe(size);
    }
  });
});

describe("setNumThreads", () => {
  it("takes whole numbers from 1 on", () => {
    for (const n of [0, -1, 1.5, Number.NaN, 65]) expect(() => setNumThreads(n)).toThrow(/setNumThreads: expected an integer from 1 to 64/);
    setNumThreads(2);
    expect(getNumThreads()).toBe(2);
  });

  it("keeps workers beyond the limit out of a job", () => {
    setNumThreads(2);
    expect(pool.threads).toBe(2);
    setNumThreads(3);
    expect(pool.threads).toBe(3);
  });
});

describe("a worker that is killed in the middle of a job", () => {
  it("is reported, and the main thread goes on alone", async () => {
    const module = process.getBuiltinModule("node:worker_threads") as { Worker: unknown };
    const { Worker } = module;
    module.Worker = class extends (Worker as new (source: string, options: object) => object) {
      constructor(source: string, options: object) {
        super(source.replace("kernel(...args);", "process.exit();"), options);
      }
    };
    setNumThreads(2);
    const heap = new Heap();
    const mortal = new ThreadPool(heap, 100);
    try {
      mortal.start();
      while (mortal.threads < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    } finally {
      module.Worker = Worker;
    }
    const { copy } = gemmKernels(heap, FLOAT32).exports;
    const bytes = 1 << 22;
    const [from, to] = [heap.alloc(bytes), heap.alloc(bytes)];
    const run = (): void => {
      for (let i = 0; i < 16; i++) {
        mortal.part();
        mortal.call(copy, 0, [to, from, bytes]);
      }
      mortal.run();
    };
    expect(() => {
      for (let i = 0; i < 1000; i++) run();
    }).toThrow("a worker was killed");
    expect(mortal.threads).toBe(1);
    expect(mortal.parts(1e9, 8)).toBe(1);
    setNumThreads(3);
  });
});

describe("a process with workers", () => {
  it("ends by itself", () => {
    const script = `
      const { Worker } = require("node:worker_threads");
      const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
      const control = new SharedArrayBuffer(${CONTROL_BYTES});
      const words = new Int32Array(control);
      const workerData = { memory, control, thread: 1 };
      new Worker(${JSON.stringify(workerSource())}, { eval: true, workerData }).unref();
      const wait = () => {
        if (Atomics.load(words, ${WORDS.ready}) === 0 || Atomics.load(words, ${WORDS.sleeping}) === 0) setTimeout(wait, 5);
        else console.log("asleep");
      };
      wait();`;
    const { status, stdout, stderr } = spawnSync(process.execPath, ["-e", script], { timeout: 30_000, encoding: "utf8" });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "asleep\n", stderr: "" });
  });
});
