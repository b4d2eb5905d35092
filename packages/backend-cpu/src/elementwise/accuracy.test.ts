import { type BaseScalarOp, inputExpr, opExpr } from "@sconce/core";
import { describe, expect, it } from "vitest";
import { CpuBackend } from "../backend.js";
import { erf } from "../reference/special.js";
import { ulps32 } from "../testing.js";

const backend = new CpuBackend();

/** About `count` numbers of both signs, evenly spread over the bit patterns of [low, high]. */
function samples(low: number, high: number, count: number, negative: boolean): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(new Float32Array([low, high]).buffer);
  const step = Math.max(1, Math.floor((bits[1] - bits[0]) / count));
  const out: number[] = [];
  const word = new Uint32Array(1);
  const float = new Float32Array(word.buffer);
  for (let b = bits[0]; b <= bits[1]; b += step) {
    word[0] = b;
    out.push(float[0]);
    if (negative) out.push(-float[0]);
  }
  return new Float32Array(out);
}

function run(op: BaseScalarOp, ...args: Float32Array[]): Float32Array {
  const shape = [args[0].length];
  const views = args.map((x) => ({ handle: backend.upload(x, "float32"), dtype: "float32" as const, shape, strides: [1], offset: 0 }));
  const expr = opExpr(
    op,
    "float32",
    args.map((_, i) => inputExpr(i, "float32")),
  );
  const [out] = backend.run("elementwise", views, [{ shape, dtype: "float32" }], { exprs: [expr], numbers: [] });
  const result = backend.downloadSync(out, "float32", shape[0]) as Float32Array;
  for (const handle of [out, ...views.map((view) => view.handle)]) backend.free(handle);
  return result;
}

function worst(op: BaseScalarOp, exact: (...x: number[]) => number, ...args: Float32Array[]): number {
  const got = run(op, ...args);
  let max = 0;
  for (let i = 0; i < got.length; i++) {
    const error = ulps32(got[i], exact(...args.map((x) => x[i])));
    if (error > max) max = error;
  }
  return max;
}

interface Case {
  readonly op: BaseScalarOp;
  readonly exact: (x: number) => number;
  readonly range: readonly [number, number];
  readonly negative: boolean;
  readonly bound: number;
}

const CASES: readonly Case[] = [
  { op: "exp", exact: Math.exp, range: [1e-30, 105], negative: true, bound: 1 },
  { op: "expm1", exact: Math.expm1, range: [1e-30, 89], negative: true, bound: 1.4 },
  { op: "log", exact: Math.log, range: [1e-44, 3.4e38], negative: false, bound: 1 },
  { op: "log2", exact: Math.log2, range: [1e-44, 3.4e38], negative: false, bound: 1.1 },
  { op: "log1p", exact: Math.log1p, range: [1e-30, 3.4e38], negative: false, bound: 1.5 },
  { op: "log1p", exact: Math.log1p, range: [1e-30, 0.99999], negative: true, bound: 1.5 },
  { op: "tanh", exact: Math.tanh, range: [1e-30, 20], negative: true, bound: 1.3 },
  { op: "sigmoid", exact: (x) => 1 / (1 + Math.exp(-x)), range: [1e-30, 80], negative: true, bound: 2.2 },
  { op: "erf", exact: erf, range: [1e-30, 10], negative: true, bound: 1 },
  { op: "sin", exact: Math.sin, range: [1e-30, 1000], negative: true, bound: 1.5 },
  { op: "cos", exact: Math.cos, range: [1e-30, 1000], negative: true, bound: 1.5 },
  { op: "sin", exact: Math.sin, range: [1000, 1e6], negative: true, bound: 1.5 },
  { op: "rsqrt", exact: (x) => 1 / Math.sqrt(x), range: [1e-38, 3e38], negative: false, bound: 1.5 },
];

describe("float32 approximations stay within their bound in units in the last place", () => {
  for (const { op, exact, range, negative, bound } of CASES) {
    it(`${op} on [${range}]`, () => {
      const error = worst(op, exact, samples(...range, 200_000, negative));
      expect(error).toBeLessThanOrEqual(bound);
    });
  }

  it("pow", () => {
    const bases = samples(1e-20, 1e20, 300, true);
    const exponents = samples(1e-3, 30, 300, true);
    const x = new Float32Array(bases.length * exponents.length).map((_, i) => bases[i % bases.length]);
    const y = new Float32Array(x.length).map((_, i) => exponents[Math.floor(i / bases.length)]);
    const whole = y.map(Math.round);
    expect(worst("pow", (a, b) => a ** b, x, y)).toBeLessThanOrEqual(0.51);
    expect(worst("pow", (a, b) => a ** b, x, whole)).toBeLessThanOrEqual(0.51);
  });
});
