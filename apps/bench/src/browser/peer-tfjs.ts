/** The same networks in TensorFlow.js: convolutions take channels last, so weights and images are turned round. */
import "@tensorflow/tfjs-backend-webgl";
import "@tensorflow/tfjs-backend-webgpu";
import "@tensorflow/tfjs-core/dist/register_all_gradients.js";
import * as tf from "@tensorflow/tfjs-core";
import type { Network, Start } from "../networks.js";
import type { GpuDevice, ProductStart } from "./suites.js";

async function begin(device: GpuDevice): Promise<void> {
  await tf.setBackend(device);
  await tf.ready();
}

type Forward = (params: tf.Variable[], x: tf.Tensor) => tf.Tensor;

const linear = (x: tf.Tensor, weight: tf.Variable, bias: tf.Variable): tf.Tensor =>
  tf.add(tf.matMul(x as tf.Tensor2D, weight as unknown as tf.Tensor2D), bias);
const conv = (x: tf.Tensor, weight: tf.Variable, bias: tf.Variable): tf.Tensor =>
  tf.add(tf.conv2d(x as tf.Tensor4D, weight as unknown as tf.Tensor4D, 1, "valid"), bias);

const FORWARD: { readonly [N in Network]: Forward } = {
  mlp: ([w1, b1, w2, b2, w3, b3], x) => linear(tf.relu(linear(tf.relu(linear(tf.reshape(x, [-1, 784]), w1, b1)), w2, b2)), w3, b3),
  cnn: ([w1, b1, w2, b2, w3, b3, w4, b4], x) => {
    const features = tf.maxPool(tf.relu(conv(tf.relu(conv(x, w1, b1)), w2, b2)) as tf.Tensor4D, 2, 2, "valid");
    return linear(tf.relu(linear(tf.reshape(features, [x.shape[0], 9216]), w3, b3)), w4, b4);
  },
};

/** PyTorch's weight in the layout of TensorFlow.js. The first linear layer behind a convolution meets its inputs channels last. */
function variable({ data, shape }: Start["params"][number], network: Network): tf.Variable {
  const value = tf.tensor(data.slice(), [...shape]);
  if (shape.length === 4) return tf.variable(tf.transpose(value, [2, 3, 1, 0]));
  if (shape.length < 2) return tf.variable(value);
  if (network === "cnn" && shape[1] === 9216) {
    const turned = tf.transpose(tf.reshape(value, [shape[0], 64, 12, 12]), [2, 3, 1, 0]);
    return tf.variable(tf.reshape(turned, [9216, shape[0]]));
  }
  return tf.variable(tf.transpose(value));
}

/** Steps of Adam; each returns the loss. */
export async function tfjsSteps(network: Network, start: Start, device: GpuDevice): Promise<() => Promise<number>> {
  await begin(device);
  const params = start.params.map((param) => variable(param, network));
  const x = tf.transpose(tf.tensor(start.images.slice(), [start.batch, 1, 28, 28]), [0, 2, 3, 1]);
  const y = tf.oneHot(tf.tensor1d(start.targets.slice(), "int32"), 10);
  const optimizer = tf.train.adam(1e-3, 0.9, 0.999, 1e-8);
  return async () => {
    const loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(y, FORWARD[network](params, x)) as tf.Scalar, true, params);
    const [value] = await (loss as tf.Scalar).data();
    tf.dispose(loss as tf.Scalar);
    return value;
  };
}

/** Products; each returns the last element. */
export async function tfjsProduct({ size, a, b }: ProductStart, device: GpuDevice): Promise<() => Promise<number>> {
  await begin(device);
  const [x, y] = [a, b].map((data) => tf.tensor2d(data.slice(), [size, size]));
  return async () => {
    const product = tf.matMul(x, y);
    const data = await product.data();
    product.dispose();
    return data[size * size - 1];
  };
}
