/**
 * Inputs without gaps for kernels that know no strides.
 *
 * @module
 */
import { contiguousStrides, isContiguous, itemSize, type View } from "@sconce/core";
import { type Block, type Machine, pointerOf } from "../../machine.js";
import type { Pointer } from "../../wasm/memory.js";
import { copyRegion, copyView, dense } from "../copy.js";
import { moveLast, rowsAlong } from "../rows.js";

/** Runs `use` with the addresses of the inputs as row-major arrays: copies where they have gaps, freed afterwards. */
export function withDense<T>(machine: Machine, inputs: readonly View[], use: (pointers: readonly Pointer[]) => T): T {
  const copies: Block[] = [];
  try {
    const pointers = inputs.map((x) => {
      if (isContiguous(x.shape, x.strides)) return pointerOf(x);
      const copy = machine.allocate(x);
      copies.push(copy);
      copyView(machine, x, copy);
      return copy.pointer;
    });
    return use(pointers);
  } finally {
    for (const copy of copies) machine.free(copy);
  }
}

/**
 * Runs `use` with inputs of one shape whose rows go along `dim`, and the address for a result that lies likewise; the result is moved to
 * its place in the row-major `block`.
 */
export function withRows(
  machine: Machine,
  inputs: readonly View[],
  dim: number,
  block: Block,
  use: (pointers: readonly Pointer[], target: Pointer) => void,
): void {
  const { shape, dtype } = inputs[0];
  if (dim === shape.length - 1) {
    withDense(machine, inputs, (pointers) => use(pointers, block.pointer));
    return;
  }
  const rows = inputs.map((x) => rowsAlong(x, dim));
  const work = machine.allocate({ shape, dtype });
  try {
    withDense(machine, rows, (pointers) => use(pointers, work.pointer));
    const to = { pointer: block.pointer, strides: moveLast(contiguousStrides(shape), dim) };
    copyRegion(machine, itemSize(dtype), rows[0].shape, dense(work.pointer, rows[0].shape), to);
  } finally {
    machine.free(work);
  }
}
