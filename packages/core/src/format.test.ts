import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { setDefaultDType } from "./dtype.js";
import { formatTensor, getPrintOptions, setPrintOptions } from "./format.js";

interface Case {
  id: string;
  x: { dtype: string; shape: number[]; data?: (number | string)[]; b64?: string; requires_grad?: boolean };
  options?: { precision?: number; threshold?: number; edgeitems?: number; linewidth?: number; sci_mode?: boolean };
  suffix?: string | null;
  str: string;
}

function readGolden(file: string): Case[] {
  const bytes = readFileSync(new URL(`../../testing/golden/repr/${file}.jsonl.gz`, import.meta.url));
  const lines = gunzipSync(bytes).toString().trim().split("\n");
  return lines.map((line) => JSON.parse(line) as Case);
}

function decode({ dtype, data, b64 }: Case["x"], wide: boolean): number[] {
  if (b64 === undefined) return data!.map((value) => (dtype === "float32" ? Math.fround(Number(value)) : Number(value)));
  const bytes = new Uint8Array(Buffer.from(b64, "base64"));
  return [...(wide || dtype === "float64" ? new Float64Array(bytes.buffer) : new Float32Array(bytes.buffer))];
}

/** PyTorch's own spelling of what is spelled differently here, so that texts and line breaks compare byte for byte. */
function pytorchDType({ dtype, shape }: Case["x"]): string {
  if (dtype === "float32") return "float32";
  if (shape.includes(0)) return `torch.${dtype}`;
  if (dtype === "int64") return "int32"; // PyTorch leaves out int64 where int32 is left out here
  return dtype === "bool" ? "bool" : `torch.${dtype}`;
}

const spelled: Record<string, string> = { "requiresGrad=true": "requires_grad=True", "gradFn=<ViewBackward0>": "grad_fn=<ViewBackward0>" };

afterEach(() => setPrintOptions({ profile: "default" }));

describe("formatTensor prints what PyTorch 1.13.1 prints", () => {
  it.each(readGolden("repr"))("$id", ({ x, str }) => {
    const suffix = x.requires_grad ? "requires_grad=True" : undefined;
    expect(formatTensor({ shape: x.shape, dtype: pytorchDType(x), data: decode(x, false) }, { suffix })).toBe(str);
  });

  it.each(readGolden("more_repr"))("$id $x.dtype $x.shape $options", ({ x, options, suffix, str }) => {
    const { sci_mode: sciMode, ...rest } = options!;
    const source = { shape: x.shape, dtype: pytorchDType(x), data: decode(x, true) };
    expect(formatTensor(source, { ...rest, sciMode, suffix: suffix ? spelled[suffix] : undefined })).toBe(str);
    setPrintOptions({ ...rest, sciMode });
    expect(formatTensor(source, { suffix: suffix ? spelled[suffix] : undefined })).toBe(str);
  });
});

describe("formatTensor", () => {
  it("names the dtype unless it is float32, int32 or bool", () => {
    const named = (dtype: string): string => formatTensor({ shape: [1], dtype, data: [1] });
    expect(named("float32")).toBe("tensor([1.])");
    expect(named("int32")).toBe("tensor([1])");
    expect(named("bool")).toBe("tensor([True])");
    expect(named("int64")).toBe("tensor([1], dtype=int64)");
    expect(named("uint8")).toBe("tensor([1], dtype=uint8)");
    expect(named("float64")).toBe("tensor([1.], dtype=float64)");
  });

  it("names float32 while the default dtype is float64", () => {
    setDefaultDType("float64");
    try {
      expect(formatTensor({ shape: [], dtype: "float32", data: [1] })).toBe("tensor(1., dtype=float32)");
      expect(formatTensor({ shape: [], dtype: "float64", data: [1] })).toBe("tensor(1.)");
    } finally {
      setDefaultDType("float32");
    }
  });

  it("names the dtype of an empty tensor, which shows no elements", () => {
    expect(formatTensor({ shape: [0], dtype: "int32", data: [] })).toBe("tensor([], dtype=int32)");
    expect(formatTensor({ shape: [0, 2], dtype: "float32", data: [] })).toBe("tensor([], size=(0, 2))");
  });

  it("puts the device before the dtype and the suffix last", () => {
    const source = { shape: [2], dtype: "uint8", data: [1, 2] };
    expect(formatTensor(source, { device: "webgpu", suffix: "requiresGrad=true" })).toBe(
      "tensor([1, 2], device='webgpu', dtype=uint8, requiresGrad=true)",
    );
    expect(formatTensor(source, { device: "cpu" })).toBe("tensor([1, 2], dtype=uint8)");
  });

  it("prints int64 beyond 2^53 exactly", () => {
    expect(formatTensor({ shape: [2], dtype: "int64", data: [9007199254740993n, -1n] })).toBe(
      "tensor([9007199254740993,               -1], dtype=int64)",
    );
  });

  it("reads only the elements that it shows", () => {
    const read: string[] = [];
    const data = new Proxy({} as ArrayLike<number>, { get: (_, key) => read.push(String(key)) });
    const text = formatTensor({ shape: [1e6, 1e6], dtype: "float32", data });
    expect(text.split("\n")).toHaveLength(7);
    expect(read).toHaveLength(36);
    expect(read.at(-1)).toBe("999999999999");
  });
});

describe("setPrintOptions", () => {
  it("keeps what it is not given, except sciMode", () => {
    setPrintOptions({ precision: 2, sciMode: true });
    expect(formatTensor({ shape: [1], dtype: "float32", data: [0.5] })).toBe("tensor([5.00e-01])");
    setPrintOptions({ linewidth: 40 });
    expect(getPrintOptions()).toEqual({ precision: 2, threshold: 1000, edgeitems: 3, linewidth: 40, sciMode: undefined });
  });

  it("knows PyTorch's profiles", () => {
    setPrintOptions({ profile: "short" });
    expect(getPrintOptions()).toMatchObject({ precision: 2, edgeitems: 2 });
    setPrintOptions({ profile: "full", linewidth: 100 });
    expect(getPrintOptions()).toMatchObject({ precision: 4, threshold: Number.POSITIVE_INFINITY, linewidth: 100 });
  });

  it("refuses options that make no sense", () => {
    expect(() => setPrintOptions({ precision: -1 })).toThrow("precision from 0 to 99");
    expect(() => setPrintOptions({ linewidth: Number.NaN })).toThrow("linewidth of 0 or more");
    expect(getPrintOptions().precision).toBe(4);
  });
});
