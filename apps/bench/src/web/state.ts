import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { BackendState } from "@sconce-apps/page/backends";
import { linkedSettings } from "@sconce-apps/page/link";
import { tell } from "@sconce-apps/page/notices";
import { reason } from "@sconce-apps/page/reason";
import { type BenchReport, type BenchResult, keyOf, type Limits, type Missing } from "../format.js";
import { placeTitle, suiteTitle } from "../titles.js";
import { jobsOf } from "./jobs.js";
import { machine } from "./machine.js";
import type { Reply, Request } from "./protocol.js";
import { formatHash, parseHash, type Settings } from "./settings.js";

/** What the visitor has chosen; the address follows it. */
export const settings: Signal<Settings> = linkedSettings(parseHash, formatHash);
/** What the page does. */
export const phase: Signal<"looking" | "ready" | "running" | "broken"> = signal<"looking" | "ready" | "running" | "broken">("looking");
export const backends: Signal<readonly BackendState[]> = signal<readonly BackendState[]>([]);
/** The most threads that the CPU backend can have. */
export const mostThreads: Signal<number> = signal(1);
/** Jobs of the run, how many of them are done, and what is being done. */
export const progress: Signal<{ readonly done: number; readonly jobs: number; readonly where: string; readonly what: string }> = signal({
  ...{ done: 0, jobs: 0 },
  ...{ where: "", what: "" },
});
export const results: Signal<readonly BenchResult[]> = signal<readonly BenchResult[]>([]);
export const missing: Signal<readonly Missing[]> = signal<readonly Missing[]>([]);
/** Versions of the libraries that have run. */
const versions: Signal<Readonly<Record<string, string>>> = signal({});
const limits: Signal<Limits> = signal({});

/** The results in the format of the command line. */
export const report: ReadonlySignal<BenchReport> = computed(() => ({
  format: "sconce-bench/1",
  date: started,
  command: `npm run bench:web, ${formatHash(settings.value)}`,
  machine: machine(),
  versions: versions.value,
  limits: limits.value,
  results: results.value,
  missing: missing.value,
}));

let started = "";
let leave: () => void = () => {};

/** Starts a worker of its own for a request, and hands on what it says until it is done or `leave` is called. */
function ask(request: Request): Promise<void> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "bench" });
  return new Promise<void>((resolve, reject) => {
    leave = resolve;
    worker.onmessage = ({ data }: MessageEvent<Reply>) => {
      batch(() => receive(data));
      if (data.type === "done") resolve();
      if (data.type === "failed") reject(new Error(data.reason));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message || "the file of the worker did not load"));
    };
    worker.postMessage(request);
  }).finally(() => worker.terminate());
}

function receive(reply: Reply): void {
  switch (reply.type) {
    case "found":
      backends.value = reply.backends;
      mostThreads.value = reply.threads;
      break;
    case "limits":
      limits.value = reply.limits;
      break;
    case "doing":
      progress.value = { ...progress.value, what: reply.what };
      break;
    case "results": {
      const fresh = new Map(reply.results.map((result) => [keyOf(result), result]));
      results.value = [...results.value.filter((result) => !fresh.has(keyOf(result))), ...fresh.values()];
      break;
    }
    case "missing":
      lack(reply.missing);
      break;
    case "versions":
      versions.value = { ...versions.value, ...reply.versions };
      break;
  }
}

/** Notes once what could not be measured. */
function lack(entry: Missing): void {
  const text = JSON.stringify(entry);
  if (!missing.value.some((other) => JSON.stringify(other) === text)) missing.value = [...missing.value, entry];
}

/** Runs what is chosen, one job after the other; what cannot run is said, and the rest goes on. */
export async function run(): Promise<void> {
  const jobs = jobsOf(settings.value, backends.value, mostThreads.value);
  if (jobs.length === 0) return tell({ kind: "info", text: "Choose at least one suite and one backend." });
  batch(() => {
    started = new Date().toISOString();
    stopped = false;
    [results.value, missing.value, versions.value] = [[], [], {}];
    progress.value = { done: 0, jobs: jobs.length, where: "Limits of this machine", what: "SIMD and memory" };
    phase.value = "running";
  });
  await attempt("Limits of this machine", () => ask({ type: "limits", budget: settings.value.budget }));
  for (const [done, job] of jobs.entries()) {
    if (stopped) break;
    const where = `${suiteTitle(job.suite)} on ${placeTitle(job.device, job.threads)}`;
    progress.value = { ...progress.value, done, where, what: "starts" };
    await attempt(where, () => ask({ type: "run", job: { ...job, limits: limits.value } }), job.suite);
  }
  batch(() => {
    if (!stopped) progress.value = { ...progress.value, done: jobs.length };
    phase.value = "ready";
  });
}

/** Does one part of a run; if it fails, the report and the visitor are told. */
async function attempt(where: string, part: () => Promise<void>, suite?: string): Promise<void> {
  try {
    await part();
  } catch (error) {
    const text = `${where}: ${reason(error)}`;
    lack({ runner: "sconce", ...(suite === undefined ? {} : { suite }), reason: text });
    tell({ kind: "error", text });
  }
}

let stopped = false;

/** Ends the run at once; the results so far stay. */
export function stop(): void {
  stopped = true;
  leave();
}

/** Changes a setting. */
export function choose(changed: Partial<Settings>): void {
  settings.value = { ...settings.value, ...changed };
}

ask({ type: "look" }).then(
  () => (phase.value = "ready"),
  (error: unknown) => {
    phase.value = "broken";
    tell({ kind: "error", text: `The part of the page that computes could not start: ${reason(error)}.` });
  },
);
