import { type DType, inputExpr, literal, numberExpr, opExpr, type ReduceOp, reducedShape, scalarExpr } from "@sconce/core";
import { describe, expect, it } from "vitest";
import { CpuBackend } from "../backend.js";
import { expectClose, generator, type HostTensor, hostTensor, LAYOUTS, runBoth, tensorOf, values } from "../testing.js";

const backend = new CpuBackend();

type Case = readonly [shape: readonly number[], dims: readonly number[]];
const CASES: readonly Case[] = [
  [[], []],
  [[1], [0]],
  [[7], [0]],
  [[70], [0]],
  [[9000], [0]],
  [[5, 6], [0]],
  [[5, 6], [1]],
  [
    [5, 6],
    [0, 1],
  ],
  [[300, 21], [0]],
  [[21, 37], [0]],
  [[3, 4, 5], [1]],
  [
    [3, 4, 50],
    [0, 2],
  ],
  [
    [2, 3, 4, 5],
    [0, 2, 3],
  ],
  [
    [2, 3, 4, 5],
    [1, 3],
  ],
  [
    [2, 3, 4, 5],
    [0, 1, 2],
  ],
  [[4, 1, 6], [1]],
  [[1, 8], [0]],
  [[3, 0, 2], [1]],
  [[3, 0, 2], [0]],
];
const OPS: readonly ReduceOp[] = ["sum", "prod", "max", "min", "any", "all"];

function check(
  op: ReduceOp,
  inputs: readonly HostTensor[],
  [shape, dims]: Case,
  expr: ReturnType<typeof inputExpr>,
  numbers: readonly number[] = [],
): void {
  const dtype: DType = op === "any" || op === "all" ? "bool" : expr.dtype;
  const attrs = { op, dims, shape, expr, numbers };
  const { got, want } = runBoth(backend, "reduce", inputs, [{ shape: reducedShape(shape, dims, false), dtype }], attrs);
  expectClose(got[0], want[0], expr.dtype === "float32" ? 1e-6 : 1e-13, `${op} ${expr.dtype} [${shape}] over ${dims}`);
}

describe("every reduction of every dtype and layout agrees with its reference", () => {
  for (const op of OPS) {
    it(op, () => {
      const random = generator(31);
      for (const dtype of ["float32", "float64", "int32", "int64", "uint8", "bool"] as const) {
        for (const test of CASES) {
          const [shape] = test;
          const zeros = op === "any" || op === "all";
          for (const layout of LAYOUTS) {
            // Positive numbers for sums, so that errors are relative to the result; powers of two for products, which stay exact.
            let value = values(dtype, random, 1);
            if (dtype.startsWith("float") && op === "sum") value = random;
            if (dtype.startsWith("float") && op === "prod") value = () => [0.5, 1, 2, -1][Math.floor(4 * random())];
            const x = hostTensor(dtype, shape, layout, () => (zeros && random() < 0.5 ? 0 : value()));
            check(op, [x], test, inputExpr(0, dtype));
          }
        }
      }
    });
  }
});

describe("reductions", () => {
  it("of expressions agree with the reference, also in the lanes beyond the end", () => {
    const random = generator(32);
    const [x, y] = [inputExpr(0, "float32"), inputExpr(1, "float32")];
    const difference = opExpr("sub", "float32", [x, y]);
    const shifted = opExpr("add", "float32", [opExpr("mul", "float32", [difference, difference]), numberExpr(0, "float32")]);
    const costly = opExpr("exp", "float32", [scalarExpr("gelu", "float32", [difference])]);
    const mixed = opExpr("cast", "int64", [opExpr("gt", "bool", [x, literal(0, "float32")])]);
    for (const test of CASES) {
      for (const layout of LAYOUTS) {
        const inputs = [layout, "broadcast" as const].map((kind) => hostTensor("float32", test[0], kind, values("float32", random, 1)));
        for (const expr of [shifted, costly]) check("sum", inputs, test, expr, [0.5]);
        check("max", inputs, test, costly);
        check("sum", inputs.slice(0, 1), test, mixed);
        check("any", inputs, test, opExpr("gt", "bool", [x, y]));
      }
    }
  });

  it("of large tensors to one number agree with the reference", () => {
    const random = generator(33);
    for (const shape of [[500, 300], [1, 131_073], [131_101]]) {
      for (const layout of LAYOUTS) {
        const x = hostTensor("float32", shape, layout, random);
        for (const op of ["sum", "max", "any"] as const) check(op, [x], [shape, shape.map((_, d) => d)], inputExpr(0, "float32"));
      }
    }
  });

  it("propagate NaN through max and min", () => {
    for (const at of [0, 3, 4, 18]) {
      const x = tensorOf(
        "float32",
        [19],
        Array.from({ length: 19 }, (_, i) => (i === at ? Number.NaN : -i)),
      );
      for (const op of ["max", "min"] as const) check(op, [x], [[19], [0]], inputExpr(0, "float32"));
    }
  });

  it("sum a million float32 without drift", () => {
    const x = tensorOf("float32", [1_000_000], new Array(1_000_000).fill(0.1));
    const attrs = { op: "sum" as const, dims: [0], shape: [1_000_000], expr: inputExpr(0, "float32"), numbers: [] };
    const { got } = runBoth(backend, "reduce", [x], [{ shape: [], dtype: "float32" }], attrs);
    expect(Math.abs((got[0][0] as number) - 1_000_000 * Math.fround(0.1))).toBeLessThan(0.1);
  });
});
