/**
 * Reductions: all dtypes, expressions and layouts are compiled; a reduction over no elements runs the reference.
 *
 * @module
 */
import { contiguousStrides, type Expr, opExpr, type ReduceOp, type Spec, sizeOf, type View } from "@sconce/core";
import { ArgumentWriter } from "../elementwise/arguments.js";
import type { StrideClass } from "../elementwise/body.js";
import { type CompiledKernel, linkKernel } from "../elementwise/emit.js";
import { type Collapsed, collapse, strideClass } from "../elementwise/layout.js";
import { type Plan, planOf } from "../elementwise/plan.js";
import { BYTES, widthOf } from "../elementwise/unit.js";
import { type Machine, perMachine, pointerOf } from "../machine.js";
import { emitReduction } from "../reduce/emit.js";
import { type Fill, twin } from "./kernel.js";

/** The kernels of one reduction of one expression, by layout. */
interface Entry {
  readonly plan: Plan;
  readonly op: ReduceOp;
  /** Lanes can be outputs of their own. */
  readonly vectors: boolean;
  readonly variants: Map<number, CompiledKernel>;
}

type Entries = { readonly [K in ReduceOp]: Map<Expr, Entry> };

const entriesOf = perMachine<Entries>(() => ({
  sum: new Map(),
  prod: new Map(),
  max: new Map(),
  min: new Map(),
  any: new Map(),
  all: new Map(),
}));
const writerOf = perMachine((machine) => new ArgumentWriter(machine));

function entryOf(machine: Machine, op: ReduceOp, expr: Expr): Entry {
  const entries = entriesOf(machine)[op];
  let entry = entries.get(expr);
  if (entry === undefined) {
    const truth = (op === "any" || op === "all") && expr.dtype !== "bool";
    const plan = planOf([truth ? opExpr("cast", "bool", [expr]) : expr]);
    entry = { plan, op, vectors: widthOf(plan) > 1, variants: new Map() };
    entries.set(expr, entry);
  }
  return entry;
}

/** Merged dimensions in the order of a kernel's loops. */
interface Loops {
  readonly order: readonly number[];
  readonly kept: number;
  readonly reduced: number;
  readonly form: "rows" | "columns";
}

/** Orders the dimensions; the last list of strides is that of the output, 0 where a dimension is reduced. */
function loopsOf({ sizes, strides }: Collapsed, vectors: boolean): Loops {
  const output = strides[strides.length - 1];
  const inputs = strides.slice(0, -1);
  const kept: number[] = [];
  const reduced: number[] = [];
  for (let d = 0; d < sizes.length; d++) (output[d] === 0 && sizes[d] !== 1 ? reduced : kept).push(d);
  if (reduced.length === 0) {
    // Nothing to combine: a reduced dimension of one element.
    sizes.push(1);
    for (const list of strides) list.push(0);
    reduced.push(sizes.length - 1);
  }
  const [lastKept, lastReduced] = [kept.at(-1) ?? -1, reduced[reduced.length - 1]];
  const adjacent = (d: number): boolean => d >= 0 && inputs.some((s) => s[d] === 1) && inputs.every((s) => s[d] === 1 || s[d] === 0);
  const columns =
    vectors && lastKept >= 0 && (lastKept > lastReduced ? !adjacent(lastReduced) : adjacent(lastKept) && !adjacent(lastReduced));
  if (columns) kept.pop();
  const order = columns ? [...kept, ...reduced, lastKept] : [...kept, ...reduced];
  return { order, kept: kept.length + (columns ? 1 : 0), reduced: reduced.length, form: columns ? "columns" : "rows" };
}

const general = twin("reduce");

export const reduce: Fill<"reduce"> = (machine, inputs, outputs, blocks, attrs) => {
  const { op, dims, shape, expr, numbers } = attrs;
  const count = sizeOf(outputs[0].shape);
  if (count === 0) return;
  if (sizeOf(shape) === 0) {
    general(machine, inputs, outputs, blocks, attrs);
    return;
  }
  const entry = entryOf(machine, op, expr);
  const collapsed = collapse(shape, [...inputs.map((x) => x.strides), outputStrides(shape, dims)]);
  const loops = loopsOf(collapsed, entry.vectors);
  const inner = loops.order[loops.order.length - 1];
  let code = loops.form === "rows" ? 0 : 1;
  for (let i = 0; i < inputs.length; i++) code = code * 3 + strideClass(collapsed.strides[i][inner]);
  code = (code * 64 + loops.kept) * 64 + loops.reduced;
  let kernel = entry.variants.get(code);
  if (kernel === undefined) {
    const classes = inputs.map((_, i): StrideClass => strideClass(collapsed.strides[i][inner]));
    kernel = linkKernel(emitReduction({ ...entry, classes, ...loops }, machine.options), machine.heap.memory);
    entry.variants.set(code, kernel);
  }
  const writer = writerOf(machine);
  writeArguments(writer, collapsed, loops.order, inputs, blocks[0].pointer, outputs[0]);
  if (numbers.length > 0) writer.numbers(numbers, entry.plan.numbers, loops.order.length, inputs.length + 1);
  kernel(machine.args);
};

/** Strides of a row-major output for each input dimension, 0 where it is reduced. */
function outputStrides(shape: readonly number[], dims: readonly number[]): number[] {
  const dense = contiguousStrides(shape.map((n, d) => (dims.includes(d) ? 1 : n)));
  return dense.map((s, d) => (dims.includes(d) ? 0 : s));
}

function writeArguments(
  writer: ArgumentWriter,
  { sizes, strides }: Collapsed,
  order: readonly number[],
  inputs: readonly View[],
  output: number,
  spec: Spec,
): void {
  writer.begin();
  for (const d of order) writer.word(sizes[d]);
  strides.forEach((list, i) => {
    const input = i < inputs.length ? inputs[i] : undefined;
    const bytes = BYTES[(input ?? spec).dtype];
    writer.word(input === undefined ? output : pointerOf(input));
    for (const d of order) writer.word(list[d] * bytes);
  });
}
