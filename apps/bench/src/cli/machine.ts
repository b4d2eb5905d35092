/** The machine that the results are of. */
import { availableParallelism, cpus, release, totalmem, type } from "node:os";
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
