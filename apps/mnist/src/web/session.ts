import { type Device, data, deserialize, manualSeed, noGrad, serialize, type Tensor } from "sconce";
import type { StateDict } from "sconce/nn";
import type { OptimizerStateDict } from "sconce/optim";
import { type Classifier, models } from "../model.js";
import { type Batches, type Optimizer, optimizers } from "../train.js";
import { Curve, type CurveData } from "./curve.js";
import type { Settings } from "./settings.js";

/** What is written down of a session. */
type Saved = {
  settings: Settings;
  epoch: number;
  target: number;
  seen: number;
  trained: number;
  position: data.DataLoaderState | null;
  curve: CurveData;
  net: StateDict;
  optimizer: OptimizerStateDict;
};

/** A network in training: weights, optimizer, and how far it has come. */
export class Session {
  settings: Settings;
  readonly net: Classifier;
  optimizer: Optimizer;
  curve: Curve = new Curve();
  /** Epochs that are done, and those to be done. */
  epoch = 0;
  target = 0;
  /** Images of the running epoch that were trained on. */
  seen = 0;
  /** Images that were trained on in all epochs. */
  trained = 0;
  /** Where the loader is in the running epoch. */
  position: data.DataLoaderState | null = null;

  private constructor(settings: Settings, device: Device) {
    this.settings = settings;
    manualSeed(settings.seed);
    this.net = models[settings.model].make().to(device);
    this.optimizer = optimizers[settings.optimizer](this.net, settings.lr);
  }

  /** Fresh weights. */
  static fresh(settings: Settings): Session {
    return new Session(settings, settings.device as Device);
  }

  /** The session that {@link snapshot} wrote down, on any device. */
  static async from(bytes: Uint8Array, device: Settings["device"]): Promise<Session> {
    const saved = await deserialize<Saved>(bytes);
    const session = new Session({ ...saved.settings, device }, device as Device);
    session.net.loadStateDict(saved.net);
    session.optimizer.loadStateDict(saved.optimizer);
    session.curve = Curve.from(saved.curve);
    session.epoch = saved.epoch;
    session.target = saved.target;
    session.seen = saved.seen;
    session.trained = saved.trained;
    session.position = saved.position;
    return session;
  }

  /** Whether its weights have learned something, here or elsewhere. */
  get touched(): boolean {
    return this.trained > 0 || this.curve.data.tests.length > 0;
  }

  /** Everything as bytes. */
  snapshot(): Promise<Uint8Array> {
    const { settings, epoch, target, seen, trained, position, curve, net, optimizer } = this;
    const saved = {
      settings,
      epoch,
      target,
      seen,
      trained,
      position,
      curve: curve.data,
      net: net.stateDict(),
      optimizer: optimizer.stateDict(),
    };
    return serialize(saved as unknown as Parameters<typeof serialize>[0]);
  }

  /** Another optimizer or learning rate for the training to come. */
  configure(settings: Settings): void {
    if (settings.optimizer !== this.settings.optimizer) this.optimizer = optimizers[settings.optimizer](this.net, settings.lr);
    for (const group of this.optimizer.paramGroups) group.lr = settings.lr;
    this.settings = settings;
  }

  /** Batches of a set's first images; `shuffle` for training. */
  batches(set: data.MNIST, images: number, options: { batchSize: number; shuffle?: boolean; signal?: AbortSignal }): Batches {
    return new data.DataLoader<[Tensor, number], [Tensor, Tensor]>(this.#images(set, images), {
      ...options,
      device: this.settings.device as Device,
    });
  }

  /** Probabilities of the ten digits, `[N, 10]`, for images of 28 x 28 bytes. */
  async classify(pixels: Uint8Array, set: data.MNIST): Promise<Float32Array> {
    const count = pixels.length / 784;
    const images = this.#images({ pixels, labels: new Uint8Array(count), classes: set.classes }, count);
    const [batch] = images.getItems(Array.from({ length: count }, (_, i) => i));
    const { training } = this.net;
    this.net.eval();
    try {
      return (await noGrad(() => this.net(batch.to(this.settings.device as Device)).softmax(1)).data()) as Float32Array;
    } finally {
      this.net.train(training);
    }
  }

  #images({ pixels, labels, classes }: Pick<data.MNIST, "pixels" | "labels" | "classes">, count: number): data.MNIST {
    const { pad } = models[this.settings.model];
    return new data.MNIST(pixels.subarray(0, count * 784), labels.subarray(0, count), classes, { mean: 0.1307, std: 0.3081 }, pad);
  }
}
