import { describe, expect, it } from "vitest";
import { CpuBackend } from "../backend.js";
import { expectClose, generator, hostTensor, LAYOUTS, runBoth, values } from "../testing.js";

const backend = new CpuBackend();
const SHAPES: readonly (readonly [shape: readonly number[], dim: number])[] = [
  [[4, 3], 1],
  [[3], 0],
  [[2, 5, 3, 2], 1],
  [[0, 3], 1],
];

describe("negative log likelihood", () => {
  it("agrees with its reference for every layout and reduction", () => {
    const random = generator(51);
    for (const dtype of ["float32", "float64"] as const) {
      for (const layout of LAYOUTS) {
        for (const [shape, dim] of SHAPES) {
          for (const reduction of ["none", "sum", "mean"] as const) {
            const rest = shape.filter((_, d) => d !== dim);
            const target = hostTensor("int32", rest, layout, () => Math.floor(random() * shape[dim]));
            const attrs = { dim, ignoreIndex: 1, reduction };
            const label = `${dtype} ${layout} [${shape}] ${reduction}`;
            const one = { shape: reduction === "none" ? rest : [], dtype };
            const x = hostTensor(dtype, shape, layout, values(dtype, random));
            const loss = runBoth(backend, "nll", [x, target], [one, { shape: [], dtype }], attrs);
            expectClose(loss.got[0], loss.want[0], 1e-6, label);
            expectClose(loss.got[1], loss.want[1], 0, label);
            const g = hostTensor(dtype, one.shape, layout, values(dtype, random));
            const count = hostTensor(dtype, [], "contiguous", () => 3);
            const grad = runBoth(backend, "nllGrad", [g, target, count], [{ shape, dtype }], attrs);
            expectClose(grad.got[0], grad.want[0], 1e-6, label);
          }
        }
      }
    }
  });

  it("refuses what is no class", () => {
    for (const bad of [-1, 3]) {
      const x = hostTensor("float32", [2, 3], "contiguous", () => 0);
      const target = hostTensor("int32", [2], "contiguous", () => bad);
      const attrs = { dim: 1, ignoreIndex: -100, reduction: "mean" } as const;
      const run = (): unknown =>
        runBoth(
          backend,
          "nll",
          [x, target],
          [
            { shape: [], dtype: "float32" },
            { shape: [], dtype: "float32" },
          ],
          attrs,
        );
      expect(run).toThrow(`nll: Target ${bad} is out of bounds`);
    }
  });
});
