/** The frame of a page. */
import type { ComponentChildren, JSX } from "preact";
import { dismiss, notices } from "./notices.js";

/** What the page has to say, errors first to screen readers. */
function Notices(): JSX.Element {
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

interface FrameProps {
  readonly title: string;
  /** What the page does, under its title. */
  readonly lead: ComponentChildren;
  readonly footer: ComponentChildren;
  readonly children: ComponentChildren;
}

/** Title, notices and footer around what a page holds. */
export function Frame({ title, lead, footer, children }: FrameProps): JSX.Element {
  return (
    <>
      <header class="top">
        <img src="./flame.svg" alt="" width="44" height="44" />
        <div>
          <h1>{title}</h1>
          <p>{lead}</p>
        </div>
      </header>
      <main>
        <Notices />
        {children}
      </main>
      <footer>{footer}</footer>
    </>
  );
}

/** A figure with its name, in a list of them. */
export function Figure({ label, value }: { readonly label: string; readonly value: string }): JSX.Element {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{value}</dd>
    </div>
  );
}
