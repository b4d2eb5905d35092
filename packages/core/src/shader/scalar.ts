import type { DType } from "../dtype.js";
import type { BaseScalarOp } from "../scalar.js";
import { type Kind, kindOf } from "./kinds.js";

/** Prints a call on up to three operands. */
type Print = (x: string, y: string, z: string) => string;

/** One row: the text for each kind of operands. Absent where the op does not take the kind. */
type Row = { readonly [K in Kind]?: Print };

const call =
  (name: string): Print =>
  (x) =>
    `${name}(${x})`;
const call2 =
  (name: string): Print =>
  (x, y) =>
    `${name}(${x}, ${y})`;
const infix =
  (operator: string): Print =>
  (x, y) =>
    `(${x} ${operator} ${y})`;
/** uint8 keeps its low byte. */
const low =
  (print: Print): Print =>
  (x, y, z) =>
    `(${print(x, y, z)} & 255u)`;
const same: Print = (x) => x;
const every = (print: Print): Row => ({ float: print, int: print, byte: print, bool: print });

const floatOnly = (name: string): Row => ({ float: call(name) });
const rounding = (name: string): Row => ({ float: call(name), int: same, byte: same });
const arithmetic = (operator: string): Row => ({ float: infix(operator), int: infix(operator), byte: low(infix(operator)) });
const bits = (operator: string, bool: string): Row => ({ int: infix(operator), byte: infix(operator), bool: infix(bool) });
const ordered = (operator: string, float: Print, bool: Print): Row => ({ float, int: infix(operator), byte: infix(operator), bool });
const integers = (name: string): Omit<Row, "float"> => ({ int: call2(`${name}_i`), byte: low(call2(`${name}_u`)) });

/** How every base op but `cast` (see {@link castText}) is printed. */
const SCALARS: { readonly [K in Exclude<BaseScalarOp, "cast">]: Row } = {
  neg: { float: (x) => `(-${x})`, int: (x) => `(-${x})`, byte: low((x) => `(0u - ${x})`) },
  abs: { float: call("abs"), int: call("abs"), byte: same, bool: same },
  sign: { float: (x) => `(float(${x} > 0.0) - float(${x} < 0.0))`, int: call("sign"), byte: (x) => `min(${x}, 1u)`, bool: same },
  reciprocal: { float: (x) => `sc_divide(1.0, ${x})` },
  sqrt: floatOnly("sc_sqrt"),
  rsqrt: { float: (x) => `sc_divide(1.0, sc_sqrt(${x}))` },
  exp: floatOnly("sc_exp"),
  expm1: floatOnly("sc_expm1"),
  log: floatOnly("sc_log"),
  log1p: floatOnly("sc_log1p"),
  log2: floatOnly("sc_log2"),
  log10: floatOnly("sc_log10"),
  sin: floatOnly("sc_sin"),
  cos: floatOnly("sc_cos"),
  tan: floatOnly("sc_tan"),
  asin: floatOnly("sc_asin"),
  acos: floatOnly("sc_acos"),
  atan: floatOnly("sc_atan"),
  sinh: floatOnly("sc_sinh"),
  cosh: floatOnly("sc_cosh"),
  tanh: floatOnly("sc_tanh"),
  asinh: floatOnly("sc_asinh"),
  acosh: floatOnly("sc_acosh"),
  atanh: floatOnly("sc_atanh"),
  sigmoid: floatOnly("sc_sigmoid"),
  erf: floatOnly("sc_erf"),
  erfc: floatOnly("sc_erfc"),
  erfinv: floatOnly("sc_erfinv"),
  lgamma: floatOnly("sc_lgamma"),
  digamma: floatOnly("sc_digamma"),
  floor: rounding("floor"),
  ceil: rounding("ceil"),
  round: rounding("roundEven"),
  trunc: rounding("trunc"),
  bitwiseNot: { int: (x) => `(~${x})`, byte: low((x) => `(~${x})`), bool: (x) => `(!${x})` },
  add: { ...arithmetic("+"), bool: infix("||") },
  sub: arithmetic("-"),
  mul: { ...arithmetic("*"), bool: infix("&&") },
  div: { float: call2("sc_divide") },
  floorDivide: { float: call2("sc_floor_divide"), int: call2("sc_floor_divide_i"), byte: call2("sc_divide_u") },
  truncDivide: { float: (x, y) => `trunc(sc_divide(${x}, ${y}))`, ...integers("sc_divide") },
  remainder: { float: call2("sc_remainder"), int: call2("sc_remainder_i"), byte: call2("sc_modulo_u") },
  fmod: { float: call2("sc_fmod"), ...integers("sc_modulo") },
  pow: { float: call2("sc_pow"), ...integers("sc_power") },
  atan2: { float: call2("sc_atan2") },
  maximum: { float: call2("sc_max"), int: call2("max"), byte: call2("max"), bool: infix("||") },
  minimum: { float: call2("sc_min"), int: call2("min"), byte: call2("min"), bool: infix("&&") },
  eq: ordered("==", call2("sc_eq"), infix("==")),
  ne: ordered("!=", (x, y) => `(!sc_eq(${x}, ${y}))`, infix("!=")),
  lt: ordered("<", call2("sc_lt"), (x, y) => `(!${x} && ${y})`),
  le: ordered("<=", call2("sc_le"), (x, y) => `(!${x} || ${y})`),
  gt: ordered(
    ">",
    (x, y) => `sc_lt(${y}, ${x})`,
    (x, y) => `(${x} && !${y})`,
  ),
  ge: ordered(
    ">=",
    (x, y) => `sc_le(${y}, ${x})`,
    (x, y) => `(${x} || !${y})`,
  ),
  bitwiseAnd: bits("&", "&&"),
  bitwiseOr: bits("|", "||"),
  bitwiseXor: bits("^", "!="),
  shiftLeft: integers("sc_shift_left"),
  shiftRight: integers("sc_shift_right"),
  where: every((c, x, y) => `select(${y}, ${x}, ${c})`),
};

/** The text of an op on operands of `dtype` (for `where`, the dtype of the branches). */
export function scalarText(op: Exclude<BaseScalarOp, "cast">, dtype: DType, args: readonly string[]): string {
  const print = SCALARS[op][kindOf(dtype)];
  if (print === undefined) throw new Error(`internal: ${op} does not take ${dtype}`);
  return print(args[0], args[1], args[2]);
}

/** The text of a conversion: floats truncate, anything that is not zero is true. Backends round to float16 and turn integers into floats. */
export function castText(from: DType, to: DType, x: string): string {
  const [source, target] = [kindOf(from), kindOf(to)];
  if (to === "float16" && from !== "float16") return `sc_half(${castText(from, "float32", x)})`;
  if (source === target) return x;
  if (target === "bool") return source === "float" ? `(!(${x} == 0.0))` : `(${x} != ${source === "byte" ? "0u" : "0"})`;
  if (target === "float") return source === "int" ? `sc_float_of(${x})` : `float(${x})`;
  const whole = source === "float" ? `sc_to_int(${x})` : x;
  return target === "byte" ? `(uint(${whole}) & 255u)` : `int(${whole})`;
}
