import "@sconce/autograd";
import "@sconce/backend-cpu";
import { Generator, manualSeed, ones, randn, type Tensor, zeros } from "@sconce/core";
import * as nn from "@sconce/nn";
import { describe, expect, it } from "vitest";

const close = (numbers: readonly number[]): unknown => numbers.map((x) => expect.closeTo(x, 4));
const flat = (x: Tensor): unknown => x.flatten().tolistSync();

describe("initial weights", () => {
  it("of a linear layer are PyTorch's for the same seed", () => {
    manualSeed(0);
    const layer = new nn.Linear(2, 2);
    expect(flat(layer.weight)).toEqual(close([-0.0053, 0.3793, -0.582, -0.5204]));
    expect(flat(layer.bias!)).toEqual(close([-0.2723, 0.1896]));
  });

  it("are drawn weight first and bias second, and no draws for what is constant", () => {
    manualSeed(1);
    const expected = [randnFree(6, 1 / Math.sqrt(3)), randnFree(2, 1 / Math.sqrt(3))];
    manualSeed(1);
    new nn.BatchNorm2d(4);
    new nn.LayerNorm(4);
    new nn.PReLU();
    const layer = new nn.Linear(3, 2);
    expect([flat(layer.weight), flat(layer.bias!)]).toEqual(expected.map((x) => x.tolistSync()));
  });

  it("of an embedding are normal, with zeros in the padding row", () => {
    manualSeed(2);
    const normal = randn([5, 4]).tolistSync() as number[][];
    manualSeed(2);
    const layer = new nn.Embedding(5, 4, { paddingIdx: -2 });
    normal[3] = [0, 0, 0, 0];
    expect(layer.weight.tolistSync()).toEqual(normal);
  });

  it("are drawn again by resetParameters", () => {
    manualSeed(3);
    const layer = new nn.Conv2d(2, 3, 3);
    const first = flat(layer.weight);
    layer.resetParameters();
    expect(flat(layer.weight)).not.toEqual(first);
    manualSeed(3);
    layer.resetParameters();
    expect(flat(layer.weight)).toEqual(first);
  });
});

/** Uniform numbers of `[-bound, bound)` by the default generator, past the layer's own code. */
function randnFree(n: number, bound: number): Tensor {
  return zeros([n]).uniform_(-bound, bound);
}

describe("initialisers", () => {
  it("fill leaves in place while autograd records, and return them", () => {
    const weight = new nn.Parameter(zeros([3, 3]));
    expect(nn.init.uniform_(weight)).toBe(weight);
    expect([weight.isLeaf, weight.requiresGrad, weight.storage.version]).toEqual([true, true, 1]);
    expect(nn.init.eye_(weight).sum().itemSync()).toBe(3);
  });

  it("take a generator of their own", () => {
    const fill = (): unknown => flat(nn.init.normal_(zeros([8]), 1, 0.5, { generator: new Generator(7) }));
    expect(fill()).toEqual(fill());
  });

  it("write through views and transposes", () => {
    const base = zeros([2, 3]);
    nn.init.constant_(base.t().select(0, 1), 4);
    expect(base.tolistSync()).toEqual([
      [0, 4, 0],
      [0, 4, 0],
    ]);
  });

  it("refuse shapes they are not made for", () => {
    expect(() => nn.init.xavierUniform_(ones([3]))).toThrow(
      /Fan in and fan out can not be computed for tensor with fewer than 2 dimensions/,
    );
    expect(() => nn.init.eye_(ones([3]))).toThrow(/Only tensors with 2 dimensions are supported/);
    expect(() => nn.init.dirac_(ones([3, 3]))).toThrow(/Only tensors with 3, 4, or 5 dimensions are supported/);
    expect(() => nn.init.orthogonal_(ones([3]))).toThrow(/Only tensors with 2 or more dimensions are supported/);
    expect(() => nn.init.calculateGain("nope" as never)).toThrow(/Unsupported nonlinearity nope/);
    expect(() => nn.init.uniform_(ones([2], { dtype: "int32" }))).toThrow(/expected a floating-point tensor, got int32/);
  });

  it("of wide and tall orthogonal matrices give orthonormal rows or columns", () => {
    for (const shape of [
      [3, 5],
      [5, 3],
      [4, 2, 3],
    ]) {
      const q = nn.init.orthogonal_(zeros(shape)).reshape([shape[0], -1]);
      const gram = q.shape[0] <= q.shape[1] ? q.matmul(q.t()) : q.t().matmul(q);
      const n = gram.shape[0];
      expect(flat(gram)).toEqual(close(Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0))));
    }
  });
});
