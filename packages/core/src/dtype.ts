import { DTypeError, NotSupportedError } from "./errors.js";

/** Element type of a tensor. */
export type DType = "float32" | "float64" | "int32" | "int64" | "uint8" | "bool";

/** Host array that holds one dtype; bool is 0 or 1 in a `Uint8Array`. */
export type TypedArray = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;

interface DTypeInfo {
  readonly bytes: number;
  /** 0 bool, 1 integer, 2 floating point. */
  readonly kind: 0 | 1 | 2;
  /** Order of width within a kind. */
  readonly rank: number;
  readonly array: new (length: number) => TypedArray;
  /** The word that PyTorch's error texts use. */
  readonly word: string;
}

const INFO: { readonly [D in DType]: DTypeInfo } = {
  bool: { bytes: 1, kind: 0, rank: 0, array: Uint8Array, word: "Bool" },
  uint8: { bytes: 1, kind: 1, rank: 1, array: Uint8Array, word: "Byte" },
  int32: { bytes: 4, kind: 1, rank: 3, array: Int32Array, word: "Int" },
  int64: { bytes: 8, kind: 1, rank: 4, array: BigInt64Array, word: "Long" },
  float32: { bytes: 4, kind: 2, rank: 6, array: Float32Array, word: "Float" },
  float64: { bytes: 8, kind: 2, rank: 7, array: Float64Array, word: "Double" },
};

/** All dtypes, in order of promotion. */
export const DTYPES: readonly DType[] = ["bool", "uint8", "int32", "int64", "float32", "float64"];

/** Bytes of one element. */
export function itemSize(dtype: DType): number {
  return INFO[dtype].bytes;
}

/** PyTorch's word for a dtype in error texts, such as `Float`. */
export function dtypeWord(dtype: DType): string {
  return INFO[dtype].word;
}

/** True for float32 and float64. */
export function isFloatingPoint(dtype: DType): boolean {
  return INFO[dtype].kind === 2;
}

/** True for the integers, not for bool. */
export function isInteger(dtype: DType): boolean {
  return INFO[dtype].kind === 1;
}

/** Throws DTypeError unless `dtype` is one of {@link DTYPES}. */
export function checkDType(dtype: string, op: string): asserts dtype is DType {
  if (!Object.hasOwn(INFO, dtype))
    throw new DTypeError(`${op}: expected a dtype of ${DTYPES.join(", ")}, got ${JSON.stringify(dtype)}`, { op });
}

const MAX_HOST_BYTES = 2 ** 31;

/** A zeroed host array for `length` elements. */
export function hostArray(dtype: DType, length: number): TypedArray {
  if (!(length >= 0 && length * INFO[dtype].bytes <= MAX_HOST_BYTES)) {
    throw new NotSupportedError(`expected a host array of 0 to ${MAX_HOST_BYTES} bytes, got ${length} elements of ${dtype}`);
  }
  return new INFO[dtype].array(length);
}

/** True if `array` is the kind of host array that holds `dtype`. */
export function holds(array: TypedArray, dtype: DType): boolean {
  return array instanceof INFO[dtype].array;
}

/** The dtype that a host array stands for: `Uint8Array` is uint8. */
export function dtypeOfArray(array: unknown): DType | undefined {
  if (array instanceof Float32Array) return "float32";
  if (array instanceof Float64Array) return "float64";
  if (array instanceof Int32Array) return "int32";
  if (array instanceof BigInt64Array) return "int64";
  if (array instanceof Uint8Array || array instanceof Uint8ClampedArray) return "uint8";
  return undefined;
}

/** The smallest dtype that both convert to (PyTorch's promotion of two tensors with dimensions). */
export function promote(a: DType, b: DType): DType {
  if (a === b) return a;
  return INFO[a].rank >= INFO[b].rank ? a : b;
}

/** Converts between dtypes as C does: floats truncate to integers, anything non-zero is true. */
export function convertArray(source: TypedArray, from: DType, to: DType): TypedArray {
  const n = source.length;
  const out = hostArray(to, n);
  if (from === to) {
    (out as Float32Array).set(source as Float32Array);
    return out;
  }
  for (let i = 0; i < n; i++) out[i] = convertScalar(source[i], to) as never;
  return out;
}

/** Converts one host value to what a host array of `dtype` stores. */
export function convertScalar(value: number | bigint | boolean, dtype: DType): number | bigint {
  if (dtype === "bool") return Number(value) !== 0 ? 1 : 0;
  if (dtype === "int64") {
    if (typeof value === "bigint") return BigInt.asIntN(64, value);
    const n = Math.trunc(Number(value));
    return Number.isFinite(n) ? BigInt.asIntN(64, BigInt(n)) : -9223372036854775808n;
  }
  if (typeof value === "bigint") {
    if (dtype === "int32") return Number(BigInt.asIntN(32, value));
    if (dtype === "uint8") return Number(BigInt.asUintN(8, value));
  }
  return Number(value);
}

let defaultDType: DType = "float32";

/** The dtype of new floating-point tensors. */
export function getDefaultDType(): DType {
  return defaultDType;
}

/**
 * Sets the dtype of new floating-point tensors.
 * @throws DTypeError unless it is a floating-point dtype.
 */
export function setDefaultDType(dtype: DType): void {
  if (!isFloatingPoint(dtype)) {
    throw new DTypeError(`setDefaultDType: only floating-point types are supported as the default type, got ${dtype}`, {
      op: "setDefaultDType",
    });
  }
  defaultDType = dtype;
}
