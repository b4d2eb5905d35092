/** The same networks in jax-js: pure functions over lists of arrays, the whole training step under `jit`. */
import { defaultDevice, init, type Array as JaxArray, jit, lax, nn, numpy as np, valueAndGrad } from "@jax-js/jax";
import type { Network, Start } from "./networks.js";

type Forward = (params: JaxArray[], x: JaxArray) => JaxArray;

const linear = (x: JaxArray, weight: JaxArray, bias: JaxArray): JaxArray => np.matmul(x, weight.transpose()).add(bias);
const conv = (x: JaxArray, weight: JaxArray, bias: JaxArray): JaxArray =>
  lax.convGeneralDilated(x, weight, [1, 1], "VALID").add(bias.reshape([1, -1, 1, 1]));

/** Max over windows of 2 x 2. */
function maxPool2(x: JaxArray): JaxArray {
  const [n, c, h, w] = x.shape;
  return np.max(x.reshape([n, c, h / 2, 2, w / 2, 2]), [3, 5]);
}

const FORWARD: { readonly [N in Network]: Forward } = {
  mlp: ([w1, b1, w2, b2, w3, b3], x) => linear(nn.relu(linear(nn.relu(linear(x.reshape([-1, 784]), w1, b1)), w2, b2)), w3, b3),
  cnn: ([w1, b1, w2, b2, w3, b3, w4, b4], x) => {
    const features = maxPool2(nn.relu(conv(nn.relu(conv(x, w1, b1)), w2, b2)));
    return linear(nn.relu(linear(features.reshape([x.shape[0], 9216]), w3, b3)), w4, b4);
  },
};

const BETA1 = 0.9;
const BETA2 = 0.999;
const LR = 1e-3;

function makeStep(forward: Forward): (...args: (JaxArray | JaxArray[])[]) => [JaxArray[], JaxArray[], JaxArray[], JaxArray] {
  const loss = (params: JaxArray[], x: JaxArray, y: JaxArray): JaxArray =>
    np.mean(np.sum(nn.logSoftmax(forward(params, x), -1).mul(y), -1)).mul(-1);
  const withGradient = valueAndGrad(loss);
  const step = (p: JaxArray[], m: JaxArray[], v: JaxArray[], scale1: JaxArray, scale2: JaxArray, x: JaxArray, y: JaxArray): unknown => {
    const [value, g] = withGradient(
      p.map((a) => a.ref),
      x,
      y,
    ) as [JaxArray, JaxArray[]];
    const moments = p.map((_, i) => m[i].mul(BETA1).add(g[i].ref.mul(1 - BETA1)));
    const squares = p.map((_, i) => v[i].mul(BETA2).add(g[i].ref.mul(g[i]).mul(1 - BETA2)));
    const moved = p.map((a, i) =>
      a.sub(
        moments[i].ref
          .mul(scale1.ref)
          .mul(LR)
          .div(np.sqrt(squares[i].ref.mul(scale2.ref)).add(1e-8)),
      ),
    );
    scale1.dispose();
    scale2.dispose();
    return [moved, moments, squares, value];
  };
  return jit(step as never) as never;
}

/** Devices of jax-js. */
export type JaxDevice = "wasm" | "webgpu" | "webgl";

/** A training step of Adam in jax-js, in Node on one thread of WebAssembly. Returns the loss of each step. */
export async function jaxTrainer(
  network: Network,
  { params, images, targets, batch }: Start,
  device: JaxDevice = "wasm",
): Promise<() => Promise<number>> {
  await init(device);
  defaultDevice(device);
  const step = makeStep(FORWARD[network]);
  const array = (data: Float32Array, shape: readonly number[]): JaxArray => np.array(data.slice()).reshape([...shape]);
  let p = params.map(({ data, shape }) => array(data, shape));
  let m = p.map((a) => np.zeros(a.shape));
  let v = p.map((a) => np.zeros(a.shape));
  const x = array(images, [batch, 1, 28, 28]);
  const y = nn.oneHot(np.array(Int32Array.from(targets)), 10);
  let t = 0;
  return async () => {
    t++;
    let loss: JaxArray;
    [p, m, v, loss] = step(p, m, v, np.array(1 / (1 - BETA1 ** t)), np.array(1 / (1 - BETA2 ** t)), x.ref, y.ref);
    return (await loss.data())[0];
  };
}
