import type { BenchReport, BenchResult } from "./format.js";
import { type CaseGroup, grouped, isPeer, isRate } from "./groups.js";
import { placeTitle, runnerTitle, suiteAbout, suiteTitle } from "./titles.js";
import { percent, quantity, ratioText, short, unitTitle } from "./words.js";

const STYLE = `
:root { color-scheme: light dark; --paper: #faf7f2; --card: #fff; --ink: #1f1b16; --soft: #6b6358; --line: #e7e0d6; --accent: #c2410c; --second: #1d5fd1;
  --wrong: #b42318; font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #171512; --card: #201e1b; --ink: #f3eee7; --soft: #a89f93; --line: #38342f; --accent: #fb923c; --second: #7fb2ff; --wrong: #ff8a80; }
}
* { box-sizing: border-box; }
body { max-width: 1080px; margin: 0 auto; padding: 1.5rem clamp(0.9rem, 2.5vw, 2rem) 3rem; background: var(--paper); color: var(--ink); }
h1 { margin: 0; font-size: clamp(1.5rem, 1.1rem + 1.8vw, 2.1rem); line-height: 1.2; letter-spacing: -0.02em; }
h2 { margin: 0; font-size: 1.05rem; }
p { margin: 0.3rem 0 0; color: var(--soft); }
section { margin-top: 1rem; padding: 1.1rem 1.2rem; border: 1px solid var(--line); border-radius: 14px; background: var(--card); overflow-x: auto; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: 0.6rem 0.8rem; margin: 0; }
dt { color: var(--soft); font-size: 0.8rem; }
dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
code { overflow-wrap: anywhere; }
table { width: 100%; margin-top: 0.9rem; border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
caption { padding-bottom: 0.3rem; color: var(--soft); text-align: left; }
caption strong { color: var(--ink); }
th, td { padding: 0.25rem 0.6rem 0.25rem 0; border-top: 1px solid var(--line); font-weight: 400; text-align: left; white-space: nowrap; }
thead th, thead td { border: 0; color: var(--soft); }
.bars { width: 34%; min-width: 6rem; }
.bar { position: relative; height: 0.9rem; }
.bar span { position: absolute; inset: 0 auto 0 0; border-radius: 4px; background: var(--second); }
.bar i { position: absolute; top: 50%; height: 2px; margin-top: -1px; background: var(--ink); }
.ours td, .ours th { font-weight: 600; }
.ours .bar span { background: var(--accent); }
.slower { color: var(--wrong); font-weight: 600; }
`;

const ENTITIES: { readonly [character: string]: string } = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => ENTITIES[character]);

/** A bar as long as the median, with a line over the quartiles. */
function bar({ median, q1, q3 }: BenchResult, longest: number): string {
  const share = (value: number): string => `${((100 * value) / longest).toFixed(2)}%`;
  return `<div class="bar"><span style="width:${share(median)}"></span><i style="left:${share(q1)};width:${share(Math.max(0, q3 - q1))}"></i></div>`;
}

/** A column, and what it says of a result as HTML. */
interface Column {
  readonly name: string;
  readonly className?: string;
  cell(result: BenchResult, longest: number): string;
}

function ratioCell({ ratio, runner }: BenchResult): string {
  if (ratio === undefined) return "";
  return ratio.median > 1 && isPeer(runner) ? `<span class="slower">${ratioText(ratio)}</span>` : ratioText(ratio);
}

const COLUMNS: readonly Column[] = [
  { name: "where", cell: ({ device, threads }) => escaped(placeTitle(device, threads)) },
  { name: "median", cell: ({ median, unit }) => quantity(median, unit) },
  { name: "best", cell: ({ min }) => short(min) },
  { name: "bar", className: "bars", cell: bar },
  { name: "quartiles", cell: ({ q1, q3 }) => `${short(q1)} – ${short(q3)}` },
  { name: "Sconce’s time to its", cell: ratioCell },
  { name: "of the limit", cell: ({ limitFraction }) => (limitFraction === undefined ? "" : percent(limitFraction)) },
  { name: "runs", cell: ({ samples }) => String(samples) },
  { name: "note", cell: ({ note }) => escaped(note ?? "") },
];

/** A row of bars and figures for each result; columns that say nothing of any are left out. */
function caseTable({ name, unit, results }: CaseGroup): string {
  const longest = Math.max(Number.MIN_VALUE, ...results.map(({ median, q3 }) => Math.max(median, q3)));
  const columns = COLUMNS.filter(({ cell }) => results.some((result) => cell(result, longest) !== ""));
  const classOf = (name?: string): string => (name === undefined ? "" : ` class="${name}"`);
  const rows = results.map((result) => {
    const cells = columns.map(({ className, cell }) => `<td${classOf(className)}>${cell(result, longest)}</td>`);
    const library = `<th scope="row">${escaped(runnerTitle(result.runner))}</th>`;
    return `<tr${classOf(isPeer(result.runner) ? undefined : "ours")}>${library}${cells.join("")}</tr>`;
  });
  return `<table><caption><strong>${escaped(name)}</strong> ${unitTitle(unit)}, ${isRate(unit) ? "longer" : "shorter"} is better</caption>
<thead><tr>${["library", ...columns.map((column) => column.name)].map((text) => `<th scope="col">${text}</th>`).join("")}</tr></thead>
<tbody>${rows.join("\n")}</tbody></table>`;
}

function figures({ date, machine, versions, limits }: BenchReport): string {
  const entries: [string, string][] = [
    ["Date", date.slice(0, 16).replace("T", " ")],
    ["Processor", machine.cpu],
    ["Cores", String(machine.cores)],
    ...(machine.memoryGB > 0 ? [["Memory", `${machine.memoryGB} GB`] as [string, string]] : []),
    ["System", machine.os],
    ["Runtime", machine.runtime],
    ...Object.entries(versions)
      .filter(([name]) => name !== "node")
      .map(([name, version]): [string, string] => [runnerTitle(name), version]),
    ...(limits.simdGflops === undefined ? [] : [["SIMD peak, one thread", `${short(limits.simdGflops)} GFLOP/s`] as [string, string]]),
    ...(limits.copyGBs === undefined ? [] : [["Memory copy, one thread", `${short(limits.copyGBs)} GB/s`] as [string, string]]),
  ];
  return `<dl>${entries.map(([name, value]) => `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}</dd></div>`).join("\n")}</dl>`;
}

function missing({ missing: entries }: BenchReport): string {
  if (entries.length === 0) return "";
  const lines = entries.map(({ runner, suite, reason }) => {
    const what = suite === undefined ? runnerTitle(runner) : `${runnerTitle(runner)}, ${suiteTitle(suite)}`;
    return `<li>${escaped(`${what}: ${reason}`)}</li>`;
  });
  return `<section aria-labelledby="missing"><h2 id="missing">Not measured</h2><ul>${lines.join("\n")}</ul></section>`;
}

/** A report as one HTML file that needs no other. */
export function reportHtml(report: BenchReport): string {
  const suites = grouped(report.results).map(
    ({ suite, cases }) => `<section aria-labelledby="suite-${escaped(suite)}" tabindex="0">
<h2 id="suite-${escaped(suite)}">${escaped(suiteTitle(suite))}</h2><p>${escaped(suiteAbout(suite))}</p>
${cases.map(caseTable).join("\n")}</section>`,
  );
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Sconce benchmarks</title><style>${STYLE}</style></head>
<body>
<header><h1>Sconce benchmarks</h1><p>Medians, with quartiles as lines. A ratio is Sconce’s time over the other library’s, of paired runs: below 1 Sconce is
faster.</p><p><code>${escaped(report.command)}</code></p></header>
<main>
<section aria-labelledby="machine"><h2 id="machine">Machine and versions</h2>${figures(report)}</section>
${suites.join("\n")}
${missing(report)}
</main>
</body>
</html>
`;
}
