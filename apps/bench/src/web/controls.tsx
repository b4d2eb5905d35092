import type { BackendState } from "@sconce-apps/page/backends";
import type { JSX } from "preact";
import { deviceTitle, runnerTitle, suiteTitle } from "../titles.js";
import { budgets, pageDevices, pagePeers, pageSuites } from "./settings.js";
import { backends, choose, mostThreads, phase, settings } from "./state.js";

interface ChoiceProps {
  readonly label: string;
  readonly name: string;
  readonly checked: boolean;
  readonly note: string | null;
  readonly disabled: boolean;
  readonly onChange: (checked: boolean) => void;
}

function Choice({ label, name, checked, note, disabled, onChange }: ChoiceProps): JSX.Element {
  const id = `note-${name}`;
  return (
    <label class={disabled ? "choice missing" : "choice"}>
      <input
        type="checkbox"
        name={name}
        checked={checked}
        disabled={disabled}
        aria-labelledby={`name-${name}`}
        aria-describedby={note === null ? undefined : id}
        onChange={({ currentTarget }) => onChange(currentTarget.checked)}
      />
      <span id={`name-${name}`}>{label}</span>
      {note !== null && <small id={id}>{note}</small>}
    </label>
  );
}

const busy = (): boolean => phase.value !== "ready";

interface ChoicesProps {
  readonly setting: "suites" | "devices" | "peers";
  readonly legend: string;
  readonly names: readonly string[];
  readonly label: (name: string) => string;
  readonly note: (name: string) => string | null;
  readonly isMissing?: (name: string) => boolean;
}

/** Checkboxes for names of which any number can be chosen. */
function Choices({ setting, legend, names, label, note, isMissing = () => false }: ChoicesProps): JSX.Element {
  const chosen = settings.value[setting];
  return (
    <fieldset>
      <legend>{legend}</legend>
      {names.map((name) => (
        <Choice
          key={name}
          label={label(name)}
          name={name}
          checked={chosen.includes(name) && !isMissing(name)}
          note={note(name)}
          disabled={isMissing(name) || busy()}
          onChange={(checked) => choose({ [setting]: names.filter((other) => (other === name ? checked : chosen.includes(other))) })}
        />
      ))}
    </fieldset>
  );
}

function Threads(): JSX.Element {
  const most = mostThreads.value;
  const chosen = settings.value.threads.join(",") || String(most);
  const options = [...new Set(["1", `1,${most}`, String(most), chosen])];
  return (
    <label class="field">
      <span>Threads of the CPU</span>
      <select
        name="threads"
        disabled={busy() || most === 1}
        onChange={({ currentTarget }) => choose({ threads: currentTarget.value.split(",").map(Number) })}
      >
        {(most === 1 ? ["1"] : options).map((option) => (
          <option key={option} value={option} selected={option === chosen}>
            {option.replaceAll(",", ", then ")}
          </option>
        ))}
      </select>
    </label>
  );
}

function Budget(): JSX.Element {
  const { budget } = settings.value;
  const options = budgets.some(([ms]) => ms === budget) ? budgets : [...budgets, [budget, `${budget / 1000} s each`] as const];
  return (
    <label class="field">
      <span>Time</span>
      <select name="budget" disabled={busy()} onChange={({ currentTarget }) => choose({ budget: Number(currentTarget.value) })}>
        {options.map(([ms, title]) => (
          <option key={ms} value={ms} selected={ms === budget}>
            {title}
          </option>
        ))}
      </select>
    </label>
  );
}

const all = (): boolean => settings.value.suites.length === pageSuites.length;

/** Everything that can be chosen. */
export function Controls(): JSX.Element {
  const found = new Map<string, BackendState>(backends.value.map((backend) => [backend.name, backend]));
  // On narrow screens the run comes first.
  const wide = matchMedia("(min-width: 901px)").matches;
  return (
    <section class="card controls" aria-labelledby="settings-title">
      <details open={wide}>
        <summary>
          <h2 id="settings-title">What to measure</h2>
        </summary>
        <Choices
          setting="devices"
          legend="Backends"
          names={pageDevices}
          label={deviceTitle}
          note={(name) => {
            const backend = found.get(name);
            return backend === undefined ? "Looking for it …" : (backend.missing ?? backend.detail);
          }}
          isMissing={(name) => found.get(name)?.missing !== null}
        />
        <Choices setting="peers" legend="Beside Sconce" names={pagePeers} label={runnerTitle} note={() => null} />
        <div class="fields">
          <Threads />
          <Budget />
        </div>
        <Choices setting="suites" legend="Suites" names={pageSuites} label={suiteTitle} note={() => null} />
        <button type="button" disabled={busy()} onClick={() => choose({ suites: all() ? [] : pageSuites })}>
          {all() ? "No suites" : "All suites"}
        </button>
      </details>
    </section>
  );
}
