/** The machine that the results are of. */
import { availableParallelism, cpus, loadavg, release, totalmem, type } from "node:os";
import type { Machine } from "../format.js";

/** Describes it; `wide` tells apart what runs with 256-bit vectors. */
export function describeMachine(wide: boolean): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? process.arch,
    cores: availableParallelism(),
    memoryGB: Math.round(totalmem() / 2 ** 30),
    os: `${type()} ${release()} ${process.arch}`,
    runtime: `Node ${process.versions.node}${wide ? ", wide vectors" : ""}`,
  };
}

/** Says so where others keep the machine busy: libraries whose threads wait for each other in loops then lose more than the rest. */
export function busyWarning(): string | null {
  const [load] = loadavg();
  const cores = availableParallelism();
  if (load < cores / 2) return null;
  return `Others are at work on this machine (load ${load.toFixed(1)} on ${cores} cores): times will be long, and ratios of several threads unfair.`;
}
