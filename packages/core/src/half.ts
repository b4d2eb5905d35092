/**
 * float16 and bfloat16 on the host: arrays of their bits, converted exactly and rounded to nearest even.
 *
 * @module
 */
import type { DType, TypedArray } from "./dtype.js";

const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/** The dtypes of 16 bits that hold floating-point numbers. */
export function isHalf(dtype: DType): dtype is "float16" | "bfloat16" {
  return dtype === "float16" || dtype === "bfloat16";
}

/** The bits of the nearest float16 or bfloat16 of a number. It is rounded to float32 first, as in PyTorch. */
export function toHalfBits(x: number, dtype: "float16" | "bfloat16"): number {
  float[0] = x;
  const sign = (bits[0] >>> 16) & 0x8000;
  const wide = bits[0] & 0x7fffffff;
  if (wide > 0x7f800000) return dtype === "float16" ? 0x7e00 : 0x7fc0;
  if (dtype === "bfloat16") return sign | ((wide + 0x7fff + ((wide >>> 16) & 1)) >>> 16);
  if (wide < 0x38800000) {
    // Below 2^-14 the steps are those of a float32 near one half.
    float[0] = Math.abs(float[0]) + 0.5;
    return sign | (bits[0] - 0x3f000000);
  }
  return sign | Math.min((wide - 0x38000000 + 0xfff + ((wide >>> 13) & 1)) >>> 13, 0x7c00);
}

/** The number that the bits of a float16 or bfloat16 stand for. */
export function fromHalfBits(half: number, dtype: "float16" | "bfloat16"): number {
  if (dtype === "bfloat16") {
    bits[0] = half << 16;
    return float[0];
  }
  const rest = half & 0x7fff;
  bits[0] = rest << 13;
  const size = rest > 0x7c00 ? Number.NaN : rest === 0x7c00 ? Number.POSITIVE_INFINITY : float[0] * 2 ** 112;
  return half & 0x8000 ? -size : size;
}

/** Rounds a number to what `dtype` holds. */
export function roundToHalf(x: number, dtype: "float16" | "bfloat16"): number {
  return fromHalfBits(toHalfBits(x, dtype), dtype);
}

/**
 * The elements of a host array as numbers: a `Float32Array` where the array holds the bits of float16 or bfloat16, else the array itself.
 * @example
 * decodeArray(await tensor([0.5, 1]).half().data(), "float16"); // Float32Array [0.5, 1]
 */
export function decodeArray(array: TypedArray, dtype: DType): TypedArray {
  if (!isHalf(dtype)) return array;
  const out = new Float32Array(array.length);
  for (let i = 0; i < out.length; i++) out[i] = fromHalfBits(array[i] as number, dtype);
  return out;
}

/** The opposite of {@link decodeArray}: the array that holds `dtype`, for one of numbers. An array that does so already is returned. */
export function encodeArray(array: TypedArray, dtype: DType): TypedArray {
  if (!isHalf(dtype) || array instanceof Uint16Array) return array;
  const out = new Uint16Array(array.length);
  for (let i = 0; i < out.length; i++) out[i] = toHalfBits(array[i] as number, dtype);
  return out;
}
