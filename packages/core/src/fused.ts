import type { KernelName, Kernels, Spec } from "./backend.js";
import { applyAll, compositeAll } from "./dispatch.js";
import type { Extension } from "./extension.js";
import type { Tensor } from "./tensor/tensor.js";

/** An op that a device may compute by one kernel. Floating-point inputs and results have one dtype. */
export interface FusedOp<K extends KernelName = KernelName> extends Extension<Kernels[K]> {
  readonly kernel: K;
  /** How many results callers get; those after them are kept for the derivative alone. */
  readonly results: number;
  /** Shapes and dtypes of all results. */
  readonly infer: (inputs: readonly Spec[], attrs: Kernels[K]) => readonly Spec[];
  /** The results that callers get, by simpler ops: on devices without the kernel, and where derivatives are differentiated again. */
  readonly composed: (inputs: readonly Tensor[], attrs: Kernels[K]) => readonly Tensor[];
}

/** True if the device of `x` has a kernel for tensors of its dtype. */
function hasKernel(kernel: KernelName, { dtype, storage }: Tensor): boolean {
  return (dtype === "float32" || dtype === "float64") && storage.backend.decomposed?.has(kernel) !== true;
}

/** Runs a fused op: one kernel where the device of the first input has it, else the composition. */
export function applyFused<K extends KernelName>(op: FusedOp<K>, inputs: readonly Tensor[], attrs: Kernels[K]): readonly Tensor[] {
  if (!hasKernel(op.kernel, inputs[0])) {
    return compositeAll(
      op.name,
      inputs.filter((x) => x.isFloatingPoint()),
      () => op.composed(inputs, attrs),
    );
  }
  const all = applyAll("fused", inputs, { op: op as unknown as FusedOp, params: attrs });
  for (const extra of all.slice(op.results)) extra.dispose();
  return all.slice(0, op.results);
}
