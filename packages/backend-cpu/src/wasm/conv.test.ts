import { describe, expect, it } from "vitest";
import {
  type ConvGeometry,
  type ConvKernels,
  convForward,
  convInputGradient,
  convKernels,
  convOutput,
  convWeightGradient,
  withWide,
} from "./conv.js";
import { ACCUMULATE, RELU } from "./element.js";
import { kernelOptions } from "./features.js";
import { Heap, type Pointer } from "./memory.js";

const heap = new Heap();
const kernels = convKernels(heap);

function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const volume = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** All index tuples below `sizes`, in row-major order. */
function indices(sizes: readonly number[]): number[][] {
  return sizes.reduce<number[][]>((all, size) => all.flatMap((tuple) => Array.from({ length: size }, (_, i) => [...tuple, i])), [[]]);
}

function flat(sizes: readonly number[], index: readonly number[]): number {
  return index.reduce((sum, i, d) => sum * sizes[d] + i, 0);
}

/** Calls `visit` with flat indices of every product term `y[n, f, o] += x[n, c, i] w[f, c', k]`. */
function eachTerm(g: ConvGeometry, visit: (y: number, x: number, w: number) => void): void {
  const [channels, filters] = [g.channels / g.groups, g.filters / g.groups];
  const [inputs, outputs, taps] = [volume(g.input), volume(g.output), volume(g.kernel)];
  const pairs: [number, number, number][] = [];
  for (const [o, output] of indices(g.output).entries()) {
    for (const [k, tap] of indices(g.kernel).entries()) {
      const input = output.map((at, d) => at * g.stride[d] - g.padding[d] + tap[d] * g.dilation[d]);
      if (input.every((at, d) => at >= 0 && at < g.input[d])) pairs.push([o, k, flat(g.input, input)]);
    }
  }
  for (let n = 0; n < g.batch; n++) {
    for (let f = 0; f < g.filters; f++) {
      const group = Math.floor(f / filters);
      for (let c = 0; c < channels; c++) {
        const [y, x, w] = [(n * g.filters + f) * outputs, (n * g.channels + group * channels + c) * inputs, (f * channels + c) * taps];
        for (const [o, k, i] of pairs) visit(y + o, x + i, w + k);
      }
    }
  }
}

class Arrays {
  private readonly random = generator(11);
  readonly pointers: Pointer[] = [];
  fresh(length: number): Pointer {
    const pointer = heap.alloc(Math.max(4, 4 * length));
    for (let i = 0; i < length; i++) heap.f32[pointer / 4 + i] = this.random(2001) / 1000 - 1;
    this.pointers.push(pointer);
    return pointer;
  }
  free(): void {
    for (const pointer of this.pointers) heap.free(pointer);
  }
}

const read = (pointer: Pointer, length: number): number[] => [...heap.f32.subarray(pointer / 4, pointer / 4 + length)];

function expectClose(actual: number[], expected: Float64Array, scale: number, what: string): void {
  let worst = 0;
  for (const [i, value] of actual.entries()) worst = Math.max(worst, Math.abs(value - expected[i]));
  expect(Number.isNaN(worst) || worst > 1e-6 * Math.sqrt(scale), `${what}: off by ${worst}`).toBe(false);
}

/** Compares the three passes with a plain loop over all terms. */
function check(g: ConvGeometry, own = kernels): void {
  const name = JSON.stringify(g);
  const [xs, ws, ys] = [
    g.batch * g.channels * volume(g.input),
    (g.filters * g.channels * volume(g.kernel)) / g.groups,
    g.batch * g.filters * volume(g.output),
  ];
  const arrays = new Arrays();
  const [x, w, y, dy, bias] = [arrays.fresh(xs), arrays.fresh(ws), arrays.fresh(ys), arrays.fresh(ys), arrays.fresh(g.filters)];
  const [dx, dw] = [arrays.fresh(xs), arrays.fresh(ws)];
  const [start, out, gradX] = [read(dw, ws), Float64Array.from(read(bias, g.filters)), new Float64Array(xs)];
  const outputs = volume(g.output);
  const forward = Float64Array.from({ length: ys }, (_, i) => out[Math.floor(i / outputs) % g.filters]);
  const gradW = Float64Array.from(start);
  const [X, W, DY] = [read(x, xs), read(w, ws), read(dy, ys)];
  eachTerm(g, (yi, xi, wi) => {
    forward[yi] += X[xi] * W[wi];
    gradX[xi] += DY[yi] * W[wi];
    gradW[wi] += DY[yi] * X[xi];
  });
  convForward(heap, own, g, RELU)(x, w, bias, y);
  const steps = (g.channels / g.groups) * volume(g.kernel);
  expectClose(
    read(y, ys),
    forward.map((value) => Math.max(value, 0)),
    steps,
    `forward ${name}`,
  );
  convForward(heap, own, g)(x, w, bias, y);
  expectClose(read(y, ys), forward, steps, `forward without relu ${name}`);
  convInputGradient(heap, own, g)(dy, w, dx);
  expectClose(read(dx, xs), gradX, (g.filters / g.groups) * volume(g.kernel), `input gradient ${name}`);
  convWeightGradient(heap, own, g, ACCUMULATE)(x, dy, dw);
  expectClose(read(dw, ws), gradW, g.batch * outputs, `weight gradient ${name}`);
  arrays.free();
}

/** The results of all passes, with and without relu, as integers. */
function bitsOf(g: ConvGeometry, own: ConvKernels): Int32Array[] {
  const [xs, ws, ys] = [
    g.batch * g.channels * volume(g.input),
    (g.filters * g.channels * volume(g.kernel)) / g.groups,
    g.batch * g.filters * volume(g.output),
  ];
  const sizes = [xs, ws, ys, g.filters, ys, ys, xs, ws];
  const [x, w, dy, bias, y, relu, dx, dw] = sizes.map((n) => heap.alloc(4 * n));
  for (const [pointer, n] of [
    [x, xs],
    [w, ws],
    [dy, ys],
    [bias, g.filters],
    [dw, ws],
  ]) {
    for (let i = 0; i < n; i++) heap.f32[pointer / 4 + i] = Math.sin(1 + 3 * i + n);
  }
  convForward(heap, own, g)(x, w, bias, y);
  convForward(heap, own, g, RELU)(x, w, 0, relu);
  convInputGradient(heap, own, g)(dy, w, dx);
  convWeightGradient(heap, own, g, ACCUMULATE)(x, dy, dw);
  const results = [y, relu, dx, dw].map((pointer, i) => heap.i32.slice(pointer / 4, pointer / 4 + [ys, ys, xs, ws][i]));
  for (const pointer of [x, w, dy, bias, y, relu, dx, dw]) heap.free(pointer);
  return results;
}

function geometry(shape: Omit<ConvGeometry, "output">): ConvGeometry {
  return { ...shape, output: convOutput(shape) };
}

function randomGeometry(random: (below: number) => number, rank: number): ConvGeometry {
  const per = (make: () => number): number[] => Array.from({ length: rank }, make);
  const groups = 1 + random(3);
  const kernel = per(() => 1 + random(rank === 3 ? 3 : 4));
  const dilation = per(() => 1 + random(3));
  const padding = per(() => random(4));
  const input = kernel.map((k, d) => Math.max(1, (k - 1) * dilation[d] + 1 - 2 * padding[d]) + random(rank === 3 ? 5 : 9));
  const [channels, filters] = [groups * (1 + random(6)), groups * (1 + random(12))];
  return geometry({ batch: 1 + random(3), channels, filters, groups, input, kernel, stride: per(() => 1 + random(3)), padding, dilation });
}

describe("convolution", () => {
  for (const rank of [1, 2, 3]) {
    it(`agrees with a plain loop in all three passes for random shapes in ${rank} dimensions`, () => {
      const random = generator(100 + rank);
      for (let i = 0; i < 60; i++) check(randomGeometry(random, rank));
      expect(heap.stats().live).toBe(0);
    });
  }

  const plain = { groups: 1, stride: [1, 1], padding: [0, 0], dilation: [1, 1] };

  it("agrees for the layers of an MNIST network and for more steps than a block holds", () => {
    check(geometry({ ...plain, batch: 2, channels: 1, filters: 32, input: [28, 28], kernel: [3, 3] }));
    check(geometry({ ...plain, batch: 1, channels: 32, filters: 64, input: [26, 26], kernel: [3, 3] }));
    check(geometry({ ...plain, batch: 1, channels: 100, filters: 9, input: [7, 7], kernel: [3, 3], padding: [1, 1] }));
  });

  it("agrees for channels with a filter of their own in rows of every length", () => {
    const depthwise = { ...plain, batch: 2, channels: 3, filters: 3, groups: 3 };
    for (const columns of [3, 4, 5, 7, 8, 9, 15, 16, 17, 29, 32, 47]) {
      check(geometry({ ...depthwise, input: [5, columns], kernel: [3, 3], padding: [1, 1] }));
      check(geometry({ ...depthwise, input: [9, columns + 2], kernel: [2, 3], stride: [2, 1] }));
      check(geometry({ ...depthwise, input: [columns + 8], kernel: [5], padding: [0], stride: [1], dilation: [2] }));
    }
    check(geometry({ ...depthwise, input: [9, 20], kernel: [3, 3], stride: [1, 2] }));
    check(geometry({ ...depthwise, input: [4, 5, 9], kernel: [2, 3, 3], padding: [0, 1, 1], stride: [1, 1, 1], dilation: [1, 1, 1] }));
  });

  /** Convolutions of few channels in rows of at least 16 elements. */
  const inRows = [16, 17, 28, 32, 33].flatMap((columns, i) => [
    geometry({ ...plain, batch: 2, channels: 1, filters: 3 + i, input: [4, columns + 2], kernel: [2, 3] }),
    geometry({ ...plain, batch: 9, channels: 2, filters: 1 + i, input: [5, columns], kernel: [3, 3], stride: [2, 1], padding: [1, 1] }),
    geometry({ ...plain, batch: 1, channels: 4, filters: 26, groups: 2, input: [3, columns + 4], kernel: [2, 3], dilation: [1, 2] }),
    geometry({ batch: 2, channels: 3, filters: 6, groups: 1, input: [columns + 1], kernel: [2], stride: [1], padding: [0], dilation: [1] }),
  ]);

  it("agrees for few channels in rows of every length", () => {
    for (const g of inRows) check(g);
    const deep = { channels: 2, filters: 7, input: [3, 4, 17], kernel: [2, 2, 3], padding: [0, 1, 1], stride: [1, 2, 1] };
    check(geometry({ ...plain, ...deep, batch: 2, dilation: [1, 1, 1] }));
  });

  it("gives the same bits in rows as in tiles, whose sums have the same order", () => {
    const inTiles = (g: ConvGeometry): ConvGeometry => ({ ...g, output: [...g.output.slice(0, -1), 15] });
    const wide = withWide(heap, kernels, kernelOptions(heap));
    const random = generator(5);
    for (const g of inRows) {
      const size = (sizes: readonly number[]): number => 4 * volume(sizes);
      const planes = g.batch * g.filters;
      const x = heap.alloc(size([g.batch * g.channels, ...g.input]));
      const w = heap.alloc(size([g.filters * g.channels, ...g.kernel]));
      const y = heap.alloc(size([planes, ...g.output]));
      for (let i = 0; i < 4 * volume([g.batch, g.channels, ...g.input]); i += 4) heap.f32[(x + i) / 4] = random(2001) / 1000 - 1;
      for (let i = 0; i < (4 * volume([g.filters, g.channels, ...g.kernel])) / g.groups; i += 4)
        heap.f32[(w + i) / 4] = random(2001) / 1000 - 1;
      /** The first 15 columns. */
      const run = (own: ConvKernels, shape: ConvGeometry): number[][] => {
        convForward(heap, own, shape)(x, w, 0, y);
        const columns = shape.output[shape.output.length - 1];
        const rows = volume([planes, ...shape.output]) / columns;
        return Array.from({ length: rows }, (_, i) => read(y + 4 * i * columns, 15));
      };
      const expected = run(kernels, inTiles(g));
      expect(run(kernels, g)).toEqual(expected);
      expect(run(wide, g)).toEqual(expected);
      for (const pointer of [x, w, y]) heap.free(pointer);
    }
  });

  it("agrees for planes that are a power of two apart, which are read from a copy", () => {
    check(geometry({ ...plain, batch: 2, channels: 40, filters: 40, input: [16, 32], kernel: [1, 1] }));
  });

  it("agrees for an output that needs more padding behind than in front", () => {
    check({ ...plain, batch: 2, channels: 3, filters: 5, input: [6, 7], kernel: [2, 4], padding: [0, 1], output: [6, 7] });
  });

  it("leaves inputs without gradient that no kernel element reaches", () => {
    check(geometry({ ...plain, batch: 2, channels: 3, filters: 4, input: [9, 8], kernel: [1, 2], stride: [3, 4] }));
  });

  it("agrees without fused multiplication", () => {
    check(
      geometry({ ...plain, batch: 2, channels: 5, filters: 11, input: [9, 10], kernel: [3, 3] }),
      convKernels(heap, kernelOptions(heap, true)),
    );
  });

  it("gives the same bits with wide tiles, whole ones and such that stick out", () => {
    for (const deterministic of [false, true]) {
      const options = kernelOptions(heap, deterministic);
      const narrow = convKernels(heap, options);
      const wide = withWide(heap, narrow, options);
      for (const g of [
        geometry({ ...plain, batch: 2, channels: 3, filters: 16, input: [8, 8], kernel: [3, 3] }),
        geometry({ ...plain, batch: 1, channels: 50, filters: 37, input: [9, 7], kernel: [3, 3], padding: [1, 1] }),
        geometry({ ...plain, batch: 2, channels: 18, filters: 48, input: [11, 10], kernel: [2, 3], stride: [2, 1] }),
        geometry({ ...plain, batch: 1, channels: 1, filters: 13, input: [9, 21], kernel: [3, 3], padding: [1, 1] }),
        geometry({ ...plain, batch: 1, channels: 34, filters: 40, groups: 2, input: [5, 5], kernel: [1, 1] }),
      ]) {
        check(g, wide);
        expect(bitsOf(g, wide)).toEqual(bitsOf(g, narrow));
      }
    }
  });

  it("accepts an empty batch", () => {
    const g = geometry({ ...plain, batch: 0, channels: 2, filters: 3, input: [5, 5], kernel: [3, 3] });
    const dw = heap.alloc(4 * 54);
    heap.f32.fill(7, dw / 4, dw / 4 + 54);
    convForward(heap, kernels, g)(64, 64, 0, 64);
    convWeightGradient(heap, kernels, g)(64, 64, dw);
    expect(read(dw, 54).every((value) => value === 0)).toBe(true);
    heap.free(dw);
  });
});
