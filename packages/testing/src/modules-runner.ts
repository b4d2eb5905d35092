import type { Device, Tensor } from "@sconce/core";
import type { Module } from "@sconce/nn";
import { readAhead } from "./ahead.js";
import { expectGrad, expectTensor, expectValue } from "./compare.js";
import type { GoldenTensor, GoldenValue, ModuleCase } from "./golden.js";
import { gradientsOf } from "./gradients.js";
import { callModule, construct, makeModule, moduleClass } from "./modules.js";
import { outputsOf } from "./ops-runner.js";
import { failure, missing, type Outcome, PASS } from "./outcome.js";
import { Values } from "./values.js";

/** Runs cases of modules on a device: output, gradients of inputs and parameters, and the state afterwards. */
export class ModulesRunner {
  readonly #values: Values;

  constructor(device: Device) {
    this.#values = new Values(device, construct);
  }

  /** Runs one case. */
  async run(c: ModuleCase): Promise<Outcome> {
    if (moduleClass(c.module) === undefined) return missing(`no nn.${c.module}`);
    try {
      const module = await this.#make(c);
      const leaves = new Map<string, Tensor>();
      const wanted = new Set(Object.keys(c.grads ?? {}));
      const args = c.args.map((value, i) => this.#values.value(value, `args.${i}`, wanted, leaves));
      const kwargs = this.#record(c.kwargs, (value, name) => this.#values.value(value, `kwargs.${name}`, wanted, leaves));
      await readAhead(c.module, args, kwargs);
      const result = callModule(c.module, module, args, kwargs);
      await expectValue(result, c.out ?? null, c.err?.out?.[0] ?? 0, "out");
      if (c.cotangent !== undefined) await this.#gradients(c, module, result, leaves);
      await this.#state(c, module);
      return PASS;
    } catch (error) {
      return failure(error);
    }
  }

  async #make(c: ModuleCase): Promise<Module> {
    const args = c.ctor.args.map((value) => this.#values.value(value));
    const kwargs = this.#record(c.ctor.kwargs, (value) => this.#values.value(value));
    await readAhead(c.module, args, kwargs);
    const module = makeModule(c.module, args, kwargs).to(this.#values.device);
    const state = this.#record(c.state, (value) => this.#values.value(value)) as { [name: string]: Tensor };
    module.loadStateDict(state);
    return c.training ? module.train() : module.eval();
  }

  #record(
    golden: { readonly [name: string]: GoldenValue },
    convert: (value: GoldenValue, name: string) => unknown,
  ): { [name: string]: unknown } {
    return Object.fromEntries(Object.entries(golden).map(([name, value]) => [name, convert(value, name)]));
  }

  async #gradients(c: ModuleCase, module: Module, result: unknown, leaves: ReadonlyMap<string, Tensor>): Promise<void> {
    const present = Object.entries(c.cotangent!).filter((entry): entry is [string, GoldenTensor] => entry[1] !== null);
    gradientsOf(outputsOf(result, c.cotangent!), new Map(present.map(([path, golden]) => [path, this.#values.tensor(golden)])));
    const e = c.err?.grads?.[0] ?? 0;
    for (const [path, leaf] of leaves) await expectGrad(leaf.grad, c.grads![path], e, `grad ${path}`);
    const parameters = new Map(module.namedParameters());
    for (const name in c.param_grads) await expectGrad(parameters.get(name)?.grad, c.param_grads[name], e, `grad ${name}`);
  }

  async #state(c: ModuleCase, module: Module): Promise<void> {
    const after = module.stateDict();
    for (const name in c.state) {
      const expected = c.state_after?.[name] ?? c.state[name];
      await expectTensor(after[name], expected, c.err?.out?.[0] ?? 0, `state ${name}`);
    }
  }
}
