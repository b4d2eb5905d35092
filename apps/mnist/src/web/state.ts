import { batch, type Signal, signal } from "@preact/signals";
import type { BackendState } from "@sconce-apps/page/backends";
import { linkedSettings } from "@sconce-apps/page/link";
import { tell } from "@sconce-apps/page/notices";
import { offer } from "@sconce-apps/page/offer";
import { optimizerChoices } from "../choices.js";
import type { CurveData } from "./curve.js";
import type { Digit, Filters, Phase, Progress, Reply, Request, Test } from "./protocol.js";
import { formatHash, parseHash, type Settings } from "./settings.js";

/** What the visitor has chosen; the address follows it. */
export const settings: Signal<Settings> = linkedSettings(parseHash, formatHash, (wanted) => send({ type: "settings", settings: wanted }));
export const phase: Signal<Phase> = signal<Phase>("loading");
export const backends: Signal<readonly BackendState[]> = signal<readonly BackendState[]>([]);
export const loading: Signal<{ received: number; total: number }> = signal({ received: 0, total: 0 });
export const progress: Signal<Progress | null> = signal<Progress | null>(null);
export const curve: Signal<CurveData | null> = signal<CurveData | null>(null);
export const test: Signal<Test | null> = signal<Test | null>(null);
export const digits: Signal<readonly Digit[]> = signal<readonly Digit[]>([]);
export const filters: Signal<Filters | null> = signal<Filters | null>(null);

const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "training" });

const send = (request: Request, transfer: Transferable[] = []): void => worker.postMessage(request, transfer);

const waiting = new Map<number, (probabilities: Float32Array) => void>();
let asked = 0;
let saved: ((bytes: Uint8Array<ArrayBuffer>) => void) | null = null;

function receive(reply: Reply): void {
  switch (reply.type) {
    case "backends":
      backends.value = reply.backends;
      break;
    case "loading":
      loading.value = reply;
      break;
    case "phase":
      phase.value = reply.phase;
      // They may differ from the wish: a device can be missing or lost, and weights bring their model.
      if (formatHash(reply.settings) !== formatHash(settings.value)) settings.value = reply.settings;
      break;
    case "progress":
      progress.value = reply.progress;
      curve.value = reply.curve;
      if (reply.curve.tests.length === 0) test.value = null;
      break;
    case "tested":
      test.value = reply.test;
      break;
    case "shown":
      digits.value = reply.images.map((image) => ({ ...image, prediction: image.label }));
      break;
    case "sample":
      digits.value = digits.value.map((digit, i) => ({ ...digit, prediction: reply.predictions[i] }));
      filters.value = reply.filters;
      break;
    case "classified":
      waiting.get(reply.id)?.(reply.probabilities);
      waiting.delete(reply.id);
      break;
    case "weights":
      saved?.(reply.bytes);
      break;
    case "notice":
      tell(reply.notice);
      break;
  }
}

worker.onmessage = ({ data }: MessageEvent<Reply>) => batch(() => receive(data));
worker.onerror = (event) => {
  event.preventDefault();
  phase.value = "broken";
  tell({ kind: "error", text: `The part of the page that computes could not start: ${event.message || "its file did not load"}.` });
};

/** Changes a setting; a new optimizer comes with its usual learning rate. */
export function choose<K extends keyof Settings>(name: K, value: Settings[K]): void {
  const changed = { ...settings.value, [name]: value };
  settings.value = name === "optimizer" ? { ...changed, lr: optimizerChoices[value as keyof typeof optimizerChoices].lr } : changed;
  send({ type: "settings", settings: settings.value });
}

/** Starts, resumes, interrupts, ends or throws away the training. */
export const command = (type: "train" | "pause" | "stop" | "reset"): void => send({ type });

/** Probabilities of the ten digits for an image of 28 x 28 bytes. */
export function classify(pixels: Uint8Array): Promise<Float32Array> {
  const id = ++asked;
  send({ type: "classify", id, pixels });
  return new Promise((resolve) => waiting.set(id, resolve));
}

/** Offers the weights as a download. */
export async function download(): Promise<void> {
  const bytes = await new Promise<Uint8Array<ArrayBuffer>>((resolve) => {
    saved = resolve;
    send({ type: "save" });
  });
  offer(`mnist-${settings.value.model}.safetensors`, "application/octet-stream", bytes);
}

/** Takes over weights that the visitor has. */
export async function upload(file: File): Promise<void> {
  const bytes = await file.arrayBuffer();
  send({ type: "load", name: file.name, bytes }, [bytes]);
}

send({ type: "open", settings: settings.value, data: new URL("data/", document.baseURI).href });
