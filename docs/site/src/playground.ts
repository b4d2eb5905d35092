/** A small editor that runs programs on the CPU backend, in a worker. */
import { javascript } from "@codemirror/lang-javascript";
import { Prec } from "@codemirror/state";
import { oneDark } from "@codemirror/theme-one-dark";
import { keymap } from "@codemirror/view";
import { basicSetup, EditorView } from "codemirror";
import { EXAMPLES } from "./examples.js";
import "./playground.css";
import type { Message } from "./worker.js";

function element<K extends keyof HTMLElementTagNameMap>(tag: K, properties: Partial<HTMLElementTagNameMap[K]>): HTMLElementTagNameMap[K] {
  return Object.assign(document.createElement(tag), properties);
}

/** What the reader chose in the site's settings, else in the system. */
function isDark(): boolean {
  const { theme = "os" } = document.documentElement.dataset;
  return theme === "dark" || (theme === "os" && matchMedia("(prefers-color-scheme: dark)").matches);
}

/** Builds the playground in `place`. */
export function mount(place: HTMLElement): void {
  const [first] = Object.keys(EXAMPLES);
  const choice = element("select", { ariaLabel: "Example" });
  for (const title of Object.keys(EXAMPLES)) choice.append(element("option", { value: title, textContent: title }));
  const button = element("button", { type: "button", textContent: "Run" });
  const hint = element("span", { className: "hint", textContent: "Ctrl+Enter runs it, in this page, on the CPU" });
  const output = element("output", { ariaLive: "polite" });
  const bar = element("div", { className: "bar" });
  bar.append(choice, button, hint);
  const host = element("div", { className: "editor" });
  place.append(bar, host, output);

  const runner = new Runner(output, button);
  const run = (): boolean => {
    runner.toggle(editor.state.doc.toString());
    return true;
  };
  const editor = new EditorView({
    doc: EXAMPLES[first],
    parent: host,
    extensions: [
      Prec.highest(keymap.of([{ key: "Mod-Enter", run }])),
      basicSetup,
      javascript(),
      ...(isDark() ? [oneDark] : []),
      EditorView.contentAttributes.of({ "aria-label": "Program" }),
    ],
  });
  choice.onchange = () => editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: EXAMPLES[choice.value] } });
  button.onclick = run;
}

/** One program at a time, in a worker of its own. */
class Runner {
  #worker: Worker | null = null;
  readonly #output: HTMLElement;
  readonly #button: HTMLButtonElement;

  constructor(output: HTMLElement, button: HTMLButtonElement) {
    this.#output = output;
    this.#button = button;
  }

  /** Starts a program, or stops the one that runs. */
  toggle(code: string): void {
    if (this.#worker !== null) {
      this.#end("stopped");
      return;
    }
    this.#output.replaceChildren();
    this.#button.textContent = "Stop";
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<Message>) => {
      if (data.kind === "end") this.#end(`${data.milliseconds.toFixed(0)} ms`);
      else this.#line(data.text, data.kind);
    };
    worker.onerror = ({ message }) => {
      this.#line(message || "the worker could not be started", "error");
      this.#end("failed");
    };
    worker.postMessage(code);
  }

  #end(how: string): void {
    this.#worker?.terminate();
    this.#worker = null;
    this.#button.textContent = "Run";
    this.#line(how, "end");
  }

  #line(text: string, kind: string): void {
    this.#output.append(element("div", { className: kind, textContent: text }));
    this.#output.scrollTop = this.#output.scrollHeight;
  }
}
