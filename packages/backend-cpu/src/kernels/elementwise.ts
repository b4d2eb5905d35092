/**
 * Elementwise kernels. All dtypes, ops and layouts are compiled; ops without an instruction or an approximation of their own call the
 * reference function element by element from within the kernel.
 *
 * @module
 */
import { contiguousStrides, type Expr, sizeOf, type View } from "@sconce/core";
import type { StrideClass } from "../elementwise/body.js";
import { INNER_UNIT, PreparedCall, writeNumbers } from "../elementwise/call.js";
import { type CompiledKernel, emitElementwise, linkKernel } from "../elementwise/emit.js";
import { allContiguous, collapse, strideClass } from "../elementwise/layout.js";
import { type Plan, planOf } from "../elementwise/plan.js";
import { nanosecondsOf } from "../elementwise/simd.js";
import { BYTES } from "../elementwise/unit.js";
import { type Block, blockOf, type Machine, perMachine, pointerOf } from "../machine.js";
import { Recent } from "../recent.js";
import { runParts } from "./elementwise-parts.js";
import { type Fill, intoNew, type Kernel } from "./kernel.js";

/** The kernels of one list of expressions, by the inputs' stride classes and the number of dimensions. */
interface Entry {
  readonly plan: Plan;
  /** Of an element. */
  readonly nanoseconds: number;
  readonly variants: Map<number, CompiledKernel>;
  readonly calls: Recent<PreparedCall>;
  /** Entries of longer lists that start with this one. */
  readonly longer: Map<Expr, Entry>;
}

/** Elements from which a call may be worth sharing. */
const LARGE = 8192;
/** The variant for inputs without gaps. */
const CONTIGUOUS = 0;

const entriesOf = perMachine(() => new Map<Expr, Entry>());

function entryOf(machine: Machine, exprs: readonly Expr[]): Entry {
  let level = entriesOf(machine);
  let found: Entry | undefined;
  for (let i = 0; i < exprs.length; i++) {
    found = level.get(exprs[i]);
    if (found === undefined) {
      const plan = planOf(exprs.slice(0, i + 1));
      found = { plan, nanoseconds: nanosecondsOf(plan), variants: new Map(), calls: new Recent(), longer: new Map() };
      level.set(exprs[i], found);
    }
    level = found.longer;
  }
  return found as Entry;
}

/** Compiles the kernel for inputs of the given classes. `code` is a number that tells them apart. */
function compile(
  { heap, options }: Machine,
  { plan, variants }: Entry,
  code: number,
  classes: readonly StrideClass[],
  dims: number,
): CompiledKernel {
  const kernel = linkKernel(emitElementwise(plan, classes, dims, options), heap.memory);
  variants.set(code, kernel);
  return kernel;
}

/** The kernel for so many inputs without gaps. */
const contiguousOf = (machine: Machine, entry: Entry, inputs: number): CompiledKernel =>
  entry.variants.get(CONTIGUOUS) ?? compile(machine, entry, CONTIGUOUS, new Array<StrideClass>(inputs).fill(1), 1);

export const elementwise: Kernel<"elementwise"> = (machine, inputs, outputs, attrs) => {
  if (attrs.overwrite !== true) return intoBlocks(machine, inputs, outputs, attrs);
  const blocks = outputs.map((_, i) => blockOf(inputs[i]));
  fill(machine, inputs, outputs, blocks, attrs);
  return blocks;
};

export const fill: Fill<"elementwise"> = (machine, inputs, outputs, blocks, { exprs, numbers, parts = 1 }) => {
  const { shape } = outputs[0];
  const size = sizeOf(shape);
  if (size === 0 && parts === 1) return;
  const entry = entryOf(machine, exprs);
  if (parts > 1) {
    const kernel = contiguousOf(machine, entry, inputs.length / parts);
    runParts(machine, kernel, entry, inputs, outputs, blocks, numbers, parts);
  } else if (size < LARGE && allContiguous(inputs)) runContiguous(machine, entry, size, inputs, blocks, numbers);
  else {
    const call = entry.calls.find(inputs, shape) ?? entry.calls.add(prepare(machine, entry, shape, inputs), inputs, shape);
    call.run(machine, (o) => (o < inputs.length ? pointerOf(inputs[o]) : blocks[o - inputs.length].pointer), numbers);
  }
};

const intoBlocks = intoNew(fill);

/** Inputs without gaps are one dimension: written straight into the argument block. */
function runContiguous(
  machine: Machine,
  entry: Entry,
  size: number,
  inputs: readonly View[],
  blocks: readonly Block[],
  numbers: readonly (number | bigint)[],
): void {
  const kernel = contiguousOf(machine, entry, inputs.length);
  const { i32 } = machine.heap;
  let at = machine.args / 4;
  i32[at++] = size;
  // Strides of one dimension are never read.
  for (let i = 0; i < inputs.length; i++, at += 2) i32[at] = pointerOf(inputs[i]);
  for (let i = 0; i < blocks.length; i++, at += 2) i32[at] = blocks[i].pointer;
  if (numbers.length > 0) writeNumbers(machine.heap, machine.args, numbers, entry.plan.numbers, 1, inputs.length + blocks.length);
  kernel(machine.args);
}

function prepare(machine: Machine, entry: Entry, shape: readonly number[], inputs: readonly View[]): PreparedCall {
  const { sizes, strides } = collapse(
    shape,
    inputs.map((x) => x.strides),
  );
  const dims = sizes.length;
  const classes = strides.map((list) => strideClass(list[dims - 1]));
  const contiguous = dims === 1 && classes.every((c) => c === 1);
  const code = contiguous ? CONTIGUOUS : classes.reduce<number>((sum, c) => sum * 3 + c, 0) * 64 + dims;
  const kernel = entry.variants.get(code) ?? compile(machine, entry, code, classes, dims);
  const dense = contiguousStrides(sizes);
  const bytes = [
    ...inputs.map((x, i) => strides[i].map((s) => s * BYTES[x.dtype])),
    ...entry.plan.roots.map(({ dtype }) => dense.map((s) => s * BYTES[dtype])),
  ];
  const dim = sizes.indexOf(Math.max(...sizes));
  const nanoseconds = sizeOf(sizes) * entry.nanoseconds;
  return new PreparedCall(kernel, sizes, bytes, entry.plan.numbers, { dim, unit: dim === dims - 1 ? INNER_UNIT : 1, nanoseconds });
}
