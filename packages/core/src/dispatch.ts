import type { PrimitiveName, Primitives } from "./primitives.js";
import { ending, giveAll, hiddenScope } from "./scope.js";
import type { Tensor } from "./tensor/tensor.js";

/** One call of a primitive. */
export interface Call<K extends PrimitiveName = PrimitiveName> {
  readonly op: K;
  readonly inputs: readonly Tensor[];
  readonly attrs: Primitives[K];
  /** The op that the user called, where it is not the primitive's own name (PyTorch's word, such as `T` for a permute). */
  readonly label: string | undefined;
}

/** Computes a call's results. */
export type Handler = (call: Call) => readonly Tensor[];

/** A behaviour around every primitive: autograd, the profiler, shape-only tracing. */
export interface Layer {
  /** Sees one call; `next` runs it. */
  call(call: Call, next: Handler): readonly Tensor[];
  /** Wraps a composition that should appear as one op; `fn` is the composition without the layers inside. */
  composite?(name: string, inputs: readonly Tensor[], next: () => readonly Tensor[], fn: () => readonly Tensor[]): readonly Tensor[];
  /** Wraps an in-place write of `result` into `target`. */
  mutate?(target: Tensor, result: Tensor, next: () => void): void;
}

type Composite = (name: string, inputs: readonly Tensor[], fn: () => readonly Tensor[]) => readonly Tensor[];
type Mutate = (target: Tensor, result: Tensor) => void;

let handler: Handler = () => {
  throw new Error("core is not started");
};
let composer: Composite = (_name, _inputs, fn) => fn();
let mutator: Mutate = () => {
  throw new Error("core is not started");
};

let innermost: readonly [Handler, Composite, Mutate] = [handler, composer, mutator];

/** Sets the innermost handlers. Called once, by tensor/tensor.ts. */
export function start(evaluate: Handler, write: Mutate): void {
  handler = evaluate;
  mutator = write;
  innermost = [evaluate, composer, write];
}

/** Runs `fn` as if there were no layers: what it computes is neither recorded nor traced. */
export function withoutLayers<T>(fn: () => T): T {
  const outer = [handler, composer, mutator] as const;
  [handler, composer, mutator] = innermost;
  try {
    return fn();
  } finally {
    [handler, composer, mutator] = outer;
  }
}

/** Wraps every later primitive call, composition and in-place write. */
export function addLayer(layer: Layer): void {
  const nextCall = handler;
  handler = (call) => layer.call(call, nextCall);
  if (layer.composite !== undefined) {
    const nextComposite = composer;
    composer = (name, inputs, fn) => layer.composite!(name, inputs, () => nextComposite(name, inputs, fn), fn);
  }
  if (layer.mutate !== undefined) {
    const nextMutate = mutator;
    mutator = (target, result) => layer.mutate!(target, result, () => nextMutate(target, result));
  }
}

/** Runs a function with a layer around all others. */
export function withLayer<T>(layer: Layer, fn: () => T): T {
  const before = [handler, composer, mutator] as const;
  addLayer(layer);
  try {
    return fn();
  } finally {
    [handler, composer, mutator] = before;
  }
}

/** Runs a primitive with one result. `label` names the op that the user called. */
export function apply<K extends PrimitiveName>(op: K, inputs: readonly Tensor[], attrs: Primitives[K], label?: string): Tensor {
  return handler({ op, inputs, attrs, label } as Call)[0];
}

/** Runs a primitive with several results. */
export function applyAll<K extends PrimitiveName>(
  op: K,
  inputs: readonly Tensor[],
  attrs: Primitives[K],
  label?: string,
): readonly Tensor[] {
  return handler({ op, inputs, attrs, label } as Call);
}

/**
 * Groups what `fn` computes under one name, so that autograd shows the op that the user called (`gradFn.name`). `inputs` are the
 * tensors whose edges the group shows, in PyTorch's order.
 */
export function composite(name: string, inputs: readonly Tensor[], fn: () => Tensor): Tensor {
  return compositeAll(name, inputs, () => [fn()])[0];
}

/** {@link composite} for several results. What else is made on the way is freed at once. */
export function compositeAll(name: string, inputs: readonly Tensor[], fn: () => readonly Tensor[]): readonly Tensor[] {
  return ending(hiddenScope(), () => composer(name, inputs, fn), giveAll);
}

/** Writes `result` into `target` in place; shapes and dtypes are equal. Returns `target`. */
export function mutate(target: Tensor, result: Tensor): Tensor {
  mutator(target, result);
  return target;
}
