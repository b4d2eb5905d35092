import { describe, expect, it } from "vitest";
import { convertArray, promote } from "./dtype.js";
import { finfo, iinfo } from "./finfo.js";
import { decodeArray, encodeArray, fromHalfBits, roundToHalf, toHalfBits } from "./half.js";

const HALVES = ["float16", "bfloat16"] as const;

describe("float16 and bfloat16 on the host", () => {
  it.each(HALVES)("%s bits survive the way to a number and back", (dtype) => {
    for (let bits = 0; bits < 2 ** 16; bits++) {
      const x = fromHalfBits(bits, dtype);
      if (!Number.isNaN(x)) expect(toHalfBits(x, dtype)).toBe(bits);
    }
  });

  it.each(HALVES)("%s rounds to the nearest, ties to even", (dtype) => {
    for (let bits = 0; bits < 0x7b00; bits += 7) {
      const [low, high] = [fromHalfBits(bits, dtype), fromHalfBits(bits + 1, dtype)];
      const middle = (low + high) / 2;
      const even = bits % 2 === 0 ? low : high;
      expect(roundToHalf(middle, dtype)).toBe(even);
      expect(roundToHalf(low + (middle - low) * 0.99, dtype)).toBe(low);
      expect(roundToHalf(-(high - (high - middle) * 0.99), dtype)).toBe(-high);
    }
  });

  it("keeps what is special", () => {
    for (const dtype of HALVES) {
      for (const x of [0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) expect(roundToHalf(x, dtype)).toBe(x);
    }
    expect([65504, 65519.99, 65520, -65520, 2 ** -24, 2 ** -25, 2 ** -25 * 1.0001].map((x) => roundToHalf(x, "float16"))).toEqual([
      65504,
      65504,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      2 ** -24,
      0,
      2 ** -24,
    ]);
    expect(roundToHalf(3.4e38, "bfloat16")).toBe(Number.POSITIVE_INFINITY);
  });

  it("encodes and decodes arrays; others pass as they are", () => {
    const bits = encodeArray(new Float32Array([1, -2, 0.1]), "float16");
    expect(bits).toEqual(new Uint16Array([0x3c00, 0xc000, 0x2e66]));
    expect(decodeArray(bits, "float16")).toEqual(new Float32Array([1, -2, 0.0999755859375]));
    const ints = new Int16Array([1, 2]);
    expect(decodeArray(ints, "int16")).toBe(ints);
    expect(convertArray(bits, "float16", "bfloat16")).toEqual(new Uint16Array([0x3f80, 0xc000, 0x3dcd]));
    expect(convertArray(new Float32Array([300, -129.5]), "float32", "int8")).toEqual(new Int8Array([44, 127]));
  });
});

describe("dtypes", () => {
  it("of one width that do not hold each other promote to a wider one", () => {
    expect(promote("uint8", "int8")).toBe("int16");
    expect(promote("float16", "bfloat16")).toBe("float32");
    expect(promote("int64", "float16")).toBe("float16");
    expect(promote("bfloat16", "float64")).toBe("float64");
  });

  it("have the limits that PyTorch reports", () => {
    expect(finfo("float16")).toMatchObject({ bits: 16, max: 65504, min: -65504, eps: 0.0009765625, tiny: 2 ** -14, resolution: 0.001 });
    expect(finfo("bfloat16")).toMatchObject({ bits: 16, max: 3.3895313892515355e38, eps: 0.0078125, tiny: 2 ** -126, resolution: 0.01 });
    expect(finfo("float32")).toMatchObject({ bits: 32, max: 3.4028234663852886e38, eps: 2 ** -23, resolution: 1e-6 });
    expect(finfo("float64")).toMatchObject({ bits: 64, max: Number.MAX_VALUE, eps: Number.EPSILON, tiny: 2 ** -1022, resolution: 1e-15 });
    expect(iinfo("int8")).toEqual({ dtype: "int8", bits: 8, min: -128, max: 127 });
    expect(iinfo("uint8")).toEqual({ dtype: "uint8", bits: 8, min: 0, max: 255 });
    expect(() => finfo("int32")).toThrow("requires a floating point input type");
    expect(() => iinfo("bool")).toThrow("requires an integer input type");
  });
});
