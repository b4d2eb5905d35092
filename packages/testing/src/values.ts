import {
  type Device,
  DTYPES,
  type DType,
  decodeArray,
  encodeArray,
  getBackend,
  numberArray,
  settledValue,
  Tensor,
  type TypedArray,
  tensorOf,
} from "@sconce/core";
import { type GoldenTensor, type GoldenValue, isGoldenTensor } from "./golden.js";

/** Thrown for a case that a device cannot be asked: a dtype that it lacks. */
export class Unsupported extends Error {}

/** Elements of a golden tensor in row-major order, as numbers; 64-bit integers as bigints. */
export function goldenData(golden: GoldenTensor): TypedArray {
  const { dtype, shape, data, b64 } = asPairs(golden);
  const length = shape.reduce((n, size) => n * size, 1);
  if (b64 === undefined) {
    const array = numberArray(knownDType(dtype), length);
    const convert = dtype === "int64" ? (x: number | string) => BigInt(x) : Number;
    for (let i = 0; i < length; i++) array[i] = convert(data![i]) as never;
    return array;
  }
  const bytes = Uint8Array.from(atob(b64), (char) => char.charCodeAt(0));
  return dtype === "float64" ? new Float64Array(bytes.buffer) : new Float32Array(bytes.buffer);
}

/** True for a complex dtype, which is pairs of floats here. */
export function isComplex(dtype: string): boolean {
  return dtype.startsWith("complex");
}

/** A complex tensor as pairs in a last dimension of 2. */
function asPairs(golden: GoldenTensor): GoldenTensor {
  if (!isComplex(golden.dtype)) return golden;
  const dtype = golden.dtype === "complex128" ? "float64" : "float32";
  const strides = golden.strides === undefined ? {} : { strides: [...golden.strides.map((stride) => 2 * stride), 1] };
  return { ...golden, dtype, shape: [...golden.shape, 2], ...strides };
}

function knownDType(dtype: string): DType {
  if ((DTYPES as readonly string[]).includes(dtype)) return dtype as DType;
  throw new Unsupported(`dtype ${dtype}`);
}

/** Tensors of pairs that stand for complex ones. */
export const complexTensors: WeakSet<Tensor> = new WeakSet();

/** Turns golden values into arguments on a device. */
export class Values {
  readonly device: Device;
  readonly #dtypes: ReadonlySet<DType>;
  readonly #construct: (kind: "module" | "fn", value: GoldenValue, values: Values) => unknown;

  /** `construct` makes modules and functions that are arguments. */
  constructor(device: Device, construct: (kind: "module" | "fn", value: GoldenValue, values: Values) => unknown) {
    this.device = device;
    this.#dtypes = getBackend(device).limits.dtypes;
    this.#construct = construct;
  }

  /** The dtype here: int64 is int32 where the device has no wide integers. @throws Unsupported for a dtype that it lacks. */
  dtype(name: string): DType {
    const dtype = knownDType(name);
    if (this.#dtypes.has(dtype)) return dtype;
    if (dtype === "int64" && this.#dtypes.has("int32")) return "int32";
    throw new Unsupported(`dtype ${dtype}`);
  }

  /** A tensor with the strides of the golden one. */
  tensor(golden: GoldenTensor): Tensor {
    const made = this.#tensor(asPairs(golden));
    if (isComplex(golden.dtype)) complexTensors.add(made);
    return made;
  }

  #tensor(golden: GoldenTensor): Tensor {
    const dtype = this.dtype(golden.dtype);
    const data = goldenData(golden);
    const narrow = dtype === golden.dtype ? data : Int32Array.from(data as BigInt64Array, fitsInt32);
    if (golden.strides === undefined || narrow.length === 0) return this.#upload(narrow, dtype, golden.shape);
    return this.#strided(narrow, dtype, golden.shape, golden.strides);
  }

  #upload(data: TypedArray, dtype: DType, shape: readonly number[]): Tensor {
    const backend = getBackend(this.device);
    return tensorOf(settledValue(backend, shape, dtype, backend.upload(encodeArray(data, dtype), dtype)));
  }

  #strided(data: TypedArray, dtype: DType, shape: readonly number[], strides: readonly number[]): Tensor {
    const span = 1 + shape.reduce((n, size, d) => n + (size - 1) * strides[d], 0);
    const memory = numberArray(dtype, span);
    data.forEach((value: number | bigint, i: number) => {
      let rest = i;
      let at = 0;
      for (let d = shape.length - 1; d >= 0; d--) {
        at += (rest % shape[d]) * strides[d];
        rest = Math.floor(rest / shape[d]);
      }
      memory[at] = value as never;
    });
    return this.#upload(memory, dtype, [span]).asStrided(shape, strides).detach();
  }

  /** Any value; tensors at paths in `leaves` ask for gradients and are noted in `found`. */
  value(golden: GoldenValue, path = "", leaves?: ReadonlySet<string>, found?: Map<string, Tensor>): unknown {
    if (golden === null || typeof golden !== "object") return golden;
    if (isGoldenTensor(golden)) {
      const made = this.tensor(golden);
      if (leaves?.has(path)) found?.set(path, made.requiresGrad_());
      return made;
    }
    if (Array.isArray(golden)) return golden.map((item, i) => this.value(item as GoldenValue, `${path}.${i}`, leaves, found));
    return this.#special(golden as { readonly [key: string]: GoldenValue });
  }

  #special(golden: { readonly [key: string]: GoldenValue }): unknown {
    const [kind] = Object.keys(golden);
    const content = golden[kind];
    switch (kind) {
      case "$float":
        return Number(content);
      case "$int":
        return BigInt(content as string);
      case "$dtype":
        return this.dtype(content as string);
      case "$device":
        return this.device;
      case "$memory_format":
      case "$layout":
        return undefined;
      case "$index":
        return (content as readonly GoldenValue[]).map((item) => this.value(item));
      case "$slice":
        return (content as readonly (number | null)[]).map((part) => part ?? "").join(":");
      case "$":
        return "...";
      case "$module":
        return this.#construct("module", content, this);
      case "$fn":
        return this.#construct("fn", content, this);
      default:
        throw new Unsupported(`value ${kind}`);
    }
  }
}

function fitsInt32(value: bigint): number {
  if (BigInt.asIntN(32, value) !== value) throw new Unsupported(`int64 ${value} in int32`);
  return Number(value);
}

/** The elements of a tensor as numbers, at once where the device can block. */
export async function elements(t: Tensor): Promise<TypedArray> {
  return decodeArray(t.storage.backend.downloadSync === undefined ? await t.data() : t.dataSync(), t.dtype);
}

/** True for a tensor. */
export function isTensor(value: unknown): value is Tensor {
  return value instanceof Tensor;
}
