/**
 * Convolutions with any number of spatial dimensions: WebAssembly kernels for float32, which take contiguous copies of other layouts; the
 * reference for the other dtypes.
 *
 * @module
 */

import { type ConvAttrs, sizeOf } from "@sconce/core";
import { type Machine, perMachine } from "../machine.js";
import { outside } from "../outside-state.js";
import {
  type ConvGeometry,
  type ConvKernels,
  convForward,
  convInputGradient,
  convKernels,
  convWeightGradient,
  withWide,
} from "../wasm/conv.js";
import { isWide } from "../wide-state.js";
import { planDense } from "./copy.js";
import type { Planner } from "./kernel.js";

const narrowKernels = perMachine(({ heap, options }) => convKernels(heap, options));
const wideKernels = perMachine((machine) => withWide(machine.heap, narrowKernels(machine), machine.options));
const kernelsOf = (machine: Machine): ConvKernels => (isWide() ? wideKernels : narrowKernels)(machine);

type Shaped = { readonly shape: readonly number[] };

/** The shape of a convolution from those of its input, weight and output, whichever of them is computed. */
function geometryOf(x: Shaped, w: Shaped, y: Shaped, { stride, padding, dilation, groups }: ConvAttrs): ConvGeometry {
  return {
    batch: x.shape[0],
    channels: x.shape[1],
    filters: w.shape[0],
    groups,
    input: x.shape.slice(2),
    output: y.shape.slice(2),
    kernel: w.shape.slice(2),
    stride,
    padding,
    dilation,
  };
}

export const conv: Planner<"conv"> = (machine, inputs, outputs, attrs) => {
  const [x, w] = inputs;
  if (x.dtype !== "float32" || sizeOf(w.shape) === 0) return null;
  const geometry = geometryOf(x, w, outputs[0], attrs);
  const own = kernelsOf(machine);
  const run = convForward(machine.heap, own, geometry, 0, machine.pool);
  return planDense(machine, inputs, ([source, weight, bias = 0], [{ pointer }]) => {
    if (!outside()?.conv(machine, own, geometry, source, weight, bias, pointer)) run(source, weight, bias, pointer);
  });
};

export const convInput: Planner<"convInput"> = (machine, inputs, outputs, attrs) => {
  const [grad, w] = inputs;
  if (grad.dtype !== "float32") return null;
  const geometry = geometryOf(outputs[0], w, grad, attrs);
  const own = kernelsOf(machine);
  const run = convInputGradient(machine.heap, own, geometry, machine.pool);
  return planDense(machine, inputs, ([source, weight], [{ pointer }]) => {
    if (!outside()?.convInput(machine, own, geometry, source, weight, pointer)) run(source, weight, pointer);
  });
};

export const convWeight: Planner<"convWeight"> = (machine, inputs, outputs, attrs) => {
  const [grad, x] = inputs;
  if (grad.dtype !== "float32") return null;
  const geometry = geometryOf(x, outputs[0], grad, attrs);
  const own = kernelsOf(machine);
  const run = convWeightGradient(machine.heap, own, geometry, 0, machine.pool);
  return planDense(machine, inputs, ([source, image], [{ pointer }]) => {
    if (!outside()?.convWeight(machine, own, geometry, image, source, pointer)) run(image, source, pointer);
  });
};
