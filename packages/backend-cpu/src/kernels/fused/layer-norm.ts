/**
 * Layer normalisation: WebAssembly kernels over float32 rows, the reference for float64.
 *
 * @module
 */

import { type Shape, sizeOf } from "@sconce/core";
import { type Machine, perMachine } from "../../machine.js";
import { emitLayerNorm } from "../../reduce/layer-norm.js";
import { type Calls, shareRange } from "../../threads/share.js";
import { instantiate } from "../../wasm/asm.js";
import { withDense } from "../copy.js";
import type { Fill } from "../kernel.js";

const kernelsOf = perMachine(({ heap, options }) => instantiate(emitLayerNorm(options), heap.memory));

/** For the choice of threads alone. */
const NANOSECONDS_PER_ELEMENT = 0.5;

/** Deals out the rows of a tensor, of which `body` gets the first, their number and their length. */
function eachRow(
  machine: Machine,
  shape: Shape,
  dims: number,
  body: (calls: Calls, first: number, rows: number, length: number) => void,
): void {
  const length = sizeOf(shape.slice(shape.length - dims));
  const size = sizeOf(shape);
  shareRange(machine.pool, size * NANOSECONDS_PER_ELEMENT, size / length, 1, (calls, first, end) =>
    body(calls, first, end - first, length),
  );
}

export const layerNorm: Fill<"layerNorm"> = (machine, inputs, outputs, blocks, attrs) => {
  const [{ shape, dtype }] = outputs;
  if (dtype !== "float32" || sizeOf(shape) === 0) return false;
  const kernel = kernelsOf(machine)[`forward${inputs.length - 1}`];
  const [target, means, inverses] = blocks.map(({ pointer }) => pointer);
  const eps = new Int32Array(Float32Array.of(attrs.eps).buffer)[0];
  withDense(machine, inputs, ([x, weight = 0, bias = 0]) => {
    eachRow(machine, shape, attrs.dims, (calls, first, rows, length) => {
      const skip = 4 * first * length;
      calls.call(kernel, 0, [rows, length, eps, x + skip, weight, bias, target + skip, means + 4 * first, inverses + 4 * first]);
    });
  });
};

export const layerNormGrad: Fill<"layerNormGrad"> = (machine, inputs, outputs, blocks, attrs) => {
  const [{ shape, dtype }] = outputs;
  if (dtype !== "float32" || sizeOf(shape) === 0) return false;
  const kernel = kernelsOf(machine)[`backward${inputs.length - 4}`];
  const target = blocks[0].pointer;
  withDense(machine, inputs, ([grad, x, means, inverses, weight = 0]) => {
    eachRow(machine, shape, attrs.dims, (calls, first, rows, length) => {
      const skip = 4 * first * length;
      calls.call(kernel, 0, [rows, length, grad + skip, x + skip, means + 4 * first, inverses + 4 * first, weight, target + skip]);
    });
  });
};
