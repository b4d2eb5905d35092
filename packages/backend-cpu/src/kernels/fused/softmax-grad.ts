/**
 * The gradient of softmax: a WebAssembly kernel over float32 rows, the reference for float64.
 *
 * @module
 */

import { sizeOf } from "@sconce/core";
import { perMachine } from "../../machine.js";
import { emitSoftmaxGrad } from "../../reduce/softmax-grad.js";
import * as reference from "../../reference/fused.js";
import { shareRange } from "../../threads/share.js";
import { instantiate } from "../../wasm/asm.js";
import { type Fill, twin } from "../kernel.js";
import { withRows } from "./dense.js";

const kernelsOf = perMachine(({ heap, options }) => instantiate(emitSoftmaxGrad(options), heap.memory));

/** For the choice of threads alone. */
const NANOSECONDS_PER_ELEMENT = 1;

const general = twin(reference.softmaxGrad);

export const softmaxGrad: Fill<"softmaxGrad"> = (machine, inputs, outputs, blocks, attrs) => {
  const { dim, log } = attrs;
  const [{ shape, dtype }] = outputs;
  const size = sizeOf(shape);
  if (dtype !== "float32" || shape.length === 0) general(machine, inputs, outputs, blocks, attrs);
  else if (size > 0) {
    const kernel = kernelsOf(machine)[log ? "logSoftmax" : "softmax"];
    const length = shape[dim];
    withRows(machine, inputs, dim, blocks[0], ([grad, y], target) => {
      shareRange(machine.pool, size * NANOSECONDS_PER_ELEMENT, size / length, 1, (calls, first, end) => {
        const skip = 4 * first * length;
        calls.call(kernel, 0, [end - first, length, grad + skip, y + skip, target + skip]);
      });
    });
  }
};
