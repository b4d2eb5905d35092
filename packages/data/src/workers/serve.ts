/**
 * The worker's side of a `DataLoader`: it makes the dataset and answers with batches.
 *
 * @module
 */
import { manualSeed, ValueError } from "@sconce/core";
import { defaultCollate } from "../collate.js";
import { type Dataset, IterableDataset } from "../dataset.js";
import { inNode, nodeModule } from "../node.js";
import { type Answer, type Epoch, encode, type Fetch, reportOf, type Start } from "./protocol.js";

/** Who a worker is; see {@link getWorkerInfo}. */
export interface WorkerInfo {
  /** Its number, from 0. */
  readonly id: number;
  /** How many there are. */
  readonly numWorkers: number;
  /** The seed of its randomness in this epoch: that of the epoch plus `id`. */
  readonly seed: bigint;
  /** Its own copy of the dataset. */
  readonly dataset: Dataset | IterableDataset;
}

/** Options of {@link serveDataset}. */
export interface ServeOptions<Item> {
  /** Makes a batch of samples in the worker; `defaultCollate` by default. */
  readonly collate?: (samples: Item[]) => unknown;
  /** Called in each worker before its first batch, as PyTorch's `worker_init_fn`. */
  readonly workerInit?: (info: WorkerInfo) => void | Promise<void>;
}

let info: WorkerInfo | null = null;

/**
 * In a worker of a `DataLoader`, which one it is; null elsewhere. An `IterableDataset` divides its stream among the workers by it.
 * @example
 * const { id, numWorkers } = getWorkerInfo() ?? { id: 0, numWorkers: 1 };
 */
export function getWorkerInfo(): WorkerInfo | null {
  return info;
}

/** The thread's line to the loader. */
interface Line {
  send(answer: Answer, transfer?: readonly ArrayBufferLike[]): void;
  listen(receive: (message: Start | Epoch | Fetch) => void): void;
}

/**
 * Makes a module that a `DataLoader` can start as a worker, by its `worker` option: `create` is called in each worker, with the loader's
 * `workerData`, and makes the dataset that the loader was given; of a `Subset` the dataset under it. In any other thread it does nothing, so that one module can
 * hold a dataset for both.
 *
 * A worker has its own device: the module imports `@sconce/backend-cpu`, or `sconce`.
 * @example
 * import { Dataset, serveDataset } from "@sconce/data";
 *
 * export class Squares extends Dataset<number> {
 *   readonly length = 100;
 *   override getItem(index: number): number {
 *     return index ** 2;
 *   }
 * }
 * serveDataset(() => new Squares());
 */
export function serveDataset<Item>(
  create: (data: never) => Dataset<Item> | IterableDataset<Item> | Promise<Dataset<Item> | IterableDataset<Item>>,
  options: ServeOptions<Item> = {},
): void {
  const serve = (line: Line): void => {
    const server = new Server(create as Create, options as ServeOptions<unknown>, line);
    line.listen((message) => server.receive(message));
  };
  const web = globalThis as unknown as WebWorkerScope;
  if (web.WorkerGlobalScope !== undefined && web instanceof web.WorkerGlobalScope) serve(webLine(web));
  else if (inNode()) {
    void nodeModule("node:worker_threads").then(({ parentPort: port, workerData }) => {
      if (port === null || (workerData as { sconceLoader?: boolean } | null)?.sconceLoader !== true) return;
      serve({
        send: (answer, transfer = []) => port.postMessage(answer, transfer as ArrayBuffer[]),
        listen: (receive) => port.on("message", receive),
      });
    });
  }
}

interface WebWorkerScope {
  readonly WorkerGlobalScope?: new () => unknown;
  readonly navigator: { readonly locks?: { request(name: string, hold: () => Promise<void>): Promise<void> } };
  postMessage(message: unknown, transfer?: readonly ArrayBufferLike[]): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
}

function webLine(scope: WebWorkerScope): Line {
  return {
    send: (answer, transfer) => scope.postMessage(answer, transfer ?? []),
    listen: (receive) =>
      scope.addEventListener("message", ({ data }) => {
        const { sconceLoader: lock, message } = (data ?? {}) as { sconceLoader?: string; message?: Start | Epoch | Fetch };
        if (lock === undefined || message === undefined) return;
        const { locks } = scope.navigator;
        if (message.kind !== "start" || locks === undefined) {
          receive(message);
          return;
        }
        // Held as long as the worker lives: the loader sees by it that the worker is gone.
        void locks.request(lock, () => {
          receive(message);
          return new Promise<void>(() => undefined);
        });
      }),
  };
}

type Create = (data: unknown) => Dataset | IterableDataset | Promise<Dataset | IterableDataset>;

class Server {
  readonly #create: Create;
  readonly #options: ServeOptions<unknown>;
  readonly #line: Line;
  #start: Start | undefined;
  #dataset: Dataset | IterableDataset | undefined;
  #stream: AsyncIterator<unknown> | undefined;
  /** One message after the other. */
  #turn: Promise<void> = Promise.resolve();

  constructor(create: Create, options: ServeOptions<unknown>, line: Line) {
    this.#create = create;
    this.#options = options;
    this.#line = line;
  }

  receive(message: Start | Epoch | Fetch): void {
    this.#turn = this.#turn.then(async () => {
      try {
        if (message.kind === "start") await this.#begin(message);
        else if (message.kind === "epoch") await this.#epoch(message);
        else await this.#fetch(message);
      } catch (error) {
        this.#line.send({ kind: "failed", task: message.kind === "fetch" ? message.task : null, error: reportOf(error) });
      }
    });
  }

  async #begin(start: Start): Promise<void> {
    this.#start = start;
    const dataset = await this.#create(start.data);
    if (!(dataset instanceof IterableDataset) && typeof dataset?.getItem !== "function")
      throw new ValueError("serveDataset: expected a function that returns a Dataset or an IterableDataset");
    this.#dataset = dataset;
    this.#line.send({ kind: "ready", length: dataset instanceof IterableDataset ? null : dataset.length });
  }

  async #epoch({ seed: base }: Epoch): Promise<void> {
    const { id, numWorkers } = this.#start!;
    const seed = base + BigInt(id);
    const first = info === null;
    info = { id, numWorkers, seed, dataset: this.#dataset! };
    manualSeed(BigInt.asUintN(64, seed));
    if (first) await this.#options.workerInit?.(info);
    await this.#stream?.return?.();
    this.#stream = this.#dataset instanceof IterableDataset ? this.#dataset[Symbol.asyncIterator]() : undefined;
  }

  async #fetch({ task, indices }: Fetch): Promise<void> {
    const batch = indices === null ? await this.#next() : await this.#pick(indices);
    if (batch === null) {
      this.#line.send({ kind: "end", task });
      return;
    }
    const transfer: ArrayBufferLike[] = [];
    const value = await encode(batch.value, transfer);
    this.#line.send({ kind: "batch", task, value }, transfer);
  }

  /** The samples at these positions, or their batch. */
  async #pick(indices: readonly number[]): Promise<{ value: unknown }> {
    const dataset = this.#dataset as Dataset;
    const { batchSize, samples } = this.#start!;
    if (batchSize === null) return { value: await dataset.getItem(indices[0]) };
    const { collate } = this.#options;
    if (!samples && collate === undefined && dataset.getItems !== undefined) return { value: await dataset.getItems(indices) };
    return { value: this.#collate(await Promise.all(indices.map((i) => dataset.getItem(i)))) };
  }

  /** The next batch of the stream; null at its end. */
  async #next(): Promise<{ value: unknown } | null> {
    const { batchSize, dropLast } = this.#start!;
    const stream = this.#stream!;
    const items: unknown[] = [];
    while (items.length < (batchSize ?? 1)) {
      const { done, value } = await stream.next();
      if (done === true) break;
      items.push(value);
    }
    if (items.length === 0 || (dropLast && items.length < (batchSize ?? 1))) return null;
    return { value: batchSize === null ? items[0] : this.#collate(items) };
  }

  #collate(items: unknown[]): unknown {
    if (this.#start!.samples) return items;
    return this.#options.collate === undefined ? defaultCollate(items) : this.#options.collate(items);
  }
}
