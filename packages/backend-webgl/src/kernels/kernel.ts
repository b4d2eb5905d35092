import { contiguousStrides, type KernelName, type Kernels, type Spec } from "@sconce/core";
import type { BlockView, Machine } from "../machine.js";
import type { Block } from "../textures.js";

/** Runs one kernel: allocates the outputs and launches what fills them, a launch or more for each output. */
export type Kernel<K extends KernelName> = (
  machine: Machine,
  inputs: readonly BlockView[],
  outputs: readonly Spec[],
  attrs: Kernels[K],
) => readonly Block[];

/** A block read in row-major order. */
export function wholeView(block: Block, { shape, dtype }: Spec): BlockView {
  return { block, dtype, shape, strides: contiguousStrides(shape), offset: 0 };
}
