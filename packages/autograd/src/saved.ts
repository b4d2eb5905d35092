import { exposed, SconceError, type Shape, Storage, Tensor, tensorOver, type Value } from "@sconce/core";
import { mode, type Packing } from "./mode.js";

/** A tensor that a node keeps. */
export interface Kept {
  /** A number of the user's, which costs nothing to keep. */
  readonly free: boolean;
  /** A tensor over the kept value. */
  unpack(): Tensor;
  /** Lets go of the value. */
  release(): void;
}

/** Keeps a tensor: its value, or what the hooks make of it. */
export function save(x: Tensor): Kept {
  const saved = new Saved(x);
  return mode.packing === null || saved.free ? saved : new Packed(saved, mode.packing);
}

/** What a hook made of a tensor. */
class Packed implements Kept {
  readonly free = false;
  #packed: unknown;
  readonly #hooks: Packing;

  constructor(saved: Saved, hooks: Packing) {
    this.#hooks = hooks;
    this.#packed = unrecorded(() => exposed(null, () => hooks.pack(saved)));
  }

  unpack(): Tensor {
    const x = unrecorded(() => this.#hooks.unpack(this.#packed));
    if (!(x instanceof Tensor)) {
      throw new SconceError(`savedTensorsHooks: Output of saved tensor unpack_hook expected to be a Tensor but got ${typeof x}`);
    }
    return tensorOver(x.storage, x);
  }

  release(): void {
    this.#hooks.release?.(this.#packed);
    this.#packed = null;
  }
}

/** Runs a hook without recording and without hooks on what it does. */
function unrecorded<T>(fn: () => T): T {
  const { enabled, packing } = mode;
  mode.enabled = false;
  mode.packing = null;
  try {
    return fn();
  } finally {
    mode.enabled = enabled;
    mode.packing = packing;
  }
}

/** A tensor that a node keeps: its value, which later writes to the tensor cannot change. */
class Saved implements Kept {
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly offset: number;
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

  unpack(): Tensor {
    return tensorOver(new Storage(this.#value), this);
  }

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
  );
}
