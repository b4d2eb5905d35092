/**
 * How each scalar op is printed on vectors: four lanes of float32, int32, uint8 (as int32) and bool (as a mask), or two lanes of
 * float64, int64 and bool.
 *
 * @module
 */
import type { BaseScalarOp, ComputeDType, DType } from "@sconce/core";
import type { Local, OpName } from "../wasm/asm.js";
import type { Emitter } from "./emitter.js";
import { erf, exp, expm1, log, log1p, log2, sigmoid, tanh } from "./math.js";
import { fit } from "./narrow.js";
import { importName, type OpExpr, operandType, opsOf, type Plan } from "./plan.js";

/** Leaves the result of an op on the stack; arguments are in locals. */
type Emit = (e: Emitter, x: Local, y: Local, z: Local) => void;

/**
 * A cell of the table: instructions after the arguments (with the lane type left out), code, or the words
 * - `call`: the reference function, called lane by lane,
 * - `scalar`: the whole kernel works on one element at a time, since lanes beyond the end must not be computed.
 */
type Cell = readonly string[] | Emit | "call" | "scalar";

/** One op: a cell for each kind; `guarded` code calls the reference function in rare cases. */
interface Row {
  readonly float32?: Cell;
  readonly float64?: Cell;
  readonly int32?: Cell;
  readonly int64?: Cell;
  readonly bool?: Cell;
  readonly guarded?: boolean;
}

/** The same instructions for both widths. */
const floats = (...ops: string[]): Row => ({ float32: ops, float64: ops });
const numbers = (...ops: string[]): Row => ({ ...floats(...ops), int32: ops, int64: ops });
const called: Row = { float32: "call", float64: "call" };
/** An approximation for float32 only. */
const approximated = (float32: Emit): Row => ({ float32, float64: "call" });
const bits = (op: OpName): Row => ({ int32: [op], int64: [op], bool: [op] });
const kept: Cell = [];

function reciprocal(type: "f32x4" | "f64x2", root: boolean): Emit {
  return (e, x) => {
    e.f.get(e[type](1)).get(x);
    if (root) e.f.op(`${type}.sqrt`);
    e.f.op(`${type}.div`);
  };
}

function sign(type: "f32x4" | "f64x2"): Emit {
  return (e, x) => {
    const [zero, one] = [e[type](0), e[type](1)];
    e.f.get(x).get(zero).op(`${type}.gt`).get(one).op("v128.and");
    e.f.get(x).get(zero).op(`${type}.lt`).get(one).op("v128.and", `${type}.sub`);
  };
}

/** Masks are -1 where true. */
function intSign(type: "i32x4" | "i64x2"): Emit {
  return (e, x) => {
    const zero = e.i32x4(0);
    e.f.get(x).get(zero).op(`${type}.lt_s`).get(x).get(zero).op(`${type}.gt_s`, `${type}.sub`);
  };
}

function select(compare: OpName): Emit {
  return ({ f }, x, y) => {
    f.get(x).get(y).get(x).get(y).op(compare, "v128.bitselect");
  };
}

/** Comparison of masks by two bit operations; `swap` takes the arguments the other way round. */
function masks(swap: boolean, invertFirst: boolean): Emit {
  return ({ f }, x, y) => {
    const [a, b] = swap ? [y, x] : [x, y];
    if (invertFirst) f.get(b).get(a).op("v128.not", "v128.or");
    else f.get(b).get(a).op("v128.andnot");
  };
}

const compare = (name: string, bool: Cell): Row => ({
  float32: [name],
  float64: [name],
  int32: [name === "eq" || name === "ne" ? name : `${name}_s`],
  int64: [name === "eq" || name === "ne" ? name : `${name}_s`],
  bool,
});

/** Functions of float32 vectors that few programs need. */
export type VectorFunctions = { readonly [K in "sin" | "cos" | "pow"]: Emit };

let vectors: VectorFunctions | null = null;

/** Makes the vector functions known, which are a part of the backend. */
export function useVectors(functions: VectorFunctions): void {
  vectors = functions;
}

/** The row of a vector function, which is looked up when a kernel needs it; without it the reference function is called. */
const vectorRow = (op: keyof VectorFunctions, integers?: Cell): Row => ({
  get float32(): Cell {
    return vectors?.[op] ?? "call";
  },
  float64: "call",
  int32: integers,
  int64: integers,
  guarded: true,
});

const SIMD: { readonly [K in Exclude<BaseScalarOp, "cast">]: Row } = {
  neg: numbers("neg"),
  abs: { ...numbers("abs"), bool: kept },
  sign: { float32: sign("f32x4"), float64: sign("f64x2"), int32: intSign("i32x4"), int64: intSign("i64x2"), bool: kept },
  reciprocal: { float32: reciprocal("f32x4", false), float64: reciprocal("f64x2", false) },
  sqrt: floats("sqrt"),
  rsqrt: { float32: reciprocal("f32x4", true), float64: reciprocal("f64x2", true) },
  exp: approximated(exp),
  expm1: approximated(expm1),
  log: approximated(log),
  log1p: approximated(log1p),
  log2: approximated(log2),
  log10: called,
  sin: vectorRow("sin"),
  cos: vectorRow("cos"),
  tan: called,
  asin: called,
  acos: called,
  atan: called,
  sinh: called,
  cosh: called,
  tanh: approximated(tanh),
  asinh: called,
  acosh: called,
  atanh: called,
  sigmoid: approximated(sigmoid),
  erf: approximated(erf),
  erfc: called,
  erfinv: called,
  lgamma: called,
  digamma: called,
  floor: { ...floats("floor"), int32: kept, int64: kept },
  ceil: { ...floats("ceil"), int32: kept, int64: kept },
  round: { ...floats("nearest"), int32: kept, int64: kept },
  trunc: { ...floats("trunc"), int32: kept, int64: kept },
  bitwiseNot: bits("v128.not"),
  add: { ...numbers("add"), bool: ["v128.or"] },
  sub: numbers("sub"),
  mul: { ...numbers("mul"), bool: ["v128.and"] },
  div: floats("div"),
  floorDivide: { ...called, int32: "scalar", int64: "scalar" },
  truncDivide: { ...floats("div", "trunc"), int32: "scalar", int64: "scalar" },
  remainder: { ...called, int32: "scalar", int64: "scalar" },
  fmod: { ...called, int32: "scalar", int64: "scalar" },
  pow: vectorRow("pow", "call"),
  atan2: called,
  maximum: { ...floats("max"), int32: ["max_s"], int64: select("i64x2.gt_s"), bool: ["v128.or"] },
  minimum: { ...floats("min"), int32: ["min_s"], int64: select("i64x2.lt_s"), bool: ["v128.and"] },
  eq: compare("eq", ["v128.xor", "v128.not"]),
  ne: compare("ne", ["v128.xor"]),
  lt: compare("lt", masks(false, false)),
  le: compare("le", masks(false, true)),
  gt: compare("gt", masks(true, false)),
  ge: compare("ge", masks(true, true)),
  bitwiseAnd: bits("v128.and"),
  bitwiseOr: bits("v128.or"),
  bitwiseXor: bits("v128.xor"),
  shiftLeft: { int32: "call", int64: "call" },
  shiftRight: { int32: "call", int64: "call" },
  where: whereRow(),
};

function whereRow(): Row {
  const emit: Emit = ({ f }, condition, x, y) => {
    f.get(x).get(y).get(condition).op("v128.bitselect");
  };
  return { float32: emit, float64: emit, int32: emit, int64: emit, bool: emit };
}

type VectorType = "f32x4" | "f64x2" | "i32x4" | "i64x2";
const VECTOR: { readonly [D in Exclude<DType, "bool">]: VectorType } = {
  float32: "f32x4",
  float64: "f64x2",
  int32: "i32x4",
  uint8: "i32x4",
  int8: "i32x4",
  int16: "i32x4",
  float16: "f32x4",
  bfloat16: "f32x4",
  int64: "i64x2",
};

/** An op of the table. */
type VectorOp = OpExpr & { readonly op: Exclude<BaseScalarOp, "cast"> };

function cellOf(expr: VectorOp): Cell {
  const dtype = operandType(expr);
  const cell = SIMD[expr.op][(dtype === "uint8" ? "int32" : dtype) as Exclude<ComputeDType, "uint8">];
  if (cell === undefined) throw new Error(`internal: ${expr.op} does not take ${dtype}`);
  return cell;
}

const float32ToInt32: Emit = (e, x) => {
  // What does not fit becomes the smallest integer.
  e.f
    .get(x)
    .op("i32x4.trunc_sat_f32x4_s")
    .get(e.i32x4(-0x80000000))
    .get(x)
    .op("f32x4.abs")
    .get(e.f32x4(2 ** 31));
  e.f.op("f32x4.lt", "v128.bitselect");
};
const keep: Emit = ({ f }, x) => void f.get(x);
const nonZero =
  (type: VectorType): Emit =>
  (e, x) =>
    void e.f.get(x).get(e.i32x4(0)).op(`${type}.ne`);
const oneWhere =
  (one: (e: Emitter) => Local): Emit =>
  (e, x) =>
    void e.f.get(x).get(one(e)).op("v128.and");
const fitted =
  (dtype: DType): Emit =>
  (e, x) =>
    fit(e, dtype, x);
const toFloat: Emit = ({ f }, x) => void f.get(x).op("f32x4.convert_i32x4_s");

type CastRow = { readonly [D in DType]?: Emit };

/** Conversions between dtypes of one width, by source and target; those that are absent go element by element. */
const CASTS: { readonly [D in DType]: CastRow } = {
  bool: {
    float32: oneWhere((e) => e.f32x4(1)),
    int32: oneWhere((e) => e.i32x4(1)),
    uint8: oneWhere((e) => e.i32x4(1)),
    float64: oneWhere((e) => e.f64x2(1)),
    int64: oneWhere((e) => e.i64x2(1n)),
  },
  uint8: { float32: toFloat, int32: keep, bool: nonZero("i32x4") },
  int8: { int32: keep },
  int16: { int32: keep },
  float16: { float32: keep },
  bfloat16: { float32: keep },
  int32: { float32: toFloat, uint8: fitted("uint8"), int8: fitted("int8"), int16: fitted("int16"), bool: nonZero("i32x4") },
  int64: { bool: nonZero("i64x2") },
  float32: {
    int32: float32ToInt32,
    uint8: (e, x) => {
      float32ToInt32(e, x, x, x);
      e.f.get(e.i32x4(255)).op("v128.and");
    },
    float16: fitted("float16"),
    bfloat16: fitted("bfloat16"),
    bool: nonZero("f32x4"),
  },
  float64: { bool: nonZero("f64x2") },
};

/** True if an op can be printed on vectors. */
export function printsVectors(expr: OpExpr): boolean {
  if (expr.op !== "cast") return cellOf(expr as VectorOp) !== "scalar";
  const from = expr.args[0].dtype;
  return from === expr.dtype || CASTS[from][expr.dtype] !== undefined;
}

/** True if the code of an op may call its reference function. */
export function vectorCalls(expr: OpExpr): boolean {
  if (expr.op === "cast") return false;
  const dtype = operandType(expr);
  return cellOf(expr as VectorOp) === "call" || (SIMD[expr.op].guarded === true && dtype === "float32");
}

/** Leaves the value of an op on the stack. */
export function printVector(e: Emitter, expr: OpExpr, args: readonly Local[]): void {
  const { f } = e;
  const [x, y, z] = args;
  const dtype = operandType(expr);
  if (expr.op === "cast") {
    const emit = expr.dtype === dtype ? keep : (CASTS[dtype][expr.dtype] as Emit);
    emit(e, x, y, z);
    return;
  }
  const cell = relu(expr) ?? cellOf(expr as VectorOp);
  const type = dtype === "bool" ? undefined : VECTOR[dtype];
  if (cell === "call") {
    const out = e.temp();
    e.callLanes(importName(expr.op, dtype), args, out, type as VectorType);
    f.get(out);
    e.release(out);
  } else if (typeof cell === "function") cell(e, x, y, z);
  else {
    for (const arg of args) f.get(arg);
    for (const op of cell) f.op((op.includes(".") ? op : `${type}.${op}`) as OpName);
  }
  if (expr.dtype === "uint8") f.get(e.i32x4(255)).op("v128.and");
}

/** maximum and minimum with a constant keep NaN in one instruction, since the constant is none. */
function relu(expr: OpExpr): readonly string[] | undefined {
  const [, bound] = expr.args;
  if (bound?.kind !== "literal" || (bound.dtype !== "float32" && bound.dtype !== "float64")) return undefined;
  if (expr.op === "maximum") return ["pmax"];
  return expr.op === "minimum" ? ["pmin"] : undefined;
}

/** True if an op is a few plain instructions. */
export function isCheap(expr: OpExpr): boolean {
  if (expr.op === "cast") return true;
  const cell = SIMD[expr.op].float32;
  return cell === undefined || expr.op === "where" || Array.isArray(cell);
}

/** About the time that one element of an expression takes, for the choice of threads alone. */
export function nanosecondsOf(plan: Plan): number {
  const ops = opsOf(plan);
  const costly = ops.filter((op) => !isCheap(op)).length;
  return 0.05 * (plan.inputs.length + plan.roots.length) + 0.05 * ops.length + costly;
}
