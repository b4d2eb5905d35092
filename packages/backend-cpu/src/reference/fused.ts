/**
 * Kernels that do the work of several.
 *
 * @module
 */
import { contiguousStrides } from "@sconce/core";
import { type ReferenceKernel, walk } from "./array.js";

const without = (list: readonly number[], dim: number): number[] => list.filter((_, d) => d !== dim);

export const softmaxGrad: ReferenceKernel<"softmaxGrad"> = ([grad, y], [output], { dim, log }) => {
  const dense = contiguousStrides(output.shape);
  const rest = [grad, y, { strides: dense, offset: 0 }].map(({ strides, offset }) => ({ strides: without(strides, dim), offset }));
  const size = output.shape[dim];
  walk(without(output.shape, dim), rest, ([g, v, to]) => {
    const gradAt = (i: number): number => grad.data[g + i * grad.strides[dim]];
    const resultAt = (i: number): number => y.data[v + i * y.strides[dim]];
    let sum = 0;
    for (let i = 0; i < size; i++) sum += gradAt(i) * (log ? 1 : resultAt(i));
    for (let i = 0; i < size; i++) {
      output.data[to + i * dense[dim]] = log ? gradAt(i) - Math.exp(resultAt(i)) * sum : resultAt(i) * (gradAt(i) - sum);
    }
  });
};
