import { batchNorm, groupNorm, layerNorm } from "@sconce/core/nn";
import "@sconce/backend-cpu";
import "@sconce/autograd";
import { gradcheck, gradgradcheck } from "@sconce/autograd";
import { createCpuBackend } from "@sconce/backend-cpu";
import { cat, type Device, type KernelName, registerBackend, type Tensor, tensor } from "@sconce/core";
import { functional as F } from "@sconce/nn";
import { describe, expect, it } from "vitest";
import { runLayer } from "../../../nn/src/layers/recurrent-loop.js";

/** Kernels that do the work of several. */
const FUSED: readonly KernelName[] = [
  "softmaxGrad",
  "nll",
  "nllGrad",
  "lstm",
  "lstmGrad",
  "gru",
  "gruGrad",
  "rnn",
  "rnnGrad",
  "attention",
  "attentionGrad",
  "layerNorm",
  "layerNormGrad",
  "channelNorm",
  "channelNormGrad",
];

/** Registers the CPU under another name, without some of its kernels. Returns the names of the kernels that it ran. */
function registerWithout(decomposed: readonly KernelName[], name: string): Set<KernelName> {
  const cpu = createCpuBackend();
  const ran = new Set<KernelName>();
  registerBackend({
    name: name as Device,
    limits: cpu.limits,
    decomposed: new Set(decomposed),
    upload: (data, dtype) => cpu.upload(data, dtype),
    download: (handle, dtype, length) => cpu.download(handle, dtype, length),
    downloadSync: (handle, dtype, length) => cpu.downloadSync!(handle, dtype, length),
    run: (kernel, inputs, outputs, attrs) => {
      ran.add(kernel);
      return cpu.run(kernel, inputs, outputs, attrs);
    },
    free: (handle) => cpu.free(handle),
  });
  return ran;
}
const ranFused = registerWithout([], "fused");
const ranComposed = registerWithout(FUSED, "composed");

/** Numbers between -2 and 2 without order. */
function spread(shape: readonly number[], seed: number, dtype: "float32" | "float64"): Tensor {
  const size = shape.reduce((n, d) => n * d, 1);
  const data = Array.from({ length: size }, (_, i) => 4 * Math.abs((Math.sin(78.233 * (i + 1) + 12.9898 * seed) * 43758.5453) % 1) - 2);
  return tensor(data, { dtype }).reshape([...shape]);
}

interface Case {
  readonly name: string;
  /** Shapes of the inputs that get gradients. */
  readonly shapes: readonly (readonly number[])[];
  readonly run: (move: (x: Tensor) => Tensor, ...inputs: Tensor[]) => Tensor;
}

const classes = (data: number[]): Tensor => tensor(data, { dtype: "int32" });

const tensorLike = (like: Tensor, data: number[]): Tensor => tensor(data, { dtype: like.dtype }).to({ device: like.device });

const CASES: readonly Case[] = [
  ...(["none", "sum", "mean"] as const).flatMap((reduction): Case[] => [
    {
      name: `nllLoss, ${reduction}`,
      shapes: [[4, 3]],
      run: (move, x) => F.nllLoss(x.sin(), move(classes([2, 0, -100, 1])), { reduction }),
    },
    {
      name: `nllLoss of planes, ${reduction}`,
      shapes: [[2, 3, 2, 2]],
      run: (move, x) => F.nllLoss(x.sin(), move(classes([2, 0, 5, 1, 1, 2, 0, 0]).reshape([2, 2, 2])), { reduction, ignoreIndex: 5 }),
    },
  ]),
  { name: "crossEntropy", shapes: [[5, 7]], run: (move, x) => F.crossEntropy(x, move(classes([6, 0, 3, 2, 1]))) },
  { name: "crossEntropy of one", shapes: [[5]], run: (move, x) => F.crossEntropy(x, move(classes([3])).reshape([])) },
  ...[false, true].map(
    (reverse): Case => ({
      name: `LSTM, reversed: ${reverse}`,
      shapes: [[7, 2], [3, 2], [3, 2], [8, 2], [8, 2], [8], [8]],
      run: (_, x, h, c, weightIh, weightHh, biasIh, biasHh) => {
        const weights = { weightIh, weightHh, biasIh, biasHh, weightHr: null };
        const { output, state } = runLayer("LSTM", x, [3, 2, 1, 1], [h, c], weights, reverse);
        return cat([output.flatten(), ...state.map((s) => s.flatten())]);
      },
    }),
  ),
  ...[false, true].map(
    (reverse): Case => ({
      name: `GRU, reversed: ${reverse}`,
      shapes: [[7, 2], [3, 2], [6, 2], [6, 2], [6], [6]],
      run: (_, x, h, weightIh, weightHh, biasIh, biasHh) => {
        const weights = { weightIh, weightHh, biasIh, biasHh, weightHr: null };
        const { output, state } = runLayer("GRU", x, [3, 2, 1, 1], [h], weights, reverse);
        return cat([output.flatten(), ...state.map((s) => s.flatten())]);
      },
    }),
  ),
  {
    name: "GRU without biases, its output alone",
    shapes: [
      [4, 3],
      [2, 2],
      [6, 3],
      [6, 2],
    ],
    run: (_, x, h, weightIh, weightHh) =>
      runLayer("GRU", x, [2, 2], [h], { weightIh, weightHh, biasIh: null, biasHh: null, weightHr: null }, false).output,
  },
  ...(["RNN_TANH", "RNN_RELU"] as const).map(
    (mode): Case => ({
      name: mode,
      shapes: [[7, 2], [3, 2], [2, 2], [2, 2], [2], [2]],
      run: (_, x, h, weightIh, weightHh, biasIh, biasHh) => {
        const weights = { weightIh, weightHh, biasIh, biasHh, weightHr: null };
        const { output, state } = runLayer(mode, x, [3, 2, 1, 1], [h], weights, false);
        return cat([output.flatten(), ...state.map((s) => s.flatten())]);
      },
    }),
  ),
  {
    name: "attention",
    shapes: [
      [2, 4, 3],
      [2, 5, 3],
      [2, 5, 2],
    ],
    run: (_, q, k, v) => F.scaledDotProductAttention(q, k, v),
  },
  {
    name: "causal attention of shared keys",
    shapes: [
      [2, 3, 4],
      [1, 5, 4],
      [5, 2],
    ],
    run: (_, q, k, v) => F.scaledDotProductAttention(q, k, v, { isCausal: true, scale: 0.7 }),
  },
  {
    name: "attention with a mask that is learned",
    shapes: [
      [2, 3, 4],
      [2, 5, 4],
      [2, 5, 2],
      [3, 1],
    ],
    run: (_, q, k, v, mask) => F.scaledDotProductAttention(q, k, v, { attnMask: mask.mul(tensorLike(mask, [0.1, 1, -1, 0.5, 2])) }),
  },
  {
    name: "layerNorm",
    shapes: [[2, 3, 4], [4], [4]],
    run: (_, x, weight, bias) => layerNorm(x, [4], { weight, bias, eps: 0.1 }),
  },
  { name: "layerNorm over two dimensions without weights", shapes: [[3, 2, 4]], run: (_, x) => layerNorm(x, [2, 4]) },
  { name: "layerNorm with a bias alone", shapes: [[3, 4], [4]], run: (_, x, bias) => layerNorm(x, [4], { bias }) },
  {
    name: "batchNorm with its statistics",
    shapes: [[3, 2, 4], [2], [2]],
    run: (_, x, weight, bias) => cat(batchNorm(x, { weight, bias, eps: 0.1 }).map((y) => y.flatten())),
  },
  { name: "batchNorm without weights", shapes: [[4, 3]], run: (_, x) => batchNorm(x, { eps: 0.1 })[0] },
  {
    name: "groupNorm",
    shapes: [[2, 4, 3], [4], [4]],
    run: (_, x, weight, bias) => groupNorm(x, 2, { weight, bias, eps: 0.1 }),
  },
  { name: "groupNorm with a bias alone", shapes: [[2, 4], [4]], run: (_, x, bias) => groupNorm(x, 2, { bias, eps: 0.1 }) },
  { name: "softmax", shapes: [[3, 9]], run: (_, x) => x.softmax(1).mul(x) },
  { name: "logSoftmax along columns", shapes: [[3, 4, 2]], run: (_, x) => x.logSoftmax(1).mul(x) },
];

/** The result and the gradients of one case on a device. */
function valueAndGrads({ shapes, run }: Case, device: Device): number[][] {
  const move = (x: Tensor): Tensor => x.to({ device });
  const inputs = shapes.map((shape, i) => move(spread(shape, i, "float32")).requiresGrad_());
  const out = run(move, ...inputs);
  out
    .mul(move(spread(out.shape, 9, "float32")))
    .sum()
    .backward();
  return [out, ...inputs.map((x) => x.grad as Tensor)].map((x) => [...x.dataSync()].map(Number));
}

describe.each(CASES)("$name", (one) => {
  it("has the derivatives that differences show, in second order too", () => {
    const inputs = one.shapes.map((shape, i) => spread(shape, i, "float64").requiresGrad_());
    const run = (...given: Tensor[]): Tensor => one.run((x) => x, ...given);
    expect(gradcheck(run, inputs)).toBe(true);
    expect(gradgradcheck(run, inputs)).toBe(true);
  });

  it("equals the composition that it stands for", () => {
    ranFused.clear();
    ranComposed.clear();
    const [fused, composed] = [valueAndGrads(one, "fused" as Device), valueAndGrads(one, "composed" as Device)];
    expect([...ranFused].filter((kernel) => !ranComposed.has(kernel))).not.toEqual([]);
    for (const [i, list] of fused.entries()) {
      expect(list.length).toBe(composed[i].length);
      for (const [k, x] of list.entries()) expect(Math.abs(x - composed[i][k])).toBeLessThan(1e-5 * Math.max(1, Math.abs(x)));
    }
  });
});
