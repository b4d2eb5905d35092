import type { DeviceName } from "@sconce-apps/page/backends";
import type { Notice } from "@sconce-apps/page/notices";
import { DeviceError, type data, load, memory, serialize, Tensor } from "sconce";
import { deviceTitles, type ModelName, modelTitles } from "../choices.js";
import { models } from "../model.js";
import { type Batches, type Evaluation, evaluate, type Step, train } from "../train.js";
import type { Backends } from "./backends.js";
import type { Digit, Filters, Phase, Progress, Reply } from "./protocol.js";
import { Session } from "./session.js";
import type { Settings } from "./settings.js";
import { forgetSession, keepSession } from "./store.js";
import { Turns } from "./turns.js";
import { argmax } from "./words.js";

const TELL_EVERY = 200;
const SAMPLE_EVERY = 1000;
const KEEP_EVERY = 5000;
/** Digits and filters in the page's grids. */
const SHOWN = 80;
const FILTERS = 32;

/** When something was last done, and how fast it goes. */
interface Times {
  told: number;
  /** Images since the page was told. */
  images: number;
  /** Images a second, smoothed. */
  rate: number | null;
  sampled: number;
  kept: number;
}

/** Runs a session at the page's word, and tells it what happens. */
export class Trainer {
  readonly #post: (reply: Reply) => void;
  readonly #sets: { readonly train: data.MNIST; readonly test: data.MNIST };
  readonly #backends: Backends;
  readonly #turns = new Turns();
  #session: Session;
  #settings: Settings;
  #phase: Phase = "ready";
  /** What the visitor wants of a running training. */
  #wish: "train" | "pause" | "stop" | "drop" = "stop";
  #interrupt = new AbortController();
  /** The session as it was kept last, for the case that the device is lost. */
  #kept: Uint8Array | null = null;
  #last: Times = idle();

  constructor(sets: { train: data.MNIST; test: data.MNIST }, backends: Backends, session: Session, post: (reply: Reply) => void) {
    this.#sets = sets;
    this.#backends = backends;
    this.#session = session;
    this.#settings = session.settings;
    this.#post = post;
  }

  /** Shows the session to the page: a fresh one, or one that goes on after a reload. */
  async show(): Promise<void> {
    await this.#turns.take(async () => {
      this.#post({ type: "shown", images: Array.from({ length: SHOWN }, (_, i) => digit(this.#sets.test, i)) });
      await this.#replace(this.#session);
      if (this.#session.touched) await this.#test();
      this.#enter(this.#session.epoch < this.#session.target ? "paused" : "ready");
    });
  }

  /** Starts or resumes the training. */
  async train(): Promise<void> {
    if (this.#phase !== "ready" && this.#phase !== "paused") return;
    const session = this.#session;
    if (this.#phase === "ready") {
      session.target = session.epoch + this.#settings.epochs;
      session.seen = 0;
      session.position = null;
    }
    this.#wish = "train";
    this.#enter("training");
    this.#tell();
    await this.#turns.take(() => this.#guarded(() => this.#run()));
  }

  /** Interrupts the training, to be resumed. */
  pause(): void {
    this.#wish = "pause";
    this.#interrupt.abort();
  }

  /** Ends the training; the weights stay, and are tested. */
  async stop(): Promise<void> {
    const paused = this.#phase === "paused";
    this.#wish = "stop";
    this.#interrupt.abort();
    if (paused) await this.#turns.take(() => this.#guarded(() => this.#finish()));
  }

  /** Throws the training away: fresh weights. */
  async reset(): Promise<void> {
    this.#wish = "drop";
    this.#interrupt.abort();
    await this.#turns.take(() => this.#guarded(() => this.#begin()));
  }

  /** Takes over other settings; until a training ends only a device and a learning rate, those at once. */
  async configure(wanted: Settings): Promise<void> {
    const before = this.#settings;
    const underWay = this.#phase !== "ready";
    const settings = underWay ? { ...before, device: wanted.device, lr: wanted.lr } : wanted;
    this.#settings = settings;
    if (settings.model !== before.model || settings.seed !== before.seed) {
      return this.#turns.take(() => this.#guarded(() => this.#begin()));
    }
    await this.#turns.slipIn(async () => {
      this.#session.configure({ ...settings, device: this.#session.settings.device });
      if (!underWay && this.#session.touched) await this.#keep();
    });
    this.#enter(this.#phase);
    if (settings.device === before.device) return;
    // A running training moves by itself when its step has ended.
    this.#interrupt.abort();
    await this.#turns.take(() => this.#guarded(() => this.#move()));
  }

  /** Probabilities of the ten digits for an image of 28 x 28 bytes. */
  classify(pixels: Uint8Array): Promise<Float32Array> {
    return this.#turns.slipIn(() => this.#session.classify(pixels, this.#sets.test));
  }

  /** The weights as a safetensors file. */
  save(): Promise<Uint8Array> {
    return this.#turns.slipIn(() => serialize(this.#session.net.stateDict()));
  }

  /** Takes over the weights of a safetensors file, and the model that they belong to. */
  async load(name: string, bytes: ArrayBuffer): Promise<void> {
    await this.#turns.take(() =>
      this.#guarded(async () => {
        const state = await load<Record<string, unknown>>(bytes);
        const model = modelOf(state);
        if (model === null) throw new Error(`its tensors fit none of the models here (${Object.values(modelTitles).join("; ")})`);
        this.#settings = { ...this.#settings, model };
        const session = Session.fresh(this.#settings);
        session.net.loadStateDict(state as Record<string, Tensor>);
        await this.#replace(session);
        this.#notice("info", `The weights of ${name} are loaded into ${modelTitles[model]}.`);
        await this.#test();
        await this.#keep();
        this.#enter("ready");
      }),
    );
  }

  /** A device has gone away: the CPU takes over. */
  async lost(name: DeviceName, error: Error): Promise<void> {
    if (name !== this.#session.settings.device) return;
    this.#fallBack(error);
    await this.#turns.take(() => this.#guarded(() => this.#move()));
  }

  /** A running training goes to the CPU when its interrupted step has ended. */
  #fallBack(error: Error): void {
    const { device } = this.#settings;
    if (device === "cpu") return;
    console.warn(error);
    this.#settings = { ...this.#settings, device: "cpu" };
    this.#notice("error", `${deviceTitles[device]} was lost. The CPU goes on from what was kept last.`);
    this.#interrupt.abort();
  }

  /** Leaves the page usable where a task fails. */
  async #guarded(task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      this.#wish = "stop";
      this.#enter("ready");
      throw error;
    }
  }

  async #run(): Promise<void> {
    await this.#keep();
    while (this.#wish === "train" && this.#session.epoch < this.#session.target) {
      this.#interrupt = new AbortController();
      this.#last = idle();
      this.#enter("training");
      await this.#epoch(this.#interrupt.signal);
      await this.#move();
    }
    if (this.#wish === "pause" && this.#session.epoch < this.#session.target) {
      await this.#keep();
      this.#enter("paused");
    } else if (this.#wish !== "drop") await this.#finish();
  }

  /** The rest of an epoch and its test, unless it is interrupted. */
  async #epoch(signal: AbortSignal): Promise<void> {
    const session = this.#session;
    const { images, batch } = session.settings;
    const loader = session.batches(this.#sets.train, images, { batchSize: batch, shuffle: true, signal });
    if (session.position !== null) loader.loadStateDict(session.position);
    try {
      await train(session.net, loader, session.optimizer, (step) => this.#stepped(step, loader));
      session.epoch++;
      session.seen = 0;
      session.position = null;
      await this.#test(signal);
    } catch (error) {
      if (error instanceof DeviceError && session.settings.device !== "cpu") this.#fallBack(error);
      else if (!signal.aborted) throw error;
    }
    this.#tell();
  }

  async #stepped(step: Step, loader: Batches): Promise<void> {
    const session = this.#session;
    const last = this.#last;
    session.seen += step.images;
    session.position = loader.stateDict();
    session.trained += step.images;
    session.curve.add(session.trained, step);
    if (Number.isNaN(step.loss)) {
      this.#notice(
        "error",
        "The loss is no longer a number: the learning rate is too high for this optimizer. Reset, and try a smaller one.",
      );
      this.pause();
    }
    last.images += step.images;
    const now = performance.now();
    if (now - last.told >= TELL_EVERY) this.#tell();
    if (now - last.sampled >= SAMPLE_EVERY) await this.#sample();
    if (now - last.kept >= KEEP_EVERY) await this.#keep();
    await this.#turns.letIn();
  }

  /** Classifies the test images, as many as there are to train on. */
  async #test(signal?: AbortSignal): Promise<void> {
    this.#enter("testing");
    const session = this.#session;
    const { test } = this.#sets;
    const images = Math.min(test.length, session.settings.images);
    const result = await evaluate(
      session.net,
      session.batches(test, images, { batchSize: 250, ...(signal === undefined ? {} : { signal }) }),
    );
    session.curve.addTest(session.trained, result.accuracy);
    this.#post({
      type: "tested",
      test: { accuracy: result.accuracy, images, confusion: result.confusion, mistakes: mistakes(test, result) },
    });
    await this.#sample();
  }

  /** After the last epoch, or where the visitor stopped. */
  async #finish(): Promise<void> {
    const session = this.#session;
    if (session.epoch < session.target) await this.#test();
    session.target = session.epoch;
    await this.#keep();
    this.#tell();
    this.#enter("ready");
  }

  async #begin(): Promise<void> {
    await this.#startDevice();
    await this.#replace(Session.fresh(this.#settings));
    await forgetSession().catch(() => undefined);
    this.#enter("ready");
  }

  /** Puts another session in place of this one. */
  async #replace(session: Session): Promise<void> {
    this.#session = session;
    this.#kept = await session.snapshot();
    this.#last = idle();
    this.#tell();
    await this.#sample();
  }

  /** Brings weights, optimizer and position to the device of the settings, where they are not yet there. */
  async #move(): Promise<void> {
    if (this.#session.settings.device === this.#settings.device) return;
    await this.#startDevice();
    // What a lost device held is gone; the bytes that were kept are not.
    const bytes = await this.#session.snapshot().catch(() => this.#kept);
    if (bytes === null) return;
    this.#session = await Session.from(bytes, this.#settings.device);
    this.#session.configure(this.#settings);
    this.#notice("info", `Weights and optimizer state are now on ${deviceTitles[this.#settings.device]}.`);
    this.#enter(this.#phase);
    await this.#sample();
  }

  /** Starts the device of the settings; where it cannot be had, the CPU is the device. */
  async #startDevice(): Promise<void> {
    const { device } = this.#settings;
    const missing = await this.#backends.start(device);
    if (missing === null) return;
    this.#settings = { ...this.#settings, device: "cpu" };
    this.#notice("error", `${deviceTitles[device]}: ${missing} The CPU stands in.`);
  }

  async #keep(): Promise<void> {
    this.#last.kept = performance.now();
    this.#kept = await this.#session.snapshot();
    // A browser that keeps nothing trains all the same; only a reload starts over there.
    await keepSession(this.#kept).catch(() => undefined);
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#post({ type: "phase", phase, settings: this.#settings });
  }

  #notice(kind: Notice["kind"], text: string): void {
    this.#post({ type: "notice", notice: { kind, text } });
  }

  #tell(): void {
    const { images, told, rate } = this.#last;
    const { epoch, target, seen, trained, settings, curve } = this.#session;
    const now = performance.now();
    if (images > 0) {
      const newest = (1000 * images) / (now - told);
      this.#last.rate = rate === null ? newest : 0.8 * rate + 0.2 * newest;
    }
    const { bytes, buffers } = memory();
    const progress: Progress = {
      epoch: Math.min(epoch + 1, target),
      epochs: target,
      seen: epoch < target ? seen : settings.images,
      images: settings.images,
      trained,
      loss: curve.data.loss.at(-1) ?? null,
      accuracy: curve.data.accuracy.at(-1) ?? null,
      imagesPerSecond: this.#last.rate,
      bytes,
      tensors: buffers,
    };
    this.#last.told = now;
    this.#last.images = 0;
    this.#post({ type: "progress", progress, curve: curve.data });
  }

  /** What the network makes of the first test digits, and what its first layer looks for. */
  async #sample(): Promise<void> {
    this.#last.sampled = performance.now();
    const { test } = this.#sets;
    const all = await this.#session.classify(test.pixels.subarray(0, SHOWN * 784), test);
    const predictions = Array.from({ length: SHOWN }, (_, i) => argmax(all.subarray(10 * i, 10 * i + 10)));
    this.#post({ type: "sample", predictions, filters: await this.#filters() });
  }

  async #filters(): Promise<Filters> {
    const [weight] = this.#session.net.parameters();
    const first = weight.detach().narrow(0, 0, Math.min(weight.shape[0], FILTERS));
    const side = weight.ndim === 4 ? weight.shape[2] : 28;
    const values = (await first.data()) as Float32Array;
    return { height: side, width: side, count: first.shape[0], values, model: this.#session.settings.model };
  }
}

function idle(): Times {
  const now = performance.now();
  return { told: now, images: 0, rate: null, sampled: now, kept: now };
}

function digit({ pixels, labels }: data.MNIST, i: number): Omit<Digit, "prediction"> {
  return { pixels: pixels.slice(i * 784, (i + 1) * 784), label: labels[i] };
}

function mistakes(test: data.MNIST, { predictions }: Evaluation): Digit[] {
  const found: Digit[] = [];
  for (let i = 0; i < predictions.length && found.length < SHOWN; i++) {
    if (predictions[i] !== test.labels[i]) found.push({ ...digit(test, i), prediction: predictions[i] });
  }
  return found;
}

/** The model whose tensors have these names and shapes. */
function modelOf(state: Record<string, unknown>): ModelName | null {
  const shapes = (dict: Record<string, unknown>): string =>
    Object.keys(dict)
      .sort()
      .map((key) => `${key} ${dict[key] instanceof Tensor ? dict[key].shape : "?"}`)
      .join();
  const wanted = shapes(state);
  const names = Object.keys(models) as ModelName[];
  return names.find((name) => shapes(models[name].make().stateDict()) === wanted) ?? null;
}
