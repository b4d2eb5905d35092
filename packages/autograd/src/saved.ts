import { SconceError, type Shape, Storage, type Tensor, tensorOver, type Value } from "@sconce/core";

/** A tensor that a node keeps: its value, which later writes to the tensor cannot change. */
export class Saved {
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly offset: number;
  /** A number of the user's, which costs nothing to keep. */
  readonly free: boolean;
  readonly #value: Value;

  constructor({ storage, shape, strides, offset }: Tensor) {
    const { value } = storage;
    this.#value = value;
    this.shape = shape;
    this.strides = strides;
    this.offset = offset;
    this.free = value.constant !== null && shape.length === 0;
    if (this.free) return;
    value.retain();
    value.saved++;
  }

  /** A tensor over the kept value. */
  unpack(): Tensor {
    return tensorOver(new Storage(this.#value), this);
  }

  /** Lets go of the value. */
  release(): void {
    if (this.free) return;
    this.#value.saved--;
    this.#value.release();
  }
}

/** The error of a walk through what an earlier walk has let go of. */
export function secondTime(name: string): SconceError {
  return new SconceError(
    `backward: Trying to backward through the graph a second time (or directly access saved tensors after they have already been freed). ` +
      `Saved intermediate values of the graph are freed when you call .backward() or grad(). Specify { retainGraph: true } if you need to ` +
      `backward through the graph a second time; the first node that was freed is ${name}`,
    { op: "backward" },
  );
}
