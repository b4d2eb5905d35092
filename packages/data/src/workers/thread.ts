/**
 * Workers of Node and of browsers behind one interface.
 *
 * @module
 */
import { NotSupportedError } from "@sconce/core";
import { inNode, nodeModule } from "../node.js";
import type { Answer, Epoch, Fetch, Start } from "./protocol.js";

/** A message to a worker. */
type Message = Start | Epoch | Fetch;

/** Where a worker's program is: a module that calls `serveDataset`, or a function that starts it in a browser, in the form that bundlers see. */
export type WorkerSource = string | URL | (() => Worker);

/** A running worker. */
export interface Thread {
  post(message: Message): void;
  /** Keeps the process alive, or not: a loop that was forgotten must not. */
  hold(held: boolean): void;
  terminate(): void;
}

/** What a worker does. */
export interface ThreadEvents {
  readonly onAnswer: (answer: Answer) => void;
  /** It is gone: why, as the end of a sentence. */
  readonly onEnd: (reason: string) => void;
}

/** Starts a worker. @throws NotSupportedError where there are none. */
export async function startThread(source: WorkerSource, events: ThreadEvents): Promise<Thread> {
  if (typeof source === "function") return webThread(source(), events);
  if (inNode()) return nodeThread(source, events);
  if (typeof Worker === "undefined") throw new NotSupportedError("DataLoader: numWorkers needs a platform with workers");
  return webThread(new Worker(source, { type: "module" }), events);
}

async function nodeThread(source: string | URL, { onAnswer, onEnd }: ThreadEvents): Promise<Thread> {
  const { Worker } = await nodeModule("node:worker_threads");
  const url = typeof source === "string" && /^(file|data):/.test(source) ? new URL(source) : source;
  const worker = new Worker(url, { workerData: { sconceLoader: true } });
  worker.on("message", onAnswer);
  worker.on("error", (error) => onEnd(`failed: ${error.stack ?? error.message}`));
  worker.on("exit", (code) => onEnd(`exited unexpectedly with code ${code}`));
  return {
    post: (message) => worker.postMessage(message),
    hold: (held) => (held ? worker.ref() : worker.unref()),
    terminate: () => void worker.terminate(),
  };
}

let locks = 0;

/** A Web Worker; that it is gone shows in a lock that it holds while it lives. */
function webThread(worker: Worker, { onAnswer, onEnd }: ThreadEvents): Thread {
  const lock = `sconce-loader-${Date.now()}-${Math.random()}-${locks++}`;
  const waiting = new AbortController();
  worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => {
    if (data.kind === "ready") watch(lock, waiting.signal, () => onEnd("exited unexpectedly"));
    onAnswer(data);
  });
  worker.addEventListener("messageerror", () => onEnd("sent what cannot be read"));
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    onEnd(`failed: ${event.message ?? "its module cannot be loaded"}`);
  });
  return {
    post: (message) => worker.postMessage({ sconceLoader: lock, message }),
    hold: () => undefined,
    terminate: () => {
      waiting.abort();
      worker.terminate();
    },
  };
}

/** Calls back once nobody holds the lock; pages that are not secure have no locks. */
function watch(lock: string, signal: AbortSignal, gone: () => void): void {
  navigator.locks?.request(lock, { signal }, gone).catch(() => undefined);
}
