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

/** Makes the plan for inputs that lie like these. */
export type Planner<K extends KernelName, P = Plan> = (
  machine: Machine,
  inputs: readonly View[],
  outputs: readonly Spec[],
  attrs: Kernels[K],
) => P;

/** A planner that leaves what it has no plan for to the reference kernel. */
export function orReference<K extends KernelName>(make: Planner<K, Plan | undefined>, run: ReferenceKernel<K>): Planner<K> {
  const general = twin(run);
  return (machine, inputs, outputs, attrs) =>
    make(machine, inputs, outputs, attrs) ?? ((views, blocks) => general(machine, views, outputs, blocks, attrs));
}

/** A kernel that is planned once for each layout of its inputs. */
export function planned<K extends KernelName>(make: Planner<K>): Fill<K> {
  const recentOf = perMachine(() => new Recent<Plan>());
  return (machine, inputs, outputs, blocks, attrs) => {
    const recent = recentOf(machine);
    const { shape } = outputs[0];
    const plan = recent.find(inputs, shape, attrs) ?? recent.add(make(machine, inputs, outputs, attrs), inputs, shape, attrs);
    plan(inputs, blocks);
  };
}
