import { combinations, cumulativeTrapezoid, histogram, trapezoid } from "@sconce/core";
import { oneHot } from "@sconce/core/nn";
import "@sconce/backend-cpu";
import "@sconce/autograd";
import { arange, DTypeError, ones, ShapeError, type Tensor, tensor, ValueError, zeros } from "@sconce/core";
import { describe, expect, it } from "vitest";

const index = (list: Parameters<typeof tensor>[0]): Tensor => tensor(list).int();
const square = (): Tensor =>
  tensor([
    [1, 2],
    [3, 4],
  ]);

describe("gather and scatter", () => {
  it("read and write at positions along a dimension", () => {
    const at = index([
      [0, 0],
      [1, 0],
    ]);
    expect(square().gather(1, at).tolistSync()).toEqual([
      [1, 1],
      [4, 3],
    ]);
    expect(
      zeros([2, 3])
        .scatter(1, index([[2], [0]]), 5)
        .tolistSync(),
    ).toEqual([
      [0, 0, 5],
      [5, 0, 0],
    ]);
    expect(
      square()
        .scatter(0, index([[1, 1]]), square())
        .tolistSync(),
    ).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  it("take int64 indices, and an index smaller than the tensor", () => {
    expect(
      square()
        .gather(1, index([[1]]).long())
        .tolistSync(),
    ).toEqual([[2]]);
  });

  it("add, multiply and take extremes where positions repeat", () => {
    const x = ones([2]);
    const at = index([0, 0, 1]);
    const source = tensor([2, 3, 4]);
    expect(x.scatterAdd(0, at, source).tolistSync()).toEqual([6, 5]);
    expect(x.scatter(0, at, source, { reduce: "multiply" }).tolistSync()).toEqual([6, 4]);
    expect(x.scatterReduce(0, at, source, "mean").tolistSync()).toEqual([2, 2.5]);
    expect(x.scatterReduce(0, at, source, "mean", { includeSelf: false }).tolistSync()).toEqual([2.5, 4]);
    expect(tensor([9, 9]).scatterReduce(0, at, source, "amax", { includeSelf: false }).tolistSync()).toEqual([3, 4]);
    expect(() => x.scatterReduce(0, at, source, "median" as never)).toThrow(ValueError);
  });

  it("send gradients back to where they came from", () => {
    const x = square().requiresGrad_();
    x.gather(1, index([[0, 0]]))
      .sum()
      .backward();
    expect(x.grad?.tolistSync()).toEqual([
      [2, 0],
      [0, 0],
    ]);
  });

  it("work in place", () => {
    const x = zeros([3]);
    expect(x.scatter_(0, index([1]), 2)).toBe(x);
    x.scatterAdd_(0, index([1, 2]), tensor([1, 1]));
    x.indexAdd_(0, index([0]), tensor([7]), { alpha: 2 });
    expect(x.tolistSync()).toEqual([14, 3, 1]);
  });

  it("keep PyTorch's errors", () => {
    expect(() => square().gather(0, index([5]))).toThrow("Index tensor must have the same number of dimensions as input tensor");
    expect(() => square().gather(0, index([[5, 0]]))).toThrow("index 5 is out of bounds for dimension 0 with size 2");
    expect(() => square().gather(1, tensor([[0.5]]))).toThrow(DTypeError);
    expect(() => square().gather(1, index([[0], [0], [0]]))).toThrow("apart from dimension 1");
    expect(() => square().scatter(0, index([[0, 0]]), tensor([[1]]))).toThrow(ShapeError);
  });
});

describe("rows by index", () => {
  it("select, add, copy and fill", () => {
    const at = index([1, 0]);
    expect(square().indexSelect(0, at).tolistSync()).toEqual([
      [3, 4],
      [1, 2],
    ]);
    expect(square().indexAdd(1, at, square()).tolistSync()).toEqual([
      [3, 3],
      [7, 7],
    ]);
    expect(
      square()
        .indexCopy(0, index([0]), tensor([[9, 9]]))
        .tolistSync(),
    ).toEqual([
      [9, 9],
      [3, 4],
    ]);
    expect(
      square()
        .indexFill(1, index([0]), -1)
        .tolistSync(),
    ).toEqual([
      [-1, 2],
      [-1, 4],
    ]);
    expect(() => square().indexSelect(0, index([[0]]))).toThrow("Index is supposed to be a vector");
    expect(() => square().indexAdd(0, at, ones([1, 2]))).toThrow("Number of indices should be equal");
    expect(() => square().indexFill(0, at, ones([2]))).toThrow("only supports a 0-dimensional value tensor");
  });

  it("take and put in the flattened tensor, negative positions from the end", () => {
    expect(
      square()
        .take(index([[0, -1]]))
        .tolistSync(),
    ).toEqual([[1, 4]]);
    expect(
      square()
        .put(index([0, 0]), tensor([5, 6]), { accumulate: true })
        .tolistSync(),
    ).toEqual([
      [12, 2],
      [3, 4],
    ]);
    expect(
      square()
        .takeAlongDim(index([[1], [0]]), 1)
        .tolistSync(),
    ).toEqual([[2], [3]]);
    expect(
      square()
        .takeAlongDim(index([3]))
        .tolistSync(),
    ).toEqual([4]);
  });
});

describe("masks", () => {
  it("select and scatter, broadcast to the tensor", () => {
    const mask = tensor([true, false]);
    expect(square().maskedSelect(mask).tolistSync()).toEqual([1, 3]);
    expect(
      square()
        .maskedScatter(mask, tensor([8, 9]))
        .tolistSync(),
    ).toEqual([
      [8, 2],
      [9, 4],
    ]);
    expect(() => tensor(1).maskedScatter_(mask, tensor([8]))).toThrow("doesn't match the broadcast shape");
  });
});

describe("triangles, diagonals and parts", () => {
  it("keep a triangle", () => {
    expect(ones([3, 3]).tril(-1).sum().itemSync()).toBe(3);
    expect(ones([2, 3, 4]).triu(1).sum([1, 2]).tolistSync()).toEqual([6, 6]);
    expect(() => ones([3]).tril()).toThrow("input tensor must have at least 2 dimensions");
    expect(square().trace().itemSync()).toBe(5);
    expect(() => ones([3]).trace()).toThrow("expected a matrix");
  });

  it("replace a row, a slice or a diagonal in a copy", () => {
    const x = zeros([3, 3]);
    expect(
      x
        .selectScatter(ones([3]), 0, -1)
        .at(2)
        .tolistSync(),
    ).toEqual([1, 1, 1]);
    expect(
      x
        .sliceScatter(ones([3, 2]), 1, { step: 2 })
        .at(0)
        .tolistSync(),
    ).toEqual([1, 0, 1]);
    expect(
      x
        .diagonalScatter(ones([2]), { offset: 1 })
        .at(1)
        .tolistSync(),
    ).toEqual([0, 0, 1]);
    expect(x.sum().itemSync()).toBe(0);
    expect(() => x.selectScatter(ones([2]), 0, 0)).toThrow("expected src to have a size equal to the slice of self [3], got [2]");
  });

  it("mark classes", () => {
    expect(oneHot(index([0, 2])).tolistSync()).toEqual([
      [1, 0, 0],
      [0, 0, 1],
    ]);
    expect(oneHot(index([0]), 2).dtype).toBe("int64");
    expect(() => oneHot(index([3]), 2)).toThrow("Class values must be smaller than num_classes");
    expect(() => oneHot(index([-1]), 2)).toThrow("Class values must be non-negative");
  });
});

describe("statistics", () => {
  it("take differences and integrals", () => {
    expect(tensor([1, 4, 9, 16]).diff({ n: 2 }).tolistSync()).toEqual([2, 2]);
    expect(tensor([true, true, false]).diff().tolistSync()).toEqual([false, true]);
    expect(
      tensor([1, 3])
        .diff({ prepend: tensor([0]) })
        .tolistSync(),
    ).toEqual([1, 2]);
    expect(trapezoid(tensor([1, 2, 3])).itemSync()).toBe(4);
    expect(trapezoid(tensor([1, 2, 3]), { x: tensor([0, 2, 3]) }).itemSync()).toBe(5.5);
    expect(cumulativeTrapezoid(tensor([1, 2, 3]), { dx: 2 }).tolistSync()).toEqual([3, 8]);
  });

  it("measure covariance and correlation of rows", () => {
    const x = tensor([
      [0, 1, 2],
      [2, 1, 0],
    ]);
    expect(x.cov().tolistSync()).toEqual([
      [1, -1],
      [-1, 1],
    ]);
    expect(x.corrcoef().at(0).tolistSync()).toEqual([1, -1]);
    expect(
      tensor([1, 3])
        .cov({ fweights: index([1, 3]), correction: 0 })
        .itemSync(),
    ).toBe(0.75);
    expect(() => x.cov({ fweights: ones([3]) })).toThrow("expected fweights to have integral dtype");
    expect(() => x.cov({ aweights: ones([2]) })).toThrow("same numel as there are observations");
    expect(() => ones([2, 2, 2]).cov()).toThrow("two or fewer dimensions");
  });

  it("count between edges", () => {
    const { hist, binEdges } = histogram(tensor([0, 1, 1, 4]), 2);
    expect(hist.tolistSync()).toEqual([3, 1]);
    expect(binEdges.tolistSync()).toEqual([0, 2, 4]);
    expect(histogram(tensor([0, 1, 5]), tensor([0, 1, 2])).hist.tolistSync()).toEqual([1, 1]);
    expect(histogram(tensor([0, 1]), 2, { range: [0, 4], density: true }).hist.tolistSync()).toEqual([0.5, 0]);
  });

  it("list combinations and sum to a shape", () => {
    expect(combinations(arange(3)).tolistSync()).toEqual([
      [0, 1],
      [0, 2],
      [1, 2],
    ]);
    expect(ones([2, 3]).sumToSize(1, 3).tolistSync()).toEqual([[2, 2, 2]]);
    expect(() => ones([2, 3]).sumToSize(2)).toThrow("is not expandable to size [2, 3]");
    expect(
      tensor([[3, 4]])
        .renorm(2, 0, 1)
        .norm()
        .itemSync(),
    ).toBeCloseTo(1, 5);
  });
});
