import { castingOf } from "./autocast-state.js";
import type { KernelName, Kernels, Spec } from "./backend.js";
import { applyAll, compositeAll } from "./dispatch.js";
import type { Extension } from "./extension.js";
import type { Tensor } from "./tensor/tensor.js";

/** A kernel as an op. Floating-point inputs and results have one dtype. */
export interface KernelOp<K extends KernelName = KernelName> extends Extension<Kernels[K]> {
  readonly kernel: K;
  /** Shapes and dtypes of the results. */
  readonly infer: (inputs: readonly Spec[], attrs: Kernels[K]) => readonly Spec[];
}

/** An op that a device may compute by one kernel. */
export interface FusedOp<K extends KernelName = KernelName> extends KernelOp<K> {
  /** How many results callers get; those after them are kept for the derivative alone. */
  readonly results: number;
  /** The results that callers get, by simpler ops: on devices without the kernel, and where derivatives are differentiated again. */
  readonly composed: (inputs: readonly Tensor[], attrs: Kernels[K]) => readonly Tensor[];
}

/** Runs a kernel that the device of the inputs is known to have, such as that of the derivative of a fused op. */
export function applyKernel<K extends KernelName>(op: KernelOp<K>, inputs: readonly Tensor[], attrs: Kernels[K]): readonly Tensor[] {
  return applyAll("fused", inputs, { op: op as unknown as KernelOp, params: attrs });
}

/** True if the device of `x` has a kernel for tensors of its dtype; where ops are cast, the parts of a composition get dtypes of their own. */
function hasKernel(kernel: KernelName, x: Tensor): boolean {
  const { dtype, storage } = x;
  return (dtype === "float32" || dtype === "float64") && storage.backend.decomposed?.has(kernel) !== true && castingOf(x) === undefined;
}

/** Runs a fused op: one kernel where the device of the first input has it and no autocast region is open, else the composition. */
export function applyFused<K extends KernelName>(op: FusedOp<K>, inputs: readonly Tensor[], attrs: Kernels[K]): readonly Tensor[] {
  // A composition holds for all examples of a transform at once, a kernel for one.
  if (hasKernel(op.kernel, inputs[0]) && inputs.every((x) => x.wrapped === null)) {
    const all = applyKernel(op, inputs, attrs);
    for (const extra of all.slice(op.results)) extra.dispose();
    return all.slice(0, op.results);
  }
  return compositeAll(
    op.name,
    inputs.filter((x) => x.isFloatingPoint()),
    () => op.composed(inputs, attrs),
  );
}
