import { arange, nn, randn, type Tensor, tensor } from "sconce";
import { describe, expect, it } from "vitest";
import { expectTensor, type GoldenTensor, type OpCase, readCases } from "../../src/index.js";
import { load } from "../seeds/trajectory.js";

const F = nn.functional;
const close = (numbers: readonly number[]): unknown => numbers.map((x) => expect.closeTo(x, 5));
const flat = (x: Tensor): number[] => Array.from(x.dataSync(), Number);
const ids = (data: number[] | number[][]): Tensor => tensor(data, { dtype: "int32" });
const table = (): Tensor => arange(12).float().reshape([6, 2]).div(3);

describe("embeddingBag", () => {
  it.each<[nn.EmbeddingBagOptions["mode"], readonly number[]]>([
    ["sum", [2, 2.6666667, 0, 0, 8.666667, 9.666667, 0, 0]],
    ["mean", [1, 1.3333333, 0, 0, 2.888889, 3.2222223, 0, 0]],
    ["max", [1.3333334, 1.6666666, 0, 0, 3.3333333, 3.6666667, 0, 0]],
  ])("gives zeros for empty bags in mode %s", (mode, expected) => {
    const bags = F.embeddingBag(ids([1, 2, 4, 5, 4]), table(), { offsets: ids([0, 2, 2, 5]), mode });
    expect(flat(bags)).toEqual(close(expected));
  });

  it("leaves padding out", () => {
    const options = { mode: "max", paddingIdx: 1 } as const;
    expect(flat(F.embeddingBag(ids([[1, 1], [1, 3]]), table(), options))).toEqual(close([0, 0, 2, 2.3333333])); // biome-ignore format: one bag a row
  });

  it("divides gradients by how often a row is used", () => {
    const weight = table().requiresGrad_();
    F.embeddingBag(ids([[1, 1, 2]]), weight, { mode: "sum", scaleGradByFreq: true })
      .sum()
      .backward();
    expect(flat(weight.grad!)).toEqual([0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
  });

  it("says what does not fit", () => {
    expect(() => F.embeddingBag(ids([1, 2]), table())).toThrow(/offsets has to be a 1D Tensor/);
    expect(() => F.embeddingBag(ids([[1, 2]]), table(), { offsets: ids([0]) })).toThrow(/if input is 2D, then offsets has to be/);
    expect(() => F.embeddingBag(ids([[1, 2]]), table(), { perSampleWeights: tensor([[1, 2]]) })).toThrow(/mode='sum'/);
    expect(() => new nn.EmbeddingBag(4, 2, { paddingIdx: 4 })).toThrow(/padding_idx must be within num_embeddings/);
  });

  it("is a layer that may hold a given table", () => {
    const layer = nn.EmbeddingBag.fromPretrained(table(), { mode: "sum" });
    expect(String(layer)).toBe("EmbeddingBag(6, 2, mode=sum)");
    expect(layer.weight.requiresGrad).toBe(false);
    expect(flat(layer(ids([[0, 1]])))).toEqual(close([2 / 3, 4 / 3]));
  });
});

/** Five steps of two sequences over four classes. */
const logits = (): Tensor => arange(40).float().reshape([5, 2, 4]).mul(0.7).sin().logSoftmax(2);

describe("ctcLoss", () => {
  it("takes all targets in one vector", () => {
    const [inputs, lengths] = [
      [5, 4],
      [2, 1],
    ];
    expect(flat(F.ctcLoss(logits(), ids([1, 2, 3]), inputs, lengths, { reduction: "none" }))).toEqual(close([4.535285, 3.3277376]));
    expect(F.ctcLoss(logits(), ids([1, 2, 3]), ids(inputs), ids(lengths)).itemSync()).toBeCloseTo(2.7976899, 5);
    expect(() => F.ctcLoss(logits(), ids([1, 2]), inputs, lengths)).toThrow(/the sum of target_lengths/);
  });

  it("is infinite for a target that does not fit, or 0 without a gradient", () => {
    const x = logits().narrow(0, 0, 2).detach().requiresGrad_();
    const targets = tensor([[1, 1], [2, 0]]); // biome-ignore format: one target a row
    const loss = (options: nn.functional.CtcLossOptions): Tensor =>
      F.ctcLoss(x, targets.int(), [2, 2], [2, 1], { reduction: "none", ...options });
    expect(flat(loss({}))).toEqual([Number.POSITIVE_INFINITY, expect.closeTo(1.8312343, 5)]);
    expect(flat(loss({ zeroInfinity: true }))).toEqual([0, expect.closeTo(1.8312343, 5)]);
    loss({ zeroInfinity: true }).sum().backward();
    const second = [0.0507367, 0.2432465, -0.4233185, 0.129335];
    const third = [0.0476892, 0.2846036, -0.4181173, 0.0858244];
    expect(flat(x.grad!)).toEqual(close([0, 0, 0, 0, ...second, 0, 0, 0, 0, ...third]));
  });

  it("reads an empty target as blanks", () => {
    const targets = ids([[1, 1], [2, 0]]); // biome-ignore format: one target a row
    const losses = F.ctcLoss(logits(), targets, [5, 5], [2, 0], { reduction: "none" });
    expect(flat(losses)).toEqual(close([6.3869987, 5.8692031]));
  });

  it("takes one sequence without batch", () => {
    expect(F.ctcLoss(logits().select(1, 0), ids([1, 2]), 5, 2).itemSync()).toBeCloseTo(2.2676425, 5);
  });

  it("says what does not fit", () => {
    const targets = ids([[1, 2], [3, 1]]); // biome-ignore format: one target a row
    expect(() => F.ctcLoss(logits(), targets, [5, 6], [2, 2])).toThrow(/Expected input_lengths to have value at most 5, but got value 6/);
    expect(() => F.ctcLoss(logits(), targets, [5], [2, 2])).toThrow(/must be of size batch_size/);
    expect(() => F.ctcLoss(logits(), targets, [5, 5], [2, 2], { blank: 4 })).toThrow(/blank must be in label range/);
  });
});

describe("AdaptiveLogSoftmaxWithLoss", () => {
  it("gives each class the logarithm that logProb has for it", () => {
    const criterion = new nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 10], { divValue: 2, headBias: true });
    const x = randn([6, 8]);
    const target = ids([0, 4, 5, 9, 10, 19]);
    const logs = criterion.logProb(x);
    expect(logs.exp().sum(1).tolistSync()).toEqual(close([1, 1, 1, 1, 1, 1]));
    const [output, loss] = criterion(x, target);
    expect(flat(output)).toEqual(close(flat(logs.gather(1, target.unsqueeze(1)))));
    expect(loss.itemSync()).toBeCloseTo(-output.mean().itemSync(), 5);
    expect(criterion.predict(x).tolistSync()).toEqual(logs.argmax(1).tolistSync());
    expect(() => criterion(x, ids([0, 1, 2, 3, 4, 20]))).toThrow(/Target values should be in \[0, 19\]/);
    expect(() => new nn.AdaptiveLogSoftmaxWithLoss(8, 20, [10, 5])).toThrow(/sorted in an increasing order/);
  });
});

describe("scaledDotProductAttention", async () => {
  const cases = (await readCases<OpCase>("ops", "nn_other")).filter((c) => c.op === "nn.functional._scaled_dot_product_attention");
  const exact = cases.filter((c) => c.stochastic === undefined);

  it.each(exact)("has PyTorch's output in $id", async ({ args, kwargs, out, err }) => {
    const [query, key, value] = args.map((x) => load(x as GoldenTensor));
    const output = F.scaledDotProductAttention(query, key, value, { isCausal: kwargs.is_causal as boolean });
    await expectTensor(output, (out as readonly GoldenTensor[])[0], err?.out?.[0] ?? 0, "out");
  });
});
