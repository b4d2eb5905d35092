/** From the start of a process to its first 2x2 product. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { BenchResult } from "../format.js";
import { pairedRatio, summarise } from "../statistics.js";
import type { Findings } from "./measure.js";
import { python } from "./process.js";

const script = (name: string): string[] => [process.execPath, fileURLToPath(new URL(`../startup/${name}.js`, import.meta.url))];
const COMMANDS: Readonly<Record<string, () => string[]>> = {
  sconce: () => script("sconce"),
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

/** Times of all runners that can start, in turns; the first turn only fills the system's caches. */
async function alternate(runners: readonly string[], runs: number, findings: Findings): Promise<Map<string, number[]>> {
  const times = new Map(runners.map((runner): [string, number[]] => [runner, []]));
  for (let round = 0; round <= runs; round++) {
    for (const [runner, list] of times) {
      try {
        const time = await timeStart(COMMANDS[runner]());
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
  const times = await alternate(["sconce", "node", ...peers], runs, findings);
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
