import {
  type Backend,
  type Device,
  DTYPES,
  type DType,
  type Handle,
  type KernelName,
  type Kernels,
  type Replayer,
  type Spec,
  type TypedArray,
  type View,
} from "@sconce/core";
import type { Kernel } from "./kernels/kernel.js";
import { decomposedIn, type KernelPart, rowOf } from "./kernels/parts/table.js";
import { type Block, Machine } from "./machine.js";
import { enter, enterAll, isOverflow, leave, leaveAll, overflowHandle } from "./overflow.js";
import { MOVES, ReferenceBackend } from "./reference/backend.js";
import { useSpecial } from "./reference/scalar.js";
import { detectFeatures } from "./wasm/features.js";
import { Heap } from "./wasm/memory.js";

const MEMORY_LIMIT = 2 ** 31;

type Run<K extends KernelName> = (attrs: Kernels[K]) => void;

/** How a CPU backend is made. */
export interface CpuOptions {
  /** Runs the plain TypeScript reference kernels alone. */
  readonly reference?: boolean;
  /** Bytes of tensors in the WebAssembly memory beyond which new ones live in garbage-collected arrays. */
  readonly memoryLimit?: number;
  /** Puts tensors into memory that workers can share; by default wherever the platform allows it. */
  readonly shared?: boolean;
}

/** The CPU with some kernels: tensors in one WebAssembly memory, code emitted at run time. */
export class PartBackend implements Backend {
  readonly name: Device = "cpu";
  readonly limits: Backend["limits"] = {
    dtypes: new Set(DTYPES),
    narrow: MOVES,
    maxInputs: 16,
    maxExpr: 48,
    maxBytes: 2 ** 31,
    parts: true,
  };
  readonly decomposed: ReadonlySet<KernelName>;
  /** The memory and what kernels need besides. */
  readonly machine: Machine;
  readonly #kernels: KernelPart;
  readonly #memoryLimit: number;
  /** Some tensor may lie outside of the memory. */
  #overflowed = false;

  constructor(kernels: KernelPart, { memoryLimit = MEMORY_LIMIT, shared }: CpuOptions = {}) {
    this.#kernels = kernels;
    this.decomposed = decomposedIn(kernels);
    if (kernels.special !== undefined) useSpecial(kernels.special);
    this.machine = new Machine(new Heap({ shared }));
    this.#memoryLimit = memoryLimit;
  }

  upload(data: TypedArray, dtype: DType): Handle {
    if (this.#isFull()) return overflowHandle(data.slice(), this.#memoryLimit);
    return enter(this.machine, data, dtype);
  }

  async download(handle: Handle, dtype: DType, length: number): Promise<TypedArray> {
    return this.downloadSync(handle, dtype, length);
  }

  downloadSync(handle: Handle, dtype: DType, length: number): TypedArray {
    if (isOverflow(handle)) return handle.array.slice(0, length);
    return leave(this.machine, handle as Block, dtype, length);
  }

  run<K extends KernelName>(kernel: K, inputs: readonly View[], outputs: readonly Spec[], attrs: Kernels[K]): readonly Handle[] {
    const { run } = rowOf(this.#kernels, kernel);
    if (this.#isFull()) return this.#runOverflowing(run, inputs, outputs, attrs);
    return run(this.machine, inputs, outputs, attrs);
  }

  readonly replay: Replayer = {
    reserve: (bytes) => this.machine.allocate({ shape: [bytes], dtype: "uint8" }),
    within: (block, offset) => ({ pointer: (block as Block).pointer + offset }),
    prepare: (kernel, inputs, outputs, handles) => this.#prepare(kernel, inputs, outputs, handles as readonly Block[]),
  };

  #prepare<K extends KernelName>(kernel: K, inputs: readonly View[], outputs: readonly Spec[], blocks: readonly Block[]): Run<K> {
    const { machine } = this;
    const { fill } = rowOf(this.#kernels, kernel);
    return (attrs) => {
      if (!this.#overflowed) {
        fill(machine, inputs, outputs, blocks, attrs);
        return;
      }
      const { views, copies } = enterAll(machine, inputs);
      try {
        fill(machine, views, outputs, blocks, attrs);
      } finally {
        for (const copy of copies) machine.free(copy);
      }
    };
  }

  /** Takes a buffer back. */
  free(handle: Handle): void {
    if (!isOverflow(handle)) this.machine.free(handle as Block);
  }

  #isFull(): boolean {
    if (this.machine.heap.live <= this.#memoryLimit) return this.#overflowed;
    this.#overflowed = true;
    return true;
  }

  /** Runs a kernel with tensors on both sides of the limit; results stay inside if there is room again. */
  #runOverflowing<K extends KernelName>(
    run: Kernel<K>,
    inputs: readonly View[],
    outputs: readonly Spec[],
    attrs: Kernels[K],
  ): readonly Handle[] {
    const { machine } = this;
    const { views, copies } = enterAll(machine, inputs);
    let blocks: readonly Block[] = [];
    try {
      blocks = run(machine, views, outputs, attrs);
    } finally {
      for (const copy of copies) if (!blocks.includes(copy)) machine.free(copy);
    }
    const reused = blocks.some((block) => inputs.some((x) => x.handle === block));
    if (reused || machine.heap.live <= this.#memoryLimit) return blocks;
    return leaveAll(machine, blocks, outputs, this.#memoryLimit);
  }
}

/**
 * Makes a CPU backend of parts: a program carries the kernels of those that it names. The reference kernels run where the engine has no
 * WebAssembly SIMD.
 * @example
 * import { cpuBackend, dense } from "@sconce/backend-cpu/parts";
 * registerBackend(cpuBackend([dense]));
 */
export function cpuBackend(parts: readonly KernelPart[], options: CpuOptions = {}): Backend {
  const kernels: KernelPart = Object.assign({}, ...parts);
  return options.reference || !detectFeatures().simd ? new ReferenceBackend(kernels) : new PartBackend(kernels, options);
}
