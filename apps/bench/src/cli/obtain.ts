/** Peers that are too large to come with every install: got from npm when they are first asked for. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const cache = fileURLToPath(new URL("../../../../.cache/bench-peers", import.meta.url));

/**
 * Loads a CommonJS package at exactly a version.
 *
 * @throws Error if it is not there and npm cannot get it
 */
export function obtain(name: string, version: string): unknown {
  const folder = join(cache, `${name}-${version}`);
  if (!existsSync(join(folder, "node_modules", name))) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), "{}\n");
    const args = ["install", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", `${name}@${version}`];
    const { status } = spawnSync("npm", args, { stdio: ["ignore", "ignore", "inherit"], shell: process.platform === "win32" });
    if (status !== 0) throw new Error(`npm could not install ${name}@${version}`);
  }
  return createRequire(join(folder, "package.json"))(name);
}
