/** `npm run bench`: measures Sconce and its peers on this machine. */
import { writeFileSync } from "node:fs";
import { SingleBar } from "cli-progress";
import { Command, InvalidArgumentError, Option } from "commander";
import { removeArrays } from "./cli/arrays.js";
import { busyWarning, describeMachine } from "./cli/machine.js";
import { DEVICES, PEERS } from "./cli/plan.js";
import { endAll } from "./cli/process.js";
import { type Options, type Outcome, runBenchmarks } from "./cli/run.js";
import { formatTable } from "./cli/table.js";
import type { BenchReport } from "./format.js";
import { reportHtml } from "./report-html.js";
import { SUITES } from "./work.js";

interface Arguments extends Options {
  readonly json?: string;
  readonly html?: string;
}

/** Names out of a fixed list, with commas between them. */
function someOf(choices: readonly string[]): (text: string) => string[] {
  return (text) => {
    const names = text.split(",").filter((name) => name !== "");
    const wrong = names.find((name) => !choices.includes(name));
    if (wrong !== undefined) throw new InvalidArgumentError(`${wrong} is none of ${choices.join(", ")}.`);
    return names;
  };
}

function counts(text: string): number[] {
  return text.split(",").map(count);
}

function count(text: string): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1) throw new InvalidArgumentError("expected integers of at least 1.");
  return n;
}

function positive(text: string): number {
  const n = Number(text);
  if (!(n > 0) || !Number.isFinite(n)) throw new InvalidArgumentError("expected a number above 0.");
  return n;
}

/** An option that takes some of the names, and all of them unless given. */
function names(flags: string, description: string, choices: readonly string[], preset: readonly string[] = choices): Option {
  return new Option(flags, `${description}: ${choices.join(",")}`)
    .argParser(someOf(choices))
    .default([...preset], preset === choices ? "all" : preset.join(","));
}

function parseArguments(): Arguments {
  return new Command("npm run bench --")
    .description("Measures Sconce and other libraries doing the same work, in turns, each in a process of its own.")
    .addOption(names("--suites <names>", "what to measure", SUITES))
    .addOption(names("--devices <names>", "devices of Sconce", DEVICES, ["cpu"]))
    .addOption(new Option("--threads <counts>", "threads on the CPU, one run for each count").argParser(counts).default([1], "1"))
    .addOption(names("--peers <names>", "libraries to compare with", Object.keys(PEERS)))
    .option("--json <file>", "write the results")
    .option("--html <file>", "write the results as a page with charts")
    .option("--seconds <n>", "time for a runner in a case, checks and warm-up apart", positive, 3)
    .option("--warmup <n>", "seconds of steps before a runner's first timed run", positive, 2)
    .option("--runs <n>", "timed runs of a runner in a case at most, of about 100 ms each", count, 15)
    .option("--steps <n>", "steps of the large networks in the suite memory, the small ones take five times as many", count, 2000)
    .option("--wide", "256-bit vectors in Sconce (Node 24 or later on x64)")
    .option("--quick", "the first case of each suite, one short run: shows that everything works")
    .parse()
    .opts<Arguments>();
}

/** Writes what there is: to the files while it runs, and to the terminal at the end. */
class Reporter {
  private readonly options: Arguments;
  private report: BenchReport | undefined;

  constructor(options: Arguments) {
    this.options = options;
  }

  take(outcome: Outcome): void {
    const { json, html, wide = false } = this.options;
    const command = ["npm run bench --", ...process.argv.slice(2)].join(" ");
    this.report = { format: "sconce-bench/1", date: new Date().toISOString(), command, machine: describeMachine(wide), ...outcome };
    if (json !== undefined) writeFileSync(json, `${JSON.stringify(this.report, null, 2)}\n`);
    if (html !== undefined) writeFileSync(html, reportHtml(this.report));
  }

  print(): void {
    if (this.report === undefined) return;
    console.log(formatTable(this.report));
    if (this.report.results.length === 0) process.exitCode = 1;
  }
}

const options = parseArguments();
const reporter = new Reporter(options);
const bar = new SingleBar({
  format: "{bar} {value}/{total} {doing}",
  noTTYOutput: true,
  notTTYSchedule: 10_000,
  barsize: 20,
  hideCursor: true,
  stream: process.stderr,
});
process.once("SIGINT", () => {
  bar.stop();
  reporter.print();
  endAll();
  removeArrays();
  process.exit(130);
});
const warning = busyWarning();
if (warning !== null) console.error(warning);
bar.start(1, 0, { doing: "limits of the machine" });
try {
  await runBenchmarks(options, (done, total, doing, outcome) => {
    bar.setTotal(total);
    bar.update(done, { doing });
    reporter.take(outcome);
  });
  bar.stop();
  reporter.print();
} catch (error) {
  bar.stop();
  console.error(error instanceof Error ? `${error.name}: ${error.message}` : error);
  process.exitCode = 1;
} finally {
  endAll();
  removeArrays();
}
