import "@sconce/backend-cpu";
import { autocast, type DType, Tensor } from "@sconce/core";
import type { Module } from "@sconce/nn";
import { describe, expect, it } from "vitest";
import { asList } from "../../src/compare.js";
import { inDType } from "../../src/convert-golden.js";
import { type GoldenTensor, type GoldenValue, type ModuleCase, readGroup } from "../../src/golden.js";
import { gradientsOf } from "../../src/gradients.js";
import { callModule, construct, makeModule, moduleClass } from "../../src/modules.js";
import { outputsOf } from "../../src/ops-runner.js";
import { elements, Values } from "../../src/values.js";

const values = new Values("cpu", construct);
const cases = (await readGroup<ModuleCase>("modules")).filter((c) => moduleClass(c.module) !== undefined);

/** Modules whose numbers may lie far apart although both are right, and why. */
const LEFT_OUT: { readonly [module: string]: string } = {
  BCELoss: "unsafe to autocast to float16",
  SoftMarginLoss: "exp overflows in float16, as in PyTorch",
  ReflectionPad2d: "has a case that is an error",
  FractionalMaxPool2d: "draws where its windows lie",
  FractionalMaxPool3d: "draws where its windows lie",
};

/** Cases in which bfloat16 rounds a hidden unit to the other side of its ReLU. */
const FLIPPED: ReadonlySet<string> = new Set(["TransformerDecoderLayer#9"]);

interface Run {
  readonly outputs: readonly Tensor[];
  readonly grads: readonly (Tensor | null)[];
}

/** Runs a case with its float32 values converted, the forward pass within `around`. */
function run(c: ModuleCase, dtype: DType, around: <T>(fn: () => T) => T): Run {
  const value = (golden: GoldenValue): unknown => values.value(inDType(golden, dtype));
  const record = (golden: { readonly [name: string]: GoldenValue }): { [name: string]: unknown } =>
    Object.fromEntries(Object.entries(golden).map(([name, item]) => [name, value(item)]));
  const module: Module = makeModule(c.module, c.ctor.args.map(value), record(c.ctor.kwargs)).to(dtype);
  module.loadStateDict(record(c.state) as { [name: string]: Tensor });
  if (c.training) module.train();
  else module.eval();
  const result = around(() => callModule(c.module, module, c.args.map(value), record(c.kwargs)));
  if (c.cotangent !== undefined && [...module.parameters()].length > 0) {
    const given = Object.entries(c.cotangent).filter((entry): entry is [string, GoldenTensor] => entry[1] !== null);
    const outputs = outputsOf(result, c.cotangent);
    const cotangents = new Map(given.map(([path, golden]) => [path, values.tensor(golden).cast((outputs.get(path) as Tensor).dtype)]));
    gradientsOf(outputs, cotangents);
  }
  return { outputs: tensorsIn(result), grads: [...module.parameters()].map((p) => p.grad) };
}

function tensorsIn(value: unknown): readonly Tensor[] {
  return value instanceof Tensor ? [value] : (asList(value) ?? []).flatMap(tensorsIn);
}

/** The difference relative to the norm: single gradients may lie on the other side of a ReLU. */
async function farApart(got: Tensor | null, want: Tensor | null, tolerance: number): Promise<string | undefined> {
  if (got === null || want === null) return got === want ? undefined : "a gradient is missing";
  if (!want.isFloatingPoint()) return undefined;
  const [a, b] = [Array.from(await elements(got), Number), Array.from(await elements(want), Number)];
  const difference = Math.hypot(...b.map((x, i) => x - a[i]));
  return difference <= tolerance * Math.max(1, Math.hypot(...b)) ? undefined : `${difference} apart`;
}

const MODES = [
  ["in float16", "float16", <T>(fn: () => T) => fn(), 0.1],
  ["in bfloat16", "bfloat16", <T>(fn: () => T) => fn(), 0.5],
  ["under autocast to float16", "float32", <T>(fn: () => T) => autocast("cpu", { dtype: "float16" }, fn), 0.1],
  ["under autocast to bfloat16", "float32", <T>(fn: () => T) => autocast("cpu", fn), 0.5],
] as const;

describe("every module", () => {
  it.each(MODES)(
    "computes %s about what it computes in float32, and the gradients of its parameters",
    async (_, dtype, around, tolerance) => {
      const problems: string[] = [];
      for (const c of cases) {
        if (c.module in LEFT_OUT || FLIPPED.has(c.id)) continue;
        const name = `${c.module} ${c.id}`;
        try {
          const want = run(c, "float32", (fn) => fn());
          const got = run(c, dtype, around);
          for (let i = 0; i < want.outputs.length; i++) {
            const problem = await farApart(got.outputs[i], want.outputs[i], tolerance);
            if (problem !== undefined) problems.push(`${name}: ${problem}`);
          }
          for (let i = 0; i < want.grads.length; i++) {
            if (got.grads[i] !== null && got.grads[i]?.dtype !== dtype) problems.push(`${name}: gradient ${got.grads[i]?.dtype}`);
            const problem = await farApart(got.grads[i], want.grads[i], tolerance);
            if (problem !== undefined) problems.push(`${name}: gradient: ${problem}`);
          }
        } catch (error) {
          problems.push(`${name}: ${(error as Error).message}`);
        }
      }
      expect(cases.length).toBeGreaterThan(200);
      expect(problems).toEqual([]);
    },
  );
});
