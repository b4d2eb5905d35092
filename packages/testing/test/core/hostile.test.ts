import { adaptiveAvgPool1d, adaptiveMaxPool1d, conv2d, convTranspose2d, interpolate, maxUnpool2d } from "@sconce/core/nn";
import "@sconce/backend-cpu";
import {
  arange,
  asStridedScatter,
  DTypeError,
  eye,
  fromTypedArray,
  full,
  linspace,
  NotSupportedError,
  ones,
  SconceError,
  ShapeError,
  scalar,
  tensor,
  triuIndices,
  ValueError,
  zeros,
} from "@sconce/core";
import { describe, expect, it } from "vitest";

describe("layouts stay within their storage", () => {
  it.each([
    ["an offset that is not a number", [2], [1], Number.NaN],
    ["a negative offset", [2], [1], -100],
    ["an offset beyond the end", [2], [1], 3],
    ["a stride that is not a number", [2], [Number.NaN], 0],
    ["a negative stride", [2], [-1], 3],
    ["a fraction as a size", [1.5], [1], 0],
    ["a negative size", [-2], [1], 0],
    ["more sizes than strides", [2, 2], [1], 0],
    ["an endless size", [Number.POSITIVE_INFINITY], [0], 0],
  ])("asStrided and asStridedScatter refuse %s", (_, shape, strides, offset) => {
    const x = zeros(4);
    expect(() => x.asStrided(shape, strides, offset)).toThrow(ShapeError);
    expect(() => asStridedScatter(x, ones(2), shape, strides, offset)).toThrow(ShapeError);
  });

  it("asStridedScatter writes a layout that fits", () => {
    expect(zeros(5).asStridedScatter(ones(2), [2], [2], 1).tolistSync()).toEqual([0, 1, 0, 1, 0]);
  });

  it("copies beyond what a device holds are refused, views as large are not", () => {
    const x = ones(1, 1).expand(60000, 30000);
    expect(() => x.contiguous()).toThrow(/expected at most \d+ bytes in one tensor/);
    expect(() => x.clone().matmul(ones(30000, 1))).toThrow(NotSupportedError);
    expect(x.sum().itemSync()).toBe(60000 * 30000);
  });

  it("positions that are no integers are refused", () => {
    const x = arange(9).reshape(3, 3);
    expect(() => x.slice(0, 0.5)).toThrow(ValueError);
    expect(() => x.slice(0, 0, Number.NaN)).toThrow(ValueError);
    expect(() => x.sliceScatter(ones(3, 3), 0, { start: Number.NaN })).toThrow(ValueError);
    expect(() => x.sliceScatter(ones(3, 3), 0, { step: 0 })).toThrow(ShapeError);
    expect(() => x.diagonal(0.5)).toThrow(ValueError);
    expect(() => x.diagonal(Number.NaN)).toThrow(ValueError);
    expect(() => x.diagonalScatter(ones(3), { offset: Number.NaN })).toThrow(ValueError);
    expect(() => x.diagEmbed({ offset: 0.5 })).toThrow(ValueError);
    expect(() => x.unfold(0, Number.NaN, 1)).toThrow(ValueError);
    expect(() => x.unfold(0, 2, 0.5)).toThrow(ValueError);
    expect(() => x.tensorSplit(["a" as unknown as number])).toThrow(SconceError);
    expect(() => x.tensorSplit([Number.NaN])).toThrow(SconceError);
  });

  it("a view of more elements than a kernel counts is refused, not read wrongly", () => {
    expect(() => ones(1).expand(2 ** 31 + 8)).toThrow(NotSupportedError);
    expect(() => ones(1, 1).expand(2 ** 20, 2 ** 20)).toThrow(NotSupportedError);
  });

  it("the caller's array of sizes may change afterwards", () => {
    const shape = [2, 3];
    const made = [zeros(shape), full(shape, 1), fromTypedArray(new Float32Array(6), { shape }), zeros(6).view(shape)];
    const strides = [3, 1];
    made.push(arange(6).asStrided(shape, strides));
    shape[0] = 1000;
    strides[0] = 1000;
    for (const x of made) expect([x.shape, x.strides, x.dataSync().length]).toEqual([[2, 3], [3, 1], 6]);
  });

  it("sizes that were written over cannot make an in-place op write beyond the storage", () => {
    const x = zeros(4).add(0);
    const neighbour = ones(300).add(0);
    x.dataSync();
    neighbour.dataSync();
    (x.shape as number[])[0] = 1000;
    expect(() => x.fill_(7)).toThrow(ShapeError);
    expect(() => x.at(500).fill_(7)).toThrow(ShapeError);
    expect(neighbour.dataSync().every((n) => n === 1)).toBe(true);
  });

  it("a host array whose buffer went away is refused", () => {
    const array = new Float32Array(4);
    const x = fromTypedArray(array);
    structuredClone(array, { transfer: [array.buffer] });
    expect(() => x.add(1).dataSync()).toThrow(/transferred or resized/);
  });
});

describe("indices beyond int32", () => {
  const x = arange(4);

  it.each([2n ** 32n, 2n ** 32n + 1n, -(2n ** 32n), 2n ** 63n - 1n])("%s is out of bounds, not another position", (n) => {
    const index = tensor([n]);
    expect(() => x.indexSelect(0, index)).toThrow(ShapeError);
    expect(() => x.gather(0, index)).toThrow(ShapeError);
    expect(() => x.scatter(0, index, 1)).toThrow(ShapeError);
    expect(() => x.take(index)).toThrow(ShapeError);
    expect(() => x.at(index)).toThrow(ShapeError);
    expect(() => x.at([Number(n)])).toThrow(ShapeError);
    expect(() => x.setAt([index], 1)).toThrow(ShapeError);
  });

  it("int64 positions within bounds still work", () => {
    expect(x.indexSelect(0, tensor([3n, 0n])).tolistSync()).toEqual([3, 0]);
    expect(x.at(tensor([-1n, 1n])).tolistSync()).toEqual([3, 1]);
  });
});

describe("sizes that cannot be", () => {
  it("huge ones are refused before anything is computed", () => {
    for (const make of [
      () => arange(1e10),
      () => arange(2 ** 31),
      () => linspace(0, 1, 1e12),
      () => triuIndices(2 ** 40, 2),
      () => eye(1e6),
      () => adaptiveMaxPool1d(ones(1, 1, 4), 2 ** 31),
      () => adaptiveAvgPool1d(ones(1, 1, 5), 2 ** 31),
    ])
      expect(make).toThrow(NotSupportedError);
  });

  it("what is no size is refused with its kind", () => {
    expect(() => zeros("3" as unknown as number)).toThrow(/string 3 is not a size/);
    expect(() => zeros(3n as unknown as number)).toThrow(/bigint 3 is not a size/);
    expect(() => zeros(null as unknown as number)).toThrow(ShapeError);
    expect(() => zeros(Number.NaN)).toThrow(ShapeError);
    expect(() => zeros(-1)).toThrow(/negative dimension -1/);
    expect(() => ones(2).reshape("2" as unknown as number)).toThrow(ShapeError);
    expect(() => ones(2).sum("0" as unknown as number)).toThrow(ShapeError);
  });

  it("windows without extent and fractions of one are refused", () => {
    const x = ones(1, 1, 4, 4);
    expect(() => conv2d(x, zeros(1, 1, 0, 0))).toThrow(/kernel size should be greater than zero/);
    expect(() => convTranspose2d(x, zeros(1, 1, 3, 3), null, { stride: 2, outputPadding: 0.5 })).toThrow(ShapeError);
    expect(() => convTranspose2d(x, zeros(1, 1, 3, 3), null, { stride: 2, outputPadding: Number.NaN })).toThrow(ShapeError);
    expect(() => interpolate(x, { scaleFactor: Number.NaN })).toThrow(ShapeError);
    expect(() => interpolate(x, { size: [2.5, 2] })).toThrow(ShapeError);
    expect(() => maxUnpool2d(x, zeros(1, 1, 4, 4).int(), 2, { outputSize: [Number.NaN, 8] })).toThrow(ShapeError);
  });

  it("an array that holds itself is refused", () => {
    const loop: unknown[] = [];
    loop.push(loop);
    expect(() => tensor(loop as never)).toThrow(ValueError);
  });
});

describe("values that are none", () => {
  it("are refused where a number is expected", () => {
    expect(() => full([2], undefined as unknown as number)).toThrow(ValueError);
    expect(() => full([2], tensor(3) as unknown as number)).toThrow(ValueError);
    expect(() => zeros(2, { dtype: "toString" as never })).toThrow(DTypeError);
    expect(() => zeros(3).indexPut([], 1)).toThrow(ValueError);
  });

  it("are refused where an integer dtype cannot hold them", () => {
    const overflow = /cannot be converted to type u?int8 without overflow/;
    const x = tensor([3, 1, 2], { dtype: "int8" });
    expect(() => x.clamp({ min: 2, max: 1000 })).toThrow(overflow);
    expect(() => x.clampMin(200)).toThrow(overflow);
    expect(() => x.clamp_({ max: -129 })).toThrow(overflow);
    expect(() => full([2], 300, { dtype: "int8" })).toThrow(overflow);
    expect(() => full([2], Number.NaN, { dtype: "int8" })).toThrow(overflow);
    expect(() => x.newFull([2], 300, { dtype: "uint8" })).toThrow(overflow);
    expect(full([2], -1, { dtype: "uint8" }).tolistSync()).toEqual([255, 255]);
    expect(x.clamp({ min: 2, max: 127 }).tolistSync()).toEqual([3, 2, 2]);
  });

  it.each([2n ** 63n, -(2n ** 63n) - 1n, 2n ** 64n])("int64 does not wrap %s", (n) => {
    const overflow = /cannot be converted to type int64 without overflow/;
    const x = zeros(2, { dtype: "int64" });
    expect(() => tensor([n])).toThrow(overflow);
    expect(() => tensor([1n, n], { dtype: "int64" })).toThrow(overflow);
    expect(() => full([2], n)).toThrow(overflow);
    expect(() => scalar(n)).toThrow(overflow);
    expect(() => x.fill_(n)).toThrow(overflow);
    expect(() => x.setAt(0, n)).toThrow(overflow);
    expect(() => x.add(n)).toThrow(overflow);
    expect(() => x.eq(n)).toThrow(overflow);
    expect(() => tensor([Number(n) * 2], { dtype: "int64" })).toThrow(overflow);
    expect(x.tolistSync()).toEqual([0, 0]);
  });

  it("int64 holds its ends", () => {
    const ends = [2n ** 63n - 1n, -(2n ** 63n)];
    expect([...tensor(ends).dataSync()]).toEqual(ends);
    for (const n of ends) expect([...full([1], n).dataSync()]).toEqual([n]);
    for (const n of ends) expect([...zeros(1, { dtype: "int64" }).fill_(n).dataSync()]).toEqual([n]);
  });

  it("setAt and arange write no other number than the one that was given", () => {
    expect(() => zeros(2, { dtype: "int32" }).setAt(0, 2 ** 40)).toThrow(/setAt: value cannot be converted to type int32/);
    expect(() => zeros(2, { dtype: "uint8" }).setAt(0, 300)).toThrow(/setAt: value cannot be converted to type uint8/);
    expect(() => zeros(2).setAt(0, "1" as unknown as number)).toThrow(/expected a number, boolean or bigint, got string/);
    expect(() => arange(0, 2 ** 33, 2 ** 31)).toThrow(/arange: value cannot be converted to type int32/);
    expect(arange(0, 2 ** 33, 2 ** 32, { dtype: "int64" }).dataSync()).toEqual(BigInt64Array.of(0n, 2n ** 32n));
  });
});
