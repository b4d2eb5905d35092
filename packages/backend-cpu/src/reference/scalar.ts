/**
 * What each scalar op computes on one element, by kind of dtype. Registers are typed arrays of the dtype, so results are rounded
 * (float32) or wrapped (integers) when they are stored.
 *
 * @module
 */
import { type BaseScalarOp, type ComputeDType, type DType, isHalf, NotSupportedError, roundToHalf, ValueError } from "@sconce/core";

/** A function of up to three elements. */
export type Scalar = (x: number, y: number, z: number) => number;
/** The same on int64. */
type BigScalar = (x: bigint, y: bigint, z: bigint) => bigint | boolean;

/** One row: the function for floats, int32 and uint8, int64, bool. Absent where the op does not take the kind. */
interface Row {
  readonly float?: Scalar;
  /** Where rounding in the middle matters. */
  readonly float32?: Scalar;
  readonly int?: Scalar;
  readonly big?: BigScalar;
  readonly bool?: Scalar;
}

const { fround, imul } = Math;

function nonZero<T extends number | bigint>(divisor: T): T {
  // biome-ignore lint/suspicious/noDoubleEquals: 0n == 0
  if (divisor == 0) throw new ValueError("ZeroDivisionError: integer division or remainder by zero");
  return divisor;
}

/** Rounds half to even. */
function roundHalfEven(x: number): number {
  const r = Math.round(x);
  return Math.abs(x - Math.trunc(x)) === 0.5 ? 2 * Math.round(x / 2) : r;
}

/** The remainder with the divisor's sign. */
function floatRemainder(x: number, y: number): number {
  const r = x % y;
  return r !== 0 && r < 0 !== y < 0 ? r + y : r;
}

/** PyTorch's floor division, built on the exact remainder. */
function floatFloorDivide(round: (x: number) => number): Scalar {
  return (x, y) => {
    if (y === 0) return x / y;
    const r = x % y;
    let q = round(round(x - r) / y);
    if (r !== 0 && y < 0 !== r < 0) q -= 1;
    if (q === 0) return x / y < 0 || Object.is(x / y, -0) ? -0 : 0;
    const floor = Math.floor(q);
    return q - floor > 0.5 ? floor + 1 : floor;
  };
}

function intPow(x: number, y: number): number {
  if (y < 0) return x === 1 ? 1 : x === -1 ? (y % 2 === 0 ? 1 : -1) : 0;
  let result = 1;
  for (let base = x, n = y; n > 0; n >>>= 1) {
    if (n & 1) result = imul(result, base);
    base = imul(base, base);
  }
  return result;
}

function bigPow(x: bigint, y: bigint): bigint {
  if (y < 0n) return x === 1n ? 1n : x === -1n ? (y % 2n === 0n ? 1n : -1n) : 0n;
  let result = 1n;
  for (let base = x, n = y; n > 0n; n >>= 1n) {
    if (n & 1n) result = BigInt.asIntN(64, result * base);
    base = BigInt.asIntN(64, base * base);
  }
  return result;
}

const abs64 = (x: bigint): bigint => (x < 0n ? -x : x);
const floorDiv64 = (x: bigint, y: bigint): bigint => {
  const q = x / nonZero(y);
  return x % y !== 0n && x < 0n !== y < 0n ? q - 1n : q;
};
const remainder64 = (x: bigint, y: bigint): bigint => {
  const r = x % nonZero(y);
  return r !== 0n && r < 0n !== y < 0n ? r + y : r;
};

const larger64 = (x: bigint, y: bigint): bigint => (x > y ? x : y);
const smaller64 = (x: bigint, y: bigint): bigint => (x < y ? x : y);

const every = (fn: Scalar): Row => ({ float: fn, int: fn, bool: fn, big: fn as unknown as BigScalar });
const bits = (fn: Scalar): Row => ({ int: fn, big: fn as unknown as BigScalar, bool: fn });

type SpecialOp = "erf" | "erfc" | "erfinv" | "lgamma" | "digamma";
/** Special functions in double precision. */
export type SpecialFunctions = { readonly [K in SpecialOp]: (x: number) => number };

let special: SpecialFunctions | null = null;

/** Makes the special functions known, which are a part of the backend: few programs need them. */
export function useSpecial(functions: SpecialFunctions): void {
  special = functions;
}

/** The row of a special function, which is looked up when a kernel needs it. */
const specialRow = (op: SpecialOp): Row => ({
  get float(): Scalar {
    if (special !== null) return special[op];
    const message = `${op}: expected a CPU backend with special functions, got parts without them; give cpuBackend the part \`special\` too`;
    throw new NotSupportedError(message, { op });
  },
});

/** Ops that JavaScript has a function of the same name for. */
const MATH = [
  "sqrt",
  "exp",
  "expm1",
  "log",
  "log1p",
  "log2",
  "log10",
  "sin",
  "cos",
  "tan",
  "asin",
  "acos",
  "atan",
  "sinh",
  "cosh",
  "tanh",
  "asinh",
  "acosh",
  "atanh",
] as const;
type MathOp = (typeof MATH)[number];

/** The semantics of every base op but `cast` (see {@link castOf}). */
export const SCALARS: { readonly [K in Exclude<BaseScalarOp, "cast">]: Row } = {
  ...(Object.fromEntries(MATH.map((op) => [op, { float: Math[op] }])) as Partial<Record<MathOp, Row>> as Record<MathOp, Row>),
  neg: { float: (x) => -x, int: (x) => -x, big: (x) => -x },
  abs: { float: Math.abs, int: Math.abs, big: abs64, bool: (x) => x },
  sign: {
    float: (x) => Number(x > 0) - Number(x < 0),
    int: Math.sign,
    big: (x) => BigInt(Number(x > 0n) - Number(x < 0n)),
    bool: (x) => x,
  },
  reciprocal: { float: (x) => 1 / x },
  rsqrt: { float: (x) => 1 / Math.sqrt(x) },
  sigmoid: { float: (x) => 1 / (1 + Math.exp(-x)) },
  erf: specialRow("erf"),
  erfc: specialRow("erfc"),
  erfinv: specialRow("erfinv"),
  lgamma: specialRow("lgamma"),
  digamma: specialRow("digamma"),
  floor: { float: Math.floor, int: (x) => x, big: (x) => x },
  ceil: { float: Math.ceil, int: (x) => x, big: (x) => x },
  round: { float: roundHalfEven, int: (x) => x, big: (x) => x },
  trunc: { float: Math.trunc, int: (x) => x, big: (x) => x },
  bitwiseNot: { int: (x) => ~x, big: (x) => ~x, bool: (x) => 1 - x },
  add: { float: (x, y) => x + y, int: (x, y) => x + y, big: (x, y) => x + y, bool: (x, y) => x | y },
  sub: { float: (x, y) => x - y, int: (x, y) => x - y, big: (x, y) => x - y },
  mul: { float: (x, y) => x * y, int: imul, big: (x, y) => x * y, bool: (x, y) => x & y },
  div: { float: (x, y) => x / y },
  floorDivide: {
    float: floatFloorDivide((x) => x),
    float32: floatFloorDivide(fround),
    int: (x, y) => Math.floor(x / nonZero(y)),
    big: floorDiv64,
  },
  truncDivide: {
    float: (x, y) => Math.trunc(x / y),
    float32: (x, y) => Math.trunc(fround(x / y)),
    int: (x, y) => Math.trunc(x / nonZero(y)),
    big: (x, y) => x / nonZero(y),
  },
  remainder: { float: floatRemainder, int: (x, y) => floatRemainder(x, nonZero(y)), big: remainder64 },
  fmod: { float: (x, y) => x % y, int: (x, y) => x % nonZero(y), big: (x, y) => x % nonZero(y) },
  // JavaScript has pow(1, NaN) = pow(-1, inf) = NaN, C has 1.
  pow: { float: (x, y) => (x === 1 || (x === -1 && Math.abs(y) === Number.POSITIVE_INFINITY) ? 1 : x ** y), int: intPow, big: bigPow },
  atan2: { float: Math.atan2 },
  maximum: { float: Math.max, int: Math.max, big: larger64, bool: (x, y) => x | y },
  minimum: { float: Math.min, int: Math.min, big: smaller64, bool: (x, y) => x & y },
  eq: every((x, y) => Number(x === y)),
  ne: every((x, y) => Number(x !== y)),
  lt: every((x, y) => Number(x < y)),
  le: every((x, y) => Number(x <= y)),
  gt: every((x, y) => Number(x > y)),
  ge: every((x, y) => Number(x >= y)),
  bitwiseAnd: bits((x, y) => x & y),
  bitwiseOr: bits((x, y) => x | y),
  bitwiseXor: bits((x, y) => x ^ y),
  // A count below 0 or beyond the width shifts every bit out.
  shiftLeft: { int: (x, y) => (y >>> 0 > 31 ? 0 : x << y), big: (x, y) => (y < 0n || y > 63n ? 0n : x << y) },
  shiftRight: { int: (x, y) => x >> (y >>> 0 > 31 ? 31 : y), big: (x, y) => x >> (y < 0n || y > 63n ? 63n : y) },
  where: every((condition, x, y) => (condition !== 0 ? x : y)),
};

/** The function of an op on elements of `dtype` (for `where`, the dtype of the branches). */
export function scalarOf(op: Exclude<BaseScalarOp, "cast">, dtype: DType): Scalar {
  const row = SCALARS[op];
  let fn: Scalar | BigScalar | undefined;
  if (dtype === "int64") fn = row.big;
  else if (dtype === "bool") fn = row.bool;
  else if (dtype === "float32") fn = row.float32 ?? row.float;
  else fn = dtype === "float64" ? row.float : row.int;
  if (fn === undefined) throw new Error(`internal: ${op} does not take ${dtype}`);
  return fn as Scalar;
}

/** Float to int32 as x86 does it: what does not fit becomes the smallest integer. */
function floatToInt32(x: number): number {
  const t = Math.trunc(x);
  return t >= -2147483648 && t <= 2147483647 ? t : -2147483648;
}

function floatToInt64(x: number): bigint {
  const t = Math.trunc(x);
  return t >= -(2 ** 63) && t < 2 ** 63 ? BigInt(t) : -9223372036854775808n;
}

/** Converts an element as C does: floats truncate, anything that is not zero is true. */
export function castOf(from: DType, to: DType): Scalar {
  // biome-ignore lint/suspicious/noDoubleEquals: 0n == 0
  if (to === "bool") return (x) => Number(x != 0);
  const float = from === "float32" || from === "float64";
  if (to === "int64") {
    const fn = float ? floatToInt64 : (x: number): bigint => BigInt(x);
    return fn as unknown as Scalar;
  }
  if (from === "int64") {
    if (to === "int32" || to === "uint8") return (x) => Number(BigInt.asIntN(32, x as unknown as bigint));
    return (x) => Number(x);
  }
  if (isHalf(to)) return (x) => roundToHalf(x, to);
  return float && (to === "int32" || to === "uint8") ? floatToInt32 : (x) => x;
}

/** Addition and multiplication as reductions and products use them: floats in double precision. */
export interface Arithmetic {
  readonly zero: number;
  readonly one: number;
  readonly add: (x: number, y: number) => number;
  readonly mul: (x: number, y: number) => number;
}

const FLOAT: Arithmetic = { zero: 0, one: 1, add: (x, y) => x + y, mul: (x, y) => x * y };
const INT: Arithmetic = { zero: 0, one: 1, add: (x, y) => (x + y) | 0, mul: imul };
const BOOL: Arithmetic = { zero: 0, one: 1, add: (x, y) => x | y, mul: (x, y) => x & y };
const BIG: Arithmetic = {
  zero: 0n as unknown as number,
  one: 1n as unknown as number,
  add: (x, y) => BigInt.asIntN(64, ((x as unknown as bigint) + (y as unknown as bigint)) as bigint) as unknown as number,
  mul: (x, y) => BigInt.asIntN(64, ((x as unknown as bigint) * (y as unknown as bigint)) as bigint) as unknown as number,
};

const ARITHMETIC: { readonly [D in ComputeDType]: Arithmetic } = {
  bool: BOOL,
  uint8: INT,
  int32: INT,
  int64: BIG,
  float32: FLOAT,
  float64: FLOAT,
};

/** The arithmetic of a dtype. */
export function arithmeticOf(dtype: DType): Arithmetic {
  return ARITHMETIC[dtype as ComputeDType];
}
