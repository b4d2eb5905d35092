/**
 * Kernels that move whole regions: concatenation and replaced slices. All dtypes and layouts are compiled.
 *
 * @module
 */
import { contiguousStrides, itemSize } from "@sconce/core";
import { type Block, blockOf, pointerOf } from "../machine.js";
import { copyRegion, copyView } from "./copy.js";
import type { Fill, Kernel } from "./kernel.js";

export const concat: Fill<"concat"> = (machine, inputs, [{ shape, dtype }], [block], { dim }) => {
  const bytes = itemSize(dtype);
  const strides = contiguousStrides(shape);
  let { pointer } = block;
  for (const x of inputs) {
    copyRegion(machine, bytes, x.shape, { pointer: pointerOf(x), strides: x.strides }, { pointer, strides });
    pointer += x.shape[dim] * strides[dim] * bytes;
  }
};

/** Base with a region replaced, in a block of its own. */
export const fillSlice: Fill<"updateSlice"> = (machine, [base, source], _, [block], { strides, offset }) => {
  const bytes = itemSize(base.dtype);
  copyView(machine, base, block);
  const to = { pointer: block.pointer + offset * bytes, strides };
  copyRegion(machine, bytes, source.shape, { pointer: pointerOf(source), strides: source.strides }, to);
};

export const updateSlice: Kernel<"updateSlice"> = (machine, [base, source], [output], { strides, offset, reuse }) => {
  let block: Block = blockOf(base);
  if (!reuse) {
    block = machine.allocate(output);
    copyView(machine, base, block);
  }
  const bytes = itemSize(base.dtype);
  const to = { pointer: block.pointer + offset * bytes, strides };
  if (reuse && blockOf(source) === block) {
    // A source within the written tensor is read before the first write.
    const copy = machine.allocate(source);
    copyView(machine, source, copy);
    copyRegion(machine, bytes, source.shape, { pointer: copy.pointer, strides: contiguousStrides(source.shape) }, to);
    machine.free(copy);
  } else copyRegion(machine, bytes, source.shape, { pointer: pointerOf(source), strides: source.strides }, to);
  return [block];
};
