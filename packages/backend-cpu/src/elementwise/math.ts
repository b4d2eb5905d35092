/**
 * Approximations of elementary functions on four float32 lanes, within 1 to 2 units in the last place (tests state each bound).
 *
 * Sources: exp, log, tanh, sin and cos after Cephes (expf.c, logf.c, tanhf.c, sinf.c; S. Moshier); erf after N. Juffa's erff.
 *
 * Each function reads its argument from a local and leaves the result on the stack.
 *
 * @module
 */
import type { Local } from "../wasm/asm.js";
import type { Emitter } from "./emitter.js";

const LOG2_E = Math.LOG2E;
// ln 2 in two parts; the first has few bits, so that its product with an exponent is exact.
const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.1219444e-4;
const EXP = [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1];
const LOG = [
  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1,
  3.3333331174e-1,
];
const TANH = [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1];
const ERF_SMALL = [-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1];

/** 1.5 * 2^23: the sum with a number up to 2^22 is rounded to a whole one, which is in its low bits, above nine zeros of this. */
const ROUNDING = 12582912;

/** 2^k as float32 of int32 lanes on the stack whose low nine bits are those of k, |k| <= 127. */
function powerOfTwo(e: Emitter): void {
  e.f.i32(23).op("i32x4.shl").get(e.i32x4(0x3f800000)).op("i32x4.add");
}

/**
 * Splits x = k ln 2 + r: sets `k` to the whole number plus ROUNDING and `p` to exp(r) - 1. `x` is clamped to where exp is not 0 or infinite,
 * unless it is known to lie there.
 */
function reduceExp(e: Emitter, x: Local, k: Local, p: Local, clamped = true): void {
  const { f } = e;
  const t = e.temp();
  const r = e.temp();
  f.get(x);
  // pmin and pmax keep a NaN in their first operand.
  if (clamped) f.get(e.f32x4(89)).op("f32x4.pmin").get(e.f32x4(-104)).op("f32x4.pmax");
  f.set(r);
  e.mulAdd(r, e.f32x4(LOG2_E), e.f32x4(ROUNDING)).tee(k).get(e.f32x4(ROUNDING)).op("f32x4.sub").set(t);
  e.negMulAdd(t, e.f32x4(LN2_HIGH), r).set(r);
  e.negMulAdd(t, e.f32x4(LN2_LOW), r).set(r);
  e.poly(r, EXP, p);
  f.get(r).get(r).op("f32x4.mul").set(t);
  e.mulAdd(p, t, r).set(p);
  e.release(t, r);
}

export function exp(e: Emitter, x: Local): void {
  const { f } = e;
  const k = e.temp();
  const p = e.temp();
  const half = e.temp();
  reduceExp(e, x, k, p);
  // Scaling in two steps is right for results that overflow or are subnormal.
  f.get(k).i32(1).op("i32x4.shr_s").set(half);
  f.get(p).get(e.f32x4(1)).op("f32x4.add").get(half);
  powerOfTwo(e);
  f.op("f32x4.mul").get(k).get(half).op("i32x4.sub");
  powerOfTwo(e);
  f.op("f32x4.mul");
  e.release(k, p, half);
}

/** The exponential of what is at most 80, or NaN; 0 where the result would be subnormal. */
export function weightExp(e: Emitter, x: Local): void {
  // From here on 2^k is 2^-127, whose bits are those of 0.
  e.f.get(x).get(e.f32x4(-88)).op("f32x4.pmax").set(x);
  moderateExp(e, x);
}

/** The exponential of what lies between -80 and 80, or is NaN: neither subnormal nor infinite. */
function moderateExp(e: Emitter, x: Local): void {
  const { f } = e;
  const k = e.temp();
  const p = e.temp();
  reduceExp(e, x, k, p, false);
  f.get(p).get(e.f32x4(1)).op("f32x4.add").get(k);
  powerOfTwo(e);
  f.op("f32x4.mul");
  e.release(k, p);
}

export function expm1(e: Emitter, x: Local): void {
  const { f } = e;
  const k = e.temp();
  const p = e.temp();
  const scale = e.temp();
  const whole = e.temp();
  exp(e, x);
  f.set(whole);
  reduceExp(e, x, k, p);
  // 2^k (1 + p) - 1 without cancellation; from 88 on nothing cancels and 2^k may overflow.
  const [top, bottom] = [e.f32x4(ROUNDING + 127), e.f32x4(ROUNDING - 127)];
  f.get(k).get(top).op("f32x4.pmin").get(bottom).op("f32x4.pmax");
  powerOfTwo(e);
  f.set(scale);
  e.mulAdd(scale, p, () => f.get(scale).get(e.f32x4(1)).op("f32x4.sub")).set(p);
  f.get(whole).get(p).get(x).get(e.f32x4(88)).op("f32x4.gt", "v128.bitselect").set(p);
  // Keeps the sign of zero.
  f.get(x).get(p).get(x).get(e.f32x4(0)).op("f32x4.eq", "v128.bitselect");
  e.release(k, p, scale, whole);
}

/**
 * Splits x = m 2^e with m in [sqrt(1/2), sqrt(2)): sets `exponent` and `y` = ln(m) - `t`, `t` = m - 1, where the sum is left to the caller.
 * Positive normal and subnormal x only.
 */
function reduceLog(e: Emitter, x: Local, exponent: Local, t: Local, y: Local): void {
  const { f } = e;
  const mask = e.temp();
  // Subnormal numbers are scaled up first.
  f.get(x)
    .get(e.f32x4(2 ** -126))
    .op("f32x4.lt")
    .set(mask);
  f.get(x)
    .get(e.f32x4(2 ** 23))
    .op("f32x4.mul")
    .get(x)
    .get(mask)
    .op("v128.bitselect")
    .set(t);
  f.get(t).i32(23).op("i32x4.shr_u").get(e.i32x4(126)).op("i32x4.sub", "f32x4.convert_i32x4_s");
  f.get(e.f32x4(23)).get(mask).op("v128.and", "f32x4.sub").set(exponent);
  f.get(t).get(e.i32x4(0x007fffff)).op("v128.and").get(e.i32x4(0x3f000000)).op("v128.or").set(t);
  f.get(t).get(e.f32x4(Math.SQRT1_2)).op("f32x4.lt").set(mask);
  f.get(exponent).get(e.f32x4(1)).get(mask).op("v128.and", "f32x4.sub").set(exponent);
  f.get(t).get(e.f32x4(1)).op("f32x4.sub").get(t).get(mask).op("v128.and", "f32x4.add").set(t);
  e.poly(t, LOG, y);
  f.get(t).get(t).op("f32x4.mul").set(mask);
  f.get(y).get(t).op("f32x4.mul").get(mask).op("f32x4.mul").set(y);
  e.negMulAdd(mask, e.f32x4(0.5), y).set(y);
  e.release(mask);
}

/** Puts `y` on the stack with the logarithms of 0, infinity, NaN and negative x where x is one of them. */
function logSpecials(e: Emitter, x: Local, y: Local): void {
  const { f } = e;
  f.get(e.f32x4(Number.NEGATIVE_INFINITY)).get(y).get(x).get(e.f32x4(0)).op("f32x4.eq", "v128.bitselect").set(y);
  f.get(x).get(y).get(x).get(e.f32x4(Number.POSITIVE_INFINITY)).op("f32x4.eq", "v128.bitselect").set(y);
  f.get(e.f32x4(Number.NaN)).get(y).get(x).get(e.f32x4(0)).op("f32x4.ge", "v128.not", "v128.bitselect");
}

export function log(e: Emitter, x: Local): void {
  const exponent = e.temp();
  const t = e.temp();
  const y = e.temp();
  reduceLog(e, x, exponent, t, y);
  e.mulAdd(exponent, e.f32x4(LN2_LOW), y).get(t).op("f32x4.add").set(y);
  e.mulAdd(exponent, e.f32x4(LN2_HIGH), y).set(y);
  logSpecials(e, x, y);
  e.release(exponent, t, y);
}

export function log2(e: Emitter, x: Local): void {
  const { f } = e;
  const exponent = e.temp();
  const t = e.temp();
  const y = e.temp();
  reduceLog(e, x, exponent, t, y);
  // log2(e) as 1 + 0.44: the sum of the small parts comes first.
  const rest = e.f32x4(LOG2_E - 1);
  f.get(y).get(rest).op("f32x4.mul").get(t).get(rest).op("f32x4.mul", "f32x4.add").get(y).op("f32x4.add").get(t).op("f32x4.add");
  f.get(exponent).op("f32x4.add").set(y);
  logSpecials(e, x, y);
  e.release(exponent, t, y);
}

export function log1p(e: Emitter, x: Local): void {
  const { f } = e;
  const u = e.temp();
  const lost = e.temp();
  // What 1 + x loses of x comes back as a correction; at u = 0 or infinity there is none.
  f.get(x).get(e.f32x4(1)).op("f32x4.add").set(u);
  f.get(x).get(u).get(e.f32x4(1)).op("f32x4.sub", "f32x4.sub").get(u).op("f32x4.div").set(lost);
  f.get(lost).get(lost).get(lost).op("f32x4.eq", "v128.and").set(lost);
  log(e, u);
  f.get(lost).op("f32x4.add").set(u);
  f.get(x).get(u).get(x).get(e.f32x4(0)).op("f32x4.eq", "v128.bitselect");
  e.release(u, lost);
}

export function sigmoid(e: Emitter, x: Local): void {
  const { f } = e;
  const t = e.temp();
  f.get(x).op("f32x4.neg").set(t);
  exp(e, t);
  f.set(t).get(e.f32x4(1)).get(t).get(e.f32x4(1)).op("f32x4.add", "f32x4.div");
  e.release(t);
}

/** Puts the sign of `x` on the magnitude on the stack. */
function withSign(e: Emitter, x: Local): void {
  e.f.get(x).get(e.i32x4(-0x80000000)).op("v128.and", "v128.or");
}

export function tanh(e: Emitter, x: Local): void {
  const { f } = e;
  const size = e.temp();
  const large = e.temp();
  const z = e.temp();
  // From 10 on the result is 1. pmin keeps NaN.
  f.get(x).op("f32x4.abs").get(e.f32x4(10)).op("f32x4.pmin").tee(size).get(size).op("f32x4.add").set(z);
  moderateExp(e, z);
  f.set(large).get(e.f32x4(1)).get(e.f32x4(2)).get(large).get(e.f32x4(1)).op("f32x4.add", "f32x4.div", "f32x4.sub");
  withSign(e, x);
  f.set(large).get(x).get(x).op("f32x4.mul").set(z);
  const p = e.temp();
  e.poly(z, TANH, p);
  f.get(p).get(z).op("f32x4.mul").set(p);
  e.mulAdd(p, x, x).get(large).get(size).get(e.f32x4(0.625)).op("f32x4.lt", "v128.bitselect");
  e.release(size, large, z, p);
}

export function erf(e: Emitter, x: Local): void {
  const { f } = e;
  const t = e.temp();
  const s = e.temp();
  const u = e.temp();
  const r = e.temp();
  // Beyond 4 the result is 1; the bound keeps powers of t finite. pmin keeps NaN.
  f.get(x).op("f32x4.abs").get(e.f32x4(4)).op("f32x4.pmin").set(t);
  f.get(t).get(t).op("f32x4.mul").set(s);
  e.poly(t, [-1.7285347e-5, 3.83197126e-4], r);
  e.poly(t, [-3.88396438e-3, 2.42546219e-2], u);
  e.mulAdd(r, s, u).set(r);
  for (const c of [-1.06777877e-1, -6.34846687e-1, -1.28717512e-1]) e.mulAdd(r, t, e.f32x4(c)).set(r);
  e.mulAdd(r, t, () => f.get(t).op("f32x4.neg")).set(r);
  // From -18 to 0.
  moderateExp(e, r);
  f.set(r).get(e.f32x4(1)).get(r).op("f32x4.sub");
  withSign(e, x);
  f.set(r);
  e.poly(s, ERF_SMALL, u);
  e.mulAdd(u, x, x).get(r).get(t).get(e.f32x4(0.927734375)).op("f32x4.lt", "v128.bitselect");
  e.release(t, s, u, r);
}
