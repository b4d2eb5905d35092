import { describe, expect, it } from "vitest";
import { DIRECT } from "../threads/share.js";
import { instantiate } from "./asm.js";
import { detectFeatures, kernelOptions } from "./features.js";
import {
  ACCUMULATE,
  callProduct,
  emitWideGemm,
  FLOAT32,
  FLOAT64,
  type GemmKernels,
  gemmKernels,
  PANELS,
  packPanels,
  panelBytes,
  product,
  RELU,
} from "./gemm.js";
import { Heap, type Pointer } from "./memory.js";

// biome-ignore format: one shape after the other
const SHAPES: [number, number, number][] = [
  [1, 1, 1], [1, 7, 13], [3, 5, 7], [6, 8, 4], [13, 17, 9], [64, 10, 128], [61, 67, 300], [130, 70, 33], [7, 1100, 5],
  [19, 12, 300], [9, 2, 8], [600, 3, 20], [1, 100, 64], [77, 1, 41], [5, 1, 1], [81, 9, 257], [5, 513, 260], [8, 100, 70], [9, 790, 70], [2, 2, 2], [3, 4, 5], [4, 8, 0], [0, 3, 2], [3, 0, 2],
];

/** A matrix view on the heap: element (i, j) lies at `pointer + bytes * (i * row + j * column)`. */
interface Operand {
  pointer: Pointer;
  row: number;
  column: number;
}

class Bench {
  readonly heap: Heap;
  readonly kernels: GemmKernels;
  private state = 1;
  constructor(heap: Heap, kernels: GemmKernels) {
    this.heap = heap;
    this.kernels = kernels;
  }
  get data(): Float32Array | Float64Array {
    return this.kernels.element === FLOAT32 ? this.heap.f32 : this.heap.f64;
  }
  random(): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    return this.state / 2 ** 31 - 1;
  }
  at(m: Operand, i: number, j: number): number {
    return this.data[m.pointer / this.kernels.element.bytes + i * m.row + j * m.column];
  }
  matrix(rows: number, columns: number, layout: "row" | "column" | "general"): Operand {
    const [row, column] = { row: [columns, 1], column: [1, rows], general: [3 * columns + 2, 3] }[layout];
    const length = Math.max(1, rows * columns * 4 + 2 * rows);
    const pointer = this.heap.alloc(length * this.kernels.element.bytes);
    const start = pointer / this.kernels.element.bytes;
    for (let i = 0; i < length; i++) this.data[start + i] = this.random();
    return { pointer, row, column };
  }
  dense(m: Operand, rows: number, columns: number): Float64Array {
    const copy = new Float64Array(rows * columns);
    for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) copy[i * columns + j] = this.at(m, i, j);
    return copy;
  }
  free(...operands: Operand[]): void {
    for (const { pointer } of operands) this.heap.free(pointer);
  }
}

/** Runs one product and returns the largest error in units of the sum of magnitudes, from a double-precision loop. */
function worstError(
  bench: Bench,
  [m, n, k]: [number, number, number],
  layouts: ("row" | "column" | "general")[],
  mode: number,
  biased: boolean,
): number {
  const [a, b, c, bias] = [
    bench.matrix(m, k, layouts[0]),
    bench.matrix(k, n, layouts[1]),
    bench.matrix(m, n + 3, "row"),
    bench.matrix(1, n, "row"),
  ];
  const before = Array.from({ length: m }, (_, i) => Array.from({ length: n + 3 }, (_, j) => bench.at(c, i, j)));
  const workspace = bench.heap.workspace(0, bench.kernels.workspaceBytes);
  product(
    bench.kernels,
    workspace,
    m,
    n,
    k,
    a.pointer,
    a.row,
    a.column,
    b.pointer,
    b.row,
    b.column,
    c.pointer,
    c.row,
    mode,
    biased ? bias.pointer : 0,
  );
  const [left, right] = [bench.dense(a, m, k), bench.dense(b, k, n)];
  let worst = 0;
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = (mode & ACCUMULATE ? before[i][j] : 0) + (biased ? bench.at(bias, 0, j) : 0);
      let magnitude = 1;
      for (let p = 0; p < k; p++) {
        const term = left[i * k + p] * right[p * n + j];
        sum += term;
        magnitude += Math.abs(term);
      }
      worst = Math.max(worst, Math.abs(bench.at(c, i, j) - (mode & RELU ? Math.max(sum, 0) : sum)) / magnitude);
    }
    for (let j = n; j < n + 3; j++) if (bench.at(c, i, j) !== before[i][j]) throw new Error("wrote past the row");
  }
  bench.free(a, b, c, bias);
  return worst;
}

for (const [name, element, limit] of [
  ["float32", FLOAT32, 3e-7],
  ["float64", FLOAT64, 6e-16],
] as const) {
  for (const shared of [false, detectFeatures().sharedMemory]) {
    describe(`product of ${name}, ${shared ? "shared" : "plain"} memory`, () => {
      const heap = new Heap({ shared });
      it("agrees with a double-precision loop for all layouts, with and without adding to the result", () => {
        const bench = new Bench(heap, gemmKernels(heap, element));
        for (const shape of SHAPES) {
          for (const left of ["row", "column"] as const) {
            for (const right of ["row", "column"] as const) {
              for (const mode of [0, ACCUMULATE])
                expect(worstError(bench, shape, [left, right], mode, false), `${shape}`).toBeLessThan(limit);
            }
          }
          expect(worstError(bench, shape, ["general", "general"], 0, false), `${shape}`).toBeLessThan(limit);
        }
      });

      it("adds a bias and applies relu once, after all blocks of depth", () => {
        const bench = new Bench(heap, gemmKernels(heap, element));
        for (const shape of SHAPES) {
          for (const mode of [0, RELU, ACCUMULATE | RELU]) {
            for (const biased of [false, true])
              expect(worstError(bench, shape, ["row", "column"], mode, biased), `${shape}`).toBeLessThan(limit);
          }
        }
      });

      it("agrees without fused multiplication too", () => {
        const bench = new Bench(heap, gemmKernels(heap, element, kernelOptions(heap, true)));
        for (const shape of SHAPES) expect(worstError(bench, shape, ["row", "row"], 0, false), `${shape}`).toBeLessThan(limit);
      });
    });
  }
}

describe("register tiles", () => {
  it("give the same bits", () => {
    for (const element of [FLOAT32, FLOAT64]) {
      const benches = (["short", "tall", "grouped"] as const).map((tile) => {
        const heap = new Heap({ shared: false });
        return new Bench(heap, gemmKernels(heap, element, { ...kernelOptions(heap), tile }));
      });
      for (const [m, n, k] of SHAPES.filter((shape) => shape.every((size) => size > 0))) {
        for (const mode of [0, ACCUMULATE | RELU]) {
          const [first, ...others] = benches.map((bench) => {
            const [a, b, c, bias] = [
              bench.matrix(m, k, "row"),
              bench.matrix(k, n, "column"),
              bench.matrix(m, n, "row"),
              bench.matrix(1, n, "row"),
            ];
            const layout = [a.pointer, a.row, a.column, b.pointer, b.row, b.column, c.pointer, c.row] as const;
            product(bench.kernels, bench.heap.workspace(0, bench.kernels.workspaceBytes), m, n, k, ...layout, mode, bias.pointer);
            const result = bench.data.slice(c.pointer / element.bytes, c.pointer / element.bytes + m * n);
            bench.free(a, b, c, bias);
            return result;
          });
          for (const other of others) expect(other, `${m}x${n}x${k} ${mode}`).toEqual(first);
        }
      }
    }
  });
});

describe("small products", () => {
  const heap = new Heap();

  /** The result of one path, on values that round. */
  function bits(kernels: GemmKernels, path: "small" | "packed", [m, n, k]: readonly number[]): number[] {
    const { bytes } = kernels.element;
    const bench = new Bench(heap, kernels);
    const [a, b, c] = [[m, k] as const, [k, n] as const, [m, n] as const].map(([rows, columns], i) =>
      bench.matrix(rows, columns, i === 1 ? "column" : "row"),
    );
    const [left, right] = [
      { a: a.pointer, aRow: a.row, aColumn: a.column },
      { b: b.pointer, bRow: b.row, bColumn: b.column },
    ];
    const p = { m, n, k, ...left, ...right, c: c.pointer, cRow: n, mode: 0, bias: 0 };
    callProduct(DIRECT, kernels, path, p, heap.workspace(0, kernels.workspaceBytes));
    const result = [...bench.data.subarray(c.pointer / bytes, c.pointer / bytes + m * n)];
    bench.free(a, b, c);
    return result;
  }

  it("have the bits of the blocked kernel", () => {
    // biome-ignore format: one shape after the other
    const shapes = [[2, 2, 2], [3, 5, 4], [1, 8, 8], [7, 3, 3], [2, 2, 16]];
    for (const element of [FLOAT32, FLOAT64]) {
      const kernels = gemmKernels(heap, element);
      for (const shape of shapes) expect(bits(kernels, "small", shape), `${shape}`).toEqual(bits(kernels, "packed", shape));
    }
  });
});

describe("panels", () => {
  it("stand in for the right operand of a product, with the same bits", () => {
    const heap = new Heap({ shared: false });
    const narrow = gemmKernels(heap, FLOAT32);
    const wide = { ...narrow, wide: instantiate(emitWideGemm(kernelOptions(heap)), heap.memory) };
    for (const kernels of [narrow, wide]) {
      const bench = new Bench(heap, kernels);
      for (const [m, n, k] of [
        [5, 24, 7],
        [32, 512, 128],
        [9, 1100, 300],
        [13, 37, 515],
      ]) {
        const [a, b, c] = [bench.matrix(m, k, "row"), bench.matrix(k, n, "column"), bench.matrix(m, n, "row")];
        const right = { n, k, b: b.pointer, bRow: b.row, bColumn: b.column, mode: 0, bias: 0 };
        const p = { ...right, m, a: a.pointer, aRow: a.row, aColumn: a.column, c: c.pointer, cRow: n };
        const panels = heap.alloc(panelBytes(right));
        packPanels(kernels, right, panels, heap.workspace(0, kernels.workspaceBytes));
        const [plain, packed] = [p, { ...p, b: panels, mode: PANELS }].map((one) => {
          callProduct(DIRECT, kernels, "packed", one, heap.workspace(0, kernels.workspaceBytes));
          return heap.f32.slice(c.pointer / 4, c.pointer / 4 + m * n);
        });
        expect(packed, `${m}x${n}x${k}`).toEqual(plain);
        bench.free(a, b, c);
        heap.free(panels);
      }
    }
  });
});

describe("special values", () => {
  it("pass through relu as PyTorch passes them: NaN stays", () => {
    const heap = new Heap();
    const kernels = gemmKernels(heap, FLOAT32);
    for (const n of [1, 8, 11]) {
      const [a, b, c] = [heap.alloc(8), heap.alloc(8 * n), heap.alloc(8 * n)];
      heap.f32.set([Number.NaN, -1], a / 4);
      heap.f32.fill(2, b / 4, b / 4 + n);
      product(kernels, heap.workspace(0, kernels.workspaceBytes), 2, n, 1, a, 1, 1, b, n, 1, c, n, RELU);
      expect([...heap.f32.subarray(c / 4, c / 4 + 2 * n)]).toEqual([...Array(n).fill(Number.NaN), ...Array(n).fill(0)]);
    }
  });
});
