/**
 * Starting workers in Node and in browsers.
 *
 * @module
 */
import { type WorkerStart, workerSource } from "./worker.js";

interface NodeWorker {
  unref(): void;
  on(event: "error", listener: () => void): void;
}

interface WorkerThreads {
  readonly Worker: new (source: string, options: object) => NodeWorker;
}

interface NodeProcess {
  readonly versions?: { readonly node?: string };
  getBuiltinModule?(name: "node:worker_threads"): WorkerThreads | undefined;
  getBuiltinModule?(name: "node:os"): { availableParallelism(): number } | undefined;
}

interface WebPlatform {
  readonly Worker?: new (url: string) => { postMessage(message: unknown): void; onerror: unknown };
  readonly navigator?: { readonly hardwareConcurrency?: number };
}

const node = (): NodeProcess | undefined => {
  const { process } = globalThis as { process?: NodeProcess };
  return process?.versions?.node === undefined ? undefined : process;
};

/** Cores that this process may use. */
export function coreCount(): number {
  const os = node()?.getBuiltinModule?.("node:os");
  return os?.availableParallelism() ?? (globalThis as WebPlatform).navigator?.hardwareConcurrency ?? 1;
}

let sourceUrl: string | undefined;

/**
 * Starts a worker; it reports in the control memory when it is ready, and a worker that fails to start never does.
 *
 * @throws Error where the platform has no workers or a policy forbids them.
 */
export function spawn(start: WorkerStart): void {
  const process = node();
  if (process === undefined) {
    const { Worker } = globalThis as WebPlatform;
    if (Worker === undefined) throw new Error("spawn: expected a platform with workers");
    sourceUrl ??= URL.createObjectURL(new Blob([workerSource()], { type: "text/javascript" }));
    const worker = new Worker(sourceUrl);
    worker.onerror = (event: { preventDefault(): void }) => event.preventDefault();
    worker.postMessage(start);
    return;
  }
  const threads = process.getBuiltinModule?.("node:worker_threads");
  if (threads === undefined) throw new Error("spawn: expected Node 20.16 or later for threads");
  // No options of the process are handed on: its hooks and preloads are none of the worker's.
  const worker = new threads.Worker(workerSource(), { eval: true, workerData: start, execArgv: [], env: {} });
  worker.on("error", () => {});
  worker.unref();
}
