import type { DType } from "../dtype.js";
import type { Expr } from "../scalar.js";
import { kindOf, typeOf } from "./kinds.js";
import { castText, scalarText } from "./scalar.js";
import type { Text } from "./text.js";

/** Texts of a kernel's inputs and run-time numbers. */
export interface Leaves {
  /** The text of an input's element. */
  input(index: number, dtype: DType): string;
  /** The text of a run-time number. */
  number(index: number, dtype: DType): string;
}

/** Adds statements that compute expressions, shared parts once, into names that begin with `prefix`; returns those of the results. */
export function printExprs(roots: readonly Expr[], leaves: Leaves, add: (line: string) => void, prefix = "v"): string[] {
  const names = new Map<Expr, string>();
  const visit = (expr: Expr): string => {
    const known = names.get(expr);
    if (known !== undefined) return known;
    const text = exprText(expr, leaves, visit);
    const name = `${prefix}${names.size}`;
    add(`${typeOf(expr.dtype)} ${name} = ${text};`);
    names.set(expr, name);
    return name;
  };
  return roots.map(visit);
}

function exprText(expr: Expr, leaves: Leaves, visit: (expr: Expr) => string): string {
  if (expr.kind === "input") return leaves.input(expr.index, expr.dtype);
  if (expr.kind === "number") return leaves.number(expr.index, expr.dtype);
  if (expr.kind === "literal") return literalText(expr.value, expr.dtype);
  const args = expr.args.map(visit);
  if (expr.op === "cast") return castText(expr.args[0].dtype, expr.dtype, args[0]);
  return scalarText(expr.op, expr.args[expr.args.length - 1].dtype, args);
}

/** A constant. Infinity and NaN are no literals and come from the parameters. */
export function literalText(value: number, dtype: DType): string {
  const kind = kindOf(dtype);
  if (kind === "bool") return value === 0 ? "false" : "true";
  if (kind === "int") return value === -2147483648 ? "int(0x80000000u)" : `int(${value})`;
  if (kind === "byte") return `${value}u`;
  if (Number.isNaN(value)) return "sc_nan()";
  if (!Number.isFinite(value)) return value < 0 ? "(-sc_inf())" : "sc_inf()";
  return floatText(value);
}

/** A finite float: whole numbers need their point, and minus zero its bits. */
export function floatText(value: number): string {
  if (Object.is(value, -0)) return "uintBitsToFloat(0x80000000u)";
  const rounded = Math.fround(value);
  return Number.isInteger(rounded) && Math.abs(rounded) < 1e21 ? `float(${rounded}.0)` : `float(${rounded})`;
}

/** Dtypes of the numbers that an expression uses, by index, in ascending order. */
export type NumberList = readonly (readonly [index: number, dtype: DType])[];

/** What expressions read: numbers with their dtypes, and inputs, in ascending order. */
export interface Uses {
  /** Numbers with their dtypes. */
  readonly numbers: NumberList;
  /** Indices of inputs. */
  readonly inputs: readonly number[];
}

/** What lists of expressions use, by the first of them. */
const used = new WeakMap<Expr, { readonly roots: readonly Expr[]; readonly uses: Uses }[]>();

/** The numbers and inputs of expressions: of a fused kernel's, one result may need only some. */
export function usesOf(roots: readonly Expr[]): Uses {
  let known = used.get(roots[0]);
  if (known === undefined) used.set(roots[0], (known = []));
  for (const entry of known)
    if (entry.roots.length === roots.length && entry.roots.every((root, i) => root === roots[i])) return entry.uses;
  const uses = findUses(roots);
  known.push({ roots: [...roots], uses });
  return uses;
}

function findUses(roots: readonly Expr[]): Uses {
  const numbers = new Map<number, DType>();
  const inputs = new Set<number>();
  const seen = new Set<Expr>();
  const visit = (expr: Expr): void => {
    if (seen.has(expr)) return;
    seen.add(expr);
    if (expr.kind === "number") numbers.set(expr.index, expr.dtype);
    else if (expr.kind === "input") inputs.add(expr.index);
    else if (expr.kind === "op") expr.args.forEach(visit);
  };
  roots.forEach(visit);
  return { numbers: [...numbers].sort(([x], [y]) => x - y), inputs: [...inputs].sort((x, y) => x - y) };
}

/** Reserves parameters for the numbers that expressions use; returns their texts by index. */
export function numberTexts(text: Text, exprs: readonly Expr[]): Map<number, string> {
  return new Map(usesOf(exprs).numbers.map(([index, dtype]) => [index, numberText(text, dtype)]));
}

function numberText(text: Text, dtype: DType): string {
  const kind = kindOf(dtype);
  if (kind === "float") return text.float();
  const word = text.int();
  if (kind === "bool") return `(${word} != 0)`;
  return kind === "byte" ? `uint(${word})` : word;
}

/** Parameters of a launch, in the making. */
export interface NumberWriter {
  /** Writes the next word. */
  int(value: number): unknown;
  /** Writes the next word as the bits of a float. */
  float(value: number): unknown;
}

/** Writes numbers in the order of {@link numberTexts}. */
export function writeNumbers(params: NumberWriter, exprs: readonly Expr[], numbers: readonly (number | bigint)[]): void {
  for (const [index, dtype] of usesOf(exprs).numbers) {
    if (kindOf(dtype) === "float") params.float(Number(numbers[index]));
    else params.int(Number(numbers[index]));
  }
}
