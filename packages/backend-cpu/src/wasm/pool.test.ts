import { describe, expect, it } from "vitest";
import { type Element, FLOAT32, FLOAT64 } from "./element.js";
import { Heap, type Pointer } from "./memory.js";
import { avgPool, avgPoolGradient, maxPool, type PoolGeometry, type PoolKernels, poolKernels, poolOutput } from "./pool.js";

const heap = new Heap();

function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const data = (element: Element): Float32Array | Float64Array => (element === FLOAT32 ? heap.f32 : heap.f64);

function put(element: Element, values: readonly number[]): Pointer {
  const pointer = heap.alloc(values.length * element.bytes + 16);
  data(element).set(values, pointer / element.bytes);
  return pointer;
}

const read = (element: Element, pointer: Pointer, length: number): number[] => [
  ...data(element).subarray(pointer / element.bytes, pointer / element.bytes + length),
];

/** Element numbers (in the plane) of the window of each output, in scanning order. */
function windows(g: PoolGeometry): number[][] {
  const span = (o: number, d: number): number[] =>
    Array.from({ length: g.kernel[d] }, (_, k) => o * g.stride[d] - g.padding[d] + k * g.dilation[d]).filter(
      (i) => i >= 0 && i < g.input[d],
    );
  return Array.from({ length: g.output[0] * g.output[1] }, (_, o) =>
    span(Math.floor(o / g.output[1]), 0).flatMap((i) => span(o % g.output[1], 1).map((j) => i * g.input[1] + j)),
  );
}

function randomGeometry(random: (below: number) => number, dilated: boolean, ceil: boolean): PoolGeometry {
  const pair = (make: (d: number) => number): [number, number] => [make(0), make(1)];
  const kernel = pair(() => 1 + random(4));
  const padding = pair((d) => random(Math.floor(kernel[d] / 2) + 1));
  const dilation = pair(() => (dilated ? 1 + random(2) : 1));
  const stride = pair(() => 1 + random(4));
  const input = pair((d) => (kernel[d] - 1) * dilation[d] + 1 + random(12));
  const output = pair((d) => poolOutput(input[d], kernel[d], stride[d], padding[d], dilation[d], ceil));
  return { planes: 1 + random(3), input, output, kernel, stride, padding, dilation };
}

function checkMax(kernels: PoolKernels, g: PoolGeometry, values: number[]): void {
  const { element } = kernels;
  const [inputs, outputs] = [g.input[0] * g.input[1], g.output[0] * g.output[1]];
  const x = put(element, values);
  const y = heap.alloc(g.planes * outputs * element.bytes);
  const indices = heap.alloc(4 * g.planes * outputs);
  maxPool(kernels, g)(x, y, indices);
  const [best, where] = [[] as number[], [] as number[]];
  for (let plane = 0; plane < g.planes; plane++) {
    for (const window of windows(g)) {
      let winner = window[0];
      for (const i of window) {
        const [value, current] = [values[plane * inputs + i], values[plane * inputs + winner]];
        if (value > current || Number.isNaN(value)) winner = i;
      }
      best.push(values[plane * inputs + winner]);
      where.push(winner);
    }
  }
  const name = JSON.stringify(g);
  expect(read(element, y, best.length), name).toEqual(best);
  expect([...heap.i32.subarray(indices / 4, indices / 4 + where.length)], name).toEqual(where);
  for (const pointer of [x, y, indices]) heap.free(pointer);
}

for (const [name, element] of [
  ["float32", FLOAT32],
  ["float64", FLOAT64],
] as const) {
  describe(`pooling of ${name}`, () => {
    const kernels = poolKernels(heap, element);

    it("finds maxima and their indices for random windows", () => {
      const random = generator(3);
      for (let i = 0; i < 80; i++) {
        const g = randomGeometry(random, true, i % 2 === 0);
        checkMax(
          kernels,
          g,
          Array.from({ length: g.planes * g.input[0] * g.input[1] }, () => random(30) - 15),
        );
      }
    });

    it("halves planes of all widths, with ties, infinities and NaN", () => {
      const special = [Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, 0, 1, 1];
      const random = generator(5);
      for (let w = 2; w < 22; w++) {
        const pairs = { kernel: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1] } as const;
        const g: PoolGeometry = { ...pairs, planes: 2, input: [5, w], output: [2, Math.floor(w / 2)] };
        checkMax(
          kernels,
          g,
          Array.from({ length: 10 * w }, () => special[random(special.length)]),
        );
      }
    });

    it("averages with every rule for the divisor, forward and gradient", () => {
      const random = generator(9);
      for (let i = 0; i < 120; i++) {
        const g = randomGeometry(random, false, i % 2 === 0);
        const average = { countIncludePad: i % 3 !== 0, divisor: i % 5 === 0 ? 1 + random(7) : null };
        const [inputs, outputs] = [g.input[0] * g.input[1], g.output[0] * g.output[1]];
        const values = Array.from({ length: g.planes * inputs }, () => random(64));
        const grads = Array.from({ length: g.planes * outputs }, () => random(64));
        const [x, dy] = [put(element, values), put(element, grads)];
        const [y, dx] = [heap.alloc(grads.length * element.bytes), heap.alloc(values.length * element.bytes)];
        avgPool(kernels, g, average)(x, y);
        avgPoolGradient(kernels, g, average)(dy, dx);
        const [expectedY, expectedDx] = [[] as number[], Array(values.length).fill(0)];
        for (let plane = 0; plane < g.planes; plane++) {
          for (const [o, window] of windows(g).entries()) {
            const extent = (at: number, d: number): number =>
              Math.min(at * g.stride[d] - g.padding[d] + g.kernel[d], g.input[d] + g.padding[d]) - (at * g.stride[d] - g.padding[d]);
            const padded = extent(Math.floor(o / g.output[1]), 0) * extent(o % g.output[1], 1);
            const count = average.divisor ?? (average.countIncludePad ? padded : window.length);
            expectedY.push(window.reduce((sum, at) => sum + values[plane * inputs + at], 0) / count);
            for (const at of window) expectedDx[plane * inputs + at] += grads[plane * outputs + o] / count;
          }
        }
        const [gotY, gotDx] = [read(element, y, expectedY.length), read(element, dx, values.length)];
        const error = Math.max(...gotY.map((v, k) => Math.abs(v - expectedY[k])), ...gotDx.map((v, k) => Math.abs(v - expectedDx[k]) / 8));
        expect(error, JSON.stringify({ g, average })).toBeLessThan(element === FLOAT32 ? 1e-5 : 1e-13);
        for (const pointer of [x, dy, y, dx]) heap.free(pointer);
      }
    });
  });
}

describe("poolOutput", () => {
  it("drops a last window that would start in the padding behind", () => {
    expect(poolOutput(5, 2, 2, 0, 1, true)).toBe(3);
    expect(poolOutput(5, 2, 2, 0, 1, false)).toBe(2);
    expect(poolOutput(4, 2, 3, 1, 1, true)).toBe(2);
    expect(poolOutput(2, 2, 3, 1, 1, true)).toBe(1);
    expect(poolOutput(7, 3, 2, 1, 1, false)).toBe(4);
  });
});
