import type { KernelName, Kernels, Spec, View } from "@sconce/core";
import { type Block, type Machine, perMachine } from "../machine.js";
import { Recent } from "../recent.js";
import type { ReferenceKernel } from "../reference/array.js";

/** Runs a kernel and returns the blocks of its results. */
export type Kernel<K extends KernelName> = (
  machine: Machine,
  inputs: readonly View[],
  outputs: readonly Spec[],
  attrs: Kernels[K],
) => readonly Block[];

/** Fills blocks that are there already. False leaves that to the reference kernel. */
export type Fill<K extends KernelName> = (
  machine: Machine,
  inputs: readonly View[],
  outputs: readonly Spec[],
  blocks: readonly Block[],
  attrs: Kernels[K],
) => unknown;

/** A kernel that fills new blocks; they are freed again if it throws. */
export function intoNew<K extends KernelName>(fill: Fill<K>): Kernel<K> {
  return (machine, inputs, outputs, attrs) => {
    const blocks = new Array<Block>(outputs.length);
    try {
      for (let i = 0; i < outputs.length; i++) blocks[i] = machine.allocate(outputs[i]);
      fill(machine, inputs, outputs, blocks, attrs);
    } catch (error) {
      // Without those that could not be allocated.
      blocks.forEach((block) => machine.free(block));
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

/** A kernel for one layout of its inputs: its calls differ in addresses alone. */
export type Plan = (inputs: readonly View[], blocks: readonly Block[]) => void;

/** Makes the plan for inputs that lie like these; null leaves them to the reference kernel. */
export type Planner<K extends KernelName> = (
  machine: Machine,
  inputs: readonly View[],
  outputs: readonly Spec[],
  attrs: Kernels[K],
) => Plan | null;

/** A kernel that is planned once for each layout of its inputs. */
export function planned<K extends KernelName>(make: Planner<K>): Fill<K> {
  const recentOf = perMachine(() => new Recent<Plan | null>());
  return (machine, inputs, outputs, blocks, attrs) => {
    const recent = recentOf(machine);
    const { shape } = outputs[0];
    let plan = recent.find(inputs, shape, attrs);
    if (plan === undefined) plan = recent.add(make(machine, inputs, outputs, attrs), inputs, shape, attrs);
    if (plan === null) return false;
    return plan(inputs, blocks);
  };
}
