/**
 * Dtypes that memory holds in fewer bits than a lane: uint8, int8 and int16 as int32, bool as a mask, float16 and bfloat16 as float32.
 *
 * @module
 */
import type { DType } from "@sconce/core";
import type { Local } from "../wasm/asm.js";
import type { Emitter } from "./emitter.js";

/** Widens the narrow elements in the low lanes of the vector on the stack. */
export function widen(e: Emitter, dtype: DType, width: 4 | 2): void {
  const { f } = e;
  const sign = dtype === "int8" || dtype === "int16" ? "s" : "u";
  if (dtype === "bool" || dtype === "uint8" || dtype === "int8") f.op(`i16x8.extend_low_i8x16_${sign}`);
  f.op(`i32x4.extend_low_i16x8_${sign}`);
  if (width === 2) f.op("i64x2.extend_low_i32x4_u");
  if (dtype === "bool") f.op(width === 4 ? "i32x4.neg" : "i64x2.neg");
  else if (dtype === "bfloat16") f.i32(16).op("i32x4.shl");
  else if (dtype === "float16") widenFloat16(e);
}

/** The exponent and the fraction move to where float32 has them, and the exponent's bias is made up for by a product, exact for subnormals too. */
function widenFloat16(e: Emitter): void {
  const { f } = e;
  const bits = e.temp();
  const size = e.temp();
  f.set(bits).get(bits).get(e.i32x4(0x7fff)).op("v128.and").i32(13).op("i32x4.shl").set(size);
  f.get(size)
    .get(e.f32x4(2 ** 112))
    .op("f32x4.mul");
  // The largest exponent stays the largest: infinity and NaN.
  f.get(size)
    .get(e.i32x4(0x7c00 << 13))
    .op("i32x4.ge_s")
    .get(e.i32x4(0x7f800000))
    .op("v128.and", "v128.or");
  f.get(bits).get(e.i32x4(0x8000)).op("v128.and").i32(16).op("i32x4.shl").op("v128.or");
  e.release(bits, size);
}

/** Narrows the value on the stack to elements in the low lanes. */
export function narrow(e: Emitter, dtype: DType, width: 4 | 2): void {
  const { f } = e;
  const t = e.temp();
  if (dtype === "bool") f.get(e.i32x4(1)).op("v128.and");
  else if (dtype === "int8") f.get(e.i32x4(0xff)).op("v128.and");
  else if (dtype === "int16") f.get(e.i32x4(0xffff)).op("v128.and");
  else if (dtype === "bfloat16") {
    f.set(t).get(t).i32(16).op("i32x4.shr_u");
    quietNaN(e, t, 0x40);
  } else if (dtype === "float16") narrowFloat16(e, t);
  if (width === 2) f.tee(t).get(t).shuffle(0, 2, 0, 2);
  f.tee(t).get(t).op("i16x8.narrow_i32x4_u");
  if (dtype === "bool" || dtype === "uint8" || dtype === "int8") f.tee(t).get(t).op("i8x16.narrow_i16x8_u");
  e.release(t);
}

/** The bits of a float32 that is a float16 too. */
function narrowFloat16(e: Emitter, t: Local): void {
  const { f } = e;
  f.set(t)
    .get(t)
    .op("f32x4.abs")
    .get(e.f32x4(2 ** -112))
    .op("f32x4.mul")
    .i32(13)
    .op("i32x4.shr_u");
  f.get(e.i32x4(0x7c00)).op("i32x4.min_u");
  quietNaN(e, t, 0x200);
  f.get(t).i32(16).op("i32x4.shr_u").get(e.i32x4(0x8000)).op("v128.and", "v128.or");
}

/** Sets a bit of the value on the stack where `x` is NaN. */
function quietNaN(e: Emitter, x: Local, bit: number): void {
  e.f.get(x).get(x).op("f32x4.ne").get(e.i32x4(bit)).op("v128.and", "v128.or");
}

/** Leaves `x` on the stack, rounded or wrapped to what `dtype` holds. */
export function fit(e: Emitter, dtype: DType, x: Local): void {
  const { f } = e;
  f.get(x);
  if (dtype === "uint8") f.get(e.i32x4(255)).op("v128.and");
  else if (dtype === "int8" || dtype === "int16") {
    const bits = dtype === "int8" ? 24 : 16;
    f.i32(bits).op("i32x4.shl").i32(bits).op("i32x4.shr_s");
  } else if (dtype === "bfloat16") {
    roundBits(e, x, 16);
    f.get(x).get(x).get(x).op("f32x4.eq", "v128.bitselect");
  } else if (dtype === "float16") roundFloat16(e, x);
}

/** Rounds the positive or negative float32 on the stack, `x`, to `bits` fewer bits, ties to even. */
function roundBits(e: Emitter, x: Local, bits: 13 | 16): void {
  const { f } = e;
  f.get(x).i32(bits).op("i32x4.shr_u").get(e.i32x4(1)).op("v128.and", "i32x4.add");
  f.get(e.i32x4(2 ** (bits - 1) - 1)).op("i32x4.add");
  f.get(e.i32x4(-(2 ** bits))).op("v128.and");
}

function roundFloat16(e: Emitter, x: Local): void {
  const { f } = e;
  const size = e.temp();
  const out = e.temp();
  f.op("f32x4.abs").set(size);
  // Below 2^-14 the steps are those of a float32 near one half.
  f.get(size).get(e.f32x4(0.5)).op("f32x4.add").get(e.f32x4(0.5)).op("f32x4.sub");
  f.get(size);
  roundBits(e, size, 13);
  f.get(size)
    .get(e.f32x4(2 ** -14))
    .op("f32x4.lt", "v128.bitselect")
    .set(out);
  const infinity = e.f32x4(Number.POSITIVE_INFINITY);
  f.get(infinity).get(out).get(out).get(e.f32x4(65504)).op("f32x4.gt", "v128.bitselect");
  f.get(x).get(e.i32x4(-0x80000000)).op("v128.and", "v128.or");
  f.get(x).get(x).get(x).op("f32x4.eq", "v128.bitselect");
  e.release(size, out);
}
