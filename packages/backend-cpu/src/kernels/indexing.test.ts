import { type DType, type ScatterMode, ShapeError } from "@sconce/core";
import { describe, expect, it } from "vitest";
import { CpuBackend } from "../backend.js";
import { expectClose, generator, type HostTensor, hostTensor, LAYOUTS, type LayoutKind, runBoth, tensorOf, values } from "../testing.js";

const backend = new CpuBackend();
const DTYPES = ["float32", "float64", "int32", "int64", "uint8", "bool"] as const;
const MODES: readonly ScatterMode[] = ["set", "add", "mul", "max", "min"];
const random = generator(51);

const make = (dtype: DType, shape: readonly number[], kind: LayoutKind): HostTensor =>
  hostTensor(dtype, shape, kind, values(dtype, random, 2));
const indices = (shape: readonly number[], size: number, kind: LayoutKind): HostTensor =>
  hostTensor("int32", shape, kind, () => Math.floor(random() * size));

/** Shapes of a tensor and an index along a dimension. */
const CASES: readonly (readonly [shape: readonly number[], index: readonly number[], dim: number])[] = [
  [[5], [7], 0],
  [[4, 6], [4, 3], 1],
  [[4, 6], [9, 6], 0],
  [[3, 4, 5], [3, 2, 5], 1],
  [[3, 4, 5], [2, 3, 1], 2],
  [[], [], 0],
  [[4, 6], [0, 6], 0],
];

/** Shapes of a tensor whose rows are picked along a dimension. */
const ROWS: readonly (readonly [shape: readonly number[], dim: number])[] = [
  [[5], 0],
  [[4, 6], 0],
  [[4, 6], 1],
  [[3, 4, 5], 1],
  [[3, 0], 0],
];

describe("gather and scatter", () => {
  it("agree with their references for every dtype, mode and layout", () => {
    for (const dtype of DTYPES) {
      for (const layout of LAYOUTS) {
        for (const [shape, indexShape, dim] of CASES) {
          const x = make(dtype, shape, layout);
          const index = indices(indexShape, shape.length === 0 ? 1 : shape[dim], layout);
          const label = `${dtype} ${layout} [${shape}]`;
          const gathered = runBoth(backend, "gather", [x, index], [{ shape: indexShape, dtype }], { dim });
          expectClose(gathered.got[0], gathered.want[0], 0, label);
          for (const mode of MODES) {
            const { got, want } = runBoth(backend, "scatter", [x, index, make(dtype, indexShape, layout)], [{ shape, dtype }], {
              dim,
              mode,
            });
            expectClose(got[0], want[0], 0, `${label} ${mode}`);
          }
        }
      }
    }
  });
});

describe("indexSelect and indexUpdate", () => {
  it("agree with their references for every dtype, mode and layout", () => {
    for (const dtype of DTYPES) {
      for (const layout of LAYOUTS) {
        for (const [shape, dim] of ROWS) {
          const rows: number[] = [...shape];
          rows[dim] = 7;
          const index = indices([7], shape[dim], layout);
          const x = make(dtype, shape, layout);
          const label = `${dtype} ${layout} [${shape}] ${dim}`;
          const selected = runBoth(backend, "indexSelect", [x, index], [{ shape: rows, dtype }], { dim });
          expectClose(selected.got[0], selected.want[0], 0, label);
          for (const mode of MODES) {
            const { got, want } = runBoth(backend, "indexUpdate", [x, index, make(dtype, rows, layout)], [{ shape, dtype }], { dim, mode });
            expectClose(got[0], want[0], 0, `${label} ${mode}`);
          }
        }
      }
    }
  });
});

describe("an index out of range", () => {
  it("throws, naming the dimension and its size, and frees what was allocated", () => {
    const x = tensorOf("float32", [3], [1, 2, 3]);
    const live = backend.machine.heap.stats().live;
    for (const bad of [5, -1]) {
      const index = tensorOf("int32", [2], [0, bad]);
      const run = (): unknown => runBoth(backend, "gather", [x, index], [{ shape: [2], dtype: "float32" }], { dim: 0 });
      expect(run).toThrow(ShapeError);
      expect(run).toThrow(`index ${bad} is out of bounds for dimension 0 with size 3`);
    }
    // The inputs of the four failed runs stay.
    expect(backend.machine.heap.stats().live - live).toBe(4 * 2 * 64);
  });
});

describe("argReduce, cumulate and sort", () => {
  const SHAPES = [[], [1], [9], [40], [4, 6], [3, 4, 5], [2, 0, 3]];

  it("agree with their references for every dtype and layout", () => {
    for (const dtype of DTYPES) {
      for (const layout of LAYOUTS) {
        for (const shape of SHAPES) {
          for (let dim = 0; dim < Math.max(1, shape.length); dim++) {
            const nan = dtype.startsWith("float");
            const value = values(dtype, random, 2);
            const x = hostTensor(dtype, shape, layout, (i) => (nan && i % 7 === 4 ? Number.NaN : Math.round(2 * value()) / 2));
            const label = `${dtype} ${layout} [${shape}] ${dim}`;
            const reduced = shape.filter((_, d) => d !== dim);
            for (const op of ["max", "min"] as const) {
              if (shape[dim] !== 0) {
                const { got, want } = runBoth(backend, "argReduce", [x], [{ shape: reduced, dtype: "int32" }], { op, dim });
                expectClose(got[0], want[0], 0, `${label} arg ${op}`);
              }
            }
            for (const op of ["sum", "prod", "max", "min"] as const) {
              const outputs = [{ shape, dtype }, ...(op === "max" || op === "min" ? [{ shape, dtype: "int32" as const }] : [])];
              const { got, want } = runBoth(backend, "cumulate", [x], outputs, { op, dim });
              got.forEach((result, i) => expectClose(result, want[i], 0, `${label} cumulate ${op}`));
            }
            for (const descending of [false, true]) {
              const { got, want } = runBoth(
                backend,
                "sort",
                [x],
                [
                  { shape, dtype },
                  { shape, dtype: "int32" },
                ],
                { dim, descending },
              );
              expectClose(got[1], want[1], 0, `${label} order ${descending}`);
              expectClose(got[0], want[0], 0, `${label} sorted ${descending}`);
            }
          }
        }
      }
    }
  });
});

describe("random", () => {
  it("agrees with its reference for every length, seed and offset", () => {
    for (const [length, seed, offset] of [
      [1, 0, 0],
      [16, 1, 2],
      [37, 2 ** 32 + 5, 2 ** 40 + 7],
      [1000, 2 ** 53 - 1, 3],
      [0, 1, 1],
    ]) {
      const { got, want } = runBoth(backend, "random", [], [{ shape: [length], dtype: "float32" }], { seed, offset });
      expect(got[0]).toEqual(want[0]);
    }
  });
});
