import {
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  avgPool1d,
  avgPool2d,
  batchNorm,
  channelShuffle,
  col2im,
  conv1d,
  conv2d,
  convTranspose1d,
  convTranspose2d,
  dropout,
  embedding,
  groupNorm,
  im2col,
  interpolate,
  layerNorm,
  linear,
  maxPool1d,
  maxPool2d,
  maxUnpool2d,
  pad,
  pixelShuffle,
  pixelUnshuffle,
} from "@sconce/core/nn";
import "@sconce/backend-cpu";
import "@sconce/autograd";
import { arange, DTypeError, manualSeed, ones, ShapeError, tensor, ValueError, zeros } from "@sconce/core";
import { describe, expect, it } from "vitest";

describe("convolution", () => {
  it("takes numbers, lists, same and valid as padding", () => {
    const x = ones([1, 1, 8, 8]);
    const w = ones([1, 1, 3, 5]);
    expect(conv2d(x, w, null, { stride: 2, padding: [1, 2] }).shape).toEqual([1, 1, 4, 4]);
    expect(conv2d(x, w, null, { padding: "same" }).shape).toEqual([1, 1, 8, 8]);
    expect(conv2d(x, w, null, { padding: "valid" }).shape).toEqual([1, 1, 6, 4]);
    expect(conv2d(x, w, null, { dilation: [3, 1] }).shape).toEqual([1, 1, 2, 4]);
  });

  it("puts the odd zero of same padding at the end", () => {
    const x = tensor([[1, 2, 3]]);
    expect(conv1d(x, ones([1, 1, 2]), null, { padding: "same" }).tolistSync()).toEqual([[3, 5, 3]]);
  });

  it("takes inputs without a batch", () => {
    expect(conv2d(ones([1, 4, 4]), ones([2, 1, 3, 3])).shape).toEqual([2, 2, 2]);
    expect(conv1d(ones([1, 4]), ones([2, 1, 3])).shape).toEqual([2, 2]);
    expect(convTranspose2d(ones([2, 3, 3]), ones([2, 1, 2, 2])).shape).toEqual([1, 4, 4]);
  });

  it("keeps groups apart", () => {
    const x = tensor([
      [
        [1, 2],
        [3, 4],
      ],
    ]);
    expect(conv1d(x, tensor([[[1]], [[10]]]), tensor([0, 1]), { groups: 2 }).tolistSync()).toEqual([
      [
        [1, 2],
        [31, 41],
      ],
    ]);
  });

  it("transposes: spreads each input over a window", () => {
    const x = tensor([[[1, 2]]]);
    expect(convTranspose1d(x, tensor([[[1, 1, 1]]]), tensor([10]), { stride: 2 }).tolistSync()).toEqual([[[11, 11, 13, 12, 12]]]);
    expect(convTranspose1d(x, tensor([[[1, 1, 1]]]), null, { stride: 2, padding: 1, outputPadding: 1 }).tolistSync()).toEqual([
      [[1, 3, 2, 2]],
    ]);
  });

  it("cuts a transposed convolution whose extra size reaches the stride", () => {
    const x = tensor([[[1, 2]]]);
    const out = convTranspose1d(x, tensor([[[1, 1]]]), null, { dilation: 2, outputPadding: 1 });
    expect(out.tolistSync()).toEqual([[[1, 2, 1, 2, 0]]]);
  });

  it("is a Convolution to autograd", () => {
    const w = ones([1, 1, 3, 3], { requiresGrad: true });
    expect(conv2d(ones([1, 1, 4, 4]), w, zeros([1])).gradFn?.name).toBe("ConvolutionBackward0");
    expect(convTranspose2d(ones([1, 1, 4, 4]), w, zeros([1])).gradFn?.name).toBe("ConvolutionBackward0");
  });

  it("keeps PyTorch's errors", () => {
    const w = ones([6, 1, 5, 5]);
    expect(() => conv2d(ones([1, 3, 32, 32]), w)).toThrow(
      "Given groups=1, weight of size [6, 1, 5, 5], expected input[1, 3, 32, 32] to have 1 channels, but got 3 channels instead",
    );
    expect(() => conv2d(ones([1, 1, 4, 4]), w)).toThrow(
      "Calculated padded input size per channel: (4 x 4). Kernel size: (5 x 5). Kernel size can't be greater than actual input size",
    );
    expect(() => conv2d(ones([1, 1, 8, 8]), w, ones([5]))).toThrow("expected bias to be 1-dimensional with 6 elements");
    expect(() => conv2d(ones([1, 1, 8, 8]), w, null, { groups: 4 })).toThrow("Given groups=4");
    expect(() => conv2d(ones([8, 8]), w)).toThrow("Expected 3D (unbatched) or 4D (batched) input to conv2d");
    expect(() => conv2d(ones([1, 1, 8, 8]), w, null, { padding: "same", stride: 2 })).toThrow(
      "padding='same' is not supported for strided convolutions",
    );
    expect(() => conv2d(ones([1, 1, 8, 8]), w, null, { stride: 0 })).toThrow("non-positive stride is not supported");
    expect(() => conv2d(ones([1, 1, 8, 8]), w, null, { padding: -1 })).toThrow("negative padding is not supported");
    expect(() => conv2d(ones([1, 1, 8, 8]), w.double())).toThrow(DTypeError);
    expect(() => convTranspose2d(ones([1, 2, 8, 8]), w)).toThrow("Given transposed=1");
    expect(() => convTranspose2d(ones([1, 6, 8, 8]), w, null, { outputPadding: 1 })).toThrow(
      "output padding must be smaller than either stride or dilation",
    );
  });
});

describe("pooling", () => {
  const x = arange(16).float().reshape([1, 1, 4, 4]);

  it("gives positions within the plane on demand", () => {
    const [out, indices] = maxPool2d(x, 2, { returnIndices: true });
    expect(out.tolistSync()).toEqual([
      [
        [
          [5, 7],
          [13, 15],
        ],
      ],
    ]);
    expect(indices.flatten().tolistSync()).toEqual([5, 7, 13, 15]);
    expect(maxUnpool2d(out, indices, 2).flatten().gt(0).sum().itemSync()).toBe(4);
  });

  it("has ceil mode, which starts no window in the right padding", () => {
    expect(maxPool1d(ones([1, 1, 5]), 2, { ceilMode: true }).shape).toEqual([1, 1, 3]);
    expect(maxPool1d(ones([1, 1, 5]), 2).shape).toEqual([1, 1, 2]);
    expect(maxPool1d(ones([1, 1, 1]), 2, { stride: 2, padding: 1, ceilMode: true }).shape).toEqual([1, 1, 1]);
  });

  it("counts padding in means, or not, or divides by a given number", () => {
    const y = ones([1, 1, 2]);
    expect(avgPool1d(y, 2, { padding: 1 }).tolistSync()).toEqual([[[0.5, 0.5]]]);
    expect(avgPool1d(y, 2, { padding: 1, countIncludePad: false }).tolistSync()).toEqual([[[1, 1]]]);
    expect(avgPool2d(x, 2, { divisorOverride: 1 }).flatten().tolistSync()).toEqual([10, 18, 42, 50]);
  });

  it("adapts to sizes that divide and to sizes that do not", () => {
    const y = arange(5).float().reshape([1, 1, 5]);
    expect(adaptiveAvgPool1d(y, 2).tolistSync()).toEqual([[[1, 3]]]);
    expect(adaptiveMaxPool1d(y, 3, { returnIndices: true }).indices.tolistSync()).toEqual([[[1, 3, 4]]]);
    expect(adaptiveAvgPool2d(x, 1).itemSync()).toBe(7.5);
    expect(adaptiveAvgPool2d(x, [null, 2]).shape).toEqual([1, 1, 4, 2]);
    expect(adaptiveMaxPool2d(x, [2, 3]).shape).toEqual([1, 1, 2, 3]);
  });

  it("is MaxPool2DWithIndices to autograd", () => {
    const y = ones([1, 1, 2, 2], { requiresGrad: true });
    expect(maxPool2d(y, 2).gradFn?.name).toBe("MaxPool2DWithIndicesBackward0");
  });

  it("keeps PyTorch's errors", () => {
    expect(() => maxPool2d(x, 2, { padding: 2 })).toThrow("pad should be at most half of effective kernel size");
    expect(() => maxPool2d(x, 5)).toThrow("Given input size: (1x4x4). Calculated output size: (1x0x0). Output size is too small");
    expect(() => maxPool2d(x, [2, 2, 2])).toThrow("kernelSize must either be a single int, or a tuple of 2 ints");
    expect(() => avgPool2d(x, 2, { divisorOverride: 0 })).toThrow("divisor must be not zero");
    expect(() => maxPool1d(ones([2]), 1)).toThrow(ShapeError);
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
    expect(pad(row, pads, { mode, value: 9 }).flatten().tolistSync()).toEqual([...expected]);
  });

  it("refuses padding that a mode cannot fill", () => {
    expect(() => pad(row, [3, 0], { mode: "reflect" })).toThrow("Padding size should be less than the corresponding input dimension");
    expect(() => pad(row, [4, 0], { mode: "circular" })).toThrow("wrapping around more than once");
    expect(() => pad(row, [1])).toThrow("Padding length must be divisible by 2");
    expect(() => pad(row, [-2, -2])).toThrow("resulted in a negative output size");
    expect(() => pad(row, [1, 1], { mode: "mirror" as never })).toThrow(ValueError);
  });

  it("takes sliding blocks apart and adds them up again", () => {
    const x = arange(18).float().reshape([1, 2, 3, 3]);
    const columns = im2col(x, 2);
    expect(columns.shape).toEqual([1, 8, 4]);
    expect(columns.at(0, ":", 0).tolistSync()).toEqual([0, 1, 3, 4, 9, 10, 12, 13]);
    expect(
      col2im(ones([1, 4, 4]), 3, 2)
        .flatten()
        .tolistSync(),
    ).toEqual([1, 2, 1, 2, 4, 2, 1, 2, 1]);
    expect(() => im2col(x, 4)).toThrow("its components must be at least one");
    expect(() => col2im(columns, 4, 2)).toThrow(ShapeError);
  });

  it("resizes", () => {
    expect(interpolate(row, { size: 6 }).flatten().tolistSync()).toEqual([1, 1, 2, 2, 3, 3]);
    expect(interpolate(row, { size: 5, mode: "linear", alignCorners: true }).flatten().tolistSync()).toEqual([1, 1.5, 2, 2.5, 3]);
    expect(interpolate(row, { scaleFactor: 2, mode: "linear" }).flatten().tolistSync()).toEqual([1, 1.25, 1.75, 2.25, 2.75, 3]);
    expect(() => interpolate(row, { mode: "bilinear", size: 2 })).toThrow(ShapeError);
    expect(() => interpolate(row, {})).toThrow("either size or scale_factor should be defined");
  });

  it("moves channels to pixels and back", () => {
    const x = arange(16).float().reshape([1, 4, 2, 2]);
    expect(pixelShuffle(x, 2).at(0, 0, 0).tolistSync()).toEqual([0, 4, 1, 5]);
    expect(pixelUnshuffle(pixelShuffle(x, 2), 2).equalSync(x)).toBe(true);
    expect(channelShuffle(x, 2).at(0, ":", 0, 0).tolistSync()).toEqual([0, 8, 4, 12]);
  });
});

describe("layers", () => {
  it("linear is Addmm for matrices, View for stacks, Add for vectors and Mm without bias", () => {
    const w = ones([4, 3], { requiresGrad: true });
    const b = ones([4], { requiresGrad: true });
    expect(linear(ones([2, 3]), w, b).gradFn?.name).toBe("AddmmBackward0");
    expect(linear(ones([5, 2, 3]), w, b).gradFn?.name).toBe("ViewBackward0");
    expect(linear(ones([3]), w, b).gradFn?.name).toBe("AddBackward0");
    expect(linear(ones([2, 3]), w).gradFn?.name).toBe("MmBackward0");
    expect(linear(ones([5, 2, 3]), w, b).shape).toEqual([5, 2, 4]);
  });

  it("normalise", () => {
    const x = tensor([
      [1, 3],
      [2, 6],
    ]);
    expect(layerNorm(x, [2], { eps: 0 }).tolistSync()).toEqual([
      [-1, 1],
      [-1, 1],
    ]);
    const [out, mean, variance] = batchNorm(x, { eps: 0 });
    expect(out.at(0).tolistSync()).toEqual([-1, -1]);
    expect([mean, variance].map((t) => t.tolistSync())).toEqual([
      [1.5, 4.5],
      [0.25, 2.25],
    ]);
    expect(
      groupNorm(x, 1, { eps: 0, weight: tensor([1, 2]) })
        .at(0)
        .tolistSync(),
    ).toEqual([-1, 2]);
    expect(() => layerNorm(x, [3])).toThrow("expected input with shape [*, 3], but got input of size[2, 2]");
    expect(() => groupNorm(x, 3)).toThrow("Expected number of channels in input to be divisible by num_groups");
    expect(() => batchNorm(x, { weight: ones([3]) })).toThrow("should contain 2 elements not 3");
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
    const first = dropout(x, { p: 0.25 });
    const host = manualSeed(1).random();
    const again = dropout(x, { p: 0.25 });
    expect(first.equalSync(again)).toBe(true);
    expect(dropout(x, { p: 0.25 }).equalSync(again)).toBe(false);
    expect(first.unique().tolistSync()).toEqual([0, Math.fround(1 / 0.75)]);
    expect(Math.abs(first.eq(0).sum().itemSync() - 250)).toBeLessThan(60);
    expect(manualSeed(1).random()).toBe(host);
    expect(dropout(x, { training: false })).toBe(x);
    expect(dropout(x, { p: 1 }).max().itemSync()).toBe(0);
    expect(() => dropout(x, { p: 1.5 })).toThrow("dropout probability has to be between 0 and 1, but got 1.5");
  });
});
