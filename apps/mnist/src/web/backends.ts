import { type Backend, type Device, getBackend, getNumThreads, init } from "sconce";
import { type DeviceName, deviceTitles } from "../choices.js";
import type { BackendState } from "./protocol.js";

interface Source {
  /** What the device runs on, in words; throws an error that says why it cannot be had. Loads nothing. */
  probe(): Promise<string>;
  /** Gets the backend's package. Returns how to hear of the device's loss. */
  load(): Promise<((listener: (error: Error) => void) => unknown) | null>;
}

/** What is read of WebGPU here. */
interface Adapter {
  readonly info: { readonly vendor: string; readonly architecture: string; readonly isFallbackAdapter?: boolean };
}

const sources: { readonly [K in DeviceName]: Source } = {
  cpu: {
    async probe() {
      if (!globalThis.crossOriginIsolated) return "1 thread: this page is not cross-origin isolated.";
      const threads = getNumThreads();
      return threads === 1 ? "1 thread" : `${threads} threads`;
    },
    load: async () => null,
  },
  webgpu: {
    async probe() {
      if (!globalThis.isSecureContext) throw new Error("It needs https, or localhost.");
      const { gpu } = navigator as { readonly gpu?: { requestAdapter(): Promise<Adapter | null> } };
      if (gpu === undefined) throw new Error("This browser does not have it.");
      const adapter = await gpu.requestAdapter();
      if (adapter === null) throw new Error("The browser has it, but no graphics adapter for it.");
      const { vendor, architecture, isFallbackAdapter } = adapter.info;
      return described(`${vendor} ${architecture}`.trim(), isFallbackAdapter === true || architecture === "swiftshader");
    },
    load: async () => (await import("@sconce/backend-webgpu")).onDeviceLost,
  },
  webgl: {
    async probe() {
      const context = "OffscreenCanvas" in globalThis ? new OffscreenCanvas(1, 1).getContext("webgl2") : null;
      if (context === null) throw new Error("This browser does not have WebGL 2 where it trains.");
      if (context.getExtension("EXT_color_buffer_float") === null) throw new Error("It cannot compute with floating-point numbers here.");
      const details = context.getExtension("WEBGL_debug_renderer_info");
      const name = details === null ? "" : String(context.getParameter(details.UNMASKED_RENDERER_WEBGL));
      context.getExtension("WEBGL_lose_context")?.loseContext();
      return described(name.replace(/^ANGLE \((.*)\)$/, "$1"), /swiftshader|llvmpipe|software/i.test(name));
    },
    load: async () => (await import("@sconce/backend-webgl")).onContextLost,
  },
};

const described = (name: string, software: boolean): string => (software ? "Emulated by the processor: slow" : name);

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The devices of this platform. */
export class Backends {
  readonly #onLost: (name: DeviceName, error: Error) => void;
  readonly #watched = new WeakSet<Backend>();

  /** `onLost` hears of devices that go away. */
  constructor(onLost: (name: DeviceName, error: Error) => void) {
    this.#onLost = onLost;
  }

  /** Looks for every device. */
  async find(): Promise<BackendState[]> {
    const names = Object.keys(deviceTitles) as DeviceName[];
    return Promise.all(
      names.map(async (name) => {
        try {
          return { name, missing: null, detail: (await sources[name].probe()) || null };
        } catch (error) {
          return { name, missing: reason(error), detail: null };
        }
      }),
    );
  }

  /** Starts a device, also one that was lost. Returns in words why it cannot be had, or null. */
  async start(name: DeviceName): Promise<string | null> {
    try {
      await sources[name].probe();
      const watch = await sources[name].load();
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
