/** Files of arrays, for runners that are not JavaScript. */
import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Case } from "../work.js";
import type { ArrayFile } from "./protocol.js";

let folder: string | undefined;
let last: { readonly work: Case; readonly written: Promise<ArrayFile> } | undefined;

/** Writes the arrays of a case one after another; the next case overwrites them. */
export function writeArrays(work: Case): Promise<ArrayFile> {
  if (last?.work !== work) last = { work, written: write(work) };
  return last.written;
}

async function write(work: Case): Promise<ArrayFile> {
  folder ??= mkdtempSync(join(tmpdir(), "sconce-bench-"));
  const file = join(folder, "arrays.bin");
  const arrays = Object.entries(work.arrays());
  await writeFile(
    file,
    arrays.map(([, { data }]) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  );
  return {
    file,
    arrays: arrays.map(([name, { shape, data }]) => ({ name, shape, dtype: data instanceof Int32Array ? "int32" : "float32" })),
  };
}

/** Removes the files. */
export function removeArrays(): void {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
}
