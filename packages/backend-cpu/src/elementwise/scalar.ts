/**
 * How each scalar op is printed on one element at a time: for kernels that mix 32-bit and 64-bit dtypes or divide integers. float32,
 * float64 and int64 are themselves; int32, the smaller integers and bool are i32, float16 and bfloat16 are f32.
 *
 * @module
 */
import { type BaseScalarOp, type DType, isHalf } from "@sconce/core";
import type { Local, OpName } from "../wasm/asm.js";
import type { Emitter } from "./emitter.js";
import { fit } from "./narrow.js";
import { importName, type OpExpr, operandType } from "./plan.js";

type NativeType = "f32" | "f64" | "i32" | "i64";
const NATIVE: { readonly [D in DType]: NativeType } = {
  bool: "i32",
  uint8: "i32",
  int8: "i32",
  int16: "i32",
  float16: "f32",
  bfloat16: "f32",
  int32: "i32",
  int64: "i64",
  float32: "f32",
  float64: "f64",
};

/** Instructions after the arguments (type left out), or `call` for the reference function. */
type Cell = readonly string[] | "call";
interface Row {
  readonly float: Cell;
  readonly int: Cell;
}

const called: Row = { float: "call", int: "call" };
const float = (...ops: string[]): Row => ({ float: ops, int: "call" });
const int = (op: string): Row => ({ float: "call", int: [op] });
const both = (op: string): Row => ({ float: [op], int: [op] });
const compare = (op: string): Row => ({ float: [op], int: [op === "eq" || op === "ne" ? op : `${op}_s`] });

const SCALAR: { readonly [K in Exclude<BaseScalarOp, "cast" | "where">]: Row } = {
  neg: float("neg"),
  abs: float("abs"),
  sign: called,
  reciprocal: called,
  sqrt: float("sqrt"),
  rsqrt: called,
  exp: called,
  expm1: called,
  log: called,
  log1p: called,
  log2: called,
  log10: called,
  sin: called,
  cos: called,
  tan: called,
  asin: called,
  acos: called,
  atan: called,
  sinh: called,
  cosh: called,
  tanh: called,
  asinh: called,
  acosh: called,
  atanh: called,
  sigmoid: called,
  erf: called,
  erfc: called,
  erfinv: called,
  lgamma: called,
  digamma: called,
  floor: { float: ["floor"], int: [] },
  ceil: { float: ["ceil"], int: [] },
  round: { float: ["nearest"], int: [] },
  trunc: { float: ["trunc"], int: [] },
  bitwiseNot: called,
  add: both("add"),
  sub: both("sub"),
  mul: both("mul"),
  div: float("div"),
  floorDivide: called,
  truncDivide: float("div", "trunc"),
  remainder: called,
  fmod: called,
  pow: called,
  atan2: called,
  maximum: float("max"),
  minimum: float("min"),
  eq: compare("eq"),
  ne: compare("ne"),
  lt: compare("lt"),
  le: compare("le"),
  gt: compare("gt"),
  ge: compare("ge"),
  bitwiseAnd: int("and"),
  bitwiseOr: int("or"),
  bitwiseXor: int("xor"),
  shiftLeft: called,
  shiftRight: called,
};

/** Sums and products of bool are their logical forms, which only the reference function knows. */
function cellOf(op: keyof typeof SCALAR, dtype: DType): Cell {
  if (dtype === "bool" && (op === "add" || op === "mul")) return "call";
  return SCALAR[op][dtype === "float32" || dtype === "float64" ? "float" : "int"];
}

/** Every conversion that has an instruction of its own, by native types. Floats to integers go through the reference function. */
const CONVERT: { readonly [key: string]: readonly OpName[] } = {
  "f32>f64": ["f64.promote_f32"],
  "f64>f32": ["f32.demote_f64"],
  "i32>f32": ["f32.convert_i32_s"],
  "i32>f64": ["f64.convert_i32_s"],
  "i32>i64": ["i64.extend_i32_s"],
  "i64>f32": ["f32.convert_i64_s"],
  "i64>f64": ["f64.convert_i64_s"],
  "i64>i32": ["i32.wrap_i64"],
  "i32>i32": [],
  "i64>i64": [],
  "f32>f32": [],
  "f64>f64": [],
};

/** True if an op calls its reference function. */
export function scalarCalls(expr: OpExpr): boolean {
  const dtype = operandType(expr);
  if (expr.op === "where") return false;
  if (expr.op === "cast") return expr.dtype !== "bool" && CONVERT[`${NATIVE[dtype]}>${NATIVE[expr.dtype]}`] === undefined;
  return cellOf(expr.op, dtype) === "call";
}

/** Name of the imported conversion. */
export function castName(from: DType, to: DType): string {
  return `cast_${from}_${to}`;
}

/** Leaves the value of an op on the stack. */
export function printScalar(e: Emitter, expr: OpExpr, args: readonly Local[]): void {
  const { f } = e;
  const dtype = operandType(expr);
  const type = NATIVE[dtype];
  if (expr.op === "where") f.get(args[1]).get(args[2]).get(args[0]).op("select");
  else if (expr.op === "cast") printCast(e, dtype, expr.dtype, args[0]);
  else {
    for (const arg of args) f.get(arg);
    const cell = cellOf(expr.op, dtype);
    if (cell === "call") f.call(e.imported(importName(expr.op, dtype)));
    else for (const op of cell) f.op(`${type}.${op}` as OpName);
  }
  if (expr.dtype === "uint8") f.i32(255).op("i32.and");
}

function printCast(e: Emitter, from: DType, to: DType, x: Local): void {
  const { f } = e;
  const type = NATIVE[from];
  f.get(x);
  if (to === "bool") {
    if (type === "i64") f.i64(0n);
    else if (type === "i32") f.i32(0);
    else f[type](0);
    f.op(`${type}.ne`);
    return;
  }
  const ops = CONVERT[`${type}>${NATIVE[to]}`];
  if (ops === undefined) f.call(e.imported(castName(from, to)));
  else f.op(...ops);
  if (to === "int8") f.op("i32.extend8_s");
  else if (to === "int16") f.op("i32.extend16_s");
  else if (isHalf(to)) {
    const t = e.temp();
    f.op("f32x4.splat").set(t);
    fit(e, to, t);
    f.lane("f32x4.extract_lane", 0);
    e.release(t);
  }
}
