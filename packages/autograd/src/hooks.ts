import { SconceError, type Tensor } from "@sconce/core";
import { historyOf, needsGrad } from "./history.js";
import type { GradHook, HookEntry, TapeNode } from "./node.js";

/** Takes a hook away again. */
export interface HookHandle extends Disposable {
  remove(): void;
}

/** Adds a hook to the node that gradients of `x` go to. */
export function registerHook(x: Tensor, fn: GradHook): HookHandle {
  if (!needsGrad(x)) {
    throw new SconceError("registerHook: cannot register a hook on a tensor that doesn't require gradient; set requiresGrad first", {
      op: "registerHook",
    });
  }
  const { target, output } = historyOf(x);
  const node = target as TapeNode;
  const entry: HookEntry = { output, fn };
  (node.hooks ??= []).push(entry);
  const remove = (): void => {
    if (node.hooks === null) return;
    const rest = node.hooks.filter((other) => other !== entry);
    node.hooks = rest.length > 0 ? rest : null;
  };
  return { remove, [Symbol.dispose]: remove };
}
