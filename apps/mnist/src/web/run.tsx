import { Figure } from "@sconce-apps/page/frame";
import type { JSX } from "preact";
import type { Phase } from "./protocol.js";
import { command, loading, phase, progress, test } from "./state.js";
import { percent, size, whole } from "./words.js";

/** What happens, in a sentence. */
function sentence(): string {
  const p = progress.value;
  const states: { readonly [K in Phase]: () => string } = {
    loading: () =>
      loading.value.total > 0 ? `Loading the digits: ${size(loading.value.received)} of ${size(loading.value.total)}` : "Loading …",
    ready: () =>
      test.value === null
        ? "Ready to train"
        : `Trained: ${percent(test.value.accuracy)} of ${whole(test.value.images)} test digits are right`,
    training: () => `Epoch ${p?.epoch ?? 1} of ${p?.epochs ?? 1}`,
    paused: () => `Paused in epoch ${p?.epoch ?? 1} of ${p?.epochs ?? 1}`,
    testing: () => "Testing on digits that it has never seen …",
    broken: () => "The page could not start",
  };
  return states[phase.value]();
}

function Buttons(): JSX.Element {
  const now = phase.value;
  const running = now === "training" || now === "testing";
  const idle = now === "loading" || now === "broken";
  const trained = progress.value !== null && (progress.value.loss !== null || test.value !== null);
  return (
    <div class="row buttons">
      {running ? (
        <button type="button" class="primary" onClick={() => command("pause")}>
          Pause
        </button>
      ) : (
        <button type="button" class="primary" disabled={idle} onClick={() => command("train")}>
          {now === "paused" ? "Resume" : trained ? "Train on" : "Start training"}
        </button>
      )}
      <button type="button" disabled={!running && now !== "paused"} onClick={() => command("stop")}>
        Stop
      </button>
      <button type="button" disabled={idle || (!running && !trained)} onClick={() => command("reset")}>
        Reset
      </button>
    </div>
  );
}

function Bar(): JSX.Element {
  const p = progress.value;
  if (phase.value === "loading") {
    const { received, total } = loading.value;
    return total > 0 ? <progress aria-label="Loading the digits" value={received} max={total} /> : <progress aria-label="Loading" />;
  }
  const [seen, images] = p === null || p.epochs === 0 ? [0, 1] : [p.seen, p.images];
  return <progress aria-label="Progress of the epoch" value={seen} max={images} />;
}

/** Start and stop, progress and figures. */
export function Run(): JSX.Element {
  const p = progress.value;
  const training = phase.value === "training";
  return (
    <section class="card run" aria-labelledby="run-title">
      <h2 id="run-title">Training</h2>
      <Buttons />
      <p class="sentence" role="status" aria-live="polite" data-phase={phase.value}>
        {sentence()}
      </p>
      <Bar />
      <p class="hint" data-trained={p?.trained ?? 0}>
        {p !== null && p.epochs > 0 ? `${whole(p.seen)} of ${whole(p.images)} images` : "\u00a0"}
      </p>
      <dl class="figures">
        <Figure label="Loss" value={p?.loss == null ? "–" : p.loss.toFixed(3)} />
        <Figure label="Training accuracy" value={percent(p?.accuracy)} />
        <Figure label="Test accuracy" value={percent(test.value?.accuracy)} />
        <Figure label="Images a second" value={training && p?.imagesPerSecond != null ? whole(p.imagesPerSecond) : "–"} />
        <Figure label="Tensor memory" value={p === null ? "–" : size(p.bytes)} />
      </dl>
    </section>
  );
}
