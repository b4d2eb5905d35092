/** Resident memory over training steps that free nothing by hand. */
import type { BenchResult } from "../format.js";
import type { Setting } from "../peers/runner.js";
import { memoryResult } from "../results.js";
import { type Case, memoryTitle } from "../work.js";
import { Crew, type Findings } from "./measure.js";

/** The memory of each runner over the steps of one case, and of Sconce on the CPU in a loop that never waits. */
export async function measureMemory(
  work: Case,
  runners: readonly string[],
  setting: Setting,
  steps: number,
  findings: Findings,
): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  const name = `${memoryTitle(work)}, ${steps} steps`;
  const loops = runners.map((runner) => ({ runner, blocking: false, title: name }));
  if (setting.device === "cpu") loops.splice(1, 0, { runner: runners[0], blocking: true, title: `${name} without waiting` });
  for (const { runner, blocking, title } of loops) {
    // Each loop has a process of its own, and nothing else in memory.
    const crew = new Crew("memory", setting, findings);
    try {
      const sizes = await crew.memory(runner, work, steps, blocking);
      if (sizes !== null) results.push(memoryResult(title, runner, setting, steps, sizes));
    } finally {
      crew.end();
    }
  }
  return results;
}
