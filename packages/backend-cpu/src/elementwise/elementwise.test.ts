import { type BaseScalarOp, type DType, type Expr, inputExpr, literal, numberExpr, opExpr, SCALAR_OPS } from "@sconce/core";
import { describe, expect, it } from "vitest";
import { CpuBackend } from "../backend.js";
import { SCALARS } from "../reference/scalar.js";
import { expectClose, generator, type HostTensor, hostTensor, LAYOUTS, runBoth, tensorOf, values } from "../testing.js";

const backend = new CpuBackend();
const SHAPES = [[], [1], [3], [4], [17], [0], [5, 7], [3, 4, 5], [2, 1, 9], [4, 0, 3], [2, 3, 2, 4]];
/** Dtypes that kernels compute in. */
type Wide = Exclude<DType, "float16" | "bfloat16" | "int8" | "int16">;
const CLASSES: { readonly [D in Wide]: "float" | "int" | "big" | "bool" } = {
  float32: "float",
  float64: "float",
  int32: "int",
  uint8: "int",
  int64: "big",
  bool: "bool",
};

function exprOf(op: BaseScalarOp, dtype: DType): Expr {
  const arity = SCALAR_OPS[op].arity;
  if (op === "where") return opExpr("where", dtype, [inputExpr(0, "bool"), inputExpr(1, dtype), inputExpr(2, dtype)]);
  const args = Array.from({ length: arity }, (_, i) => inputExpr(i, dtype));
  return opExpr(op, SCALAR_OPS[op].result === "bool" ? "bool" : dtype, args);
}

function run(expr: Expr, inputs: readonly HostTensor[], shape: readonly number[], tolerance: number, label: string): void {
  const outputs = [{ shape, dtype: expr.dtype }];
  const { got, want } = runBoth(backend, "elementwise", inputs, outputs, { exprs: [expr], numbers: [] });
  expectClose(got[0], want[0], tolerance, label);
}

describe("every op on every dtype and layout agrees with its reference", () => {
  for (const op of Object.keys(SCALARS) as Exclude<BaseScalarOp, "cast">[]) {
    it(op, () => {
      const random = generator(op.length);
      for (const dtype of ["float32", "float64", "int32", "int64", "uint8", "bool"] as const) {
        if (SCALARS[op][CLASSES[dtype]] === undefined) continue;
        const expr = exprOf(op, dtype) as Expr & { readonly kind: "op" };
        const divides = ["floorDivide", "truncDivide", "remainder", "fmod"].includes(op);
        for (const shape of SHAPES) {
          for (const layout of LAYOUTS) {
            const inputs = expr.args.map((arg, i) => {
              const value = values(arg.dtype, random);
              const kind = i === 0 ? layout : LAYOUTS[Math.floor(random() * LAYOUTS.length)];
              return hostTensor(arg.dtype, shape, kind, () => (divides && i === 1 && CLASSES[dtype] !== "float" ? value() || 3 : value()));
            });
            run(expr, inputs, shape, dtype === "float32" ? 3e-7 : 0, `${op} ${dtype} [${shape}] ${layout}`);
          }
        }
      }
    });
  }
});

describe("casts", () => {
  const DTYPES = ["float32", "float64", "int32", "int64", "uint8", "bool"] as const;
  for (const from of DTYPES) {
    it(`from ${from} agree with the reference`, () => {
      const random = generator(7);
      for (const to of DTYPES) {
        for (const layout of LAYOUTS) {
          const value = values(from, random, 300);
          const x = hostTensor(from, [3, 7], layout, (i) =>
            i === 1 && from.startsWith("float") ? Number.NaN : i === 2 ? value() * 1e9 : value(),
          );
          run(opExpr("cast", to, [inputExpr(0, from)]), [x], [3, 7], 0, `${from} to ${to} ${layout}`);
        }
      }
    });
  }
});

describe("expressions", () => {
  const x = inputExpr(0, "float32");
  const y = inputExpr(1, "float32");

  it("with shared parts, numbers, literals and several results agree with the reference", () => {
    const random = generator(3);
    const sum = opExpr("add", "float32", [opExpr("mul", "float32", [x, numberExpr(0, "float32")]), y]);
    const flag = opExpr("gt", "bool", [sum, literal(0.5, "float32")]);
    const out = opExpr("where", "float32", [flag, opExpr("exp", "float32", [sum]), opExpr("neg", "float32", [sum])]);
    for (const shape of [[33], [6, 5], [3, 1, 6]]) {
      for (const layout of LAYOUTS) {
        const inputs = [
          hostTensor("float32", shape, layout, values("float32", random)),
          hostTensor("float32", shape, "broadcast", values("float32", random)),
        ];
        const outputs = [out, flag, sum].map(({ dtype }) => ({ shape, dtype }));
        const { got, want } = runBoth(backend, "elementwise", inputs, outputs, { exprs: [out, flag, sum], numbers: [0.75] });
        for (let i = 0; i < 3; i++) expectClose(got[i], want[i], 3e-7, `${i} ${layout}`);
      }
    }
  });

  it("that mix widths agree with the reference", () => {
    const random = generator(5);
    const count = opExpr("cast", "int64", [opExpr("eq", "bool", [inputExpr(0, "int32"), inputExpr(1, "int32")])]);
    const wide = opExpr("add", "float64", [opExpr("cast", "float64", [inputExpr(0, "int32")]), numberExpr(0, "float64")]);
    const inputs = [
      hostTensor("int32", [5, 7], "transposed", values("int32", random, 2)),
      hostTensor("int32", [5, 7], "broadcast", values("int32", random, 2)),
    ];
    const outputs = [
      { shape: [5, 7], dtype: "int64" as const },
      { shape: [5, 7], dtype: "float64" as const },
    ];
    const { got, want } = runBoth(backend, "elementwise", inputs, outputs, { exprs: [count, wide], numbers: [0.1] });
    expect(got).toEqual(want);
  });

  it("of int64 are exact beyond 2^53", () => {
    const big = inputExpr(0, "int64");
    const expr = opExpr("mul", "int64", [opExpr("add", "int64", [big, literal(1, "int64")]), numberExpr(0, "int64")]);
    const handle = backend.upload(new BigInt64Array([2n ** 62n, -5n, 9007199254740993n]), "int64");
    const view = { handle, dtype: "int64" as const, shape: [3], strides: [1], offset: 0 };
    const [out] = backend.run("elementwise", [view], [{ shape: [3], dtype: "int64" }], { exprs: [expr], numbers: [3n] });
    expect([...backend.downloadSync(out, "int64", 3)]).toEqual([BigInt.asIntN(64, 3n * (2n ** 62n + 1n)), -12n, 27021597764222982n]);
  });

  it("keep NaN, infinities and signs as the reference does", () => {
    const specials = [
      0,
      -0,
      1,
      -1,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      1e-42,
      -1e-42,
      3e38,
      -3e38,
      0.5,
      2.5,
      -1.5,
    ];
    const pairs = specials.flatMap((a) => specials.map((b) => [a, b] as const));
    for (const op of Object.keys(SCALARS) as Exclude<BaseScalarOp, "cast">[]) {
      for (const dtype of ["float32", "float64"] as const) {
        if (SCALARS[op].float === undefined || op === "where") continue;
        const inputs = [0, 1]
          .map((k) =>
            tensorOf(
              dtype,
              [pairs.length],
              pairs.map((p) => p[k]),
            ),
          )
          .slice(0, SCALAR_OPS[op].arity);
        const { got, want } = runBoth(
          backend,
          "elementwise",
          inputs,
          [{ shape: [pairs.length], dtype: SCALAR_OPS[op].result === "bool" ? "bool" : dtype }],
          {
            exprs: [exprOf(op, dtype)],
            numbers: [],
          },
        );
        expectSpecials(got[0], want[0], (i) => `${op} ${dtype} of ${pairs[i]}`);
      }
    }
  });

  it("throw for a division of integers by zero", () => {
    const inputs = [tensorOf("int32", [2], [1, 2]), tensorOf("int32", [2], [1, 0])];
    const attrs = { exprs: [exprOf("floorDivide", "int32")], numbers: [] };
    expect(() => runBoth(backend, "elementwise", inputs, [{ shape: [2], dtype: "int32" }], attrs)).toThrow("ZeroDivisionError");
  });
});

function expectSpecials(got: ArrayLike<number | bigint>, want: ArrayLike<number | bigint>, label: (i: number) => string): void {
  for (let i = 0; i < want.length; i++) {
    const [a, b] = [Number(got[i]), Number(want[i])];
    const same = Number.isFinite(b) ? Math.abs(a - b) <= 4e-7 * Math.abs(b) + 2e-45 : Object.is(a, b);
    if (!same) expect.fail(`${label(i)}: got ${a}, want ${b}`);
  }
}
