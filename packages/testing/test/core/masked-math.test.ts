import "@sconce/backend-cpu";
import { gradcheck } from "@sconce/autograd";
import { full, manualSeed, ones, rand, randn, type Tensor, tensor } from "@sconce/core";
import * as masked from "@sconce/core/masked";
import * as math from "@sconce/core/math";
import { describe, expect, it } from "vitest";

const f64 = (data: number[] | number[][]): Tensor => tensor(data, { dtype: "float64" });
const x = f64([
  [1, -2, 3],
  [4, 5, -6],
]);
const mask = tensor([
  [true, false, true],
  [false, false, false],
]);

describe("masked reductions", () => {
  it("leave out what the mask says, and give the identity where nothing is left", () => {
    expect(masked.sum(x, { mask, dim: 1 }).tolistSync()).toEqual([4, 0]);
    expect(masked.prod(x, { mask, dim: 1 }).tolistSync()).toEqual([3, 1]);
    expect(masked.mean(x, { mask, dim: 1 }).tolistSync()).toEqual([2, Number.NaN]);
    expect(masked.amax(x, { mask, dim: 1 }).tolistSync()).toEqual([3, Number.NEGATIVE_INFINITY]);
    expect(masked.amin(x, { mask, dim: 1, keepdim: true }).tolistSync()).toEqual([[1], [Number.POSITIVE_INFINITY]]);
    expect(masked.argmax(x, { mask, dim: 1 }).tolistSync()).toEqual([2, 0]);
    expect(masked.var(x, { mask, dim: 1 }).tolistSync()).toEqual([1, Number.NaN]);
    expect(masked.std(x, { mask: mask.select(0, 0), dim: 1, unbiased: true }).tolistSync()).toEqual([Math.SQRT2, Math.sqrt(50)]);
    expect(masked.median(x, { mask, dim: 1 }).tolistSync()).toEqual([1, Number.NaN]);
    expect(masked.norm(x, { mask, ord: 1 }).itemSync()).toBe(4);
  });

  it("are the plain ones without a mask", () => {
    expect(masked.sum(x).itemSync()).toBe(5);
    expect(masked.logsumexp(x, { dim: 1 }).tolistSync()).toEqual(x.logsumexp(1).tolistSync());
    expect(masked.softmax(x, 1).tolistSync()).toEqual(x.softmax(1).tolistSync());
  });

  it("keep the dtype of integers at its limits", () => {
    const k = tensor([[7, 8]], { dtype: "int32" });
    expect(masked.amax(k, { mask: tensor([[false, false]]) }).itemSync()).toBe(-2147483648);
  });

  it("have gradients only where the mask is true", () => {
    const leaf = x.detach().requiresGrad_();
    masked.sum(leaf.square(), { mask }).backward();
    expect(leaf.grad?.add(0).tolistSync()).toEqual([
      [2, 0, 6],
      [0, 0, 0],
    ]);
    const row = tensor([true, false, true]);
    const leaves = [f64([0.3, -0.7, 1.1]).requiresGrad_()];
    expect(gradcheck((v) => masked.normalize(v, 2, 0, { mask: row }), leaves)).toBe(true);
    expect(gradcheck((v) => masked.var(v, { mask: row, unbiased: true }), leaves)).toBe(true);
    expect(gradcheck((v) => masked.cumprod(v, 0, { mask: row }), leaves)).toBe(true);
    expect(gradcheck((v) => masked.softmax(v, 0, { mask: row }), leaves)).toBe(true);
    expect(gradcheck((v) => masked.logaddexp(v, v.mul(2), { otherMask: row }), leaves)).toBe(true);
  });
});

describe("rare functions", () => {
  it("of integers", () => {
    expect(math.gcd(tensor([12, -18, 0], { dtype: "int32" }), 8).tolistSync()).toEqual([4, 2, 8]);
    expect(math.lcm(tensor([4n, -6n, 0n]), tensor([6n, 4n, 5n])).tolistSync()).toEqual([12, 12, 0]);
    expect(() => math.gcd(ones([1]), 2)).toThrow(/expected integers, got float32/);
  });

  it("of floating-point numbers", () => {
    expect(math.nextafter(tensor([1, 0]), tensor([2, -1])).tolistSync()).toEqual([1 + 2 ** -23, -(2 ** -149)]);
    expect(math.nextafter(f64([1]), f64([0])).tolistSync()).toEqual([1 - 2 ** -53]);
    const { mantissa, exponent } = math.frexp(f64([0.1, -8, 0, 1e300]));
    expect(mantissa.mul(exponent.double().exp2()).tolistSync()).toEqual([0.1, -8, 0, 1e300]);
    expect(exponent.tolistSync()).toEqual([-3, 4, 0, 997]);
    expect(gradcheck((v) => math.frexp(v).mantissa, [f64([0.3, 5]).requiresGrad_()])).toBe(true);
    expect(math.angle(tensor([2, -3])).tolistSync()).toEqual([0, Math.PI].map(Math.fround));
  });

  it("finite differences are exact for parabolas, on uneven grids too", () => {
    const at = f64([0, 0.5, 2, 2.5, 4]);
    const [slope] = math.gradient(at.square(), { spacing: [at], edgeOrder: 2 });
    expect(slope.sub(at.mul(2)).abs().max().itemSync()).toBeLessThan(1e-14);
    expect(math.gradient(f64([1, 2, 4, 7]))[0].tolistSync()).toEqual([1, 1.5, 2.5, 3]);
    expect(gradcheck((v) => math.gradient(v, { spacing: 0.5 })[1], [randn([3, 4], { dtype: "float64" }).requiresGrad_()])).toBe(true);
    expect(() => math.gradient(f64([1]))).toThrow(/at least edgeOrder\+1/);
  });

  it("histograms of two dimensions", () => {
    const points = tensor([
      [0, 0],
      [0.9, 0.1],
      [1, 1],
      [0.2, 0.8],
    ]);
    const { hist, binEdges } = math.histogramdd(points, [2, 2]);
    expect(hist.tolistSync()).toEqual([
      [1, 1],
      [1, 1],
    ]);
    expect(binEdges[0].tolistSync()).toEqual([0, 0.5, 1]);
    expect(math.histogramdd(points, 2, { density: true }).hist.sum().itemSync()).toBe(4);
    expect(() => math.histogramdd(points, [2])).toThrow(/expected 2 sequences/);
  });

  it("segments", () => {
    const lengths = tensor([2, 0, 3], { dtype: "int32" });
    const data = f64([1, 2, 3, 4, 5]);
    expect(math.segmentReduce(data, "sum", { lengths }).tolistSync()).toEqual([3, 0, 12]);
    expect(math.segmentReduce(data, "max", { offsets: tensor([0, 2, 5], { dtype: "int32" }), initial: 4.5 }).tolistSync()).toEqual([
      4.5, 5,
    ]);
    expect(() => math.segmentReduce(data, "sum", { lengths: lengths.narrow(0, 0, 2) })).toThrow(/sum to data.size/);
    expect(() => math.segmentReduce(data, "sum", {})).toThrow(/Either lengths or offsets/);
  });

  it("Poisson numbers are PyTorch's", () => {
    manualSeed(0);
    const drawn = [2, 3, 10, 7, 22, 91, 0, 1008, 4, 10];
    expect(math.poisson(tensor([0.5, 2, 9.5, 10, 30, 100, 0, 1000, 3, 15])).tolistSync()).toEqual(drawn);
    manualSeed(7);
    expect(math.poisson(full([6], 12, { dtype: "float64" })).tolistSync()).toEqual([10, 16, 10, 5, 8, 14]);
    expect(rand([2]).tolistSync()).toEqual([0.7368624210357666, 0.03311049938201904]);
    expect(() => math.poisson(tensor([-1]))).toThrow(/expected rate to be non-negative/);
  });

  it("resizing keeps memory, and grows it", () => {
    const t = tensor([1, 2, 3, 4]);
    expect(math.resize_(t, [2, 3]).tolistSync()).toEqual([
      [1, 2, 3],
      [4, 0, 0],
    ]);
    expect(math.resizeAs_(t, ones([2])).tolistSync()).toEqual([1, 2]);
    expect(() => math.resize_(ones([2]).requiresGrad_(), [1])).toThrow(/cannot resize variables that require grad/);
  });
});
