import type { Backend } from "@sconce/core";
import { kernels } from "./kernels/index.js";
import { type CpuOptions, PartBackend } from "./part-backend.js";
import { ReferenceBackend } from "./reference/backend.js";
import { detectFeatures } from "./wasm/features.js";

export type { CpuOptions } from "./part-backend.js";

/**
 * The CPU: tensors in one WebAssembly memory, kernels emitted at run time.
 * @example
 * registerBackend(new CpuBackend({ memoryLimit: 2 ** 30 }));
 */
export class CpuBackend extends PartBackend {
  constructor(options: CpuOptions = {}) {
    super(kernels, options);
  }
}

/**
 * Makes a CPU backend; the reference kernels where the engine has no WebAssembly SIMD.
 * @example
 * registerBackend(createCpuBackend({ reference: true }));
 */
export function createCpuBackend(options: CpuOptions = {}): Backend {
  return options.reference || !detectFeatures().simd ? new ReferenceBackend(kernels) : new CpuBackend(options);
}
