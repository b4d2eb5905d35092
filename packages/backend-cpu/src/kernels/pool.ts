/**
 * Pooling: WebAssembly kernels for float32 and float64 in one and two dimensions, which take contiguous copies of other layouts; the
 * reference for three dimensions and for integers.
 *
 * @module
 */

import { type AvgPoolAttrs, type DType, isFloatingPoint, type PoolAttrs } from "@sconce/core";
import { type Machine, perMachine } from "../machine.js";
import * as reference from "../reference/pool.js";
import { FLOAT32, FLOAT64 } from "../wasm/element.js";
import {
  type Average,
  avgPoolGradient,
  type Pair,
  type PoolGeometry,
  type PoolKernels,
  poolKernels,
  avgPool as runAvgPool,
  maxPool as runMaxPool,
} from "../wasm/pool.js";
import { withContiguous } from "./copy.js";
import { type Fill, twin } from "./kernel.js";

const float32 = perMachine(({ heap, options }) => poolKernels(heap, FLOAT32, options));
const float64 = perMachine(({ heap, options }) => poolKernels(heap, FLOAT64, options));

function kernelsOf(machine: Machine, dtype: DType): PoolKernels {
  return dtype === "float32" ? float32(machine) : float64(machine);
}

/** The two sizes after `first` others; `fill` stands for the height of a pooling along one dimension. */
function pair(sizes: readonly number[], fill: number, first = 0): Pair {
  return sizes.length - first === 1 ? [fill, sizes[first]] : [sizes[first], sizes[first + 1]];
}

type Geometry = Omit<PoolAttrs, "dilation"> & { readonly dilation?: readonly number[] };

/** The shape of a pooling from those of its input and output. */
function geometryOf(input: readonly number[], output: readonly number[], { kernel, stride, padding, dilation }: Geometry): PoolGeometry {
  return {
    planes: input[0] * input[1],
    input: pair(input, 1, 2),
    output: pair(output, 1, 2),
    kernel: pair(kernel, 1),
    stride: pair(stride, 1),
    padding: pair(padding, 0),
    dilation: dilation === undefined ? [1, 1] : pair(dilation, 1),
  };
}

const compiled = (dtype: DType, shape: readonly number[]): boolean => isFloatingPoint(dtype) && shape.length <= 4;

const averageOf = ({ countIncludePad, divisor }: AvgPoolAttrs): Average => ({ countIncludePad, divisor: divisor ?? 0 });

const generalMax = twin(reference.maxPool);
const generalAverage = twin(reference.avgPool);
const generalGradient = twin(reference.avgPoolGrad);

export const maxPool: Fill<"maxPool"> = (machine, inputs, outputs, blocks, attrs) => {
  const [{ dtype, shape }] = inputs;
  if (!compiled(dtype, shape)) {
    generalMax(machine, inputs, outputs, blocks, attrs);
    return;
  }
  const geometry = geometryOf(shape, outputs[0].shape, attrs);
  withContiguous(machine, inputs, ([x]) =>
    runMaxPool(kernelsOf(machine, dtype), geometry, x, blocks[0].pointer, blocks[1].pointer, machine.pool),
  );
};

export const avgPool: Fill<"avgPool"> = (machine, inputs, outputs, blocks, attrs) => {
  const [{ dtype, shape }] = inputs;
  if (!compiled(dtype, shape)) {
    generalAverage(machine, inputs, outputs, blocks, attrs);
    return;
  }
  const geometry = geometryOf(shape, outputs[0].shape, attrs);
  withContiguous(machine, inputs, ([x]) =>
    runAvgPool(kernelsOf(machine, dtype), geometry, averageOf(attrs), x, blocks[0].pointer, machine.pool),
  );
};

export const avgPoolGrad: Fill<"avgPoolGrad"> = (machine, inputs, outputs, blocks, attrs) => {
  const [{ dtype, shape }] = inputs;
  if (!compiled(dtype, shape)) {
    generalGradient(machine, inputs, outputs, blocks, attrs);
    return;
  }
  const geometry = geometryOf(outputs[0].shape, shape, attrs);
  withContiguous(machine, inputs, ([dy]) =>
    avgPoolGradient(kernelsOf(machine, dtype), geometry, averageOf(attrs), dy, blocks[0].pointer, machine.pool),
  );
};
