import { useSignal } from "@preact/signals";
import type { FunctionComponent, JSX } from "preact";
import { useEffect } from "preact/hooks";
import { type CaseGroup, grouped, type SuiteGroup } from "../groups.js";
import { placeTitle, runnerTitle, suiteAbout, suiteTitle } from "../titles.js";
import { percent, quantity, ratioText } from "../words.js";
import { results } from "./state.js";

/** The figures behind the bars of a suite. */
function Table({ suite, cases }: SuiteGroup): JSX.Element {
  return (
    <details>
      <summary>Figures</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
      <section class="scroll" tabIndex={0} aria-label={`Figures: ${suiteTitle(suite)}`}>
        <table>
          <thead>
            <tr>
              <th scope="col">Case</th>
              <th scope="col">Library</th>
              <th scope="col">Backend</th>
              <th scope="col">Median</th>
              <th scope="col">Best</th>
              <th scope="col">Quartiles</th>
              <th scope="col">Runs</th>
              <th scope="col">Sconce’s time to its</th>
              <th scope="col">Of the limit</th>
            </tr>
          </thead>
          <tbody>
            {cases.flatMap(({ name, results }) =>
              results.map((r) => (
                <tr key={`${name} ${r.device} ${r.threads} ${r.runner}`} class={r.runner === "sconce" ? "ours" : undefined}>
                  <th scope="row">{name}</th>
                  <td>{runnerTitle(r.runner)}</td>
                  <td>{placeTitle(r.device, r.threads)}</td>
                  <td>{quantity(r.median, r.unit)}</td>
                  <td>{quantity(r.min, r.unit)}</td>
                  <td>
                    {quantity(r.q1, r.unit)} – {quantity(r.q3, r.unit)}
                  </td>
                  <td>{r.samples}</td>
                  <td>{r.ratio === undefined ? "" : ratioText(r.ratio)}</td>
                  <td>{r.limitFraction === undefined ? "" : percent(r.limitFraction)}</td>
                </tr>
              )),
            )}
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
