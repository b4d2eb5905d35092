import { type Device, getBackend } from "./backend.js";
import { type DType, getDefaultDType } from "./dtype.js";
import { tensorOf } from "./evaluate.js";
import { checkShape, type Shape } from "./shape.js";
import type { Tensor } from "./tensor/tensor.js";
import { constantValue } from "./value.js";

/** Dtype and device of a new tensor. */
export interface TensorOptions {
  readonly dtype?: DType;
  readonly device?: Device;
}

/** A tensor filled with one number; takes no memory until it is read or written. */
export function full(shape: Shape, value: number | bigint | boolean, { dtype = getDefaultDType(), device }: TensorOptions = {}): Tensor {
  checkShape(shape, "full");
  return tensorOf(constantValue(getBackend(device), shape, dtype, value));
}
