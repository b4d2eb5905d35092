import { cdist } from "@sconce/core";
import { batchNorm, conv1d, conv2d, groupNorm, layerNorm, linear } from "@sconce/core/nn";
import "@sconce/backend-cpu";
import { checkpoint, noGrad } from "@sconce/autograd";
import {
  autocast,
  type DType,
  getAutocastDType,
  isAutocastEnabled,
  manualSeed,
  ones,
  randn,
  scope,
  type Tensor,
  tensor,
} from "@sconce/core";
import { Conv2d, ConvTranspose2d, functional as F, Linear, LSTM, MultiheadAttention, ReLU, Sequential } from "@sconce/nn";
import { describe, expect, it } from "vitest";

const half = (...shape: number[]): Tensor => ones(shape).half();

/** The dtype of a result under autocast to float16. */
const under = (fn: () => Tensor): DType => autocast("cpu", { dtype: "float16" }, fn).dtype;

describe("autocast", () => {
  it("computes products and convolutions in the lower dtype", () => {
    const [a, b] = [ones([2, 3]), ones([3, 4])];
    expect(under(() => a.mm(b))).toBe("float16");
    expect(under(() => a.matmul(b))).toBe("float16");
    expect(under(() => a.unsqueeze(0).bmm(b.unsqueeze(0)))).toBe("float16");
    expect(under(() => a.mv(ones([3])))).toBe("float16");
    expect(under(() => ones([4]).addmm(a, b))).toBe("float16");
    expect(under(() => linear(a, ones([5, 3]), ones([5])))).toBe("float16");
    expect(under(() => conv2d(ones([1, 2, 5, 5]), ones([3, 2, 3, 3]), ones([3])))).toBe("float16");
    const transposed = new ConvTranspose2d(2, 3, 3);
    expect(under(() => transposed(ones([1, 2, 5, 5])))).toBe("float16");
    expect(under(() => F.scaledDotProductAttention(ones([1, 2, 3]), ones([1, 2, 3]), ones([1, 2, 3])))).toBe("float16");
  });

  it("takes operands of mixed dtypes that would be refused without it", () => {
    expect(() => half(2, 3).mm(ones([3, 4]))).toThrow("same dtype");
    expect(under(() => half(2, 3).mm(ones([3, 4])))).toBe("float16");
    expect(under(() => conv1d(half(1, 2, 5), ones([3, 2, 3])))).toBe("float16");
  });

  it("leaves float64 alone", () => {
    const x = ones([2, 2], { dtype: "float64" });
    expect(under(() => x.mm(x))).toBe("float64");
  });

  it("computes what needs range or precision in float32", () => {
    const x = half(4, 4);
    const ops: Record<string, () => Tensor> = {
      exp: () => x.exp(),
      log: () => x.log(),
      pow: () => x.pow(3),
      square: () => x.pow(2),
      rsqrt: () => x.rsqrt(),
      softmax: () => x.softmax(1),
      logSoftmax: () => x.logSoftmax(1),
      softplus: () => F.softplus(x),
      sum: () => x.sum(),
      prod: () => x.prod(),
      cumsum: () => x.cumsum(0),
      norm: () => x.norm(),
      layerNorm: () => layerNorm(x, [4], { weight: ones([4]), bias: ones([4]) }),
      groupNorm: () => groupNorm(x, 2, { weight: ones([4]) }),
      mseLoss: () => F.mseLoss(x, x),
      l1Loss: () => F.l1Loss(x, x),
      smoothL1Loss: () => F.smoothL1Loss(x, x),
      huberLoss: () => F.huberLoss(x, x),
      crossEntropy: () => F.crossEntropy(x, tensor([0, 1, 2, 3]).int()),
      nllLoss: () => F.nllLoss(x, tensor([0, 1, 2, 3]).int()),
      binaryCrossEntropyWithLogits: () => F.binaryCrossEntropyWithLogits(x, x),
      klDiv: () => F.klDiv(x, x),
      cosineSimilarity: () => F.cosineSimilarity(x, x),
      cosineEmbeddingLoss: () => F.cosineEmbeddingLoss(x, x, ones([4])),
      hingeEmbeddingLoss: () => F.hingeEmbeddingLoss(x, ones([4, 4])),
      marginRankingLoss: () => F.marginRankingLoss(x, x, x),
      poissonNllLoss: () => F.poissonNllLoss(x, x),
      tripletMarginLoss: () => F.tripletMarginLoss(x, x, x),
      softMarginLoss: () => F.softMarginLoss(x, x),
      multiMarginLoss: () => F.multiMarginLoss(x, tensor([0, 1, 2, 3]).int()),
      normalize: () => F.normalize(x),
      cdist: () => cdist(x, x),
    };
    for (const [name, op] of Object.entries(ops)) expect([name, under(op)]).toEqual([name, "float32"]);
  });

  it("keeps the dtype of other ops, and takes the widest of several", () => {
    const x = half(4, 4);
    for (const op of [() => x.relu(), () => x.add(1), () => x.mul(x), () => x.mean(), () => x.amax(), () => x.tanh(), () => F.gelu(x)]) {
      expect(under(op)).toBe("float16");
    }
    expect(under(() => x.add(ones([4, 4])))).toBe("float32");
    expect(under(() => batchNorm(x, { weight: ones([4]), bias: ones([4]) })[0])).toBe("float16");
  });

  it("nests: a region inside may compute in another dtype, or in float32", () => {
    const a = ones([2, 2]);
    autocast("cpu", () => {
      expect([isAutocastEnabled("cpu"), getAutocastDType("cpu"), a.mm(a).dtype]).toEqual([true, "bfloat16", "bfloat16"]);
      autocast("cpu", { dtype: "float16" }, () => expect(a.mm(a).dtype).toBe("float16"));
      autocast("cpu", { enabled: false }, () => expect([a.mm(a).dtype, isAutocastEnabled("cpu")]).toEqual(["float32", false]));
      expect(a.mm(a).dtype).toBe("bfloat16");
    });
    expect([isAutocastEnabled("cpu"), getAutocastDType("cpu"), a.mm(a).dtype]).toEqual([false, undefined, "float32"]);
    expect(() => a.mm(a.half())).toThrow("same dtype");
  });

  it("ends after an error, and lasts to the end of a block", () => {
    const a = ones([2, 2]);
    expect(() => autocast("cpu", () => a.mm(ones([3, 3])))).toThrow("cannot be multiplied");
    expect(isAutocastEnabled("cpu")).toBe(false);
    {
      using _ = autocast("cpu", { dtype: "float16" });
      expect(a.mm(a).dtype).toBe("float16");
    }
    expect(a.mm(a).dtype).toBe("float32");
  });

  it("refuses async functions, other dtypes, devices that are not there, and an end out of order", () => {
    expect(() => autocast("cpu", async () => 1)).toThrow("autocast");
    expect(() => autocast("cpu", { dtype: "float32" as "float16" })).toThrow("expected float16 or bfloat16, got float32");
    expect(() => autocast("webgpu" as "cpu")).toThrow("not available");
    const first = autocast("cpu");
    const second = autocast("cpu");
    expect(() => first[Symbol.dispose]()).toThrow("reverse order");
    second[Symbol.dispose]();
    first[Symbol.dispose]();
    expect(isAutocastEnabled("cpu")).toBe(false);
  });

  it("refuses a binary cross entropy of probabilities in float16, as PyTorch does", () => {
    expect(() => under(() => F.binaryCrossEntropy(ones([2]), ones([2])))).toThrow("unsafe to autocast");
    expect(autocast("cpu", () => F.binaryCrossEntropy(ones([2]).bfloat16(), ones([2]))).dtype).toBe("float32");
  });
});

describe("gradients under autocast", () => {
  it("reach float32 parameters in float32", () => {
    manualSeed(0);
    const net = new Sequential(new Linear(8, 16), new ReLU(), new Linear(16, 4));
    const x = randn(5, 8);
    const loss = autocast("cpu", { dtype: "float16" }, () => F.crossEntropy(net(x), tensor([0, 1, 2, 3, 0]).int()));
    expect(loss.dtype).toBe("float32");
    loss.backward();
    const lowered = [...net.parameters()].map((p) => p.grad as Tensor);
    net.zeroGrad();
    F.crossEntropy(net(x), tensor([0, 1, 2, 3, 0]).int()).backward();
    [...net.parameters()].forEach((p, i) => {
      expect(lowered[i].dtype).toBe("float32");
      expect(
        lowered[i]
          .sub(p.grad as Tensor)
          .abs()
          .max()
          .itemSync(),
      ).toBeLessThan(2e-3);
    });
  });

  it("add up over the uses of a weight that is converted once", () => {
    const w = tensor([[2]], { requiresGrad: true });
    const x = tensor([[3]]);
    autocast("cpu", () => linear(linear(x, w), w).sum()).backward();
    expect(w.grad?.itemSync()).toBe(12);
  });

  it("are not lost by a conversion that was made without recording, or in a scope that ended", () => {
    const w = tensor([[2]], { requiresGrad: true });
    const x = tensor([[3]]);
    using _ = autocast("cpu");
    noGrad(() => linear(x, w));
    scope(() => linear(x, w).itemSync());
    linear(x, w).sum().backward();
    expect(w.grad?.itemSync()).toBe(3);
  });

  it("flow in a backward pass inside of the region, twice", () => {
    const layer = new Linear(4, 3);
    using _ = autocast("cpu", { dtype: "float16" });
    for (let i = 1; i <= 2; i++)
      layer(ones([2, 4]))
        .square()
        .mean()
        .backward();
    expect(layer.weight.grad?.dtype).toBe("float32");
  });

  it("see a weight that was changed inside of the region", () => {
    const w = tensor([[2]], { requiresGrad: true });
    using _ = autocast("cpu");
    linear(ones([1, 1]), w);
    noGrad(() => w.add_(1));
    expect(linear(ones([1, 1]), w).itemSync()).toBe(3);
  });

  it("are those of a checkpoint, which casts again as it did", () => {
    manualSeed(2);
    const net = new Sequential(new Linear(6, 6), new ReLU(), new Linear(6, 6));
    const x = randn(4, 6);
    const grads = (run: (x: Tensor) => Tensor): unknown => {
      net.zeroGrad();
      autocast("cpu", { dtype: "float16" }, () => run(x).sum()).backward();
      return [...net.parameters()].map((p) => p.grad?.tolistSync());
    };
    expect(grads((y) => checkpoint((z: Tensor) => net(z), [y]))).toEqual(grads((y) => net(y)));
  });

  it("reach every kind of layer", () => {
    manualSeed(1);
    const image = randn(2, 3, 8, 8);
    const sequence = randn(4, 2, 6);
    const attention = new MultiheadAttention(6, 2);
    const lstm = new LSTM(6, 5);
    const conv = new Sequential(new Conv2d(3, 4, 3), new ReLU());
    const nets: readonly (readonly [{ parameters(): Iterable<Tensor> }, () => Tensor])[] = [
      [conv, () => conv(image).mean()],
      [attention, () => attention(sequence, sequence, sequence)[0].mean()],
      [lstm, () => lstm(sequence)[0].mean()],
    ];
    for (const [net, run] of nets) {
      const plain = run();
      const cast = autocast("cpu", run);
      expect(Math.abs(cast.float().sub(plain).itemSync())).toBeLessThan(0.02);
      cast.backward();
      for (const p of net.parameters()) expect(p.grad?.dtype).toBe("float32");
    }
  });
});
