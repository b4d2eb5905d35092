import { FormatError } from "@sconce/core";

/** Host arrays that an IDX file can hold. */
export type IdxArray = Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

/** Element types of IDX files. */
type IdxDType = "uint8" | "int8" | "int16" | "int32" | "float32" | "float64";

/** The content of an IDX file, row-major. */
export interface IdxTensor {
  readonly dtype: IdxDType;
  readonly shape: number[];
  readonly data: IdxArray;
}

interface Kind {
  readonly dtype: IdxDType;
  readonly bytes: number;
  /** Reads `count` big-endian elements from `start`. */
  readonly read: (view: DataView, start: number, count: number) => IdxArray;
}

const KINDS: ReadonlyMap<number, Kind> = new Map<number, Kind>([
  [0x08, { dtype: "uint8", bytes: 1, read: (view, start, n) => new Uint8Array(view.buffer, view.byteOffset + start, n) }],
  [0x09, { dtype: "int8", bytes: 1, read: (view, start, n) => new Int8Array(view.buffer, view.byteOffset + start, n) }],
  [0x0b, { dtype: "int16", bytes: 2, read: (view, start, n) => new Int16Array(n).map((_, i) => view.getInt16(start + 2 * i)) }],
  [0x0c, { dtype: "int32", bytes: 4, read: (view, start, n) => new Int32Array(n).map((_, i) => view.getInt32(start + 4 * i)) }],
  [0x0d, { dtype: "float32", bytes: 4, read: (view, start, n) => new Float32Array(n).map((_, i) => view.getFloat32(start + 4 * i)) }],
  [0x0e, { dtype: "float64", bytes: 8, read: (view, start, n) => new Float64Array(n).map((_, i) => view.getFloat64(start + 8 * i)) }],
]);

/**
 * Reads a file in the IDX format of MNIST; single-byte elements are a view of `bytes`.
 *
 * Source: http://yann.lecun.com/exdb/mnist/
 *
 * @param path file that the bytes came from, for the error.
 * @throws FormatError if the bytes are no IDX file, are cut short or go on after the last element.
 *
 * @example
 * parseIdx(new Uint8Array([0, 0, 8, 1, 0, 0, 0, 2, 7, 9])); // { dtype: "uint8", shape: [2], data: Uint8Array [7, 9] }
 */
export function parseIdx(bytes: Uint8Array, path?: string): IdxTensor {
  const fail = (reason: string): never => {
    throw new FormatError(`parseIdx: ${path === undefined ? "" : `${path}: `}${reason}`, { path });
  };
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) fail("the file is gzipped; pass it through gunzip first");
  if (bytes.length < 4) fail(`expected at least 4 bytes, got ${bytes.length}; the file is cut short`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = KINDS.get(bytes[2]);
  const rank = bytes[3];
  if (view.getUint16(0) !== 0 || kind === undefined || rank === 0) {
    return fail(`expected the magic number of an IDX file, got 0x${view.getUint32(0).toString(16).padStart(8, "0")}`);
  }
  const start = 4 + 4 * rank;
  if (bytes.length < start) fail(`expected a header of ${start} bytes, got ${bytes.length}; the file is cut short`);
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const count = shape.reduce((a, b) => a * b, 1);
  const expected = start + count * kind.bytes;
  if (bytes.length !== expected) {
    const what = bytes.length < expected ? "it is cut short" : "it is too long";
    fail(`expected ${expected} bytes for ${kind.dtype} elements of [${shape.join(", ")}], got ${bytes.length}; ${what}`);
  }
  return { dtype: kind.dtype, shape, data: kind.read(view, start, count) };
}

/**
 * Unpacks gzipped bytes.
 *
 * @param path file that the bytes came from, for the error.
 * @throws FormatError if the bytes are not gzip, are cut short or damaged.
 *
 * @example
 * const file = new Blob([Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 7, 9)]).stream().pipeThrough(new CompressionStream("gzip"));
 * parseIdx(await gunzip(new Uint8Array(await new Response(file).arrayBuffer()))).data; // [7, 9]
 */
export async function gunzip(bytes: Uint8Array, path?: string): Promise<Uint8Array> {
  try {
    // Views of shared memory cannot enter a Blob, hence the type assertion for those that are not.
    const packed = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream();
    return new Uint8Array(await new Response(packed.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
  } catch (error) {
    const reason = error instanceof Error && error.message ? ` (${error.message})` : "";
    throw new FormatError(`gunzip: ${path === undefined ? "" : `${path}: `}the gzipped data is damaged or cut short${reason}`, {
      path,
    });
  }
}
