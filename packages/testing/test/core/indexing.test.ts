import "@sconce/backend-cpu";
import "@sconce/autograd";
import { arange, type Tensor, tensor, ValueError, zeros } from "@sconce/core";
import { describe, expect, it } from "vitest";
import { expectTensor } from "../../src/compare.js";
import { type GoldenTensor, type GoldenValue, readCases } from "../../src/golden.js";
import { gradientsOf } from "../../src/gradients.js";
import { Values } from "../../src/values.js";

interface IndexCase {
  readonly id: string;
  readonly x: GoldenTensor;
  readonly index: GoldenValue;
  readonly value?: GoldenValue;
  readonly out?: GoldenTensor;
  readonly cotangent?: GoldenTensor;
  readonly grad?: GoldenTensor;
  readonly error?: GoldenValue;
}

const values = new Values("cpu", () => {
  throw new Error("an index has no modules");
});
const indexOf = (c: IndexCase): never[] => values.value(c.index) as never[];

const gets = await readCases<IndexCase>("indexing", "get");
const sets = await readCases<IndexCase>("indexing", "set");

describe("at, against PyTorch", () => {
  it("has cases", () => {
    expect(gets.length).toBeGreaterThan(100);
    expect(sets.length).toBeGreaterThan(50);
  });

  it.each(gets.map((c) => [c.id, c] as const))("%s gives the elements and the gradient", async (_, c) => {
    if (c.error !== undefined) {
      expect(() => values.tensor(c.x).at(...indexOf(c))).toThrow(Error);
      return;
    }
    const x = values.tensor(c.x).requiresGrad_();
    const out = x.at(...indexOf(c));
    await expectTensor(out, c.out as GoldenTensor, 0, "out");
    if (c.cotangent === undefined) return;
    gradientsOf(new Map([["out", out]]), new Map([["out", values.tensor(c.cotangent)]]));
    await expectTensor(x.grad, c.grad as GoldenTensor, 0, "grad");
  });
});

describe("setAt, against PyTorch", () => {
  it.each(sets.map((c) => [c.id, c] as const))("%s writes the elements", async (_, c) => {
    const x = values.tensor(c.x);
    const write = (): Tensor => x.setAt(indexOf(c), values.value(c.value as GoldenValue) as Tensor | number);
    if (c.error !== undefined) {
      expect(write).toThrow(Error);
      return;
    }
    expect(write()).toBe(x);
    await expectTensor(x, c.out as GoldenTensor, 0, "x");
  });
});

describe("at", () => {
  const x = arange(12).reshape([3, 4]);

  it("makes views for integers, slices and null", () => {
    const y = zeros([3, 4]);
    y.at("1:", null, 0).fill_(5);
    expect(y.tolistSync()).toEqual([
      [0, 0, 0, 0],
      [5, 0, 0, 0],
      [5, 0, 0, 0],
    ]);
  });

  it("copies for lists, tensors and masks", () => {
    const y = zeros([3]);
    y.at([0, 1]).fill_(5);
    y.at(tensor([true, false, true])).fill_(5);
    expect(y.tolistSync()).toEqual([0, 0, 0]);
  });

  it("clips slices as Python does", () => {
    expect(x.at("-100:100", "2:1").shape).toEqual([3, 0]);
    expect(x.at(":", "::3").tolistSync()).toEqual([
      [0, 3],
      [4, 7],
      [8, 11],
    ]);
  });

  it("pairs index lists and broadcasts index tensors", () => {
    expect(x.at([0, 2], [1, -1]).tolistSync()).toEqual([1, 11]);
    expect(x.at(tensor([[0], [2]]).int(), tensor([0, 1]).int()).tolistSync()).toEqual([
      [0, 1],
      [8, 9],
    ]);
  });

  it("puts picked dimensions first where a slice parts them", () => {
    const y = arange(24).reshape([2, 3, 4]);
    expect(y.at([0, 1], ":", [1, 2]).tolistSync()).toEqual([
      [1, 5, 9],
      [14, 18, 22],
    ]);
    expect(y.at(":", [0, 2], [1, 3]).shape).toEqual([2, 2]);
  });

  it("takes masks of lists, of tensors and single booleans", () => {
    expect(x.at([true, false, true], 0).tolistSync()).toEqual([0, 8]);
    expect(x.at(x.gt(9)).tolistSync()).toEqual([10, 11]);
    expect(x.at(true).shape).toEqual([1, 3, 4]);
    expect(x.at(false).shape).toEqual([0, 3, 4]);
  });

  it("names an index that is out of bounds", () => {
    expect(() => x.at(5)).toThrow("at: index 5 is out of bounds for dimension 0 with size 3");
    expect(() => x.at(":", [0, -5])).toThrow("index -5 is out of bounds for dimension 1 with size 4");
    expect(() => x.at(tensor([7]).int())).toThrow("index 7 is out of bounds for dimension 0 with size 3");
    expect(() => x.at([0, 0], tensor([1, 4]).int())).toThrow("index 4 is out of bounds for dimension 1 with size 4");
  });

  it("refuses malformed indices", () => {
    expect(() => x.at(0, 0, 0)).toThrow("too many indices for tensor of dimension 2");
    expect(() => x.at("1;2")).toThrow(ValueError);
    expect(() => x.at("::-1")).toThrow("slice step must be positive");
    expect(() => x.at("...", "...")).toThrow("single ellipsis");
    expect(() => x.at(1.5)).toThrow("expected an integer index, got 1.5");
    expect(() => x.at(tensor([1.5]))).toThrow("tensors used as indices must be long, byte or bool tensors");
    expect(() => x.at([true, false])).toThrow(
      "The shape of the mask [2] at index 0 does not match the shape of the indexed tensor [3, 4] at index 0",
    );
    expect(() => x.at([0, 1], [0, 1, 2])).toThrow("indexing tensors could not be broadcast together with shapes [2], [3]");
    expect(() => x.at([[0, 1], [2]])).toThrow("lists of equal length");
  });
});

describe("setAt", () => {
  it("adds once for every time that a position is named, with accumulate", () => {
    const x = zeros([3]);
    x.setAt([[0, 0, 2]], tensor([1, 2, 3]), { accumulate: true });
    expect(x.tolistSync()).toEqual([3, 0, 3]);
  });

  it("reads an overlapping source before it writes", () => {
    const x = arange(5);
    x.setAt("1:", x.at(":-1"));
    expect(x.tolistSync()).toEqual([0, 0, 1, 2, 3]);
  });

  it("writes a number through a mask without reading it", () => {
    const x = arange(4).float();
    x.setAt(x.gt(1), -1);
    expect(x.tolistSync()).toEqual([0, 1, -1, -1]);
  });

  it("says which value does not fit", () => {
    expect(() => zeros([3, 2]).setAt([0], tensor([1, 2, 3]))).toThrow(
      "shape mismatch: value tensor of shape [3] cannot be broadcast to indexing result of shape [2]",
    );
  });

  it.each([
    ["a slice", ["1:"]],
    ["a list", [[1, 2]]],
    ["a mask", [[false, true, true]]],
  ] as const)("sends gradients to the value and the rest of the tensor, for %s", (_, index) => {
    const base = tensor([1, 2, 3], { requiresGrad: true });
    const value = tensor([4, 5], { requiresGrad: true });
    const x = base.mul(2);
    x.setAt(index as never, value);
    x.mul(tensor([10, 20, 30]))
      .sum()
      .backward();
    expect(base.grad?.tolistSync()).toEqual([20, 0, 0]);
    expect(value.grad?.tolistSync()).toEqual([20, 30]);
  });

  it("shows PyTorch's node names", () => {
    const x = zeros([3], { requiresGrad: true });
    expect(x.at([0, 1]).gradFn?.name).toBe("IndexBackward0");
    expect(x.at(0).gradFn?.name).toBe("SelectBackward0");
    expect(x.at("1:").gradFn?.name).toBe("SliceBackward0");
    expect(x.at(null).gradFn?.name).toBe("UnsqueezeBackward0");
  });
});
