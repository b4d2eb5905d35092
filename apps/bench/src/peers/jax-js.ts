/** jax-js: pure functions over lists of arrays, whole steps under `jit`. Every call consumes its arguments; `ref` keeps them. */
import { type Device, defaultDevice, init, type Array as JaxArray, jit, lax, nn, numpy as np, valueAndGrad } from "@jax-js/jax";
import {
  type ArrayData,
  type Arrays,
  BLOCK,
  type ChainWork,
  type DispatchWork,
  digest,
  type InferWork,
  LSTM,
  type MatmulWork,
  type NetworkName,
  OPERATIONS,
  parametersOf,
  type TrainWork,
} from "../work.js";
import { byKind, firstLosses, type Kinds, type Runner, type Setting, type Task, Unsupported } from "./runner.js";

type Forward = (params: JaxArray[], x: JaxArray) => JaxArray;
type Jitted = (...args: (JaxArray | JaxArray[])[]) => unknown;

const array = ({ data, shape }: ArrayData): JaxArray => np.array(data.slice()).reshape([...shape]);
const outputDigest = async (x: JaxArray): Promise<number[]> => digest((await x.data()) as Float32Array);
const refs = (params: readonly JaxArray[]): JaxArray[] => params.map((p) => p.ref);

const linear = (x: JaxArray, weight: JaxArray, bias: JaxArray): JaxArray => np.matmul(x, weight.transpose()).add(bias);
const conv = (x: JaxArray, weight: JaxArray, bias: JaxArray): JaxArray =>
  lax.convGeneralDilated(x, weight, [1, 1], "VALID").add(bias.reshape([1, -1, 1, 1]));

/** Max over windows of 2 x 2. */
function maxPool2(x: JaxArray): JaxArray {
  const [n, c, h, w] = x.shape;
  return np.max(x.reshape([n, c, h / 2, 2, w / 2, 2]), [3, 5]);
}

function layerNorm(x: JaxArray, weight: JaxArray, bias: JaxArray): JaxArray {
  const deviation = x.ref.sub(np.mean(x, -1, { keepdims: true }));
  const variance = np.mean(np.square(deviation.ref), -1, { keepdims: true });
  return deviation
    .div(np.sqrt(variance.add(1e-5)))
    .mul(weight)
    .add(bias);
}

function attention(x: JaxArray, weight: JaxArray, bias: JaxArray): JaxArray {
  const { model, heads, length } = BLOCK;
  const [batch] = x.shape;
  const packed = linear(x, weight, bias)
    .reshape([batch, length, 3, heads, model / heads])
    .transpose([2, 0, 3, 1, 4]);
  const [q, k, v] = np.split(packed, 3, 0).map((part) => part.reshape([batch, heads, length, model / heads]));
  const scores = np.matmul(q, k.transpose([0, 1, 3, 2])).mul(1 / Math.sqrt(model / heads));
  return np.matmul(nn.softmax(scores, -1), v).transpose([0, 2, 1, 3]).reshape([batch, length, model]);
}

const FORWARD: { readonly [N in NetworkName]: Forward } = {
  "two-layer": ([w1, b1, w2, b2], x) => linear(nn.relu(linear(x, w1, b1)), w2, b2),
  mlp: ([w1, b1, w2, b2, w3, b3], x) => linear(nn.relu(linear(nn.relu(linear(x.reshape([-1, 784]), w1, b1)), w2, b2)), w3, b3),
  cnn: ([w1, b1, w2, b2, w3, b3, w4, b4], x) => {
    const features = maxPool2(nn.relu(conv(nn.relu(conv(x, w1, b1)), w2, b2)));
    return linear(nn.relu(linear(features.reshape([-1, 9216]), w3, b3)), w4, b4);
  },
  lenet: ([w1, b1, w2, b2, w3, b3, w4, b4, w5, b5], x) => {
    const features = maxPool2(nn.relu(conv(maxPool2(nn.relu(conv(x, w1, b1))), w2, b2)));
    return linear(nn.relu(linear(nn.relu(linear(features.reshape([-1, 400]), w3, b3)), w4, b4)), w5, b5);
  },
  transformer: ([wIn, bIn, wOut, bOut, w1, b1, w2, b2, g1, n1, g2, n2], x) => {
    const attended = layerNorm(x.ref.add(linear(attention(x, wIn, bIn), wOut, bOut)), g1, n1);
    return layerNorm(attended.ref.add(linear(nn.relu(linear(attended, w1, b1)), w2, b2)), g2, n2);
  },
  lstm: ([wIn, wState, bIn, bState], x) => {
    const { hidden, length } = LSTM;
    const batch = x.shape[1];
    let h = np.zeros([batch, hidden]);
    let c = np.zeros([batch, hidden]);
    const outputs: JaxArray[] = [];
    for (const [t, step] of np.split(linear(x, wIn, bIn), length, 0).entries()) {
      const gates = step
        .reshape([batch, 4 * hidden])
        .add(linear(h, t < length - 1 ? wState.ref : wState, t < length - 1 ? bState.ref : bState));
      const [i, f, g, o] = np.split(gates, 4, 1);
      c = nn
        .sigmoid(f)
        .mul(c)
        .add(nn.sigmoid(i).mul(np.tanh(g)));
      h = nn.sigmoid(o).mul(np.tanh(c.ref));
      outputs.push(h.ref);
    }
    h.dispose();
    c.dispose();
    return np.stack(outputs);
  },
};

/** The loss of a network; classes come one-hot. */
function lossOf(name: NetworkName): (params: JaxArray[], x: JaxArray, y: JaxArray) => JaxArray {
  const forward = FORWARD[name];
  if (name === "two-layer") return (params, x, y) => np.sum(np.square(forward(params, x).sub(y)));
  if (name === "transformer" || name === "lstm") return (params, x, y) => np.mean(np.square(forward(params, x).sub(y)));
  return (params, x, y) => np.mean(np.sum(nn.logSoftmax(forward(params, x), -1).mul(y), -1)).mul(-1);
}

const target = (y: ArrayData): JaxArray => (y.data instanceof Int32Array ? nn.oneHot(np.array(y.data), 10) : array(y));

const BETA1 = 0.9;
const BETA2 = 0.999;

/** New parameters and moments of Adam; `scale1` and `scale2` undo the bias of the first steps. */
function adam(p: JaxArray[], m: JaxArray[], v: JaxArray[], g: JaxArray[], scales: [JaxArray, JaxArray], lr: number): JaxArray[][] {
  const [scale1, scale2] = scales;
  const moments = p.map((_, i) => m[i].mul(BETA1).add(g[i].ref.mul(1 - BETA1)));
  const squares = p.map((_, i) => v[i].mul(BETA2).add(np.square(g[i]).mul(1 - BETA2)));
  const moved = p.map((a, i) => {
    const rate = np.sqrt(squares[i].ref.mul(scale2.ref)).add(1e-8);
    return a.sub(moments[i].ref.mul(scale1.ref).mul(lr).div(rate));
  });
  scale1.dispose();
  scale2.dispose();
  return [moved, moments, squares];
}

function trainAdam({ network, lr }: TrainWork, arrays: Arrays): Task {
  const withGradient = valueAndGrad(lossOf(network));
  const compiled = jit(((p: JaxArray[], m: JaxArray[], v: JaxArray[], s1: JaxArray, s2: JaxArray, x: JaxArray, y: JaxArray) => {
    const [value, g] = withGradient(refs(p), x, y) as [JaxArray, JaxArray[]];
    return [...adam(p, m, v, g, [s1, s2], lr), value];
  }) as never) as unknown as Jitted;
  let p = parametersOf(arrays).map(array);
  let m = p.map((a) => np.zeros(a.shape));
  let v = p.map((a) => np.zeros(a.shape));
  const [x, y] = [array(arrays.x), target(arrays.y)];
  let t = 0;
  const step = async (): Promise<number> => {
    t++;
    let loss: JaxArray;
    const scales = [BETA1, BETA2].map((beta) => np.array(1 / (1 - beta ** t)));
    [p, m, v, loss] = compiled(p, m, v, ...scales, x.ref, y.ref) as [JaxArray[], JaxArray[], JaxArray[], JaxArray];
    return (await loss.data())[0];
  };
  return { step, check: () => firstLosses(step) };
}

function trainSgd({ network, lr }: TrainWork, arrays: Arrays): Task {
  const withGradient = valueAndGrad(lossOf(network));
  const compiled = jit(((p: JaxArray[], x: JaxArray, y: JaxArray) => {
    const [value, g] = withGradient(refs(p), x, y) as [JaxArray, JaxArray[]];
    return [p.map((a, i) => a.sub(g[i].mul(lr))), value];
  }) as never) as unknown as Jitted;
  let p = parametersOf(arrays).map(array);
  const [x, y] = [array(arrays.x), target(arrays.y)];
  const step = async (): Promise<number> => {
    let loss: JaxArray;
    [p, loss] = compiled(p, x.ref, y.ref) as [JaxArray[], JaxArray];
    return (await loss.data())[0];
  };
  return { step, check: () => firstLosses(step) };
}

/** Forward and backward without an optimizer. */
function gradients({ network }: TrainWork, arrays: Arrays): Task {
  const compiled = jit(valueAndGrad(lossOf(network)) as never) as unknown as Jitted;
  const params = parametersOf(arrays).map(array);
  const [x, y] = [array(arrays.x), target(arrays.y)];
  const run = (): [JaxArray, JaxArray[]] => compiled(refs(params), x.ref, y.ref) as [JaxArray, JaxArray[]];
  return {
    step: async () => {
      const [loss, g] = run();
      for (const gradient of g) await gradient.blockUntilReady();
      for (const gradient of g) gradient.dispose();
      return (await loss.data())[0];
    },
    check: async () => {
      const [loss, g] = run();
      const digests: number[] = [(await loss.data())[0]];
      for (const gradient of g) digests.push(...(await outputDigest(gradient)));
      return digests;
    },
  };
}

function train(work: TrainWork, arrays: Arrays): Task {
  if (work.optimizer === "none") return gradients(work, arrays);
  return work.optimizer === "adam" ? trainAdam(work, arrays) : trainSgd(work, arrays);
}

/** Computes something again and again under `jit`. */
function compute(fn: (...inputs: JaxArray[]) => JaxArray, inputs: readonly JaxArray[]): Task {
  const compiled = jit(fn as never) as unknown as (...inputs: JaxArray[]) => JaxArray;
  return {
    step: async () => {
      const result = await compiled(...inputs.map((x) => x.ref)).blockUntilReady();
      result.dispose();
    },
    check: () => outputDigest(compiled(...inputs.map((x) => x.ref))),
  };
}

function matmul({ layout }: MatmulWork, { a, b }: Arrays): Task {
  const product = (x: JaxArray, y: JaxArray): JaxArray =>
    np.matmul(layout === "tn" ? x.transpose() : x, layout === "nt" ? y.transpose() : y);
  return compute(product, [array(a), array(b)]);
}

function chain({ sum }: ChainWork, { a, b, c }: Arrays): Task {
  return compute((x, y, z) => {
    const result = nn.relu(x.mul(y).add(z));
    return sum ? np.sum(result) : result;
  }, [a, b, c].map(array));
}

function infer({ network }: InferWork, arrays: Arrays): Task {
  const compiled = jit(FORWARD[network] as never) as unknown as Jitted;
  const params = parametersOf(arrays).map(array);
  const x = array(arrays.x);
  const step = (): Promise<unknown> => (compiled(refs(params), x.ref) as JaxArray).data();
  return { step, check: async () => digest((await step()) as Float32Array) };
}

function dispatch({ grad }: DispatchWork, { a, b }: Arrays): Task {
  const [x, y] = [array(a), array(b)];
  if (grad === "on") throw new Unsupported("records no gradients outside of grad()");
  if (grad === "off") {
    const step = async (): Promise<void> => {
      for (let i = 0; i < OPERATIONS; i++) {
        const sum = await x.ref.add(y.ref).blockUntilReady();
        sum.dispose();
      }
    };
    return { step, check: () => outputDigest(x.ref.add(y.ref)) };
  }
  const withGradient = valueAndGrad((w: JaxArray, start: JaxArray) => {
    let sum = start;
    for (let i = 0; i < OPERATIONS; i++) sum = sum.add(i < OPERATIONS - 1 ? w.ref : w);
    return np.sum(sum);
  });
  const run = async (): Promise<number[]> => {
    const [value, gradient] = withGradient(y.ref, x.ref) as [JaxArray, JaxArray];
    return [...(await outputDigest(value)), ...(await outputDigest(gradient))];
  };
  return { step: run, check: run };
}

const KINDS: Kinds = { matmul, chain, train, infer, dispatch, host: "has no device that computes nothing" };

/** Starts a device: `cpu` is WebAssembly. */
export async function start({ device }: Setting): Promise<Runner> {
  const name = (device === "cpu" ? "wasm" : device) as Device;
  await init(name);
  defaultDevice(name);
  return { versions: {}, prepare: async (work) => byKind(work, KINDS) };
}
