import { createCpuBackend } from "@sconce/backend-cpu";
import { type BaseScalarOp, type DType, inputExpr, isComposed, opExpr, SCALAR_OPS } from "@sconce/core";
import { describe, expect, it } from "vitest";
import { generator, type HostTensor, runOn, tensorOf, values } from "./both.js";
import { startDevice } from "./start.js";

const reference = createCpuBackend({ reference: true });
const random = generator(3);
const EDGES = [0, -0, 1, -1, 2, -2, 3, 0.5, -0.5, 2.5, -2.5, 88.8, -88.8, 100, -100, 1e30, -1e30, 1e-30, Infinity, -Infinity, Number.NaN];

/** Largest error in units of the larger of the result's last place and the smallest normal number, where more than one unit is allowed. */
const ULPS: { readonly [K in BaseScalarOp]?: number } = {
  exp: 2,
  expm1: 3,
  log: 2,
  log1p: 3,
  log2: 2,
  log10: 3,
  sin: 3,
  cos: 3,
  tan: 4,
  asin: 3,
  acos: 4,
  atan: 3,
  atan2: 4,
  sinh: 4,
  cosh: 3,
  tanh: 3,
  asinh: 5,
  acosh: 5,
  atanh: 5,
  sigmoid: 4,
  erf: 3,
  erfc: 12,
  erfinv: 40,
  pow: 4,
  rsqrt: 2,
  reciprocal: 1,
  sqrt: 1,
  div: 1,
  floorDivide: 1,
  truncDivide: 1,
};
/** Ops with zeros away from the origin lose relative accuracy there: the bound holds for numbers of size one. */
const ABSOLUTE: ReadonlySet<string> = new Set(["lgamma", "digamma"]);

const FLOATS: readonly BaseScalarOp[] = (Object.keys(SCALAR_OPS) as BaseScalarOp[]).filter(
  (op) => !isComposed(op) && !/^bitwise|^shift|^cast$/.test(op),
);
const INTS: readonly BaseScalarOp[] = [
  "neg",
  "abs",
  "sign",
  "floor",
  "bitwiseNot",
  "add",
  "sub",
  "mul",
  "floorDivide",
  "truncDivide",
  "remainder",
  "fmod",
  "pow",
  "maximum",
  "minimum",
  "eq",
  "ne",
  "lt",
  "le",
  "gt",
  "ge",
  "bitwiseAnd",
  "bitwiseOr",
  "bitwiseXor",
  "shiftLeft",
  "shiftRight",
  "where",
];
const BOOLS: readonly BaseScalarOp[] = [
  "abs",
  "sign",
  "bitwiseNot",
  "add",
  "mul",
  "maximum",
  "minimum",
  "eq",
  "ne",
  "lt",
  "le",
  "gt",
  "ge",
  "bitwiseAnd",
  "bitwiseOr",
  "bitwiseXor",
  "where",
];

function error(got: number, want: number, op: string): number {
  if (Object.is(got, want) || (got === 0 && want === 0) || (Number.isNaN(got) && Number.isNaN(want))) return 0;
  // Devices may flush subnormal results to zero.
  if (Math.abs(want) < 2 ** -126 && Math.abs(got) < 2 ** -126) return 0;
  if (!Number.isFinite(got) || !Number.isFinite(want)) return Number.POSITIVE_INFINITY;
  const size = Math.max(Math.abs(want), ABSOLUTE.has(op) ? 1 : 2 ** -126);
  return Math.abs(got - want) / 2 ** (Math.floor(Math.log2(size)) - 23);
}

const backend = await startDevice();

/** Results of an op on the device and by the reference in float64 (or in the integers themselves). */
async function both(
  op: BaseScalarOp,
  dtype: DType,
  args: readonly number[][],
): Promise<{ got: ArrayLike<number>; want: ArrayLike<number> }> {
  const shape = [args[0].length];
  const inputs: HostTensor[] = args.map((list) => tensorOf(dtype, shape, list));
  const conditional = op === "where";
  if (conditional)
    inputs[0] = tensorOf(
      "bool",
      shape,
      args[0].map((v) => Number(v > 0)),
    );
  const out = SCALAR_OPS[op].result === "bool" ? "bool" : dtype;
  const expr = (type: DType): ReturnType<typeof opExpr> =>
    opExpr(
      op,
      out === "bool" ? "bool" : type,
      inputs.map((_, i) => inputExpr(i, conditional && i === 0 ? "bool" : type)),
    );
  const [got] = await runOn(backend!, "elementwise", inputs, [{ shape, dtype: out }], { exprs: [expr(dtype)], numbers: [] });
  const wide: DType = dtype === "float32" ? "float64" : dtype;
  const exact = inputs.map((x) => (x.dtype === "float32" ? tensorOf("float64", shape, [...(x.array as Float32Array)]) : x));
  const [want] = await runOn(reference, "elementwise", exact, [{ shape, dtype: out === "bool" ? "bool" : wide }], {
    exprs: [expr(wide)],
    numbers: [],
  });
  return { got: got as Float32Array, want: Array.from(want as Float64Array, (v) => (dtype === "float32" ? Math.fround(v) : v)) };
}

function argsFor(op: BaseScalarOp, edges: readonly number[], more: () => number): number[][] {
  const { arity } = SCALAR_OPS[op];
  if (arity === 1) return [[...edges, ...Array.from({ length: 400 }, more)]];
  const pairs = edges.flatMap((x) => edges.map((y) => [x, y]));
  for (let i = 0; i < 400; i++) pairs.push([more(), more()]);
  return Array.from({ length: arity }, (_, k) => pairs.map((pair) => pair[(k + (arity === 3 ? 1 : 0)) % 2]));
}

describe.skipIf(backend === null)("scalar ops on WebGPU", () => {
  for (const op of FLOATS.filter((name) => SCALAR_OPS[name].arity > 0)) {
    it(`${op} of float32 keeps its bound and the special values`, async () => {
      const bound = ULPS[op] ?? (ABSOLUTE.has(op) ? 64 : 0.5);
      const args = argsFor(op, EDGES, () => (random() - 0.5) * (random() < 0.5 ? 4 : 40));
      const { got, want } = await both(op, "float32", args);
      const bad: string[] = [];
      let worst = 0;
      for (let i = 0; i < want.length; i++) {
        const e = error(got[i], want[i], op);
        if (Number.isFinite(e)) worst = Math.max(worst, e);
        if (!(e <= bound)) bad.push(`${op}(${args.map((list) => Math.fround(list[i])).join(", ")}) = ${got[i]}, want ${want[i]}`);
      }
      expect(bad.slice(0, 12), `worst finite error ${worst} of ${bound} ulps, ${bad.length} wrong`).toEqual([]);
    });
  }
  for (const [dtype, ops] of [
    ["int32", INTS],
    ["uint8", INTS],
    ["bool", BOOLS],
  ] as [DType, readonly BaseScalarOp[]][]) {
    it(`every op of ${dtype} is exact`, async () => {
      const small =
        dtype === "int32"
          ? [0, 1, -1, 2, -2, 7, -7, 31, 32, 2147483647, -2147483648]
          : dtype === "uint8"
            ? [0, 1, 2, 7, 8, 31, 40, 255]
            : [0, 1];
      for (const op of ops) {
        if (dtype === "uint8" && /^shift/.test(op)) continue;
        let args = argsFor(op, small, values(dtype, random));
        // Division by zero throws on the CPU; the smallest integer by -1 overflows there.
        if (/divide|remainder|fmod/i.test(op)) {
          const keep = args[1].map((y, i) => y !== 0 && !(y === -1 && args[0][i] === -2147483648));
          args = args.map((list) => list.filter((_, i) => keep[i]));
        }
        const { got, want } = await both(op, dtype, args);
        for (let i = 0; i < want.length; i++) {
          if (got[i] !== want[i]) expect.fail(`${op}(${args.map((list) => list[i]).join(", ")}) = ${got[i]}, want ${want[i]}`);
        }
      }
    });
  }
  it("casts between all dtypes as C does", async () => {
    const floats = [0, -0, 0.5, -0.5, 1.9, -1.9, 255, 256, -1, 2147483520, -2147483648, 3e9, -3e9, Infinity, -Infinity, Number.NaN];
    for (const from of ["float32", "int32", "uint8", "bool"] as DType[]) {
      for (const to of ["float32", "int32", "uint8", "bool"] as DType[]) {
        const list =
          from === "float32" ? floats : from === "bool" ? [0, 1] : from === "uint8" ? [0, 1, 255] : [0, 1, -1, 255, 256, -2147483648];
        const x = tensorOf(from, [list.length], list);
        const exprs = [opExpr("cast", to, [inputExpr(0, from)])];
        const spec = [{ shape: [list.length], dtype: to }];
        const [want] = await runOn(reference, "elementwise", [x], spec, { exprs, numbers: [] });
        const [got] = await runOn(backend!, "elementwise", [x], spec, { exprs, numbers: [] });
        expect([...got], `${from} to ${to}`).toEqual([...want]);
      }
    }
  });
  it("division of integers by zero gives 0", async () => {
    for (const op of ["floorDivide", "truncDivide", "remainder", "fmod"] as const) {
      const x = tensorOf("int32", [3], [5, 0, -5]);
      const zero = tensorOf("int32", [3], [0, 0, 0]);
      const exprs = [opExpr(op, "int32", [inputExpr(0, "int32"), inputExpr(1, "int32")])];
      const [got] = await runOn(backend!, "elementwise", [x, zero], [{ shape: [3], dtype: "int32" }], { exprs, numbers: [] });
      expect([...got]).toEqual([0, 0, 0]);
    }
  });
  it("sin and cos of large numbers are reduced exactly", async () => {
    const list = [20001, 1e5, 1e6, -1e7, 1e10, 1e20, -3e38, 12345678, 710.5, 19999.5];
    for (const op of ["sin", "cos", "tan"] as const) {
      const { got, want } = await both(op, "float32", [list]);
      for (let i = 0; i < list.length; i++)
        expect(error(got[i], want[i], op), `${op}(${list[i]}) = ${got[i]}, want ${want[i]}`).toBeLessThan(64);
    }
  });
});
