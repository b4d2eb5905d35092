import { arange, argmax, noGrad, ones, randint, randperm, type Tensor, tensor } from "sconce";
import { describe, expect, it } from "vitest";
import { list } from "./helpers.js";

const leaf = (...values: number[]): Tensor => tensor(values, { requiresGrad: true });

describe("documented differences", () => {
  it("a value changed in place after use gives the gradient of the old value", () => {
    for (const change of [(x: Tensor) => x.detach().mul_(100), (x: Tensor) => noGrad(() => x.mul_(100))]) {
      const x = leaf(1);
      const y = x.pow(2);
      change(x);
      expect(String(y)).toBe("tensor([1.], gradFn=<PowBackward0>)");
      expect(String(x)).toBe("tensor([100.], requiresGrad=true)");
      y.backward();
      expect(list(x.grad)).toEqual([2]);
    }
  });

  it("indices and ranges are int32, whole numbers float32", () => {
    expect([arange(3), randint(0, 3, [2]), randperm(3), argmax(ones([2]))].map((x) => x.dtype)).toEqual([
      "int32",
      "int32",
      "int32",
      "int32",
    ]);
    expect([tensor([1, 2]).dtype, tensor([1n]).dtype, tensor([true]).dtype]).toEqual(["float32", "int64", "bool"]);
  });

  it("sums of integers are int64 on the CPU", () => {
    expect(arange(3).sum().dtype).toBe("int64");
  });

  it("a result can be written into another tensor by copy_", () => {
    const result = ones([2]);
    expect(result.copy_(tensor([1, 2]).add(tensor([3, 5])))).toBe(result);
    expect(list(result)).toEqual([4, 7]);
  });
});
