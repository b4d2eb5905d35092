/**
 * Tensors beyond the limit of the WebAssembly memory live in typed arrays, which the garbage collector frees even within a synchronous loop
 * that never ends a scope. Kernels work on copies in the memory.
 *
 * @module
 */
import {
  type CollectedHandle,
  type DType,
  type Handle,
  hostArray,
  itemSize,
  type Spec,
  sizeOf,
  type TypedArray,
  type View,
} from "@sconce/core";
import type { Block, Machine } from "./machine.js";
import { elementsOf } from "./reference/array.js";

/** A tensor outside of the WebAssembly memory. */
export interface OverflowHandle extends CollectedHandle {
  readonly array: TypedArray;
}

/** True for a tensor outside of the WebAssembly memory. */
export function isOverflow(handle: Handle): handle is OverflowHandle {
  return (handle as Partial<OverflowHandle>).array !== undefined;
}

let warned = false;

/** A handle outside of the memory. Says once per process that this happens. */
export function overflowHandle(array: TypedArray, limit: number): OverflowHandle {
  if (!warned) {
    warned = true;
    console.warn(
      `@sconce/backend-cpu: tensors hold more than ${Math.round(limit / 2 ** 20)} MiB; further ones live in garbage-collected memory, which ` +
        "is slower. Free tensors with scope(), dispose() or an await within the loop.",
    );
  }
  return { collected: true, array };
}

/** Copies an array into a new block. */
export function enter(machine: Machine, array: TypedArray, dtype: DType): Block {
  const block = machine.allocate({ shape: [array.length], dtype });
  elementsOf(machine.elements(dtype)).set(elementsOf(array), block.pointer / itemSize(dtype));
  return block;
}

/** Copies the first `length` elements of a block to a new array. */
export function leave(machine: Machine, block: Block, dtype: DType, length: number): TypedArray {
  if (length === 0) return hostArray(dtype, 0);
  const start = block.pointer / itemSize(dtype);
  return machine.elements(dtype).slice(start, start + length);
}

/** The inputs with those outside of the memory copied into it, and the blocks of these copies. */
export function enterAll(
  machine: Machine,
  inputs: readonly View[],
): { readonly views: readonly View[]; readonly copies: readonly Block[] } {
  const copies = new Map<Handle, Block>();
  const views = inputs.map((view) => {
    const { handle, dtype } = view;
    if (!isOverflow(handle)) return view;
    let block = copies.get(handle);
    if (block === undefined) copies.set(handle, (block = enter(machine, handle.array, dtype)));
    return { ...view, handle: block };
  });
  return { views, copies: [...copies.values()] };
}

/** Moves results out of the memory. */
export function leaveAll(machine: Machine, blocks: readonly Block[], outputs: readonly Spec[], limit: number): OverflowHandle[] {
  return blocks.map((block, i) => {
    const array = leave(machine, block, outputs[i].dtype, sizeOf(outputs[i].shape));
    machine.free(block);
    return overflowHandle(array, limit);
  });
}
