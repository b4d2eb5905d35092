/** The option `--threads n` of the kernel benchmarks. */
import { getNumThreads, setNumThreads } from "@sconce/backend-cpu";
import { ThreadPool } from "../../../packages/backend-cpu/dist/threads/pool.js";
import type { Heap } from "../../../packages/backend-cpu/dist/wasm/memory.js";

/** Sets the number of threads from the command line, 1 if it does not say, and takes the option off it. */
export function threadsFromArguments(): number {
  const at = process.argv.indexOf("--threads");
  const threads = at < 0 ? 1 : Number(process.argv.splice(at, 2)[1]);
  setNumThreads(threads);
  return threads;
}

/** A pool whose workers are ready. */
export async function startPool(heap: Heap): Promise<ThreadPool> {
  threadsFromArguments();
  const pool = new ThreadPool(heap);
  pool.start();
  while (pool.threads < getNumThreads()) await new Promise((resolve) => setTimeout(resolve, 5));
  return pool;
}
