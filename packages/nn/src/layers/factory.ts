import { type Device, type DType, full, type Shape, ShapeError } from "@sconce/core";
import { fans, kaimingUniform_, uniform_ } from "../init.js";
import { Parameter } from "../parameter.js";

/** Dtype and device of a layer's parameters. */
export interface FactoryOptions {
  /** The default dtype unless given. */
  readonly dtype?: DType;
  /** The default device unless given. */
  readonly device?: Device;
}

/** Settings of layers with an optional bias. */
export interface BiasOptions extends FactoryOptions {
  /** Whether there is a bias; true unless said otherwise. */
  readonly bias?: boolean;
}

/** A parameter filled with a number. */
export function filledParameter(shape: Shape, value: number, { dtype, device }: FactoryOptions): Parameter {
  return new Parameter(full(shape, value, { dtype, device }));
}

/** PyTorch's first values of a linear or convolutional layer: both uniform, within one over the root of the number of inputs. */
export function resetWeightAndBias(weight: Parameter, bias: Parameter | null): void {
  kaimingUniform_(weight, { a: Math.sqrt(5) });
  if (bias === null) return;
  const { fanIn } = fans(weight);
  const bound = fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0;
  uniform_(bias, -bound, bound);
}

/** @throws ShapeError unless every size is a positive integer. */
export function checkSizes(op: string, sizes: Readonly<Record<string, number>>, least = 1): void {
  for (const [name, size] of Object.entries(sizes)) {
    if (!Number.isInteger(size) || size < least) {
      throw new ShapeError(`${op}: expected ${name} to be an integer of at least ${least}, got ${size}`);
    }
  }
}
