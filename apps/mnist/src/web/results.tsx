import { type Signal, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { Pixels } from "./pixels.js";
import type { Digit, Filters } from "./protocol.js";
import { curve, digits, filters, test } from "./state.js";
import { ink, weight } from "./theme.js";

function DigitCard({ pixels, label, prediction }: Digit): JSX.Element {
  const wrong = label !== prediction;
  const name = prediction < 0 ? "?" : prediction;
  return (
    <li class={wrong ? "digit wrong" : "digit"}>
      <Pixels width={28} height={28} values={pixels} palette={ink} label={`A ${label}, read as ${name}${wrong ? ": wrong" : ""}`} />
      <span aria-hidden="true">{wrong ? `${name} ≠ ${label}` : name}</span>
    </li>
  );
}

function Digits(): JSX.Element {
  const mistakes: Signal<boolean> = useSignal(false);
  const wrong = test.value?.mistakes ?? [];
  const untrained = test.value === null && (curve.value?.images.length ?? 0) === 0;
  const shown = mistakes.value ? wrong : digits.value;
  return (
    <section class="card" aria-labelledby="digits-title">
      <div class="row spread">
        <h2 id="digits-title">Test digits</h2>
        <label class="check">
          <input
            type="checkbox"
            checked={mistakes.value}
            disabled={test.value === null}
            onChange={({ currentTarget }) => (mistakes.value = currentTarget.checked)}
          />
          Mistakes only
        </label>
      </div>
      <p class="hint">
        {mistakes.value
          ? `The first ${wrong.length} digits of the last test that it took for others.`
          : untrained
            ? "Before the training it only guesses. Wrong ones are marked: what it reads ≠ what it is."
            : "Digits that it does not learn from. Wrong ones are marked: what it reads ≠ what it is."}
      </p>
      <ul class="digits">
        {shown.map((digit, i) => (
          <DigitCard key={i} {...digit} />
        ))}
      </ul>
    </section>
  );
}

const names = Array.from({ length: 10 }, (_, i) => i);

function Confusion(): JSX.Element {
  const confusion = test.value?.confusion;
  const most = Math.max(1, ...(confusion ?? []).flatMap((row, i) => row.filter((_, j) => i !== j)));
  return (
    <section class="card" aria-labelledby="confusion-title">
      <h2 id="confusion-title">What was taken for what</h2>
      {confusion === undefined ? (
        <p class="hint">After the first test, this table counts for each digit what it was read as.</p>
      ) : (
        <table class="confusion">
          <caption>Rows: the digit. Columns: what it was read as.</caption>
          <thead>
            <tr>
              <td />
              {names.map((j) => (
                <th key={j} scope="col">
                  {j}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {confusion.map((row, i) => (
              <tr key={names[i]}>
                <th scope="row">{i}</th>
                {row.map((n, j) => (
                  <td
                    key={names[j]}
                    class={i === j ? "right" : n > 0 ? "wrong" : "none"}
                    style={i === j ? undefined : { "--share": (n / most).toFixed(2) }}
                  >
                    {n === 0 && i !== j ? "·" : n}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

/** Each filter as a picture, scaled by its own largest weight. */
function pictures({ count, height, width, values }: Filters): Uint16Array[] {
  const size = height * width;
  return Array.from({ length: count }, (_, i) => {
    const one = values.subarray(i * size, (i + 1) * size);
    const most = one.reduce((m, x) => Math.max(m, Math.abs(x)), 1e-12);
    return Uint16Array.from(one, (x) => Math.round(128 + (128 * x) / most));
  });
}

function FirstLayer(): JSX.Element {
  const f = filters.value;
  return (
    <section class="card" aria-labelledby="filters-title">
      <h2 id="filters-title">First layer</h2>
      <p class="hint">What each unit of the first layer looks for: orange counts for it, blue against it.</p>
      {f !== null && (
        <ul class="filters">
          {pictures(f).map((values, i) => (
            <li key={i}>
              <Pixels
                width={f.width}
                height={f.height}
                values={values}
                palette={weight}
                label={`Filter ${i + 1}, ${f.height} by ${f.width}`}
              />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** What the network has learned. */
export function Results(): JSX.Element {
  return (
    <div class="results">
      <Digits />
      <Confusion />
      <FirstLayer />
    </div>
  );
}
