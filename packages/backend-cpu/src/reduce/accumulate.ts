/**
 * How reductions combine values: in vectors of the value's dtype, then over blocks, then across lanes. Sums and products of float32
 * go on in double precision after each block, so that an error does not grow with the number of blocks.
 *
 * @module
 */
import type { ComputeDType, DType, ReduceOp } from "@sconce/core";
import type { Emitter } from "../elementwise/emitter.js";
import { typeOf, type Width } from "../elementwise/unit.js";
import { F32, F64, I32, I64, type LaneName, type Local, type OpName, V128, type ValType } from "../wasm/asm.js";

/** What values are while they are combined; `mask` is bool in vectors. */
type Kind = "f32x4" | "f64x2" | "i32x4" | "i64x2" | "mask" | "f32" | "f64" | "i32" | "i64";
/** `most` is a maximum in one instruction, which passes over NaN. */
type Combine = "sum" | "prod" | "max" | "min" | "most";

const VECTOR_KIND: { readonly [D in ComputeDType]: Kind } = {
  float32: "f32x4",
  float64: "f64x2",
  int32: "i32x4",
  uint8: "i32x4",
  int64: "i64x2",
  bool: "mask",
};
const SCALAR_KIND: { readonly [D in ComputeDType]: Kind } = {
  float32: "f64",
  float64: "f64",
  int32: "i32",
  uint8: "i32",
  int64: "i64",
  bool: "i32",
};

/** The same combination for every kind: `any` is a maximum of bools, `all` a minimum; so are their sums and products. */
function combineOf(op: ReduceOp | "most", dtype: DType): Combine {
  if (op === "any" || (dtype === "bool" && op === "sum")) return "max";
  if (op === "all" || (dtype === "bool" && op === "prod")) return "min";
  return op;
}

const NAME: { readonly [C in Combine]: string } = { sum: "add", prod: "mul", max: "max", min: "min", most: "pmax" };
const INTEGER_LIMIT: { readonly [C in "max" | "min"]: { readonly i32: number; readonly i64: bigint } } = {
  max: { i32: -0x80000000, i64: -0x8000000000000000n },
  min: { i32: 0x7fffffff, i64: 0x7fffffffffffffffn },
};
const FLOAT_IDENTITY: { readonly [C in Combine]: number } = {
  sum: 0,
  prod: 1,
  max: Number.NEGATIVE_INFINITY,
  min: Number.POSITIVE_INFINITY,
  most: Number.NEGATIVE_INFINITY,
};

/** The value that changes nothing, as a hoisted local. */
function identity(e: Emitter, kind: Kind, combine: Combine): Local {
  const float = FLOAT_IDENTITY[combine];
  if (kind === "f32x4" || kind === "f64x2") return e[kind](float);
  const limits = combine === "max" || combine === "min" ? INTEGER_LIMIT[combine] : undefined;
  const [int, big] = limits === undefined ? [float, BigInt(float)] : [limits.i32, limits.i64];
  if (kind === "i32x4") return e.i32x4(int);
  if (kind === "i64x2") return e.i64x2(big);
  if (kind === "mask") return e.i32x4(combine === "max" ? 0 : -1);
  const type = { f32: F32, f64: F64, i32: I32, i64: I64 }[kind];
  return e.hoist(`identity:${kind}`, type, () => {
    if (kind === "i64") e.f.i64(big);
    else if (kind === "i32") e.f.i32(int);
    else e.f[kind](float);
  });
}

/** Leaves the combination of two locals on the stack. */
function combineLocals({ f }: Emitter, kind: Kind, combine: Combine, a: Local, b: Local): void {
  const extreme = combine === "max" || combine === "min";
  f.get(a).get(b);
  if (kind === "mask") f.op(combine === "max" ? "v128.or" : "v128.and");
  else if (extreme && (kind === "i32" || kind === "i64" || kind === "i64x2")) {
    const compare = `${kind}.${combine === "max" ? "gt_s" : "lt_s"}` as const;
    f.get(a)
      .get(b)
      .op(compare, kind === "i64x2" ? "v128.bitselect" : "select");
  } else f.op(`${kind}.${NAME[combine]}${extreme && kind === "i32x4" ? "_s" : ""}` as OpName);
}

/** Accumulators of one output (or of one vector of outputs) within a kernel. */
export class Accumulator {
  readonly #e: Emitter;
  readonly #dtype: DType;
  readonly #width: Width;
  readonly #combine: Combine;
  readonly #kind: Kind;
  /** float32 vectors go over to doubles after each block. */
  readonly #widens: boolean;
  readonly #lanes: Local[];
  readonly #totals: Local[];

  constructor(e: Emitter, op: ReduceOp | "most", dtype: DType, width: Width, unroll: number) {
    this.#e = e;
    this.#dtype = dtype;
    this.#width = width;
    this.#combine = combineOf(op, dtype);
    this.#kind = (width === 1 ? SCALAR_KIND : VECTOR_KIND)[dtype as ComputeDType];
    this.#widens = this.#kind === "f32x4" && (this.#combine === "sum" || this.#combine === "prod");
    const type: ValType = width > 1 ? V128 : this.#kind === "f64" ? F64 : this.#kind === "i64" ? I64 : I32;
    this.#lanes = e.f.locals(type, unroll);
    this.#totals = e.f.locals(type, this.#widens ? 2 : 1);
  }

  /** Starts an output. */
  begin(): void {
    const start = identity(this.#e, this.#widens ? "f64x2" : this.#kind, this.#combine);
    for (const total of this.#totals) this.#e.f.get(start).set(total);
  }

  /** Starts a block. */
  beginBlock(): void {
    const start = identity(this.#e, this.#kind, this.#combine);
    for (const lane of this.#lanes) this.#e.f.get(start).set(lane);
  }

  /** Takes a value into accumulator `u`; with `count`, only its first lanes. */
  add(value: Local, u = 0, count?: Local): void {
    const e = this.#e;
    const { f } = e;
    const lane = this.#lanes[u];
    const own = e.temp(typeOf(this.#dtype, this.#width));
    f.get(value);
    if (count !== undefined) this.#keepFirst(count);
    f.set(own);
    if (this.#width === 1 && this.#dtype === "float32") {
      const wide = e.temp(F64);
      f.get(own).op("f64.promote_f32").set(wide);
      combineLocals(e, "f64", this.#combine, lane, wide);
      e.release(wide);
    } else combineLocals(e, this.#kind, this.#combine, lane, own);
    f.set(lane);
    e.release(own);
  }

  /** Ends a block: its accumulators go into the totals. */
  endBlock(): void {
    const e = this.#e;
    const [first, ...rest] = this.#lanes;
    for (const lane of rest) {
      combineLocals(e, this.#kind, this.#combine, first, lane);
      e.f.set(first);
    }
    if (!this.#widens) {
      combineLocals(e, this.#kind, this.#combine, this.#totals[0], first);
      e.f.set(this.#totals[0]);
      return;
    }
    const wide = e.temp();
    this.#totals.forEach((total, half) => {
      e.f.get(first);
      if (half === 1) e.f.get(first).shuffle(2, 3, 2, 3);
      e.f.op("f64x2.promote_low_f32x4").set(wide);
      combineLocals(e, "f64x2", this.#combine, total, wide);
      e.f.set(total);
    });
    e.release(wide);
  }

  /** Leaves the result of all lanes on the stack, as the native type of the dtype. */
  finish(): void {
    const e = this.#e;
    const { f } = e;
    const [first, second] = this.#totals;
    if (this.#widens) {
      combineLocals(e, "f64x2", this.#combine, first, second);
      f.set(first);
      this.#acrossLanes("f64", "f64x2", first);
      f.op("f32.demote_f64");
    } else if (this.#kind === "mask") {
      if (this.#combine === "max") f.get(first).op("v128.any_true");
      else f.get(first).op(this.#width === 2 ? "i64x2.all_true" : "i32x4.all_true");
    } else if (this.#width > 1) {
      const vector = this.#kind as "f32x4" | "f64x2" | "i32x4" | "i64x2";
      this.#acrossLanes(vector.slice(0, 3) as "f32" | "f64" | "i32" | "i64", vector, first);
    } else {
      f.get(first);
      if (this.#dtype === "float32") f.op("f32.demote_f64");
    }
  }

  /** Leaves the results of all lanes apart, as a vector of the dtype, on the stack. */
  finishLanes(): void {
    const { f } = this.#e;
    const [first, second] = this.#totals;
    f.get(first);
    if (this.#widens) f.op("f32x4.demote_f64x2_zero").get(second).op("f32x4.demote_f64x2_zero").shuffle(0, 1, 4, 5);
    else if (this.#dtype === "uint8") f.get(this.#e.i32x4(255)).op("v128.and");
  }

  /** Puts the identity into the lanes from `count` on of the vector on the stack. */
  #keepFirst(count: Local): void {
    const e = this.#e;
    const { f } = e;
    f.get(identity(e, this.#kind, this.#combine));
    if (this.#width === 2) {
      // A rest of two lanes has one element.
      f.get(e.hoist("firstLane", V128, () => f.i64x2(0n).i64(-1n).lane("i64x2.replace_lane", 0)));
    } else {
      const indices = e.hoist("indices", V128, () => {
        f.i32x4(0);
        for (let i = 1; i < 4; i++) f.i32(i).lane("i32x4.replace_lane", i);
      });
      f.get(indices).get(count).op("i32x4.splat", "i32x4.lt_s");
    }
    f.op("v128.bitselect");
  }

  #acrossLanes(scalar: "f32" | "f64" | "i32" | "i64", vector: "f32x4" | "f64x2" | "i32x4" | "i64x2", from: Local): void {
    const e = this.#e;
    const { f } = e;
    const type = { f32: F32, f64: F64, i32: I32, i64: I64 }[scalar];
    const [a, b] = [e.temp(type), e.temp(type)];
    const lanes = vector.endsWith("x4") ? 4 : 2;
    f.get(from)
      .lane(`${vector}.extract_lane` as LaneName, 0)
      .set(a);
    for (let i = 1; i < lanes; i++) {
      f.get(from)
        .lane(`${vector}.extract_lane` as LaneName, i)
        .set(b);
      combineLocals(e, scalar, this.#combine === "most" ? "max" : this.#combine, a, b);
      f.set(a);
    }
    f.get(a);
    e.release(a, b);
  }
}
