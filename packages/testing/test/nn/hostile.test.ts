import "@sconce/backend-cpu";
import "@sconce/autograd";
import { ones, tensor, zeros } from "@sconce/core";
import { functional as F } from "@sconce/nn";
import { describe, expect, it } from "vitest";

describe("targets of int64", () => {
  it("beyond int32 are out of bounds, not another class", () => {
    for (const bad of [2n ** 32n, 2n ** 32n + 1n, -(2n ** 32n)]) {
      expect(() => F.crossEntropy(ones(1, 3), tensor([bad]))).toThrow(`Target ${bad} is out of bounds`);
      expect(() => F.nllLoss(ones(1, 3), tensor([bad]), { weight: ones(3) })).toThrow(/out of bounds/);
      expect(() => F.multiMarginLoss(ones(1, 3), tensor([bad]))).toThrow(/out of bounds/);
      expect(() => F.embedding(tensor([bad]), zeros(3, 2))).toThrow(/out of bounds/);
    }
  });

  it("give what int32 and uint8 give, ignored ones too", () => {
    const x = tensor([
      [1, 2, 3],
      [3, 1, 0],
    ]);
    const wide = F.crossEntropy(x, tensor([2n, -100n])).itemSync();
    expect(wide).toBe(F.crossEntropy(x, tensor([2, -100]).int()).itemSync());
    expect(F.crossEntropy(x, tensor([2n, 1n])).itemSync()).toBe(F.crossEntropy(x, tensor([2, 1], { dtype: "uint8" })).itemSync());
    expect(F.crossEntropy(x, tensor([2n, 1n]), { weight: tensor([1, 2, 3]) }).itemSync()).toBeCloseTo(
      F.crossEntropy(x, tensor([2, 1]).int(), { weight: tensor([1, 2, 3]) }).itemSync(),
      6,
    );
  });
});

describe("attention", () => {
  it("to no keys is 0, with no gradient for the queries", () => {
    const q = ones(1, 2, 4).requiresGrad_(true);
    for (const isCausal of [false, true]) {
      const out = F.scaledDotProductAttention(q, zeros(1, 0, 4), zeros(1, 0, 3), { isCausal });
      expect(out.tolistSync()).toEqual(zeros(1, 2, 3).tolistSync());
      out.sum().backward();
    }
    expect(q.grad?.tolistSync()).toEqual(zeros(1, 2, 4).tolistSync());
  });
});
