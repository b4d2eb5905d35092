import { grad, noGrad } from "@sconce/autograd";
import type { Device, Tensor } from "@sconce/core";
import { formsOf, NotAMethod } from "./calls.js";
import { asList, expectGrad, expectValue, Mismatch } from "./compare.js";
import type { GoldenMap, GoldenTensor, GoldenValue, OpInfo } from "./golden.js";
import { construct } from "./modules.js";
import { camelCase, camelKeys } from "./signatures.js";
import { Values } from "./values.js";

type Kwargs = { readonly [name: string]: GoldenValue };

/** One step of a program; see `golden/SCHEMA.md`. */
type Step =
  | { readonly call: string; readonly args: readonly GoldenValue[]; readonly kwargs?: Kwargs; readonly out?: string | readonly string[] }
  | { readonly get: string; readonly index: GoldenValue; readonly out: string }
  | { readonly set: string; readonly index: GoldenValue; readonly value: GoldenValue }
  | { readonly backward: string; readonly cotangent?: GoldenTensor; readonly retain_graph?: boolean; readonly create_graph?: boolean }
  | {
      readonly grad_of: readonly GoldenValue[];
      readonly wrt: readonly GoldenValue[];
      readonly cotangent?: GoldenTensor;
      readonly create_graph?: boolean;
      readonly allow_unused?: boolean;
      readonly out: readonly string[];
    }
  | { readonly no_grad: readonly Step[] }
  | { readonly read_grad: string; readonly out: string }
  | { readonly zero_grad: string }
  | { readonly meta: string; readonly out: string };

/** A sequence of calls with what every value and gradient is at its end. */
export interface Program {
  readonly id: string;
  readonly leaves: { readonly [name: string]: GoldenTensor & { readonly requires_grad: boolean } };
  readonly steps: readonly Step[];
  readonly values: { readonly [name: string]: GoldenValue };
  readonly grads: GoldenMap;
  readonly error?: { readonly step: number; readonly type: string; readonly message: string };
}

/** Runs programs on a device. */
export class ProgramRunner {
  readonly #values: Values;
  readonly #info: { readonly [op: string]: OpInfo };

  constructor(device: Device, info: { readonly [op: string]: OpInfo }) {
    this.#values = new Values(device, construct);
    this.#info = info;
  }

  /**
   * Runs a program and compares everything. Returns the error of the step that must throw.
   * @throws Mismatch at the first difference.
   */
  async run(program: Program): Promise<Error | null> {
    const run = this.start(program);
    for (let i = 0; i < program.steps.length; i++) {
      if (program.error?.step === i) return thrownBy(() => run.step(program.steps[i]));
      run.step(program.steps[i]);
    }
    for (const [name, expected] of Object.entries(program.values)) await this.#expect(run.named(name), expected, name);
    for (const [name, expected] of Object.entries(program.grads))
      await expectGrad((run.named(name) as Tensor).grad, expected, 0, `grad ${name}`);
    return null;
  }

  /** A program that is at its first step. */
  start(program: Program): Run {
    const run = new Run(this.#values, this.#info);
    for (const [name, leaf] of Object.entries(program.leaves)) run.name(name, this.#values.tensor(leaf).requiresGrad_(leaf.requires_grad));
    return run;
  }

  async #expect(actual: unknown, expected: GoldenValue, what: string): Promise<void> {
    if (isMeta(expected)) {
      const got = actual as { readonly [key: string]: unknown };
      for (const key of Object.keys(expected)) {
        if (JSON.stringify(got[key]) !== JSON.stringify(expected[key])) {
          throw new Mismatch(`${what}.${key}: expected ${JSON.stringify(expected[key])}, got ${JSON.stringify(got[key])}`);
        }
      }
    } else await expectValue(actual, expected, 0, what);
  }
}

function isMeta(value: GoldenValue): value is { readonly [key: string]: GoldenValue } {
  return typeof value === "object" && value !== null && "is_leaf" in value;
}

function thrownBy(fn: () => void): Error {
  try {
    fn();
  } catch (error) {
    return error as Error;
  }
  throw new Mismatch("expected an error");
}

/** The state of a running program. */
class Run {
  readonly #values: Values;
  readonly #info: { readonly [op: string]: OpInfo };
  readonly #names = new Map<string, unknown>();

  constructor(values: Values, info: { readonly [op: string]: OpInfo }) {
    this.#values = values;
    this.#info = info;
  }

  name(name: string, value: unknown): void {
    this.#names.set(name, value);
  }

  named(name: string): unknown {
    return this.#names.get(name);
  }

  #tensor(name: string): Tensor {
    return this.#names.get(name) as Tensor;
  }

  /** A value in which names stand for what they name. */
  #value(golden: GoldenValue): unknown {
    if (Array.isArray(golden)) return golden.map((item) => this.#value(item as GoldenValue));
    if (typeof golden === "object" && golden !== null) {
      if ("$ref" in golden) return this.#names.get(golden.$ref as string);
      if ("$index" in golden) return (golden.$index as readonly GoldenValue[]).map((item) => this.#value(item));
    }
    return this.#values.value(golden);
  }

  step(step: Step): void {
    if ("call" in step) this.#call(step);
    else if ("get" in step) this.name(step.out, this.#tensor(step.get).at(...(this.#value(step.index) as never[])));
    else if ("set" in step) this.#tensor(step.set).setAt(this.#value(step.index) as never, this.#value(step.value) as Tensor);
    else if ("backward" in step) this.#backward(step);
    else if ("grad_of" in step) this.#grad(step);
    else if ("no_grad" in step) noGrad(() => step.no_grad.forEach((inner) => void this.step(inner)));
    else if ("read_grad" in step) this.name(step.out, this.#tensor(step.read_grad).grad);
    else if ("zero_grad" in step) this.#tensor(step.zero_grad).zeroGrad();
    else this.name(step.out, metaOf(this.#tensor(step.meta)));
  }

  #call({ call, args, kwargs = {}, out }: Extract<Step, { call: string }>): void {
    const values = args.map((arg) => this.#value(arg));
    const options = Object.fromEntries(Object.entries(kwargs).map(([name, value]) => [name, this.#value(value)]));
    const method = /^torch\.Tensor\.(\w+)$/.exec(call)?.[1];
    this.#keep(method === undefined ? this.#function(call, values, options) : callMethod(method, values, options), out);
  }

  #function(call: string, args: readonly unknown[], kwargs: { readonly [name: string]: unknown }): unknown {
    const info = this.#info[call.replace("torch.", "")];
    const forms = [...formsOf(call, info), ...formsOf(call.replace("nn.functional.", ""), info)];
    for (const form of forms) {
      try {
        return form.call(args, kwargs);
      } catch (error) {
        if (!(error instanceof NotAMethod)) throw error;
      }
    }
    throw new Mismatch(`no such call: ${call}`);
  }

  #keep(result: unknown, out: string | readonly string[] | undefined): void {
    if (typeof out === "string") this.name(out, result);
    else out?.forEach((name, i) => void this.name(name, asList(result)?.[i]));
  }

  #backward({ backward, cotangent, retain_graph, create_graph = false }: Extract<Step, { backward: string }>): void {
    const gradient = cotangent === undefined ? null : this.#values.tensor(cotangent);
    this.#tensor(backward).backward({ gradient, retainGraph: retain_graph, createGraph: create_graph });
  }

  #grad({ grad_of, wrt, cotangent, create_graph = false, allow_unused = false, out }: Extract<Step, { wrt: unknown }>): void {
    const outputs = grad_of.map((y) => this.#value(y) as Tensor);
    const inputs = wrt.map((x) => this.#value(x) as Tensor);
    const gradOutputs = cotangent === undefined ? null : this.#values.tensor(cotangent);
    // As in PyTorch, only `create_graph` keeps the graph for later steps.
    const grads = grad(outputs, inputs, { gradOutputs, createGraph: create_graph, allowUnused: allow_unused } as { allowUnused: true });
    out.forEach((name, i) => void this.name(name, grads[i]));
  }
}

/** Sizes that PyTorch takes one by one. */
const TAKES_SIZES = new Set(["expand", "view"]);

function callMethod(method: string, [receiver, ...args]: readonly unknown[], kwargs: { readonly [name: string]: unknown }): unknown {
  const name = camelCase(method);
  const options = Object.keys(kwargs).length > 0 ? [camelKeys(kwargs)] : [];
  const fn = (receiver as { readonly [name: string]: (...args: unknown[]) => unknown })[name];
  return fn.call(receiver, ...(TAKES_SIZES.has(method) ? [args] : args), ...options);
}

function metaOf(x: Tensor): { readonly [key: string]: unknown } {
  return {
    requires_grad: x.requiresGrad,
    is_leaf: x.isLeaf,
    contiguous: x.isContiguous(),
    strides: x.strides,
    shape: x.shape,
    dtype: x.dtype,
    has_grad_fn: x.gradFn !== null,
  };
}
