/**
 * The WebGL device, for browsers without WebGPU. Importing this package announces it; `await init("webgl")` starts it.
 *
 * @module backend-webgl
 */
import { type Device, getBackend, registerBackendFactory } from "@sconce/core";
import { createWebGlBackend, type LostListener, type WebGlBackend, type WebGlInfo } from "./backend.js";
import { openContext } from "./gpu.js";

declare module "@sconce/core" {
  interface Devices {
    webgl: true;
  }
}

const NAME = "webgl" as Device;

registerBackendFactory(NAME, createWebGlBackend, { rank: 1, probe: async () => (await openContext()).renderer });

const started = (op: string): WebGlBackend => getBackend(NAME, op) as WebGlBackend;

/**
 * Calls `listener` once if the WebGL context is lost. Reads that are pending then reject with a DeviceError; `await init("webgl")` opens a
 * new context.
 *
 * @returns a function that forgets the listener.
 * @throws DeviceError if `"webgl"` is not started.
 * @example
 * onContextLost((error) => console.error(error.message));
 */
export function onContextLost(listener: LostListener): () => void {
  return started("onContextLost").onLost(listener);
}

/**
 * Figures of the work so far: launches, compiled programs, textures.
 * @throws DeviceError if `"webgl"` is not started.
 */
export function contextInfo(): WebGlInfo {
  return started("contextInfo").info;
}

export { createWebGlBackend, type LostListener, WebGlBackend, type WebGlInfo } from "./backend.js";
export type { Context, Program, Renderer } from "./gpu.js";
export type { TextureInfo } from "./textures.js";
