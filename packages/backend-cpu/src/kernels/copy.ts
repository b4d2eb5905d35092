/**
 * Copies between layouts: the elementwise kernel of `cast` to the same dtype, also into regions of another tensor. Elements are moved as
 * integers of their size.
 *
 * @module
 */
import { type DType, inputExpr, isContiguous, itemSize, opExpr, sizeOf, type View } from "@sconce/core";
import { INNER_UNIT, PreparedCall } from "../elementwise/call.js";
import { type CompiledKernel, emitElementwise, linkKernel } from "../elementwise/emit.js";
import { collapse, strideClass } from "../elementwise/layout.js";
import { planOf } from "../elementwise/plan.js";
import { type Block, type Machine, perMachine, pointerOf } from "../machine.js";
import { WORTH } from "../threads/pool.js";
import type { Pointer } from "../wasm/memory.js";
import type { Plan } from "./kernel.js";

/** Where the elements of a region lie: the address of the first, and strides in elements. */
export interface Region {
  readonly pointer: Pointer;
  readonly strides: readonly number[];
}

const MOVED_AS: { readonly [bytes: number]: DType } = { 1: "uint8", 2: "int16", 4: "int32", 8: "int64" };

/** For the choice of threads alone. */
const NANOSECONDS_PER_ELEMENT = 0.3;

const kernelsOf = perMachine(() => new Map<number, CompiledKernel>());

/** Copies `shape` elements of `bytes` each from one region to another that does not overlap it. */
export function copyRegion(machine: Machine, bytes: number, shape: readonly number[], from: Region, to: Region): void {
  if (sizeOf(shape) === 0) return;
  const { sizes, strides } = collapse(shape, [from.strides, to.strides]);
  const dims = sizes.length;
  const [source, target] = strides.map((list) => strideClass(list[dims - 1]));
  const code = ((dims * 16 + bytes) * 3 + source) * 3 + target;
  const kernels = kernelsOf(machine);
  let kernel = kernels.get(code);
  if (kernel === undefined) {
    const dtype = MOVED_AS[bytes];
    const plan = planOf([opExpr("cast", dtype, [inputExpr(0, dtype)])]);
    kernel = linkKernel(emitElementwise(plan, [source], dims, machine.options, target !== 1), machine.heap.memory);
    kernels.set(code, kernel);
  }
  const nanoseconds = sizeOf(sizes) * NANOSECONDS_PER_ELEMENT;
  if (nanoseconds >= WORTH) {
    const dim = sizes.indexOf(Math.max(...sizes));
    const byteStrides = strides.map((list) => list.map((s) => s * bytes));
    const call = new PreparedCall(kernel, sizes, byteStrides, [], { dim, unit: dim === dims - 1 ? INNER_UNIT : 1, nanoseconds });
    call.run(machine, (operand) => (operand === 0 ? from : to).pointer, []);
    return;
  }
  const { i32 } = machine.heap;
  let at = machine.args / 4;
  for (const size of sizes) i32[at++] = size;
  for (let operand = 0; operand < 2; operand++) {
    i32[at++] = (operand === 0 ? from : to).pointer;
    for (const stride of strides[operand]) i32[at++] = stride * bytes;
  }
  kernel(machine.args);
}

/** Copies a view into a row-major block of its shape. */
export function copyView(machine: Machine, x: View, block: Block): void {
  copyRegion(machine, itemSize(x.dtype), x.shape, { pointer: pointerOf(x), strides: x.strides }, dense(block.pointer, x.shape));
}

/** A row-major region. */
export function dense(pointer: Pointer, shape: readonly number[]): Region {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    strides[d] = step;
    step *= shape[d];
  }
  return { pointer, strides };
}

const isDense = ({ shape, strides }: View): boolean => isContiguous(shape, strides);

/** Runs `use` with the addresses of the inputs as row-major arrays: copies where they have gaps, freed afterwards. */
export function withDense(machine: Machine, inputs: readonly View[], use: (pointers: readonly Pointer[]) => void): void {
  if (inputs.every(isDense)) {
    use(inputs.map(pointerOf));
    return;
  }
  const copies: Block[] = [];
  try {
    const pointers = inputs.map((x) => {
      if (isDense(x)) return pointerOf(x);
      const copy = machine.allocate(x);
      copies.push(copy);
      copyView(machine, x, copy);
      return copy.pointer;
    });
    use(pointers);
  } finally {
    for (const copy of copies) machine.free(copy);
  }
}

/** As {@link withDense} for views that lie like these: `use` gets the addresses, which it must not keep, and the blocks of the results. */
export function planDense(
  machine: Machine,
  inputs: readonly View[],
  use: (pointers: readonly Pointer[], blocks: readonly Block[]) => void,
): Plan {
  if (!inputs.every(isDense)) return (views, blocks) => withDense(machine, views, (pointers) => use(pointers, blocks));
  const pointers = inputs.map(() => 0);
  return (views, blocks) => {
    for (let i = 0; i < pointers.length; i++) pointers[i] = pointerOf(views[i]);
    use(pointers, blocks);
  };
}
