import type { JSX } from "preact";
import { dismiss, notices } from "./state.js";

/** What the page has to say, errors first to screen readers. */
export function Notices(): JSX.Element {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.value.map(({ kind, text }) => (
        <div key={text} class={`notice ${kind}`} role={kind === "error" ? "alert" : undefined}>
          <p>{text}</p>
          <button type="button" class="plain" aria-label={`Dismiss: ${text}`} onClick={() => dismiss(text)}>
            ✕
          </button>
        </div>
      ))}
    </div>
  );
}
