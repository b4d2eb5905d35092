import { type Device, hostArray, type Tensor, type TypedArray } from "@sconce/core";
import { readAhead } from "./ahead.js";
import { type Form, formsOf, NotAMethod } from "./calls.js";
import { asList, expectGrad, expectSecond, expectShape, expectValue, Mismatch } from "./compare.js";
import { expectGauge } from "./gauge.js";
import { type GoldenMap, type GoldenTensor, type GoldenValue, isGoldenTensor, type OpCase, type OpInfo } from "./golden.js";
import { gradientsOf, secondOrder } from "./gradients.js";
import { construct } from "./modules.js";
import { failure, missing, type Outcome, PASS, skipped } from "./outcome.js";
import { camelCase } from "./signatures.js";
import { elements, isComplex, isTensor, Values } from "./values.js";

/** Runs cases of operators on a device. */
export class OpsRunner {
  readonly #values: Values;
  readonly #info: { readonly [op: string]: OpInfo };

  constructor(device: Device, info: { readonly [op: string]: OpInfo }) {
    this.#values = new Values(device, construct);
    this.#info = info;
  }

  /** Runs one case: the result and gradients. */
  async run(c: OpCase): Promise<Outcome> {
    if (c.unstable) return skipped("float32 and float64 disagree by more than 1 %");
    const forms = formsOf(c.call, this.#info[keyOf(c)] ?? this.#info[c.op]);
    if (forms.length === 0) return missing("no such function");
    try {
      await this.#first(c, forms);
      return PASS;
    } catch (error) {
      return failure(error);
    }
  }

  /** Runs the second-order gradients of a case that has them. */
  async runSecond(c: OpCase): Promise<Outcome> {
    if (c.unstable) return skipped("float32 and float64 disagree by more than 1 %");
    const forms = formsOf(c.call, this.#info[keyOf(c)] ?? this.#info[c.op]);
    if (forms.length === 0) return missing("no such function");
    try {
      await this.#second(c, await this.#first(c, forms));
      return PASS;
    } catch (error) {
      return failure(error);
    }
  }

  /** Tries the forms until one takes the arguments, and checks it; the others must give the same result. */
  async #first(c: OpCase, forms: readonly Form[]): Promise<Form> {
    let used: Form | undefined;
    for (const form of forms) {
      try {
        await this.#check(c, form, used === undefined);
        used ??= form;
      } catch (error) {
        if (!(error instanceof NotAMethod)) throw used === undefined ? error : new Mismatch(`${form.name}: ${(error as Error).message}`);
      }
    }
    if (used === undefined) throw new NotAMethod(c.call);
    return used;
  }

  async #check(c: OpCase, form: Form, gradients: boolean): Promise<void> {
    const leaves = new Map<string, Tensor>();
    const wanted = new Set(gradients ? Object.keys(c.grads ?? {}) : []);
    const { args, kwargs } = this.#arguments(c, wanted, leaves);
    await readAhead(c.op, args, kwargs);
    const result = await form.call(args, kwargs);
    if (c.stochastic !== undefined) return expectMeta(result, c.out_meta ?? null);
    if (c.gauge) await expectGauge(c, result, args[0] as Tensor);
    else if (c.ties) await expectTied(c, result, args);
    else await expectValue(result, c.out ?? null, c.err?.out?.[0] ?? 0, "out");
    if (wanted.size === 0) return;
    gradientsOf(outputsOf(result, c.cotangent!), this.#cotangents(c.cotangent!));
    for (const [path, leaf] of leaves) await expectGrad(leaf.grad, c.grads![path], c.err?.grads?.[0] ?? 0, `grad ${path}`);
  }

  async #second(c: OpCase, form: Form): Promise<void> {
    const { w, grads, cotangent_grads } = c.second!;
    const leaves = new Map<string, Tensor>();
    const { args, kwargs } = this.#arguments(c, new Set(Object.keys(c.grads!)), leaves);
    await readAhead(c.op, args, kwargs);
    const cotangents = new Map([...this.#cotangents(c.cotangent!)].map(([path, t]) => [path, t.requiresGrad_()] as const));
    const outputs = outputsOf(await form.call(args, kwargs), c.cotangent!);
    const weights = this.#cotangents(w);
    const found = secondOrder(outputs, cotangents, leaves, weights);
    const e = Math.max(c.err?.grads?.[0] ?? 0, c.err?.out?.[0] ?? 0);
    for (const path in grads) await expectSecond(found.leaves.get(path), grads[path], e, `second ${path}`);
    for (const path in cotangent_grads)
      await expectSecond(found.cotangents.get(path), cotangent_grads[path], e, `second cotangent ${path}`);
  }

  #arguments(
    c: OpCase,
    wanted: ReadonlySet<string>,
    leaves: Map<string, Tensor>,
  ): { args: unknown[]; kwargs: { [name: string]: unknown } } {
    const args = c.args.map((value, i) => this.#values.value(value, `args.${i}`, wanted, leaves));
    const entries = Object.entries(c.kwargs).map(([name, value]) => [name, this.#argument(name, value, wanted, leaves)]);
    return { args, kwargs: Object.fromEntries(entries) };
  }

  #argument(name: string, value: GoldenValue, wanted: ReadonlySet<string>, leaves: Map<string, Tensor>): unknown {
    if (name === "device") return this.#values.device;
    return this.#values.value(value, `kwargs.${name}`, wanted, leaves);
  }

  #cotangents(map: GoldenMap): Map<string, Tensor> {
    const present = Object.entries(map).filter((entry): entry is [string, GoldenTensor] => entry[1] !== null);
    return new Map(present.map(([path, golden]) => [path, this.#values.tensor(golden)]));
  }

  /** Checks the in-place form, where there is one and the result fits the receiver; undefined where it does not apply. */
  async runInPlace(c: OpCase): Promise<Outcome | undefined> {
    // Products of pairs are functions.
    if (isComplex(c.dtype ?? "")) return undefined;
    const info = this.#info[keyOf(c)];
    const [first] = c.args;
    if (!info?.inplace || c.stochastic !== undefined || !isGoldenTensor(first) || !isGoldenTensor(c.out)) return undefined;
    if (c.call.startsWith("torch.nn") || first.dtype !== c.out.dtype || String(first.shape) !== String(c.out.shape)) return undefined;
    const call = `torch.Tensor.${c.call.replace(/^torch\.(Tensor\.)?/, "").replace(/_? \(.*|_$/, "")}_`;
    const forms = formsOf(call, { ...info, call });
    if (forms.length === 0) return missing(`no ${camelCase(call.replace("torch.Tensor.", ""))}`);
    try {
      const { args, kwargs } = this.#arguments(c, new Set(), new Map());
      await readAhead(c.op, args, kwargs);
      const receiver = (args[0] as Tensor).clone();
      const result = await forms[0].call([receiver, ...args.slice(1)], kwargs);
      if (result !== receiver) throw new Mismatch("the result is not the receiver");
      await expectValue(receiver, c.out, c.err?.out?.[0] ?? 0, "in place");
      return PASS;
    } catch (error) {
      return failure(error);
    }
  }
}

/** `div/floor_rounding`: an operator and its variant. */
export function keyOf({ op, variant }: OpCase): string {
  return variant ? `${op}/${variant}` : op;
}

/** The outputs that have cotangents, by path, such as `1.0` for the first part of the second. */
export function outputsOf(result: unknown, cotangents: GoldenMap): Map<string, Tensor> {
  const step = (value: unknown, at: string): unknown => asList(value)?.[Number(at)];
  const pick = (path: string): unknown => (path === "out" ? result : path.split(".").reduce(step, result));
  return new Map(Object.keys(cotangents).map((path) => [path, pick(path) as Tensor]));
}

/** Random results have a dtype and a shape only. */
function expectMeta(result: unknown, meta: GoldenValue): void {
  if (Array.isArray(meta)) {
    const list = asList(result) ?? [];
    meta.forEach((item, i) => expectMeta(list[i], item as GoldenValue));
    return;
  }
  const { shape } = meta as { readonly shape: readonly number[] };
  if (!isTensor(result)) throw new Mismatch("expected a tensor");
  expectShape(result, shape, "out");
}

/** Among equal elements any index is right: values must agree, and indices must lead to them. */
async function expectTied(c: OpCase, result: unknown, args: readonly unknown[]): Promise<void> {
  const list = asList(result);
  if (list === undefined && isGoldenTensor(c.out) && c.op !== "argsort") return expectValue(result, c.out, c.err?.out?.[0] ?? 0, "out");
  const dim = (typeof args[1] === "number" && c.op !== "kthvalue" && c.op !== "topk" ? args[1] : (args[2] ?? c.kwargs.dim)) ?? -1;
  const input = args[0] as Tensor;
  if (c.op === "argsort") {
    const along = await gatherAt(input, result as Tensor, Number(args[1]));
    return expectSame(along, await gatherAt(input, new Indices(c.out as GoldenTensor), Number(args[1])));
  }
  const [values, indices] = c.out as readonly GoldenTensor[];
  await expectValue(list?.[0], values, c.err?.out?.[0] ?? 0, "values");
  if (c.op === "unique") return expectValue(list?.[1], indices, 0, "out.1");
  expectShape(list![1] as Tensor, indices.shape, "indices");
  expectSame(await gatherAt(input, list![1] as Tensor, Number(dim)), await gatherAt(input, new Indices(indices), Number(dim)));
}

/** Golden indices in the guise of a tensor to gather by. */
class Indices {
  readonly shape: readonly number[];
  readonly golden: GoldenTensor;

  constructor(golden: GoldenTensor) {
    this.shape = golden.shape;
    this.golden = golden;
  }
}

function expectSame(a: TypedArray, b: TypedArray): void {
  for (let i = 0; i < b.length; i++) if (a[i] !== b[i]) throw new Mismatch(`indices: element ${i} leads to ${a[i]}, expected ${b[i]}`);
}

/** The elements of `x` along `dim` at indices whose shape may lack that dimension. */
async function gatherAt(x: Tensor, indices: Tensor | Indices, dim: number): Promise<TypedArray> {
  const data = await elements(x);
  const at = indices instanceof Indices ? indices.golden.data!.map(Number) : Array.from(await elements(indices), Number);
  const d = dim < 0 ? dim + Math.max(x.ndim, 1) : dim;
  const inner = x.shape.slice(d + 1).reduce((n, size) => n * size, 1);
  const size = x.shape[d] ?? 1;
  const outer = size * inner === 0 ? 0 : data.length / (size * inner);
  const count = outer * inner === 0 ? 0 : at.length / (outer * inner);
  const out = hostArray(x.dtype, at.length);
  for (let o = 0; o < outer; o++) {
    for (let k = 0; k < count; k++) {
      for (let i = 0; i < inner; i++) {
        const position = (o * count + k) * inner + i;
        out[position] = data[(o * size + at[position]) * inner + i] as never;
      }
    }
  }
  return out;
}
