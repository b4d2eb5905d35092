import { gelu, hardtanh, prelu, softshrink, threshold } from "@sconce/core/nn";
import "@sconce/backend-cpu";
import { add, div, eye, full, type NestedArray, ones, pow, scalar, sub, type Tensor, tensor, where, zeros } from "@sconce/core";
import { describe, expect, it } from "vitest";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const int = (data: number[]): Tensor => tensor(data, { dtype: "int32" });

describe("arithmetic", () => {
  it.each<[string, () => Tensor, NestedArray]>([
    [
      "broadcasts",
      () => tensor([1, 2]).add(tensor([[10], [20]])),
      [
        [11, 12],
        [21, 22],
      ],
    ],
    ["scales the second operand", () => tensor([1, 2]).sub(tensor([3, 4]), { alpha: 2 }), [-5, -6]],
    ["takes a number first", () => sub(1, tensor([3, 4])), [-2, -3]],
    ["divides integers to floats", () => int([3, 4]).div(2), [1.5, 2]],
    ["divides a number by a tensor", () => div(6, int([3, 4])), [2, 1.5]],
    ["floors quotients", () => int([7, -7]).div(2, { roundingMode: "floor" }), [3, -4]],
    ["truncates quotients", () => int([7, -7]).div(2, { roundingMode: "trunc" }), [3, -3]],
    ["gives remainders the sign of the divisor", () => int([5, -5]).remainder(3), [2, 1]],
    ["gives fmod the sign of the dividend", () => int([5, -5]).fmod(3), [2, -2]],
    ["adds bools as or", () => tensor([true, false]).add(tensor([true, true])), [true, true]],
    ["multiplies bools as and", () => tensor([true, false]).mul(tensor([true, true])), [true, false]],
    ["raises integers to integers", () => int([-2, 3]).pow(3), [-8, 27]],
    ["raises a number to a tensor", () => pow(2, tensor([0, 1, -1])), [1, 2, 0.5]],
    ["takes cubes of negative floats", () => tensor([-2, 0.5]).pow(3), [-8, 0.125]],
    ["works without dimensions", () => scalar(2).mul(scalar(3)), 6],
    ["works on empty tensors", () => zeros(0, 3).add(ones(3)), []],
    ["lets numbers win over NaN in fmax", () => tensor([nan, 1, nan]).fmax(tensor([2, nan, nan])), [2, 1, nan]],
    ["lets NaN win in maximum", () => tensor([nan, 1]).maximum(0), [nan, 1]],
    ["keeps 0 in xlogy", () => tensor([0, 2]).xlogy(tensor([0, 1])), [0, 0]],
    ["interpolates", () => tensor([0, 10]).lerp(tensor([10, 20]), 0.75), [7.5, 17.5]],
    ["adds products", () => ones(2).addcmul(tensor([2, 3]), tensor([4, 5]), { value: 2 }), [17, 31]],
    ["adds quotients", () => ones(2).addcdiv(tensor([2, 3]), tensor([4, 6])), [1.5, 1.5]],
  ])("%s", (_, call, expected) => {
    expect(call().tolistSync()).toEqual(expected);
  });

  it("is free functions too", () => {
    expect(add(ones(2), 1).tolistSync()).toEqual([2, 2]);
  });

  it("does not fuse what was read before with what is written later", () => {
    const x = ones(2);
    const y = x.mul(2).add(1);
    x.zero_();
    expect(y.exp().log().round().tolistSync()).toEqual([3, 3]);
  });
});

describe("clamp, masks and selection", () => {
  it.each<[string, () => Tensor, NestedArray]>([
    ["clamp takes numbers", () => tensor([-2, 0.5, nan]).clamp({ min: -1, max: 1 }), [-1, 0.5, nan]],
    ["clamp takes tensors", () => tensor([1, 5]).clamp({ min: tensor([2, 2]), max: tensor([3, 4]) }), [2, 4]],
    ["clamp takes one bound", () => int([1, 5]).clamp({ max: 3 }), [1, 3]],
    [
      "where broadcasts",
      () => where(tensor([true, false]), tensor([[1], [2]]), 0),
      [
        [1, 0],
        [2, 0],
      ],
    ],
    ["where of two numbers", () => where(tensor([true, false]), 1.5, 0), [1.5, 0]],
    [
      "maskedFill broadcasts the mask",
      () => zeros(2, 2).maskedFill(tensor([true, false]), -inf),
      [
        [-inf, 0],
        [-inf, 0],
      ],
    ],
    ["maskedFill takes a tensor without dimensions", () => zeros(2).maskedFill(tensor([true, false]), tensor(3)), [3, 0]],
    ["nanToNum", () => tensor([nan, inf, -inf]).nanToNum({ posinf: 1, neginf: -1 }), [0, 1, -1]],
    ["heaviside", () => tensor([-1, 0, 2]).heaviside(tensor(0.5)), [0, 0.5, 1]],
    ["hardtanh", () => hardtanh(tensor([-3, 0.5, 3])), [-1, 0.5, 1]],
    ["threshold", () => threshold(tensor([0, 1, 2]), 1, -9), [-9, -9, 2]],
    ["prelu takes a slope per channel", () => prelu(tensor([[-1, -1]]), tensor([0.5, 2])), [[-0.5, -2]]],
  ])("%s", (_, call, expected) => {
    expect(call().tolistSync()).toEqual(expected);
  });
});

describe("comparisons and logic", () => {
  it.each<[string, () => Tensor, NestedArray]>([
    ["eq with NaN", () => tensor([nan, 1]).eq(tensor([nan, 1])), [false, true]],
    ["integers with fractions", () => int([1, 2]).gt(1.5), [false, true]],
    ["mixed dtypes", () => int([1, 2]).le(tensor([1.5, 1.5])), [true, false]],
    ["logical ops of numbers", () => tensor([0, 2]).logicalAnd(tensor([1, 1])), [false, true]],
    ["logicalNot", () => tensor([0, 2]).logicalNot(), [true, false]],
    ["bits", () => int([5, 6]).bitwiseXor(3), [6, 5]],
    ["bitwiseNot", () => int([0, 5]).bitwiseNot(), [-1, -6]],
    ["shifts", () => int([1, -8]).bitwiseLeftShift(2).bitwiseRightShift(1), [2, -16]],
    ["isfinite", () => tensor([1, inf, nan]).isfinite(), [true, false, false]],
    ["isnan of integers", () => int([1]).isnan(), [false]],
    ["signbit", () => tensor([-0, 0, -1]).signbit(), [true, false, true]],
    ["isclose", () => tensor([1, 2, nan]).isclose(tensor([1.000001, 2.1, nan]), { equalNan: true }), [true, false, true]],
  ])("%s", (_, call, expected) => {
    expect(call().tolistSync()).toEqual(expected);
  });

  it("equal and allclose reduce to one answer", async () => {
    const x = tensor([1, 2]);
    expect([x.equalSync(x.clone()), x.equalSync(tensor([1, 3])), x.equalSync(tensor([[1, 2]]))]).toEqual([true, false, false]);
    expect([x.allcloseSync(x.add(1e-7)), x.allcloseSync(x.add(0.1)), x.allcloseSync(x.add(0.1), { atol: 1 })]).toEqual([true, false, true]);
    expect([await x.equal(x), await x.allclose(x.add(1))]).toEqual([true, false]);
  });
});

describe("refusals", () => {
  const b = tensor([true]);
  it.each<[string, () => unknown, string]>([
    ["shapes", () => ones(3).add(ones(2)), "The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 0"],
    ["sub of bools", () => b.sub(b), "Subtraction, the `-` operator, with two bool tensors is not supported"],
    ["sub of a bool", () => ones(1).sub(b), "with a bool tensor is not supported"],
    ["neg of bools", () => b.neg(), "Negation, the `-` operator, on a bool tensor is not supported"],
    ["gelu of integers", () => gelu(int([1])), "\"gelu\" not implemented for 'Int'"],
    ["negative powers of integers", () => int([2]).pow(-1), "Integers to negative integer powers are not allowed"],
    ["division of integers by 0", () => int([2]).remainder(0), "ZeroDivisionError"],
    ["bits of floats", () => ones(1).bitwiseAnd(1), "\"bitwiseAnd\" not implemented for 'Float'"],
    ["clamp without bounds", () => ones(1).clamp({}), "At least one of 'min' or 'max' must not be None"],
    ["masks of numbers", () => ones(1).maskedFill(ones(1), 0), "only supports boolean masks"],
    ["where of numbers", () => where(ones(1), 1, 0), "expected condition to be a boolean tensor, but got a tensor with dtype Float"],
    ["fractional alpha", () => int([1]).add(int([1]), { alpha: 0.5 }), "argument alpha must not be a floating point number"],
    ["unknown rounding", () => ones(1).div(2, { roundingMode: "up" as never }), 'expected roundingMode null, "trunc" or "floor"'],
    [
      "lerp of two dtypes",
      () => ones(1).lerp(ones(1, { dtype: "float64" }), 0.5),
      "expected dtype float32 for `end` but got dtype float64",
    ],
    ["softshrink", () => softshrink(ones(1), -1), "lambda must be greater or equal to 0"],
  ])("%s", (_, call, message) => {
    expect(call).toThrow(message);
  });

  it("carry the op and the shapes", () => {
    expect(() => ones(3).mul(full([2], 1))).toThrow(expect.objectContaining({ name: "ShapeError", op: "mul", shapes: [[3], [2]] }));
    expect(() => gelu(eye(2), { approximate: "erf" as never })).toThrow(expect.objectContaining({ name: "ValueError", op: "gelu" }));
  });
});
