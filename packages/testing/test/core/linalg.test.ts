import { cdist } from "@sconce/core";
import "@sconce/backend-cpu";
import "@sconce/autograd";
import { arange, chainMatmul, DTypeError, multiDot, ones, ShapeError, type Tensor, tensor } from "@sconce/core";
import { describe, expect, it } from "vitest";

const a = (): Tensor =>
  tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);

describe("matmul", () => {
  it.each([
    [[3], [3], []],
    [[2, 3], [3], [2]],
    [[3], [3, 4], [4]],
    [
      [2, 3],
      [3, 4],
      [2, 4],
    ],
    [[5, 2, 3], [3], [5, 2]],
    [
      [5, 2, 3],
      [3, 4],
      [5, 2, 4],
    ],
    [[3], [5, 3, 4], [5, 4]],
    [
      [2, 3],
      [5, 3, 4],
      [5, 2, 4],
    ],
    [
      [5, 2, 3],
      [5, 3, 4],
      [5, 2, 4],
    ],
    [
      [5, 1, 2, 3],
      [6, 3, 4],
      [5, 6, 2, 4],
    ],
  ])("multiplies %j by %j to %j", (x, y, shape) => {
    const out = ones(x).matmul(ones(y));
    expect(out.shape).toEqual(shape);
    expect(out.min().itemSync()).toBe(3);
    expect(out.max().itemSync()).toBe(3);
  });

  it("sends gradients through broadcast batches", () => {
    const x = ones([2, 3], { requiresGrad: true });
    const y = ones([5, 3, 4], { requiresGrad: true });
    x.matmul(y).sum().backward();
    expect(x.grad?.tolistSync()).toEqual([
      [20, 20, 20],
      [20, 20, 20],
    ]);
    expect(y.grad?.shape).toEqual([5, 3, 4]);
  });

  it("multiplies integers", () => {
    expect(
      arange(4)
        .reshape([2, 2])
        .mm(arange(4).reshape([2, 2]))
        .tolistSync(),
    ).toEqual([
      [2, 3],
      [6, 11],
    ]);
  });

  it("shows PyTorch's node names", () => {
    const w = ones([3, 3], { requiresGrad: true });
    const v = ones([3], { requiresGrad: true });
    const names = [w.mm(w), w.mv(v), v.dot(v), ones([1, 3, 3]).bmm(w.unsqueeze(0)), v.addmm(w, w), ones([2, 3, 3]).matmul(w)];
    expect(names.map((y) => y.gradFn?.name)).toEqual([
      "MmBackward0",
      "MvBackward0",
      "DotBackward0",
      "BmmBackward0",
      "AddmmBackward0",
      "UnsafeViewBackward0",
    ]);
  });

  it("keeps PyTorch's errors and names the transpose that would fit", () => {
    expect(() => a().mm(a())).toThrow("mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)");
    expect(() => a().mm(a())).toThrow("Did you mean mat2.t()?");
    expect(() => ones([3, 2]).mm(ones([3, 4]))).toThrow("Did you mean mat1.t()?");
    expect(() => ones([3]).mm(a())).toThrow("self must be a matrix");
    expect(() => a().mv(ones([2]))).toThrow("size mismatch");
    expect(() => ones([2]).dot(ones([3]))).toThrow("inconsistent tensor size");
    expect(() => ones([2, 2, 3]).bmm(ones([2, 2, 3]))).toThrow(
      "Expected size for first two dimensions of batch2 tensor to be: [2, 3] but got: [2, 2]",
    );
    expect(() => tensor(1).matmul(a())).toThrow("both arguments to matmul need to be at least 1D");
    expect(() => a().matmul(ones([3, 1]).double())).toThrow(DTypeError);
    expect(() => a().matmul(ones([3, 1]).double())).toThrow("expected m1 and m2 to have the same dtype");
    expect(() => ones([2, 2, 3]).matmul(ones([3, 3, 4]))).toThrow(ShapeError);
  });
});

describe("sums of products", () => {
  it("addmm weighs both terms; beta 0 leaves NaN out", () => {
    const square = ones([2, 2]);
    expect(tensor([1, 2]).addmm(square, square, { beta: 2, alpha: 0.5 }).tolistSync()).toEqual([
      [3, 5],
      [3, 5],
    ]);
    expect(tensor(Number.NaN).addmm(square, square, { beta: 0 }).max().itemSync()).toBe(2);
    expect(() => ones([3]).addmm(square, square)).toThrow("The expanded size of the tensor must match");
  });

  it("has vector, batch and outer forms", () => {
    expect(
      tensor([1, 1])
        .addmv(a(), ones([3]))
        .tolistSync(),
    ).toEqual([7, 16]);
    expect(
      ones([2, 2])
        .addr(tensor([1, 2]), tensor([3, 4]))
        .tolistSync(),
    ).toEqual([
      [4, 5],
      [7, 9],
    ]);
    expect(ones([2, 2]).baddbmm(ones([5, 2, 3]), ones([5, 3, 2])).shape).toEqual([5, 2, 2]);
    expect(
      ones([2, 2])
        .addbmm(ones([5, 2, 3]), ones([5, 3, 2]))
        .max()
        .itemSync(),
    ).toBe(16);
  });

  it("contracts listed dimensions", () => {
    expect(ones([2, 3, 4]).tensordot(ones([3, 4, 5]), 2).shape).toEqual([2, 5]);
    expect(
      ones([2, 3, 4])
        .tensordot(ones([4, 3]), [
          [1, 2],
          [1, 0],
        ])
        .tolistSync(),
    ).toEqual([12, 12]);
    expect(() => ones([2, 3]).tensordot(ones([2, 3]), 1)).toThrow("contracted dimensions need to match");
  });

  it("multiplies chains in the cheapest order, vectors at the ends", () => {
    expect(multiDot([ones([3]), ones([3, 4]), ones([4])]).itemSync()).toBe(12);
    expect(chainMatmul(ones([2, 3]), ones([3, 4]), ones([4, 5])).shape).toEqual([2, 5]);
    expect(() => multiDot([ones([2, 2])])).toThrow("expected at least 2 tensors");
  });

  it("has Kronecker, cross and outer products", () => {
    expect(
      tensor([1, 2])
        .kron(tensor([[1], [3]]))
        .tolistSync(),
    ).toEqual([
      [1, 2],
      [3, 6],
    ]);
    expect(
      tensor([1, 0, 0])
        .cross(tensor([0, 1, 0]))
        .tolistSync(),
    ).toEqual([0, 0, 1]);
    expect(() => ones([2]).cross(ones([2]))).toThrow("must have length 3");
    expect(
      tensor([1, 2])
        .outer(tensor([3, 4]))
        .tolistSync(),
    ).toEqual([
      [3, 4],
      [6, 8],
    ]);
    expect(() => a().outer(ones([2]))).toThrow("Expected 1-D argument self");
    expect(
      a()
        .inner(ones([3]))
        .tolistSync(),
    ).toEqual([6, 15]);
  });

  it("measures distances, with gradient 0 where they are 0", () => {
    const x = tensor([[0, 0]], { requiresGrad: true });
    const out = cdist(
      x,
      tensor([
        [3, 4],
        [0, 0],
      ]),
    );
    expect(out.tolistSync()).toEqual([[5, 0]]);
    out.sum().backward();
    expect(x.grad?.at(0).tolistSync()).toEqual([Math.fround(-0.6), Math.fround(-0.8)]);
  });

  it("raises matrices to powers", () => {
    const m = tensor([
      [1, 1],
      [0, 1],
    ]);
    expect(m.matrixPower(5).tolistSync()).toEqual([
      [1, 5],
      [0, 1],
    ]);
    expect(m.matrixPower(0).tolistSync()).toEqual([
      [1, 0],
      [0, 1],
    ]);
  });
});
