import { gzipSync } from "node:zlib";
import { FormatError } from "@sconce/core";
import { describe, expect, it } from "vitest";
import { gunzip, type IdxArray, parseIdx } from "./idx.js";

/** The bytes of an IDX file with the given type code, sizes and big-endian data. */
function idx(code: number, shape: number[], data: number[]): Uint8Array {
  const sizes = shape.flatMap((size) => [size >>> 24, (size >>> 16) & 255, (size >>> 8) & 255, size & 255]);
  return new Uint8Array([0, 0, code, shape.length, ...sizes, ...data]);
}

describe("parseIdx", () => {
  it.each<[string, number, number[], IdxArray]>([
    ["uint8", 0x08, [0, 128, 255], new Uint8Array([0, 128, 255])],
    ["int8", 0x09, [0, 128, 255], new Int8Array([0, -128, -1])],
    ["int16", 0x0b, [1, 2, 255, 254], new Int16Array([258, -2])],
    ["int32", 0x0c, [0, 0, 1, 0, 255, 255, 255, 255], new Int32Array([256, -1])],
    ["float32", 0x0d, [0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0], new Float32Array([1, -2])],
    ["float64", 0x0e, [0x3f, 0xf8, 0, 0, 0, 0, 0, 0], new Float64Array([1.5])],
  ])("reads %s", (dtype, code, bytes, data) => {
    expect(parseIdx(idx(code, [data.length], bytes))).toEqual({ dtype, shape: [data.length], data });
  });

  it("reads several dimensions from an unaligned view", () => {
    const file = idx(0x0c, [2, 1, 1], [0, 0, 0, 5, 0, 0, 0, 6]);
    const shifted = new Uint8Array(file.length + 1);
    shifted.set(file, 1);
    expect(parseIdx(shifted.subarray(1))).toEqual({ dtype: "int32", shape: [2, 1, 1], data: new Int32Array([5, 6]) });
  });

  it("reads a file without elements", () => {
    expect(parseIdx(idx(0x08, [0, 28, 28], []))).toEqual({ dtype: "uint8", shape: [0, 28, 28], data: new Uint8Array() });
  });

  it.each([
    ["three bytes", new Uint8Array(3), "expected at least 4 bytes, got 3; the file is cut short"],
    ["another format", new TextEncoder().encode("<html></html>"), "expected the magic number of an IDX file, got 0x3c68746d"],
    ["an unknown type", idx(0x0a, [1], [0]), "got 0x00000a01"],
    ["no dimensions", idx(0x08, [], [0]), "got 0x00000800"],
    ["a header that is cut short", idx(0x08, [2, 3], []).subarray(0, 11), "expected a header of 12 bytes, got 11"],
    [
      "data that is cut short",
      idx(0x08, [2, 3], [1, 2, 3, 4, 5]),
      "expected 18 bytes for uint8 elements of [2, 3], got 17; it is cut short",
    ],
    ["data that is too long", idx(0x0b, [1], [1, 2, 3]), "expected 10 bytes for int16 elements of [1], got 11; it is too long"],
    ["sizes whose product overflows", idx(0x0e, Array(200).fill(0xffffffff), []), "it is cut short"],
    ["a gzipped file", gzipSync(idx(0x08, [1], [1])), "pass it through gunzip first"],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => parseIdx(bytes, "labels")).toThrow(message);
    expect(() => parseIdx(bytes, "labels")).toThrow(FormatError);
    expect(() => parseIdx(bytes, "labels")).toThrow("parseIdx: labels: ");
  });
});

describe("gunzip", () => {
  const content = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) >> 5);

  it("unpacks what gzip packed", async () => {
    expect(Buffer.compare(await gunzip(gzipSync(content)), content)).toBe(0);
    expect(await gunzip(gzipSync(new Uint8Array()))).toHaveLength(0);
  });

  const packed = gzipSync(content);
  it.each([
    ["bytes that are not gzip", new TextEncoder().encode("hello, hello, hello")],
    ["no bytes", new Uint8Array()],
    ["data that is cut short", packed.subarray(0, packed.length - 9)],
    ["half of the data", packed.subarray(0, packed.length / 2)],
    ["a wrong checksum", packed.map((byte, i) => (i === packed.length - 6 ? byte ^ 1 : byte))],
    ["a damaged block", packed.map((byte, i) => (i > 5000 && i < 5100 ? byte ^ 0xa5 : byte))],
  ])("refuses %s", async (_, bytes) => {
    const error = await gunzip(bytes, "x.gz").catch((e: unknown) => e);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).message).toMatch(/^gunzip: x\.gz: the gzipped data is damaged or cut short/);
  });
});
