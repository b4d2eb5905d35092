// biome-ignore-all assist/source/organizeImports: modules that are alike lie together in a bundle, which then compresses better.
/**
 * The CPU device in parts, for programs that count bytes: what `import "@sconce/backend-cpu"` registers whole. Nothing is registered on import.
 *
 * @module parts
 */
declare module "@sconce/core" {
  interface Devices {
    cpu: true;
  }
}

export { getNumThreads, setNumThreads } from "./threads/settings.js";
export { ordering } from "./kernels/parts/ordering.js";
export { type CpuOptions, cpuBackend, PartBackend } from "./part-backend.js";
export { special } from "./kernels/parts/special.js";
export { recurrence } from "./kernels/parts/recurrence.js";
export { transformer } from "./kernels/parts/transformer.js";
export { convolution } from "./kernels/parts/convolution.js";
export { dense } from "./kernels/parts/dense.js";
export type { KernelPart, KernelRow, KernelTable } from "./kernels/parts/table.js";
