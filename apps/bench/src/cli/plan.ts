/** Which runners take part in what. */
import { CASES, type Case } from "../work.js";

/** Peers as the command line names them, with the runners they stand for. */
export const PEERS: Readonly<Record<string, readonly string[]>> = {
  compile: ["sconce-compiled"],
  tfjs: ["tfjs"],
  "jax-js": ["jax-js"],
  ort: ["ort-web", "ort-node"],
  torch: ["torch"],
  numpy: ["numpy"],
};

/** Devices that Node has. */
export const DEVICES = ["cpu", "webgpu", "webgl"] as const;

/** Why a runner takes no part, whatever the case; undefined if it may. */
export function exclusion(runner: string, device: string, threads: number): string | undefined {
  if (runner === "sconce-compiled") return undefined;
  if (device !== "cpu") return `has no ${device} in Node`;
  if (threads > 1 && (runner === "tfjs" || runner === "jax-js")) return "has one thread only in Node";
  return undefined;
}

/** The runner that measures Sconce in a suite: on WebGPU, what a dispatch costs the host needs a device of its own. */
export function sconceRunner(suite: string, device: string): string {
  return suite === "dispatch" && device === "webgpu" ? "sconce-host" : "sconce";
}

/** The cases of a suite on a device. */
export function casesOf(suite: string, device: string, quick: boolean): Case[] {
  const isHost = sconceRunner(suite, device) === "sconce-host";
  const cases = CASES.filter((work) => work.suite === suite && (work.work.kind === "host") === isHost);
  return quick ? cases.slice(0, 1) : cases;
}
