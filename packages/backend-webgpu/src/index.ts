/**
 * The WebGPU device, in browsers and in Node. Importing this package announces it; `await init("webgpu")` starts it.
 *
 * @module backend-webgpu
 */
import { type Device, getBackend, registerBackendFactory } from "@sconce/core";
import { createWebGpuBackend, type LostListener, type WebGpuBackend, type WebGpuInfo } from "./backend.js";
import { probe } from "./device.js";
import type { KernelTime } from "./profile.js";

declare module "@sconce/core" {
  interface Devices {
    webgpu: true;
  }
}

const NAME = "webgpu" as Device;

registerBackendFactory(NAME, () => createWebGpuBackend(), { rank: 2, probe });

const started = (op: string): WebGpuBackend => getBackend(NAME, op) as WebGpuBackend;

/**
 * Times every kernel that `fn` runs, on the device, longest first. The times also appear as a track in Chromium's performance panel.
 *
 * @throws DeviceError if the adapter has no timestamp queries, or if `"webgpu"` is not started.
 * @example
 * const times = await profile(() => net(images)); // [{ kernel: "conv 2", calls: 2, ms: 1.7 }, ...]
 */
export async function profile(fn: () => unknown): Promise<KernelTime[]> {
  return started("profile").profile(fn);
}

/**
 * Calls `fn`, a model or a whole training step, and compiles the kernels that it needs in the background before they run, side by side:
 * the page does not stall, and neither does the next call.
 *
 * @returns the number of kernels compiled.
 * @throws DeviceError if `"webgpu"` is not started.
 * @example
 * await warmup(net, zeros([64, 1, 28, 28], { device: "webgpu" }));
 */
export async function warmup<A extends readonly unknown[]>(fn: (...args: A) => unknown, ...args: A): Promise<number> {
  return started("warmup").warmup(() => {
    fn(...args);
  });
}

/**
 * Calls `listener` once if the device is lost. Reads that are pending then reject with a DeviceError; `await init("webgpu")` starts a new
 * device.
 *
 * @returns a function that forgets the listener.
 * @throws DeviceError if `"webgpu"` is not started.
 * @example
 * onDeviceLost((error) => console.error(error.message));
 */
export function onDeviceLost(listener: LostListener): () => void {
  return started("onDeviceLost").onLost(listener);
}

/**
 * Figures of the work so far: dispatches, submits, pipelines, buffers.
 * @throws DeviceError if `"webgpu"` is not started.
 */
export function deviceInfo(): WebGpuInfo {
  return started("deviceInfo").info;
}

export { createWebGpuBackend, type LostListener, WebGpuBackend, type WebGpuInfo, type WebGpuOptions } from "./backend.js";
export type {
  GpuAdapterInfo,
  GpuBuffer,
  GpuDevice,
  GpuEncoder,
  GpuError,
  GpuLimits,
  GpuLostInfo,
  GpuPass,
  GpuQuerySet,
  GpuQueue,
} from "./gpu.js";
export type { PoolInfo } from "./pool.js";
export type { KernelTime } from "./profile.js";
export type { QueueInfo } from "./queue.js";
