/** The libraries that a page runs; each loads when it is asked for. */
import type { Start } from "../peers/runner.js";

type Load = (device: string, threads: number) => Promise<{ readonly start: Start }>;

/** Backends of TensorFlow.js, by device. */
const TFJS: { readonly [device: string]: (threads: number) => Promise<unknown> } = {
  async cpu(threads) {
    const { setThreadsCount, setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm");
    const { env } = await import("@tensorflow/tfjs-core");
    const files = await import("./tfjs-files.js");
    setWasmPaths(files.paths);
    if (threads > 1) setThreadsCount(threads);
    else env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  },
  webgpu: () => import("@tensorflow/tfjs-backend-webgpu"),
  webgl: () => import("@tensorflow/tfjs-backend-webgl"),
};

const LOADS: { readonly [runner: string]: Load } = {
  sconce: () => import("../peers/sconce.js"),
  "sconce-compiled": () => import("../peers/sconce-compiled.js"),
  async tfjs(device, threads) {
    await import("./tfjs-parts.js");
    await TFJS[device](threads);
    return import("../peers/tfjs.js");
  },
  async "jax-js"(_, threads) {
    // It takes as many threads as there are cores, and cannot be told otherwise.
    Object.defineProperty(navigator, "hardwareConcurrency", { value: threads, configurable: true });
    return import("../peers/jax-js.js");
  },
};

/** Loads a library for a device. */
export const loadRunner = (runner: string, device: string, threads: number): Promise<{ readonly start: Start }> =>
  LOADS[runner](device, threads);
