import { type DeviceName, probes } from "@sconce-apps/page/backends";
import { reason } from "@sconce-apps/page/reason";
import { type Backend, type Device, getBackend, init } from "sconce";

/** How each backend's package is got, and how to hear of the device's loss. */
const loads: { readonly [K in DeviceName]: () => Promise<((listener: (error: Error) => void) => unknown) | null> } = {
  cpu: async () => null,
  webgpu: async () => (await import("@sconce/backend-webgpu")).onDeviceLost,
  webgl: async () => (await import("@sconce/backend-webgl")).onContextLost,
};

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
    try {
      await probes[name]();
      const watch = await loads[name]();
      await init(name as Device);
      const backend = getBackend(name as Device);
      if (!this.#watched.has(backend)) watch?.((error) => this.#onLost(name, error));
      this.#watched.add(backend);
      return null;
    } catch (error) {
      return reason(error);
    }
  }
}
