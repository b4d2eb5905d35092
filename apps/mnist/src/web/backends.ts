import { type Backend, type Device, getBackend, getNumThreads, init } from "sconce";
import { type DeviceName, deviceTitles } from "../choices.js";
import type { BackendState } from "./protocol.js";

interface Source {
  /** Gets the backend's package. */
  load(): Promise<{ onDeviceLost?(listener: (error: Error) => void): unknown }>;
  /** Why this platform cannot have it, or null. */
  lacks(): string | null;
  /** What it runs on, once it is started, or null. */
  detail(): string | null;
}

const sources: { readonly [K in DeviceName]: Source } = {
  cpu: {
    load: async () => ({}),
    lacks: () => null,
    detail() {
      if (!globalThis.crossOriginIsolated) return "1 thread: this page is not cross-origin isolated.";
      const threads = getNumThreads();
      return threads === 1 ? "1 thread" : `${threads} threads`;
    },
  },
  webgpu: {
    load: () => import("@sconce/backend-webgpu"),
    lacks() {
      if (!globalThis.isSecureContext) return "WebGPU needs https, or localhost.";
      return "gpu" in navigator ? null : "This browser has no WebGPU.";
    },
    detail: () => null,
  },
};

/** The words after the part of a message that names the call and the device. */
const reason = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/^init: device "\w+" is not available: /, "");

/** The devices of this platform. */
export class Backends {
  readonly #onLost: (name: DeviceName, error: Error) => void;
  readonly #watched = new WeakSet<Backend>();

  /** `onLost` hears of devices that go away. */
  constructor(onLost: (name: DeviceName, error: Error) => void) {
    this.#onLost = onLost;
  }

  /** Starts a device, also one that was lost. Returns in words why it cannot be had, or null. */
  async start(name: DeviceName): Promise<string | null> {
    const { load, lacks } = sources[name];
    const lacking = lacks();
    if (lacking !== null) return lacking;
    try {
      const { onDeviceLost } = await load();
      await init(name as Device);
      const backend = getBackend(name as Device);
      if (!this.#watched.has(backend)) onDeviceLost?.((error) => this.#onLost(name, error));
      this.#watched.add(backend);
      return null;
    } catch (error) {
      return `It could not be started: ${reason(error)}`;
    }
  }

  /** Tries every device. */
  async find(): Promise<BackendState[]> {
    const names = Object.keys(deviceTitles) as DeviceName[];
    return Promise.all(
      names.map(async (name) => {
        const missing = await this.start(name);
        return { name, missing, detail: missing === null ? sources[name].detail() : null };
      }),
    );
  }
}
