import { DTypeError, NotSupportedError } from "./errors.js";
import { decodeArray, encodeArray } from "./half.js";

/** Element type of a tensor. float16, bfloat16, int8 and int16 are stored so and computed in float32 and int32 ({@link wideOf}). */
export type DType = "float32" | "float64" | "int32" | "int64" | "uint8" | "bool" | "float16" | "bfloat16" | "int8" | "int16";

/** Dtypes that are stored in fewer bits than they are computed in (see {@link wideOf}). */
export type StorageDType = "float16" | "bfloat16" | "int8" | "int16";

/** Dtypes that kernels compute in. */
export type ComputeDType = Exclude<DType, StorageDType>;

/** Host array that holds one dtype; bool is 0 or 1 in a `Uint8Array`, float16 and bfloat16 are their bits in a `Uint16Array`. */
export type TypedArray = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array | Int8Array | Int16Array | Uint16Array;

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
  int8: { bytes: 1, kind: 1, rank: 1, array: Int8Array, word: "Char" },
  int16: { bytes: 2, kind: 1, rank: 2, array: Int16Array, word: "Short" },
  int32: { bytes: 4, kind: 1, rank: 3, array: Int32Array, word: "Int" },
  int64: { bytes: 8, kind: 1, rank: 4, array: BigInt64Array, word: "Long" },
  float16: { bytes: 2, kind: 2, rank: 5, array: Uint16Array, word: "Half" },
  bfloat16: { bytes: 2, kind: 2, rank: 5, array: Uint16Array, word: "BFloat16" },
  float32: { bytes: 4, kind: 2, rank: 6, array: Float32Array, word: "Float" },
  float64: { bytes: 8, kind: 2, rank: 7, array: Float64Array, word: "Double" },
};

/** All dtypes, in order of promotion. */
export const DTYPES: readonly DType[] = Object.keys(INFO) as DType[];

const WIDE: { readonly [D in DType]?: "float32" | "int32" } & { readonly [D in StorageDType]: string } = {
  float16: "float32",
  bfloat16: "float32",
  int8: "int32",
  int16: "int32",
};

/** The dtype in which a storage dtype is computed: float32 for float16 and bfloat16, int32 for int8 and int16; undefined for others. */
export function wideOf(dtype: DType): "float32" | "int32" | undefined {
  return dtype === "float32" ? undefined : WIDE[dtype];
}

/** Bytes of one element. */
export function itemSize(dtype: DType): number {
  return dtype === "float32" ? 4 : INFO[dtype].bytes;
}

/** PyTorch's word for a dtype in error texts, such as `Float`. */
export function dtypeWord(dtype: DType): string {
  return INFO[dtype].word;
}

/** True for float16, bfloat16, float32 and float64. */
export function isFloatingPoint(dtype: DType): boolean {
  // Each op asks, nearly always this: a comparison costs less than a look-up by name.
  return dtype === "float32" || INFO[dtype].kind === 2;
}

/** True for the integers, not for bool. */
export function isInteger(dtype: DType): boolean {
  return INFO[dtype].kind === 1;
}

/** Throws DTypeError unless `dtype` is one of {@link DTYPES}. */
export function checkDType(dtype: string, op: string): asserts dtype is DType {
  if (!Object.hasOwn(INFO, dtype)) throw new DTypeError(`${op}: expected a dtype of ${DTYPES.join(", ")}, got ${JSON.stringify(dtype)}`);
}

const MAX_HOST_BYTES = 2 ** 31;

/** A zeroed host array for `length` elements, as backends take and give it. */
export function hostArray(dtype: DType, length: number): TypedArray {
  if (!(length >= 0 && length * INFO[dtype].bytes <= MAX_HOST_BYTES)) {
    throw new NotSupportedError(`expected a host array of 0 to ${MAX_HOST_BYTES} bytes, got ${length} elements of ${dtype}`);
  }
  return new INFO[dtype].array(length);
}

/** A zeroed host array that `length` plain numbers of `dtype` are written to: the `Float32Array` to encode for float16 and bfloat16. */
export function numberArray(dtype: DType, length: number): TypedArray {
  return hostArray(INFO[dtype].array === Uint16Array ? "float32" : dtype, length);
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
  if (array instanceof Int8Array) return "int8";
  if (array instanceof Int16Array) return "int16";
  if (array instanceof Uint8Array || array instanceof Uint8ClampedArray) return "uint8";
  return undefined;
}

/** The smallest dtype that both convert to (PyTorch's promotion of two tensors with dimensions). */
export function promote(a: DType, b: DType): DType {
  if (a === b) return a;
  const [x, y] = [INFO[a], INFO[b]];
  // Of the same rank are uint8 and int8, float16 and bfloat16: neither holds the other.
  if (x.rank === y.rank) return x.kind === 1 ? "int16" : "float32";
  return x.rank > y.rank ? a : b;
}

/** Converts between dtypes as C does: floats truncate to integers, anything non-zero is true. */
export function convertArray(source: TypedArray, from: DType, to: DType): TypedArray {
  const n = source.length;
  if (from === to) return source.slice();
  const numbers = decodeArray(source, from);
  const out = numberArray(to, n);
  for (let i = 0; i < n; i++) out[i] = convertScalar(numbers[i], to) as never;
  return encodeArray(out, to);
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
    if (INFO[dtype].kind === 1) return Number(BigInt.asIntN(32, value));
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
  checkDType(dtype, "setDefaultDType");
  if (!isFloatingPoint(dtype)) {
    throw new DTypeError(`setDefaultDType: only floating-point types are supported as the default type, got ${dtype}`);
  }
  defaultDType = dtype;
}
