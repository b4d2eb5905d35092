import { SconceError, type Tensor, ValueError } from "@sconce/core";
import { historyOf, needsGrad } from "./history.js";
import { AccumulateGrad, type GradHook, type HookEntry, type HookHandle, handleOf, type TapeNode } from "./node.js";

/** Adds a hook to the node that gradients of `x` go to. */
export function registerHook(x: Tensor, fn: GradHook): HookHandle {
  if (typeof fn !== "function") throw new ValueError(`registerHook: expected a function, got ${fn}`);
  if (!needsGrad(x)) {
    throw new SconceError("registerHook: cannot register a hook on a tensor that doesn't require gradient; set requiresGrad first");
  }
  const { target, output } = historyOf(x);
  const node = target as TapeNode;
  const entry: HookEntry = { output, fn };
  // Another list for others: a compiled function sees that it has changed.
  node.hooks = [...(node.hooks ?? []), entry];
  const remove = (): void => {
    if (node.hooks === null) return;
    const rest = node.hooks.filter((other) => other !== entry);
    node.hooks = rest.length > 0 ? rest : null;
  };
  return { remove, [Symbol.dispose]: remove };
}

/** Adds a hook that runs after backward has added to the `grad` of a leaf. */
export function registerPostAccumulateGradHook(x: Tensor, fn: (leaf: Tensor) => void): HookHandle {
  const op = "registerPostAccumulateGradHook";
  const target = needsGrad(x) ? historyOf(x).target : null;
  if (!(target instanceof AccumulateGrad)) {
    throw new SconceError(
      `${op}: post accumulate grad hooks cannot be registered on non-leaf tensors, or on those that do not require gradients`,
    );
  }
  target.after ??= [];
  return handleOf(target.after, fn);
}
