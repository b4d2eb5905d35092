import {
  type Backend,
  type Device,
  DTYPES,
  type DType,
  type Handle,
  itemSize,
  type KernelName,
  type Kernels,
  type Spec,
  type TypedArray,
  type View,
} from "@sconce/core";
import { kernels } from "./kernels/index.js";
import type { Kernel } from "./kernels/kernel.js";
import { type Block, Machine } from "./machine.js";
import { type Elements, elementsOf } from "./reference/array.js";
import { ReferenceBackend } from "./reference/backend.js";
import { detectFeatures } from "./wasm/features.js";

/** The CPU: tensors in one WebAssembly memory, kernels emitted at run time. */
export class CpuBackend implements Backend {
  readonly name: Device = "cpu";
  readonly limits: Backend["limits"] = { dtypes: new Set(DTYPES), maxInputs: 16, maxExpr: 48, maxBytes: 2 ** 31 };
  readonly machine: Machine;

  constructor(machine: Machine = new Machine()) {
    this.machine = machine;
  }

  upload(data: TypedArray, dtype: DType): Handle {
    const block = this.machine.allocate({ shape: [data.length], dtype });
    elementsOf(this.machine.elements(dtype)).set(data as unknown as Elements, block.pointer / itemSize(dtype));
    return block;
  }

  async download(handle: Handle, dtype: DType, length: number): Promise<TypedArray> {
    return this.downloadSync(handle, dtype, length);
  }

  downloadSync(handle: Handle, dtype: DType, length: number): TypedArray {
    const start = (handle as Block).pointer / itemSize(dtype);
    return this.machine.elements(dtype).slice(start, start + length);
  }

  run<K extends KernelName>(kernel: K, inputs: readonly View[], outputs: readonly Spec[], attrs: Kernels[K]): readonly Handle[] {
    const run: Kernel<K> = kernels[kernel];
    return run(this.machine, inputs, outputs, attrs);
  }

  free(handle: Handle): void {
    this.machine.free(handle as Block);
  }
}

/** How a CPU backend is made. */
export interface CpuOptions {
  /** Runs the plain TypeScript reference kernels alone. */
  readonly reference?: boolean;
}

/**
 * Makes a CPU backend; the reference kernels where the engine has no WebAssembly SIMD.
 * @example
 * registerBackend(createCpuBackend({ reference: true }));
 */
export function createCpuBackend({ reference = false }: CpuOptions = {}): Backend {
  return reference || !detectFeatures().simd ? new ReferenceBackend() : new CpuBackend();
}
