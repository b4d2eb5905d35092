import { contiguousStrides, sizeOf, type View } from "@sconce/core";
import { describe, expect, it } from "vitest";
import { CpuBackend } from "../backend.js";
import { expectClose, generator, hostTensor, LAYOUTS, runBoth, values } from "../testing.js";

const backend = new CpuBackend();
const DTYPES = ["float32", "float64", "int32", "int64", "uint8", "bool"] as const;

/** Shapes that are joined along a dimension. */
const JOINS: readonly (readonly [dim: number, shapes: readonly (readonly number[])[]])[] = [
  [
    0,
    [
      [2, 3],
      [1, 3],
      [0, 3],
    ],
  ],
  [
    1,
    [
      [2, 3, 2],
      [2, 5, 2],
    ],
  ],
  [
    2,
    [
      [2, 3, 1],
      [2, 3, 4],
      [2, 3, 2],
    ],
  ],
];

describe("concat", () => {
  it("agrees with its reference for every dtype and layout", () => {
    const random = generator(41);
    for (const dtype of DTYPES) {
      for (const layout of LAYOUTS) {
        for (const [dim, shapes] of JOINS) {
          const inputs = shapes.map((shape) => hostTensor(dtype, shape, layout, values(dtype, random)));
          const shape: number[] = [...shapes[0]];
          shape[dim] = shapes.reduce((sum, s) => sum + s[dim], 0);
          const { got, want } = runBoth(backend, "concat", inputs, [{ shape, dtype }], { dim });
          expectClose(got[0], want[0], 0, `${dtype} ${layout} ${dim}`);
        }
      }
    }
  });
});

describe("updateSlice", () => {
  it("agrees with its reference for every dtype and layout of the source", () => {
    const random = generator(42);
    for (const dtype of DTYPES) {
      for (const layout of LAYOUTS) {
        for (const [shape, strides, offset] of [
          [[2, 3], [12, 1], 5],
          [[3, 2], [1, 12], 0],
          [[4], [-2], 30],
          [[], [], 7],
          [[2, 2, 3], [18, 6, 2], 1],
          [[0, 3], [6, 1], 0],
        ] as const) {
          const base = hostTensor(dtype, [6, 6], layout, values(dtype, random));
          const source = hostTensor(dtype, shape, layout, values(dtype, random));
          const { got, want } = runBoth(backend, "updateSlice", [base, source], [{ shape: [6, 6], dtype }], {
            strides,
            offset,
            reuse: false,
          });
          expectClose(got[0], want[0], 0, `${dtype} ${layout} [${shape}]`);
        }
      }
    }
  });

  it("writes into the base itself with reuse, also from a source within it", () => {
    const shape = [4, 4];
    const handle = backend.upload(
      Float32Array.from({ length: 16 }, (_, i) => i),
      "float32",
    );
    const base: View = { handle, dtype: "float32", shape, strides: contiguousStrides(shape), offset: 0 };
    const transposed: View = { ...base, strides: [1, 4] };
    const [out] = backend.run("updateSlice", [base, transposed], [base], { strides: [4, 1], offset: 0, reuse: true });
    expect(out).toBe(handle);
    expect([...backend.downloadSync(out, "float32", 16)]).toEqual([0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15]);
  });
});

describe("softmax", () => {
  it("agrees with its reference along every dimension and in every layout", () => {
    const random = generator(43);
    for (const dtype of ["float32", "float64"] as const) {
      for (const shape of [[], [1], [7], [5, 10], [3, 4, 5], [2, 0, 3], [2, 300]]) {
        for (const layout of LAYOUTS) {
          for (let dim = 0; dim < Math.max(1, shape.length); dim++) {
            for (const log of [false, true]) {
              const x = hostTensor(dtype, shape, layout, values(dtype, random, 6));
              const { got, want } = runBoth(backend, "softmax", [x], [{ shape, dtype }], { dim, log });
              expectClose(got[0], want[0], dtype === "float32" ? 3e-7 : 0, `${dtype} [${shape}] ${layout} ${dim} ${log}`);
            }
          }
        }
      }
    }
  });

  it("is right for large elements, -infinity and NaN", () => {
    const rows = [
      [1000, 1001, 999, -1000, 5],
      [Number.NEGATIVE_INFINITY, 0, 1, 2, 3],
      [Number.NaN, 0, 1, 2, 3],
      new Array(5).fill(Number.NEGATIVE_INFINITY),
    ];
    const x = hostTensor("float32", [4, 5], "contiguous", (i) => rows[Math.floor(i / 5)][i % 5]);
    for (const log of [false, true]) {
      const { got, want } = runBoth(backend, "softmax", [x], [{ shape: [4, 5], dtype: "float32" }], { dim: 1, log });
      expect(sizeOf([4, 5])).toBe(got[0].length);
      expectClose(got[0], want[0], 3e-7);
    }
  });
});
