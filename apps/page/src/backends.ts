/** Which devices the browser has. Loads no backend for it. */
import { getNumThreads } from "sconce";
import { reason } from "./reason.js";

/** What is read of WebGPU here. */
interface Adapter {
  readonly info: { readonly vendor: string; readonly architecture: string; readonly isFallbackAdapter?: boolean };
}

/** Name of a device. */
export type DeviceName = "cpu" | "webgpu" | "webgl";

/** A device, and in words why it is missing. */
export interface BackendState {
  readonly name: DeviceName;
  readonly missing: string | null;
  /** What it runs on, where it says so. */
  readonly detail: string | null;
}

const described = (name: string, software: boolean): string => (software ? "Emulated by the processor: slow" : name);

/** What each device runs on, in words; an error says why it cannot be had. */
export const probes: { readonly [K in DeviceName]: () => Promise<string> } = {
  async cpu() {
    if (!globalThis.crossOriginIsolated) return "1 thread: this page is not cross-origin isolated.";
    const threads = getNumThreads();
    return threads === 1 ? "1 thread" : `Up to ${threads} threads`;
  },
  async webgpu() {
    if (!globalThis.isSecureContext) throw new Error("It needs https, or localhost.");
    const { gpu } = navigator as { readonly gpu?: { requestAdapter(): Promise<Adapter | null> } };
    if (gpu === undefined) throw new Error("This browser does not have it.");
    const adapter = await gpu.requestAdapter();
    if (adapter === null) throw new Error("The browser has it, but no graphics adapter for it.");
    const { vendor, architecture, isFallbackAdapter } = adapter.info;
    return described(`${vendor} ${architecture}`.trim(), isFallbackAdapter === true || architecture === "swiftshader");
  },
  async webgl() {
    const context = "OffscreenCanvas" in globalThis ? new OffscreenCanvas(1, 1).getContext("webgl2") : null;
    if (context === null) throw new Error("This browser does not have WebGL 2 in workers.");
    if (context.getExtension("EXT_color_buffer_float") === null) throw new Error("It cannot compute with floating-point numbers here.");
    const details = context.getExtension("WEBGL_debug_renderer_info");
    const name = details === null ? "" : String(context.getParameter(details.UNMASKED_RENDERER_WEBGL));
    context.getExtension("WEBGL_lose_context")?.loseContext();
    return described(name.replace(/^ANGLE \((.*)\)$/, "$1"), /swiftshader|llvmpipe|software/i.test(name));
  },
};

/** Looks for every device. */
export function findBackends(): Promise<BackendState[]> {
  return Promise.all(
    (Object.keys(probes) as DeviceName[]).map(async (name) => {
      try {
        return { name, missing: null, detail: (await probes[name]()) || null };
      } catch (error) {
        return { name, missing: reason(error), detail: null };
      }
    }),
  );
}
