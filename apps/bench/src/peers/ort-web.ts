/** onnxruntime-web: WebAssembly, in Node too. */
import * as ort from "onnxruntime-web";
import { type Ort, ortRunner } from "./ort.js";
import type { Runner, Setting } from "./runner.js";

/** Starts the WebAssembly provider. */
export async function start(setting: Setting): Promise<Runner> {
  ort.env.wasm.numThreads = setting.threads;
  return ortRunner(ort as unknown as Ort, setting, "wasm", { "onnxruntime-web": ort.env.versions.web ?? ort.env.versions.common });
}
