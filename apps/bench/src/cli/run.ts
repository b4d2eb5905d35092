/** Runs suites on devices with numbers of threads. */
import { createRequire } from "node:module";
import type { BenchReport } from "../format.js";
import { measureLimits } from "../limits.js";
import type { Setting } from "../peers/runner.js";
import { memoryCases, memorySteps, memoryTitle } from "../work.js";
import { Crew, type Effort, type Findings, measureCase } from "./measure.js";
import { measureMemory } from "./memory.js";
import { casesOf, exclusion, PEERS, sconceRunner } from "./plan.js";
import { measureStartup } from "./startup.js";

/** What is measured, and how thoroughly. */
export interface Options {
  readonly suites: readonly string[];
  readonly devices: readonly string[];
  readonly threads: readonly number[];
  readonly peers: readonly string[];
  readonly seconds: number;
  readonly warmup: number;
  readonly runs: number;
  readonly steps: number;
  readonly wide?: boolean;
  readonly quick?: boolean;
}

/** What a report says besides where and when. */
export type Outcome = Pick<BenchReport, "versions" | "limits" | "results" | "missing">;

/** Is told how many pieces of work are done, of how many, what comes next, and what has come out so far. */
export type Progress = (done: number, total: number, doing: string, outcome: Outcome) => void;

/** A piece of the work. */
interface Job {
  readonly title: string;
  run(): Promise<void>;
}

const STARTUP_RUNS = 15;
const LIMIT_MILLISECONDS = 1000;
const RUN_MILLISECONDS = 100;

/** Settings to measure with: threads are the CPU's. */
function settingsOf({ devices, threads, wide = false }: Options): Setting[] {
  return devices.flatMap((device) =>
    (device === "cpu" ? threads : [1]).map((count) => ({ device, threads: count, wide: wide && device === "cpu" })),
  );
}

/** The runners of a suite, Sconce first; who may not take part is noted. */
function runnersOf(suite: string, setting: Setting, peers: readonly string[], findings: Findings): string[] {
  const runners = [sconceRunner(suite, setting.device)];
  for (const runner of peers) {
    const reason = exclusion(runner, setting.device, setting.threads);
    if (reason === undefined) runners.push(runner);
    else if (!findings.missing.some((entry) => entry.runner === runner && entry.reason === reason))
      findings.missing.push({ runner, reason });
  }
  return runners;
}

/** The jobs of a suite that times calls: the runners' processes live as long as the suite. */
function timedJobs(suite: string, setting: Setting, options: Options, findings: Findings, limits: BenchReport["limits"]): Job[] {
  const effort: Effort = options.quick
    ? { warmup: RUN_MILLISECONDS / 5, run: RUN_MILLISECONDS / 5, runs: 1, seconds: 1 }
    : { warmup: options.warmup * 1000, run: RUN_MILLISECONDS, runs: options.runs, seconds: options.seconds };
  const cases = casesOf(suite, setting.device, options.quick === true);
  const crew = new Crew(suite, setting, findings);
  const peers = options.peers.flatMap((peer) => PEERS[peer]);
  return cases.map((work, i) => ({
    title: `${suite}: ${work.name}, ${setting.device}, ${setting.threads} threads`,
    run: async () => {
      const runners = runnersOf(suite, setting, peers, findings);
      findings.results.push(...(await measureCase(crew, work, runners, setting, effort, limits)));
      if (i === cases.length - 1) crew.end();
    },
  }));
}

function memoryJobs(setting: Setting, options: Options, findings: Findings): Job[] {
  const peers = options.peers.flatMap((peer) => PEERS[peer]).filter((peer) => !peer.startsWith("ort") && peer !== "numpy");
  return memoryCases()
    .slice(0, options.quick ? 1 : undefined)
    .map((work) => ({
      title: `memory: ${memoryTitle(work)}, ${setting.device}, ${setting.threads} threads`,
      run: async () => {
        const runners = runnersOf("memory", setting, peers, findings);
        findings.results.push(
          ...(await measureMemory(work, runners, setting, options.quick ? 10 : memorySteps(work, options.steps), findings)),
        );
      },
    }));
}

function jobsOf(options: Options, findings: Findings, limits: BenchReport["limits"]): Job[] {
  const settings = settingsOf(options);
  return options.suites.flatMap((suite): Job[] => {
    if (suite === "memory") return settings.flatMap((setting) => memoryJobs(setting, options, findings));
    if (suite !== "startup") return settings.flatMap((setting) => timedJobs(suite, setting, options, findings, limits));
    const peers = options.peers.filter((peer) => peer !== "compile").flatMap((peer) => PEERS[peer]);
    const run = async (): Promise<void> => {
      findings.results.push(...(await measureStartup(peers, options.quick ? 1 : STARTUP_RUNS, findings)));
    };
    return [{ title: "startup", run }];
  });
}

/** Versions that the runners cannot tell themselves. */
function packageVersions(peers: readonly string[]): Record<string, string> {
  const require = createRequire(import.meta.url);
  const { version } = require("sconce/package.json") as { version: string };
  const { dependencies } = require("../../package.json") as { dependencies: Record<string, string> };
  return {
    sconce: version,
    node: process.versions.node,
    ...(peers.includes("jax-js") ? { "jax-js": dependencies["@jax-js/jax"] } : {}),
  };
}

/** Measures everything that is asked for. */
export async function runBenchmarks(options: Options, progress: Progress): Promise<void> {
  const limits = measureLimits(options.quick ? LIMIT_MILLISECONDS / 10 : LIMIT_MILLISECONDS);
  const findings: Findings = { results: [], missing: [], versions: packageVersions(options.peers) };
  const jobs = jobsOf(options, findings, limits);
  for (const [i, job] of jobs.entries()) {
    progress(i, jobs.length, job.title, { ...findings, limits });
    await job.run();
  }
  progress(jobs.length, jobs.length, "done", { ...findings, limits });
}
