import { arange, manualSeed, nn, type Tensor, tensor } from "sconce";
import { describe, expect, it } from "vitest";

const F = nn.functional;
const close = (numbers: readonly number[]): unknown => numbers.map((x) => expect.closeTo(x, 4));
const flat = (x: Tensor): number[] => Array.from(x.dataSync(), Number);

describe("affineGrid", () => {
  const theta = tensor([0.8, 0.3, 0.1, -0.2, 0.9, -0.3]).reshape([1, 2, 3]);

  it("maps the centres of the elements", () => {
    const edges = [-0.583333, -0.616667, -0.05, -0.75, 0.483333, -0.883333, -0.283333, 0.283333, 0.25, 0.15, 0.783333, 0.016667];
    expect(flat(F.affineGrid(theta, [1, 1, 2, 3]))).toEqual(close(edges));
    const corners = [-1, -1, -0.2, -1.2, 0.6, -1.4, -0.4, 0.8, 0.4, 0.6, 1.2, 0.4];
    expect(flat(F.affineGrid(theta, [1, 1, 2, 3], { alignCorners: true }))).toEqual(close(corners));
  });

  it("maps three dimensions", () => {
    const volume = tensor([0.8, 0.3, 0.1, 0.2, -0.2, 0.9, -0.3, 0, 0.1, 0.2, 0.7, -0.1]).reshape([1, 3, 4]);
    const expected = [-0.35, -0.35, -0.25, 0.45, -0.55, -0.15, -0.05, 0.55, -0.05, 0.75, 0.35, 0.05];
    expect(flat(F.affineGrid(volume, [1, 1, 1, 2, 2]))).toEqual(close(expected));
    expect(() => F.affineGrid(volume, [1, 1, 2, 2])).toThrow(/Expected a batch of 2D affine matrices of shape Nx2x3/);
  });
});

describe("gridSample", () => {
  const image = arange(12).float().add(1).reshape([1, 1, 3, 4]);
  const grid = tensor([-1.3, 0.2, 0.1, -0.4, 0.95, 1.7]).reshape([1, 1, 3, 2]);

  it.each<[nn.functional.GridSampleOptions["mode"], nn.functional.GridSampleOptions["paddingMode"], boolean, readonly number[]]>([
    ["bilinear", "zeros", false, [0, 4.3, 0]],
    ["bilinear", "zeros", true, [3.19, 5.05, 3.5775]],
    ["bilinear", "border", false, [6.2, 4.3, 12]],
    ["bilinear", "border", true, [5.8, 5.05, 11.925]],
    ["bilinear", "reflection", false, [6.3, 4.3, 9.8]],
    ["bilinear", "reflection", true, [6.25, 5.05, 9.125]],
    ["nearest", "zeros", false, [0, 3, 0]],
    ["nearest", "zeros", true, [5, 7, 0]],
    ["nearest", "border", false, [5, 3, 12]],
    ["nearest", "reflection", true, [5, 7, 8]],
  ])("has PyTorch's numbers for %s, %s and alignCorners %s", (mode, paddingMode, alignCorners, expected) => {
    expect(flat(F.gridSample(image, grid, { mode, paddingMode, alignCorners }))).toEqual(close(expected));
  });

  it("reads volumes", () => {
    const volume = arange(8).float().add(1).reshape([1, 1, 2, 2, 2]);
    const points = tensor([0.1, -0.3, 0.5, -0.9, 0.2, 1.4]).reshape([1, 1, 1, 2, 3]);
    expect(flat(F.gridSample(volume, points))).toEqual(close([6, 0.384]));
    expect(() => F.gridSample(volume, points, { mode: "bicubic" })).toThrow(/bicubic interpolation only supports 4D input/);
    expect(() => F.gridSample(image, points)).toThrow(/expected input and grid/);
  });

  it("undoes itself by the identity", () => {
    const identity = F.affineGrid(tensor([1, 0, 0, 0, 1, 0]).reshape([1, 2, 3]), [1, 1, 3, 4]);
    expect(flat(F.gridSample(image, identity))).toEqual(close(flat(image)));
  });
});

describe("gumbelSoftmax", () => {
  it("draws PyTorch's numbers for the same seed", () => {
    manualSeed(0);
    const logits = tensor([1, 2, 3, 0, 0, 1]).reshape([2, 3]);
    const drawn = F.gumbelSoftmax(logits, { tau: 0.5 });
    expect(flat(drawn)).toEqual(close([0.0005442, 0.0326935, 0.9667623, 0.0379471, 0.2273541, 0.7346988]));
  });

  it("gives one-hot results with the gradient of the soft ones", () => {
    const logits = tensor([1, 2, 3]).reshape([1, 3]).requiresGrad_();
    manualSeed(0);
    const hard = F.gumbelSoftmax(logits, { hard: true });
    expect(flat(hard.round())).toEqual([0, 0, 1]);
    hard
      .mul(tensor([1, 2, 3]))
      .sum()
      .backward();
    const gradient = flat(logits.grad!);
    logits.grad = null;
    manualSeed(0);
    F.gumbelSoftmax(logits)
      .mul(tensor([1, 2, 3]))
      .sum()
      .backward();
    expect(flat(logits.grad!)).toEqual(close(gradient));
  });
});
