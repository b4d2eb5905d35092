import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { type Example, examplesIn } from "./example-text.js";

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesUnder(path);
    return /\.ts$/.test(entry.name) && !/\.test(-d)?\.ts$/.test(entry.name) ? [path] : [];
  });
}

/** The `@example` blocks of all doc comments below a folder. */
export function examplesUnder(folder: string): Example[] {
  return filesUnder(folder).flatMap((file) => examplesIn(readFileSync(file, "utf8"), relative(folder, file)));
}
