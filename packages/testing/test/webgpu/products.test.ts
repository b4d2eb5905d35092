import { type DType, inputExpr, literal, opExpr, type ReduceOp, type Spec, type View } from "@sconce/core";
import { describe, expect, it } from "vitest";
import { expectSame, generator, hostTensor, LAYOUTS, values } from "./both.js";
import { startDevice } from "./start.js";

const random = generator(1);
const shape = [3, 4, 5];
const READ: ReadonlySet<string> = new Set(["contiguous", "transposed", "sliced"]);

for (const software of [true, false]) {
  const backend = await startDevice(software);
  describe.skipIf(backend === null)(`kernels for ${software ? "software adapters" : "hardware"}`, () => {
    const device = backend!;
    for (const dtype of ["float32", "int32"] as DType[]) {
      for (const [m, k, n] of [
        [1, 1, 1],
        [8, 8, 8],
        [5, 7, 3],
        [64, 32, 48],
        [70, 33, 65],
        [130, 20, 132],
      ]) {
        it(`matmul of ${dtype} [${m}, ${k}] x [${k}, ${n}] in any layout`, async () => {
          // Every layout once on each side; the three ways of reading a factor in all pairs.
          const pairs = LAYOUTS.flatMap((left) => LAYOUTS.map((right) => [left, right] as const));
          for (const [left, right] of pairs.filter(([l, r]) => (dtype === "float32" ? READ.has(l) && READ.has(r) : l === r))) {
            const a = hostTensor(dtype, [m, k], left, values(dtype, random, 1));
            const b = hostTensor(dtype, [k, n], right, values(dtype, random, 1));
            await expectSame(device, "matmul", [a, b], [{ shape: [m, n], dtype }], { bias: false }, 1e-5, `${left} ${right}`);
          }
        });
      }
    }
    it("matmul in blocks of 8 and of 16 columns", async () => {
      for (const [m, k, n] of [
        [66, 12, 132],
        [66, 13, 134],
        [130, 12, 272],
        [131, 13, 270],
      ]) {
        for (const left of ["contiguous", "transposed"] as const) {
          for (const right of ["contiguous", "transposed"] as const) {
            const a = hostTensor("float32", [m, k], left, values("float32", random, 1));
            const b = hostTensor("float32", [k, n], right, values("float32", random, 1));
            await expectSame(
              device,
              "matmul",
              [a, b],
              [{ shape: [m, n], dtype: "float32" }],
              { bias: false },
              1e-5,
              `${m} ${left} ${right}`,
            );
          }
        }
      }
    });
    it("matmul with batches and a bias", async () => {
      for (const layout of LAYOUTS) {
        const a = hostTensor("float32", [2, 3, 9, 20], layout, values("float32", random, 1));
        const b = hostTensor("float32", [2, 3, 20, 24], "contiguous", values("float32", random, 1));
        const bias = {
          ...hostTensor("float32", [24], "contiguous", values("float32", random, 1)),
          shape: [2, 3, 9, 24],
          strides: [0, 0, 0, 1],
        };
        await expectSame(device, "matmul", [a, b, bias], [{ shape: [2, 3, 9, 24], dtype: "float32" }], { bias: true }, 1e-5, layout);
      }
    });
    for (const op of ["sum", "prod", "max", "min", "any", "all"] as ReduceOp[]) {
      for (const dtype of ["float32", "int32", "bool"] as DType[]) {
        it(`${op} of ${dtype} over any dims`, async () => {
          for (const layout of LAYOUTS)
            for (const dims of [[], [0], [1], [2], [0, 2], [0, 1, 2]]) {
              const x = hostTensor(dtype, shape, layout, values(dtype, random));
              const kept = shape.filter((_, d) => !dims.includes(d));
              const out = op === "any" || op === "all" ? "bool" : dtype;
              const attrs = { op, dims, shape, expr: inputExpr(0, dtype), numbers: [] };
              await expectSame(device, "reduce", [x], [{ shape: kept, dtype: out }], attrs, 1e-5, `${layout} ${dims}`);
            }
        });
      }
    }
    it("long reductions of an expression", async () => {
      // Terms of one sign: where they cancel, the rounding of the terms is all that is left.
      const expr = opExpr("mul", "float32", [opExpr("abs", "float32", [inputExpr(0, "float32")]), literal(0.5, "float32")]);
      for (const [size, dims] of [
        [[100000], [0]],
        [[3, 20000], [1]],
        [[20000, 3], [0]],
        [[300, 200], [1]],
        [[200, 300], [0]],
        [
          [2, 3000, 5],
          [0, 1],
        ],
      ] as number[][][]) {
        const x = hostTensor("float32", size, "contiguous", values("float32", random, 1));
        const kept = size.filter((_, d) => !dims.includes(d));
        await expectSame(
          device,
          "reduce",
          [x],
          [{ shape: kept, dtype: "float32" }],
          { op: "sum", dims, shape: size, expr, numbers: [] },
          1e-5,
        );
      }
    });
    it("elementwise of one element, stretched, beside tensors in order", async () => {
      const exprs = [opExpr("sub", "float32", [inputExpr(0, "float32"), inputExpr(1, "float32")])];
      const a = hostTensor("float32", [2, 3], "contiguous", values("float32", random, 1));
      const b = { ...hostTensor("float32", [1], "contiguous", values("float32", random, 1)), shape: [2, 3], strides: [0, 0] };
      const spec = { shape: [2, 3], dtype: "float32" as const };
      for (const inputs of [
        [a, b],
        [b, a],
        [a, a],
        [b, b],
      ])
        await expectSame(device, "elementwise", inputs, [spec], { exprs, numbers: [] });
    });
    it("elementwise over large tensors, four elements at a time, of any length and start", async () => {
      for (const [length, offset] of [
        [4096, 0],
        [4099, 4],
        [5001, 3],
      ]) {
        const draw = values("float32", random, 1);
        const whole = hostTensor("float32", [length + offset], "contiguous", draw);
        const [a, single] = [
          { ...whole, shape: [length], offset },
          { ...whole, shape: [length], strides: [0], offset: 2 },
        ];
        const mask = { ...hostTensor("bool", [length], "contiguous", values("bool", random, 1)) };
        const [x, y, c] = [inputExpr(0, "float32"), inputExpr(1, "float32"), inputExpr(2, "bool")];
        const exprs = [opExpr("where", "float32", [c, opExpr("div", "float32", [x, y]), x]), opExpr("lt", "bool", [x, y])];
        const outputs: Spec[] = [
          { shape: [length], dtype: "float32" },
          { shape: [length], dtype: "bool" },
        ];
        await expectSame(device, "elementwise", [a, single, mask], outputs, { exprs, numbers: [] });
      }
    });
    it("elementwise over its own inputs, but not where another input shares the buffer", async () => {
      const exprs = [opExpr("add", "float32", [inputExpr(0, "float32"), inputExpr(1, "float32")])];
      for (const length of [10, 5000]) {
        const data = Float32Array.from({ length }, (_, i) => i);
        const view = (handle: object): View => ({ handle, dtype: "float32", shape: [length], strides: [1], offset: 0 });
        const [x, y] = [device.upload(data, "float32"), device.upload(data, "float32")];
        const spec: Spec = { shape: [length], dtype: "float32" };
        const attrs = { exprs, numbers: [], overwrite: true };
        const [over] = device.run("elementwise", [view(x), view(y)], [spec], attrs);
        expect(over).toBe(x);
        const [apart] = device.run("elementwise", [view(x), view(x)], [spec], attrs);
        expect(apart).not.toBe(x);
        expect(await device.download(over, "float32", length)).toEqual(data.map((v) => 2 * v));
        expect(await device.download(apart, "float32", length)).toEqual(data.map((v) => 4 * v));
        for (const handle of [x, y, apart]) device.free(handle);
      }
    });
    it("elementwise in any layout", async () => {
      for (const left of LAYOUTS)
        for (const right of LAYOUTS) {
          const a = hostTensor("float32", shape, left, values("float32", random, 1));
          const b = hostTensor("float32", shape, right, values("float32", random, 1));
          const exprs = [opExpr("add", "float32", [inputExpr(0, "float32"), inputExpr(1, "float32")])];
          await expectSame(device, "elementwise", [a, b], [{ shape, dtype: "float32" }], { exprs, numbers: [] });
        }
    });
  });
}
