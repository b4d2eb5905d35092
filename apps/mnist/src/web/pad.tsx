import { type Signal, signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { toMnist } from "./digit.js";
import { Drawing, pointOf, SIDE } from "./drawing.js";
import { Pixels } from "./pixels.js";
import { classify, digits, filters, phase } from "./state.js";
import { ink } from "./theme.js";
import { argmax } from "./words.js";

/** What the network gets to see, or null where nothing is drawn. */
const image: Signal<Uint8Array | null> = signal<Uint8Array | null>(null);
const probabilities: Signal<Float32Array | null> = signal<Float32Array | null>(null);
/** What screen readers are told: it waits until the pen rests. */
const spoken: Signal<string> = signal("");

let busy = false;
let again = false;
let speaking: ReturnType<typeof setTimeout> | undefined;

const sentence = (values: Float32Array): string => {
  const best = argmax(values);
  return best < 0 ? "" : `Looks like a ${best}, ${Math.round(100 * values[best])} %`;
};

/** Asks for the probabilities of the newest image; one question at a time. */
async function ask(): Promise<void> {
  if (phase.value === "loading" || phase.value === "broken") return;
  again = busy;
  if (busy) return;
  busy = true;
  const asked = image.value;
  const answer = asked === null ? null : await classify(asked);
  busy = false;
  if (again) return void ask();
  probabilities.value = answer;
  clearTimeout(speaking);
  speaking = setTimeout(() => (spoken.value = answer === null ? "" : sentence(answer)), 500);
}

function see(pixels: Uint8Array | null): void {
  image.value = pixels;
  spoken.value = "";
  void ask();
}

// Weights that have changed may read the same drawing otherwise.
filters.subscribe(() => void ask());

const STEP = 14;
const arrows: { readonly [key: string]: readonly [dx: number, dy: number] } = {
  ArrowLeft: [-STEP, 0],
  ArrowRight: [STEP, 0],
  ArrowUp: [0, -STEP],
  ArrowDown: [0, STEP],
};

/** Drawing with the arrow keys: the space bar lowers and lifts the pen. */
class KeyboardPen {
  readonly #drawing: Drawing;
  readonly #mark: HTMLElement;
  #x = SIDE / 2;
  #y = SIDE / 4;
  #down = false;

  constructor(drawing: Drawing, mark: HTMLElement) {
    this.#drawing = drawing;
    this.#mark = mark;
  }

  /** Handles a key. Returns true if it drew. */
  press(event: KeyboardEvent): boolean {
    const arrow = arrows[event.key];
    if (arrow === undefined && event.key !== " ") return false;
    event.preventDefault();
    if (arrow === undefined) this.#down = !this.#down;
    else {
      this.#x = Math.min(SIDE, Math.max(0, this.#x + arrow[0]));
      this.#y = Math.min(SIDE, Math.max(0, this.#y + arrow[1]));
    }
    if (this.#down) this.#drawing.lineTo({ x: this.#x, y: this.#y });
    else this.#drawing.lift();
    this.#mark.style.left = `${(100 * this.#x) / SIDE}%`;
    this.#mark.style.top = `${(100 * this.#y) / SIDE}%`;
    this.#mark.className = this.#down ? "mark down" : "mark";
    this.#mark.hidden = false;
    return this.#down;
  }

  /** Lifts the pen and hides where it is. */
  rest(): void {
    this.#down = false;
    this.#mark.hidden = true;
    this.#drawing.lift();
  }
}

/** Draws with mouse, touch, pen and keys. Returns how to clear and to show an image. */
function connect(paper: HTMLElement, canvas: HTMLCanvasElement, mark: HTMLElement): { clear(): void; show(pixels: Uint8Array): void } {
  const drawing = new Drawing(canvas);
  const pen = new KeyboardPen(drawing, mark);
  const read = (): void => see(toMnist(drawing.picture));
  let planned = false;
  const readSoon = (): void => {
    if (planned) return;
    planned = true;
    requestAnimationFrame(() => {
      planned = false;
      read();
    });
  };
  const clear = (): void => {
    drawing.clear();
    see(null);
  };
  const draw = (event: PointerEvent): void => {
    const events = event.getCoalescedEvents?.() ?? [];
    for (const e of events.length > 0 ? events : [event]) {
      drawing.lineTo(pointOf(e, canvas), e.pointerType === "pen" ? e.pressure : 0.5);
    }
    readSoon();
  };
  canvas.onpointerdown = (event) => {
    if (event.button !== 0) return;
    pen.rest();
    canvas.setPointerCapture(event.pointerId);
    draw(event);
  };
  canvas.onpointermove = (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) draw(event);
  };
  canvas.onpointerup = canvas.onpointercancel = () => drawing.lift();
  paper.onblur = () => pen.rest();
  paper.onkeydown = (event) => {
    if (event.key === "Delete" || event.key === "Backspace" || event.key === "Escape") clear();
    else if (pen.press(event)) readSoon();
  };
  return {
    clear,
    show(pixels) {
      drawing.show(pixels);
      see(pixels);
    },
  };
}

function Bars(): JSX.Element {
  const values = probabilities.value;
  const best = values === null ? -1 : argmax(values);
  return (
    <ol class="bars" aria-label="Probabilities">
      {Array.from({ length: 10 }, (_, i) => {
        const share = best < 0 ? 0 : (values?.[i] ?? 0);
        return (
          <li key={i} class={i === best ? "best" : ""} data-digit={i}>
            <span class="name">{i}</span>
            <span class="bar">
              <span style={{ width: `${100 * share}%` }} />
            </span>
            <span class="share">{best < 0 ? "" : `${(100 * share).toFixed(share > 0.0995 ? 0 : 1)} %`}</span>
          </li>
        );
      })}
    </ol>
  );
}

/** Where digits are drawn and read. */
export function Pad(): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const paper = useRef<HTMLDivElement>(null);
  const mark = useRef<HTMLSpanElement>(null);
  const pad = useRef<ReturnType<typeof connect> | null>(null);
  useEffect(() => {
    pad.current = connect(paper.current as HTMLElement, canvas.current as HTMLCanvasElement, mark.current as HTMLElement);
  }, []);
  const example = (): void => {
    const all = digits.value;
    if (all.length > 0) pad.current?.show(all[Math.floor(Math.random() * all.length)].pixels);
  };
  const best = probabilities.value === null ? -1 : argmax(probabilities.value);
  return (
    <section class="card pad" aria-labelledby="pad-title">
      <h2 id="pad-title">Draw a digit</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: an application takes keys */}
      <div ref={paper} class="paper" role="application" tabIndex={0} aria-label="Drawing pad" aria-describedby="pad-help">
        <canvas ref={canvas} width={SIDE} height={SIDE} />
        <span ref={mark} class="mark" hidden />
        {image.value === null && (
          <span class="invitation" aria-hidden="true">
            Draw here
          </span>
        )}
      </div>
      <p id="pad-help" class="hint">
        With mouse, finger or pen; or with the arrow keys, the space bar to lower and lift the pen, and Delete to clear.
      </p>
      <div class="row wrap">
        <button type="button" onClick={() => pad.current?.clear()}>
          Clear
        </button>
        <button type="button" disabled={digits.value.length === 0} onClick={example}>
          Take a test digit
        </button>
      </div>
      <div class="answer">
        <div class="seen">
          <Pixels width={28} height={28} values={image.value ?? blank} palette={ink} label="What the network sees, 28 by 28 pixels" />
          <small>as it sees it</small>
        </div>
        <p class="guess">{best < 0 ? "–" : best}</p>
      </div>
      <Bars />
      <p class="unseen" role="status" aria-live="polite">
        {spoken.value}
      </p>
    </section>
  );
}

const blank = new Uint8Array(784);
