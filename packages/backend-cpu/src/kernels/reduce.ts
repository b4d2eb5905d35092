/**
 * Reductions: all dtypes, expressions and layouts are compiled; a reduction over no elements runs the reference.
 *
 * @module
 */

import { contiguousStrides, type Expr, inputExpr, type Kernels, opExpr, type ReduceOp, type Spec, sizeOf, type View } from "@sconce/core";
import type { StrideClass } from "../elementwise/body.js";
import { INNER_UNIT, PreparedCall } from "../elementwise/call.js";
import { type CompiledKernel, linkKernel } from "../elementwise/emit.js";
import { type Collapsed, collapse, strideClass } from "../elementwise/layout.js";
import { type Plan, planOf } from "../elementwise/plan.js";
import { nanosecondsOf } from "../elementwise/simd.js";
import { BYTES, widthOf } from "../elementwise/unit.js";
import { type Block, type Machine, perMachine, pointerOf } from "../machine.js";
import { Recent } from "../recent.js";
import { emitReduction } from "../reduce/emit.js";
import type { Fill } from "./kernel.js";

/** The kernels of one reduction of one expression, by layout. */
interface Entry {
  readonly plan: Plan;
  readonly op: ReduceOp;
  /** Lanes can be outputs of their own. */
  readonly vectors: boolean;
  readonly variants: Map<number, CompiledKernel>;
  readonly calls: Recent<PreparedCall>;
}

const entriesOf = perMachine<{ [K in ReduceOp]?: Map<Expr, Entry> }>(() => ({}));

function entryOf(machine: Machine, op: ReduceOp, expr: Expr): Entry {
  const entries = (entriesOf(machine)[op] ??= new Map());
  let entry = entries.get(expr);
  if (entry === undefined) {
    const truth = (op === "any" || op === "all") && expr.dtype !== "bool";
    const plan = planOf([truth ? opExpr("cast", "bool", [expr]) : expr]);
    entry = { plan, op, vectors: widthOf(plan) > 1, variants: new Map(), calls: new Recent() };
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

/** Elements from which a reduction to one number is done in parts. */
const LARGE = 1 << 17;
/** Numbers of parts, of which the first that divides a dimension is taken: results must not depend on the number of threads. */
const PARTS = [64, 48, 40, 32, 24, 20, 16, 10, 8, 6, 5, 4, 3, 2];

/** Reduces to one number by way of some, which threads can share. False if the shape cannot be cut evenly. */
function reduceInParts(
  machine: Machine,
  inputs: readonly View[],
  outputs: readonly Spec[],
  blocks: readonly Block[],
  attrs: Kernels["reduce"],
): boolean {
  const { op, shape } = attrs;
  const d = shape.findIndex((n) => n > 1);
  const parts = PARTS.find((n) => shape[d] % n === 0);
  if (parts === undefined) return false;
  const length = shape[d] / parts;
  const cut = (list: readonly number[], outer: number, inner: number): number[] => [
    outer,
    ...list.slice(0, d),
    inner,
    ...list.slice(d + 1),
  ];
  const whole = cut(shape, parts, length);
  const views = inputs.map((x) => ({ ...x, shape: whole, strides: cut(x.strides, length * x.strides[d], x.strides[d]) }));
  const { dtype } = outputs[0];
  const between: Spec = { shape: [parts], dtype };
  const block = machine.allocate(between);
  try {
    reduce(machine, views, [between], [block], { ...attrs, shape: whole, dims: whole.map((_, i) => i).slice(1) });
    const rest: View = { ...between, handle: block, strides: [1], offset: 0 };
    reduce(machine, [rest], outputs, blocks, { op, dims: [0], shape: between.shape, expr: inputExpr(0, dtype), numbers: [] });
  } finally {
    machine.free(block);
  }
  return true;
}

export const reduce: Fill<"reduce"> = (machine, inputs, outputs, blocks, attrs) => {
  const { op, dims, shape, expr, numbers } = attrs;
  if (sizeOf(outputs[0].shape) === 0) return;
  if (sizeOf(shape) === 0) return false;
  // A product may leave the range of float32 on the way.
  if (op !== "prod" && dims.length === shape.length && sizeOf(shape) >= LARGE && reduceInParts(machine, inputs, outputs, blocks, attrs))
    return;
  const entry = entryOf(machine, op, expr);
  const call = entry.calls.find(inputs, shape, dims) ?? entry.calls.add(prepare(machine, entry, shape, dims, inputs), inputs, shape, dims);
  call.run(machine, (o) => (o < inputs.length ? pointerOf(inputs[o]) : blocks[0].pointer), numbers);
};

function prepare(machine: Machine, entry: Entry, shape: readonly number[], dims: readonly number[], inputs: readonly View[]): PreparedCall {
  const collapsed = collapse(shape, [...inputs.map((x) => x.strides), outputStrides(shape, dims)]);
  const loops = loopsOf(collapsed, entry.vectors);
  const { order } = loops;
  const inner = order[order.length - 1];
  const classes = inputs.map((_, i): StrideClass => strideClass(collapsed.strides[i][inner]));
  const layout = classes.reduce<number>((sum, c) => sum * 3 + c, loops.form === "rows" ? 1 : 2);
  const code = (layout * 64 + loops.kept) * 64 + loops.reduced;
  let kernel = entry.variants.get(code);
  if (kernel === undefined) {
    kernel = linkKernel(emitReduction({ ...entry, classes, ...loops }, machine.options), machine.heap.memory);
    entry.variants.set(code, kernel);
  }
  const bytes = [...inputs.map((x) => BYTES[x.dtype]), BYTES[entry.plan.roots[0].dtype]];
  const sizes = order.map((d) => collapsed.sizes[d]);
  const strides = collapsed.strides.map((list, i) => order.map((d) => list[d] * bytes[i]));
  const nanoseconds = sizeOf(sizes) * nanosecondsOf(entry.plan);
  return new PreparedCall(kernel, sizes, strides, entry.plan.numbers, { ...cutOf(loops, sizes), nanoseconds });
}

/** The dimension that threads share: the largest of the kept ones, whose outputs do not depend on each other. */
function cutOf({ kept, form }: Loops, sizes: readonly number[]): { readonly dim: number; readonly unit: number } {
  const last = sizes.length - 1;
  const outer = sizes.slice(0, form === "columns" ? kept - 1 : kept);
  const dim = outer.indexOf(Math.max(...outer));
  if (form === "columns" && (dim < 0 || sizes[last] > INNER_UNIT * outer[dim])) return { dim: last, unit: INNER_UNIT };
  return { dim, unit: 1 };
}

/** Strides of a row-major output for each input dimension, 0 where it is reduced. */
function outputStrides(shape: readonly number[], dims: readonly number[]): number[] {
  const dense = contiguousStrides(shape.map((n, d) => (dims.includes(d) ? 1 : n)));
  return dense.map((s, d) => (dims.includes(d) ? 0 : s));
}
