/**
 * Workers that make batches ahead, in the order in which they were asked for.
 *
 * @module
 */
import { ValueError } from "@sconce/core";
import { type Answer, decode, type Encoded, type Start, WorkerError, workerFailure } from "./protocol.js";
import { startThread, type Thread, type WorkerSource } from "./thread.js";

/** Seconds in which a worker's module must have made its dataset. */
const START_SECONDS = 120;

/** What a pool needs to know. */
export interface PoolOptions {
  readonly source: WorkerSource;
  readonly numWorkers: number;
  /** Batches that each worker is asked for in advance. */
  readonly prefetch: number;
  /** Seconds to wait for a batch; 0 for no limit. */
  readonly timeout: number;
  /** Length that the workers' dataset must have; null for a stream. */
  readonly length: number | null;
  readonly start: Omit<Start, "kind" | "id" | "numWorkers">;
}

/** A batch, or the end of a worker's stream. */
type Result = { readonly value: Encoded } | null;

interface Task {
  readonly worker: number;
  readonly result: Promise<Result>;
  readonly settle: (result: Result) => void;
  readonly fail: (error: Error) => void;
}

/** Workers of one loader. */
export class WorkerPool {
  readonly #options: PoolOptions;
  readonly #threads: Thread[] = [];
  readonly #tasks = new Map<number, Task>();
  #next = 0;
  #ended: Error | null = null;
  #ready = 0;
  #whenReady: { settle: () => void; fail: (error: Error) => void } | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** True once a worker has failed or the pool was closed. */
  get closed(): boolean {
    return this.#ended !== null;
  }

  /** Starts the workers once, and waits for their datasets. @throws WorkerError if one fails. */
  async start(signal: AbortSignal | undefined): Promise<void> {
    if (this.#whenReady !== undefined) return;
    const ready = new Promise<void>((settle, fail) => {
      this.#whenReady = { settle, fail };
    });
    // Reported by the wait below.
    ready.catch(() => undefined);
    try {
      await this.#startThreads();
      await this.#patiently(ready, START_SECONDS, signal, 0, "its module calls serveDataset() and its dataset can be made in that time");
    } catch (error) {
      this.close();
      throw error;
    }
  }

  async #startThreads(): Promise<void> {
    const { source, numWorkers, start } = this.#options;
    for (let id = 0; id < numWorkers && this.#ended === null; id++) {
      const thread = await startThread(source, {
        onAnswer: (answer) => this.#answer(id, answer),
        onEnd: (reason) => this.#fail(new WorkerError(id, `DataLoader: worker ${id} ${reason}`)),
      });
      this.#threads.push(thread);
      if (this.#ended === null) thread.post({ kind: "start", id, numWorkers, ...start });
      else thread.terminate();
    }
  }

  /** The batches of an epoch in order; `indices` are those to ask for, null for streams. */
  async *epoch(seed: bigint, indices: Iterator<readonly number[]> | null, signal: AbortSignal | undefined): AsyncGenerator<unknown, void> {
    const { numWorkers, prefetch, timeout } = this.#options;
    for (const thread of this.#threads) thread.post({ kind: "epoch", seed });
    const active = new Set(this.#threads.keys());
    const queue: number[] = [];
    let turn = 0;
    const ask = (): void => {
      while (!active.has(turn % numWorkers)) turn++;
      const next = indices?.next();
      if (next?.done !== true) queue.push(this.#ask(turn++ % numWorkers, next?.value ?? null));
    };
    for (let i = 0; i < prefetch * numWorkers; i++) ask();
    try {
      while (queue.length > 0) {
        const id = queue.shift() as number;
        const task = this.#tasks.get(id) as Task;
        const result = await this.#patiently(task.result, timeout, signal, task.worker, "the dataset does not wait for anything");
        this.#tasks.delete(id);
        if (result === null) active.delete(task.worker);
        if (active.size > 0) ask();
        if (result !== null) yield decode(result.value);
      }
    } finally {
      for (const id of queue) this.#tasks.delete(id);
    }
  }

  /** Ends the workers. */
  close(): void {
    this.#fail(new WorkerError(0, "DataLoader: the workers were closed"));
  }

  #ask(worker: number, indices: readonly number[] | null): number {
    const id = this.#next++;
    let settle!: Task["settle"];
    let fail!: Task["fail"];
    const result = new Promise<Result>((resolve, reject) => {
      settle = resolve;
      fail = reject;
    });
    // A failure is reported when its turn comes.
    result.catch(() => undefined);
    this.#tasks.set(id, { worker, result, settle, fail });
    if (this.#ended !== null) fail(this.#ended);
    else this.#threads[worker].post({ kind: "fetch", task: id, indices });
    return id;
  }

  #answer(worker: number, answer: Answer): void {
    switch (answer.kind) {
      case "ready":
        this.#checkLength(worker, answer.length);
        if (++this.#ready === this.#options.numWorkers) this.#whenReady?.settle();
        break;
      case "batch":
        this.#tasks.get(answer.task)?.settle({ value: answer.value });
        break;
      case "end":
        this.#tasks.get(answer.task)?.settle(null);
        break;
      case "failed":
        if (answer.task === null) this.#fail(workerFailure(worker, answer.error));
        else this.#tasks.get(answer.task)?.fail(workerFailure(worker, answer.error));
    }
  }

  #checkLength(worker: number, length: number | null): void {
    const wanted = this.#options.length;
    if (length === wanted) return;
    const name = (n: number | null): string => (n === null ? "an IterableDataset" : `a Dataset of ${n} samples`);
    this.#fail(new ValueError(`DataLoader: expected worker ${worker} to make ${name(wanted)}, as the loader has, got ${name(length)}`));
  }

  /** Every batch that is waited for fails, and the workers end. */
  #fail(error: Error): void {
    if (this.#ended !== null) return;
    this.#ended = error;
    this.#whenReady?.fail(error);
    for (const task of this.#tasks.values()) task.fail(error);
    for (const thread of this.#threads) thread.terminate();
  }

  /** Waits with the process held, for so many seconds or until the signal. */
  async #patiently<T>(what: Promise<T>, seconds: number, signal: AbortSignal | undefined, worker: number, advice: string): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stop: (() => void) | undefined;
    for (const thread of this.#threads) thread.hold(true);
    try {
      const limits = new Promise<never>((_, reject) => {
        stop = () => reject(signal?.reason);
        if (signal?.aborted === true) stop();
        signal?.addEventListener("abort", stop);
        const late = (): void =>
          reject(new WorkerError(worker, `DataLoader timed out after ${seconds} seconds in worker ${worker}; check that ${advice}`));
        if (seconds > 0) timer = setTimeout(late, 1000 * seconds);
      });
      return await Promise.race([what, limits]);
    } finally {
      clearTimeout(timer);
      if (stop !== undefined) signal?.removeEventListener("abort", stop);
      for (const thread of this.#threads) thread.hold(false);
    }
  }
}
