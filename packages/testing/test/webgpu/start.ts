import { createWebGpuBackend, type WebGpuBackend } from "@sconce/backend-webgpu";
import { findDriver } from "./driver.js";

/** A backend in Node; null without an adapter on a developer's machine, an error in CI. `software` forces the kernels of one kind. */
export async function startDevice(software?: boolean): Promise<WebGpuBackend | null> {
  findDriver();
  try {
    return await createWebGpuBackend(software === undefined ? {} : { software });
  } catch (error) {
    if (process.env.CI) throw error;
    console.warn(`the WebGPU tests are skipped: ${(error as Error).message}`);
    return null;
  }
}
