/**
 * Convolutions with any number of spatial dimensions: WebAssembly kernels for float32, which take contiguous copies of other layouts; the
 * reference for the other dtypes.
 *
 * @module
 */

import { type ConvAttrs, sizeOf } from "@sconce/core";
import { type Machine, perMachine } from "../machine.js";
import { type MatrixProducts, matrixProducts } from "../outside.js";
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
import { adjoint, adjointWeights, forwardOutside, goesOut, weightGradientOutside } from "./conv-outside.js";
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

/** What computes the products of a convolution instead of the kernels here, or null. */
function outsideOf(g: ConvGeometry): MatrixProducts | null {
  const products = matrixProducts();
  return products !== null && goesOut(g) ? products : null;
}

export const conv: Fill<"conv"> = (machine, inputs, outputs, blocks, attrs) => {
  const [x, w] = inputs;
  if (x.dtype !== "float32" || sizeOf(w.shape) === 0) {
    generalConv(machine, inputs, outputs, blocks, attrs);
    return;
  }
  const geometry = geometryOf(x, w, outputs[0], attrs);
  const products = outsideOf(geometry);
  withContiguous(machine, inputs, ([source, weight, bias = 0]) => {
    if (products !== null) forwardOutside(machine, products, kernelsOf(machine), geometry, source, weight, bias, blocks[0].pointer);
    else convForward(machine.heap, kernelsOf(machine), geometry, source, weight, bias, blocks[0].pointer, 0, machine.pool);
  });
};

export const convInput: Fill<"convInput"> = (machine, inputs, outputs, blocks, attrs) => {
  const [grad, w] = inputs;
  if (grad.dtype !== "float32") {
    generalInput(machine, inputs, outputs, blocks, attrs);
    return;
  }
  const geometry = geometryOf(outputs[0], w, grad, attrs);
  const turned = geometry.stride.every((stride) => stride === 1) ? adjoint(geometry) : undefined;
  const products = turned === undefined ? null : outsideOf(turned);
  withContiguous(machine, inputs, ([source, weight]) => {
    if (turned !== undefined && products !== null) {
      const own = machine.allocate(w);
      adjointWeights(machine, geometry, weight, own.pointer);
      forwardOutside(machine, products, kernelsOf(machine), turned, source, own.pointer, 0, blocks[0].pointer);
      machine.free(own);
    } else convInputGradient(machine.heap, kernelsOf(machine), geometry, source, weight, blocks[0].pointer, machine.pool);
  });
};

export const convWeight: Fill<"convWeight"> = (machine, inputs, outputs, blocks, attrs) => {
  const [grad, x] = inputs;
  if (grad.dtype !== "float32") {
    generalWeight(machine, inputs, outputs, blocks, attrs);
    return;
  }
  const geometry = geometryOf(x, outputs[0], grad, attrs);
  const products = outsideOf(geometry);
  withContiguous(machine, inputs, ([source, image]) => {
    if (products !== null) weightGradientOutside(machine, products, kernelsOf(machine), geometry, image, source, blocks[0].pointer);
    else convWeightGradient(machine.heap, kernelsOf(machine), geometry, image, source, blocks[0].pointer, 0, machine.pool);
  });
};
