/** Sconce with whole training steps, or whole forward passes, under `compile`. */
import { compile } from "sconce/compile";
import { byKind, type Kinds, type Runner, type Setting } from "./runner.js";
import { networkKinds, startDevice } from "./sconce.js";

const NETWORKS_ONLY = "is for training and inference";

/** Starts a device. */
export async function start(setting: Setting): Promise<Runner> {
  const device = await startDevice(setting);
  const networks = networkKinds(device, (fn) => compile(fn) as unknown as typeof fn);
  const kinds: Kinds = { ...networks, matmul: NETWORKS_ONLY, chain: NETWORKS_ONLY, dispatch: NETWORKS_ONLY, host: NETWORKS_ONLY };
  return { versions: {}, prepare: async (work) => byKind(work, kinds) };
}
