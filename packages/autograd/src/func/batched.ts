import { apply, SconceError, type Storage, Tensor, type TypedArray } from "@sconce/core";

/** How random ops draw inside of `vmap`: refused, once for each example, or once for all. */
export type Randomness = "error" | "different" | "same";

/** One running `vmap`. */
export interface Level {
  /** Number of examples. */
  readonly size: number;
  readonly randomness: Randomness;
  /** False once it has ended. */
  open: boolean;
}

const running: Level[] = [];

/** The running `vmap`s, the outermost first. */
export function levels(): readonly Level[] {
  return running;
}

/** Runs a function inside of a level. */
export function inside<T>(level: Level, fn: () => T): T {
  running.push(level);
  try {
    return fn();
  } finally {
    running.pop();
    level.open = false;
  }
}

function refusal(op: string, why: string): SconceError {
  return new SconceError(`${op}: not possible inside of vmap, where a tensor stands for each of several examples: ${why}`);
}

const DATA_DEPENDENT =
  "it looks like you're calling .item() or reading elements (data-dependent control flow); use where() for a choice by value, and ops whose " +
  "result has a shape that does not depend on values";

/** One example of a tensor whose dimension 0 holds the examples, as the function inside of `vmap` sees it. */
export class BatchedTensor extends Tensor {
  readonly level: Level;

  constructor(level: Level, physical: Tensor) {
    const { storage, shape, strides, offset } = physical;
    super(storage, { shape: shape.slice(1), strides: strides.slice(1), offset });
    this.level = level;
    // In-place view ops hand this on with the layout, as they hand on a history.
    this.slot = physical;
    Object.defineProperty(this, "storage", { get: () => storageOf(level, storage) });
  }

  override get wrapped(): Tensor {
    return this.slot as Tensor;
  }

  override async data(): Promise<TypedArray> {
    throw refusal("data", DATA_DEPENDENT);
  }

  override dataSync(): TypedArray {
    throw refusal("dataSync", DATA_DEPENDENT);
  }

  override itemSync(): number {
    throw refusal("itemSync", DATA_DEPENDENT);
  }

  override tolistSync(): never {
    throw refusal("tolistSync", DATA_DEPENDENT);
  }

  override toJSON(): never {
    throw refusal("toJSON", DATA_DEPENDENT);
  }

  override typedArray(): never {
    throw refusal("typedArray", DATA_DEPENDENT);
  }

  override toString(): string {
    return `BatchedTensor(${this.level.size} x [${this.shape}], dtype=${this.dtype})`;
  }

  static {
    const { prototype } = BatchedTensor;
    const getter = (name: "requiresGrad" | "gradFn" | "isLeaf" | "grad" | "retainsGrad"): void => {
      Object.defineProperty(prototype, name, {
        get(this: BatchedTensor) {
          return this.wrapped[name];
        },
        set() {
          throw refusal(name, TAPE);
        },
      });
    };
    for (const name of ["requiresGrad", "gradFn", "isLeaf", "grad", "retainsGrad"] as const) getter(name);
    for (const name of ["requiresGrad_", "retainGrad", "backward", "registerHook", "zeroGrad"] as const) {
      Object.defineProperty(prototype, name, {
        value() {
          throw refusal(name, TAPE);
        },
      });
    }
  }
}

const TAPE = "take gradients with grad(), vjp() and their relatives from @sconce/autograd/func";

function storageOf(level: Level, storage: Storage): Storage {
  if (level.open) return storage;
  throw new SconceError("vmap: a tensor made inside of vmap was used after it had ended; return it from the function");
}

/** An input of an op at a level. */
export interface Operand {
  readonly tensor: Tensor;
  /** Dimension 0 of `tensor` holds the examples; else it is the same for all. */
  readonly batched: boolean;
}

/** A tensor as an operand at a level. */
export function operandAt(level: Level, x: Tensor): Operand {
  return x instanceof BatchedTensor && x.level === level ? { tensor: x.wrapped, batched: true } : { tensor: x, batched: false };
}

/** An operand with the examples in dimension 0, copied by stride 0 where it is the same for all. */
export function spreadOut({ tensor, batched }: Operand, size: number): Tensor {
  return batched ? tensor : apply("expand", [tensor], { shape: [size, ...tensor.shape] });
}

/** Takes the wrappers off: the tensor beneath, whose leading dimensions are those of `found`, the outermost level first. */
function peel(x: Tensor): { tensor: Tensor; found: Level[] } {
  const found: Level[] = [];
  let tensor = x;
  while (tensor instanceof BatchedTensor) {
    found.unshift(tensor.level);
    tensor = tensor.wrapped;
  }
  return { tensor, found };
}

function wrap(x: Tensor, order: readonly Level[]): Tensor {
  return order.reduce<Tensor>((inner, level) => new BatchedTensor(level, inner), x);
}

/** Leading dimensions in another order. */
function reorder(x: Tensor, from: readonly Level[], to: readonly Level[]): Tensor {
  if (from.every((level, i) => level === to[i])) return x;
  const dims = [...to.map((level) => from.indexOf(level)), ...x.shape.map((_, i) => i).slice(from.length)];
  return apply("permute", [x], { dims });
}

/**
 * A tensor with some levels as leading dimensions, which it gets where it was the same for all examples. It may be one of examples of
 * newer levels still.
 */
export function lower(x: Tensor, at: readonly Level[]): Tensor {
  if (at.length === 0) return x;
  const { tensor, found } = peel(x);
  const lacking = at.filter((level) => !found.includes(level));
  const full = lacking.length === 0 ? tensor : apply("expand", [tensor], { shape: [...lacking.map(({ size }) => size), ...tensor.shape] });
  const newer = found.filter((level) => !at.includes(level));
  return wrap(reorder(full, [...lacking, ...found], [...newer, ...at]), newer);
}

/** Undoes {@link lower}. */
export function raise(x: Tensor, at: readonly Level[]): Tensor {
  if (at.length === 0) return x;
  const { tensor, found } = peel(x);
  return wrap(reorder(tensor, [...found, ...at], [...at, ...found]), [...at, ...found]);
}
