/**
 * What the loader's thread and its workers say to each other, and tensors on their way between them.
 *
 * @module
 */
import { type DType, SconceError, Tensor, type TypedArray, tensor } from "@sconce/core";

/** First message to a worker. */
export interface Start {
  readonly kind: "start";
  readonly id: number;
  readonly numWorkers: number;
  /** What the program hands to the function that makes the dataset. */
  readonly data: unknown;
  /** Samples in a batch of a stream; null for samples as they are. */
  readonly batchSize: number | null;
  readonly dropLast: boolean;
  /** The loader has a collate function of its own and wants the samples. */
  readonly samples: boolean;
}

/** Starts an epoch: streams start again, and so does the worker's randomness. */
export interface Epoch {
  readonly kind: "epoch";
  readonly seed: bigint;
}

/** Asks for a batch: of these positions, or the next one of a stream. */
export interface Fetch {
  readonly kind: "fetch";
  readonly task: number;
  readonly indices: readonly number[] | null;
}

/** An error on its way. */
export interface ErrorReport {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
}

/** What a worker answers. */
export type Answer =
  | { readonly kind: "ready"; readonly length: number | null }
  | { readonly kind: "batch"; readonly task: number; readonly value: Encoded }
  | { readonly kind: "end"; readonly task: number }
  | { readonly kind: "failed"; readonly task: number | null; readonly error: ErrorReport };

/** A value that structured cloning carries. */
export type Encoded =
  | { readonly tensor: TypedArray; readonly dtype: DType; readonly shape: readonly number[] }
  | { readonly list: readonly Encoded[] }
  | { readonly entries: readonly (readonly [string, Encoded])[] }
  | { readonly plain: unknown };

/** Reads the tensors of nested lists and objects; their arrays are added to `transfer`. */
export async function encode(value: unknown, transfer: ArrayBufferLike[]): Promise<Encoded> {
  if (value instanceof Tensor) {
    const array = await value.data();
    transfer.push(array.buffer);
    return { tensor: array, dtype: value.dtype, shape: value.shape };
  }
  if (Array.isArray(value)) return { list: await Promise.all(value.map((v) => encode(v, transfer))) };
  if (value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) {
    const entries = Object.entries(value).map(async ([key, v]) => [key, await encode(v, transfer)] as const);
    return { entries: await Promise.all(entries) };
  }
  return { plain: value };
}

/** The value again, its tensors on the CPU. */
export function decode(value: Encoded): unknown {
  if ("tensor" in value) return tensor(value.tensor, { dtype: value.dtype, device: "cpu" as never }).view([...value.shape]);
  if ("list" in value) return value.list.map(decode);
  if ("entries" in value) return Object.fromEntries(value.entries.map(([key, v]) => [key, decode(v)]));
  return value.plain;
}

/** What is known of anything that was thrown. */
export function reportOf(error: unknown): ErrorReport {
  if (!(error instanceof Error)) return { name: "Error", message: String(error), stack: "" };
  return { name: error.name, message: error.message, stack: error.stack ?? "" };
}

/** A worker of a `DataLoader` failed, was ended, or did not answer in time. */
export class WorkerError extends SconceError {
  /** The worker's number. */
  readonly worker: number;
  /** The stack of the error in the worker, where there was one. */
  readonly workerStack: string | undefined;

  constructor(worker: number, message: string, workerStack?: string) {
    super(message, { op: "DataLoader" });
    this.worker = worker;
    this.workerStack = workerStack;
  }
}

/** The error that a worker reported, with the stack that it had there. */
export function workerFailure(worker: number, { name, message, stack }: ErrorReport): WorkerError {
  const where = stack === "" ? "" : `\nStack in the worker:\n${stack}`;
  return new WorkerError(worker, `DataLoader: caught ${name} in worker ${worker}: ${message}${where}`, stack);
}
