import type { TypedArray } from "../dtype.js";
import { formatShape, NotSupportedError } from "../errors.js";
import { decodeArray } from "../half.js";
import { type Shape, sizeOf } from "../shape.js";
import type { Tensor } from "./tensor.js";

/**
 * Reads elements that decide the shape of a result, as numbers.
 * @throws NotSupportedError on a device that cannot be read at once.
 */
export function readSync(x: Tensor, op: string): TypedArray {
  if (x.storage.backend.downloadSync === undefined) {
    throw new NotSupportedError(
      `${op}: the result's shape depends on the elements of ${formatShape(x.shape)}, and device "${x.device}" cannot be read at once; ` +
        `bring the tensor to the CPU with await t.toAsync("cpu") first`,
      { op, shapes: [x.shape] },
    );
  }
  return decodeArray(x.detach().dataSync(), x.dtype);
}

/** The coordinates of the elements that are not 0: one list per dimension, in row-major order. */
export function coordinates(data: ArrayLike<number | bigint>, shape: Shape): Int32Array[] {
  const found: number[] = [];
  const n = sizeOf(shape);
  for (let i = 0; i < n; i++) if (data[i]) found.push(i);
  const out: Int32Array[] = [];
  let step = n;
  for (const size of shape) {
    step = size === 0 ? 0 : step / size;
    out.push(Int32Array.from(found, (i) => Math.floor(i / step) % size));
  }
  return out;
}
