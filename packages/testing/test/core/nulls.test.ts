import "@sconce/backend-cpu";
import "@sconce/autograd";
import * as core from "@sconce/core";
import { ones, type Tensor, tensor, zeros } from "@sconce/core";
import { gradient } from "@sconce/core/math";
import * as data from "@sconce/data";
import * as distributions from "@sconce/distributions";
import * as nn from "@sconce/nn";
import { describe, expect, it } from "vitest";

const F = nn.functional;
const x = tensor([
  [3, 1, 2],
  [2, Number.NaN, 5],
]);
const whole = tensor([
  [3, 1, 3],
  [2, 4, 5],
]);
const odds = tensor([0.25, 0.75]);
const image = ones(1, 1, 4, 4);
const set = new data.TensorDataset(zeros(4, 2));
const drawn = (draw: () => Tensor): unknown => {
  core.manualSeed(3);
  return draw().tolistSync();
};
async function shapes(loader: AsyncIterable<readonly Tensor[]>): Promise<unknown> {
  const found: unknown[] = [];
  for await (const [batch] of loader) found.push(batch.shape);
  return found;
}

/** Calls with null where PyTorch takes None, and the calls that mean the same. */
const CASES: readonly (readonly [string, () => unknown, () => unknown])[] = [
  ["argmax(null)", () => whole.argmax(null).itemSync(), () => 5],
  ["argmin without a dim", () => whole.argmin({ dim: null } as never).itemSync(), () => 1],
  ["aminmax", () => whole.aminmax({ dim: null } as never).max.itemSync(), () => 5],
  ["norm(null)", () => whole.norm(null).itemSync(), () => 8],
  ["sum with a dtype", () => whole.sum({ dim: null, dtype: null }).itemSync(), () => 18],
  ["mean with a dtype", () => whole.mean({ dtype: null }).itemSync(), () => 3],
  ["nansum", () => x.nansum(1, { dtype: null }).tolistSync(), () => [6, 7]],
  ["std with a correction", () => whole.std({ correction: null }).itemSync(), () => whole.std().itemSync()],
  ["softmax", () => whole.softmax(1, { dtype: null }).tolistSync(), () => whole.softmax(1).tolistSync()],
  [
    "cumsum",
    () => whole.cumsum(1, { dtype: null }).tolistSync(),
    () => [
      [3, 4, 7],
      [2, 6, 11],
    ],
  ],
  ["roll", () => whole.roll(1, null).tolistSync(), () => whole.roll(1).tolistSync()],
  ["unique", () => whole.unique({ dim: null }).tolistSync(), () => [1, 2, 3, 4, 5]],
  ["uniqueConsecutive", () => whole.uniqueConsecutive({ dim: null }).tolistSync(), () => [3, 1, 3, 2, 4, 5]],
  ["repeatInterleave", () => odds.repeatInterleave(2, null).tolistSync(), () => [0.25, 0.25, 0.75, 0.75]],
  ["repeatInterleave of a matrix", () => whole.repeatInterleave(2, { dim: null } as never).shape, () => [12]],
  ["takeAlongDim", () => odds.takeAlongDim(tensor([1, 0]).int(), null).tolistSync(), () => [0.75, 0.25]],
  [
    "cross",
    () => whole.cross(whole, null).tolistSync(),
    () => [
      [0, 0, 0],
      [0, 0, 0],
    ],
  ],
  ["quantile", () => core.quantile(whole, 0.5, { dim: null }).itemSync(), () => 3],
  ["nanToNum", () => x.nanToNum({ nan: null, posinf: null, neginf: null }).at(1).tolistSync(), () => [2, 0, 5]],
  ["softmax with a dtype", () => F.softmax(odds, 0, { dtype: null }).dtype, () => "float32"],
  ["logit", () => tensor([1.5, 0.5]).logit({ eps: null }).tolistSync(), () => [Number.NaN, 0]],
  ["bincount", () => tensor([1, 2]).int().bincount({ weights: null }).tolistSync(), () => [0, 1, 1]],
  ["cov", () => whole.cov({ fweights: null, aweights: null }).tolistSync(), () => whole.cov().tolistSync()],
  ["diff", () => odds.diff({ prepend: null, append: null }).tolistSync(), () => [0.5]],
  ["gradient", () => gradient(whole, { dim: null }).length, () => 2],
  ["histogram", () => core.histogram(whole, 2, { range: null, weight: null }).hist.tolistSync(), () => [2, 4]],
  ["zeros", () => core.zeros([2], { dtype: null, device: null }).tolistSync(), () => [0, 0]],
  ["tensor", () => tensor([1n], { dtype: null, device: null }).dtype, () => "int64"],
  ["zerosLike", () => core.zerosLike(whole.int(), { dtype: null, device: null }).dtype, () => "int32"],
  ["fromTypedArray", () => core.fromTypedArray(Int32Array.of(1), { dtype: null, device: null }).dtype, () => "int32"],
  ["rand", () => drawn(() => core.rand([2], { generator: null, dtype: null, device: null })), () => drawn(() => core.rand(2))],
  ["randperm", () => drawn(() => core.randperm(5, { generator: null, dtype: null })), () => drawn(() => core.randperm(5))],
  ["bernoulli", () => drawn(() => core.bernoulli(odds, { generator: null })), () => drawn(() => core.bernoulli(odds))],
  ["multinomial", () => drawn(() => core.multinomial(odds, 1, { generator: null })), () => drawn(() => core.multinomial(odds, 1))],
  ["normal_", () => drawn(() => zeros(3).normal_(0, 1, { generator: null })), () => drawn(() => zeros(3).normal_())],
  ["adaptiveAvgPool2d", () => F.adaptiveAvgPool2d(image, null).shape, () => [1, 1, 4, 4]],
  ["AdaptiveMaxPool1d", () => new nn.AdaptiveMaxPool1d(null)(image.squeeze(0)).shape, () => [1, 4, 4]],
  ["ConvTranspose2d", () => new nn.ConvTranspose2d(1, 1, 2)(image, null).shape, () => [1, 1, 5, 5]],
  ["interpolate", () => F.interpolate(image, { size: 2, scaleFactor: null, alignCorners: null }).shape, () => [1, 1, 2, 2]],
  ["FractionalMaxPool2d", () => new nn.FractionalMaxPool2d(2, { outputSize: null, outputRatio: 0.5 })(image).shape, () => [1, 1, 2, 2]],
  ["ModuleList and its kin", () => [new nn.ModuleList(null).length, new nn.ParameterList(null).length], () => [0, 0]],
  ["ModuleDict and its kin", () => [new nn.ModuleDict(null).size, new nn.ParameterDict(null).size], () => [0, 0]],
  ["randomSplit", () => data.randomSplit(set, [1, 3], { generator: null }).map((part) => part.length), () => [1, 3]],
  ["RandomSampler", () => new data.RandomSampler(set, { numSamples: null, generator: null }).length, () => 4],
  ["Bernoulli", () => new distributions.Bernoulli({ probs: null, logits: zeros(1) }).probs.itemSync(), () => 0.5],
  ["Categorical", () => new distributions.Categorical({ probs: odds, logits: null }).probs.tolistSync(), () => [0.25, 0.75]],
];

describe("null stands for what PyTorch calls None", () => {
  it.each(CASES)("in %s", (_, call, meant) => {
    expect(call()).toEqual(meant());
  });

  it("in backward", () => {
    const w = tensor([1, 2], { requiresGrad: true });
    w.sum().backward(null, { inputs: null });
    w.sum().backward({ gradient: null, inputs: null });
    expect(w.grad?.tolistSync()).toEqual([2, 2]);
  });

  it("in the options of a DataLoader, of which batchSize has a meaning of its own", async () => {
    const none = { shuffle: null, sampler: null, batchSampler: null, collate: null, generator: null, device: null, worker: null };
    expect(await shapes(new data.DataLoader(set, { ...none, batchSize: 3 }))).toEqual([
      [3, 2],
      [1, 2],
    ]);
    expect(await shapes(new data.DataLoader(set, { ...none, batchSize: null }))).toEqual(Array(4).fill([2]));
  });
});
