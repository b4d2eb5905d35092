/** One suite on one device: contenders are checked against each other, and then take turns. */
import type { BenchResult } from "../format.js";
import type { Runner, Task } from "../peers/runner.js";
import { pairedRatio, summarise } from "../statistics.js";
import { CASES, type Case, difference } from "../work.js";
import type { Job, Reply } from "./protocol.js";
import { loadRunner } from "./runners.js";

/** The least time of one run of steps: clocks of browsers tick in steps of up to 0.1 ms. */
const LEAST_RUN = 20;
/** The least number of runs of each contender. */
const LEAST_RUNS = 3;

interface Contender {
  readonly runner: string;
  readonly task: Task;
  /** Milliseconds a step, one value a run. */
  readonly times: number[];
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Runs a job and tells of it. */
export async function runJob(job: Job, post: (reply: Reply) => void): Promise<void> {
  const runners = new Map<string, Runner>();
  for (const runner of ["sconce", ...job.peers]) {
    post({ type: "doing", what: `starts ${runner}` });
    try {
      const { start } = await loadRunner(runner, job.device, job.threads);
      const started = await start({ device: job.device, threads: job.threads, wide: false });
      runners.set(runner, started);
      post({ type: "versions", versions: started.versions });
    } catch (error) {
      post({ type: "missing", missing: { runner, suite: job.suite, reason: reason(error) } });
    }
  }
  for (const one of CASES) if (one.suite === job.suite && one.work.kind !== "host") await measureCase(one, runners, job, post);
}

async function measureCase(one: Case, runners: ReadonlyMap<string, Runner>, job: Job, post: (reply: Reply) => void): Promise<void> {
  post({ type: "doing", what: one.name });
  const contenders: Contender[] = [];
  let expected: number[] | null = null;
  for (const [runner, { prepare }] of runners) {
    try {
      const task = await prepare(one);
      const got = await task.check();
      const wrong = expected === null ? null : difference(expected, got, one.tolerance);
      if (wrong !== null) throw new Error(`${one.name}: ${wrong}`);
      if (runner === "sconce") expected = got;
      contenders.push({ runner, task, times: [] });
    } catch (error) {
      post({ type: "missing", missing: { runner, suite: one.suite, reason: `${one.name}: ${reason(error)}` } });
    }
  }
  await takeTurns(contenders, job.budget, () => post({ type: "results", results: resultsOf(one, contenders, job) }));
  for (const { task } of contenders) task.dispose?.();
}

/** Milliseconds a step over a run of steps. */
async function timeRun(task: Task, steps: number): Promise<number> {
  const started = performance.now();
  for (let i = 0; i < steps; i++) await task.step();
  return (performance.now() - started) / steps;
}

/** Steps that a run needs to be long enough to be timed; finding out warms everything up. */
async function stepsOfRun(task: Task): Promise<number> {
  for (let steps = 1; ; steps *= 2) if ((await timeRun(task, steps)) * steps >= LEAST_RUN) return steps;
}

async function takeTurns(contenders: readonly Contender[], budget: number, tell: () => void): Promise<void> {
  const steps: number[] = [];
  for (const { task } of contenders) steps.push(await stepsOfRun(task));
  const spent = contenders.map(() => 0);
  const isOpen = (i: number): boolean => spent[i] < budget || contenders[i].times.length < LEAST_RUNS;
  while (contenders.some((_, i) => isOpen(i))) {
    for (const [i, { task, times }] of contenders.entries()) {
      if (!isOpen(i)) continue;
      const time = await timeRun(task, steps[i]);
      times.push(time);
      spent[i] += time * steps[i];
    }
    tell();
  }
}

/** Milliseconds of a step as a value of the case. */
function valueOf({ unit, repeats, flops }: Case, time: number): number {
  if (unit === "GFLOP/s") return (flops as number) / time / 1e6;
  return (unit === "us" ? 1000 * time : time) / repeats;
}

function resultsOf(one: Case, contenders: readonly Contender[], { device, threads }: Job): BenchResult[] {
  const ours = contenders.find(({ runner }) => runner === "sconce")?.times ?? [];
  return contenders.map(({ runner, times }) => {
    const ratio = runner === "sconce" ? undefined : pairedRatio(ours, times);
    return {
      ...{ suite: one.suite, case: one.name, device, threads, runner, unit: one.unit },
      ...summarise(
        times.map((time) => valueOf(one, time)),
        one.unit,
      ),
      ...(ratio === undefined ? {} : { ratio }),
    };
  });
}
