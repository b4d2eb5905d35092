import "@sconce/backend-cpu";
import "@sconce/autograd";
import { einsum, ones, ShapeError, type Tensor, tensor, ValueError } from "@sconce/core";
import { describe, expect, it } from "vitest";
import { expectTensor } from "../../src/compare.js";
import { type GoldenTensor, readCases } from "../../src/golden.js";
import { gradientsOf } from "../../src/gradients.js";
import { Values } from "../../src/values.js";

interface EinsumCase {
  readonly id: string;
  readonly equation: string;
  readonly operands: readonly GoldenTensor[];
  readonly out: GoldenTensor;
  readonly cotangent: GoldenTensor;
  readonly grads: readonly GoldenTensor[];
}

const values = new Values("cpu", () => {
  throw new Error("an equation has no modules");
});
const cases = await readCases<EinsumCase>("einsum", "einsum");

describe("einsum", () => {
  it("has cases", () => {
    expect(cases.length).toBe(64);
  });

  it.each(cases.map((c) => [c.id, c] as const))("%s agrees with PyTorch, gradients too", async (_, c) => {
    const operands = c.operands.map((x) => values.tensor(x).requiresGrad_());
    const out = einsum(c.equation, ...operands);
    await expectTensor(out, c.out, 0, "out");
    gradientsOf(new Map([["out", out]]), new Map([["out", values.tensor(c.cotangent)]]));
    for (let i = 0; i < operands.length; i++) await expectTensor(operands[i].grad, c.grads[i], 0, `grad ${i}`);
  });

  it("takes a list of operands, integers and spaces", () => {
    const a = tensor([
      [1, 2],
      [3, 4],
    ]).int();
    expect(einsum("i j, j k -> i k", [a, a]).tolistSync()).toEqual([
      [7, 10],
      [15, 22],
    ]);
  });

  it.each<[string, Tensor[], new (message: string) => Error, string]>([
    ["ij,jk->ik", [ones([2, 3])], ValueError, "fewer operands were provided"],
    ["ij->i", [ones([2, 3]), ones([2])], ValueError, "more operands were provided"],
    ["ij->k", [ones([2, 3])], ValueError, "output subscript k does not appear"],
    ["ij->ii", [ones([2, 3])], ValueError, "output subscript i appears more than once"],
    ["i1->i", [ones([2, 3])], ValueError, "invalid subscript given at index 1"],
    ["ij->i", [ones([2, 3, 4])], ShapeError, "no ellipsis was given"],
    ["ijk->i", [ones([2, 3])], ShapeError, "is more than the number of dimensions"],
    ["ii->i", [ones([2, 3])], ShapeError, "subscript i is repeated for operand 0 but the sizes don't match, 3 != 2"],
    ["ij,jk->ik", [ones([2, 3]), ones([2, 3])], ShapeError, "operands do not broadcast"],
  ])("refuses %s", (equation, operands, error, message) => {
    expect(() => einsum(equation, ...operands)).toThrow(error);
    expect(() => einsum(equation, ...operands)).toThrow(message);
  });
});
