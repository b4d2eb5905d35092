import { SconceError } from "@sconce/core";
import { inNode, nodeModule } from "./node.js";

/** Options of `readBytes`. */
export interface ReadOptions {
  /** Ends the reading; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes so far, and the total where it is known. */
  readonly onProgress?: ((received: number, total: number | null) => void) | undefined;
}

/** A file that could not be read: `cause` is the system's error, `status` the server's answer. */
export class ReadError extends SconceError {
  /** The path or URL. */
  readonly path: string;
  /** HTTP status of a server that refused. */
  readonly status: number | undefined;

  constructor(path: string, reason: string, details: { readonly status?: number; readonly cause?: unknown } = {}) {
    super(`readBytes: cannot read ${path}: ${reason}`, { op: "readBytes" });
    this.path = path;
    this.status = details.status;
    if (details.cause !== undefined) this.cause = details.cause;
  }
}

/**
 * Reads a file: in Node a path or `file:` URL from disk; everywhere else, and for http, https, data and blob URLs, through `fetch`.
 *
 * @throws ReadError if it does not exist or cannot be read; the reason of `signal` if that was aborted.
 *
 * @example
 * const bytes = await readBytes(new URL("../package.json", import.meta.url));
 */
export async function readBytes(source: string | URL, options: ReadOptions = {}): Promise<Uint8Array> {
  options.signal?.throwIfAborted();
  try {
    if (inNode() && !/^(https?|data|blob):/i.test(String(source))) return await readLocal(source, options);
    return await readRemote(source, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof ReadError) throw error;
    throw new ReadError(String(source), (error as Error).message, { cause: error });
  }
}

/**
 * SHA-256 of bytes in lower-case hexadecimal digits.
 *
 * @example
 * await sha256(new Uint8Array()); // "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
 */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function readLocal(source: string | URL, { signal, onProgress }: ReadOptions): Promise<Uint8Array> {
  const { readFile } = await nodeModule("node:fs/promises");
  const path = typeof source === "string" && /^file:/i.test(source) ? new URL(source) : source;
  const bytes = await readFile(path, signal ? { signal } : {});
  onProgress?.(bytes.length, bytes.length);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

async function readRemote(source: string | URL, { signal, onProgress }: ReadOptions): Promise<Uint8Array> {
  const response = await fetch(source, signal ? { signal } : {});
  if (!response.ok) throw new ReadError(String(source), `${response.status} ${response.statusText}`.trim(), { status: response.status });
  // The length is that of the encoded body: where the transfer is compressed, it says nothing about what arrives here.
  const length = response.headers.get("content-encoding") === null ? response.headers.get("content-length") : null;
  const total = length === null ? null : Number(length);
  const chunks: Uint8Array[] = [];
  let received = 0;
  if (response.body) {
    for await (const chunk of iterate(response.body)) {
      chunks.push(chunk);
      received += chunk.length;
      onProgress?.(received, total);
    }
  }
  if (total !== null && received !== total) throw new ReadError(String(source), `expected ${total} bytes, got ${received}`);
  return concatenate(chunks, received);
}

/** The chunks of a stream; not every browser can iterate one. */
async function* iterate(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
}

function concatenate(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const out = new Uint8Array(length);
  let position = 0;
  for (const chunk of chunks) {
    out.set(chunk, position);
    position += chunk.length;
  }
  return out;
}
