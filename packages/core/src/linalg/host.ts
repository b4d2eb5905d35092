import type { Spec } from "../backend.js";
import type { HostOp, HostView } from "../extension.js";
import { type Shape, sizeOf } from "../shape.js";

/** Computes one item of a batch: elements in double precision, `shapes` of the inputs without the batch. */
type Each<P> = (inputs: readonly Float64Array[], outputs: readonly Float64Array[], shapes: readonly Shape[], params: P, at: number) => void;

/** Runs `fn` for every item of a batch; the ranks say how many trailing dimensions of each input and result belong to one item. */
export function batched<P>(inputRanks: readonly number[], outputRanks: readonly number[], fn: Each<P>): HostOp<P>["run"] {
  return (inputs, outputs, params) => {
    const shapes = inputs.map(({ shape }, i) => shape.slice(shape.length - inputRanks[i]));
    const sizes = shapes.map(sizeOf);
    const results = outputs.map(({ shape }, i) => new Float64Array(sizeOf(shape.slice(shape.length - outputRanks[i]))));
    const count = sizeOf(inputs[0].shape.slice(0, inputs[0].shape.length - inputRanks[0]));
    for (let at = 0; at < count; at++) {
      const items = inputs.map((x, i) => item(x, at, sizes[i]));
      for (const result of results) result.fill(0);
      fn(items, results, shapes, params, at);
      outputs.forEach(({ data }, i) => (data as Float64Array).set(results[i], at * results[i].length));
    }
  };
}

function item({ data }: HostView, at: number, size: number): Float64Array {
  return Float64Array.from((data as Float32Array).subarray(at * size, (at + 1) * size));
}

/** The dimensions before the last `rank`. */
function batchOf({ shape }: Spec, rank = 2): Shape {
  return shape.slice(0, shape.length - rank);
}

/** A result with its own trailing dimensions over the batch of a matrix. */
export function over(a: Spec, trailing: Shape, dtype: Spec["dtype"] = a.dtype): Spec {
  return { shape: [...batchOf(a), ...trailing], dtype };
}
