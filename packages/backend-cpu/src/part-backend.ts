import {
  type Backend,
  type Device,
  type DType,
  type Handle,
  hostArray,
  itemSize,
  type KernelName,
  type Kernels,
  type Replayer,
  type Spec,
  type TypedArray,
  ValueError,
  type View,
} from "@sconce/core";
import { useVectors } from "./elementwise/simd.js";
import type { Plan } from "./kernels/kernel.js";
import { decomposedIn, type KernelPart, rowOf } from "./kernels/parts/table.js";
import { type Block, Machine } from "./machine.js";
import { elementsOf } from "./reference/array.js";
import { LIMITS, ReferenceBackend } from "./reference/backend.js";
import { useSpecial } from "./reference/scalar.js";
import { detectFeatures } from "./wasm/features.js";
import { Heap } from "./wasm/memory.js";
import { settingsVersion } from "./wide-state.js";

type Run<K extends KernelName> = (attrs: Kernels[K]) => void;

/** How a CPU backend is made. */
export interface CpuOptions {
  /** Runs the plain TypeScript reference kernels alone. */
  readonly reference?: boolean;
  /** Bytes of tensors in the WebAssembly memory beyond which those that were not used lately move to garbage-collected arrays. */
  readonly memoryLimit?: number;
  /** Puts tensors into memory that workers can share; by default wherever the platform allows it. */
  readonly shared?: boolean;
}

/** The CPU with some kernels: tensors in one WebAssembly memory, code emitted at run time. */
export class PartBackend implements Backend {
  readonly name: Device = "cpu";
  readonly limits: Backend["limits"];
  readonly decomposed: ReadonlySet<KernelName>;
  /** The memory and what kernels need besides. */
  readonly machine: Machine;
  readonly #kernels: KernelPart;

  constructor(kernels: KernelPart, { memoryLimit = LIMITS.resident, shared }: CpuOptions = {}) {
    this.#kernels = kernels;
    this.decomposed = decomposedIn(kernels);
    if (kernels.special !== undefined) useSpecial(kernels.special);
    if (kernels.vectors !== undefined) useVectors(kernels.vectors);
    this.machine = new Machine(new Heap({ shared }));
    this.limits = { ...LIMITS, resident: memoryLimit, parts: true };
  }

  upload(data: TypedArray, dtype: DType): Handle {
    const { machine } = this;
    const block = machine.allocate({ shape: [data.length], dtype });
    elementsOf(machine.elements(dtype)).set(elementsOf(data), block.pointer / itemSize(dtype));
    return block;
  }

  async download(handle: Handle, dtype: DType, length: number): Promise<TypedArray> {
    return this.downloadSync(handle, dtype, length);
  }

  downloadSync(handle: Handle, dtype: DType, length: number): TypedArray {
    if (length === 0) return hostArray(dtype, 0);
    const start = (handle as Block).pointer / itemSize(dtype);
    return this.machine.elements(dtype).slice(start, start + length);
  }

  run<K extends KernelName>(kernel: K, inputs: readonly View[], outputs: readonly Spec[], attrs: Kernels[K]): readonly Handle[] {
    return rowOf(this.#kernels, kernel).run(this.machine, inputs, outputs, attrs);
  }

  readonly replay: Replayer = {
    reserve: (bytes) => this.machine.allocate({ shape: [bytes], dtype: "uint8" }),
    within: (block, offset) => ({ pointer: (block as Block).pointer + offset }),
    prepare: (kernel, inputs, outputs, handles) => this.#prepare(kernel, inputs, outputs, handles as readonly Block[]),
  };

  #prepare<K extends KernelName>(kernel: K, inputs: readonly View[], outputs: readonly Spec[], blocks: readonly Block[]): Run<K> {
    const { machine } = this;
    const { fill, plan } = rowOf(this.#kernels, kernel);
    let [made, from, settings]: [Plan | null, Kernels[K]?, number?] = [null];
    return (attrs) => {
      if (attrs !== from || settings !== settingsVersion) {
        made = plan === undefined ? null : plan(machine, inputs, outputs, attrs);
        from = attrs;
        settings = settingsVersion;
      }
      if (made === null) fill(machine, inputs, outputs, blocks, attrs);
      else made(inputs, blocks);
    };
  }

  /** Takes a buffer back. */
  free(handle: Handle): void {
    this.machine.free(handle as Block);
  }
}

/**
 * Makes a CPU backend of parts: a program carries the kernels of those that it names. The reference kernels run where the engine has no
 * WebAssembly SIMD.
 * @throws ValueError for anything but a list of parts.
 * @example
 * import { cpuBackend, dense } from "@sconce/backend-cpu/parts";
 * registerBackend(cpuBackend([dense]));
 */
export function cpuBackend(parts: readonly KernelPart[], options: CpuOptions = {}): Backend {
  if (!Array.isArray(parts) || parts.some((part) => typeof Object.values(part ?? {})[0] !== "object"))
    throw new ValueError("cpuBackend: expected a list of parts, such as [dense]");
  const kernels: KernelPart = Object.assign({}, ...parts);
  return options.reference || !detectFeatures().simd ? new ReferenceBackend(kernels) : new PartBackend(kernels, options);
}
