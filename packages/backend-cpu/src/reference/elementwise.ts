/**
 * Elementwise expressions on typed arrays: a list of steps over registers, each a tile of elements of the step's dtype.
 *
 * @module
 */
import { type DType, type Expr, fromHalfBits, isHalf, numberArray, sizeOf, toHalfBits } from "@sconce/core";
import { type ArrayView, type Elements, elementsOf, type ReferenceKernel, readRange } from "./array.js";
import { castOf, type Scalar, scalarOf } from "./scalar.js";

const TILE = 1024;

interface Step {
  readonly fn: Scalar;
  readonly out: number;
  readonly args: readonly number[];
}

/** An expression in evaluation order; a shared part is evaluated once. */
interface Program {
  readonly dtypes: readonly DType[];
  readonly leaves: readonly { readonly register: number; readonly expr: Expr }[];
  readonly steps: readonly Step[];
  readonly root: number;
}

const programs = new WeakMap<Expr, Program>();

function compile(root: Expr): Program {
  const dtypes: DType[] = [];
  const leaves: { register: number; expr: Expr }[] = [];
  const steps: Step[] = [];
  const registers = new Map<Expr, number>();
  const visit = (expr: Expr): number => {
    const known = registers.get(expr);
    if (known !== undefined) return known;
    const args = expr.kind === "op" ? expr.args.map(visit) : [];
    const register = dtypes.push(expr.dtype) - 1;
    registers.set(expr, register);
    if (expr.kind === "op") steps.push({ fn: functionOf(expr), out: register, args });
    else leaves.push({ register, expr });
    return register;
  };
  return { root: visit(root), dtypes, leaves, steps };
}

function functionOf(expr: Expr & { readonly kind: "op" }): Scalar {
  if (expr.op === "cast") return castOf(expr.args[0].dtype, expr.dtype);
  return scalarOf(expr.op, expr.args[expr.args.length - 1].dtype);
}

function runStep({ fn, args }: Step, out: Elements, registers: readonly Elements[], count: number): void {
  const x = registers[args[0]];
  const y = registers[args.length > 1 ? args[1] : args[0]];
  const z = registers[args.length > 2 ? args[2] : args[0]];
  for (let i = 0; i < count; i++) out[i] = fn(x[i], y[i], z[i]);
}

/** Evaluates an expression at every index of `shape` into `out`. */
export function evaluateExpr(
  expr: Expr,
  shape: readonly number[],
  inputs: readonly ArrayView[],
  numbers: readonly (number | bigint)[],
  out: Elements,
): void {
  let program = programs.get(expr);
  if (program === undefined) programs.set(expr, (program = compile(expr)));
  const { dtype: root } = expr;
  const size = sizeOf(shape);
  const tile = Math.min(size, TILE);
  const registers = program.dtypes.map((dtype) => elementsOf(numberArray(dtype, tile)));
  for (const { register, expr: leaf } of program.leaves) {
    if (leaf.kind === "number") registers[register].fill(numbers[leaf.index] as number);
    else if (leaf.kind === "literal") registers[register].fill(literalElement(leaf.value, leaf.dtype));
  }
  for (let start = 0; start < size; start += tile) {
    const count = Math.min(tile, size - start);
    for (const { register, expr: leaf } of program.leaves) {
      if (leaf.kind !== "input") continue;
      const { dtype } = leaf;
      readRange(inputs[leaf.index], start, count, registers[register]);
      if (isHalf(dtype)) convert(registers[register], count, (bits) => fromHalfBits(bits, dtype));
    }
    for (const step of program.steps) runStep(step, registers[step.out], registers, count);
    if (isHalf(root)) convert(registers[program.root], count, (x) => toHalfBits(x, root));
    out.set(registers[program.root].subarray(0, count), start);
  }
}

/** Registers of float16 and bfloat16 hold numbers, memory holds bits. */
function convert(register: Elements, count: number, fn: (x: number) => number): void {
  for (let i = 0; i < count; i++) register[i] = fn(register[i]);
}

function literalElement(value: number, dtype: DType): number {
  return dtype === "int64" ? (BigInt(value) as unknown as number) : value;
}

export const elementwise: ReferenceKernel<"elementwise"> = (inputs, outputs, { exprs, numbers }) => {
  exprs.forEach((expr, i) => evaluateExpr(expr, outputs[i].shape, inputs, numbers, outputs[i].data));
};
