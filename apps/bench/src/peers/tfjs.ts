/** TensorFlow.js. Convolutions take channels last and products are fast untransposed only, so weights and images are turned round first. */
import * as tf from "@tensorflow/tfjs-core";
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
  type TrainWork,
} from "../work.js";
import { byKind, firstLosses, type Kinds, type Runner, type Setting, type Task, Unsupported } from "./runner.js";

type Forward = (params: tf.Tensor[], x: tf.Tensor) => tf.Tensor;

const array = ({ data, shape }: ArrayData): tf.Tensor => tf.tensor(data.slice(), [...shape]);
const outputDigest = async (x: tf.Tensor): Promise<number[]> => digest(await x.data<"float32">());

const product = (x: tf.Tensor, y: tf.Tensor): tf.Tensor => tf.matMul(x as tf.Tensor2D, y as tf.Tensor2D);
const linear = (x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor): tf.Tensor => tf.add(product(x, weight), bias);
const conv = (x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor): tf.Tensor =>
  tf.add(tf.conv2d(x as tf.Tensor4D, weight as tf.Tensor4D, 1, "valid"), bias);
const maxPool2 = (x: tf.Tensor): tf.Tensor => tf.maxPool(x as tf.Tensor4D, 2, 2, "valid");

function layerNorm(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  const { mean, variance } = tf.moments(x, -1, true);
  return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5))), weight), bias);
}

/** A linear layer over the last of three dimensions. */
function linear3(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  const [n, t, d] = x.shape;
  return tf.reshape(linear(tf.reshape(x, [n * t, d]), weight, bias), [n, t, weight.shape[1] as number]);
}

function attention(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  const { model, heads, length } = BLOCK;
  const [batch] = x.shape;
  const [q, k, v] = tf
    .split(linear3(x, weight, bias), 3, -1)
    .map((part) => tf.transpose(tf.reshape(part, [batch, length, heads, model / heads]), [0, 2, 1, 3]));
  const scores = tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(model / heads));
  return tf.reshape(tf.transpose(tf.matMul(tf.softmax(scores), v), [0, 2, 1, 3]), [batch, length, model]);
}

const FORWARD: { readonly [N in NetworkName]: Forward } = {
  "two-layer": ([w1, b1, w2, b2], x) => linear(tf.relu(linear(x, w1, b1)), w2, b2),
  mlp: ([w1, b1, w2, b2, w3, b3], x) => linear(tf.relu(linear(tf.relu(linear(tf.reshape(x, [-1, 784]), w1, b1)), w2, b2)), w3, b3),
  cnn: ([w1, b1, w2, b2, w3, b3, w4, b4], x) => {
    const features = maxPool2(tf.relu(conv(tf.relu(conv(x, w1, b1)), w2, b2)));
    return linear(tf.relu(linear(tf.reshape(features, [-1, 9216]), w3, b3)), w4, b4);
  },
  lenet: ([w1, b1, w2, b2, w3, b3, w4, b4, w5, b5], x) => {
    const features = maxPool2(tf.relu(conv(maxPool2(tf.relu(conv(x, w1, b1))), w2, b2)));
    return linear(tf.relu(linear(tf.relu(linear(tf.reshape(features, [-1, 400]), w3, b3)), w4, b4)), w5, b5);
  },
  transformer: ([wIn, bIn, wOut, bOut, w1, b1, w2, b2, g1, n1, g2, n2], x) => {
    const attended = layerNorm(tf.add(x, linear3(attention(x, wIn, bIn), wOut, bOut)), g1, n1);
    return layerNorm(tf.add(attended, linear3(tf.relu(linear3(attended, w1, b1)), w2, b2)), g2, n2);
  },
  lstm: ([wIn, wState, bIn, bState], x) => {
    const { hidden, length } = LSTM;
    const batch = x.shape[1] as number;
    const gates = tf.unstack(linear3(x, wIn, bIn));
    let h: tf.Tensor = tf.zeros([batch, hidden]);
    let c: tf.Tensor = tf.zeros([batch, hidden]);
    const outputs: tf.Tensor[] = [];
    for (let t = 0; t < length; t++) {
      const [i, f, g, o] = tf.split(tf.add(gates[t], linear(h, wState, bState)), 4, 1);
      c = tf.add(tf.mul(tf.sigmoid(f), c), tf.mul(tf.sigmoid(i), tf.tanh(g)));
      h = tf.mul(tf.sigmoid(o), tf.tanh(c));
      outputs.push(h);
    }
    return tf.stack(outputs);
  },
};

const isImage = (network: NetworkName): boolean => network === "cnn" || network === "lenet";

/** PyTorch's weight in the layout of TensorFlow.js. The first linear layer behind a convolution meets its inputs channels last. */
function turned(network: NetworkName, name: string, param: ArrayData): tf.Tensor {
  const value = array(param);
  const { shape } = param;
  if (shape.length === 4) return tf.transpose(value, [2, 3, 1, 0]);
  if (shape.length < 2) return value;
  if (!isImage(network) || name !== "linear1.weight") return tf.transpose(value);
  const [channels, side] = network === "cnn" ? [64, 12] : [16, 5];
  return tf.reshape(tf.transpose(tf.reshape(value, [shape[0], channels, side, side]), [2, 3, 1, 0]), [shape[1], shape[0]]);
}

const parameters = (network: NetworkName, arrays: Arrays): tf.Tensor[] =>
  Object.entries(arrays)
    .filter(([name]) => name.includes("."))
    .map(([name, param]) => turned(network, name, param));

const input = (network: NetworkName, { x }: Arrays): tf.Tensor => (isImage(network) ? tf.transpose(array(x), [0, 2, 3, 1]) : array(x));

function lossOf(network: NetworkName, { y }: Arrays): (output: tf.Tensor) => tf.Scalar {
  if (y.data instanceof Int32Array) {
    const classes = tf.oneHot(tf.tensor1d(y.data.slice(), "int32"), 10);
    return (output) => tf.losses.softmaxCrossEntropy(classes, output) as tf.Scalar;
  }
  const target = array(y);
  const reduce = network === "two-layer" ? tf.sum : tf.mean;
  return (output) => reduce(tf.squaredDifference(output, target)) as tf.Scalar;
}

async function take(loss: tf.Scalar): Promise<number> {
  const [value] = await loss.data();
  loss.dispose();
  return value;
}

/** A gradient in PyTorch's layout, of networks without convolutions. */
const asTorch = (gradient: tf.Tensor): tf.Tensor => (gradient.rank === 2 ? tf.transpose(gradient) : gradient);

function train({ network, optimizer, lr }: TrainWork, arrays: Arrays): Task {
  const params = parameters(network, arrays).map((param) => tf.variable(param));
  const x = input(network, arrays);
  const loss = lossOf(network, arrays);
  const forward = (): tf.Scalar => loss(FORWARD[network](params, x));
  if (optimizer === "none") {
    const run = (): { value: tf.Scalar; grads: tf.NamedTensorMap } => tf.tidy(() => tf.variableGrads(forward, params));
    return {
      step: async () => {
        const { value, grads } = run();
        const result = await take(value);
        tf.dispose(grads);
        return result;
      },
      check: async () => {
        const { value, grads } = run();
        const digests = [await take(value)];
        for (const { name } of params) digests.push(...(await outputDigest(asTorch(grads[name]))));
        tf.dispose(grads);
        return digests;
      },
    };
  }
  const rule = optimizer === "sgd" ? tf.train.sgd(lr) : tf.train.adam(lr, 0.9, 0.999, 1e-8);
  const step = (): Promise<number> => take(rule.minimize(forward, true, params) as tf.Scalar);
  return { step, check: () => firstLosses(step) };
}

/** Computes something again and again; kernels on the CPU have run when the call returns. */
function compute(run: () => tf.Tensor): Task {
  const isCpu = tf.getBackend() === "wasm";
  return {
    step: async () => {
      const result = tf.tidy(run);
      if (!isCpu) await tf.tidy(() => tf.slice(tf.reshape(result, [-1]), 0, 1)).data();
      result.dispose();
    },
    check: () => outputDigest(tf.tidy(run)),
  };
}

function matmul({ layout }: MatmulWork, { a, b }: Arrays): Task {
  const [x, y] = [array(a) as tf.Tensor2D, array(b) as tf.Tensor2D];
  return compute(() => tf.matMul(x, y, layout === "tn", layout === "nt"));
}

function chain({ sum }: ChainWork, { a, b, c }: Arrays): Task {
  const [x, y, z] = [a, b, c].map(array);
  return compute(() => {
    const result = tf.relu(tf.add(tf.mul(x, y), z));
    return sum ? tf.sum(result) : result;
  });
}

function infer({ network }: InferWork, arrays: Arrays): Task {
  const params = parameters(network, arrays);
  const x = input(network, arrays);
  const step = async (): Promise<ArrayLike<number>> => {
    const output = tf.tidy(() => FORWARD[network](params, x));
    const data = await output.data<"float32">();
    output.dispose();
    return data;
  };
  return { step, check: async () => digest(await step()) };
}

function dispatch({ grad }: DispatchWork, { a, b }: Arrays): Task {
  const [x, y] = [array(a), array(b)];
  if (grad === "on") throw new Unsupported("records no gradients outside of grad()");
  if (grad === "off") {
    const step = (): void => {
      for (let i = 0; i < OPERATIONS; i++) tf.add(x, y).dispose();
    };
    return { step, check: () => outputDigest(tf.add(x, y)) };
  }
  const total = (w: tf.Tensor): tf.Tensor => {
    let sum = x;
    for (let i = 0; i < OPERATIONS; i++) sum = tf.add(sum, w);
    return tf.sum(sum);
  };
  const run = async (): Promise<number[]> => {
    const { value, grad: gradient } = tf.tidy(() => tf.valueAndGrad(total)(y));
    const results = [...(await outputDigest(value)), ...(await outputDigest(gradient))];
    tf.dispose([value, gradient]);
    return results;
  };
  return { step: run, check: run };
}

const KINDS: Kinds = { matmul, chain, train, infer, dispatch, host: "has no device that computes nothing" };

/** Starts a backend, which must have been imported: `cpu` is WebAssembly. */
export async function start({ device }: Setting): Promise<Runner> {
  const name = device === "cpu" ? "wasm" : device;
  if (!(await tf.setBackend(name))) throw new Error(`backend ${name} did not start`);
  return { versions: { tfjs: tf.version_core }, prepare: async (work) => byKind(work, KINDS) };
}
