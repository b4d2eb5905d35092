/**
 * Kernels that do the work of several.
 *
 * @module
 */
import { contiguousStrides } from "@sconce/core";
import { type ArrayView, type ReferenceKernel, walk } from "./array.js";

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

/** The elements of an input in row-major order. */
export function elementsInOrder(x: ArrayView): number[] {
  const list: number[] = [];
  walk(x.shape, [x], ([at]) => void list.push(x.data[at]));
  return list;
}

/** Elements of the dimensions that are normalised over. */
const rowLength = (shape: readonly number[], dims: number): number => shape.slice(shape.length - dims).reduce((n, d) => n * d, 1);

export const layerNorm: ReferenceKernel<"layerNorm"> = (inputs, [output, means, inverses], { dims, eps }) => {
  const [x, weight, bias] = inputs.map(elementsInOrder);
  const length = rowLength(output.shape, dims);
  for (let row = 0; row * length < x.length; row++) {
    const own = x.slice(row * length, (row + 1) * length);
    const mean = own.reduce((a, b) => a + b, 0) / length;
    const inverse = 1 / Math.sqrt(own.reduce((sum, a) => sum + (a - mean) ** 2, 0) / length + eps);
    own.forEach((a, i) => {
      output.data[row * length + i] = (a - mean) * inverse * (weight?.[i] ?? 1) + (bias?.[i] ?? 0);
    });
    means.data[row] = mean;
    inverses.data[row] = inverse;
  }
};

export const layerNormGrad: ReferenceKernel<"layerNormGrad"> = (inputs, [output], { dims }) => {
  const [grad, x, means, inverses, weight] = inputs.map(elementsInOrder);
  const length = rowLength(output.shape, dims);
  for (let row = 0; row * length < x.length; row++) {
    const [mean, inverse] = [means[row], inverses[row]];
    const at = (i: number): number => row * length + i;
    const slope = (i: number): number => grad[at(i)] * (weight?.[i] ?? 1);
    const normal = (i: number): number => (x[at(i)] - mean) * inverse;
    let [sum, along] = [0, 0];
    for (let i = 0; i < length; i++) {
      sum += slope(i);
      along += slope(i) * normal(i);
    }
    for (let i = 0; i < length; i++) output.data[at(i)] = inverse * (slope(i) - sum / length - (normal(i) * along) / length);
  }
};
