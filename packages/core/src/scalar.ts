import { type DType, wideOf } from "./dtype.js";

/** How the dtype of a scalar op's result follows from its inputs (which all have one dtype, save the condition of `where`). */
type ResultRule = "same" | "bool";

interface ScalarRow {
  readonly arity: 1 | 2 | 3;
  readonly result: ResultRule;
}

const unary: ScalarRow = { arity: 1, result: "same" };
const binary: ScalarRow = { arity: 2, result: "same" };
const ternary: ScalarRow = { arity: 3, result: "same" };
const compare: ScalarRow = { arity: 2, result: "bool" };

/** Scalar ops that every backend prints. Floating-point ops take floating-point inputs only; the bit ops take integers and bool. */
export type BaseScalarOp =
  | "neg"
  | "abs"
  | "sign"
  | "reciprocal"
  | "sqrt"
  | "rsqrt"
  | "exp"
  | "expm1"
  | "log"
  | "log1p"
  | "log2"
  | "log10"
  | "sin"
  | "cos"
  | "tan"
  | "asin"
  | "acos"
  | "atan"
  | "sinh"
  | "cosh"
  | "tanh"
  | "asinh"
  | "acosh"
  | "atanh"
  | "sigmoid"
  | "erf"
  | "erfc"
  | "erfinv"
  | "lgamma"
  | "digamma"
  | "floor"
  | "ceil"
  | "round"
  | "trunc"
  | "bitwiseNot"
  | "cast"
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "floorDivide"
  | "truncDivide"
  | "remainder"
  | "fmod"
  | "pow"
  | "atan2"
  | "maximum"
  | "minimum"
  | "eq"
  | "ne"
  | "lt"
  | "le"
  | "gt"
  | "ge"
  | "bitwiseAnd"
  | "bitwiseOr"
  | "bitwiseXor"
  | "shiftLeft"
  | "shiftRight"
  | "where";

/** Scalar ops with a derivative of their own that core spells with base ops: backends never see them. */
export type ComposedScalarOp =
  | "square"
  | "relu"
  | "gelu"
  | "geluTanh"
  | "reluGrad"
  | "silu"
  | "mish"
  | "logSigmoid"
  | "hardswish"
  | "hardsigmoid"
  | "tanhshrink"
  | "leakyRelu"
  | "clampMin"
  | "clampMax"
  | "hardshrink"
  | "softshrink"
  | "softplus"
  | "threshold"
  | "clamp"
  | "elu"
  | "xlogy"
  | "logaddexp"
  | "bceWithLogits"
  | "binaryCrossEntropy"
  | "smoothL1"
  | "huber"
  | "hypot"
  | "copysign"
  | "isnan"
  | "isinf";

/** Names of the scalar ops. */
export type ScalarOp = BaseScalarOp | ComposedScalarOp;

/** One row per scalar op. `div` is true division of floats; `remainder` has the divisor's sign (Python), `fmod` the dividend's (C). */
export const SCALAR_OPS: { readonly [K in ScalarOp]: ScalarRow } = {
  neg: unary,
  abs: unary,
  sign: unary,
  reciprocal: unary,
  sqrt: unary,
  rsqrt: unary,
  exp: unary,
  expm1: unary,
  log: unary,
  log1p: unary,
  log2: unary,
  log10: unary,
  sin: unary,
  cos: unary,
  tan: unary,
  asin: unary,
  acos: unary,
  atan: unary,
  sinh: unary,
  cosh: unary,
  tanh: unary,
  asinh: unary,
  acosh: unary,
  atanh: unary,
  sigmoid: unary,
  erf: unary,
  erfc: unary,
  erfinv: unary,
  lgamma: unary,
  digamma: unary,
  floor: unary,
  ceil: unary,
  round: unary,
  trunc: unary,
  bitwiseNot: unary,
  cast: unary,
  add: binary,
  sub: binary,
  mul: binary,
  div: binary,
  floorDivide: binary,
  truncDivide: binary,
  remainder: binary,
  fmod: binary,
  pow: binary,
  atan2: binary,
  maximum: binary,
  minimum: binary,
  eq: compare,
  ne: compare,
  lt: compare,
  le: compare,
  gt: compare,
  ge: compare,
  bitwiseAnd: binary,
  bitwiseOr: binary,
  bitwiseXor: binary,
  shiftLeft: binary,
  shiftRight: binary,
  where: ternary,
  square: unary,
  relu: unary,
  reluGrad: binary,
  gelu: unary,
  geluTanh: unary,
  silu: unary,
  mish: unary,
  logSigmoid: unary,
  hardswish: unary,
  hardsigmoid: unary,
  tanhshrink: unary,
  leakyRelu: binary,
  clampMin: binary,
  clampMax: binary,
  hardshrink: binary,
  softshrink: binary,
  softplus: ternary,
  threshold: ternary,
  clamp: ternary,
  elu: ternary,
  xlogy: binary,
  logaddexp: binary,
  bceWithLogits: binary,
  binaryCrossEntropy: binary,
  smoothL1: ternary,
  huber: ternary,
  hypot: binary,
  copysign: binary,
  isnan: { arity: 1, result: "bool" },
  isinf: { arity: 1, result: "bool" },
};

/**
 * What a kernel computes at one element. Expressions are interned: equal structure is the same object, so a backend can key its
 * kernels on the object. Numbers are kernel arguments (`number`), never part of the structure, save the constants of formulas (`literal`).
 */
export type Expr =
  | { readonly kind: "input"; readonly id: number; readonly dtype: DType; readonly index: number }
  | { readonly kind: "number"; readonly id: number; readonly dtype: DType; readonly index: number }
  | { readonly kind: "literal"; readonly id: number; readonly dtype: DType; readonly value: number }
  | { readonly kind: "op"; readonly id: number; readonly dtype: DType; readonly op: BaseScalarOp; readonly args: readonly Expr[] };

let nextId = 1;
const leaves = new Map<string, Expr>();
const nodes = new Map<BaseScalarOp, Map<number, Map<number, Expr>>>();
const DTYPE_CODE: { readonly [D in DType]: number } = {
  bool: 0,
  uint8: 1,
  int32: 2,
  int64: 3,
  float32: 4,
  float64: 5,
  float16: 6,
  bfloat16: 7,
  int8: 8,
  int16: 9,
};
const inputTable: Expr[][] = Array.from({ length: 10 }, () => []);
const numberTable: Expr[][] = Array.from({ length: 10 }, () => []);

/** The element of kernel input `index`. */
export function inputExpr(index: number, dtype: DType): Expr {
  const row = inputTable[DTYPE_CODE[dtype]];
  return (row[index] ??= { kind: "input", id: nextId++, dtype, index });
}

/** Run-time number `index` of the kernel call. */
export function numberExpr(index: number, dtype: DType): Expr {
  const row = numberTable[DTYPE_CODE[dtype]];
  return (row[index] ??= { kind: "number", id: nextId++, dtype, index });
}

/** A constant of a formula. */
export function literal(value: number, dtype: DType): Expr {
  const key = `${dtype}:${Object.is(value, -0) ? "-0" : value}`;
  let found = leaves.get(key);
  if (found === undefined) {
    found = { kind: "literal", id: nextId++, dtype, value };
    leaves.set(key, found);
  }
  return found;
}

/** A base op over expressions; `dtype` is that of the result. */
export function opExpr(op: BaseScalarOp, dtype: DType, args: readonly Expr[]): Expr {
  let byFirst = nodes.get(op);
  if (byFirst === undefined) nodes.set(op, (byFirst = new Map()));
  const first = args[0].id * 16 + DTYPE_CODE[dtype];
  let byRest = byFirst.get(first);
  if (byRest === undefined) byFirst.set(first, (byRest = new Map()));
  const rest = (args.length > 1 ? args[1].id : 0) * 0x2000000 + (args.length > 2 ? args[2].id : 0);
  let found = byRest.get(rest);
  if (found === undefined) {
    found = { kind: "op", id: nextId++, dtype, op, args: [...args] };
    byRest.set(rest, found);
  }
  return found;
}

/**
 * The expression of any scalar op, composed ones spelled out. Ops on storage dtypes compute in the wide dtype and convert each result, so
 * that it is the same number whether ops share a kernel or not; backends see such dtypes in `cast` from and to the wide one alone.
 */
export function scalarExpr(op: ScalarOp, dtype: DType, args: readonly Expr[]): Expr {
  if (op === "cast") return castExpr(dtype, args[0]);
  if (wideOf(args[args.length - 1].dtype) !== undefined) return wideExpr(dtype, args, (wide, operands) => scalarExpr(op, wide, operands));
  const formula = FORMULAS[op as ComposedScalarOp] as Formula | undefined;
  return formula === undefined ? opExpr(op as BaseScalarOp, dtype, args) : formula(args[0], args[1], args[2]);
}

/** A formula of storage dtypes, computed in the wide one; others are computed as they are. */
export function wideExpr(dtype: DType, args: readonly Expr[], formula: (dtype: DType, args: readonly Expr[]) => Expr): Expr {
  const narrow = args[args.length - 1].dtype;
  const wide = wideOf(narrow);
  if (wide === undefined) return formula(dtype, args);
  const operands = args.map((x) => (x.dtype === narrow ? castExpr(wide, x) : x));
  return dtype === "bool" ? formula(dtype, operands) : castExpr(dtype, formula(wide, operands));
}

/** A conversion, by way of the wide dtype where a storage dtype takes part. */
function castExpr(to: DType, x: Expr): Expr {
  const wide = x.dtype === to ? undefined : (wideOf(x.dtype) ?? wideOf(to));
  if (wide === undefined || wide === to || wide === x.dtype) return opExpr("cast", to, [x]);
  return castExpr(to, castExpr(wide, x));
}

type Formula = (x: Expr, y: Expr, z: Expr) => Expr;

const one = (op: BaseScalarOp, x: Expr): Expr => opExpr(op, x.dtype, [x]);
const two = (op: BaseScalarOp, x: Expr, y: Expr): Expr => opExpr(op, SCALAR_OPS[op].result === "bool" ? "bool" : x.dtype, [x, y]);
const where = (c: Expr, x: Expr, y: Expr): Expr => opExpr("where", x.dtype, [c, x, y]);
const lit = (x: Expr, value: number): Expr => literal(value, x.dtype);
const add = (x: Expr, y: Expr): Expr => two("add", x, y);
const sub = (x: Expr, y: Expr): Expr => two("sub", x, y);
const mul = (x: Expr, y: Expr): Expr => two("mul", x, y);

/** log(1 + exp(x)) without overflow. */
function stableSoftplus(x: Expr): Expr {
  return add(two("maximum", x, lit(x, 0)), one("log1p", one("exp", one("neg", one("abs", x)))));
}

const SQRT_HALF = Math.SQRT1_2;
const SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);

const FORMULAS: { readonly [K in ComposedScalarOp]: Formula } = {
  square: (x) => mul(x, x),
  relu: (x) => two("maximum", x, lit(x, 0)),
  // Of a gradient and the result.
  reluGrad: (g, y) => where(two("le", y, lit(y, 0)), lit(g, 0), g),
  gelu: (x) => mul(mul(x, lit(x, 0.5)), add(one("erf", mul(x, lit(x, SQRT_HALF))), lit(x, 1))),
  geluTanh: (x) =>
    mul(mul(x, lit(x, 0.5)), add(one("tanh", mul(lit(x, SQRT_2_OVER_PI), add(x, mul(lit(x, 0.044715), mul(x, mul(x, x)))))), lit(x, 1))),
  silu: (x) => mul(x, one("sigmoid", x)),
  mish: (x) => mul(x, one("tanh", stableSoftplus(x))),
  logSigmoid: (x) => sub(two("minimum", x, lit(x, 0)), one("log1p", one("exp", one("neg", one("abs", x))))),
  hardswish: (x) => two("div", mul(x, two("minimum", two("maximum", add(x, lit(x, 3)), lit(x, 0)), lit(x, 6))), lit(x, 6)),
  hardsigmoid: (x) => two("div", two("minimum", two("maximum", add(x, lit(x, 3)), lit(x, 0)), lit(x, 6)), lit(x, 6)),
  tanhshrink: (x) => sub(x, one("tanh", x)),
  leakyRelu: (x, slope) => where(two("gt", x, lit(x, 0)), x, mul(x, slope)),
  clampMin: (x, low) => two("maximum", x, low),
  clampMax: (x, high) => two("minimum", x, high),
  hardshrink: (x, lambda) => where(two("le", one("abs", x), lambda), lit(x, 0), x),
  softshrink: (x, lambda) =>
    where(two("gt", x, lambda), sub(x, lambda), where(two("lt", x, one("neg", lambda)), add(x, lambda), mul(x, lit(x, 0)))),
  softplus: (x, beta, threshold) => where(two("gt", mul(x, beta), threshold), x, two("div", stableSoftplus(mul(x, beta)), beta)),
  threshold: (x, threshold, value) => where(two("le", x, threshold), value, x),
  clamp: (x, low, high) => two("minimum", two("maximum", x, low), high),
  elu: (x, alpha, scale) => where(two("le", x, lit(x, 0)), mul(mul(one("expm1", x), alpha), scale), mul(x, scale)),
  xlogy: (x, y) => where(two("ne", y, y), y, where(two("eq", x, lit(x, 0)), lit(x, 0), mul(x, one("log", y)))),
  logaddexp: (x, y) => {
    const high = two("maximum", x, y);
    const spread = one("log1p", one("exp", one("neg", one("abs", sub(x, y)))));
    return where(two("eq", x, y), add(x, lit(x, Math.LN2)), add(high, spread));
  },
  bceWithLogits: (x, target) => sub(add(two("maximum", x, lit(x, 0)), one("log1p", one("exp", one("neg", one("abs", x))))), mul(x, target)),
  binaryCrossEntropy: (p, target) => {
    const floor = lit(p, -100);
    const logP = two("maximum", one("log", p), floor);
    const logQ = two("maximum", one("log1p", one("neg", p)), floor);
    return one("neg", add(mul(target, logP), mul(sub(lit(p, 1), target), logQ)));
  },
  smoothL1: (x, y, beta) => {
    const d = one("abs", sub(x, y));
    return where(two("lt", d, beta), two("div", mul(mul(d, d), lit(x, 0.5)), beta), sub(d, mul(beta, lit(x, 0.5))));
  },
  huber: (x, y, delta) => {
    const d = one("abs", sub(x, y));
    return where(two("le", d, delta), mul(mul(d, d), lit(x, 0.5)), mul(delta, sub(d, mul(delta, lit(x, 0.5)))));
  },
  hypot: (x, y) => {
    const [a, b] = [one("abs", x), one("abs", y)];
    const infinity = lit(x, Number.POSITIVE_INFINITY);
    // Relative to the larger one, so that the squares neither overflow nor vanish.
    const high = two("maximum", a, b);
    const ratio = two("div", two("minimum", a, b), where(two("eq", high, lit(x, 0)), lit(x, 1), high));
    const length = mul(high, one("sqrt", add(mul(ratio, ratio), lit(x, 1))));
    return where(two("eq", a, infinity), infinity, where(two("eq", b, infinity), infinity, length));
  },
  copysign: (x, y) => {
    const negative = two("lt", where(two("eq", y, lit(y, 0)), one("reciprocal", y), y), lit(y, 0));
    return where(negative, one("neg", one("abs", x)), one("abs", x));
  },
  isnan: (x) => two("ne", x, x),
  isinf: (x) => two("eq", one("abs", x), lit(x, Number.POSITIVE_INFINITY)),
};

/** True for ops that core spells with base ops. */
export function isComposed(op: ScalarOp): op is ComposedScalarOp {
  return op in FORMULAS;
}
