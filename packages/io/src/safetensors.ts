import { FormatError, typeName } from "@sconce/core";

/** Element types that safetensors files hold. */
export type SafetensorsDType =
  | "float64"
  | "float32"
  | "float16"
  | "bfloat16"
  | "complex64"
  | "int64"
  | "int32"
  | "int16"
  | "int8"
  | "uint64"
  | "uint32"
  | "uint16"
  | "uint8"
  | "bool";

/** Host arrays of the elements: float16 and bfloat16 as raw 16-bit patterns, bool as 0 and 1, complex64 as pairs. */
export type SafetensorsArray =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/** A tensor to write. */
export interface SafetensorsEntry {
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  readonly data: SafetensorsArray;
}

/** A tensor of a decoded file. */
export interface SafetensorsTensor {
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  /** An aligned copy of the elements, row-major. */
  data(): SafetensorsArray;
}

/** What a safetensors file holds. */
export interface SafetensorsFile {
  readonly tensors: Map<string, SafetensorsTensor>;
  readonly metadata: Record<string, string>;
}

interface Code {
  /** Name of the dtype in the file. */
  readonly code: string;
  readonly array: { new (buffer: ArrayBuffer): SafetensorsArray; readonly BYTES_PER_ELEMENT: number };
  /** Array elements per tensor element. */
  readonly parts: 1 | 2;
}

const CODES: { readonly [D in SafetensorsDType]: Code } = {
  float64: { code: "F64", array: Float64Array, parts: 1 },
  float32: { code: "F32", array: Float32Array, parts: 1 },
  float16: { code: "F16", array: Uint16Array, parts: 1 },
  bfloat16: { code: "BF16", array: Uint16Array, parts: 1 },
  complex64: { code: "C64", array: Float32Array, parts: 2 },
  int64: { code: "I64", array: BigInt64Array, parts: 1 },
  int32: { code: "I32", array: Int32Array, parts: 1 },
  int16: { code: "I16", array: Int16Array, parts: 1 },
  int8: { code: "I8", array: Int8Array, parts: 1 },
  uint64: { code: "U64", array: BigUint64Array, parts: 1 },
  uint32: { code: "U32", array: Uint32Array, parts: 1 },
  uint16: { code: "U16", array: Uint16Array, parts: 1 },
  uint8: { code: "U8", array: Uint8Array, parts: 1 },
  bool: { code: "BOOL", array: Uint8Array, parts: 1 },
};

const DTYPE_OF_CODE: ReadonlyMap<string, SafetensorsDType> = new Map(
  (Object.keys(CODES) as SafetensorsDType[]).map((dtype) => [CODES[dtype].code, dtype]),
);

const PREFIX_BYTES = 8;
const METADATA = "__metadata__";
/** The limit of the reference implementation; a longer header is an attack or damage. */
const MAX_HEADER_BYTES = 100_000_000;

function elementBytes(dtype: SafetensorsDType): number {
  const { array, parts } = CODES[dtype];
  return array.BYTES_PER_ELEMENT * parts;
}

/**
 * Writes tensors as the bytes of a safetensors file, widest elements first so that all are aligned.
 *
 * Source: https://huggingface.co/docs/safetensors
 *
 * @throws FormatError for a name that occurs twice, a dtype that the format lacks, or data that does not fit dtype and shape.
 *
 * @example
 * const bytes = encodeSafetensors([["weight", { dtype: "float32", shape: [2], data: new Float32Array([1, 2]) }]], { epoch: "3" });
 */
export function encodeSafetensors(
  entries: Iterable<readonly [string, SafetensorsEntry]>,
  metadata: Record<string, string> = {},
): Uint8Array {
  const sorted = [...entries];
  checkEntries(sorted, metadata);
  sorted.sort(([, a], [, b]) => elementBytes(b.dtype) - elementBytes(a.dtype));
  const header: [string, unknown][] = Object.keys(metadata).length > 0 ? [[METADATA, metadata]] : [];
  let end = 0;
  for (const [name, { dtype, shape, data }] of sorted) {
    const begin = end;
    end += data.byteLength;
    header.push([name, { dtype: CODES[dtype].code, shape, data_offsets: [begin, end] }]);
  }
  const text = new TextEncoder().encode(`{${header.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",")}}`);
  const headerBytes = Math.ceil(text.length / 8) * 8;
  const out = new Uint8Array(PREFIX_BYTES + headerBytes + end).fill(0x20, PREFIX_BYTES, PREFIX_BYTES + headerBytes);
  new DataView(out.buffer).setBigUint64(0, BigInt(headerBytes), true);
  out.set(text, PREFIX_BYTES);
  let position = PREFIX_BYTES + headerBytes;
  for (const [, { data }] of sorted) {
    out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), position);
    position += data.byteLength;
  }
  return out;
}

function checkEntries(entries: readonly (readonly [string, SafetensorsEntry])[], metadata: Record<string, string>): void {
  const fail = failure("encodeSafetensors");
  const names = new Set<string>([METADATA]);
  for (const [name, { dtype, shape, data }] of entries) {
    if (names.has(name)) fail(name === METADATA ? `the name ${METADATA} is reserved` : `the name ${JSON.stringify(name)} occurs twice`);
    names.add(name);
    if (!Object.hasOwn(CODES, dtype)) fail(`the format has no dtype ${JSON.stringify(dtype)} (tensor ${JSON.stringify(name)})`);
    const { array, parts } = CODES[dtype];
    if (!(data instanceof array)) fail(`expected a ${array.name} for ${dtype} (tensor ${JSON.stringify(name)})`);
    if (countElements(shape) * parts !== data.length) {
      fail(`tensor ${JSON.stringify(name)} of shape [${shape.join(", ")}] cannot have ${data.length} array elements`);
    }
  }
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== "string") fail(`metadata must be strings, got ${typeof value} for ${JSON.stringify(key)}`);
  }
}

/**
 * Reads the bytes of a safetensors file; the whole file is checked before anything is returned.
 *
 * @param path file that the bytes came from, for the error.
 * @throws FormatError if the file is damaged, cut short, or not a safetensors file.
 *
 * @example
 * const bytes = encodeSafetensors([["weight", { dtype: "float32", shape: [2], data: new Float32Array([1, 2]) }]]);
 * decodeSafetensors(bytes).tensors.get("weight")?.data(); // Float32Array [1, 2]
 */
export function decodeSafetensors(bytes: Uint8Array, path?: string): SafetensorsFile {
  const fail = failure("decodeSafetensors", path);
  if (!(bytes instanceof Uint8Array)) fail(`expected a Uint8Array, got ${typeName(bytes)}`);
  const { header, start } = readHeader(bytes, fail);
  const tensors = new Map<string, SafetensorsTensor>();
  const spans: Span[] = [];
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(header)) {
    if (name === METADATA) {
      metadata = readMetadata(value, fail);
      continue;
    }
    const span = readSpan(name, value, fail);
    spans.push(span);
    tensors.set(name, { dtype: span.dtype, shape: span.shape, data: () => copyOut(bytes, start, span) });
  }
  checkSpans(spans, bytes.length - start, fail);
  for (const span of spans) checkBooleans(bytes, start, span, fail);
  return { tensors, metadata };
}

type Fail = (reason: string) => never;

function failure(op: string, path?: string): Fail {
  return (reason) => {
    throw new FormatError(`${op}: ${path === undefined ? "" : `${path}: `}${reason}`, { path });
  };
}

/** Where a tensor lies behind the header. */
interface Span {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function readHeader(bytes: Uint8Array, fail: Fail): { header: object; start: number } {
  if (bytes.length < PREFIX_BYTES) fail(`expected at least ${PREFIX_BYTES} bytes, got ${bytes.length}; the file is cut short`);
  const length = new DataView(bytes.buffer, bytes.byteOffset, PREFIX_BYTES).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES) fail(`a header of ${length} bytes is too large; this is not a safetensors file`);
  const start = PREFIX_BYTES + Number(length);
  if (start > bytes.length) fail(`the header should end at byte ${start}, but the file has ${bytes.length}; it is cut short`);
  if (bytes[PREFIX_BYTES] !== 0x7b) fail("the header does not start with {; this is not a safetensors file");
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(PREFIX_BYTES, start));
    const header = JSON.parse(text) as object;
    checkTokens(text, fail);
    return { header, start };
  } catch (error) {
    if (error instanceof FormatError) throw error;
    return fail(`the header is not JSON (${(error as Error).message})`);
  }
}

/** Refuses what JSON.parse lets pass in valid JSON: a key that occurs twice in an object, and numbers that are not plain integers. */
function checkTokens(text: string, fail: Fail): void {
  const keys: Set<string>[] = [];
  for (const [token, word, colon] of text.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|[{}]|-?\d[\d.eE+-]*/g)) {
    if (token === "{") keys.push(new Set());
    else if (token === "}") keys.pop();
    else if (word === undefined) {
      if (!/^\d+$/.test(token)) fail(`expected integers of 0 or more, got ${token}`);
    } else if (colon !== undefined) {
      const key = JSON.parse(word) as string;
      const seen = keys[keys.length - 1];
      if (seen.has(key)) fail(`the key ${word} occurs twice`);
      seen.add(key);
    }
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readMetadata(value: unknown, fail: Fail): Record<string, string> {
  if (!isObject(value)) return fail(`${METADATA} must be an object of strings`);
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") fail(`${METADATA} must be an object of strings, got ${JSON.stringify(text)} for ${JSON.stringify(key)}`);
  }
  return value as Record<string, string>;
}

function readSpan(name: string, value: unknown, fail: Fail): Span {
  const where = `tensor ${JSON.stringify(name)}`;
  if (!isObject(value)) return fail(`${where} must be described by an object`);
  const { dtype: code, shape, data_offsets: offsets } = value;
  const dtype = DTYPE_OF_CODE.get(code as string);
  if (dtype === undefined) return fail(`${where} has the unknown dtype ${JSON.stringify(code)}`);
  if (!isSizes(shape)) return fail(`${where} has the invalid shape ${JSON.stringify(shape)}`);
  if (!isSizes(offsets) || offsets.length !== 2) return fail(`${where} has invalid data_offsets ${JSON.stringify(offsets)}`);
  const [begin, end] = offsets;
  const bytes = countElements(shape) * elementBytes(dtype);
  if (!Number.isSafeInteger(bytes)) fail(`${where} of shape [${shape.join(", ")}] is too large`);
  if (end - begin !== bytes) {
    fail(`${where} of dtype ${code} and shape [${shape.join(", ")}] takes ${bytes} bytes, but its data_offsets are [${begin}, ${end}]`);
  }
  return { name, dtype, shape, begin, end };
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function countElements(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** Every byte of the data must belong to exactly one tensor. */
function checkSpans(spans: readonly Span[], dataBytes: number, fail: Fail): void {
  let position = 0;
  for (const { name, begin, end } of [...spans].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== position) {
      fail(
        `tensor ${JSON.stringify(name)} begins at byte ${begin} of the data, expected ${position}: tensors ${begin < position ? "overlap" : "leave a gap"}`,
      );
    }
    position = end;
  }
  if (position > dataBytes) fail(`the header describes ${position} bytes of data, but the file has ${dataBytes}; it is cut short`);
  if (position < dataBytes) fail(`the header describes ${position} bytes of data, but the file has ${dataBytes}; it is too long`);
}

function checkBooleans(bytes: Uint8Array, start: number, { name, dtype, begin, end }: Span, fail: Fail): void {
  if (dtype !== "bool") return;
  for (let i = start + begin; i < start + end; i++) {
    if (bytes[i] > 1) fail(`tensor ${JSON.stringify(name)} of dtype BOOL holds the byte ${bytes[i]}`);
  }
}

function copyOut(bytes: Uint8Array, start: number, { dtype, begin, end }: Span): SafetensorsArray {
  const copy = new Uint8Array(end - begin);
  copy.set(bytes.subarray(start + begin, start + end));
  return new CODES[dtype].array(copy.buffer);
}
