/**
 * The three ways in which a kernel goes through elements: four or two at a time in a vector, or one by one.
 *
 * @module
 */
import { DTYPES, type DType, type Expr, isHalf, itemSize } from "@sconce/core";
import { castOf, scalarOf } from "../reference/scalar.js";
import { F32, F64, I32, I64, type Local, type MemName, type ModuleBuilder, type Operand, V128, type ValType } from "../wasm/asm.js";
import type { Emitter } from "./emitter.js";
import { narrow, widen } from "./narrow.js";
import { importName, type OpExpr, operandType, opsOf, type Plan } from "./plan.js";
import { castName, printScalar, scalarCalls } from "./scalar.js";
import { printsVectors, printVector, vectorCalls } from "./simd.js";

/** How many elements one step computes. */
export type Width = 4 | 2 | 1;

const WIDTHS: { readonly [W in 4 | 2]: ReadonlySet<DType> } = {
  4: new Set<DType>(["float32", "int32", "uint8", "bool", "float16", "bfloat16", "int8", "int16"]),
  2: new Set<DType>(["float64", "int64", "bool"]),
};

/** The widest step that holds all dtypes and ops of a plan. */
export function widthOf(plan: Plan): Width {
  const fits = (width: 4 | 2): boolean => plan.order.every((expr) => WIDTHS[width].has(expr.dtype)) && opsOf(plan).every(printsVectors);
  return fits(4) ? 4 : fits(2) ? 2 : 1;
}

/** Bytes of an element in memory. */
export const BYTES: { readonly [D in DType]: number } = Object.fromEntries(DTYPES.map((dtype) => [dtype, itemSize(dtype)])) as never;

const SCALAR_TYPE: { readonly [D in DType]: ValType } = {
  bool: I32,
  uint8: I32,
  int8: I32,
  int16: I32,
  int32: I32,
  int64: I64,
  float16: F32,
  bfloat16: F32,
  float32: F32,
  float64: F64,
};

/** The type of a local that holds values of a dtype. */
export function typeOf(dtype: DType, width: Width): ValType {
  return width === 1 ? SCALAR_TYPE[dtype] : V128;
}

/** The imported reference functions that a plan's code calls. */
export function importsOf(
  plan: Plan,
  width: Width,
): Map<string, { readonly params: ValType[]; readonly result: ValType; readonly fn: never }> {
  const calls = width === 1 ? scalarCalls : vectorCalls;
  const out = new Map<string, { params: ValType[]; result: ValType; fn: never }>();
  for (const expr of opsOf(plan)) {
    if (!calls(expr)) continue;
    const dtype = operandType(expr);
    const name = expr.op === "cast" ? castName(dtype, expr.dtype) : importName(expr.op, dtype);
    const fn = expr.op === "cast" ? castOf(dtype, expr.dtype) : scalarOf(expr.op, dtype);
    const params = expr.args.map((arg) => SCALAR_TYPE[arg.dtype]);
    out.set(name, { params, result: SCALAR_TYPE[expr.dtype], fn: fn as never });
  }
  return out;
}

/** Declares imports and returns their indices. */
export function declareImports(module: ModuleBuilder, imports: ReturnType<typeof importsOf>): Map<string, number> {
  const indices = new Map<string, number>();
  for (const [name, { params, result }] of imports) indices.set(name, module.import(name, params, [result]));
  return indices;
}

/** Leaves the value of an op on the stack. */
export function print(e: Emitter, width: Width, expr: OpExpr, args: readonly Local[]): void {
  if (width === 1) printScalar(e, expr, args);
  else printVector(e, expr, args);
}

/** float16 and bfloat16 go through vectors even one by one. */
const SCALAR_LOAD: { readonly [D in DType]: MemName } = {
  bool: "i32.load8_u",
  uint8: "i32.load8_u",
  int8: "i32.load8_s",
  int16: "i32.load16_s",
  float16: "v128.load16_splat",
  bfloat16: "v128.load16_splat",
  int32: "i32.load",
  int64: "i64.load",
  float32: "f32.load",
  float64: "f64.load",
};
const SCALAR_STORE: { readonly [D in DType]: MemName } = {
  bool: "i32.store8",
  uint8: "i32.store8",
  int8: "i32.store8",
  int16: "i32.store16",
  float16: "v128.store16_lane",
  bfloat16: "v128.store16_lane",
  int32: "i32.store",
  int64: "i64.store",
  float32: "f32.store",
  float64: "f64.store",
};
const LANE_BITS: { readonly [bytes: number]: 8 | 16 | 32 | 64 } = { 1: 8, 2: 16, 4: 32, 8: 64 };

/** Loads one element from the address on the stack. */
function loadScalar(e: Emitter, dtype: DType): void {
  e.f.mem(SCALAR_LOAD[dtype]);
  if (!isHalf(dtype)) return;
  widen(e, dtype, 4);
  e.f.lane("f32x4.extract_lane", 0);
}

/** Stores one element. */
function storeScalar(e: Emitter, dtype: DType, pointer: Local, value: Local): void {
  const { f } = e;
  if (!isHalf(dtype)) {
    f.get(pointer).get(value).mem(SCALAR_STORE[dtype]);
    return;
  }
  f.get(pointer).get(value).op("f32x4.splat");
  narrow(e, dtype, 4);
  f.memLane(SCALAR_STORE[dtype], 0);
}

/** Runs `lane` for each lane of a vector, or for the first `count` of them. */
function eachLane(e: Emitter, width: 4 | 2, count: Local | undefined, lane: (i: number) => void): void {
  const from = (i: number): void => {
    lane(i);
    if (i + 1 === width) return;
    if (count === undefined) from(i + 1);
    else
      e.f
        .get(count)
        .i32(i + 1)
        .op("i32.gt_s")
        .if(() => from(i + 1));
  };
  from(0);
}

/**
 * Puts the next elements of an input on the stack. `step` is the local with the distance of elements in bytes, undefined if they are
 * adjacent; with a step the pointer moves on. `count` limits the number of elements. Whole vectors of at least 4 bytes an element may lie `offset`
 * bytes further on.
 */
export function load(
  e: Emitter,
  dtype: DType,
  width: Width,
  pointer: Local,
  step: Local | undefined,
  count: Local | undefined,
  offset = 0,
): void {
  const { f } = e;
  const bytes = BYTES[dtype];
  if (width === 1) {
    f.get(pointer);
    loadScalar(e, dtype);
    if (step !== undefined) f.get(pointer).get(step).op("i32.add").set(pointer);
    return;
  }
  if (step === undefined && count === undefined) {
    if (bytes === 1) f.get(pointer).mem(width === 4 ? "v128.load32_zero" : "v128.load16_splat");
    else if (bytes === 2) f.get(pointer).mem("v128.load64_zero");
    else f.get(pointer).mem("v128.load", offset);
  } else {
    const bits = LANE_BITS[bytes];
    const out = e.temp();
    eachLane(e, width, count, (i) => {
      f.get(pointer);
      const offset = step === undefined ? i * bytes : 0;
      if (i === 0 && (bits === 8 || bits === 16)) f.mem(`v128.load${bits}_splat`);
      else if (i === 0) f.mem(`v128.load${bits as 32 | 64}_zero`);
      else f.get(out).memLane(`v128.load${bits}_lane`, i, offset);
      f.set(out);
      if (step !== undefined) f.get(pointer).get(step).op("i32.add").set(pointer);
    });
    f.get(out);
    e.release(out);
  }
  if (bytes < 4) widen(e, dtype, width);
}

/** Stores the value in `value`, the first `count` lanes of it only if that is given. `step` is as in {@link load}. */
export function store(
  e: Emitter,
  dtype: DType,
  width: Width,
  pointer: Local,
  step: Local | undefined,
  value: Local,
  count: Local | undefined,
  offset = 0,
): void {
  const { f } = e;
  const bytes = BYTES[dtype];
  const move = (): void => {
    if (step !== undefined) f.get(pointer).get(step).op("i32.add").set(pointer);
  };
  if (width === 1) {
    storeScalar(e, dtype, pointer, value);
    move();
    return;
  }
  const whole = step === undefined && count === undefined;
  if (bytes >= 4 && whole) {
    f.store("v128.store", pointer, value, offset);
    return;
  }
  let source = value;
  if (bytes < 4) {
    source = e.temp();
    f.get(value);
    narrow(e, dtype, width);
    f.set(source);
  }
  if (whole)
    f.get(pointer)
      .get(source)
      .memLane(`v128.store${(width * 8 * bytes) as 16 | 32 | 64}_lane`, 0);
  else {
    eachLane(e, width, count, (i) => {
      f.get(pointer)
        .get(source)
        .memLane(`v128.store${LANE_BITS[bytes]}_lane`, i, step === undefined ? i * bytes : 0);
      move();
    });
  }
  if (source !== value) e.release(source);
}

/** Puts one element in all lanes on the stack: that at `pointer` (a kernel input). */
export function loadSplat(e: Emitter, dtype: DType, width: Width, pointer: Operand): void {
  const { f } = e;
  f.push(pointer);
  if (width === 1) loadScalar(e, dtype);
  else if (BYTES[dtype] < 4) {
    f.mem(BYTES[dtype] === 1 ? "v128.load8_splat" : "v128.load16_splat");
    widen(e, dtype, width);
  } else f.mem(BYTES[dtype] === 4 ? "v128.load32_splat" : "v128.load64_splat");
}

/** A local that holds a constant of a formula in all lanes. */
export function constant(e: Emitter, expr: Expr & { readonly kind: "literal" }, width: Width): Local {
  const { dtype, value } = expr;
  const { f } = e;
  const mask = dtype === "bool" && value !== 0 ? -1 : value;
  if (width === 4) return dtype === "float32" ? e.f32x4(value) : e.i32x4(mask);
  if (width === 2) return dtype === "float64" ? e.f64x2(value) : e.i64x2(BigInt(mask));
  return e.hoist(`${dtype}:${Object.is(value, -0) ? "-0" : value}`, SCALAR_TYPE[dtype], () => {
    if (dtype === "float32") f.f32(value);
    else if (dtype === "float64") f.f64(value);
    else if (dtype === "int64") f.i64(BigInt(value));
    else f.i32(value);
  });
}
