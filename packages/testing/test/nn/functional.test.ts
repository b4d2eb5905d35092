import "@sconce/autograd";
import "@sconce/backend-cpu";
import { manualSeed, ones, randn, type Tensor, tensor, zeros } from "@sconce/core";
import * as nn from "@sconce/nn";
import { functional as F } from "@sconce/nn";
import { afterEach, describe, expect, it, vi } from "vitest";

afterEach(() => vi.restoreAllMocks());

const int = (data: number[]): Tensor => tensor(data, { dtype: "int32" });

describe("classification losses", () => {
  it("name a target that is no class", () => {
    expect(() => F.crossEntropy(randn([3, 10]), int([1, 10, 2]))).toThrow(
      "crossEntropy: Target 10 is out of bounds; expected classes from 0 to 9",
    );
    expect(() => F.nllLoss(randn([3, 4]), int([-1, 0, 0]))).toThrow("nllLoss: Target -1 is out of bounds");
  });

  it("refuse shapes and dtypes that do not fit, in PyTorch's words", () => {
    expect(() => F.crossEntropy(randn([3, 4]), int([0, 1]))).toThrow(/Expected input batch_size \(3\) to match target batch_size \(2\)/);
    expect(() => F.crossEntropy(randn([3, 4, 2]), int([0, 1, 2]))).toThrow(/Expected target size \[3, 2\], got \[3\]/);
    expect(() => F.crossEntropy(randn([3, 4]), randn([3]))).toThrow(/expected scalar type Long/);
    expect(() =>
      F.crossEntropy(
        randn([2, 2]),
        tensor(
          [
            [1, 0],
            [0, 1],
          ],
          { dtype: "int32" },
        ),
      ),
    ).toThrow(/Expected floating point type/);
    expect(() => F.nllLoss(randn([3, 4]), int([0, 1, 2]), { weight: ones([3]) })).toThrow(
      /weight tensor should be defined either for all 4 classes/,
    );
    expect(() => F.crossEntropy(randn([3, 4]), int([0, 1, 2]), { labelSmoothing: 2 })).toThrow(
      /label_smoothing must be between 0.0 and 1.0. Got: 2/,
    );
    expect(() => F.crossEntropy(randn([3, 4]), int([0, 1, 2]), { reduction: "total" as never })).toThrow(/not a valid value for reduction/);
  });

  it("ignore what ignoreIndex names, in value and gradient", () => {
    const x = randn([3, 4], { requiresGrad: true });
    const loss = F.crossEntropy(x, int([1, -100, 2]));
    expect(loss.itemSync()).toBeCloseTo(F.crossEntropy(x.at([0, 2]), int([1, 2])).itemSync(), 5);
    loss.backward();
    expect(x.grad!.select(0, 1).tolistSync()).toEqual([0, 0, 0, 0]);
    expect(F.crossEntropy(x, int([-100, -100, -100])).itemSync()).toBeNaN();
  });

  it("show PyTorch's nodes", () => {
    const loss = F.crossEntropy(randn([3, 4], { requiresGrad: true }), int([0, 1, 2]));
    expect(loss.gradFn!.name).toBe("NllLossBackward0");
    expect(loss.gradFn!.nextFunctions[0][0]!.name).toBe("LogSoftmaxBackward0");
    expect(F.nllLoss(randn([2, 3, 4, 4], { requiresGrad: true }), zeros([2, 4, 4], { dtype: "int32" })).gradFn!.name).toBe(
      "NllLoss2DBackward0",
    );
  });
});

describe("losses of differences", () => {
  it("warn where shapes only broadcast", () => {
    const warning = vi.spyOn(console, "warn").mockImplementation(() => {});
    F.mseLoss(ones([1, 3]), ones([3]));
    expect(warning.mock.calls[0][0]).toContain(
      "Using a target size (torch.Size([3])) that is different to the input size (torch.Size([1, 3])). " +
        "This will likely lead to incorrect results due to broadcasting. Please ensure they have the same size.",
    );
  });

  it("show PyTorch's nodes", () => {
    const x = randn([3], { requiresGrad: true });
    const names = [F.mseLoss, F.smoothL1Loss, F.huberLoss, F.l1Loss].map((loss) => loss(x, ones([3])).gradFn!.name);
    expect(names).toEqual(["MseLossBackward0", "SmoothL1LossBackward0", "HuberLossBackward0", "MeanBackward0"]);
    expect(F.binaryCrossEntropy(x.sigmoid(), ones([3])).gradFn!.name).toBe("BinaryCrossEntropyBackward0");
  });

  it("refuse other shapes where PyTorch does", () => {
    vi.spyOn(console, "warn").mockImplementation(() => {});
    expect(() => F.binaryCrossEntropy(ones([2]), ones([3]))).toThrow(/Using a target size \(torch\.Size\(\[3\]\)\)/);
    expect(() => F.binaryCrossEntropyWithLogits(ones([2]), ones([3]))).toThrow(
      /Target size \(torch\.Size\(\[3\]\)\) must be the same as input size \(torch\.Size\(\[2\]\)\)/,
    );
    expect(() => F.huberLoss(ones([2]), ones([2]), { delta: 0 })).toThrow(/non-positive values for delta/);
    expect(() => F.smoothL1Loss(ones([2]), ones([3]))).toThrow(/must match the size of tensor b/);
  });
});

describe("dropout", () => {
  it("scales what it keeps, leaves the expectation, and depends on the seed alone", () => {
    const x = ones([100, 100]);
    manualSeed(5);
    const first = F.dropout(x, 0.2);
    manualSeed(5);
    const again = F.dropout(x, { p: 0.2 });
    const other = F.dropout(x, 0.2);
    expect(first.equalSync(again)).toBe(true);
    expect(first.equalSync(other)).toBe(false);
    expect(first.unique().tolistSync()).toEqual([0, 1.25]);
    expect(first.mean().itemSync()).toBeCloseTo(1, 1);
  });

  it("does nothing outside of training, and passes gradients where it kept", () => {
    const x = ones([50], { requiresGrad: true });
    expect(F.dropout(x, 0.5, { training: false })).toBe(x);
    const y = F.dropout(x, 0.5);
    y.sum().backward();
    expect(x.grad!.tolistSync()).toEqual(y.tolistSync());
    expect(F.dropout(x, 1).sum().itemSync()).toBe(0);
  });

  it("of channels drops them whole", () => {
    manualSeed(1);
    const y = F.dropout2d(ones([4, 8, 3, 3])).sum([2, 3]);
    expect(y.unique().tolistSync()).toEqual([0, 18]);
    expect(
      F.dropout1d(ones([8, 5]))
        .sum(1)
        .unique()
        .tolistSync(),
    ).toEqual([0, 10]);
    expect(() => F.dropout3d(ones([2, 2]))).toThrow("dropout3d: expected 4-D or 5-D input, got [2, 2]");
  });

  it("may overwrite its input", () => {
    const x = ones([100]);
    expect(F.dropout(x, 0.5, { inplace: true })).toBe(x);
    expect(x.unique().tolistSync()).toEqual([0, 2]);
  });

  it("for SELU keeps mean and variance", () => {
    manualSeed(2);
    const y = F.alphaDropout(randn([20000]), 0.3);
    expect(y.mean().itemSync()).toBeCloseTo(0, 1);
    expect(y.std().itemSync()).toBeCloseTo(1, 1);
  });
});

describe("normalisation", () => {
  it("in training needs more than one value per channel", () => {
    expect(() => new nn.BatchNorm1d(3)(ones([1, 3]))).toThrow(
      /Expected more than 1 value per channel when training, got input size torch\.Size\(\[1, 3\]\)/,
    );
    expect(new nn.BatchNorm1d(3).eval()(ones([1, 3])).shape).toEqual([1, 3]);
  });

  it("refuses other ranks", () => {
    expect(() => new nn.BatchNorm2d(3)(ones([2, 3]))).toThrow(/expected 4D input \(got 2D input\)/);
    expect(() => new nn.BatchNorm1d(3)(ones([2, 3, 4, 5]))).toThrow(/expected 2D or 3D input \(got 4D input\)/);
  });
});

describe("layers", () => {
  it("refuse settings that make no sense", () => {
    expect(() => new nn.Conv2d(3, 4, 3, { groups: 2 })).toThrow(/in_channels must be divisible by groups/);
    expect(() => new nn.Conv2d(2, 4, 3, { padding: "same", stride: 2 })).toThrow(
      /padding='same' is not supported for strided convolutions/,
    );
    expect(() => new nn.Conv2d(2, 4, [3, 3, 3])).toThrow(/kernelSize must either be a single int, or a tuple of 2 ints, got \[3, 3, 3\]/);
    expect(() => new nn.Linear(2.5, 1)).toThrow(/expected inFeatures to be an integer of at least 0, got 2.5/);
    expect(() => new nn.Embedding(3, 2, { paddingIdx: 3 })).toThrow(/Padding_idx must be within num_embeddings/);
    expect(() => new nn.GroupNorm(3, 4)).toThrow(/num_channels must be divisible by num_groups/);
  });

  it("take dtypes", () => {
    const layer = new nn.Linear(2, 1, { dtype: "float64" });
    expect(layer(ones([3, 2], { dtype: "float64" })).dtype).toBe("float64");
    expect(() => layer(ones([3, 2]))).toThrow(/same dtype, but got: float != double/);
  });

  it("of transposed convolution reach an output size", () => {
    const layer = new nn.ConvTranspose2d(1, 1, 3, { stride: 2, padding: 1 });
    expect(layer(ones([1, 1, 5, 5])).shape).toEqual([1, 1, 9, 9]);
    expect(layer(ones([1, 1, 5, 5]), [10, 9]).shape).toEqual([1, 1, 10, 9]);
    expect(() => layer(ones([1, 1, 5, 5]), 11)).toThrow(/valid sizes of dimension 0 range from 9 to 10/);
  });

  it("of max pooling give positions if asked", () => {
    const x = tensor([[[1, 3, 2, 4]]]);
    const { values, indices } = new nn.MaxPool1d(2, { returnIndices: true })(x);
    expect([values.tolistSync(), indices.tolistSync()]).toEqual([[[[3, 4]]], [[[1, 3]]]]);
    expect(new nn.MaxUnpool1d(2)(values, indices).tolistSync()).toEqual([[[0, 3, 0, 4]]]);
  });

  it("may work in place", () => {
    const x = tensor([-1, 2]);
    expect(new nn.LeakyReLU(0.5, { inplace: true })(x)).toBe(x);
    expect(x.tolistSync()).toEqual([-0.5, 2]);
  });

  it("of embedding shorten the rows they use, and only those", () => {
    const layer = new nn.Embedding(3, 2, { maxNorm: 1 });
    nn.init.constant_(layer.weight, 3);
    layer(int([0, 2]));
    const short = expect.closeTo(Math.SQRT1_2, 4);
    expect(layer.weight.tolistSync()).toEqual([
      [short, short],
      [3, 3],
      [short, short],
    ]);
  });
});
