import type { TypedArray } from "../dtype.js";
import { isReadable, readNow } from "../evaluate.js";
import { decodeArray } from "../half.js";
import { ending, Scope } from "../scope.js";
import { type Shape, sizeOf } from "../shape.js";
import { tracer } from "../tracing.js";
import type { Tensor } from "./tensor.js";

/**
 * Looks at elements on the host, where it can have them at once, and throws if they do not fit: at those of all examples inside of vmap, and
 * at each replay of a traced function.
 */
export function checkElements(x: Tensor, check: (x: Tensor) => void): void {
  let real = x.detach();
  while (real.wrapped !== null) real = real.wrapped;
  const look = (now: Tensor): void => {
    if (isReadable(now)) ending(new Scope(), () => check(now));
  };
  if (tracer === null) look(real);
  else tracer.hand(real, look, () => undefined);
}

/**
 * Reads elements that decide the shape of a result, as numbers.
 * @throws NotSupportedError on a device that cannot be read at once, unless `prefetch` has read them.
 */
export function readSync(x: Tensor, op: string): TypedArray {
  return decodeArray(x.wrapped === null ? readNow(x, op) : x.dataSync(), x.dtype);
}

/** The coordinates of the elements that are not 0: one list per dimension, in row-major order. */
export function coordinates(data: ArrayLike<number | bigint>, shape: Shape): Int32Array[] {
  const found: number[] = [];
  const n = sizeOf(shape);
  for (let i = 0; i < n; i++) if (data[i] !== 0 && data[i] !== 0n) found.push(i);
  const out: Int32Array[] = [];
  let step = n;
  for (const size of shape) {
    step = size === 0 ? 0 : step / size;
    out.push(Int32Array.from(found, (i) => Math.floor(i / step) % size));
  }
  return out;
}
