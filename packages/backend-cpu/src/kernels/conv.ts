/**
 * Convolutions with any number of spatial dimensions: WebAssembly kernels for float32, which take contiguous copies of other layouts; the
 * reference for the other dtypes.
 *
 * @module
 */

import { type ConvAttrs, sizeOf } from "@sconce/core";
import { type Machine, perMachine } from "../machine.js";
import { outside } from "../outside-state.js";
import * as reference from "../reference/product.js";
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
import { withContiguous } from "./copy.js";
import { type Fill, twin } from "./kernel.js";

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

const generalConv = twin(reference.conv);
const generalInput = twin(reference.convInput);
const generalWeight = twin(reference.convWeight);

export const conv: Fill<"conv"> = (machine, inputs, outputs, blocks, attrs) => {
  const [x, w] = inputs;
  if (x.dtype !== "float32" || sizeOf(w.shape) === 0) {
    generalConv(machine, inputs, outputs, blocks, attrs);
    return;
  }
  const geometry = geometryOf(x, w, outputs[0], attrs);
  const own = kernelsOf(machine);
  withContiguous(machine, inputs, ([source, weight, bias = 0]) => {
    if (outside()?.conv(machine, own, geometry, source, weight, bias, blocks[0].pointer)) return;
    convForward(machine.heap, own, geometry, source, weight, bias, blocks[0].pointer, 0, machine.pool);
  });
};

export const convInput: Fill<"convInput"> = (machine, inputs, outputs, blocks, attrs) => {
  const [grad, w] = inputs;
  if (grad.dtype !== "float32") {
    generalInput(machine, inputs, outputs, blocks, attrs);
    return;
  }
  const geometry = geometryOf(outputs[0], w, grad, attrs);
  const own = kernelsOf(machine);
  withContiguous(machine, inputs, ([source, weight]) => {
    if (outside()?.convInput(machine, own, geometry, source, weight, blocks[0].pointer)) return;
    convInputGradient(machine.heap, own, geometry, source, weight, blocks[0].pointer, machine.pool);
  });
};

export const convWeight: Fill<"convWeight"> = (machine, inputs, outputs, blocks, attrs) => {
  const [grad, x] = inputs;
  if (grad.dtype !== "float32") {
    generalWeight(machine, inputs, outputs, blocks, attrs);
    return;
  }
  const geometry = geometryOf(x, outputs[0], grad, attrs);
  const own = kernelsOf(machine);
  withContiguous(machine, inputs, ([source, image]) => {
    if (outside()?.convWeight(machine, own, geometry, image, source, blocks[0].pointer)) return;
    convWeightGradient(machine.heap, own, geometry, image, source, blocks[0].pointer, 0, machine.pool);
  });
};
