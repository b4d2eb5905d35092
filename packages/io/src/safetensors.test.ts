import { readFileSync } from "node:fs";
import { FormatError } from "@sconce/core";
import { describe, expect, it } from "vitest";
import {
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsArray,
  type SafetensorsDType,
  type SafetensorsEntry,
} from "./safetensors.js";

const golden = new URL("../../testing/golden/interchange/", import.meta.url);

interface Case {
  file: string;
  expect?: "rejected";
  why?: string;
  metadata: Record<string, string> | null;
  tensors: Record<string, { dtype: string; shape: number[]; data: number[] }>;
}

const cases = JSON.parse(readFileSync(new URL("files.json", golden), "utf8")) as Case[];
const read = (file: string): Uint8Array => readFileSync(new URL(file, golden));

function float16(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function numbers(dtype: string, data: SafetensorsArray): number[] {
  const values = Array.from(data as ArrayLike<number | bigint>, Number);
  if (dtype === "float16") return values.map(float16);
  if (dtype === "bfloat16") return values.map((bits) => new Float32Array(new Uint32Array([bits << 16]).buffer)[0]);
  return values;
}

/** The bytes of a file with the given header text and `dataBytes` zeros. */
function file(header: string, dataBytes = 0): Uint8Array {
  const text = new TextEncoder().encode(header);
  const out = new Uint8Array(8 + text.length + dataBytes);
  new DataView(out.buffer).setBigUint64(0, BigInt(text.length), true);
  out.set(text, 8);
  return out;
}

const entry = (dtype: SafetensorsDType, shape: number[], data: SafetensorsArray): SafetensorsEntry => ({ dtype, shape, data });

describe("decodeSafetensors", () => {
  const [valid, malformed] = [cases.filter((c) => !c.expect), cases.filter((c) => c.expect === "rejected")];

  it.each(valid)("reads $file as the reference does", ({ file, tensors, metadata }) => {
    const decoded = decodeSafetensors(read(file));
    expect(decoded.metadata).toEqual(metadata ?? {});
    expect([...decoded.tensors.keys()].sort()).toEqual(Object.keys(tensors).sort());
    for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
      const tensor = decoded.tensors.get(name)!;
      expect([tensor.dtype, tensor.shape]).toEqual([dtype, shape]);
      // Narrow floats are listed with the digits that name a float32.
      const expected = /^b?float(16|32)$/.test(dtype) ? data.map(Math.fround) : data;
      expect(numbers(dtype, tensor.data())).toEqual(expected);
    }
  });

  it.each(valid)("reads $file again after writing it", ({ file }) => {
    const { tensors, metadata } = decodeSafetensors(read(file));
    const entries = [...tensors].map(([name, t]): [string, SafetensorsEntry] => [name, entry(t.dtype, [...t.shape], t.data())]);
    const again = decodeSafetensors(encodeSafetensors(entries, metadata));
    expect(again.metadata).toEqual(metadata);
    expect(again.tensors.size).toBe(entries.length);
    for (const [name, { dtype, shape, data }] of entries) {
      const tensor = again.tensors.get(name)!;
      expect([tensor.dtype, tensor.shape, tensor.data()]).toEqual([dtype, shape, data]);
    }
  });

  it.each(malformed)("refuses $file: $why", ({ file }) => {
    expect(() => decodeSafetensors(read(file))).toThrow(FormatError);
  });

  it("refuses every shortened copy of a file", () => {
    const bytes = read("safetensors/all_dtypes_meta.safetensors");
    for (let length = 0; length < bytes.length; length++) expect(() => decodeSafetensors(bytes.subarray(0, length))).toThrow(FormatError);
  });

  const F32 = (shape: string, offsets: string): string => `{"dtype":"F32","shape":${shape},"data_offsets":${offsets}}`;
  it.each([
    ["bytes after the data", file("{}", 1), "too long"],
    ["overlapping tensors", file(`{"a":${F32("[2]", "[0,8]")},"b":${F32("[2]", "[4,12]")}}`, 12), "overlap"],
    ["a gap", file(`{"a":${F32("[1]", "[0,4]")},"b":${F32("[1]", "[8,12]")}}`, 12), "leave a gap"],
    ["a name that occurs twice", file(`{"a":${F32("[1]", "[0,4]")},"\\u0061":${F32("[1]", "[4,8]")}}`, 8), "occurs twice"],
    ["a field that occurs twice", file(`{"a":{"dtype":"F32","dtype":"I32","shape":[1],"data_offsets":[0,4]}}`, 4), "occurs twice"],
    ["an unknown dtype", file(`{"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}}`, 4), 'unknown dtype "F31"'],
    ["a size that is no integer", file(`{"a":${F32("[1.0]", "[0,4]")}}`, 4), "got 1.0"],
    ["a negative size", file(`{"a":${F32("[-1,-1]", "[0,4]")}}`, 4), "got -1"],
    ["a size that is no number", file(`{"a":${F32('["1"]', "[0,4]")}}`, 4), "invalid shape"],
    ["a shape that overflows", file(`{"a":${F32("[4294967296,4294967296]", "[0,0]")}}`), "too large"],
    ["three offsets", file(`{"a":${F32("[1]", "[0,4,4]")}}`, 4), "invalid data_offsets"],
    ["a tensor that is no object", file(`{"a":[]}`), "must be described by an object"],
    ["metadata that is no object", file(`{"__metadata__":"x"}`), "must be an object of strings"],
    ["a header that is a list", file("[]"), "not a safetensors file"],
    ["a huge header", new Uint8Array(16).fill(0xff), "too large"],
    ["broken UTF-8", file(`{"a":1}`).map((byte) => (byte === 0x61 ? 0xff : byte)), "not JSON"],
    [
      "a boolean of 2",
      file(`{"a":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}}`, 1).map((byte, i) => (i === 63 ? 2 : byte)),
      "holds the byte 2",
    ],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes)).toThrow(message);
    expect(() => decodeSafetensors(bytes)).toThrow(FormatError);
  });

  it("names the file in the error", () => {
    try {
      decodeSafetensors(new Uint8Array(3), "model.safetensors");
      expect.unreachable();
    } catch (error) {
      expect((error as FormatError).path).toBe("model.safetensors");
      expect((error as FormatError).message).toBe(
        "decodeSafetensors: model.safetensors: expected at least 8 bytes, got 3; the file is cut short",
      );
    }
  });

  it("reads from an unaligned view and copies", () => {
    const bytes = encodeSafetensors([["a", entry("float64", [2], new Float64Array([1, 2]))]]);
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    const tensor = decodeSafetensors(shifted.subarray(3)).tensors.get("a")!;
    const data = tensor.data();
    data[0] = 7;
    expect(tensor.data()).toEqual(new Float64Array([1, 2]));
  });

  it("keeps a tensor and metadata named __proto__", () => {
    const bytes = encodeSafetensors([["__proto__", entry("uint8", [], new Uint8Array([5]))]], JSON.parse('{"__proto__":"x"}'));
    const { tensors, metadata } = decodeSafetensors(bytes);
    expect(tensors.get("__proto__")?.data()).toEqual(new Uint8Array([5]));
    expect(Object.entries(metadata)).toEqual([["__proto__", "x"]]);
  });
});

describe("encodeSafetensors", () => {
  it("writes every dtype, aligned, with a header of a multiple of 8 bytes", () => {
    const all: [string, SafetensorsEntry][] = [
      ["bool", entry("bool", [3], new Uint8Array([1, 0, 1]))],
      ["u8", entry("uint8", [1], new Uint8Array([255]))],
      ["i8", entry("int8", [1], new Int8Array([-128]))],
      ["i16", entry("int16", [1], new Int16Array([-300]))],
      ["u16", entry("uint16", [1], new Uint16Array([65535]))],
      ["f16", entry("float16", [1], new Uint16Array([0x3c00]))],
      ["bf16", entry("bfloat16", [1], new Uint16Array([0x3f80]))],
      ["i32", entry("int32", [1], new Int32Array([-5]))],
      ["u32", entry("uint32", [1], new Uint32Array([2 ** 32 - 1]))],
      ["f32", entry("float32", [1, 1], new Float32Array([0.5]))],
      ["c64", entry("complex64", [2], new Float32Array([1, 2, 3, 4]))],
      ["f64", entry("float64", [0, 4], new Float64Array())],
      ["i64", entry("int64", [], new BigInt64Array([-(2n ** 63n)]))],
      ["u64", entry("uint64", [1], new BigUint64Array([2n ** 64n - 1n]))],
    ];
    const bytes = encodeSafetensors(all);
    const header = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(header % 8).toBe(0);
    const described = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + header))) as Record<string, { data_offsets: number[] }>;
    const { tensors } = decodeSafetensors(bytes);
    for (const [name, { dtype, shape, data }] of all) {
      const tensor = tensors.get(name)!;
      expect([tensor.dtype, tensor.shape, tensor.data()]).toEqual([dtype, shape, data]);
      expect(described[name].data_offsets[0] % data.BYTES_PER_ELEMENT).toBe(0);
    }
  });

  it("writes a view of a larger array", () => {
    const view = new Float32Array([1, 2, 3, 4]).subarray(1, 3);
    expect(
      decodeSafetensors(encodeSafetensors([["a", entry("float32", [2], view)]]))
        .tensors.get("a")
        ?.data(),
    ).toEqual(new Float32Array([2, 3]));
  });

  const one = entry("float32", [1], new Float32Array(1));
  it.each<[string, [string, SafetensorsEntry][], string]>([
    [
      "a name that occurs twice",
      [
        ["a", one],
        ["a", one],
      ],
      "occurs twice",
    ],
    ["the reserved name", [["__metadata__", one]], "reserved"],
    ["a dtype that the format lacks", [["a", { ...one, dtype: "float8" as never }]], 'no dtype "float8"'],
    ["an array of another type", [["a", entry("int32", [1], new Float32Array(1))]], "expected a Int32Array"],
    ["a shape that does not fit", [["a", entry("float32", [2], new Float32Array(3))]], "shape [2] cannot have 3"],
  ])("refuses %s", (_, entries, message) => {
    expect(() => encodeSafetensors(entries)).toThrow(message);
  });

  it("refuses metadata that is not text", () => {
    expect(() => encodeSafetensors([], { epoch: 3 as never })).toThrow("metadata must be strings");
  });
});
