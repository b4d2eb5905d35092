import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { firstLine, node, root, run } from "./shell.mjs";

const cache = join(root, ".cache");
const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const pnpmVersion = packageManager.split("@")[1];

/** The folders of all workspace packages, relative to the root. */
export const workspaces = ["packages", "apps", "docs"].flatMap((group) =>
  readdirSync(join(root, group))
    .map((name) => `${group}/${name}`)
    .filter((folder) => existsSync(join(root, folder, "package.json"))),
);

/** The pinned pnpm: the one on PATH, else a private copy that npm installs under .cache. */
export async function pnpm() {
  // Outside the repository, so that another version does not switch itself to the pinned one.
  if (firstLine("pnpm", ["--version"], tmpdir()) === pnpmVersion) return "pnpm";
  const folder = join(cache, `pnpm-${pnpmVersion}`);
  const own = join(folder, "node_modules", ".bin", process.platform === "win32" ? "pnpm.cmd" : "pnpm");
  if (firstLine(own, ["--version"], tmpdir()) === pnpmVersion) return own;
  console.log(`Getting pnpm ${pnpmVersion} ...`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), "{}\n");
  await run("npm", ["install", "--prefix", folder, "--no-audit", "--no-fund", "--loglevel=error", packageManager], { input: "ignore" });
  if (firstLine(own, ["--version"], tmpdir()) === pnpmVersion) return own;
  throw new Error(`pnpm ${pnpmVersion} could not be installed with npm; run \`npm i -g ${packageManager}\` and try again`);
}

function stampIs(name, value) {
  const file = join(cache, name);
  return existsSync(file) && readFileSync(file, "utf8") === value;
}

function setStamp(name, value) {
  mkdirSync(cache, { recursive: true });
  writeFileSync(join(cache, name), value);
}

function installKey() {
  const hash = createHash("sha256").update(process.version);
  for (const file of ["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json", ...workspaces.map((folder) => `${folder}/package.json`)])
    hash.update(file).update(readFileSync(join(root, file)));
  return hash.digest("hex");
}

/** Installs the dependencies as locked; does nothing when they are in place. */
export async function install() {
  const key = installKey();
  if (existsSync(join(root, "node_modules/typescript")) && stampIs("installed", key)) return 0;
  // The lockfile pins hashes; a minimum age would make the install depend on the clock and on questions to the registry.
  const code = await run(
    await pnpm(),
    ["install", "--frozen-lockfile", "--config.confirmModulesPurge=false", "--config.minimumReleaseAge=0"],
    { input: "ignore" },
  );
  if (code === 0) setStamp("installed", key);
  return code;
}

function buildKey() {
  const hash = createHash("sha256");
  const add = (path) => {
    const { mtimeMs, size } = statSync(join(root, path));
    hash.update(`${path} ${mtimeMs} ${size}\n`);
  };
  for (const file of ["tsconfig.base.json", "tsconfig.json", "pnpm-lock.yaml"]) add(file);
  for (const folder of workspaces) {
    // A workspace without a project of its own has nothing to build.
    if (!existsSync(join(root, folder, "tsconfig.json"))) continue;
    add(`${folder}/tsconfig.json`);
    if (!existsSync(join(root, folder, "dist/.tsbuildinfo"))) hash.update(`${folder} has no build\n`);
    const sources = existsSync(join(root, folder, "src")) ? `${folder}/src` : folder;
    for (const file of readdirSync(join(root, sources), { recursive: true }).sort())
      if (/\.tsx?$/.test(file) && !/\b(node_modules|dist)\b/.test(file)) add(`${sources}/${file}`);
  }
  return hash.digest("hex");
}

/** Compiles a workspace folder and what it depends on (by default everything); does nothing when no source has changed. */
export async function build(target = ".") {
  const stamp = `built-${target.replace(/\W+/g, "-")}`;
  if (stampIs(stamp, buildKey())) return 0;
  const code = await node("node_modules/typescript/bin/tsc", ["-b", target]);
  if (code !== 0) return code;
  // What it imports is installed only now.
  await (await import("./bundle-gpu.mjs")).bundleGpu();
  setStamp(stamp, buildKey());
  return 0;
}

/** Removes every build, so that no output of a deleted source is left. */
export function clean() {
  for (const folder of workspaces) rmSync(join(root, folder, "dist"), { recursive: true, force: true });
  return 0;
}
