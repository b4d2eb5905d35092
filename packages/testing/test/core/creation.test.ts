import "@sconce/backend-cpu";
import {
  arange,
  asTensor,
  blockDiag,
  cartesianProd,
  cat,
  dstack,
  empty,
  eye,
  fromTypedArray,
  full,
  fullLike,
  hstack,
  linspace,
  logspace,
  meshgrid,
  ones,
  onesLike,
  setDefaultDType,
  stack,
  Tensor,
  tensor,
  trilIndices,
  triuIndices,
  ValueError,
  vstack,
  zeros,
  zerosLike,
} from "@sconce/core";
import { afterEach, describe, expect, it } from "vitest";

afterEach(() => setDefaultDType("float32"));

describe("tensor", () => {
  it("takes the dtype from the elements", () => {
    expect(tensor([1, 2]).dtype).toBe("float32");
    expect(tensor([true]).dtype).toBe("bool");
    expect(tensor([1n, 2n]).dtype).toBe("int64");
    expect(tensor([true, 1]).dtype).toBe("float32");
    expect(tensor(new Float64Array(2)).dtype).toBe("float64");
    expect(tensor([new Uint8Array([1, 2]), new Uint8Array([3, 4])]).tolistSync()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    setDefaultDType("float64");
    expect([tensor([1]).dtype, zeros(1).dtype, tensor([1n]).dtype]).toEqual(["float64", "float64", "int64"]);
  });

  it("says how to make a tensor of data to those who call the class", () => {
    expect(() => new (Tensor as unknown as new (data: number[]) => Tensor)([1, 2])).toThrow("tensor(data) makes a tensor of data");
  });

  it("refuses plain numbers that an integer dtype cannot hold, and wraps those of host arrays", () => {
    for (const [value, dtype] of [
      [300, "int8"],
      [256, "uint8"],
      [-256, "uint8"],
      [2 ** 31, "int32"],
      [70000, "int16"],
      [Number.NaN, "int32"],
      [Number.POSITIVE_INFINITY, "int64"],
      [2n ** 40n, "int32"],
    ] as const) {
      expect(() => tensor([value], { dtype })).toThrow(`value cannot be converted to type ${dtype} without overflow`);
      expect(() => tensor(value, { dtype })).toThrow(ValueError);
      expect(() => tensor([[0], [value]], { dtype })).toThrow(ValueError);
    }
    expect(tensor([-1], { dtype: "uint8" }).tolistSync()).toEqual([255]);
    expect(tensor([1.5, -2.7], { dtype: "int8" }).tolistSync()).toEqual([1, -2]);
    expect(tensor(new Float64Array([300]), { dtype: "int8" }).tolistSync()).toEqual([44]);
    expect(tensor(new Int32Array([300]), { dtype: "int64" }).tolistSync()).toEqual([300]);
    expect(tensor([300], { dtype: "bool" }).tolistSync()).toEqual([true]);
  });

  it("converts to the dtype asked for", () => {
    expect(tensor([1.7, -1.7], { dtype: "int32" }).tolistSync()).toEqual([1, -1]);
    expect(tensor([0, 2], { dtype: "bool" }).tolistSync()).toEqual([false, true]);
    expect(tensor([1, 2], { dtype: "int64" }).dataSync()).toEqual(new BigInt64Array([1n, 2n]));
    expect(tensor(new Float32Array([1.5]), { dtype: "float64" }).dtype).toBe("float64");
  });

  it("refuses a dtype that does not exist, and says which do", () => {
    expect(() => tensor([1], { dtype: "complex64" as "float32" })).toThrow(
      'tensor: expected a dtype of bool, uint8, int8, int16, int32, int64, float16, bfloat16, float32, float64, got "complex64"',
    );
  });

  it("takes nested, empty and single values", () => {
    expect(tensor([[[1], [2]]]).shape).toEqual([1, 2, 1]);
    expect([tensor([]).shape, tensor([[], []]).shape, tensor(5).shape]).toEqual([[0], [2, 0], []]);
  });

  it("copies host arrays and tensors", () => {
    const array = new Float32Array([1, 2]);
    const x = tensor(array);
    const y = tensor(x);
    array[0] = 9;
    x.add_(1);
    expect([x.tolistSync(), y.tolistSync()]).toEqual([
      [2, 3],
      [1, 2],
    ]);
  });

  it("names the position where arrays are ragged", () => {
    expect(() => tensor([[1, 2], [3]])).toThrow("expected sequence of length 2 at dim 1 (got 1) at position [1]");
    expect(() => tensor([[1, 2], 3])).toThrow("expected sequence of length 2 at dim 1 (got number) at position [1]");
    expect(() => tensor([1, [2]])).toThrow("expected a value, got a sequence of length 1 at position [1]");
    expect(() => tensor([1, "2" as never])).toThrow("expected a number, boolean or bigint, got string at position [1]");
    expect(() => tensor([ones(1) as never])).toThrow("stack() joins tensors");
  });
});

describe("fromTypedArray and asTensor", () => {
  it("share memory where they can", () => {
    const array = new Int32Array([1, 2]);
    const shared = asTensor(array);
    array[0] = 5;
    expect(shared.tolistSync()).toEqual([5, 2]);
    expect(asTensor(shared)).toBe(shared);
    expect(asTensor(array, { dtype: "float32" }).dtype).toBe("float32");
    expect(shared.add_(1).typedArray()).toBe(array);
  });

  it("check the shape and the dtype", () => {
    expect(() => fromTypedArray(new Float32Array(3), { shape: [2] })).toThrow("shape '[2]' is invalid for input of size 3");
    expect(() => fromTypedArray(new Float32Array(3), { dtype: "int32" })).toThrow("expected an array that holds int32, got Float32Array");
    expect(fromTypedArray(new Uint8Array([0, 1]), { dtype: "bool" }).tolistSync()).toEqual([false, true]);
  });
});

describe("filled tensors", () => {
  it("take sizes as an array or one by one, and options last", () => {
    expect([zeros(2, 3).shape, zeros([2, 3]).shape, ones(2, { dtype: "int32" }).dtype, empty([1], { dtype: "bool" }).dtype]).toEqual([
      [2, 3],
      [2, 3],
      "int32",
      "bool",
    ]);
    expect(zeros([]).shape).toEqual([]);
    expect(() => zeros(-1)).toThrow("negative dimension -1");
    expect(() => zeros(2, { dtype: "complex64" as never })).toThrow("expected a dtype of");
    expect(() => zeros(2, { device: "tpu" as never })).toThrow('device "tpu" is not available');
  });

  it("take dtypes from the value or from another tensor", () => {
    expect([full([1], true).dtype, full([1], 1n).dtype, full([1], 1).dtype]).toEqual(["bool", "int64", "float32"]);
    const x = ones(2, 2, { dtype: "int32" });
    expect([zerosLike(x).dtype, onesLike(x, { dtype: "float64" }).dtype, fullLike(x, 7).tolistSync()]).toEqual([
      "int32",
      "float64",
      [
        [7, 7],
        [7, 7],
      ],
    ]);
    expect([x.newZeros(3).dtype, x.newOnes([1], { dtype: "bool" }).dtype, x.newTensor([1.5]).tolistSync()]).toEqual(["int32", "bool", [1]]);
  });

  it("eye has ones on the diagonal", () => {
    expect(eye(2, 3).tolistSync()).toEqual([
      [1, 0, 0],
      [0, 1, 0],
    ]);
    expect(eye(2, { dtype: "int32" }).dtype).toBe("int32");
    expect(() => eye(-1)).toThrow("n must be greater or equal to 0, got -1");
  });
});

describe("ranges", () => {
  it("arange is int32 of integers and float of fractions", () => {
    expect([arange(3).dtype, arange(3).tolistSync()]).toEqual(["int32", [0, 1, 2]]);
    expect([arange(0, 1, 0.25).dtype, arange(0, 1, 0.25).tolistSync()]).toEqual(["float32", [0, 0.25, 0.5, 0.75]]);
    expect(arange(5, 0, -2).tolistSync()).toEqual([5, 3, 1]);
    expect(arange(2, { dtype: "int64" }).dataSync()).toEqual(new BigInt64Array([0n, 1n]));
    expect(arange(0).shape).toEqual([0]);
    expect(() => arange(0, 3, -1)).toThrow("upper bound and larger bound inconsistent with step sign");
    expect(() => arange(0, 3, 0)).toThrow("step must be nonzero");
  });

  it("linspace and logspace include both ends", () => {
    expect(linspace(0, 1, 5).tolistSync()).toEqual([0, 0.25, 0.5, 0.75, 1]);
    expect(linspace(3, 10, 1).tolistSync()).toEqual([3]);
    expect(logspace(0, 2, 3).tolistSync()).toEqual([1, 10, 100]);
    expect(logspace(0, 3, 4, { base: 2 }).tolistSync()).toEqual([1, 2, 4, 8]);
  });

  it("meshgrid, triangles and products give coordinates", () => {
    const [x, y] = meshgrid([arange(2), arange(3)], { indexing: "xy" });
    expect([x.tolistSync(), y.tolistSync()]).toEqual([
      [
        [0, 1],
        [0, 1],
        [0, 1],
      ],
      [
        [0, 0],
        [1, 1],
        [2, 2],
      ],
    ]);
    expect(trilIndices(2, 2).tolistSync()).toEqual([
      [0, 1, 1],
      [0, 0, 1],
    ]);
    expect(triuIndices(2, 3, { offset: 1 }).tolistSync()).toEqual([
      [0, 0, 1],
      [1, 2, 2],
    ]);
    expect(cartesianProd(arange(2), arange(2)).tolistSync()).toEqual([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ]);
  });
});

describe("joining", () => {
  it("cat promotes and leaves out empty vectors", () => {
    const joined = cat([tensor([1], { dtype: "int32" }), tensor([2.5]), zeros(0)]);
    expect([joined.dtype, joined.tolistSync()]).toEqual(["float32", [1, 2.5]]);
    expect(cat([zeros(2, 1), ones(2, 2)], { dim: -1 }).tolistSync()).toEqual([
      [0, 1, 1],
      [0, 1, 1],
    ]);
    expect(cat([zeros(0), zeros(0)]).shape).toEqual([0]);
  });

  it("stack, hstack, vstack, dstack and blockDiag place them", () => {
    const [a, b] = [tensor([1, 2]), tensor([3, 4])];
    expect(stack([a, b], { dim: 1 }).tolistSync()).toEqual([
      [1, 3],
      [2, 4],
    ]);
    expect([hstack([a, b]).shape, vstack([a, b]).shape, dstack([a, b]).shape]).toEqual([[4], [2, 2], [1, 2, 2]]);
    expect(blockDiag(a, tensor([[5], [6]])).tolistSync()).toEqual([
      [1, 2, 0],
      [0, 0, 5],
      [0, 0, 6],
    ]);
  });

  it.each<[string, () => unknown, string]>([
    ["ranks", () => cat([zeros(1), zeros(1, 2)]), "Tensors must have same number of dimensions: got 1 and 2"],
    ["sizes", () => cat([zeros(1, 2), zeros(1, 3)]), "Sizes of tensors must match except in dimension 0. Expected size 2 but got size 3"],
    ["numbers", () => cat([tensor(1)]), "zero-dimensional tensor (at position 0) cannot be concatenated"],
    ["nothing", () => cat([]), "expected a non-empty list of Tensors"],
    ["null", () => cat([zeros(1), null as never]), "expected Tensor as element 1 in argument 0, but got null"],
    [
      "stack of sizes",
      () => stack([zeros(2), zeros(3)]),
      "stack expects each tensor to be equal size, but got [2] at entry 0 and [3] at entry 1",
    ],
  ])("refuses %s", (_, call, message) => {
    expect(call).toThrow(message);
  });
});
