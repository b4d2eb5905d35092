import type { KernelName, Kernels, Spec, View } from "@sconce/core";
import type { Block, Machine } from "../machine.js";
import type { ReferenceKernel } from "../reference/array.js";

/** Runs a kernel and returns the blocks of its results. */
export type Kernel<K extends KernelName> = (
  machine: Machine,
  inputs: readonly View[],
  outputs: readonly Spec[],
  attrs: Kernels[K],
) => readonly Block[];

/** Fills blocks that are there already. */
export type Fill<K extends KernelName> = (
  machine: Machine,
  inputs: readonly View[],
  outputs: readonly Spec[],
  blocks: readonly Block[],
  attrs: Kernels[K],
) => void;

/** A kernel that fills new blocks; they are freed again if it throws. */
export function intoNew<K extends KernelName>(fill: Fill<K>): Kernel<K> {
  return (machine, inputs, outputs, attrs) => {
    const blocks: Block[] = [];
    try {
      for (let i = 0; i < outputs.length; i++) blocks.push(machine.allocate(outputs[i]));
      fill(machine, inputs, outputs, blocks, attrs);
    } catch (error) {
      for (const block of blocks) machine.free(block);
      throw error;
    }
    return blocks;
  };
}

/** The reference kernel over the memory. */
export function twin<K extends KernelName>(run: ReferenceKernel<K>): Fill<K> {
  return (machine, inputs, outputs, blocks, attrs) => {
    run(
      inputs.map((x) => machine.view(x)),
      outputs.map((spec, i) => machine.output(blocks[i], spec)),
      attrs,
    );
  };
}
