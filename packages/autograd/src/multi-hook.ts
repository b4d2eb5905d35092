import { SconceError, type Tensor } from "@sconce/core";
import { Engine } from "./engine.js";
import { historyOf, needsGrad } from "./history.js";
import { registerHook } from "./hooks.js";
import type { HookHandle, TapeNode } from "./node.js";

/** Gets the gradients of several tensors, null for one that a walk does not reach. */
export type MultiGradHook = (grads: readonly (Tensor | null)[]) => void;

/** When the hook runs. */
export interface MultiGradOptions {
  /** Once all gradients that a walk makes are there, or as soon as one is. */
  readonly mode?: "all" | "any";
}

/** One walk's gradients so far. */
interface Progress {
  readonly grads: (Tensor | null)[];
  left: number;
}

/**
 * Calls `fn` once in each walk of backward with the gradients of several tensors.
 *
 * Source: https://pytorch.org/docs/stable/autograd.html#torch.autograd.graph.register_multi_grad_hook
 *
 * @throws SconceError for a tensor that does not require gradients.
 * @example
 * const [a, b] = [tensor(1), tensor(2)].map((x) => x.requiresGrad_());
 * const handle = graph.registerMultiGradHook([a, b], ([da, db]) => console.log(`${da} ${db}`));
 * a.mul(b).backward();
 * handle.remove();
 */
export function registerMultiGradHook(tensors: readonly Tensor[], fn: MultiGradHook, { mode = "all" }: MultiGradOptions = {}): HookHandle {
  if (tensors.length === 0 || !tensors.every(needsGrad)) {
    throw new SconceError("registerMultiGradHook: expected tensors that require gradients");
  }
  const nodes = tensors.map((x) => historyOf(x).target as TapeNode);
  const walks = new WeakMap<Engine, Progress>();
  const begin = (engine: Engine): Progress => {
    const reached = engine.reached();
    const left = mode === "any" ? 1 : nodes.filter((node) => reached.has(node)).length;
    const progress = { grads: nodes.map(() => null), left };
    walks.set(engine, progress);
    return progress;
  };
  const handles = tensors.map((x, i) =>
    registerHook(x, (grad) => {
      const engine = Engine.running as Engine;
      const progress = walks.get(engine) ?? begin(engine);
      progress.grads[i] = grad;
      if (--progress.left === 0) fn(progress.grads);
    }),
  );
  const remove = (): void => {
    for (const handle of handles) handle.remove();
  };
  return { remove, [Symbol.dispose]: remove };
}
