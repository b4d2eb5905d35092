import "@sconce/backend-cpu";
import { arange, fromTypedArray, ones, Tensor, tensor, zeros } from "@sconce/core";
import { describe, expect, it } from "vitest";

describe("in-place ops", () => {
  it("return the tensor itself and count versions", () => {
    const x = ones(3);
    const version = x.storage.version;
    expect(x.add_(1)).toBe(x);
    expect(x.mul_(3).sub_(1).div_(5).tolistSync()).toEqual([1, 1, 1]);
    expect(x.storage.version).toBe(version + 4);
  });

  it("keep the dtype and refuse a lower kind", () => {
    const whole = tensor([1, 2], { dtype: "int64" });
    expect(() => whole.add_(1.5)).toThrow("result type Float can't be cast to the desired output type Long");
    expect(() => whole.div_(2)).toThrow("result type Float can't be cast to the desired output type Long");
    expect(() => tensor([true]).add_(1)).toThrow("result type Long can't be cast to the desired output type Bool");
    expect(whole.mul_(tensor(3, { dtype: "int32" })).dtype).toBe("int64");
    expect(ones(2).add_(ones(2, { dtype: "float64" })).dtype).toBe("float32");
    expect(whole.tolistSync()).toEqual([3, 6]);
  });

  it("refuse to grow", () => {
    expect(() => ones(1, 3).add_(ones(2, 3))).toThrow("output with shape [1, 3] doesn't match the broadcast shape [2, 3]");
    expect(() => ones(3).add_(ones(1, 3))).toThrow("output with shape [3] doesn't match the broadcast shape [1, 3]");
    expect(ones(2, 3).add_(ones(3)).shape).toEqual([2, 3]);
  });

  it("of a tensor with itself or its own views read the old values", () => {
    const x = arange(4).float();
    x.slice(0, 1).copy_(x.slice(0, 0, 3));
    expect(x.tolistSync()).toEqual([0, 0, 1, 2]);
    x.add_(x);
    expect(x.tolistSync()).toEqual([0, 0, 2, 4]);
    const m = arange(4).float().view(2, 2);
    m.add_(m.t());
    expect(m.tolistSync()).toEqual([
      [0, 3],
      [3, 6],
    ]);
  });

  it("copy_ stretches and converts", () => {
    expect(
      zeros(2, 2, { dtype: "int32" })
        .copy_(tensor([1.9, -1.9]))
        .tolistSync(),
    ).toEqual([
      [1, -1],
      [1, -1],
    ]);
    expect(() => zeros(2).copy_(zeros(3))).toThrow("The expanded size of the tensor (2) must match the existing size (3)");
    const source = ones(2);
    const target = zeros(2).copy_(source);
    source.add_(1);
    expect(target.tolistSync()).toEqual([1, 1]);
  });

  it("fill through a transposed view", () => {
    const x = zeros(2, 3);
    x.t().clamp_({ min: 1 }).exp_().round_();
    x.fillDiagonal_(9);
    expect(x.tolistSync()).toEqual([
      [9, 3, 3],
      [3, 9, 3],
    ]);
  });

  it("write to the user's array", () => {
    const array = new Float32Array([1, 2, 3, 4]);
    const x = fromTypedArray(array, { shape: [2, 2] });
    x.select(0, 1).mul_(10);
    expect([...array]).toEqual([1, 2, 30, 40]);
    array[0] = 5;
    expect(x.add(0).tolistSync()).toEqual([
      [5, 2],
      [30, 40],
    ]);
  });

  it("exist for every function of one number and give its result", () => {
    const names = Object.getOwnPropertyNames(Object.getPrototypeOf(Object.getPrototypeOf(Tensor.prototype)));
    const math = names.filter((name) => name.endsWith("_"));
    expect(math.length).toBeGreaterThan(40);
    type Method = () => Tensor;
    for (const name of math) {
      const input = tensor([0.25, 0.5, 0.75]);
      const call = (method: string): Tensor => (input as unknown as Record<string, Method>)[method]();
      const expected = call(name.slice(0, -1)).dataSync();
      expect(call(name), name).toBe(input);
      expect(input.dataSync(), name).toEqual(expected);
    }
  });
});
