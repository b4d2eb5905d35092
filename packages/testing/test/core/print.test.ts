import "@sconce/backend-cpu";
import { inspect } from "node:util";
import { addPrintSuffix, arange, NotSupportedError, scalar, scope, type Tensor, tensor, zeros } from "@sconce/core";
import { describe, expect, it } from "vitest";

describe("the text of a tensor", () => {
  it.each<[Tensor, string]>([
    [scalar(8), "tensor(8.)"],
    [tensor([1e-5, 1]), "tensor([1.0000e-05, 1.0000e+00])"],
    [tensor([1, 2, 3]), "tensor([1., 2., 3.])"],
    [tensor([true, false]), "tensor([ True, False])"],
    [tensor([]), "tensor([])"],
    [zeros(2, 0), "tensor([], size=(2, 0))"],
    [tensor([1.5, Number.NaN, Number.POSITIVE_INFINITY]), "tensor([1.5000,    nan,    inf])"],
    [arange(2), "tensor([0, 1])"],
    [tensor([1, 2], { dtype: "float64" }), "tensor([1., 2.], dtype=float64)"],
    [
      tensor([
        [1, 2],
        [3, 4],
      ]).t(),
      "tensor([[1., 3.],\n        [2., 4.]])",
    ],
  ])("%#: is PyTorch's", (x, text) => {
    expect(String(x)).toBe(text);
    expect(inspect(x)).toBe(text);
  });

  it("of a freed tensor says so", () => {
    let lost: Tensor | undefined;
    scope(() => {
      lost = zeros(2);
    });
    expect(String(lost)).toBe("tensor(<freed>, shape=[2], dtype=float32)");
  });

  it("stands in templates, and takes no part in arithmetic and comparison", () => {
    const x: unknown = tensor([1, 2]);
    expect(`x = ${x}`).toBe("x = tensor([1., 2.])");
    for (const wrong of [() => (x as number) < 1, () => (x as number) * 2, () => Number(x)]) expect(wrong).toThrow(NotSupportedError);
  });

  it("is JSON as nested arrays", () => {
    expect(JSON.stringify({ x: tensor([[1, 2]]), y: scalar(3) })).toBe('{"x":[[1,2]],"y":3}');
  });

  it("ends with what other packages add", () => {
    const marked = zeros(1);
    addPrintSuffix((t) => (t === marked ? "note=1" : undefined));
    expect([String(marked), String(zeros(1))]).toEqual(["tensor([0.], note=1)", "tensor([0.])"]);
  });
});
