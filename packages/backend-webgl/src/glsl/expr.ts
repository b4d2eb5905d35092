import type { DType, Expr } from "@sconce/core";
import { castText, scalarText } from "./scalar.js";
import type { Source } from "./source.js";
import { kindOf, typeOf } from "./types.js";

/** Texts of a kernel's inputs and run-time numbers. */
export interface Leaves {
  input(index: number, dtype: DType): string;
  number(index: number, dtype: DType): string;
}

/** Adds statements that compute an expression, shared parts once, and returns the name of the result. */
export function printExpr(root: Expr, leaves: Leaves, add: (line: string) => void): string {
  const names = new Map<Expr, string>();
  const visit = (expr: Expr): string => {
    const known = names.get(expr);
    if (known !== undefined) return known;
    const text = exprText(expr, leaves, visit);
    const name = `v${names.size}`;
    add(`${typeOf(expr.dtype)} ${name} = ${text};`);
    names.set(expr, name);
    return name;
  };
  return visit(root);
}

function exprText(expr: Expr, leaves: Leaves, visit: (expr: Expr) => string): string {
  if (expr.kind === "input") return leaves.input(expr.index, expr.dtype);
  if (expr.kind === "number") return leaves.number(expr.index, expr.dtype);
  if (expr.kind === "literal") return literalText(expr.value, expr.dtype);
  const args = expr.args.map(visit);
  if (expr.op === "cast") return castText(expr.args[0].dtype, expr.dtype, args[0]);
  return scalarText(expr.op, expr.args[expr.args.length - 1].dtype, args);
}

/** A constant. Infinity and NaN are no GLSL literals and come from the parameters. */
export function literalText(value: number, dtype: DType): string {
  const kind = kindOf(dtype);
  if (kind === "bool") return value === 0 ? "false" : "true";
  if (kind === "int") return value === -2147483648 ? "int(0x80000000u)" : `int(${value})`;
  if (kind === "byte") return `${value}u`;
  if (Number.isNaN(value)) return "sc_nan()";
  if (!Number.isFinite(value)) return value < 0 ? "(-sc_inf())" : "sc_inf()";
  return floatText(value);
}

/** A finite float as GLSL writes it: whole numbers need their point, and minus zero its bits. */
function floatText(value: number): string {
  if (Object.is(value, -0)) return "uintBitsToFloat(0x80000000u)";
  const rounded = Math.fround(value);
  return Number.isInteger(rounded) && Math.abs(rounded) < 1e21 ? `float(${rounded}.0)` : `float(${rounded})`;
}

/** The text of the next parameter word as a number of `dtype`. */
export function numberText(source: Source, dtype: DType): string {
  const kind = kindOf(dtype);
  if (kind === "float") return source.float();
  const word = source.int();
  if (kind === "bool") return `(${word} != 0)`;
  return kind === "byte" ? `uint(${word})` : word;
}

/** Dtypes of the numbers that an expression uses, by index, in ascending order. */
export type NumberList = readonly (readonly [index: number, dtype: DType])[];

const numberLists = new WeakMap<Expr, NumberList>();

/** The numbers of an expression. */
export function numbersOf(root: Expr): NumberList {
  let list = numberLists.get(root);
  if (list === undefined) {
    const found = new Map<number, DType>();
    walk(root, (e) => {
      if (e.kind === "number") found.set(e.index, e.dtype);
    });
    list = [...found].sort(([x], [y]) => x - y);
    numberLists.set(root, list);
  }
  return list;
}

const inputLists = new WeakMap<Expr, readonly number[]>();

/** The inputs that an expression reads, in ascending order: of a fused kernel's, one result may need only some. */
export function inputsOf(root: Expr): readonly number[] {
  let list = inputLists.get(root);
  if (list === undefined) {
    const found = new Set<number>();
    walk(root, (e) => {
      if (e.kind === "input") found.add(e.index);
    });
    list = [...found].sort((x, y) => x - y);
    inputLists.set(root, list);
  }
  return list;
}

function walk(root: Expr, visit: (expr: Expr) => void): void {
  const seen = new Set<Expr>();
  const go = (expr: Expr): void => {
    if (seen.has(expr)) return;
    seen.add(expr);
    visit(expr);
    if (expr.kind === "op") expr.args.forEach(go);
  };
  go(root);
}
