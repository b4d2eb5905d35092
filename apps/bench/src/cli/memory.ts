/** Resident memory over training steps that free nothing by hand. */
import type { BenchResult } from "../format.js";
import type { Setting } from "../peers/runner.js";
import { quartiles } from "../statistics.js";
import { CASES, type Case } from "../work.js";
import { Crew, type Findings } from "./measure.js";

/** Every training suite once. */
export function memoryCases(quick: boolean): Case[] {
  const training = CASES.filter(({ work }) => work.kind === "train");
  const first = training.filter(({ suite }, i) => training.findIndex((other) => other.suite === suite) === i);
  return quick ? first.slice(0, 1) : first;
}

/** The memory of each runner over the steps of one case. */
export async function measureMemory(
  work: Case,
  runners: readonly string[],
  setting: Setting,
  steps: number,
  findings: Findings,
): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  const crew = new Crew("memory", setting, findings);
  try {
    for (const runner of runners) {
      const sizes = await crew.memory(runner, work, steps);
      if (sizes === null) continue;
      // The first tenth of the steps fills caches and pools.
      const settled = sizes.slice(1);
      const growth = (settled.at(-1) as number) - settled[0];
      results.push({
        suite: "memory",
        case: `${work.suite}, ${steps} steps`,
        device: setting.device,
        threads: setting.threads,
        runner,
        unit: "MB",
        ...quartiles(settled),
        min: Math.min(...settled),
        samples: settled.length,
        note: `${growth < 0 ? "" : "+"}${growth.toFixed(1)} MB from step ${steps / 10} on, at most ${Math.max(...settled).toFixed(0)} MB`,
      });
    }
  } finally {
    crew.end();
  }
  return results;
}
