/** What the benchmarks measure, as plain numbers: every runner does the same work on the same arrays. */
import type { Unit } from "./format.js";

/** An array in PyTorch's layout. */
export interface ArrayData {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

/** The arrays of a case, in a fixed order: parameters first, in PyTorch's order, then inputs. */
export type Arrays = Readonly<Record<string, ArrayData>>;

/** A network with its loss. */
export type NetworkName = "two-layer" | "mlp" | "cnn" | "lenet" | "transformer" | "lstm";

/** `[M, K]` times `[K, N]`; `nt` and `tn` hand over the transpose of a matrix that is stored the other way round. */
export interface MatmulWork {
  readonly kind: "matmul";
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly layout: "nn" | "nt" | "tn";
}

/** `relu(a * b + c)` over vectors, and its sum where `sum`. */
export interface ChainWork {
  readonly kind: "chain";
  readonly size: number;
  readonly sum: boolean;
}

/** Training steps; with `none`, forward and backward only. */
export interface TrainWork {
  readonly kind: "train";
  readonly network: NetworkName;
  readonly optimizer: "sgd" | "adam" | "none";
  readonly lr: number;
}

/** Outputs without gradients, handed to the host. */
export interface InferWork {
  readonly kind: "infer";
  readonly network: NetworkName;
}

/** Additions of one-element tensors one by one, each computed: `off` and `on` say whether gradients are recorded, `backward` runs them too. */
export interface DispatchWork {
  readonly kind: "dispatch";
  readonly grad: "off" | "on" | "backward";
}

/** What the host spends on each dispatch to a device that computes nothing. Sconce alone has such a device. */
export interface HostWork {
  readonly kind: "host";
  readonly what: "matmul" | "softmax" | "mm" | "add" | "mlp" | "cnn";
  /** The step is replayed by `compile`. */
  readonly compiled: boolean;
}

export type Work = MatmulWork | ChainWork | TrainWork | InferWork | DispatchWork | HostWork;

/** One measured piece of work. */
export interface Case {
  readonly suite: string;
  readonly name: string;
  readonly work: Work;
  readonly unit: Unit;
  /** What a step is divided by: operations of a step in one-element work. */
  readonly repeats: number;
  /** Floating-point operations of a step, where the SIMD peak bounds it. */
  readonly flops?: number;
  /** Bytes read and written by a step, where the copy bandwidth bounds it. */
  readonly bytes?: number;
  /** Largest relative difference between the results of runners. */
  readonly tolerance: number;
  arrays(): Arrays;
}

/** Operations of one step of dispatch work. */
export const OPERATIONS = 1000;

const SEED = 42;

/** Uniform numbers in [0, 1) (mulberry32). */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const volume = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Makes arrays one after another from one stream of numbers. */
class Maker {
  private readonly next: () => number = generator(SEED);

  /** Uniform in [-bound, bound), about `centre`. */
  uniform(shape: readonly number[], bound: number, centre = 0): ArrayData {
    const data = new Float32Array(volume(shape));
    for (let i = 0; i < data.length; i++) data[i] = centre + bound * (2 * this.next() - 1);
    return { shape, data };
  }

  /** PyTorch's default start of a linear or convolution layer. */
  layer(name: string, shape: readonly number[]): Record<string, ArrayData> {
    const bound = 1 / Math.sqrt(volume(shape.slice(1)));
    return { [`${name}.weight`]: this.uniform(shape, bound), [`${name}.bias`]: this.uniform([shape[0]], bound) };
  }

  classes(n: number): ArrayData {
    return { shape: [n], data: Int32Array.from({ length: n }, () => Math.floor(10 * this.next())) };
  }
}

/** Layers that have a weight and a bias, by name. */
const LAYERS: { readonly [N in "two-layer" | "mlp" | "cnn" | "lenet"]: Readonly<Record<string, readonly number[]>> } = {
  "two-layer": { linear1: [100, 1000], linear2: [10, 100] },
  mlp: { linear1: [256, 784], linear2: [128, 256], linear3: [10, 128] },
  cnn: { conv1: [32, 1, 3, 3], conv2: [64, 32, 3, 3], linear1: [128, 9216], linear2: [10, 128] },
  lenet: { conv1: [6, 1, 5, 5], conv2: [16, 6, 5, 5], linear1: [120, 400], linear2: [84, 120], linear3: [10, 84] },
};

/** Side of the images that a network of images takes. */
const SIDE = { mlp: 28, cnn: 28, lenet: 32 } as const;

/** Sizes of the transformer block and the LSTM. */
export const BLOCK = { model: 256, heads: 4, feedforward: 1024, length: 128 } as const;
export const LSTM = { input: 128, hidden: 128, length: 50 } as const;

function blockArrays(make: Maker, batch: number): Arrays {
  const { model, feedforward, length } = BLOCK;
  const norm = (name: string): Record<string, ArrayData> => ({
    [`${name}.weight`]: make.uniform([model], 0.1, 1),
    [`${name}.bias`]: make.uniform([model], 0.1),
  });
  return {
    ...make.layer("in", [3 * model, model]),
    ...make.layer("out", [model, model]),
    ...make.layer("linear1", [feedforward, model]),
    ...make.layer("linear2", [model, feedforward]),
    ...norm("norm1"),
    ...norm("norm2"),
    x: make.uniform([batch, length, model], 1.7),
    y: make.uniform([batch, length, model], 1),
  };
}

function lstmArrays(make: Maker, batch: number): Arrays {
  const { input, hidden, length } = LSTM;
  const bound = 1 / Math.sqrt(hidden);
  return {
    "ih.weight": make.uniform([4 * hidden, input], bound),
    "hh.weight": make.uniform([4 * hidden, hidden], bound),
    "ih.bias": make.uniform([4 * hidden], bound),
    "hh.bias": make.uniform([4 * hidden], bound),
    x: make.uniform([length, batch, input], 1.7),
    y: make.uniform([length, batch, hidden], 1),
  };
}

function networkArrays(network: NetworkName, batch: number): Arrays {
  const make = new Maker();
  if (network === "transformer") return blockArrays(make, batch);
  if (network === "lstm") return lstmArrays(make, batch);
  const layers = Object.assign({}, ...Object.entries(LAYERS[network]).map(([name, shape]) => make.layer(name, shape)));
  if (network === "two-layer") return { ...layers, x: make.uniform([batch, 1000], 1.7), y: make.uniform([batch, 10], 1.7) };
  const side = SIDE[network];
  return { ...layers, x: make.uniform([batch, 1, side, side], 1.7), y: make.classes(batch) };
}

/** The parameters among the arrays of a network, in PyTorch's order. */
export function parametersOf(arrays: Arrays): ArrayData[] {
  return Object.entries(arrays)
    .filter(([name]) => name.includes("."))
    .map(([, array]) => array);
}

function matmul(m: number, n: number, k: number, layout: MatmulWork["layout"] = "nn"): Case {
  return {
    suite: "matmul",
    name: `${m === n && n === k ? `${m} cubed` : `${m}x${n}x${k}`}${layout === "nn" ? "" : ` ${layout}`}`,
    work: { kind: "matmul", m, n, k, layout },
    unit: "GFLOP/s",
    repeats: 1,
    flops: 2 * m * n * k,
    tolerance: 1e-4,
    arrays: () => {
      const make = new Maker();
      return { a: make.uniform(layout === "tn" ? [k, m] : [m, k], 1), b: make.uniform(layout === "nt" ? [n, k] : [k, n], 1) };
    },
  };
}

function chain(size: number, sum: boolean): Case {
  return {
    suite: "elementwise",
    name: `relu(a*b+c)${sum ? ".sum()" : ""}, ${size.toExponential().replace("+", "")}`,
    work: { kind: "chain", size, sum },
    unit: "ms",
    repeats: 1,
    bytes: (sum ? 12 : 16) * size,
    // Some runners add up one by one in float32, which loses digits.
    tolerance: sum ? 5e-3 : 1e-4,
    arrays: () => {
      const make = new Maker();
      return { a: make.uniform([size], 1), b: make.uniform([size], 1), c: make.uniform([size], 1) };
    },
  };
}

function train(suite: string, network: NetworkName, batch: number, optimizer: TrainWork["optimizer"], lr: number): Case {
  const title = optimizer === "none" ? "forward and backward" : optimizer === "sgd" ? "SGD" : "Adam";
  return {
    suite,
    name: `${title}, batch ${batch}`,
    work: { kind: "train", network, optimizer, lr },
    unit: "ms",
    repeats: 1,
    tolerance: 1e-3,
    arrays: () => networkArrays(network, batch),
  };
}

function infer(suite: string, network: NetworkName, batch: number): Case {
  return {
    suite,
    name: suite === network ? `forward, batch ${batch}` : `${network}, batch ${batch}`,
    work: { kind: "infer", network },
    unit: "ms",
    repeats: 1,
    tolerance: 1e-3,
    arrays: () => networkArrays(network, batch),
  };
}

function dispatch(name: string, grad: DispatchWork["grad"]): Case {
  const one = (value: number): ArrayData => ({ shape: [1], data: Float32Array.of(value) });
  return {
    suite: "dispatch",
    name,
    work: { kind: "dispatch", grad },
    unit: "us",
    repeats: OPERATIONS,
    tolerance: 1e-4,
    arrays: () => ({ a: one(0.5), b: one(0.25) }),
  };
}

function host(name: string, what: HostWork["what"], compiled: boolean = false): Case {
  const base = { suite: "dispatch", name, work: { kind: "host", what, compiled }, unit: "us", repeats: 1, tolerance: 0 } as const;
  return { ...base, arrays: () => (what === "mlp" ? networkArrays("mlp", 64) : what === "cnn" ? networkArrays("cnn", 8) : {}) };
}

/** All cases, suite by suite. */
export const CASES: readonly Case[] = [
  ...[64, 128, 256, 512, 1024].map((size) => matmul(size, size, size)),
  matmul(64, 256, 784, "nt"),
  matmul(256, 784, 64, "tn"),
  matmul(64, 128, 9216, "nt"),
  matmul(64, 10, 128, "nt"),
  matmul(1, 256, 784, "nt"),
  chain(1e6, true),
  chain(1e7, true),
  chain(1e7, false),
  train("two-layer", "two-layer", 64, "sgd", 1e-4),
  train("two-layer", "two-layer", 64, "adam", 1e-3),
  train("mlp", "mlp", 64, "adam", 1e-3),
  train("cnn", "cnn", 64, "adam", 1e-3),
  train("lenet", "lenet", 64, "adam", 1e-3),
  ...(["cnn", "lenet", "mlp"] as const).flatMap((network) => [1, 64].map((batch) => infer("inference", network, batch))),
  train("transformer", "transformer", 8, "none", 0),
  infer("transformer", "transformer", 8),
  train("lstm", "lstm", 32, "none", 0),
  dispatch("add, one element", "off"),
  dispatch("add, one element, gradients recorded", "on"),
  dispatch("add, forward and backward of a chain", "backward"),
  host("host: matmul kernel", "matmul"),
  host("host: softmax kernel", "softmax"),
  host("host: x.mm(y)", "mm"),
  host("host: x.add(y)", "add"),
  host("host: step of the MLP", "mlp"),
  host("host: step of the CNN", "cnn"),
  host("host: compiled step of the MLP", "mlp", true),
  host("host: compiled step of the CNN", "cnn", true),
];

const SMALL_STEPS = 5;

/** The cases whose memory is measured: all training. */
export function memoryCases(): Case[] {
  return CASES.filter(({ work }) => work.kind === "train");
}

/** The steps of a case in the suite memory, where the large networks take so many: a step of the small ones is soon done. */
export const memorySteps = ({ work }: Case, steps: number): number =>
  work.kind === "train" && (work.network === "two-layer" || work.network === "mlp") ? SMALL_STEPS * steps : steps;

/** Names a loop of the suite memory. */
export const memoryTitle = ({ suite, work }: Case): string =>
  work.kind === "train" && work.network === "two-layer" ? `${suite} ${work.optimizer === "sgd" ? "SGD" : "Adam"}` : suite;

/** Suites that measure processes, not calls. */
export const PROCESS_SUITES = ["startup", "memory"] as const;

/** Names of all suites, in the order of the reports. */
export const SUITES: readonly string[] = [...new Set(CASES.map(({ suite }) => suite)), ...PROCESS_SUITES];

/** Finds a case. */
export function findCase(suite: string, name: string): Case {
  const found = CASES.find((c) => c.suite === suite && c.name === name);
  if (found === undefined) throw new RangeError(`no case ${JSON.stringify(name)} in suite ${JSON.stringify(suite)}`);
  return found;
}

/**
 * Three numbers that stand for an array of results: sums of terms of one sign, so that runners which add in another order agree closely, and
 * one of them depends on the order.
 */
export function digest(values: ArrayLike<number>): number[] {
  let [size, positive, placed] = [0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const magnitude = Math.abs(values[i]);
    size += magnitude;
    if (values[i] > 0) positive += magnitude;
    placed += (magnitude * ((i % 97) + 1)) / 97;
  }
  return [size, positive, placed];
}

/** Says how two lists of results differ, or null where each pair agrees to the tolerance. */
export function difference(expected: readonly number[], got: readonly number[], tolerance: number): string | null {
  if (expected.length !== got.length) return `${got.length} results for ${expected.length}`;
  for (const [i, value] of expected.entries()) {
    const error = Math.abs(got[i] - value) / Math.max(Math.abs(value), Math.abs(got[i]), Number.MIN_VALUE);
    if (!(error <= tolerance)) return `result ${i + 1} is ${got[i]}, sconce has ${value} (tolerance ${tolerance})`;
  }
  return null;
}
