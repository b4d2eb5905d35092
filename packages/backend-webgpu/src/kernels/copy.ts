import { contiguousStrides, sizeOf } from "@sconce/core";
import { collapse, coordinates, dot } from "@sconce/core/shader";
import type { BlockView, Machine } from "../machine.js";
import type { Block } from "../pool.js";
import { Source } from "../wgsl/source.js";
import { type Kernel, WORKGROUP } from "./kernel.js";

/** Where a copy goes: strides over the shape of what is copied. */
interface Target {
  readonly block: Block;
  readonly strides: readonly number[];
  readonly offset: number;
}

function printCopy(rank: number, type: string): Source {
  const source = new Source(WORKGROUP);
  const [from, to] = [source.read(type), source.write(type)];
  source.add(...coordinates(source, rank, "index"));
  const [start, at] = [source.int(), dot(source, rank)];
  source.add(`let word = ${from}[${start} + ${at}];`);
  source.add(`${to}[${source.int()} + ${dot(source, rank)}] = word;`);
  return source;
}

/** Copies the elements of a view, whatever their dtype, into a region of a block. */
export function copyInto(machine: Machine, x: BlockView, target: Target): void {
  const { shape, strides } = collapse(x.shape, [x.strides, target.strides]);
  const type = x.dtype === "float16" ? "f16" : "u32";
  const program = machine.program(`copy ${type} ${shape.length}`, () => printCopy(shape.length, type));
  const params = machine.params();
  params.ints(shape.slice(1)).int(x.offset).ints(strides[0]).int(target.offset).ints(strides[1]);
  machine.run(program, [x.block, target.block], sizeOf(x.shape));
}

/** A copy of a view in row-major order. */
export function copyOf(machine: Machine, x: BlockView): Block {
  const block = machine.alloc(x);
  copyInto(machine, x, { block, strides: contiguousStrides(x.shape), offset: 0 });
  return block;
}

export const updateSlice: Kernel<"updateSlice"> = (machine, [base, source], _, { strides, offset, reuse }) => {
  // A dispatch must not read the buffer that it writes.
  const block = reuse && source.block !== base.block ? base.block : copyOf(machine, base);
  block.indices = null;
  copyInto(machine, source, { block, strides, offset });
  return [block];
};

export const concat: Kernel<"concat"> = (machine, inputs, [output], { dim }) => {
  const block = machine.alloc(output);
  const strides = contiguousStrides(output.shape);
  let start = 0;
  for (const x of inputs) {
    copyInto(machine, x, { block, strides, offset: start });
    start += x.shape[dim] * strides[dim];
  }
  return [block];
};
