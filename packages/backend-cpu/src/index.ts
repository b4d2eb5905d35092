/**
 * The CPU device. Importing this package registers it under the name `"cpu"`.
 *
 * @module backend-cpu
 */
import { registerBackend } from "@sconce/core";
import { createCpuBackend } from "./backend.js";

declare module "@sconce/core" {
  interface Devices {
    cpu: true;
  }
}

registerBackend(createCpuBackend());

export { CpuBackend, type CpuOptions, createCpuBackend } from "./backend.js";
export { getNumThreads, setNumThreads } from "./threads/settings.js";
