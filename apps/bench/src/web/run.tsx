import { Figure } from "@sconce-apps/page/frame";
import { offer } from "@sconce-apps/page/offer";
import type { JSX } from "preact";
import { toCsv } from "../csv.js";
import { deviceTitle, runnerTitle, suiteTitle } from "../titles.js";
import { short } from "../words.js";
import { backends, missing, phase, progress, report, results, run, stop } from "./state.js";

/** What happens, in a sentence. */
function sentence(): string {
  const { done, jobs, where, what } = progress.value;
  switch (phase.value) {
    case "looking":
      return "Looking for backends …";
    case "running":
      return `${Math.min(done + 1, jobs)} of ${jobs}: ${where}, ${what}`;
    case "broken":
      return "The page could not start";
    case "ready":
      if (jobs === 0) return "Ready";
      return done === jobs ? `Done: ${results.value.length} results` : `Stopped after ${done} of ${jobs}`;
  }
}

function Buttons(): JSX.Element {
  const none = results.value.length === 0;
  const name = (extension: string): string => `sconce-bench-${report.value.date.slice(0, 16).replace(/[:T]/g, "-")}.${extension}`;
  return (
    <div class="row wrap buttons">
      {phase.value === "running" ? (
        <button type="button" class="primary" onClick={stop}>
          Stop
        </button>
      ) : (
        <button type="button" class="primary" disabled={phase.value !== "ready"} onClick={() => void run()}>
          Measure
        </button>
      )}
      <button
        type="button"
        disabled={none}
        onClick={() => offer(name("json"), "application/json", `${JSON.stringify(report.value, null, 2)}\n`)}
      >
        Download JSON
      </button>
      <button type="button" disabled={none} onClick={() => offer(name("csv"), "text/csv", toCsv(report.value))}>
        Download CSV
      </button>
    </div>
  );
}

function Machine(): JSX.Element {
  const { machine, versions, limits } = report.value;
  return (
    <dl class="figures">
      <Figure label="Browser" value={machine.runtime} />
      <Figure label="System" value={machine.os} />
      <Figure label="Cores" value={String(machine.cores)} />
      {machine.memoryGB > 0 && <Figure label="Memory" value={`${machine.memoryGB} GB or more`} />}
      {Object.entries(versions).map(([name, version]) => (
        <Figure key={name} label={runnerTitle(name)} value={version} />
      ))}
      {limits.simdGflops !== undefined && <Figure label="SIMD peak, one thread" value={`${short(limits.simdGflops)} GFLOP/s`} />}
      {limits.copyGBs !== undefined && <Figure label="Memory copy, one thread" value={`${short(limits.copyGBs)} GB/s`} />}
    </dl>
  );
}

/** What could not be measured, with the reason. */
function Missing(): JSX.Element | null {
  const devices = backends.value.flatMap(({ name, missing: reason }) => (reason === null ? [] : [`${deviceTitle(name)}: ${reason}`]));
  const runners = missing.value.map(({ runner, suite, reason }) =>
    suite === undefined ? `${runnerTitle(runner)}: ${reason}` : `${runnerTitle(runner)}, ${suiteTitle(suite)}: ${reason}`,
  );
  const all = [...devices, ...runners];
  if (all.length === 0) return null;
  return (
    <details class="absent">
      <summary>Not measured: {all.length}</summary>
      <ul>
        {all.map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
    </details>
  );
}

/** Start and stop, progress, downloads, the machine. */
export function Run(): JSX.Element {
  const { done, jobs } = progress.value;
  return (
    <section class="card run" aria-labelledby="run-title">
      <h2 id="run-title">Run</h2>
      <Buttons />
      <p class="sentence" role="status" aria-live="polite" data-phase={phase.value}>
        {sentence()}
      </p>
      <progress aria-label="Progress of the run" value={done} max={Math.max(1, jobs)} />
      <Machine />
      <Missing />
    </section>
  );
}
