import "@sconce/backend-cpu";
import { arange, ones, type Tensor, tensor, zeros } from "@sconce/core";
import { describe, expect, it } from "vitest";

const matrix = (): Tensor => arange(6).float().view(2, 3);

describe("views share memory", () => {
  it("writes through a reshaped, transposed or sliced view reach the base", () => {
    const x = zeros(2, 3);
    x.view(6).narrow(0, 1, 1).fill_(1);
    x.t().select(0, 2).fill_(2);
    x.slice(1, 0, null, 2).select(0, 1).mul_(10).add_(5);
    expect(x.tolistSync()).toEqual([
      [0, 1, 2],
      [5, 0, 25],
    ]);
  });

  it("a write to the base is seen by every view", () => {
    const x = matrix();
    const views = [x.t(), x.flatten(), x.diagonal(), x.unsqueeze(0), x.expand(2, 2, 3), x.detach(), x.select(0, 1), x.unfold(1, 2, 1)];
    x.zero_();
    for (const v of views)
      expect(
        v
          .abs()
          .flatten()
          .dataSync()
          .every((n) => n === 0),
      ).toBe(true);
  });

  it("a view written through another view sees it", () => {
    const x = matrix();
    const row = x.select(0, 0);
    const column = x.select(1, 0);
    row.fill_(7);
    expect(column.tolistSync()).toEqual([7, 3]);
    column.copy_(tensor([1, 2]));
    expect(row.tolistSync()).toEqual([1, 7, 7]);
  });

  it("earlier results keep the values that they were computed from", () => {
    const x = matrix();
    const before = x.add(1);
    const part = x.select(0, 0).mul(2);
    x.fill_(100);
    expect(before.tolistSync()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(part.tolistSync()).toEqual([0, 2, 4]);
  });

  it("copies do not share", () => {
    const x = matrix();
    for (const copy of [
      x.clone(),
      x.flip(0),
      x.roll(1),
      x.repeat(1, 1),
      x.t().contiguous(),
      x.t().reshape(6),
      x.diag(),
      x.to({ copy: true }),
    ]) {
      const before = copy.tolistSync();
      x.add_(1);
      expect(copy.tolistSync()).toEqual(before);
    }
  });

  it("split, chunk, unbind and diagonal are views", () => {
    const x = zeros(4, 2);
    x.split(3)[1].add_(1);
    x.chunk(2, { dim: 1 })[0].add_(10);
    x.unbind()[0].add_(100);
    x.diagonal().add_(1000);
    expect(x.tolistSync()).toEqual([
      [1110, 100],
      [10, 1000],
      [10, 0],
      [11, 1],
    ]);
  });

  it("a write to a stretched tensor is refused", () => {
    expect(() => ones(1, 3).expand(2, 3).add_(1)).toThrow(
      "more than one element of the written-to tensor refers to a single memory location",
    );
  });
});

describe("layouts", () => {
  it("are PyTorch's strides and offsets", () => {
    const x = arange(24).view(2, 3, 4);
    expect(x.strides).toEqual([12, 4, 1]);
    expect(x.permute(2, 0, 1).strides).toEqual([1, 12, 4]);
    expect([x.select(1, 2).offset, x.select(1, 2).strides]).toEqual([8, [12, 1]]);
    expect(x.slice(2, 1, 4, 2).strides).toEqual([12, 4, 2]);
    expect(x.unsqueeze(1).strides).toEqual([12, 12, 4, 1]);
    expect(x.diagonal({ dim1: 1, dim2: 2 }).strides).toEqual([12, 5]);
    expect(x.unfold(2, 2, 2).shape).toEqual([2, 3, 2, 2]);
    expect(x.movedim(0, -1).shape).toEqual([3, 4, 2]);
    expect([x.T.shape, x.mT.shape]).toEqual([
      [4, 3, 2],
      [2, 4, 3],
    ]);
    expect(x.unflatten(2, [2, -1]).shape).toEqual([2, 3, 2, 2]);
    expect(x.flatten({ startDim: 1 }).shape).toEqual([2, 12]);
  });

  it("of transposed tensors allow views only where strides fit", () => {
    const x = arange(24).view(2, 3, 4).transpose(0, 1);
    expect(x.view(3, 2, 2, 2).shape).toEqual([3, 2, 2, 2]);
    expect(() => x.view(6, 4)).toThrow(
      /view size is not compatible with input tensor's size and stride .*Use \.reshape\(\.\.\.\) instead\./,
    );
    expect(x.reshape(6, 4).select(0, 1).tolistSync()).toEqual([12, 13, 14, 15]);
  });

  it("change in place with t_, transpose_, squeeze_ and unsqueeze_", () => {
    const x = matrix();
    expect(x.t_()).toBe(x);
    expect([x.shape, x.strides]).toEqual([
      [3, 2],
      [1, 3],
    ]);
    expect(x.unsqueeze_(0).shape).toEqual([1, 3, 2]);
    expect(x.transpose_(1, 2).squeeze_(0).tolistSync()).toEqual(matrix().tolistSync());
    expect(x.asStrided_([2], [1], 1)).toBe(x);
    expect(x.shape).toEqual([2]);
  });

  it("of empty and zero-dimensional tensors work", () => {
    expect(zeros(0, 3).view(3, 0).shape).toEqual([3, 0]);
    expect(zeros(0, 3).t().reshape(-1).shape).toEqual([0]);
    expect(tensor(5).view(1, 1).shape).toEqual([1, 1]);
    expect(tensor(5).flatten().shape).toEqual([1]);
    expect(tensor(5).expand(2, 2).tolistSync()).toEqual([
      [5, 5],
      [5, 5],
    ]);
    expect(zeros(0).flip(0).shape).toEqual([0]);
    expect(tensor(3).unsqueeze(0).squeeze().shape).toEqual([]);
  });
});

describe("copies that move elements", () => {
  it("flip, roll, rot90, repeat, tile and repeatInterleave place them as PyTorch", () => {
    const x = arange(4).view(2, 2);
    expect(x.flip(0, 1).tolistSync()).toEqual([
      [3, 2],
      [1, 0],
    ]);
    expect(x.roll([1, -1], [0, 1]).tolistSync()).toEqual([
      [3, 2],
      [1, 0],
    ]);
    expect(x.roll(1).tolistSync()).toEqual([
      [3, 0],
      [1, 2],
    ]);
    expect(x.rot90().tolistSync()).toEqual([
      [1, 3],
      [0, 2],
    ]);
    expect(x.rot90(-1).tolistSync()).toEqual([
      [2, 0],
      [3, 1],
    ]);
    expect(x.repeat(2, 1, 2).shape).toEqual([2, 2, 4]);
    expect(arange(2).tile(2, 2).tolistSync()).toEqual([
      [0, 1, 0, 1],
      [0, 1, 0, 1],
    ]);
    expect(x.repeatInterleave(2, 1).tolistSync()).toEqual([
      [0, 0, 1, 1],
      [2, 2, 3, 3],
    ]);
    expect(x.repeatInterleave(tensor([2, 0], { dtype: "int32" }), { dim: 0 }).tolistSync()).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  it("diag and diagEmbed put vectors on diagonals", () => {
    const v = tensor([1, 2], { dtype: "int32" });
    expect(v.diag(1).tolistSync()).toEqual([
      [0, 1, 0],
      [0, 0, 2],
      [0, 0, 0],
    ]);
    expect(v.diag().diag().tolistSync()).toEqual([1, 2]);
    expect(tensor([[1, 2]]).diagEmbed({ offset: -1, dim1: 0 }).shape).toEqual([3, 1, 3]);
  });
});

describe("errors of layouts", () => {
  const x = zeros(2, 3);
  it.each<[string, () => unknown, string]>([
    ["view", () => x.view(4, -1), "shape '[4, -1]' is invalid for input of size 6"],
    ["view with two -1", () => x.view(-1, -1), "only one dimension can be inferred"],
    ["permute", () => x.permute(0), "number of dimensions in the tensor input does not match"],
    ["permute twice", () => x.permute(0, 0), "repeated dim in permute"],
    ["transpose", () => x.transpose(0, 2), "Dimension out of range (expected to be in range of [-2, 1], but got 2)"],
    ["t", () => zeros(1, 1, 1).t(), "t() expects a tensor with <= 2 dimensions, but self is 3D"],
    ["expand", () => x.expand(2, 4), "The expanded size of the tensor (4) must match the existing size (3) at non-singleton dimension 1"],
    ["expand to fewer", () => x.expand(3), "must be greater or equal to the number of dimensions"],
    ["select", () => x.select(0, 5), "index 5 is out of bounds for dimension 0 with size 2"],
    ["select of a number", () => tensor(1).select(0, 0), "select() cannot be applied to a 0-dim tensor"],
    ["narrow", () => x.narrow(1, 2, 2), "start (2) + length (2) exceeds dimension size (3)"],
    ["split", () => x.split([1, 1], 1), "sum exactly to 3"],
    ["split by 0", () => x.split(0), "split_size=0"],
    ["chunk", () => x.chunk(0), "`chunks` to be greater than 0"],
    ["unfold", () => x.unfold(1, 4, 1), "maximum size for tensor at dimension 1 is 3 but size is 4"],
    ["diagonal", () => x.diagonal({ dim1: 1, dim2: -1 }), "diagonal dimensions cannot be identical 1, -1"],
    ["repeat", () => x.repeat(2), "can not be smaller than number of dimensions of tensor"],
    ["asStrided", () => x.asStrided([7], [1]), "out of bounds for storage of size 6"],
    ["movedim", () => x.movedim([0, 0], [0, 1]), "Invalid source or destination dims"],
    ["rot90", () => x.rot90(1, [1, 1]), "expected rotation dims to be different"],
    ["flatten", () => x.flatten(1, 0), "start_dim cannot come after end_dim"],
  ])("%s", (_, call, message) => {
    expect(call).toThrow(message);
  });
});
