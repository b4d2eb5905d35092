/** Resident memory over training steps that free nothing by hand. */
import type { BenchResult } from "../format.js";
import type { Setting } from "../peers/runner.js";
import { summarise } from "../statistics.js";
import { CASES, type Case } from "../work.js";
import { Crew, type Findings } from "./measure.js";

/** Every training suite once. */
export function memoryCases(quick: boolean): Case[] {
  const training = CASES.filter(({ work }) => work.kind === "train");
  const first = training.filter(({ suite }, i) => training.findIndex((other) => other.suite === suite) === i);
  return quick ? first.slice(0, 1) : first;
}

/** The result of a loop, from the sizes before and during it. */
function resultOf(name: string, runner: string, { device, threads }: Setting, steps: number, sizes: readonly number[]): BenchResult {
  // The first tenth of the steps fills caches and pools.
  const settled = sizes.slice(1);
  const growth = (settled.at(-1) as number) - settled[0];
  return {
    ...{ suite: "memory", case: name, device, threads, runner, unit: "MB" },
    ...summarise(settled, "MB"),
    note: `${growth < 0 ? "" : "+"}${growth.toFixed(1)} MB from step ${Math.ceil(steps / 10)} on, at most ${Math.max(...settled).toFixed(0)} MB`,
  };
}

/** The memory of each runner over the steps of one case, and of Sconce on the CPU in a loop that never waits. */
export async function measureMemory(
  work: Case,
  runners: readonly string[],
  setting: Setting,
  steps: number,
  findings: Findings,
): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  const name = `${work.suite}, ${steps} steps`;
  const loops = runners.map((runner) => ({ runner, blocking: false, title: name }));
  if (setting.device === "cpu") loops.splice(1, 0, { runner: runners[0], blocking: true, title: `${name} without waiting` });
  for (const { runner, blocking, title } of loops) {
    // Each loop has a process of its own, and nothing else in memory.
    const crew = new Crew("memory", setting, findings);
    try {
      const sizes = await crew.memory(runner, work, steps, blocking);
      if (sizes !== null) results.push(resultOf(title, runner, setting, steps, sizes));
    } finally {
      crew.end();
    }
  }
  return results;
}
