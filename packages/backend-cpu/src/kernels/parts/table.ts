import { type KernelName, NotSupportedError } from "@sconce/core";
import type { ReferenceKernel } from "../../reference/array.js";
import { type Fill, intoNew, type Kernel } from "../kernel.js";

/** A kernel and the plain TypeScript that specifies it. */
export interface KernelRow<K extends KernelName> {
  readonly run: Kernel<K>;
  /** The kernel into blocks that are there already. */
  readonly fill: Fill<K>;
  readonly reference: ReferenceKernel<K>;
}

/** Every kernel. */
export type KernelTable = { readonly [K in KernelName]: KernelRow<K> };
/** Some of the kernels. */
export type KernelPart = { readonly [K in KernelName]?: KernelRow<K> };

/** Kernels of fused ops: without them core runs what they are composed of. */
const FUSED: readonly KernelName[] = [
  "attention",
  "attentionGrad",
  "layerNorm",
  "layerNormGrad",
  "channelNorm",
  "channelNormGrad",
  "lstm",
  "lstmGrad",
  "gru",
  "gruGrad",
  "rnn",
  "rnnGrad",
];

/** The fused ops that a part leaves to core. */
export function decomposedIn(kernels: KernelPart): ReadonlySet<KernelName> {
  return new Set(FUSED.filter((name) => kernels[name] === undefined));
}

/** The row of a kernel. @throws NotSupportedError if no part has it. */
export function rowOf<K extends KernelName>(kernels: KernelPart, name: K): KernelRow<K> {
  const row = kernels[name] as KernelRow<K> | undefined;
  if (row !== undefined) return row;
  throw new NotSupportedError(
    `${name}: expected a CPU backend with this kernel, got parts without it; give cpuBackend the part \`convolution\` too, or import "@sconce/backend-cpu"`,
    { op: name },
  );
}

/** The row of a kernel that fills new blocks. */
export function filling<K extends KernelName>(fill: Fill<K>, reference: ReferenceKernel<K>): KernelRow<K> {
  return { run: intoNew(fill), fill, reference };
}
