import { broadcastTensors, type DType, finfo, getDefaultDType, type Shape, scalar, Tensor } from "@sconce/core";

/** A parameter of a distribution: a number, or a tensor with one for each member of a batch. */
export type Param = number | Tensor;

/** Euler's constant. */
export const EULER: number = 0.5772156649015329;

/** Parameters as tensors of one shape; numbers take dtype and device of the first tensor. */
export function broadcastAll(...values: readonly Param[]): Tensor[] {
  const like = values.find((v) => v instanceof Tensor);
  const dtype = like?.dtype ?? getDefaultDType();
  const options = like === undefined ? {} : { device: like.device };
  return broadcastTensors(...values.map((v) => (v instanceof Tensor ? v : scalar(v, dtype, options))));
}

/** Sums the last `dims` dimensions. */
export function sumRightmost(value: Tensor, dims: number): Tensor {
  return dims === 0 ? value : value.flatten(value.ndim - dims).sum(-1);
}

/** Probabilities away from 0 and 1, so that their logarithms are finite. */
export function clampProbs(probs: Tensor): Tensor {
  const { eps } = finfo(probs.dtype);
  return probs.clamp({ min: eps, max: 1 - eps });
}

/** True where tensors can be read at once, so that values can be checked and drawn on the host. */
export function canBlock(x: Tensor): boolean {
  return x.wrapped === null && x.storage.backend.downloadSync !== undefined;
}

/** A condition that holds for every element; what cannot be read at once counts as true. */
export function allTrue(condition: Tensor): boolean {
  return !canBlock(condition) || condition.all().itemSync() !== 0;
}

/** Dtype and device of new tensors beside `x`. */
export function like(x: Tensor): { readonly dtype: DType; readonly device: Tensor["device"] } {
  return { dtype: x.dtype, device: x.device };
}

/** True for equal shapes. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}
