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
