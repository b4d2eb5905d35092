import { describe, expect, it } from "vitest";
import { CpuBackend } from "../backend.js";
import { expectClose, generator, type HostTensor, hostTensor, LAYOUTS, runBoth, values } from "../testing.js";

const backend = new CpuBackend();

const SHAPES: readonly (readonly [batch: readonly number[], m: number, k: number, n: number])[] = [
  [[], 1, 1, 1],
  [[], 3, 5, 7],
  [[], 1, 33, 9],
  [[], 9, 33, 1],
  [[], 67, 30, 65],
  [[], 2, 0, 3],
  [[], 0, 2, 3],
  [[3], 4, 5, 6],
  [[2, 3], 5, 4, 3],
  [[0], 2, 3, 4],
];

describe("matmul agrees with its reference", () => {
  for (const dtype of ["float32", "float64", "int32", "int64"] as const) {
    it(`for ${dtype} in every layout, with and without bias`, () => {
      const random = generator(11);
      for (const [batch, m, k, n] of SHAPES) {
        for (const layout of LAYOUTS) {
          const make = (shape: readonly number[], kind: (typeof LAYOUTS)[number]): HostTensor =>
            hostTensor(dtype, shape, kind, values(dtype, random, 1));
          const a = make([...batch, m, k], layout);
          const b = make([...batch, k, n], LAYOUTS[Math.floor(random() * LAYOUTS.length)]);
          const shape = [...batch, m, n];
          const row = { ...make([n], "contiguous"), shape, strides: [...batch.map(() => 0), 0, 1] };
          const column = { ...make([m], "contiguous"), shape, strides: [...batch.map(() => 0), 1, 0] };
          for (const bias of [undefined, row, column, make(shape, layout)]) {
            const inputs = bias === undefined ? [a, b] : [a, b, bias];
            const { got, want } = runBoth(backend, "matmul", inputs, [{ shape, dtype }], { bias: bias !== undefined });
            expectClose(got[0], want[0], dtype === "float32" ? 3e-6 : 1e-13, `[${batch}] ${m} ${k} ${n} ${layout}`);
          }
        }
      }
    });
  }

  it("for a batch that shares one matrix", () => {
    const random = generator(12);
    const a = hostTensor("float32", [3, 4, 5], "contiguous", values("float32", random));
    const b = { ...hostTensor("float32", [5, 6], "contiguous", values("float32", random)), shape: [3, 5, 6], strides: [0, 6, 1] };
    const bias = { ...hostTensor("float32", [6], "contiguous", values("float32", random)), shape: [3, 4, 6], strides: [0, 0, 1] };
    const { got, want } = runBoth(backend, "matmul", [a, b, bias], [{ shape: [3, 4, 6], dtype: "float32" }], { bias: true });
    expectClose(got[0], want[0], 3e-6);
  });

  it("for a batch of one among others whose rows are a part of longer ones", () => {
    const random = generator(13);
    // The first rows of each matrix of [3, 1, 8, 5].
    const a = { ...hostTensor("float32", [3, 1, 8, 5], "contiguous", values("float32", random)), shape: [3, 1, 4, 5] };
    expect(a.strides).toEqual([40, 40, 5, 1]);
    const shape = [3, 1, 5, 6];
    const b = { ...hostTensor("float32", [5, 6], "contiguous", values("float32", random)), shape, strides: [0, 0, 6, 1] };
    const { got, want } = runBoth(backend, "matmul", [a, b], [{ shape: [3, 1, 4, 6], dtype: "float32" }], { bias: false });
    expectClose(got[0], want[0], 3e-6);
  });
});
