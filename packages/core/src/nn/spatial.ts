import { formatShape, ShapeError } from "../errors.js";
import type { Shape } from "../shape.js";
import { squeezeAt, unsqueezeAt } from "../tensor/compose.js";
import type { Tensor } from "../tensor/tensor.js";

/** One number for every spatial dimension, or one for each. */
export type Spatial = number | readonly number[];

/** A number for each of `n` spatial dimensions. @throws ShapeError for a list of another length. */
export function spatial(value: Spatial, n: number, op: string, name: string): number[] {
  if (typeof value === "number") return new Array<number>(n).fill(value);
  if (!Array.isArray(value)) throw new ShapeError(`${op}: expected ${name} to be a number or a list of ${n}, got ${typeof value}`);
  if (value.length === 1) return new Array<number>(n).fill(value[0]);
  if (value.length !== n) {
    throw new ShapeError(`${op}: ${name} must either be a single int, or a tuple of ${n} ints, got ${formatShape(value)}`);
  }
  return [...value];
}

/** Throws ShapeError unless all entries, those before `from` left aside, are integers of at least `least`. */
export function checkAtLeast(list: readonly number[], least: number, op: string, message: string, from = 0): void {
  for (let i = from; i < list.length; i++) {
    if (!Number.isInteger(list[i]) || list[i] < least) throw new ShapeError(`${op}: ${message}, got ${formatShape(list.slice(from))}`);
  }
}

/** Runs what takes `[N, C, ...]` also on `[C, ...]`. @throws ShapeError for other ranks. */
export function batchedInput<T extends readonly Tensor[]>(x: Tensor, n: number, op: string, fn: (x: Tensor) => T): readonly Tensor[] {
  if (x.ndim === n + 2) return fn(x);
  if (x.ndim !== n + 1) {
    throw new ShapeError(
      `${op}: Expected ${n + 1}D (unbatched) or ${n + 2}D (batched) input to ${op}, but got input of size: ${formatShape(x.shape)}`,
      { shapes: [x.shape] },
    );
  }
  return fn(unsqueezeAt(x, 0)).map((y) => squeezeAt(y, 0));
}

/** Sizes as error texts print planes: `3 x 4`. */
export function formatSizes(shape: Shape, separator = " x "): string {
  return shape.join(separator);
}
