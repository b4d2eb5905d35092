import type { DType, Expr } from "@sconce/core";
import { castText, scalarText } from "./scalar.js";
import { type Source, VALUE_TYPE } from "./source.js";

/** Texts of a kernel's inputs and run-time numbers. */
export interface Leaves {
  input(index: number, dtype: DType): string;
  number(index: number, dtype: DType): string;
}

/** Adds statements that compute the expressions, shared parts once, into names that begin with `prefix`; returns those of the results. */
export function printExprs(exprs: readonly Expr[], leaves: Leaves, add: (line: string) => void, prefix = "v"): string[] {
  const names = new Map<Expr, string>();
  const visit = (expr: Expr): string => {
    const known = names.get(expr);
    if (known !== undefined) return known;
    const text = exprText(expr, leaves, visit);
    const name = `${prefix}${names.size}`;
    add(`let ${name}: ${VALUE_TYPE[expr.dtype]} = ${text};`);
    names.set(expr, name);
    return name;
  };
  return exprs.map(visit);
}

function exprText(expr: Expr, leaves: Leaves, visit: (expr: Expr) => string): string {
  if (expr.kind === "input") return leaves.input(expr.index, expr.dtype);
  if (expr.kind === "number") return leaves.number(expr.index, expr.dtype);
  if (expr.kind === "literal") return literalText(expr.value, expr.dtype);
  const args = expr.args.map(visit);
  if (expr.op === "cast") return castText(expr.args[0].dtype, expr.dtype, args[0]);
  return scalarText(expr.op, expr.args[expr.args.length - 1].dtype, args);
}

/** A constant. Infinity and NaN are no WGSL literals and come from the parameters. */
export function literalText(value: number, dtype: DType): string {
  if (dtype === "bool") return value === 0 ? "false" : "true";
  if (dtype === "int32") return value === -2147483648 ? "i32(-2147483647 - 1)" : `i32(${value})`;
  if (dtype === "uint8") return `${value}u`;
  if (Number.isNaN(value)) return "sc_nan()";
  if (!Number.isFinite(value)) return value < 0 ? "(-sc_inf())" : "sc_inf()";
  return floatText(value);
}

/** A finite float as WGSL writes it: whole numbers need their point, and minus zero its bits. */
function floatText(value: number): string {
  if (Object.is(value, -0)) return "bitcast<f32>(0x80000000u)";
  const rounded = Math.fround(value);
  return Number.isInteger(rounded) && Math.abs(rounded) < 1e21 ? `f32(${rounded}.0)` : `f32(${rounded})`;
}

/** The text of the next parameter word as a number of `dtype`. */
export function numberText(source: Source, dtype: DType): string {
  if (dtype === "float32" || dtype === "float16") return source.float();
  const word = source.int();
  if (dtype === "bool") return `(${word} != 0)`;
  return dtype === "uint8" ? `u32(${word})` : word;
}

/** Expressions read these inputs and numbers. */
export interface Uses {
  readonly inputs: ReadonlyMap<number, DType>;
  readonly numbers: ReadonlyMap<number, DType>;
}

const used = new WeakMap<Expr, Uses>();

/** The inputs and numbers of an expression with their dtypes. */
export function usesOf(expr: Expr): Uses {
  let found = used.get(expr);
  if (found === undefined) {
    const inputs = new Map<number, DType>();
    const numbers = new Map<number, DType>();
    const seen = new Set<Expr>();
    const visit = (e: Expr): void => {
      if (seen.has(e)) return;
      seen.add(e);
      if (e.kind === "input") inputs.set(e.index, e.dtype);
      else if (e.kind === "number") numbers.set(e.index, e.dtype);
      else if (e.kind === "op") e.args.forEach(visit);
    };
    visit(expr);
    used.set(expr, (found = { inputs, numbers }));
  }
  return found;
}
