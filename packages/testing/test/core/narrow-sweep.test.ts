import "@sconce/backend-cpu";
import { type DType, finfo, roundToHalf, Tensor } from "@sconce/core";
import { describe, expect, it } from "vitest";
import { formsOf } from "../../src/calls.js";
import { asList } from "../../src/compare.js";
import { inDType } from "../../src/convert-golden.js";
import {
  type GoldenTensor,
  type GoldenValue,
  isGoldenTensor,
  type OpCase,
  type OpInfo,
  readDocument,
  readGroup,
} from "../../src/golden.js";
import { gradientsOf } from "../../src/gradients.js";
import { construct } from "../../src/modules.js";
import { keyOf, outputsOf } from "../../src/ops-runner.js";
import { elements, Values } from "../../src/values.js";

const info = await readDocument<{ readonly [op: string]: OpInfo }>("ops/ops.json");
const values = new Values("cpu", construct);

/** Operators whose numbers may lie far apart although both are right, and why. */
const LEFT_OUT: { readonly [op: string]: string } = {
  float: "asks for float32",
  "nn.functional._scaled_dot_product_attention": "the golden call mixes dtypes",
  "nn.functional.grid_sample": "rounded positions fall into another cell",
  "nn.functional.hinge_embedding_loss": "a rounded input falls on the other side of the hinge",
  "nn.functional.normalize": "eps = 1e-12 is 0 in float16, as in PyTorch",
  "nn.functional.soft_margin_loss": "exp overflows in the middle, as in PyTorch",
  ormqr: "the golden reflectors are not orthogonal once rounded",
  digamma: "the gradient next to a pole",
  tan: "the gradient next to a pole",
  pow: "gradients overflow in the middle",
  __rpow__: "gradients overflow in the middle",
  float_power: "gradients overflow in the middle",
};

const cases = [...(await readGroup("ops")), ...(await readGroup("functional"))].filter(
  (c) => !c.unstable && c.stochastic === undefined && !c.gauge && !(c.op in LEFT_OUT) && (c.dtype ?? "float32") === "float32",
);

interface Run {
  readonly outputs: readonly Tensor[];
  readonly grads: ReadonlyMap<string, Tensor>;
}

function run(c: OpCase, convert: (value: GoldenValue) => GoldenValue): Run | undefined {
  const [form] = formsOf(c.call, info[keyOf(c)] ?? info[c.op]);
  if (form === undefined) return undefined;
  const leaves = new Map<string, Tensor>();
  const wanted = new Set(Object.keys(c.grads ?? {}));
  const value = (golden: GoldenValue, path: string): unknown => values.value(convert(golden), path, wanted, leaves);
  const args = c.args.map((golden, i) => value(golden, `args.${i}`));
  const kwargs = Object.entries(c.kwargs).map(([name, golden]) => [name, name === "device" ? "cpu" : value(golden, `kwargs.${name}`)]);
  const result = form.call(args, Object.fromEntries(kwargs));
  if (leaves.size > 0 && c.cotangent !== undefined) {
    const given = Object.entries(c.cotangent).filter((entry): entry is [string, GoldenTensor] => entry[1] !== null);
    const cotangents = new Map(given.map(([path, golden]) => [path, values.tensor(convert(golden) as GoldenTensor)]));
    gradientsOf(outputsOf(result, c.cotangent), cotangents);
  }
  return { outputs: tensorsIn(result), grads: new Map([...leaves].flatMap(([path, t]) => (t.grad === null ? [] : [[path, t.grad]]))) };
}

function tensorsIn(value: unknown): readonly Tensor[] {
  return value instanceof Tensor ? [value] : (asList(value) ?? []).flatMap(tensorsIn);
}

/** Float32 with the arguments rounded to the dtype: what the op has to come close to. */
function rounded(value: GoldenValue, dtype: "float16" | "bfloat16"): GoldenValue {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((item) => rounded(item as GoldenValue, dtype));
  if (isGoldenTensor(value)) {
    const { data, b64: _, ...rest } = inDType(value, "float32") as GoldenTensor;
    return value.dtype === "float32" ? { ...rest, data: data!.map((x) => String(roundToHalf(Number(x), dtype))) } : value;
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, rounded(item as GoldenValue, dtype)]));
}

async function distance(got: Tensor, want: Tensor, dtype: DType): Promise<string | undefined> {
  const expected = want.dtype === "float32" ? dtype : want.dtype;
  if (got.dtype !== expected) return `dtype ${got.dtype} instead of ${expected}`;
  const [a, b] = [Array.from(await elements(got), Number), Array.from(await elements(want), Number)];
  if (!got.isFloatingPoint()) return undefined;
  const size = b.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 1);
  for (let i = 0; i < b.length; i++) {
    // What is beyond float16 overflows.
    if (Math.abs(b[i]) >= finfo(dtype).max) continue;
    const error = Math.abs(a[i] - b[i]) / size;
    if (error > (dtype === "float16" ? 0.02 : 0.15)) return `element ${i} is ${a[i]}, not ${b[i]}`;
  }
  return undefined;
}

describe("every op that takes float32", () => {
  it.each(["float16", "bfloat16"] as const)("takes %s, and its gradients, with about the same result", async (dtype) => {
    const problems: string[] = [];
    let count = 0;
    for (const c of cases) {
      let want: Run | undefined;
      try {
        want = run(c, (value) => rounded(value, dtype));
        for (const t of want?.outputs ?? []) await elements(t);
      } catch {
        continue;
      }
      if (want === undefined) continue;
      count++;
      try {
        const got = run(c, (value) => inDType(value, dtype)) as Run;
        for (let i = 0; i < want.outputs.length; i++) {
          const problem = await distance(got.outputs[i], want.outputs[i], dtype);
          if (problem !== undefined) problems.push(`${c.id}: ${problem}`);
        }
        for (const [path, grad] of want.grads) {
          const problem = await distance(got.grads.get(path) as Tensor, grad, dtype);
          if (problem !== undefined) problems.push(`${c.id} grad ${path}: ${problem}`);
        }
      } catch (error) {
        // Decompositions and Fourier transforms take float32 and float64 alone, as in PyTorch.
        const { message } = error as Error;
        if (!/expected (a floating point tensor as input \()?float32 or float64/i.test(message)) problems.push(`${c.id}: ${message}`);
      }
    }
    expect(count).toBeGreaterThan(1500);
    expect(problems).toEqual([]);
  });
});
