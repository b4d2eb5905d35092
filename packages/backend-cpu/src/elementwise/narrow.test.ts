import {
  type BaseScalarOp,
  type DType,
  decodeArray,
  inputExpr,
  numberExpr,
  SCALAR_OPS,
  type StorageDType,
  scalarExpr,
  toHalfBits,
} from "@sconce/core";
import { describe, expect, it } from "vitest";
import { CpuBackend } from "../backend.js";
import { SCALARS } from "../reference/scalar.js";
import { expectClose, generator, hostTensor, runBoth, tensorOf, values } from "../testing.js";

const backend = new CpuBackend();
const NARROW = ["float16", "bfloat16", "int8", "int16"] as const;

/** A kernel's results as numbers in float32 or int32. */
const wideOf = (dtype: StorageDType): "float32" | "int32" => (dtype.endsWith("float16") ? "float32" : "int32");

describe("storage dtypes", () => {
  it.each(["float16", "bfloat16"] as const)("load every %s and round every float32 as the reference does", (dtype) => {
    const bits = Array.from({ length: 2 ** 16 }, (_, i) => i);
    const up = scalarExpr("cast", "float32", [inputExpr(0, dtype)]);
    const input = { array: Uint16Array.from(bits), dtype, shape: [bits.length], strides: [1], offset: 0 };
    const loaded = runBoth(backend, "elementwise", [input], [{ shape: [bits.length], dtype: "float32" }], { exprs: [up], numbers: [] });
    expect(loaded.got).toEqual(loaded.want);

    const random = generator(3);
    const words = Int32Array.from({ length: 100_000 }, () => random() * 2 ** 32);
    const floats = [...new Float32Array(words.buffer), 65519.99, 65520, -65520, 2 ** -25, 2 ** -24, 1e-45, 0, -0];
    const down = scalarExpr("cast", dtype, [inputExpr(0, "float32")]);
    const source = tensorOf("float32", [floats.length], floats);
    const { got } = runBoth(backend, "elementwise", [source], [{ shape: [floats.length], dtype }], { exprs: [down], numbers: [] });
    floats.forEach((x, i) => {
      // Any NaN will do.
      const nan = (value: number): boolean => (value & 0x7fff) > (dtype === "float16" ? 0x7c00 : 0x7f80);
      const want = toHalfBits(x, dtype);
      if (got[0][i] !== want && !(nan(want) && nan(got[0][i] as number))) expect.fail(`${x}: got ${got[0][i]}, want ${want}`);
    });
  });

  it.each(NARROW)("%s in every op, layout and remainder agree with the reference", (dtype) => {
    const random = generator(11);
    for (const op of Object.keys(SCALARS) as Exclude<BaseScalarOp, "cast">[]) {
      const row = SCALARS[op];
      if ((wideOf(dtype) === "float32" ? row.float : row.int) === undefined || op === "where") continue;
      if (dtype.startsWith("int") && /Divide|remainder|fmod|shift|pow/.test(op)) continue;
      const result = SCALAR_OPS[op].result === "bool" ? "bool" : dtype;
      const args = [0, 1].slice(0, SCALAR_OPS[op].arity).map((i) => inputExpr(i, dtype));
      const exprs = [scalarExpr(op, result, args)];
      for (const layout of ["contiguous", "transposed", "broadcast"] as const) {
        const inputs = args.map(() => hostTensor(dtype, [3, 7], layout, values(dtype, random, 3)));
        const { got, want } = runBoth(backend, "elementwise", inputs, [{ shape: [3, 7], dtype: result }], { exprs, numbers: [] });
        // Approximations may round to the neighbour.
        const tolerance = result === "float16" ? 2 ** -10 : result === "bfloat16" ? 2 ** -7 : 0;
        expectClose(decodeArray(got[0], result), decodeArray(want[0], result), tolerance, `${op} ${dtype} ${layout}`);
      }
    }
  });

  it.each(NARROW)("%s go with 64-bit dtypes in one kernel", (dtype) => {
    const random = generator(5);
    const wide = scalarExpr("cast", "float64", [inputExpr(0, dtype)]);
    const sum = scalarExpr("add", "float64", [wide, numberExpr(0, "float64")]);
    const back = scalarExpr("mul", dtype, [scalarExpr("cast", dtype, [sum]), numberExpr(1, dtype)]);
    const inputs = [hostTensor(dtype, [4, 5], "transposed", values(dtype, random, 3))];
    const outputs = [
      { shape: [4, 5], dtype: "float64" as DType },
      { shape: [4, 5], dtype },
    ];
    const { got, want } = runBoth(backend, "elementwise", inputs, outputs, { exprs: [sum, back], numbers: [0.25, 3] });
    expect(got).toEqual(want);
  });

  it("wrap as C does", () => {
    const expr = scalarExpr("add", "int8", [inputExpr(0, "int8"), numberExpr(0, "int8")]);
    const input = tensorOf("int8", [5], [100, 127, -128, -1, 0]);
    const { got } = runBoth(backend, "elementwise", [input], [{ shape: [5], dtype: "int8" }], { exprs: [expr], numbers: [100] });
    expect(got[0]).toEqual(new Int8Array([-56, -29, -28, 99, 100]));
  });
});
