import { type DType, isInteger, itemSize } from "./dtype.js";
import { DTypeError } from "./errors.js";

/** What {@link finfo} tells of a floating-point dtype. */
export interface FloatInfo {
  readonly dtype: DType;
  /** Bits of an element. */
  readonly bits: number;
  /** Distance from 1 to the next larger number. */
  readonly eps: number;
  readonly max: number;
  readonly min: number;
  /** Smallest positive number of full precision. */
  readonly tiny: number;
  /** The same as `tiny`. */
  readonly smallestNormal: number;
  /** The decimal digits that every number keeps, as a power of ten. */
  readonly resolution: number;
}

/** Bits of the fraction, largest exponent and decimal digits. */
const FORMAT: { readonly [D in DType]?: readonly [fraction: number, exponent: number, digits: number] } = {
  float16: [10, 15, 3],
  bfloat16: [7, 127, 2],
  float32: [23, 127, 6],
  float64: [52, 1023, 15],
};

/**
 * The limits of a floating-point dtype.
 *
 * Source: https://pytorch.org/docs/stable/type_info.html
 * @throws DTypeError for other dtypes.
 * @example
 * finfo("float16").max; // 65504
 */
export function finfo(dtype: DType): FloatInfo {
  const format = FORMAT[dtype];
  if (format === undefined)
    throw new DTypeError(`finfo: requires a floating point input type, got ${dtype}; use iinfo`, { dtypes: [dtype] });
  const [fraction, exponent, digits] = format;
  const max = (2 - 2 ** -fraction) * 2 ** exponent;
  const tiny = 2 ** (1 - exponent);
  return {
    dtype,
    bits: 8 * itemSize(dtype),
    eps: 2 ** -fraction,
    max,
    min: -max,
    tiny,
    smallestNormal: tiny,
    resolution: Number(`1e-${digits}`),
  };
}

/** What {@link iinfo} tells of an integer dtype. */
export interface IntegerInfo {
  readonly dtype: DType;
  /** Bits of an element. */
  readonly bits: number;
  /** Bounds, rounded where they are beyond 2^53. */
  readonly min: number;
  readonly max: number;
}

/**
 * The limits of an integer dtype.
 *
 * Source: https://pytorch.org/docs/stable/type_info.html
 * @throws DTypeError for other dtypes.
 * @example
 * iinfo("int8").min; // -128
 */
export function iinfo(dtype: DType): IntegerInfo {
  if (!isInteger(dtype)) throw new DTypeError(`iinfo: requires an integer input type, got ${dtype}; use finfo`, { dtypes: [dtype] });
  const bits = 8 * itemSize(dtype);
  return dtype === "uint8" ? { dtype, bits, min: 0, max: 255 } : { dtype, bits, min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 };
}
