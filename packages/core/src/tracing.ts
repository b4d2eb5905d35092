/**
 * What a tracer of whole functions, such as `compile`, hears of: cells that are read and written, host code that a replay must run again,
 * and random numbers.
 *
 * @module
 */
import type { TypedArray } from "./dtype.js";
import type { Generator } from "./random/generator.js";
import type { TensorBase } from "./tensor/base.js";
import type { Tensor } from "./tensor/tensor.js";
import type { Storage, Value } from "./value.js";

/** Where a tensor's memory is found at a replay; undefined if it is not there. */
export type FindStorage = () => Storage | undefined;

/** Such as a set or a map. */
export interface Group {
  readonly size: number;
  /** Its members, in order. */
  values(): Iterable<unknown>;
}

/** Hears what a function does besides calling kernels. */
export interface Tracer {
  /** A cell was made. */
  made(storage: Storage): void;
  /** A cell is read. */
  read(storage: Storage, value: Value): void;
  /** A cell is about to point at another value. */
  wrote(storage: Storage, value: Value): void;
  /** True if the function made the cell. */
  owns(storage: Storage): boolean;
  /** A leaf was made. */
  leaf(x: TensorBase): void;
  /** True if the function made the leaf. */
  ownsLeaf(x: TensorBase): boolean;
  /** What gives, at a replay, the tensor that stands in the place of `x`: another one for an argument. */
  current(x: Tensor): () => Tensor;
  /** Runs host code that is neither traced nor frozen: each replay runs it again. */
  effect(fn: () => void): void;
  /** {@link Tracer.effect} on a tensor that the function computes; `find` gives what the code put in place. */
  hand(x: Tensor, fn: (x: Tensor) => void, find: FindStorage): void;
  /** Says where a cell that is not always the same is found. */
  follow(storage: Storage, find: FindStorage): void;
  /** Host data were drawn at random, and are about to be uploaded; `draw` draws others. */
  drew(draw: () => TypedArray): void;
  /** A generator gave a kernel its stream. */
  streamed(generator: Generator, offset: number): void;
  /** Backward has run a step of a graph. */
  walked(node: object): void;
  /** The trace holds only while the check says so that `look` gives when the trace is over. */
  guard(look: () => () => boolean): void;
  /** The trace holds only while an object has the same fields, groups have the same members, and the same tensors among these are trained. */
  guardFields(object: object, groups: readonly Group[]): void;
  /** @throws NotSupportedError always: `op` needs what no trace has. */
  refuse(op: string, why?: string): never;
}

/** What listens now; null almost always. */
export let tracer: Tracer | null = null;

/** Lets a tracer listen, or nobody. */
export function setTracer(next: Tracer | null): void {
  tracer = next;
}

/** Runs host code whose effects are no kernels, such as counting a step; a traced function does it again at each replay. */
export function hostEffect(fn: () => void): void {
  if (tracer === null) fn();
  else tracer.effect(fn);
}

/** Draws host data at random; a traced function draws others at each replay. */
export function drawn<A extends TypedArray>(draw: () => A): A {
  const data = draw();
  if (tracer !== null && data.length > 0) tracer.drew(draw);
  return data;
}
