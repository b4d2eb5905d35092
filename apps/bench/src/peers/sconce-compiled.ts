/** Sconce with whole training steps, or whole forward passes, under `compile`. */
import { compile } from "sconce/compile";
import type { Runner, Setting } from "./runner.js";
import { prepareNetwork, startDevice } from "./sconce.js";

/** Starts a device. */
export async function start(setting: Setting): Promise<Runner> {
  const device = await startDevice(setting);
  return { versions: {}, prepare: async (work) => prepareNetwork(work, device, (fn) => compile(fn) as unknown as typeof fn) };
}
