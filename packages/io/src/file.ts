import { FormatError, NotSupportedError, typeName, ValueError } from "@sconce/core";
import { deserialize, type State, serialize } from "./state.js";

/** Where a state can be read from: a path or URL, or bytes that are already here (an upload, a `fetch`). */
export type StateSource = string | URL | Uint8Array | ArrayBuffer | Blob;

const inNode = typeof process !== "undefined" && process.versions?.node !== undefined;

/** What is used of Node's own modules. */
interface NodeModules {
  readonly "node:fs/promises": typeof import("node:fs/promises");
  readonly "node:url": typeof import("node:url");
}

/** Imports a module of Node by a variable: bundlers for browsers would try to resolve a literal. */
function nodeModule<N extends keyof NodeModules>(name: N): Promise<NodeModules[N]> {
  return import(/* webpackIgnore: true */ /* @vite-ignore */ name);
}

let parts = 0;

/** @throws ValueError for what names no file, before anything is done. */
function checkPath(op: string, path: unknown): void {
  if ((typeof path === "string" && path !== "") || path instanceof URL) return;
  throw new ValueError(`${op}: expected a path or URL, got ${path === "" ? "an empty string" : typeName(path)}`);
}

/**
 * Saves a state to a safetensors file in Node. The file appears whole or not at all.
 * @throws NotSupportedError in a browser: offer the bytes of `serialize` as a download there.
 * @example
 * await save(net.stateDict(), "net.safetensors");
 */
export async function save(state: State, path: string | URL): Promise<void> {
  if (!inNode) throw new NotSupportedError("save: there is no file system here; use serialize(state) and offer the bytes as a download");
  checkPath("save", path);
  const bytes = await serialize(state);
  const { rename, rm, writeFile } = await nodeModule("node:fs/promises");
  const { fileURLToPath } = await nodeModule("node:url");
  const target = path instanceof URL ? fileURLToPath(path) : path;
  // Numbered: two saves to one path must not write into one another's file.
  const part = `${target}.${process.pid}.${parts++}.part`;
  try {
    await writeFile(part, bytes);
    await rename(part, target);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

/**
 * Loads a state from a safetensors file, a URL or bytes: a record of tensors, or the structure that was saved, whose type is `T`.
 * @throws FormatError if the file is damaged or is no safetensors file; nothing is loaded then.
 * @example
 * await save({ epoch: 3, model: net.stateDict() }, "checkpoint.safetensors");
 * const { epoch, model } = await load<{ epoch: number; model: StateDict }>("checkpoint.safetensors");
 */
export async function load<T = Record<string, import("@sconce/core").Tensor>>(source: StateSource): Promise<T> {
  if (source instanceof Uint8Array) return deserialize<T>(source);
  if (source instanceof ArrayBuffer) return deserialize<T>(new Uint8Array(source));
  if (source instanceof Blob) return deserialize<T>(new Uint8Array(await source.arrayBuffer()));
  checkPath("load", source);
  return deserialize<T>(await readSource(source), String(source));
}

async function readSource(source: string | URL): Promise<Uint8Array> {
  if (/^https?:/.test(String(source)) || !inNode) {
    const response = await fetch(source);
    if (!response.ok) throw new FormatError(`load: ${response.status} ${response.statusText} for ${source}`, { path: String(source) });
    return new Uint8Array(await response.arrayBuffer());
  }
  const { readFile } = await nodeModule("node:fs/promises");
  return readFile(source);
}
