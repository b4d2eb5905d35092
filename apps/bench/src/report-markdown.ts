/** docs/benchmarks.md, made from the reports in docs/benchmarks.json. */
import { type BenchReport, type BenchResult, merge } from "./format.js";
import { type CaseGroup, grouped, isPeer } from "./groups.js";
import { deviceTitle, placeTitle, runnerTitle, suiteAbout, suiteTitle } from "./titles.js";
import { percent, quantity, ratioText, short } from "./words.js";

/** Results of one runtime, with its name. */
interface Run {
  readonly name: string;
  readonly report: BenchReport;
}

/** A case that another library has too. */
interface Comparison {
  readonly run: string;
  readonly result: BenchResult & Required<Pick<BenchResult, "ratio">>;
}

const INTRODUCTION = `# Benchmarks

How fast Sconce is beside other libraries that do the same work on the same machine. All contenders get the same weights and inputs, are checked
against each other for equal results, and take turns, so that whatever else the machine does meets them alike.

A **ratio** is Sconce's time over the other library's: the median of paired runs, with the first and third quartile behind it. Below 1 Sconce is
faster; where it is slower the ratio is **bold**. **Of the limit** is the share of what the machine can do at all: of the multiply-adds that its
SIMD units take, or of the bytes that it can copy, whichever bounds the case.

This page is made by \`npm run benchmarks-table\` from [benchmarks.json](benchmarks.json); a test says so when it is out of date.
`;

/** Joins reports of one runtime on one machine. */
export function runsOf(reports: readonly BenchReport[]): BenchReport[] {
  const runs = new Map<string, BenchReport[]>();
  for (const report of reports) {
    const { cpu, os, runtime } = report.machine;
    const key = JSON.stringify([cpu, os, runtime]);
    runs.set(key, [...(runs.get(key) ?? []), report]);
  }
  return [...runs.values()].map((same) => merge(...same.map(withoutFiles)));
}

/** A report whose command does not say where its results were written. */
const withoutFiles = (report: BenchReport): BenchReport => ({ ...report, command: report.command.replace(/ --(json|html)[ =]\S+/g, "") });

/** Cells in a row; a bar inside a cell must not end it. */
const row = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;

const table = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(header), `|${"---|".repeat(header.length)}`, ...rows.map(row)].join("\n");

const comparisonsOf = ({ name, report }: Run): Comparison[] =>
  report.results.flatMap((result) =>
    result.ratio === undefined || !isPeer(result.runner) ? [] : [{ run: name, result: { ...result, ratio: result.ratio } }],
  );

const place = (run: string, { device, threads }: BenchResult): string => `${run}, ${placeTitle(device, threads)}`;

/** Values of the same key, in the order of their first. */
function byKey<T>(items: readonly T[], keyOf: (item: T) => string): [string, T[]][] {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return [...groups];
}

function summary(comparisons: readonly Comparison[]): string {
  if (comparisons.length === 0) return "No other library took part.";
  const rows = byKey(comparisons, ({ run, result }) => `${runnerTitle(result.runner)}\n${place(run, result)}`).map(([key, same]) => {
    const ratios = same.map(({ result }) => result.ratio.median);
    const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
    const faster = ratios.filter((ratio) => ratio <= 1).length;
    const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
    return [...key.split("\n"), `${faster} of ${ratios.length}`, mean.toFixed(2), `${least.toFixed(2)} to ${most.toFixed(2)}`];
  });
  return table(["beside", "where", "Sconce is faster in", "geometric mean of the ratios", "range"], rows);
}

function losses(comparisons: readonly Comparison[]): string {
  const lost = comparisons.filter(({ result }) => result.ratio.median > 1).sort((a, b) => b.result.ratio.median - a.result.ratio.median);
  if (lost.length === 0) return "In none of these comparisons.";
  const rows = lost.map(({ run, result }) => [
    suiteTitle(result.suite),
    result.case,
    place(run, result),
    runnerTitle(result.runner),
    ratioText(result.ratio),
  ]);
  return table(["suite", "case", "where", "beside", "ratio"], rows);
}

/** The cell of another library: its value, and the ratio. */
function peerCell(result: BenchResult | undefined): string {
  if (result === undefined) return "";
  const { ratio, runner, median, unit, note } = result;
  const mark = ratio !== undefined && ratio.median > 1 && isPeer(runner) ? "**" : "";
  const ratioPart = ratio === undefined ? "" : `: ${mark}${ratioText(ratio)}${mark}`;
  return `${quantity(median, unit)}${ratioPart}${note === undefined ? "" : ` (${note})`}`;
}

function suiteTable(suite: string, runs: readonly Run[]): string {
  const cases = runs.flatMap(({ name, report }) =>
    grouped(report.results.filter((result) => result.suite === suite)).flatMap((group) => group.cases.map((one) => ({ run: name, one }))),
  );
  const peers = [...new Set(cases.flatMap(({ one }) => one.results.map(({ runner }) => runner)))].filter((runner) => runner !== "sconce");
  const limited = cases.some(({ one }) => one.results.some(({ limitFraction }) => limitFraction !== undefined));
  const header = ["case", "where", "Sconce: median (best)", ...(limited ? ["of the limit"] : []), ...peers.map(runnerTitle)];
  const rows = byKey(cases, ({ one }) => one.name).flatMap(([, same]) =>
    same.flatMap(({ run, one }) => caseRows(run, one, peers, limited)),
  );
  return table(header, rows);
}

function caseRows(run: string, { name, results }: CaseGroup, peers: readonly string[], limited: boolean): string[][] {
  return byKey(results, (result) => place(run, result)).map(([where, same]) => {
    const ours = same.find(({ runner }) => runner === "sconce");
    const value = ours === undefined ? "" : `${quantity(ours.median, ours.unit)} (${short(ours.min)})`;
    const note = ours?.note === undefined ? "" : `, ${ours.note}`;
    const limit = ours?.limitFraction === undefined ? "" : percent(ours.limitFraction);
    return [
      name,
      where,
      `${value}${note}`,
      ...(limited ? [limit] : []),
      ...peers.map((peer) => peerCell(same.find((r) => r.runner === peer))),
    ];
  });
}

function suites(runs: readonly Run[]): string {
  return grouped(runs.flatMap(({ report }) => report.results))
    .map(({ suite }) => `## ${suiteTitle(suite)}\n\n${suiteAbout(suite)}\n\n${suiteTable(suite, runs)}\n`)
    .join("\n");
}

/** Machine, versions and commands of a run. */
function conditions({ name, report }: Run): string {
  const { machine, versions, limits } = report;
  const memory = machine.memoryGB > 0 ? `, ${machine.memoryGB} GB of memory` : "";
  const measured = [
    limits.simdGflops === undefined ? "" : `${short(limits.simdGflops)} GFLOP/s of one thread in SIMD registers`,
    limits.copyGBs === undefined ? "" : `${short(limits.copyGBs)} GB/s of one thread copying memory`,
  ].filter(Boolean);
  const lines = [
    `- ${report.date.slice(0, 10)}, ${machine.cpu}, ${machine.cores} cores${memory}, ${machine.os}, ${machine.runtime}`,
    `- ${Object.entries(versions)
      .filter(([library]) => library !== "node")
      .map(([library, version]) => `${runnerTitle(library)} ${version}`)
      .join(", ")}`,
    ...(measured.length === 0 ? [] : [`- limits: ${measured.join(", ")}`]),
    ...[...new Set(report.command.split("; "))].map((command) => `- \`${command}\``),
  ];
  return `### ${name}\n\n${lines.join("\n")}\n`;
}

function missing(runs: readonly Run[]): string {
  const lines = runs.flatMap(({ name, report }) =>
    report.missing.map(({ runner, suite, reason }) => {
      const what = suite === undefined ? runnerTitle(runner) : `${runnerTitle(runner)} in ${suiteTitle(suite)}`;
      return `- ${name}: ${what}: ${reason}`;
    }),
  );
  return lines.length === 0 ? "" : `\n## Not measured\n\n${[...new Set(lines)].join("\n")}\n`;
}

const GPU_NOTE = `
WebGPU and WebGL are emulated by the processor where the machine has no GPU; such figures say how much work a backend makes, not how fast a GPU does it.
`;

/** The page of benchmarks as Markdown. */
export function formatBenchmarks(reports: readonly BenchReport[]): string {
  const runs = runsOf(reports).map((report) => ({ name: report.machine.runtime, report }));
  const comparisons = runs.flatMap(comparisonsOf);
  const onGpu = runs.some(({ report }) => report.results.some(({ device }) => deviceTitle(device) !== deviceTitle("cpu")));
  return [
    INTRODUCTION,
    `## In short\n\n${summary(comparisons)}\n`,
    `## Where Sconce is slower\n\n${losses(comparisons)}\n`,
    `## How it was measured\n${onGpu ? GPU_NOTE : ""}\n${runs.map(conditions).join("\n")}`,
    `${suites(runs)}${missing(runs)}`,
  ].join("\n");
}
