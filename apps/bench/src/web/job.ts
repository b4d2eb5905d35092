/** One suite on one device: contenders are checked against each other, and then take turns. */
import { memory } from "sconce";
import { type Runner, type Setting, type Task, Unsupported } from "../peers/runner.js";
import { type Measured, memoryResult, resultsOf } from "../results.js";
import { CASES, type Case, memoryCases, memoryTitle } from "../work.js";
import type { Job, Reply } from "./protocol.js";
import { loadRunner } from "./runners.js";

/** The least time of one run: clocks of browsers tick in steps of up to 0.1 ms. */
const LEAST_RUN = 20;
/** Milliseconds that a contender warms up for at most. */
const MOST_WARMUP = 2000;
/** The least number of runs of each contender. */
const LEAST_RUNS = 3;

interface Contender extends Measured {
  readonly task: Task;
  readonly times: number[];
  best: number;
}

/** A contender with the steps of each of its runs and the milliseconds that they have taken. */
interface Turn {
  readonly contender: Contender;
  readonly steps: number;
  spent: number;
}

type Post = (reply: Reply) => void;

/** Why a runner cannot do a case; what holds for all cases does not name this one. */
function reasonOf(work: Case, error: unknown): string {
  const { message } = error as Error;
  return error instanceof Unsupported ? message : `${work.name}: ${message}`;
}

const settingOf = ({ device, threads }: Job): Setting => ({ device, threads, wide: false });

/** Runs a job and tells of it. */
export async function runJob(job: Job, post: Post): Promise<void> {
  const isMemory = job.suite === "memory";
  const runners = await startRunners(isMemory ? { ...job, peers: [] } : job, post);
  if (isMemory) return measureMemory(runners.get("sconce") as Runner, job, post);
  for (const work of CASES) if (work.suite === job.suite && work.work.kind !== "host") await measureCase(work, runners, job, post);
}

/** Starts Sconce, without which there is nothing to compare, and the peers that can be had. */
async function startRunners(job: Job, post: Post): Promise<Map<string, Runner>> {
  const runners = new Map<string, Runner>();
  for (const name of ["sconce", ...job.peers]) {
    post({ type: "doing", what: "loads libraries" });
    try {
      const { start } = await loadRunner(name, job.device, job.threads);
      const runner = await start(settingOf(job));
      runners.set(name, runner);
      post({ type: "versions", versions: { ...(Object.hasOwn(VERSIONS, name) ? { [name]: VERSIONS[name] } : {}), ...runner.versions } });
    } catch (error) {
      if (name === "sconce") throw error;
      post({ type: "missing", missing: { runner: name, suite: job.suite, reason: (error as Error).message } });
    }
  }
  return runners;
}

async function measureCase(work: Case, runners: ReadonlyMap<string, Runner>, job: Job, post: Post): Promise<void> {
  post({ type: "doing", what: work.name });
  const contenders: Contender[] = [];
  for (const [runner, { prepare }] of runners) {
    try {
      const task = await prepare(work);
      contenders.push({ runner, task, values: await task.check(), times: [], best: Number.POSITIVE_INFINITY });
    } catch (error) {
      post({ type: "missing", missing: { runner, suite: work.suite, reason: reasonOf(work, error) } });
      if (runner === "sconce") return;
    }
  }
  await takeTurns(contenders, work, job, post);
  for (const { task } of contenders) task.dispose?.();
}

/** Milliseconds of a run of steps. */
async function timeRun({ step }: Task, steps: number): Promise<number> {
  const started = performance.now();
  for (let i = 0; i < steps; i++) {
    const pending = step();
    if (pending instanceof Promise) await pending;
  }
  return performance.now() - started;
}

/** Steps that a run needs to be long enough to be timed, found after `warmup` milliseconds of steps: engines go on compiling for long. */
async function stepsOfRun(task: Task, warmup: number): Promise<number> {
  const started = performance.now();
  for (let steps = 1; ; ) {
    const isLong = (await timeRun(task, steps)) >= LEAST_RUN;
    if (isLong && performance.now() - started >= warmup) return steps;
    if (!isLong) steps *= 2;
  }
}

/** Runs of each contender until its time is up; Sconce goes on beside the others, since ratios are of pairs. Who fails leaves. */
async function takeTurns(contenders: readonly Contender[], work: Case, job: Job, post: Post): Promise<void> {
  let turns: Turn[] = [];
  const attempt = async (contender: Contender, part: () => Promise<void>): Promise<void> => {
    try {
      await part();
    } catch (error) {
      post({ type: "missing", missing: { runner: contender.runner, suite: work.suite, reason: reasonOf(work, error) } });
      turns = contender === contenders[0] ? [] : turns.filter((turn) => turn.contender !== contender);
    }
  };
  for (const contender of contenders) {
    await attempt(
      contender,
      async () => void turns.push({ contender, steps: await stepsOfRun(contender.task, Math.min(job.budget, MOST_WARMUP)), spent: 0 }),
    );
  }
  if (turns[0]?.contender !== contenders[0]) return;
  const isOpen = ({ spent, contender }: Turn): boolean => spent < job.budget || contender.times.length < LEAST_RUNS;
  while (turns.some(isOpen)) {
    for (const turn of turns) if (isOpen(turn) || turn === turns[0]) await attempt(turn.contender, () => takeTurn(turn, work.repeats));
    const [ours, ...others] = contenders;
    post({ type: "results", results: resultsOf(work, ours, others, settingOf(job), job.limits) });
  }
}

async function takeTurn(turn: Turn, repeats: number): Promise<void> {
  const { contender, steps } = turn;
  const time = await timeRun(contender.task, steps);
  turn.spent += time;
  contender.times.push(time / steps / repeats);
  contender.best = Math.min(contender.best, time / steps / repeats);
}

/** Steps whose time says how many more there can be. */
const TRIED = 3;

/** What Sconce's tensors hold while it trains without any memory code, for about ten times the budget and at most two steps a millisecond of it. */
async function measureMemory({ prepare }: Runner, job: Job, post: Post): Promise<void> {
  const size = (): number => memory().bytes / 2 ** 20;
  for (const work of memoryCases()) {
    post({ type: "doing", what: work.suite });
    const task = await prepare(work);
    const each = (await timeRun(task, TRIED)) / TRIED;
    const tenth = Math.ceil(Math.min(job.budget / 5, job.budget / each));
    const sizes = [size()];
    for (let i = 1; i <= 10; i++) {
      await timeRun(task, tenth);
      sizes.push(size());
      post({ type: "doing", what: `${memoryTitle(work)}, step ${i * tenth} of ${10 * tenth}` });
    }
    task.dispose?.();
    post({ type: "results", results: [memoryResult(`${memoryTitle(work)}, training steps`, "sconce", settingOf(job), 10 * tenth, sizes)] });
  }
}
