import { useSignal } from "@preact/signals";
import type { FunctionComponent, JSX } from "preact";
import { useEffect } from "preact/hooks";
import { type BenchResult, keyOf } from "../format.js";
import { type CaseGroup, grouped, isPeer, type SuiteGroup } from "../groups.js";
import { placeTitle, runnerTitle, suiteAbout, suiteTitle } from "../titles.js";
import { percent, quantity, ratioText, short } from "../words.js";
import { results } from "./state.js";

/** A column of figures, and what it says of a result. */
interface Column {
  readonly name: string;
  cell(result: BenchResult): string;
}

const COLUMNS: readonly Column[] = [
  { name: "Library", cell: ({ runner }) => runnerTitle(runner) },
  { name: "Backend", cell: ({ device, threads }) => placeTitle(device, threads) },
  { name: "Median", cell: ({ median, unit }) => quantity(median, unit) },
  { name: "Best", cell: ({ min }) => short(min) },
  { name: "Quartiles", cell: ({ q1, q3 }) => `${short(q1)} – ${short(q3)}` },
  { name: "Sconce’s time to its", cell: ({ ratio }) => (ratio === undefined ? "" : ratioText(ratio)) },
  { name: "Of the limit", cell: ({ limitFraction }) => (limitFraction === undefined ? "" : percent(limitFraction)) },
  { name: "Runs", cell: ({ samples }) => String(samples) },
  { name: "Note", cell: ({ note }) => note ?? "" },
];

/** The figures behind the bars of a suite; columns that say nothing are left out. */
function Table({ suite, cases }: SuiteGroup): JSX.Element {
  const all = cases.flatMap(({ results }) => results);
  const columns = COLUMNS.filter(({ cell }) => all.some((result) => cell(result) !== ""));
  return (
    <details>
      <summary>Figures</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
      <section class="scroll" tabIndex={0} aria-label={`Figures: ${suiteTitle(suite)}`}>
        <table>
          <thead>
            <tr>
              {["Case", ...columns.map(({ name }) => name)].map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {all.map((result) => (
              <tr key={keyOf(result)} class={isPeer(result.runner) ? undefined : "ours"}>
                <th scope="row">{result.case}</th>
                {columns.map(({ name, cell }) => (
                  <td key={name}>{cell(result)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </details>
  );
}

/** What has been measured, by suite; the library of the charts comes when the page already stands. */
export function Results(): JSX.Element {
  const loaded = useSignal<FunctionComponent<CaseGroup> | null>(null);
  useEffect(() => {
    void import("./charts.js").then(({ CaseChart }) => (loaded.value = CaseChart));
  }, []);
  const Chart = loaded.value;
  return (
    <>
      {grouped(results.value).map((group) => (
        <section key={group.suite} class="card suite" aria-labelledby={`suite-${group.suite}`}>
          <h2 id={`suite-${group.suite}`}>{suiteTitle(group.suite)}</h2>
          <p class="hint">{suiteAbout(group.suite)}</p>
          <div class="charts">{Chart !== null && group.cases.map((one) => <Chart key={one.name} {...one} />)}</div>
          <Table {...group} />
        </section>
      ))}
    </>
  );
}
