/**
 * Pooling: WebAssembly kernels for float32 and float64 in one and two dimensions, which take contiguous copies of other layouts; the
 * reference for three dimensions and for integers.
 *
 * @module
 */

import { type DType, isFloatingPoint, type PoolAttrs } from "@sconce/core";
import { type Machine, perMachine } from "../machine.js";
import { FLOAT32, FLOAT64 } from "../wasm/element.js";
import {
  avgPoolGradient,
  type Pair,
  type PoolGeometry,
  type PoolKernels,
  avgPool as planAvgPool,
  maxPool as planMaxPool,
  poolKernels,
} from "../wasm/pool.js";
import { planDense } from "./copy.js";
import type { Planner } from "./kernel.js";

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

export const maxPool: Planner<"maxPool"> = (machine, inputs, outputs, attrs) => {
  const [{ dtype, shape }] = inputs;
  if (!compiled(dtype, shape)) return null;
  const run = planMaxPool(kernelsOf(machine, dtype), geometryOf(shape, outputs[0].shape, attrs), machine.pool);
  return planDense(machine, inputs, ([x], [y, indices]) => run(x, y.pointer, indices.pointer));
};

export const avgPool: Planner<"avgPool"> = (machine, inputs, outputs, attrs) => {
  const [{ dtype, shape }] = inputs;
  if (!compiled(dtype, shape)) return null;
  const geometry = geometryOf(shape, outputs[0].shape, attrs);
  const run = planAvgPool(kernelsOf(machine, dtype), geometry, attrs, machine.pool);
  return planDense(machine, inputs, ([x], [{ pointer }]) => run(x, pointer));
};

export const avgPoolGrad: Planner<"avgPoolGrad"> = (machine, inputs, outputs, attrs) => {
  const [{ dtype, shape }] = inputs;
  if (!compiled(dtype, shape)) return null;
  const geometry = geometryOf(outputs[0].shape, shape, attrs);
  const run = avgPoolGradient(kernelsOf(machine, dtype), geometry, attrs, machine.pool);
  return planDense(machine, inputs, ([dy], [{ pointer }]) => run(dy, pointer));
};
