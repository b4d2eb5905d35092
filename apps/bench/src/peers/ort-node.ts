/** onnxruntime-node: the native library. */
import { obtain } from "../cli/obtain.js";
import { type Ort, ortRunner } from "./ort.js";
import type { Runner, Setting } from "./runner.js";

const VERSION = "1.30.0";

/** The package. @throws Error if npm cannot get it */
export const obtainOrt = (): Ort => obtain("onnxruntime-node", VERSION) as Ort;

/** Starts the CPU provider. */
export async function start(setting: Setting): Promise<Runner> {
  return ortRunner(obtainOrt(), setting, "cpu", { "onnxruntime-node": VERSION });
}
