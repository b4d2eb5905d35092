import { ValueError } from "@sconce/core";
import { coreCount } from "./spawn.js";

const DEFAULT_MOST = 8;
/** More threads than anybody has cores for: each costs memory. */
const MOST = 64;

let threads: number | undefined;

/**
 * Sets how many threads kernels on the CPU use, the calling one included. Where memory cannot be shared with workers (a browser page
 * without cross-origin isolation) one thread does all the work whatever is set.
 *
 * @throws ValueError unless `n` is an integer from 1 to 64.
 * @example
 * setNumThreads(1);
 */
export function setNumThreads(n: number): void {
  if (!Number.isInteger(n) || n < 1 || n > MOST) throw new ValueError(`setNumThreads: expected an integer from 1 to ${MOST}, got ${n}`);
  threads = n;
}

/**
 * How many threads kernels on the CPU may use; by default the number of cores, 8 at most. Workers start when there is enough work for
 * them.
 * @example
 * getNumThreads() >= 1; // true
 */
export function getNumThreads(): number {
  threads ??= Math.max(1, Math.min(DEFAULT_MOST, coreCount()));
  return threads;
}
