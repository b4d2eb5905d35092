/**
 * One expression over many lists of operands, as an optimizer has them: a call of the kernel for each part, threads share their elements.
 *
 * @module
 */
import { type Spec, sizeOf, type View } from "@sconce/core";
import { INNER_UNIT, writeNumbers } from "../elementwise/call.js";
import type { CompiledKernel } from "../elementwise/emit.js";
import { numbersOffset } from "../elementwise/nest.js";
import type { Plan } from "../elementwise/plan.js";
import { BYTES } from "../elementwise/unit.js";
import { ARGUMENT_BYTES, type Block, type Machine, pointerOf } from "../machine.js";
import { codeOf } from "../wasm/asm.js";
import type { Pointer } from "../wasm/memory.js";

/**
 * Runs the kernel of contiguous operands, which takes so many nanoseconds for an element, on each part. Operand `i` of part `j` is number
 * `i * parts + j` of the inputs, then of the outputs.
 */
export function runParts(
  machine: Machine,
  kernel: CompiledKernel,
  { plan, nanoseconds }: { readonly plan: Plan; readonly nanoseconds: number },
  inputs: readonly View[],
  outputs: readonly Spec[],
  blocks: readonly Block[],
  numbers: readonly (number | bigint)[],
  parts: number,
): void {
  const { heap, pool } = machine;
  const operands = (inputs.length + blocks.length) / parts;
  const sizes: number[] = [];
  let total = 0;
  for (let part = 0; part < parts; part++) {
    sizes.push(sizeOf(outputs[part].shape));
    total += sizes[part];
  }
  const write = (args: Pointer, part: number, first: number, end: number): void => {
    const { i32 } = heap;
    let at = args / 4;
    i32[at++] = end - first;
    // Strides of one dimension are never read.
    for (let k = part; k < inputs.length; k += parts, at += 2) i32[at] = pointerOf(inputs[k]) + first * BYTES[inputs[k].dtype];
    for (let k = part; k < blocks.length; k += parts, at += 2) i32[at] = blocks[k].pointer + first * BYTES[outputs[k].dtype];
    if (numbers.length > 0) writeNumbers(heap, args, numbers, plan.numbers, 1, operands);
  };
  const shares = pool.parts(total * nanoseconds, Math.ceil(total / INNER_UNIT));
  if (shares === 1 || codeOf(kernel) === undefined) {
    for (let part = 0; part < parts; part++) {
      if (sizes[part] === 0) continue;
      write(machine.args, part, 0, sizes[part]);
      kernel(machine.args);
    }
    return;
  }
  const room = numbersOffset(1, operands) + 8 * numbers.length;
  let args = machine.partArgs(Math.ceil(((parts + shares) * room) / ARGUMENT_BYTES));
  for (let share = 0; share < shares; share++) {
    pool.part();
    eachPiece(sizes, (share * total) / shares, ((share + 1) * total) / shares, (part, first, end) => {
      write(args, part, first, end);
      pool.call(kernel, 0, [args]);
      args += room;
    });
  }
  pool.run();
}

/** Calls `body` with what lies between two positions of lists one after the other. Cuts fall on whole cache lines of a list. */
function eachPiece(sizes: readonly number[], from: number, to: number, body: (part: number, first: number, end: number) => void): void {
  let start = 0;
  for (const [part, size] of sizes.entries()) {
    const cut = (position: number): number => Math.min(size, Math.max(0, Math.ceil((position - start) / INNER_UNIT) * INNER_UNIT));
    const [first, end] = [cut(from), cut(to)];
    if (first < end) body(part, first, end);
    start += size;
  }
}
