/**
 * Elementary functions on four float32 lanes that need double precision in the middle: sin, cos and pow. They are a part of the backend, without
 * which the reference functions are called lane by lane.
 *
 * @module
 */
import type { Local } from "../wasm/asm.js";
import type { Emitter } from "./emitter.js";

/** Arguments below this are reduced by pi / 2 in two parts without loss. */
const TRIG_LIMIT = 2 ** 17;
const HALF_PI_HIGH = 1.5707963267341256;
const HALF_PI_LOW = 6.077100506506192e-11;
const SIN = [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1];
const COS = [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2];

/** Applies `half` to the low and the high two lanes of `sources` as doubles; it leaves a pair, converted back, on the stack. */
function inHalves(e: Emitter, sources: readonly Local[], half: (doubles: readonly Local[]) => void, out: Local): void {
  const { f } = e;
  const doubles = sources.map(() => e.temp());
  const low = e.temp();
  for (const part of [0, 2]) {
    sources.forEach((source, i) => {
      f.get(source);
      if (part === 2) f.get(source).shuffle(2, 3, 2, 3);
      f.op("f64x2.promote_low_f32x4").set(doubles[i]);
    });
    half(doubles);
    if (part === 0) f.set(low);
  }
  f.set(out).get(low).get(out).shuffle(0, 1, 4, 5).set(out);
  e.release(low, ...doubles);
}

/** sin and cos: quadrant `k` and remainder `r` in [-pi/4, pi/4], then one of two polynomials. `turn` is 1 for cos. */
function trigonometric(e: Emitter, x: Local, turn: 0 | 1, out: Local): void {
  const { f } = e;
  const r = e.temp();
  const k = e.temp();
  const z = e.temp();
  const sine = e.temp();
  f.get(x)
    .get(e.f32x4(2 / Math.PI))
    .op("f32x4.mul", "f32x4.nearest")
    .set(k);
  const remainder = ([d, whole]: readonly Local[]): void => {
    e.negMulAdd(whole, e.f64x2(HALF_PI_HIGH), d, "f64x2").set(d);
    e.negMulAdd(whole, e.f64x2(HALF_PI_LOW), d, "f64x2").op("f32x4.demote_f64x2_zero");
  };
  inHalves(e, [x, k], remainder, r);
  f.get(k).op("i32x4.trunc_sat_f32x4_s");
  if (turn) f.get(e.i32x4(1)).op("i32x4.add");
  f.set(k).get(r).get(r).op("f32x4.mul").set(z);
  e.poly(z, SIN, sine);
  f.get(sine).get(z).op("f32x4.mul").set(sine);
  e.mulAdd(sine, r, r).set(sine);
  e.poly(z, COS, out);
  f.get(out).get(z).op("f32x4.mul").get(z).op("f32x4.mul").set(out);
  e.negMulAdd(z, e.f32x4(0.5), out).get(e.f32x4(1)).op("f32x4.add").set(out);
  // Odd quadrants take the cosine, the upper two change the sign.
  f.get(out).get(sine).get(k).i32(31).op("i32x4.shl").i32(31).op("i32x4.shr_s", "v128.bitselect");
  f.get(k).i32(1).op("i32x4.shr_u").i32(31).op("i32x4.shl", "v128.xor").set(out);
  e.release(r, k, z, sine);
}

/** Runs `fast` where `guard` leaves a mask that is set in all lanes, else the imported function lane by lane. */
function guarded(e: Emitter, name: string, args: readonly Local[], guard: () => void, fast: (out: Local) => void): void {
  const out = e.temp();
  guard();
  e.f.op("i32x4.all_true").if(
    () => fast(out),
    () => e.callLanes(name, args, out, "f32x4"),
  );
  e.f.get(out);
  e.release(out);
}

function trig(e: Emitter, name: string, turn: 0 | 1, x: Local): void {
  const { f } = e;
  guarded(
    e,
    name,
    [x],
    () => f.get(x).op("f32x4.abs").get(e.f32x4(TRIG_LIMIT)).op("f32x4.lt"),
    (out) => trigonometric(e, x, turn, out),
  );
}

export function sin(e: Emitter, x: Local): void {
  trig(e, "sin_float32", 0, x);
}

export function cos(e: Emitter, x: Local): void {
  trig(e, "cos_float32", 1, x);
}

/** 2 / ((2 i + 1) ln 2): the series of log2((1 + s) / (1 - s)) in s. */
const LOG2_SERIES = [13, 11, 9, 7, 5, 3, 1].map((n) => 2 / (n * Math.LN2));
/** ln(2)^i / i!: the series of 2^t. */
const EXP2_SERIES = [10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0].map((n) => Math.LN2 ** n / factorial(n));

function factorial(n: number): number {
  return n <= 1 ? 1 : n * factorial(n - 1);
}

/** log2 of the positive normal doubles in `x`, in place. */
function log2Doubles(e: Emitter, x: Local): void {
  const { f } = e;
  const exponent = e.temp();
  const s = e.temp();
  const mask = e.temp();
  f.get(x).get(e.i64x2(0x000fffffffffffffn)).op("v128.and").get(e.f64x2(1)).op("v128.or").set(s);
  f.get(s).get(e.f64x2(Math.SQRT2)).op("f64x2.gt").set(mask);
  // The exponent as a double: its bits below 2^52, minus 2^52 and the bias.
  f.get(x)
    .i32(52)
    .op("i64x2.shr_u")
    .get(e.f64x2(2 ** 52))
    .op("v128.or")
    .get(e.f64x2(2 ** 52 + 1023))
    .op("f64x2.sub");
  f.get(e.f64x2(1)).get(mask).op("v128.and", "f64x2.add").set(exponent);
  f.get(s).get(e.f64x2(0.5)).op("f64x2.mul").get(s).get(mask).op("v128.bitselect").set(s);
  f.get(s).get(e.f64x2(1)).op("f64x2.sub").get(s).get(e.f64x2(1)).op("f64x2.add", "f64x2.div").set(s);
  f.get(s).get(s).op("f64x2.mul").set(mask);
  e.poly(mask, LOG2_SERIES, x, "f64x2");
  e.mulAdd(x, s, exponent, "f64x2").set(x);
  e.release(exponent, s, mask);
}

/** Puts 2^t of the doubles in `t`, |t| <= 300, on the stack. */
function exp2Doubles(e: Emitter, t: Local): void {
  const { f } = e;
  const k = e.temp();
  const p = e.temp();
  f.get(t).op("f64x2.nearest").set(k);
  f.get(t).get(k).op("f64x2.sub").set(t);
  e.poly(t, EXP2_SERIES, p, "f64x2");
  // The low bits of k + 2^52 + bias are the exponent.
  f.get(p)
    .get(k)
    .get(e.f64x2(2 ** 52 + 1023))
    .op("f64x2.add")
    .i32(52)
    .op("i64x2.shl", "f64x2.mul");
  e.release(k, p);
}

/** x^y for normal x of any sign and |y| < 2^23; what else there is goes to the imported function. */
export function pow(e: Emitter, x: Local, y: Local): void {
  const { f } = e;
  const size = e.temp();
  f.get(x).op("f32x4.abs").set(size);
  const guard = (): void => {
    f.get(size)
      .get(e.f32x4(2 ** -126))
      .op("f32x4.ge")
      .get(size)
      .get(e.f32x4(Number.POSITIVE_INFINITY))
      .op("f32x4.lt", "v128.and");
    f.get(y)
      .op("f32x4.abs")
      .get(e.f32x4(2 ** 23))
      .op("f32x4.lt", "v128.and");
  };
  guarded(e, "pow_float32", [x, y], guard, (out) => {
    inHalves(
      e,
      [size, y],
      ([base, exponent]) => {
        log2Doubles(e, base);
        f.get(base).get(exponent).op("f64x2.mul").get(e.f64x2(300)).op("f64x2.pmin").get(e.f64x2(-300)).op("f64x2.pmax").set(base);
        exp2Doubles(e, base);
        f.op("f32x4.demote_f64x2_zero");
      },
      out,
    );
    powSign(e, x, y, out);
  });
  e.release(size);
}

/** Negative x: the sign of odd whole exponents, NaN for fractions. */
function powSign(e: Emitter, x: Local, y: Local, out: Local): void {
  const { f } = e;
  const whole = e.temp();
  f.get(y).op("f32x4.trunc").set(whole);
  f.get(out).get(whole).op("i32x4.trunc_sat_f32x4_s").i32(31).op("i32x4.shl").get(x).op("v128.and").get(e.i32x4(-0x80000000));
  f.op("v128.and", "v128.xor").set(out);
  f.get(e.f32x4(Number.NaN)).get(out).get(x).get(e.f32x4(0)).op("f32x4.lt").get(whole).get(y).op("f32x4.ne", "v128.and", "v128.bitselect");
  f.set(out);
  e.release(whole);
}
