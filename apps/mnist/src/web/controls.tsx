import type { DeviceName } from "@sconce-apps/page/backends";
import { tell } from "@sconce-apps/page/notices";
import type { JSX } from "preact";
import { deviceTitles, modelTitles, type OptimizerName, optimizerChoices } from "../choices.js";
import { fields, type Settings } from "./settings.js";
import { backends, choose, download, phase, settings, upload } from "./state.js";
import { whole } from "./words.js";

const sizes = { batch: [16, 32, 64, 128, 256], epochs: [1, 2, 3, 5, 10], images: [1000, 6000, 20000, 60000] } as const;

/** Only a device and a learning rate can change under way. */
const underWay = (): boolean => phase.value !== "ready";

function Backends(): JSX.Element {
  const found = new Map(backends.value.map((backend) => [backend.name, backend]));
  return (
    <fieldset class="backends">
      <legend>Backend</legend>
      {(Object.keys(deviceTitles) as DeviceName[]).map((name) => {
        const backend = found.get(name);
        const missing = backend === undefined ? "Looking for it …" : backend.missing;
        const note = missing ?? backend?.detail ?? null;
        return (
          <label key={name} class={missing === null ? "choice" : "choice missing"}>
            <input
              type="radio"
              name="device"
              value={name}
              checked={settings.value.device === name}
              disabled={missing !== null || phase.value === "broken"}
              aria-describedby={note === null ? undefined : `note-${name}`}
              onChange={() => choose("device", name)}
            />
            <span>{deviceTitles[name]}</span>
            {note !== null && <small id={`note-${name}`}>{note}</small>}
          </label>
        );
      })}
    </fieldset>
  );
}

interface SelectProps {
  readonly name: "model" | "optimizer" | "batch" | "epochs" | "images";
  readonly label: string;
  readonly options: readonly (readonly [value: string | number, title: string])[];
}

function Select({ name, label, options }: SelectProps): JSX.Element {
  const value = settings.value[name];
  const all = options.some(([option]) => option === value) ? options : [...options, [value, whole(Number(value))] as const];
  return (
    <label class="field">
      <span>{label}</span>
      <select
        name={name}
        disabled={underWay()}
        onChange={({ currentTarget }) => choose(name, fields[name].parse(currentTarget.value) as Settings[typeof name])}
      >
        {all.map(([option, title]) => (
          <option key={option} value={option} selected={option === value}>
            {title}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A number that is typed; what cannot be is said, and taken back. */
function NumberField({ name, label }: { readonly name: "lr" | "seed"; readonly label: string }): JSX.Element {
  const change = (input: HTMLInputElement): void => {
    const value = fields[name].parse(input.value);
    if (value !== null) choose(name, value as number);
    else {
      tell({ kind: "error", text: `“${input.value}” cannot be the ${fields[name].label}.` });
      input.value = String(settings.value[name]);
    }
  };
  return (
    <label class="field">
      <span>{label}</span>
      <input
        name={name}
        inputMode="decimal"
        autocomplete="off"
        value={settings.value[name]}
        disabled={phase.value === "broken" || phase.value === "loading" || (name !== "lr" && underWay())}
        onChange={({ currentTarget }) => change(currentTarget)}
      />
    </label>
  );
}

async function copyLink(): Promise<void> {
  try {
    await navigator.clipboard.writeText(location.href);
    tell({ kind: "info", text: "The link with these settings is copied." });
  } catch {
    tell({ kind: "info", text: "The browser does not allow copying; the address of this page is the link." });
  }
}

function Weights(): JSX.Element {
  const disabled = phase.value === "loading" || phase.value === "broken";
  const take = (input: HTMLInputElement): void => {
    const [file] = input.files ?? [];
    if (file !== undefined) void upload(file);
    input.value = "";
  };
  return (
    <div class="row wrap">
      <button type="button" disabled={disabled} onClick={() => void download()}>
        Download weights
      </button>
      <label class="button" aria-disabled={underWay()}>
        Upload weights
        <input type="file" accept=".safetensors" disabled={underWay()} onChange={({ currentTarget }) => take(currentTarget)} />
      </label>
      <button type="button" onClick={() => void copyLink()}>
        Copy link
      </button>
    </div>
  );
}

const numbered = (values: readonly number[]): (readonly [number, string])[] => values.map((n) => [n, whole(n)]);

/** The main choices in a line, for where the rest is folded away. */
function Summary(): JSX.Element {
  const { model, optimizer, device } = settings.value;
  return <small class="chosen">{[deviceTitles[device], modelTitles[model], optimizerChoices[optimizer].title].join(" · ")}</small>;
}

// On narrow screens the training comes first.
const wide = matchMedia("(min-width: 1101px)").matches;

/** Everything that can be chosen. */
export function Controls(): JSX.Element {
  return (
    <section class="card controls" aria-labelledby="settings-title">
      <details open={wide}>
        <summary>
          <h2 id="settings-title">Settings</h2>
          <Summary />
        </summary>
        <Backends />
        <div class="fields">
          <Select name="model" label="Model" options={Object.entries(modelTitles)} />
          <Select
            name="optimizer"
            label="Optimizer"
            options={(Object.keys(optimizerChoices) as OptimizerName[]).map((name) => [name, optimizerChoices[name].title])}
          />
          <NumberField name="lr" label="Learning rate" />
          <Select name="batch" label="Batch size" options={numbered(sizes.batch)} />
          <Select name="images" label="Training images" options={numbered(sizes.images)} />
          <Select name="epochs" label="Epochs" options={numbered(sizes.epochs)} />
          <NumberField name="seed" label="Seed" />
        </div>
        <p class="hint">
          The backend and the learning rate can change while it trains; for the rest, stop first. Another model or seed starts over.
        </p>
        <Weights />
      </details>
    </section>
  );
}
