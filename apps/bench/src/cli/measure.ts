/** Timed runs of all runners in turns, so that whatever else the machine does meets them alike. */
import type { BenchResult, Limits, Missing } from "../format.js";
import { type Setting, Unsupported } from "../peers/runner.js";
import { resultsOf } from "../results.js";
import type { Case } from "../work.js";
import { RunnerProcess } from "./process.js";

/** How long and how often to measure. */
export interface Effort {
  /** Milliseconds of steps before the first run: engines go on compiling for a thousand steps and more. */
  readonly warmup: number;
  /** Milliseconds of one run. */
  readonly run: number;
  /** Runs of each runner at most. */
  readonly runs: number;
  /** Seconds of each runner in a case; three runs are made even if they take longer. */
  readonly seconds: number;
}

const LEAST_RUNS = 3;

/** A runner in a case: its process, what it computed, and the milliseconds of each run and of the best stretch of all. */
interface Contender {
  readonly process: RunnerProcess;
  readonly values: readonly number[];
  readonly times: number[];
  best: number;
  spent: number;
}

/** What was found out. */
export interface Findings {
  readonly results: BenchResult[];
  readonly missing: Missing[];
  readonly versions: Record<string, string>;
}

/** Why a runner cannot do a case; what holds for all cases does not name this one. */
const reasonOf = (work: Case, error: Error): string => (error instanceof Unsupported ? error.message : `${work.name}: ${error.message}`);

/** The runners of one suite, each in a process that is started when it is first needed, and again after it has ended. */
export class Crew {
  private readonly setting: Setting;
  private readonly processes = new Map<string, RunnerProcess>();
  private readonly absent = new Set<string>();
  private readonly findings: Findings;
  private readonly suite: string;

  constructor(suite: string, setting: Setting, findings: Findings) {
    this.suite = suite;
    this.setting = setting;
    this.findings = findings;
  }

  /** Makes a runner ready for a case; null if it cannot, which is noted. */
  async prepare(runner: string, work: Case): Promise<Contender | null> {
    const process = await this.process(runner);
    if (process === null) return null;
    try {
      return { process, values: await process.prepare(work), times: [], best: Number.POSITIVE_INFINITY, spent: 0 };
    } catch (error) {
      this.lose(runner, reasonOf(work, error as Error));
      return null;
    }
  }

  /** The memory of a runner over steps of a case; null if it cannot do them, which is noted. */
  async memory(runner: string, work: Case, steps: number, blocking: boolean): Promise<readonly number[] | null> {
    const contender = await this.prepare(runner, work);
    try {
      return contender === null ? null : await contender.process.memory(steps, blocking);
    } catch (error) {
      this.lose(runner, reasonOf(work, error as Error));
      return null;
    }
  }

  /** Notes that a runner took no part. */
  lose(runner: string, reason: string): void {
    const { missing } = this.findings;
    if (!missing.some((other) => other.runner === runner && other.suite === this.suite && other.reason === reason))
      missing.push({ runner, suite: this.suite, reason });
  }

  end(): void {
    for (const process of this.processes.values()) process.end();
  }

  private async process(runner: string): Promise<RunnerProcess | null> {
    if (this.absent.has(runner)) return null;
    const there = this.processes.get(runner);
    if (there?.isAlive === true) return there;
    try {
      const started = await RunnerProcess.start(runner, this.setting);
      this.processes.set(runner, started);
      Object.assign(this.findings.versions, started.versions);
      return started;
    } catch (error) {
      this.absent.add(runner);
      this.lose(runner, (error as Error).message);
      return null;
    }
  }
}

/** Times the contenders in turns. A contender whose time is up leaves the others to go on. */
async function alternate(
  contenders: readonly Contender[],
  effort: Omit<Effort, "warmup">,
  lose: (contender: Contender, error: Error) => void,
): Promise<void> {
  let active = [...contenders];
  for (let round = 0; round < effort.runs && active.length > 0; round++) {
    const finished = (c: Contender): boolean => c.spent > effort.seconds * 1000 && c.times.length >= Math.min(LEAST_RUNS, effort.runs);
    active = active.filter((c, i) => (i === 0 && active.length > 1) || !finished(c));
    for (const contender of [...active]) {
      const started = performance.now();
      try {
        const { value, best } = await contender.process.run(effort.run);
        contender.times.push(value);
        contender.best = Math.min(contender.best, best);
      } catch (error) {
        lose(contender, error as Error);
        active = active.filter((other) => other !== contender);
      }
      contender.spent += performance.now() - started;
    }
  }
}

/** Measures one case with the runners in turns; the first of them is Sconce. */
export async function measureCase(
  crew: Crew,
  work: Case,
  runners: readonly string[],
  setting: Setting,
  effort: Effort,
  limits: Limits,
): Promise<BenchResult[]> {
  const contenders: Contender[] = [];
  for (const runner of runners) {
    const contender = await crew.prepare(runner, work);
    if (contender !== null) contenders.push(contender);
    else if (runner === runners[0]) return [];
  }
  const lose = (contender: Contender, error: Error): void => crew.lose(contender.process.name, reasonOf(work, error));
  await alternate(contenders, { run: effort.warmup, runs: 1, seconds: 0 }, lose);
  // From the first weights again, so that all are timed in the same steps of a training.
  for (const contender of contenders) {
    await contender.process.prepare(work);
    Object.assign(contender, { times: [], best: Number.POSITIVE_INFINITY, spent: 0 });
  }
  await alternate(contenders, effort, lose);
  const [ours, ...others] = contenders.map(({ process, values, times, best }) => ({ runner: process.name, values, times, best }));
  return resultsOf(work, { ...ours, runner: "sconce" }, others, setting, limits);
}
