import type { ReduceOp, ScatterMode } from "../backend.js";
import type { DType } from "../dtype.js";
import { literalText } from "./expr.js";
import { kindOf, typeOf } from "./kinds.js";
import { scalarText } from "./scalar.js";

/** How a reduction starts and combines two values of `dtype`. */
export interface Reduction {
  /** What it is computed in. */
  readonly dtype: DType;
  /** The text of the first value. */
  readonly start: string;
  /** The text of two values combined. */
  readonly combine: (x: string, y: string) => string;
}

const LOWEST = { float: Number.NEGATIVE_INFINITY, int: -2147483648, byte: 0, bool: 0 };
const HIGHEST = { float: Number.POSITIVE_INFINITY, int: 2147483647, byte: 255, bool: 1 };

/** The reduction of an op over elements of `dtype`; any and all work on truth values. */
export function reductionOf(op: ReduceOp, dtype: DType): Reduction {
  const kind = kindOf(dtype);
  const rows: { readonly [K in ReduceOp]: readonly [DType, number, "add" | "mul" | "maximum" | "minimum"] } = {
    sum: [dtype, 0, "add"],
    prod: [dtype, 1, "mul"],
    max: [dtype, LOWEST[kind], "maximum"],
    min: [dtype, HIGHEST[kind], "minimum"],
    any: ["bool", 0, "add"],
    all: ["bool", 1, "mul"],
  };
  const [type, start, scalar] = rows[op];
  return { dtype: type, start: literalText(start, type), combine: (x, y) => scalarText(scalar, type, [x, y]) };
}

const SCATTER: { readonly [K in Exclude<ScatterMode, "set">]: "add" | "mul" | "maximum" | "minimum" } = {
  add: "add",
  mul: "mul",
  max: "maximum",
  min: "minimum",
};

/** The text of what a place holds after `value` came to it. */
export function combineText(mode: ScatterMode, dtype: DType, old: string, value: string): string {
  return mode === "set" ? value : scalarText(SCATTER[mode], dtype, [old, value]);
}

/** The text of "y beats best", where a NaN beats all but another NaN before it; with `equal`, the last of equals wins. */
export function beatsText(op: "max" | "min", dtype: DType, equal: boolean): string {
  const scalar = op === "max" ? (equal ? "ge" : "gt") : equal ? "le" : "lt";
  const plain = scalarText(scalar, dtype, ["y", "best"]);
  if (kindOf(dtype) !== "float") return plain;
  return equal ? `(sc_isnan(y) || ${plain})` : `(!sc_isnan(best) && (sc_isnan(y) || ${plain}))`;
}

/** A function `sc_before` that tells whether element `a` at position `i` comes before `b` at `j`: NaN is the largest, equal ones keep their order. */
export function orderText(dtype: DType, descending: boolean): string {
  const type = typeOf(dtype);
  const [first, second] = descending ? ["b", "a"] : ["a", "b"];
  const less = scalarText("lt", dtype, [first, second]);
  const more = scalarText("lt", dtype, [second, first]);
  const nan = kindOf(dtype) === "float" ? `if (sc_isnan(a) != sc_isnan(b)) { return sc_isnan(${second}); }` : "";
  return `bool sc_before(${type} a, int i, ${type} b, int j) { ${nan} if (${less}) { return true; } if (${more}) { return false; } return i < j; }`;
}
