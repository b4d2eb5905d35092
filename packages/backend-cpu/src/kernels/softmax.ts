/**
 * Softmax and its logarithm: a WebAssembly kernel over float32 rows, other dimensions by a copy in which they are rows; the reference for
 * float64.
 *
 * @module
 */
import { contiguousStrides, isContiguous, itemSize, sizeOf, type View } from "@sconce/core";
import { type Machine, perMachine, pointerOf } from "../machine.js";
import { emitSoftmax } from "../reduce/softmax.js";
import { instantiate } from "../wasm/asm.js";
import type { Pointer } from "../wasm/memory.js";
import { copyRegion, copyView } from "./copy.js";
import { type Fill, twin } from "./kernel.js";
import { moveLast, rowsAlong } from "./rows.js";

const kernelsOf = perMachine(({ heap, options }) => instantiate(emitSoftmax(options), heap.memory));

const general = twin("softmax");

export const softmax: Fill<"softmax"> = (machine, inputs, outputs, blocks, attrs) => {
  const [x] = inputs;
  const { dim, log } = attrs;
  const { shape } = x;
  const size = sizeOf(shape);
  if (x.dtype !== "float32" || shape.length === 0) general(machine, inputs, outputs, blocks, attrs);
  else if (size > 0) {
    const run = kernelsOf(machine)[log ? "logSoftmax" : "softmax"];
    const [{ pointer }] = blocks;
    const rows = size / shape[dim];
    if (dim < shape.length - 1) alongRows(machine, x, dim, pointer, (at) => run(rows, shape[dim], at, at));
    else if (isContiguous(shape, x.strides)) run(rows, shape[dim], pointerOf(x), pointer);
    else {
      copyView(machine, x, blocks[0]);
      run(rows, shape[dim], pointer, pointer);
    }
  }
};

/** Runs `use` on a copy of `x` whose rows go along `dim`, and copies that to the row-major tensor at `target`. */
function alongRows(machine: Machine, x: View, dim: number, target: Pointer, use: (at: Pointer) => void): void {
  const rows = rowsAlong(x, dim);
  const work = machine.allocate(rows);
  try {
    copyView(machine, rows, work);
    use(work.pointer);
    const to = { pointer: target, strides: moveLast(contiguousStrides(x.shape), dim) };
    copyRegion(machine, itemSize(x.dtype), rows.shape, { pointer: work.pointer, strides: contiguousStrides(rows.shape) }, to);
  } finally {
    machine.free(work);
  }
}
