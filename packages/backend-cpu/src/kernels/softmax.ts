/**
 * Softmax, its logarithm and their gradients: WebAssembly kernels over float32 rows, other dimensions by copies in which they are rows; the
 * reference for float64.
 *
 * @module
 */

import { contiguousStrides, itemSize, sizeOf, type View } from "@sconce/core";
import { type Block, type Machine, perMachine } from "../machine.js";
import { emitSoftmax } from "../reduce/softmax.js";
import { emitSoftmaxGrad } from "../reduce/softmax-grad.js";
import { shareRange } from "../threads/share.js";
import { instantiate } from "../wasm/asm.js";
import type { KernelOptions } from "../wasm/features.js";
import type { Pointer } from "../wasm/memory.js";
import { copyRegion, dense, withDense } from "./copy.js";
import type { Fill } from "./kernel.js";
import { moveLast, rowsAlong } from "./rows.js";

/** Kernels over the rows of inputs of one shape; the time of an element is for the choice of threads alone. */
function overRows<K extends "softmax" | "softmaxGrad">(
  emit: (options: KernelOptions) => Uint8Array<ArrayBuffer>,
  nanosecondsPerElement: number,
): Fill<K> {
  const kernelsOf = perMachine(({ heap, options }) => instantiate(emit(options), heap.memory));
  return (machine, inputs, outputs, blocks, { dim, log }) => {
    const [{ shape, dtype }] = outputs;
    const size = sizeOf(shape);
    if (dtype !== "float32" || shape.length === 0) return false;
    if (size > 0) {
      const kernel = kernelsOf(machine)[log ? "logSoftmax" : "softmax"];
      const length = shape[dim];
      withRows(machine, inputs, dim, blocks[0], (pointers) =>
        shareRange(machine.pool, size * nanosecondsPerElement, size / length, 1, (calls, first, end) => {
          calls.call(kernel, 0, [end - first, length, ...pointers.map((pointer) => pointer + 4 * first * length)]);
        }),
      );
    }
  };
}

/**
 * Runs `use` with the addresses of inputs of one shape whose rows go along `dim`, and last that for a result that lies likewise; it is moved
 * to its place in the row-major `block`.
 */
function withRows(machine: Machine, inputs: readonly View[], dim: number, block: Block, use: (pointers: readonly Pointer[]) => void): void {
  const { shape, dtype } = inputs[0];
  if (dim === shape.length - 1) {
    withDense(machine, inputs, (pointers) => use([...pointers, block.pointer]));
    return;
  }
  const rows = inputs.map((x) => rowsAlong(x, dim));
  const work = machine.allocate({ shape, dtype });
  try {
    withDense(machine, rows, (pointers) => use([...pointers, work.pointer]));
    const to = { pointer: block.pointer, strides: moveLast(contiguousStrides(shape), dim) };
    copyRegion(machine, itemSize(dtype), rows[0].shape, dense(work.pointer, rows[0].shape), to);
  } finally {
    machine.free(work);
  }
}

export const softmax: Fill<"softmax"> = overRows(emitSoftmax, 2);
export const softmaxGrad: Fill<"softmaxGrad"> = overRows(emitSoftmaxGrad, 1);
