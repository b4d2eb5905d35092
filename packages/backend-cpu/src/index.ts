/**
 * The CPU device. Importing this package registers it under the name `"cpu"`.
 *
 * @module backend-cpu
 */
import { registerBackend } from "@sconce/core";
import { CpuBackend } from "./backend.js";

declare module "@sconce/core" {
  interface Devices {
    cpu: true;
  }
}

registerBackend(new CpuBackend());

export { CpuBackend } from "./backend.js";
