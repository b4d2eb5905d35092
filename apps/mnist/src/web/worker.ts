/** The worker: everything that computes lives here, so that the page stays free. */
import { findBackends } from "@sconce-apps/page/backends";
import { reason } from "@sconce-apps/page/reason";
import { data } from "sconce";
import { deviceTitles } from "../choices.js";
import { Backends } from "./backends.js";
import type { Reply, Request } from "./protocol.js";
import { Session } from "./session.js";
import { formatHash, type Settings } from "./settings.js";
import { keptSession } from "./store.js";
import { Trainer } from "./trainer.js";

const post = (reply: Reply): void => self.postMessage(reply);

let trainer: Promise<Trainer> | null = null;

/** Both parts of MNIST, with one figure of progress. */
async function loadData(root: string): Promise<{ train: data.MNIST; test: data.MNIST }> {
  const files = new Map<string, { received: number; total: number | null }>();
  const onProgress = (file: string, received: number, total: number | null): void => {
    files.set(file, { received, total });
    const sum = (of: (f: { received: number; total: number | null }) => number): number =>
      [...files.values()].reduce((n, f) => n + of(f), 0);
    post({ type: "loading", received: sum((f) => f.received), total: sum((f) => f.total ?? 0) });
  };
  const part = (train: boolean): Promise<data.MNIST> => data.MNIST.load({ root, train, onProgress });
  const [train, test] = await Promise.all([part(true), part(false)]);
  return { train, test };
}

/** The session from before a reload where its settings are still the wanted ones, or a fresh one. */
async function startSession(settings: Settings): Promise<Session> {
  const kept = await keptSession().catch(() => null);
  if (kept === null) return Session.fresh(settings);
  try {
    const session = await Session.from(kept, settings.device);
    session.configure({ ...session.settings, lr: settings.lr });
    if (formatHash(session.settings) === formatHash(settings)) return session;
  } catch (error) {
    console.info("The training that was kept is of another version of this page.", error);
  }
  return Session.fresh(settings);
}

async function open(settings: Settings, root: string): Promise<Trainer> {
  const sets = loadData(root);
  const backends = new Backends((name, error) => void trainer?.then((t) => t.lost(name, error)));
  post({ type: "backends", backends: await findBackends() });
  const missing = await backends.start(settings.device);
  if (missing !== null) {
    post({ type: "notice", notice: { kind: "error", text: `${deviceTitles[settings.device]}: ${missing} The CPU stands in.` } });
  }
  const session = await startSession(missing === null ? settings : { ...settings, device: "cpu" });
  const made = new Trainer(await sets, backends, session, post);
  await made.show();
  return made;
}

async function answer(request: Request): Promise<void> {
  if (request.type === "open") {
    trainer = open(request.settings, request.data);
    await trainer;
    return;
  }
  if (trainer === null) throw new Error("the page asked before it opened");
  const t = await trainer;
  switch (request.type) {
    case "settings":
      return t.configure(request.settings);
    case "load":
      return t.load(request.name, request.bytes);
    case "classify":
      return post({ type: "classified", id: request.id, probabilities: await t.classify(request.pixels) });
    case "save": {
      const bytes = (await t.save()) as Uint8Array<ArrayBuffer>;
      return post({ type: "weights", bytes });
    }
    default:
      return t[request.type]();
  }
}

/** What went wrong, in words that fit what was asked. */
function failure(request: Request, error: unknown): string {
  switch (request.type) {
    case "open":
      return `The page could not start: ${reason(error)}`;
    case "load":
      return `${request.name} cannot be used: ${reason(error)}`;
    case "save":
      return `The weights could not be read: ${reason(error)}`;
    default:
      return reason(error);
  }
}

self.onmessage = ({ data: request }: MessageEvent<Request>): void => {
  answer(request).catch((error: unknown) => {
    console.warn(error);
    post({ type: "notice", notice: { kind: "error", text: failure(request, error) } });
    if (request.type === "open") post({ type: "phase", phase: "broken", settings: request.settings });
  });
};
