import { bucketize, quantile, searchsorted } from "@sconce/core";
import "@sconce/backend-cpu";
import "@sconce/autograd";
import { arange, DTypeError, max, ones, ShapeError, type Tensor, tensor, ValueError, var as variance, zeros } from "@sconce/core";
import { describe, expect, it } from "vitest";

const grid = (): Tensor =>
  tensor([
    [1, 5, 2],
    [7, 0, 7],
  ]);

/** The gradient of the sum of `fn(x)`. */
function gradient(x: Tensor, fn: (x: Tensor) => Tensor): unknown {
  const leaf = x.clone().requiresGrad_();
  fn(leaf).sum().backward();
  return leaf.grad?.tolistSync();
}

describe("sum, mean, prod", () => {
  it("take one dimension, several, negative ones, or all", () => {
    const x = ones([2, 3, 4]);
    expect(x.sum().shape).toEqual([]);
    expect(x.sum(1).shape).toEqual([2, 4]);
    expect(x.sum([0, -1]).shape).toEqual([3]);
    expect(x.sum({ dim: [0, 1], keepdim: true }).shape).toEqual([1, 1, 4]);
    expect(x.mean(-1, { keepdim: true }).shape).toEqual([2, 3, 1]);
    expect(x.sum([]).itemSync()).toBe(24);
  });

  it("sum integers and bool as int64, whatever their own width", () => {
    expect(tensor([200, 100]).to("uint8").sum().itemSync()).toBe(300);
    expect(tensor([true, true]).sum().dtype).toBe("int64");
    expect(tensor([3, 4]).int().prod().dtype).toBe("int64");
    expect(tensor([1.6, 1.6]).sum({ dtype: "int32" }).itemSync()).toBe(2);
  });

  it("keep PyTorch's error for the mean of integers", () => {
    expect(() => arange(3).mean()).toThrow(DTypeError);
    expect(() => arange(3).long().mean()).toThrow(
      "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: Long",
    );
    expect(arange(3).mean({ dtype: "float32" }).itemSync()).toBe(1);
  });

  it("refuse dimensions out of range and named twice", () => {
    expect(() => grid().sum(2)).toThrow("Dimension out of range (expected to be in range of [-2, 1], but got 2)");
    expect(() => grid().sum([0, -2])).toThrow("dim 0 appears multiple times in the list of dims");
  });

  it("give the identity for nothing", () => {
    expect(zeros([0]).sum().itemSync()).toBe(0);
    expect(zeros([0]).prod().itemSync()).toBe(1);
    expect(zeros([0]).mean().itemSync()).toBeNaN();
    expect(zeros([2, 0]).sum(1).tolistSync()).toEqual([0, 0]);
  });

  it("show PyTorch's node names", () => {
    const x = ones([2, 2], { requiresGrad: true });
    const names = [x.sum(), x.sum(0), x.mean(), x.mean(0), x.prod(), x.max(), x.max(0).values, x.amax(0), x.std(), x.var(), x.norm()];
    expect(names.map((y) => y.gradFn?.name)).toEqual([
      "SumBackward0",
      "SumBackward1",
      "MeanBackward0",
      "MeanBackward1",
      "ProdBackward0",
      "MaxBackward1",
      "MaxBackward0",
      "AmaxBackward0",
      "StdBackward0",
      "VarBackward0",
      "LinalgVectorNormBackward0",
    ]);
  });
});

describe("max and min", () => {
  it("give values and positions along a dimension, as an object and as a list", () => {
    const { values, indices } = grid().max(1);
    expect(values.tolistSync()).toEqual([5, 7]);
    expect(indices.tolistSync()).toEqual([1, 0]);
    expect(indices.dtype).toBe("int32");
    const [low, at] = grid().min({ dim: 0, keepdim: true });
    expect(low.tolistSync()).toEqual([[1, 0, 2]]);
    expect(at.tolistSync()).toEqual([[0, 1, 0]]);
  });

  it("compare with another tensor", () => {
    expect(max(tensor([1, 5]), tensor([3, 2])).tolistSync()).toEqual([3, 5]);
    expect(
      tensor([1, 5])
        .min(tensor([3]))
        .tolistSync(),
    ).toEqual([1, 3]);
  });

  it("let NaN win", () => {
    const x = tensor([1, Number.NaN, 3]);
    expect(x.max().itemSync()).toBeNaN();
    expect(x.argmin().itemSync()).toBe(1);
  });

  it("share the gradient of the full maximum and of amax equally among equals", () => {
    expect(gradient(grid(), (x) => x.max())).toEqual([
      [0, 0, 0],
      [0.5, 0, 0.5],
    ]);
    expect(gradient(grid(), (x) => x.amax(1))).toEqual([
      [0, 1, 0],
      [0.5, 0, 0.5],
    ]);
  });

  it("send the gradient along a dimension to the first of equals", () => {
    expect(gradient(grid(), (x) => x.max(1).values)).toEqual([
      [0, 1, 0],
      [1, 0, 0],
    ]);
  });

  it("refuse empty tensors", () => {
    expect(() => zeros([0]).max()).toThrow("max(): Expected reduction dim to be specified for input.numel() == 0");
    expect(() => zeros([2, 0]).max(1)).toThrow("max(): Expected reduction dim 1 to have non-zero size");
    expect(() => zeros([2, 0]).amax(1)).toThrow(ShapeError);
    expect(() => zeros([0]).argmax()).toThrow("argmax(): Expected reduction dim");
    expect(zeros([0, 2]).max(1).values.shape).toEqual([0]);
  });

  it("find positions in the flattened tensor", () => {
    expect(grid().argmax().itemSync()).toBe(3);
    expect(grid().argmin({ dim: 1 }).tolistSync()).toEqual([0, 1]);
    expect(grid().argmax({ dim: 0, keepdim: true }).shape).toEqual([1, 3]);
  });
});

describe("any, all, countNonzero", () => {
  it("give bool, and uint8 for uint8", () => {
    expect(grid().any(1).tolistSync()).toEqual([true, true]);
    expect(grid().all().itemSync()).toBe(0);
    expect(tensor([2, 0]).to("uint8").any().dtype).toBe("uint8");
    expect(zeros([0]).all().itemSync()).toBe(1);
    expect(grid().countNonzero(1).tolistSync()).toEqual([3, 2]);
  });
});

describe("var, std, norm", () => {
  it("correct the divisor", () => {
    const x = tensor([1, 2, 3, 4]);
    expect(x.var().itemSync()).toBeCloseTo(5 / 3, 6);
    expect(variance(x, { unbiased: false }).itemSync()).toBe(1.25);
    expect(x.std({ correction: 0 }).itemSync()).toBeCloseTo(Math.sqrt(1.25), 6);
    expect(tensor([1]).var().itemSync()).toBeNaN();
    expect(() => arange(3).std()).toThrow("std and var only support floating point");
  });

  it("have gradient 0 where they are 0", () => {
    expect(gradient(tensor([2, 2]), (x) => x.std())).toEqual([0, 0]);
    expect(gradient(zeros([2]), (x) => x.norm())).toEqual([0, 0]);
    expect(gradient(zeros([2]), (x) => x.norm(3))).toEqual([0, 0]);
    expect(gradient(tensor([0, 1]), (x) => x.norm(0.5))).toEqual([0, 1]);
  });

  it("take orders 0, 1, 2, 3 and infinite ones", () => {
    const x = tensor([3, -4, 0]);
    expect([0, 1, 2, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map((p) => x.norm(p).itemSync())).toEqual([2, 7, 5, 4, 0]);
    expect(x.norm(3).itemSync()).toBeCloseTo(91 ** (1 / 3), 5);
    expect(grid().norm("fro", 1).shape).toEqual([2]);
  });
});

describe("softmax and running reductions", () => {
  it("stay finite for large numbers", () => {
    expect(tensor([1000, 1000]).softmax(0).tolistSync()).toEqual([0.5, 0.5]);
    expect(tensor([1000, 1000]).logsumexp(0).itemSync()).toBeCloseTo(1000 + Math.LN2, 3);
    expect(tensor([-1000, 0, 1000]).logcumsumexp(0).tolistSync()).toEqual([-1000, 0, 1000]);
    expect(tensor([Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]).logsumexp(0).itemSync()).toBe(Number.NEGATIVE_INFINITY);
  });

  it("refuse integers without a dtype", () => {
    expect(() => arange(3).softmax(0)).toThrow(DTypeError);
    expect(arange(1).softmax(0, { dtype: "float64" }).dtype).toBe("float64");
  });

  it("work on a tensor without dimensions", () => {
    expect(tensor(3).softmax(0).itemSync()).toBe(1);
    expect(tensor(3).cumsum(0).shape).toEqual([]);
    expect(tensor(3).max(0).values.shape).toEqual([]);
    expect(tensor(3).sort().indices.itemSync()).toBe(0);
  });

  it("accumulate integers as int64", () => {
    expect(tensor([100, 100, 100]).to("uint8").cumsum(0).tolistSync()).toEqual([100, 200, 300]);
    expect(tensor([2, 3]).int().cumprod(0).dtype).toBe("int64");
  });

  it("give the last of equals for the running maximum", () => {
    const { values, indices } = tensor([1, 3, 3, 2]).cummax(0);
    expect(values.tolistSync()).toEqual([1, 3, 3, 3]);
    expect(indices.tolistSync()).toEqual([0, 1, 2, 2]);
  });
});

describe("order", () => {
  it("sorts stably, both ways, NaN as the largest", () => {
    const x = tensor([2, Number.NaN, 1, 2]);
    expect(x.sort().indices.tolistSync()).toEqual([2, 0, 3, 1]);
    expect(x.sort({ descending: true }).indices.tolistSync()).toEqual([1, 0, 3, 2]);
    expect(x.argsort(0, { descending: true }).tolistSync()).toEqual([1, 0, 3, 2]);
  });

  it("takes the k largest or smallest", () => {
    expect(tensor([1, 4, 2]).topk(2).indices.tolistSync()).toEqual([1, 2]);
    expect(tensor([1, 4, 2]).topk(2, { largest: false }).values.tolistSync()).toEqual([1, 2]);
    expect(gradient(tensor([1, 4, 2]), (x) => x.topk(1).values)).toEqual([0, 1, 0]);
    expect(() => tensor([1]).topk(2)).toThrow("selected index k out of range");
    expect(tensor([1, 4, 2]).kthvalue(2).values.itemSync()).toBe(2);
    expect(() => tensor([1]).kthvalue(0)).toThrow("selected number k out of range");
  });

  it("takes the lower median; NaN wins, or is left out", () => {
    expect(tensor([4, 1, 3, 2]).median().itemSync()).toBe(2);
    expect(tensor([4, Number.NaN, 3]).median().itemSync()).toBeNaN();
    expect(tensor([4, Number.NaN, 3]).nanmedian().itemSync()).toBe(3);
    expect(grid().median(1).values.tolistSync()).toEqual([2, 7]);
    expect(gradient(tensor([2, 2, 1]), (x) => x.median())).toEqual([0.5, 0.5, 0]);
  });

  it("takes the most frequent element and its last position", () => {
    const { values, indices } = tensor([3, 1, 3, 1, 2]).mode();
    expect([values.itemSync(), indices.itemSync()]).toEqual([1, 3]);
  });

  it("takes quantiles", () => {
    const x = tensor([0, 1, 2, 3]);
    expect(quantile(x, [0, 0.5, 1]).tolistSync()).toEqual([0, 1.5, 3]);
    expect(quantile(x, 0.5, { interpolation: "lower" }).itemSync()).toBe(1);
    expect(quantile(x, 0.5, { interpolation: "nearest" }).itemSync()).toBe(2);
    expect(() => quantile(x, 1.5)).toThrow(ValueError);
  });

  it("looks up sorted sequences", () => {
    const edges = tensor([1, 3, 5]);
    expect(searchsorted(edges, tensor([0, 3, 6])).tolistSync()).toEqual([0, 1, 3]);
    expect(searchsorted(edges, tensor([0, 3, 6]), { right: true }).tolistSync()).toEqual([0, 2, 3]);
    expect(bucketize(tensor([[2], [4]]), edges).tolistSync()).toEqual([[1], [2]]);
    expect(() => searchsorted(ones([2, 3]), ones([3, 1]))).toThrow(ShapeError);
  });
});

describe("counting", () => {
  it("finds distinct elements, where they are and how often", () => {
    const x = tensor([2, 1, 2]);
    expect(x.unique().tolistSync()).toEqual([1, 2]);
    const { output, inverse, counts } = x.unique({ returnInverse: true });
    expect([output, inverse, counts].map((t) => t.tolistSync())).toEqual([
      [1, 2],
      [1, 0, 1],
      [1, 2],
    ]);
    expect(tensor([1, 1, 2, 1]).uniqueConsecutive().tolistSync()).toEqual([1, 2, 1]);
    expect(
      tensor([
        [1, 2],
        [0, 5],
        [1, 2],
      ])
        .unique({ dim: 0 })
        .tolistSync(),
    ).toEqual([
      [0, 5],
      [1, 2],
    ]);
  });

  it("lists coordinates", () => {
    expect(grid().gt(4).nonzero().tolistSync()).toEqual([
      [0, 1],
      [1, 0],
      [1, 2],
    ]);
    expect(
      grid()
        .gt(4)
        .nonzero({ asTuple: true })
        .map((t) => t.tolistSync()),
    ).toEqual([
      [0, 1, 1],
      [1, 0, 2],
    ]);
    expect(zeros([2, 2]).nonzero().shape).toEqual([0, 2]);
    expect(tensor(5).nonzero().shape).toEqual([1, 0]);
  });

  it("counts integers and intervals", () => {
    expect(tensor([1, 1, 3]).int().bincount({ minlength: 5 }).tolistSync()).toEqual([0, 2, 0, 1, 0]);
    expect(
      tensor([1, 0])
        .int()
        .bincount({ weights: tensor([0.5, 2]) })
        .tolistSync(),
    ).toEqual([2, 0.5]);
    expect(() => tensor([-1]).int().bincount()).toThrow("bincount only supports 1-d non-negative integral inputs");
    expect(tensor([1, 2, 1]).histc({ bins: 4, min: 0, max: 3 }).tolistSync()).toEqual([0, 2, 1, 0]);
    expect(
      tensor([1, 4])
        .isin(tensor([4, 5]))
        .tolistSync(),
    ).toEqual([false, true]);
  });
});
