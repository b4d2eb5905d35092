/**
 * The CPU device. Importing this package registers it under the name `"cpu"`.
 *
 * @module backend-cpu
 */
import { registerBackend } from "@sconce/core";
import { createCpuBackend } from "./backend.js";
import { nodeProcess } from "./wasm/features.js";
import { configureCpu } from "./wide.js";

declare module "@sconce/core" {
  interface Devices {
    cpu: true;
  }
}

registerBackend(createCpuBackend());
if (nodeProcess()?.env?.SCONCE_CPU_WIDE === "1") configureCpu({ wide: true });

export { CpuBackend, type CpuOptions, createCpuBackend } from "./backend.js";
export { getNumThreads, setNumThreads } from "./threads/settings.js";
export { type CpuSettings, configureCpu } from "./wide.js";
