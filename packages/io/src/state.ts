import {
  type DType,
  decodeArray,
  FormatError,
  fromTypedArray,
  getBackend,
  isHalf,
  NotSupportedError,
  Tensor,
  type TypedArray,
  tensor,
} from "@sconce/core";
import {
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsEntry,
  type SafetensorsFile,
  type SafetensorsTensor,
} from "./safetensors.js";

/** What can be saved: tensors, plain values, and arrays and plain objects of them, such as the state dicts of modules and optimizers. */
export type State = Tensor | number | string | boolean | null | undefined | readonly State[] | { readonly [key: string]: State };

/** Metadata key that holds the structure of anything but a flat record of tensors. */
const STRUCTURE = "sconce";
/** Stands for a tensor in the structure. */
const TENSOR = "$tensor";

/**
 * Writes a state as the bytes of a safetensors file. A flat record of tensors becomes a plain file that every reader knows; any other
 * structure is kept as JSON in the file's metadata.
 * @throws NotSupportedError for a value that is neither a tensor nor JSON, or holds itself.
 * @example
 * const bytes = await serialize(net.stateDict());
 */
export async function serialize(state: State): Promise<Uint8Array> {
  const found: [string, Tensor][] = [];
  const structure = collect(state, "", found, []);
  const entries = await Promise.all(found.map(async ([name, t]) => [name, await entryOf(name, t)] as const));
  return encodeSafetensors(entries, isFlat(state) ? {} : { [STRUCTURE]: JSON.stringify(structure) });
}

/**
 * Reads what {@link serialize} wrote, or any safetensors file as a record of tensors on the default device. float16, bfloat16, int8 and
 * int16 become float32 and int32 where the device lacks them, unsigned integers of 16 and 32 bits int32 and int64.
 * @throws FormatError if the bytes are damaged; nothing is returned then.
 * @example
 * net.loadStateDict(deserialize(await serialize(net.stateDict())));
 */
export function deserialize<T = Record<string, Tensor>>(bytes: Uint8Array, path?: string): T {
  const file = decodeSafetensors(bytes, path);
  const tensors = new Map<string, Tensor>();
  for (const [name, entry] of file.tensors) tensors.set(name, tensorOf(name, entry));
  const structure = structureOf(file, path);
  if (structure === undefined) return Object.fromEntries(tensors) as T;
  return restore(structure, tensors, path) as T;
}

function isFlat(state: State): boolean {
  return isRecord(state) && Object.values(state).every((v) => v instanceof Tensor);
}

function isRecord(value: unknown): value is Record<string, State> {
  if (value === null || typeof value !== "object") return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Lists the tensors with a name each and returns the structure around them. */
function collect(value: State, path: string, found: [string, Tensor][], outer: readonly unknown[]): unknown {
  if (value instanceof Tensor) {
    const name = path === "" ? "tensor" : path;
    found.push([name, value]);
    return { [TENSOR]: name };
  }
  if (outer.includes(value)) {
    throw new NotSupportedError(`save: expected a state without cycles, got one at "${path}" that holds itself; leave that reference out`);
  }
  const inner = (key: string | number, v: State): unknown =>
    collect(v, path === "" ? `${key}` : `${path}.${key}`, found, [...outer, value]);
  if (Array.isArray(value)) return value.map((v, i) => inner(i, v));
  if (isRecord(value)) return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, inner(key, v)]));
  if (value === undefined) return null;
  if (typeof value === "number" && !Number.isFinite(value)) return { $number: String(value) };
  if (value === null || typeof value === "number" || typeof value === "string" || typeof value === "boolean") return value;
  throw new NotSupportedError(
    `save: expected tensors, numbers, strings, booleans, arrays and plain objects, got ${typeof value} at "${path}"`,
  );
}

/** PyTorch counts batches in int64. */
function savesAsInt64(name: string, t: Tensor): boolean {
  return t.dtype === "int32" && name.endsWith("num_batches_tracked");
}

async function entryOf(name: string, t: Tensor): Promise<SafetensorsEntry> {
  const data = await t.data();
  if (savesAsInt64(name, t)) return { dtype: "int64", shape: t.shape, data: BigInt64Array.from(data as Int32Array, BigInt) };
  return { dtype: t.dtype, shape: t.shape, data };
}

function tensorOf(name: string, entry: SafetensorsTensor): Tensor {
  const [dtype, data] = hostOf(name, entry);
  return (isHalf(dtype) ? fromTypedArray(data, { dtype }).clone() : tensor(data, { dtype })).view(entry.shape);
}

function hostOf(name: string, entry: SafetensorsTensor): [DType, TypedArray] {
  const raw = entry.data();
  const { dtypes } = getBackend().limits;
  switch (entry.dtype) {
    case "float32":
    case "float64":
    case "int32":
    case "int64":
    case "uint8":
    case "bool":
      return [entry.dtype, raw as TypedArray];
    case "float16":
    case "bfloat16":
      return dtypes.has(entry.dtype) ? [entry.dtype, raw as TypedArray] : ["float32", decodeArray(raw as TypedArray, entry.dtype)];
    case "int8":
    case "int16":
      return dtypes.has(entry.dtype) ? [entry.dtype, raw as TypedArray] : ["int32", Int32Array.from(raw as Int16Array)];
    case "uint16":
      return ["int32", Int32Array.from(raw as Int16Array)];
    case "uint32":
      return ["int64", BigInt64Array.from(raw as Uint32Array, BigInt)];
    default:
      throw new NotSupportedError(`load: "${name}" has dtype ${entry.dtype}, which Sconce does not have`, { dtypes: [entry.dtype] });
  }
}

function structureOf(file: SafetensorsFile, path: string | undefined): unknown {
  const text = file.metadata[STRUCTURE];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FormatError(`load: the structure in the metadata is no JSON: ${(cause as Error).message}`, {
      ...(path === undefined ? {} : { path }),
    });
  }
}

function restore(value: unknown, tensors: ReadonlyMap<string, Tensor>, path: string | undefined): unknown {
  if (Array.isArray(value)) return value.map((v) => restore(v, tensors, path));
  if (value === null || typeof value !== "object") return value;
  const { [TENSOR]: name, $number: special } = value as { [TENSOR]?: string; $number?: string };
  if (special !== undefined) return Number(special);
  if (name === undefined) return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, restore(v, tensors, path)]));
  const found = tensors.get(name);
  if (found === undefined) {
    throw new FormatError(`load: the structure names a tensor "${name}" that the file does not hold`, {
      ...(path === undefined ? {} : { path }),
    });
  }
  return found;
}
