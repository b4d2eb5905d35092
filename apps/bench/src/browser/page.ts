/** Runs in the page: measures one suite and hands the times to the script that opened it. */
import { measure, type Timing } from "./measure.js";
import { type GpuDevice, SUITES } from "./suites.js";

/** What the script asks for. */
export interface Request {
  readonly suite: string;
  readonly device: GpuDevice;
  readonly peers: readonly string[];
}

async function run({ suite, device, peers }: Request): Promise<Timing[]> {
  const { contenders, rounds } = SUITES[suite];
  return measure(suite, await contenders(device, new Set(peers)), rounds);
}

Object.assign(globalThis, { sconceBench: run });
