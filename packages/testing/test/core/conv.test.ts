import "@sconce/backend-cpu";
import "@sconce/autograd";
import { arange, DTypeError, embedding, manualSeed, ones, ShapeError, tensor, ValueError, zeros } from "@sconce/core";
import { describe, expect, it } from "vitest";

describe("convolution", () => {
  it("takes numbers, lists, same and valid as padding", () => {
    const x = ones([1, 1, 8, 8]);
    const w = ones([1, 1, 3, 5]);
    expect(x.conv2d(w, null, { stride: 2, padding: [1, 2] }).shape).toEqual([1, 1, 4, 4]);
    expect(x.conv2d(w, null, { padding: "same" }).shape).toEqual([1, 1, 8, 8]);
    expect(x.conv2d(w, null, { padding: "valid" }).shape).toEqual([1, 1, 6, 4]);
    expect(x.conv2d(w, null, { dilation: [3, 1] }).shape).toEqual([1, 1, 2, 4]);
  });

  it("puts the odd zero of same padding at the end", () => {
    const x = tensor([[1, 2, 3]]);
    expect(x.conv1d(ones([1, 1, 2]), null, { padding: "same" }).tolistSync()).toEqual([[3, 5, 3]]);
  });

  it("takes inputs without a batch", () => {
    expect(ones([1, 4, 4]).conv2d(ones([2, 1, 3, 3])).shape).toEqual([2, 2, 2]);
    expect(ones([1, 4]).conv1d(ones([2, 1, 3])).shape).toEqual([2, 2]);
    expect(ones([2, 3, 3]).convTranspose2d(ones([2, 1, 2, 2])).shape).toEqual([1, 4, 4]);
  });

  it("keeps groups apart", () => {
    const x = tensor([
      [
        [1, 2],
        [3, 4],
      ],
    ]);
    expect(x.conv1d(tensor([[[1]], [[10]]]), tensor([0, 1]), { groups: 2 }).tolistSync()).toEqual([
      [
        [1, 2],
        [31, 41],
      ],
    ]);
  });

  it("transposes: spreads each input over a window", () => {
    const x = tensor([[[1, 2]]]);
    expect(x.convTranspose1d(tensor([[[1, 1, 1]]]), tensor([10]), { stride: 2 }).tolistSync()).toEqual([[[11, 11, 13, 12, 12]]]);
    expect(x.convTranspose1d(tensor([[[1, 1, 1]]]), null, { stride: 2, padding: 1, outputPadding: 1 }).tolistSync()).toEqual([
      [[1, 3, 2, 2]],
    ]);
  });

  it("cuts a transposed convolution whose extra size reaches the stride", () => {
    const x = tensor([[[1, 2]]]);
    const out = x.convTranspose1d(tensor([[[1, 1]]]), null, { dilation: 2, outputPadding: 1 });
    expect(out.tolistSync()).toEqual([[[1, 2, 1, 2, 0]]]);
  });

  it("is a Convolution to autograd", () => {
    const w = ones([1, 1, 3, 3], { requiresGrad: true });
    expect(ones([1, 1, 4, 4]).conv2d(w, zeros([1])).gradFn?.name).toBe("ConvolutionBackward0");
    expect(ones([1, 1, 4, 4]).convTranspose2d(w, zeros([1])).gradFn?.name).toBe("ConvolutionBackward0");
  });

  it("keeps PyTorch's errors", () => {
    const w = ones([6, 1, 5, 5]);
    expect(() => ones([1, 3, 32, 32]).conv2d(w)).toThrow(
      "Given groups=1, weight of size [6, 1, 5, 5], expected input[1, 3, 32, 32] to have 1 channels, but got 3 channels instead",
    );
    expect(() => ones([1, 1, 4, 4]).conv2d(w)).toThrow(
      "Calculated padded input size per channel: (4 x 4). Kernel size: (5 x 5). Kernel size can't be greater than actual input size",
    );
    expect(() => ones([1, 1, 8, 8]).conv2d(w, ones([5]))).toThrow("expected bias to be 1-dimensional with 6 elements");
    expect(() => ones([1, 1, 8, 8]).conv2d(w, null, { groups: 4 })).toThrow("Given groups=4");
    expect(() => ones([8, 8]).conv2d(w)).toThrow("Expected 3D (unbatched) or 4D (batched) input to conv2d");
    expect(() => ones([1, 1, 8, 8]).conv2d(w, null, { padding: "same", stride: 2 })).toThrow(
      "padding='same' is not supported for strided convolutions",
    );
    expect(() => ones([1, 1, 8, 8]).conv2d(w, null, { stride: 0 })).toThrow("non-positive stride is not supported");
    expect(() => ones([1, 1, 8, 8]).conv2d(w, null, { padding: -1 })).toThrow("negative padding is not supported");
    expect(() => ones([1, 1, 8, 8]).conv2d(w.double())).toThrow(DTypeError);
    expect(() => ones([1, 2, 8, 8]).convTranspose2d(w)).toThrow("Given transposed=1");
    expect(() => ones([1, 6, 8, 8]).convTranspose2d(w, null, { outputPadding: 1 })).toThrow(
      "output padding must be smaller than either stride or dilation",
    );
  });
});

describe("pooling", () => {
  const x = arange(16).float().reshape([1, 1, 4, 4]);

  it("gives positions within the plane on demand", () => {
    const [out, indices] = x.maxPool2d(2, { returnIndices: true });
    expect(out.tolistSync()).toEqual([
      [
        [
          [5, 7],
          [13, 15],
        ],
      ],
    ]);
    expect(indices.flatten().tolistSync()).toEqual([5, 7, 13, 15]);
    expect(out.maxUnpool2d(indices, 2).flatten().gt(0).sum().itemSync()).toBe(4);
  });

  it("has ceil mode, which starts no window in the right padding", () => {
    expect(ones([1, 1, 5]).maxPool1d(2, { ceilMode: true }).shape).toEqual([1, 1, 3]);
    expect(ones([1, 1, 5]).maxPool1d(2).shape).toEqual([1, 1, 2]);
    expect(ones([1, 1, 1]).maxPool1d(2, { stride: 2, padding: 1, ceilMode: true }).shape).toEqual([1, 1, 1]);
  });

  it("counts padding in means, or not, or divides by a given number", () => {
    const y = ones([1, 1, 2]);
    expect(y.avgPool1d(2, { padding: 1 }).tolistSync()).toEqual([[[0.5, 0.5]]]);
    expect(y.avgPool1d(2, { padding: 1, countIncludePad: false }).tolistSync()).toEqual([[[1, 1]]]);
    expect(x.avgPool2d(2, { divisorOverride: 1 }).flatten().tolistSync()).toEqual([10, 18, 42, 50]);
  });

  it("adapts to sizes that divide and to sizes that do not", () => {
    const y = arange(5).float().reshape([1, 1, 5]);
    expect(y.adaptiveAvgPool1d(2).tolistSync()).toEqual([[[1, 3]]]);
    expect(y.adaptiveMaxPool1d(3, { returnIndices: true }).indices.tolistSync()).toEqual([[[1, 3, 4]]]);
    expect(x.adaptiveAvgPool2d(1).itemSync()).toBe(7.5);
    expect(x.adaptiveAvgPool2d([null, 2]).shape).toEqual([1, 1, 4, 2]);
    expect(x.adaptiveMaxPool2d([2, 3]).shape).toEqual([1, 1, 2, 3]);
  });

  it("is MaxPool2DWithIndices to autograd", () => {
    const y = ones([1, 1, 2, 2], { requiresGrad: true });
    expect(y.maxPool2d(2).gradFn?.name).toBe("MaxPool2DWithIndicesBackward0");
  });

  it("keeps PyTorch's errors", () => {
    expect(() => x.maxPool2d(2, { padding: 2 })).toThrow("pad should be at most half of effective kernel size");
    expect(() => x.maxPool2d(5)).toThrow("Given input size: (1x4x4). Calculated output size: (1x0x0). Output size is too small");
    expect(() => x.maxPool2d([2, 2, 2])).toThrow("kernelSize must either be a single int, or a tuple of 2 ints");
    expect(() => x.avgPool2d(2, { divisorOverride: 0 })).toThrow("divisor must be not zero");
    expect(() => ones([2]).maxPool1d(1)).toThrow(ShapeError);
  });
});

describe("padding and resizing", () => {
  const row = tensor([[[1, 2, 3]]]);

  it.each([
    ["constant", [2, 1], [9, 9, 1, 2, 3, 9]],
    ["reflect", [2, 1], [3, 2, 1, 2, 3, 2]],
    ["replicate", [2, 1], [1, 1, 1, 2, 3, 3]],
    ["circular", [2, 1], [2, 3, 1, 2, 3, 1]],
    ["constant", [-1, 0], [2, 3]],
  ] as const)("%s pads by %j", (mode, pads, expected) => {
    expect(row.pad(pads, { mode, value: 9 }).flatten().tolistSync()).toEqual([...expected]);
  });

  it("refuses padding that a mode cannot fill", () => {
    expect(() => row.pad([3, 0], { mode: "reflect" })).toThrow("Padding size should be less than the corresponding input dimension");
    expect(() => row.pad([4, 0], { mode: "circular" })).toThrow("wrapping around more than once");
    expect(() => row.pad([1])).toThrow("Padding length must be divisible by 2");
    expect(() => row.pad([-2, -2])).toThrow("resulted in a negative output size");
    expect(() => row.pad([1, 1], { mode: "mirror" as never })).toThrow(ValueError);
  });

  it("takes sliding blocks apart and adds them up again", () => {
    const x = arange(18).float().reshape([1, 2, 3, 3]);
    const columns = x.im2col(2);
    expect(columns.shape).toEqual([1, 8, 4]);
    expect(columns.at(0, ":", 0).tolistSync()).toEqual([0, 1, 3, 4, 9, 10, 12, 13]);
    expect(ones([1, 4, 4]).col2im(3, 2).flatten().tolistSync()).toEqual([1, 2, 1, 2, 4, 2, 1, 2, 1]);
    expect(() => x.im2col(4)).toThrow("its components must be at least one");
    expect(() => columns.col2im(4, 2)).toThrow(ShapeError);
  });

  it("resizes", () => {
    expect(row.interpolate({ size: 6 }).flatten().tolistSync()).toEqual([1, 1, 2, 2, 3, 3]);
    expect(row.interpolate({ size: 5, mode: "linear", alignCorners: true }).flatten().tolistSync()).toEqual([1, 1.5, 2, 2.5, 3]);
    expect(row.interpolate({ scaleFactor: 2, mode: "linear" }).flatten().tolistSync()).toEqual([1, 1.25, 1.75, 2.25, 2.75, 3]);
    expect(() => row.interpolate({ mode: "bilinear", size: 2 })).toThrow(ShapeError);
    expect(() => row.interpolate({})).toThrow("either size or scale_factor should be defined");
  });

  it("moves channels to pixels and back", () => {
    const x = arange(16).float().reshape([1, 4, 2, 2]);
    expect(x.pixelShuffle(2).at(0, 0, 0).tolistSync()).toEqual([0, 4, 1, 5]);
    expect(x.pixelShuffle(2).pixelUnshuffle(2).equalSync(x)).toBe(true);
    expect(x.channelShuffle(2).at(0, ":", 0, 0).tolistSync()).toEqual([0, 8, 4, 12]);
  });
});

describe("layers", () => {
  it("linear is Addmm for matrices, View for stacks, Add for vectors and Mm without bias", () => {
    const w = ones([4, 3], { requiresGrad: true });
    const b = ones([4], { requiresGrad: true });
    expect(ones([2, 3]).linear(w, b).gradFn?.name).toBe("AddmmBackward0");
    expect(ones([5, 2, 3]).linear(w, b).gradFn?.name).toBe("ViewBackward0");
    expect(ones([3]).linear(w, b).gradFn?.name).toBe("AddBackward0");
    expect(ones([2, 3]).linear(w).gradFn?.name).toBe("MmBackward0");
    expect(ones([5, 2, 3]).linear(w, b).shape).toEqual([5, 2, 4]);
  });

  it("normalise", () => {
    const x = tensor([
      [1, 3],
      [2, 6],
    ]);
    expect(x.layerNorm([2], { eps: 0 }).tolistSync()).toEqual([
      [-1, 1],
      [-1, 1],
    ]);
    const [out, mean, variance] = x.batchNorm({ eps: 0 });
    expect(out.at(0).tolistSync()).toEqual([-1, -1]);
    expect([mean, variance].map((t) => t.tolistSync())).toEqual([
      [1.5, 4.5],
      [0.25, 2.25],
    ]);
    expect(
      x
        .groupNorm(1, { eps: 0, weight: tensor([1, 2]) })
        .at(0)
        .tolistSync(),
    ).toEqual([-1, 2]);
    expect(() => x.layerNorm([3])).toThrow("expected input with shape [*, 3], but got input of size[2, 2]");
    expect(() => x.groupNorm(3)).toThrow("Expected number of channels in input to be divisible by num_groups");
    expect(() => x.batchNorm({ weight: ones([3]) })).toThrow("should contain 2 elements not 3");
  });

  it("look up rows, the padding row without gradient", () => {
    const w = arange(6).float().reshape([3, 2]).requiresGrad_();
    const out = embedding(tensor([[0, 2]]).int(), w, { paddingIdx: 2 });
    expect(out.tolistSync()).toEqual([
      [
        [0, 1],
        [4, 5],
      ],
    ]);
    out.sum().backward();
    expect(w.grad?.tolistSync()).toEqual([
      [1, 1],
      [0, 0],
      [0, 0],
    ]);
    expect(() => embedding(tensor([1.5]), w)).toThrow(DTypeError);
  });

  it("drop elements reproducibly, scale the rest and leave the generator alone", () => {
    const x = ones([1000]);
    manualSeed(1);
    const first = x.dropout({ p: 0.25 });
    const host = manualSeed(1).random();
    const again = x.dropout({ p: 0.25 });
    expect(first.equalSync(again)).toBe(true);
    expect(x.dropout({ p: 0.25 }).equalSync(again)).toBe(false);
    expect(first.unique().tolistSync()).toEqual([0, Math.fround(1 / 0.75)]);
    expect(Math.abs(first.eq(0).sum().itemSync() - 250)).toBeLessThan(60);
    expect(manualSeed(1).random()).toBe(host);
    expect(x.dropout({ training: false })).toBe(x);
    expect(x.dropout({ p: 1 }).max().itemSync()).toBe(0);
    expect(() => x.dropout({ p: 1.5 })).toThrow("dropout probability has to be between 0 and 1, but got 1.5");
  });
});
