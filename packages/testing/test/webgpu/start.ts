import { createWebGpuBackend, type WebGpuBackend } from "@sconce/backend-webgpu";

const inNode = typeof process !== "undefined" && process.versions?.node !== undefined;

/**
 * A backend in Node or in the browser; null without an adapter on a developer's machine, an error in CI and in browsers (where the suite
 * asks for the software adapter). `software` forces the kernels of one kind, `subgroups` false those without subgroups.
 */
export async function startDevice(software?: boolean, subgroups?: boolean): Promise<WebGpuBackend | null> {
  if (inNode) (await import("./driver.js")).findDriver();
  try {
    return await createWebGpuBackend({ ...(software !== undefined && { software }), ...(subgroups !== undefined && { subgroups }) });
  } catch (error) {
    if (!inNode || process.env.CI) throw error;
    console.warn(`the WebGPU tests are skipped: ${(error as Error).message}`);
    return null;
  }
}
