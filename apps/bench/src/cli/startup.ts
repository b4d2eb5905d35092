/** From the start of a process to its first 2x2 product, with the packages as they are published. */
import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BenchResult } from "../format.js";
import { pairedRatio, summarise } from "../statistics.js";
import type { Findings } from "./measure.js";
import { python } from "./process.js";

/** What the repository's packing tells. */
interface Packing {
  packAll(folder: string): Promise<unknown>;
  installInto(app: string, names: readonly string[], packed: unknown): void;
}

const path = (name: string): string => fileURLToPath(new URL(`../startup/${name}.js`, import.meta.url));
const script = (name: string): string[] => [process.execPath, path(name)];
const COMMANDS: Readonly<Record<string, () => string[]>> = {
  node: () => script("node"),
  tfjs: () => script("tfjs"),
  "jax-js": () => script("jax-js"),
  "ort-web": () => script("ort-web"),
  "ort-node": () => script("ort-node"),
  torch: () => [python(), "-c", "import torch; x = torch.tensor([[1., 2.], [3., 4.]]); print(x.mm(x).tolist())"],
  numpy: () => [python(), "-c", "import numpy; x = numpy.array([[1., 2.], [3., 4.]]); print((x @ x).tolist())"],
};

/** Milliseconds from the start of a process to the first thing it prints. */
function timeStart([program, ...args]: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    let time: number | undefined;
    child.stdout.once("data", () => {
      time = performance.now() - started;
    });
    child.stderr.on("data", (text: Buffer) => {
      said = `${said}${text}`;
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (time !== undefined && code === 0) resolve(time);
      else reject(new Error(said.split("\n").find((line) => /error/i.test(line)) ?? `ended with code ${code}`));
    });
  });
}

/** Puts the packed packages into a project, since the workspace's are another layout than users get; returns the project's program. */
async function install(folder: string): Promise<string> {
  const { href } = new URL("../../../../scripts/packed.mjs", import.meta.url);
  const { packAll, installInto } = (await import(href)) as Packing;
  const app = join(folder, "app");
  mkdirSync(app);
  writeFileSync(join(app, "package.json"), '{ "type": "module" }\n');
  installInto(app, ["sconce"], await packAll(join(folder, "packed")));
  copyFileSync(path("sconce"), join(app, "main.js"));
  return join(app, "main.js");
}

/** Times of all runners that can start, in turns; the first turn only fills the system's caches. */
async function alternate(runners: readonly string[], program: string, runs: number, findings: Findings): Promise<Map<string, number[]>> {
  const times = new Map(runners.map((runner): [string, number[]] => [runner, []]));
  for (let round = 0; round <= runs; round++) {
    for (const [runner, list] of times) {
      try {
        const time = await timeStart(runner === "sconce" ? [process.execPath, program] : COMMANDS[runner]());
        if (round > 0) list.push(time);
      } catch (error) {
        times.delete(runner);
        findings.missing.push({ runner, suite: "startup", reason: (error as Error).message });
      }
    }
  }
  return times;
}

/** Measures the start of Sconce, of bare Node and of the peers. */
export async function measureStartup(peers: readonly string[], runs: number, findings: Findings): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), "sconce-startup-"));
  const times = await install(folder)
    .then((program) => alternate(["sconce", "node", ...peers], program, runs, findings))
    .finally(() => rmSync(folder, { recursive: true, force: true }));
  const [ours, bare] = [times.get("sconce") ?? [], times.get("node") ?? []];
  const common = { suite: "startup", device: "cpu", threads: 1, unit: "ms" } as const;
  const results = [...times].map(([runner, list]): BenchResult => {
    const ratio = runner === "sconce" ? undefined : pairedRatio(ours, list);
    const row = { ...common, case: "start to first 2x2 product", runner, ...summarise(list, "ms") };
    return ratio === undefined ? row : { ...row, ratio };
  });
  if (ours.length > 0 && bare.length > 0) {
    const above = ours.map((time, i) => Math.max(0, time - bare[i]));
    results.push({ ...common, case: "the same above bare Node", runner: "sconce", ...summarise(above, "ms") });
  }
  return results;
}
