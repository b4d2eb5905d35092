import { type KernelName, NotSupportedError } from "@sconce/core";
import type { VectorFunctions } from "../../elementwise/simd.js";
import type { ReferenceKernel } from "../../reference/array.js";
import type { SpecialFunctions } from "../../reference/scalar.js";
import { type Fill, intoNew, type Kernel, type Planner, planned, twin } from "../kernel.js";

/** A kernel and the plain TypeScript that specifies it. */
export interface KernelRow<K extends KernelName> {
  readonly run: Kernel<K>;
  /** The kernel into blocks that are there already. */
  readonly fill: Fill<K>;
  /** Plans the kernel for many calls. */
  readonly plan?: Planner<K>;
  readonly reference: ReferenceKernel<K>;
}

/** Every kernel, and the functions that elementwise kernels call or print. */
export type KernelTable = { readonly [K in KernelName]: KernelRow<K> } & {
  readonly special: SpecialFunctions;
  readonly vectors: VectorFunctions;
};
/** Some of the kernels. */
export type KernelPart = Partial<KernelTable>;

/** Kernels of fused ops, and those of their gradients: without them core runs what they are composed of. */
const FUSED = ["attention", "layerNorm", "channelNorm", "lstm", "gru", "rnn"] as const;

/** The fused ops that a part leaves to core. */
export function decomposedIn(kernels: KernelPart): ReadonlySet<KernelName> {
  return new Set(FUSED.flatMap((name) => [name, `${name}Grad`] as const).filter((name) => kernels[name] === undefined));
}

/** The part of a kernel that is never composed; `dense` for those that are not named. */
const PART: { readonly [K in KernelName]?: string } = {
  sort: "ordering",
  cumulate: "ordering",
  conv: "convolution",
  convInput: "convolution",
  convWeight: "convolution",
  maxPool: "convolution",
  avgPool: "convolution",
  avgPoolGrad: "convolution",
};

/** The row of a kernel. @throws NotSupportedError if no part has it. */
export function rowOf<K extends KernelName>(kernels: KernelPart, name: K): KernelRow<K> {
  const row = kernels[name] as unknown as KernelRow<K> | undefined;
  if (row !== undefined) return row;
  throw new NotSupportedError(
    `${name}: expected a CPU backend with this kernel, got parts without it; give cpuBackend the part \`${PART[name] ?? "dense"}\` too, or import "@sconce/backend-cpu"`,
  );
}

/** The row of a kernel that fills new blocks. */
export function filling<K extends KernelName>(own: Fill<K>, reference: ReferenceKernel<K>): KernelRow<K> {
  const general = twin(reference);
  const fill: Fill<K> = (machine, inputs, outputs, blocks, attrs) => {
    if (own(machine, inputs, outputs, blocks, attrs) === false) general(machine, inputs, outputs, blocks, attrs);
  };
  return { run: intoNew(fill), fill, reference };
}

/** The row of a kernel that is planned for each layout of its inputs. */
export function planning<K extends KernelName>(plan: Planner<K>, reference: ReferenceKernel<K>): KernelRow<K> {
  return { ...filling(planned(plan), reference), plan };
}
