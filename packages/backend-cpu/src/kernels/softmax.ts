/**
 * Softmax and its logarithm: a WebAssembly kernel over float32 rows, other dimensions by a copy in which they are rows; the reference for
 * float64.
 *
 * @module
 */

import { contiguousStrides, isContiguous, itemSize, sizeOf, type View } from "@sconce/core";
import { type Machine, perMachine, pointerOf } from "../machine.js";
import { emitSoftmax } from "../reduce/softmax.js";
import * as reference from "../reference/reduce.js";
import { shareRange } from "../threads/share.js";
import { instantiate } from "../wasm/asm.js";
import type { Pointer } from "../wasm/memory.js";
import { copyRegion, copyView } from "./copy.js";
import { type Fill, twin } from "./kernel.js";
import { moveLast, rowsAlong } from "./rows.js";

const kernelsOf = perMachine(({ heap, options }) => instantiate(emitSoftmax(options), heap.memory));

/** For the choice of threads alone. */
const NANOSECONDS_PER_ELEMENT = 2;

const general = twin(reference.softmax);

export const softmax: Fill<"softmax"> = (machine, inputs, outputs, blocks, attrs) => {
  const [x] = inputs;
  const { dim, log } = attrs;
  const { shape } = x;
  const size = sizeOf(shape);
  if (x.dtype !== "float32" || shape.length === 0) general(machine, inputs, outputs, blocks, attrs);
  else if (size > 0) {
    const kernel = kernelsOf(machine)[log ? "logSoftmax" : "softmax"];
    const length = shape[dim];
    const run = (source: Pointer, target: Pointer): void => {
      shareRange(machine.pool, size * NANOSECONDS_PER_ELEMENT, size / length, 1, (calls, first, end) => {
        calls.call(kernel, 0, [end - first, length, source + 4 * first * length, target + 4 * first * length]);
      });
    };
    const [{ pointer }] = blocks;
    if (dim < shape.length - 1) alongRows(machine, x, dim, pointer, (at) => run(at, at));
    else if (isContiguous(shape, x.strides)) run(pointerOf(x), pointer);
    else {
      copyView(machine, x, blocks[0]);
      run(pointer, pointer);
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
