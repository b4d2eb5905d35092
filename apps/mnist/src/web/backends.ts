import { type Device, getNumThreads, init } from "sconce";
import { type DeviceName, deviceTitles } from "../choices.js";
import type { BackendState } from "./protocol.js";

interface Source {
  /** Gets the backend's package. */
  load(): Promise<{ onDeviceLost?(listener: (error: Error) => void): unknown }>;
  /** Why this platform cannot have it, or null. */
  lacks(): string | null;
  /** What it runs on. */
  detail(): string | null;
}

const sources: { readonly [K in DeviceName]: Source } = {
  cpu: {
    load: async () => ({}),
    lacks: () => null,
    detail: () => (globalThis.crossOriginIsolated ? threads(getNumThreads()) : "1 thread: this page is not cross-origin isolated"),
  },
  webgpu: {
    load: () => import("@sconce/backend-webgpu"),
    lacks() {
      if (!globalThis.isSecureContext) return "WebGPU needs https (or localhost).";
      return "gpu" in navigator ? null : "This browser has no WebGPU.";
    },
    detail: () => null,
  },
};

const threads = (n: number): string => (n === 1 ? "1 thread" : `${n} threads`);

/** The words after the part of a message that names the call and the device. */
const reason = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/^init: device "\w+" is not available: /, "");

/** Starts a device; calls `onLost` if it goes away later. Returns in words why it cannot be had, or null. */
export async function startBackend(name: DeviceName, onLost: (error: Error) => void): Promise<string | null> {
  const { load, lacks } = sources[name];
  const lacking = lacks();
  if (lacking !== null) return lacking;
  try {
    const { onDeviceLost } = await load();
    await init(name as Device);
    onDeviceLost?.(onLost);
    return null;
  } catch (error) {
    return `It could not be started: ${reason(error)}`;
  }
}

/** Tries every device. */
export async function findBackends(onLost: (name: DeviceName, error: Error) => void): Promise<BackendState[]> {
  const names = Object.keys(deviceTitles) as DeviceName[];
  return Promise.all(
    names.map(async (name) => {
      const missing = await startBackend(name, (error) => onLost(name, error));
      return { name, missing, detail: missing === null ? sources[name].detail() : null };
    }),
  );
}
