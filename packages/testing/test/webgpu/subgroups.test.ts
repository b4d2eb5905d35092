import { inputExpr, type ReduceOp } from "@sconce/core";
import { describe, it } from "vitest";
import { expectSame, generator, hostTensor, values } from "./both.js";
import { startDevice } from "./start.js";

const random = generator(12);

for (const subgroups of [true, false]) {
  // Hardware's kernels share rows among lanes.
  const backend = await startDevice(false, subgroups);
  describe.skipIf(backend === null)(
    `rows shared by the lanes of a workgroup, ${subgroups ? "by subgroups where there are any" : "without subgroups"}`,
    () => {
      const device = backend!;
      it("are reduced by every op", async () => {
        const shape = [3, 700];
        for (const dtype of ["float32", "int32", "bool"] as const) {
          for (const op of ["sum", "max", "min", "any", "all"] as ReduceOp[]) {
            const x = hostTensor(dtype, shape, "contiguous", values(dtype, random, 1));
            const out = op === "any" || op === "all" ? "bool" : dtype;
            const attrs = { op, dims: [1], shape, expr: inputExpr(0, dtype), numbers: [] };
            await expectSame(device, "reduce", [x], [{ shape: [3], dtype: out }], attrs, 1e-5, `${op} ${dtype}`);
          }
        }
      });
      it("have their extremes found, the first of equals, and their running results, the last of equals", async () => {
        for (const [shape, dim] of [
          [[3, 300], 1],
          [[130, 2], 0],
          [[65], 0],
        ] as const) {
          for (const dtype of ["float32", "int32"] as const) {
            const draw = (): number => Math.floor(random() * 9) - 4;
            const odd = (): number => (dtype === "float32" && random() < 0.01 ? Number.NaN : draw());
            const small = shape.filter((_, d) => d !== dim);
            for (const layout of ["contiguous", "transposed"] as const) {
              for (const op of ["max", "min"] as const) {
                const x = hostTensor(dtype, shape, layout, random() < 0.5 ? odd : draw);
                const [kept, whole] = [
                  { shape: small, dtype: "int32" as const },
                  { shape, dtype: "int32" as const },
                ];
                await expectSame(device, "argReduce", [x], [kept], { op, dim }, 0, `${op} ${shape}`);
                await expectSame(device, "cumulate", [x], [{ shape, dtype }, whole], { op, dim }, 0, `${op} ${shape}`);
              }
              const sum = { op: "sum", dim } as const;
              await expectSame(device, "cumulate", [hostTensor(dtype, shape, layout, draw)], [{ shape, dtype }], sum, 1e-5, `sum ${shape}`);
              const product = { op: "prod", dim } as const;
              const near = hostTensor(
                dtype,
                shape,
                layout,
                dtype === "int32" ? () => 1 - 2 * Math.round(random()) : () => 0.9 + 0.2 * random(),
              );
              await expectSame(device, "cumulate", [near], [{ shape, dtype }], product, 1e-4, `product ${shape}`);
            }
          }
        }
      });
      it("have their softmax, layer norm and losses", async () => {
        const shape = [5, 300];
        const [x, grad] = [0, 1].map(() => hostTensor("float32", shape, "contiguous", values("float32", random, 3)));
        const spec = { shape, dtype: "float32" as const };
        for (const log of [false, true]) {
          await expectSame(device, "softmax", [x], [spec], { dim: 1, log }, 2e-6);
          await expectSame(device, "softmaxGrad", [grad, x], [spec], { dim: 1, log }, 1e-4);
        }
        const row = { shape: [5, 1], dtype: "float32" as const };
        await expectSame(device, "layerNorm", [x], [spec, row, row], { dims: 1, eps: 1e-5 }, 2e-5);
        const target = hostTensor("int32", [5], "contiguous", () => Math.floor(random() * 300));
        const scalar = { shape: [], dtype: "float32" as const };
        await expectSame(device, "nll", [x, target], [scalar, scalar], { dim: 1, ignoreIndex: -100, reduction: "mean" }, 1e-5);
      });
    },
  );
}
