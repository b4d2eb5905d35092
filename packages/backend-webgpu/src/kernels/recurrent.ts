/**
 * What recurrent layers over a packed batch share.
 *
 * @module
 */
import type { RecurrentAttrs, Spec } from "@sconce/core";
import type { BlockView, Machine } from "../machine.js";
import type { Block } from "../pool.js";
import type { Source } from "../wgsl/source.js";
import { copyInto } from "./copy.js";
import { wholeView } from "./kernel.js";
import { multiply } from "./matmul.js";

/** A step: its first row and how many there are. */
export interface Step {
  readonly first: number;
  readonly count: number;
}

/** The steps in the order in which they run. */
function stepsOf({ batchSizes, reverse }: RecurrentAttrs): readonly Step[] {
  let first = 0;
  const steps = batchSizes.map((count) => {
    const step = { first, count };
    first += count;
    return step;
  });
  return reverse ? steps.reverse() : steps;
}

/** Rows of a matrix. */
function rowsOf(x: BlockView, { first, count }: Step): BlockView {
  return { ...x, shape: [count, x.shape[1]], offset: x.offset + first * x.strides[0] };
}

/** A matrix as it lies in a block of its own. */
export function matrix(block: Block, rows: number, columns: number): BlockView {
  return wholeView(block, { shape: [rows, columns], dtype: "float32" });
}

/** A new block with what a view reads. */
export function stateFrom(machine: Machine, x: BlockView, spec: Spec): Block {
  const block = machine.alloc(spec);
  copyInto(machine, x, { block, strides: [spec.shape[1], 1], offset: 0 });
  return block;
}

/** Weights `[G, H]` as the right factor of a product with states. */
export function turned({ shape, strides, ...w }: BlockView): BlockView {
  return { ...w, shape: [shape[1], shape[0]], strides: [strides[1], strides[0]] };
}

/** Reserves the layout of a matrix; returns the text of the element of row `row` in a column. */
export function elementText(source: Source, name: string): (column: string) => string {
  const [start, down, across] = source.ints(3);
  return (column) => `${name}[${start} + row * ${down} + (${column}) * ${across}]`;
}

/** The kernel of each step: an invocation for each unit of each sequence. */
export interface StepKernel {
  readonly name: string;
  readonly print: () => Source;
  /** What it reads by layouts, which {@link elementText} reserves. */
  readonly matrices: readonly BlockView[];
  /** What it reads, and what it writes. */
  readonly blocks: readonly Block[];
}

function runStep(machine: Machine, { name, print, matrices, blocks }: StepKernel, size: number, { first, count }: Step): void {
  const params = machine.params().int(size).int(first);
  for (const { offset, strides } of matrices) params.int(offset).ints(strides);
  machine.run(machine.program(name, print), blocks, count * size);
}

/** Runs each step: what the states give to the gates by `product`, then the kernel. */
export function runSteps(machine: Machine, size: number, attrs: RecurrentAttrs, product: (step: Step) => void, kernel: StepKernel): void {
  for (const step of stepsOf(attrs)) {
    product(step);
    runStep(machine, kernel, size, step);
  }
}

/** Runs each step back: the kernel, then what the gates `g` give to the states `h` through the weights `w`, added to what is there if `more`. */
export function runStepsBack(
  machine: Machine,
  attrs: RecurrentAttrs,
  kernel: StepKernel,
  g: BlockView,
  w: BlockView,
  h: Block,
  more = false,
): void {
  const size = w.shape[1];
  for (const step of [...stepsOf(attrs)].reverse()) {
    runStep(machine, kernel, size, step);
    multiply(machine, [rowsOf(g, step), w], matrix(h, step.count, size), more);
  }
}

/** What fills `sums` for a step: the gates, and what the states give to them through the weights `w`. */
export function sumsFrom(machine: Machine, gates: BlockView, h: Block, w: BlockView, sums: Block): (step: Step) => void {
  const [width, size] = w.shape;
  return (step) => multiply(machine, [matrix(h, step.count, size), turned(w), rowsOf(gates, step)], matrix(sums, step.count, width));
}

/** Starts a kernel of a step: adds `row` in the batch, unit `j`, and `at`, where these meet; returns the size. */
export function startUnits(source: Source): string {
  const [size, first] = source.ints(2);
  source.add(`let row = ${first} + index / ${size};`, `let j = index % ${size};`, `let at = row * ${size} + j;`);
  return size;
}
