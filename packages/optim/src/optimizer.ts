import { enableGrad, gradOf, noGrad } from "@sconce/autograd";
import {
  constantValue,
  DTypeError,
  formatShape,
  hostEffect,
  keep,
  NotSupportedError,
  realiseAll,
  sameShape,
  scope,
  Tensor,
  tensorOf,
  ValueError,
} from "@sconce/core";
import { checkEntries, checkOption, expectAt, isRecord, type StateTensors } from "./state-check.js";

/** Options that every optimizer has. */
export interface OptimizerOptions {
  /** Step size. */
  lr: number;
}

/** Parameters that share options. The options can be changed between steps. */
export type ParamGroup<O extends OptimizerOptions> = O & {
  params: Tensor[];
  /** The learning rate before any scheduler; schedulers write it. */
  initialLr?: number;
};

/** Parameters with options of their own; what is missing comes from the optimizer's defaults. */
export type ParamGroupInput<O extends OptimizerOptions> = Partial<O> & { params: Iterable<Tensor> | Tensor };

/** What an optimizer can be given: tensors, or groups of them. */
export type Params<O extends OptimizerOptions> = Iterable<Tensor> | Iterable<ParamGroupInput<O>>;

/** Something that an optimizer remembers. */
export type StateValue = Tensor | number | null | readonly (Tensor | number | null)[];

/** What an optimizer remembers of one parameter, under PyTorch's names. */
export type ParamState = { [name: string]: StateValue };

/** An option of a saved group. */
export type OptionValue = number | boolean | string | null | undefined | readonly number[];

/** State of an optimizer as PyTorch lays it out: parameters are numbered through all groups. An alias, so that `save` takes it. */
export type OptimizerStateDict = {
  state: { [index: number]: ParamState };
  param_groups: { params: number[]; [option: string]: OptionValue }[];
};

/** Ends what it was given for; again does nothing. */
export interface HookHandle {
  /** Ends it; again does nothing. */
  remove(): void;
}

/** Base of all optimizers. A subclass says how one parameter moves, or overrides {@link Optimizer.step}. */
export abstract class Optimizer<O extends OptimizerOptions = OptimizerOptions> {
  /** The groups, whose options may be changed at any time. */
  readonly paramGroups: ParamGroup<O>[] = [];
  /** What is remembered of each parameter. */
  readonly state: Map<Tensor, ParamState> = new Map();
  /** Options of groups that do not set them. */
  readonly defaults: O;
  /** What is remembered as a number here, and what PyTorch saves it as: a tensor without dimensions (of the parameter's dtype), or a number. */
  protected readonly scalars: { readonly [name: string]: "float32" | "like" | "number" } = { step: "float32" };
  /** What is remembered as a tensor of the parameter's shape: a loaded state has what is needed, unless it is empty. */
  protected readonly tensors: StateTensors = {};
  readonly #hooks: { readonly before: Set<() => void>; readonly after: Set<() => void> } = { before: new Set(), after: new Set() };

  /**
   * @throws ValueError for an empty list, a tensor that is not a leaf, or one that is in two groups.
   */
  constructor(params: Params<O>, defaults: O) {
    this.defaults = defaults;
    if (params instanceof Tensor)
      throw new ValueError("optimizer: params argument should be an iterable of tensors or groups, but got a Tensor");
    if (typeof (params as Partial<Iterable<unknown>>)?.[Symbol.iterator] !== "function") {
      throw new ValueError("optimizer: params argument should be an iterable of tensors or groups; give it net.parameters()");
    }
    const list = [...(params as Iterable<Tensor | ParamGroupInput<O>>)];
    if (list.length === 0) throw new ValueError("optimizer got an empty parameter list");
    if (list[0] instanceof Tensor) this.addParamGroup({ params: list as Tensor[] } as unknown as ParamGroupInput<O>);
    else for (const group of list) this.addParamGroup(group as ParamGroupInput<O>);
  }

  /** Adds a group, for example layers that are unfrozen later. */
  addParamGroup(group: ParamGroupInput<O>): void {
    const given = (group as Partial<ParamGroupInput<O>> | null)?.params;
    if (typeof (given as Partial<Iterable<unknown>> | undefined)?.[Symbol.iterator] !== "function" && !(given instanceof Tensor)) {
      throw new ValueError("optimizer: expected tensors, or groups such as { params: net.parameters() }");
    }
    const params = given instanceof Tensor ? [given] : [...(given as Iterable<Tensor>)];
    const known = new Set(this.paramGroups.flatMap((g) => g.params));
    for (const p of params) {
      if (!(p instanceof Tensor)) throw new ValueError(`optimizer can only optimize Tensors, but one of the params is ${typeof p}`);
      if (!p.isLeaf) throw new ValueError("can't optimize a non-leaf Tensor");
      if (!p.isFloatingPoint()) throw new DTypeError(`optimizer: expected floating-point parameters, got ${p.dtype}`);
      if (known.has(p)) throw new ValueError("some parameters appear in more than one parameter group");
      known.add(p);
    }
    const made = { ...this.defaults, ...group, params };
    require(typeof made.lr === "number", "learning rate", made.lr);
    this.paramGroups.push(made);
  }

  /** Drops the gradients; with `setToNone: false` fills them with zeros. */
  zeroGrad({ setToNone = true }: { setToNone?: boolean } = {}): void {
    for (const { params } of this.paramGroups) for (const p of params) p.zeroGrad({ setToNone });
  }

  /**
   * Moves every parameter that has a gradient. With a closure, runs it first with gradients on, and returns its loss.
   * @example
   * optimizer.zeroGrad();
   * loss.backward();
   * optimizer.step();
   */
  step(closure?: null): undefined;
  step(closure: () => Tensor): Tensor;
  step(closure: (() => Tensor) | null = null): Tensor | undefined {
    hostEffect(() => this.runHooks("before"));
    const loss = closure === null ? undefined : enableGrad(closure);
    // Steps are counted and rates read here, so a compiled function runs this as it is.
    hostEffect(() => {
      noGrad(() => {
        for (const group of this.paramGroups) this.moveGroup(group);
      });
      this.runHooks("after");
    });
    return loss;
  }

  /** Moves the parameters of a group that have gradients, one after the other. */
  protected moveGroup(group: ParamGroup<O>): void {
    for (const param of group.params) {
      const grad = gradOf(param);
      if (grad !== null) this.#move(param, grad, group);
    }
  }

  /** Calls the hooks before or after a step; a subclass that overrides `step` does so itself. */
  protected runHooks(when: "before" | "after"): void {
    for (const hook of this.#hooks[when]) hook();
  }

  /** Calls a function before every step. */
  registerStepPreHook(hook: (optimizer: this) => void): HookHandle {
    return addHook(this.#hooks.before, () => hook(this));
  }

  /** Calls a function after every step. */
  registerStepPostHook(hook: (optimizer: this) => void): HookHandle {
    return addHook(this.#hooks.after, () => hook(this));
  }

  /** What is remembered of a parameter. */
  protected stateOf(param: Tensor): ParamState {
    let state = this.state.get(param);
    if (state === undefined) this.state.set(param, (state = {}));
    return state;
  }

  /** True if {@link update} makes no tensors on its way, keeps no gradient and leaves nothing pending. */
  protected readonly direct: boolean = false;

  #move(param: Tensor, grad: Tensor, group: ParamGroup<O>): void {
    const state = this.stateOf(param);
    if (this.direct) {
      this.update(param, grad, state, group);
      return;
    }
    // Temporaries are gone before the kernel runs, so it writes out nothing for them.
    scope(() => {
      // Shares the memory, and lasts if the subclass keeps it.
      this.update(param, grad.clone(), state, group);
      keep(state);
    });
    realiseAll([param, ...Object.values(state).filter((entry) => entry instanceof Tensor)]);
  }

  /**
   * Moves one parameter in place and updates what is remembered of it.
   * @throws NotSupportedError unless a subclass overrides it.
   */
  protected update(_param: Tensor, _grad: Tensor, _state: ParamState, _group: ParamGroup<O>): void {
    throw new NotSupportedError(`${this.constructor.name}: expected a subclass that overrides update or step`);
  }

  /** The state under PyTorch's names. Tensors are shared, not copied. */
  stateDict(): OptimizerStateDict {
    const index = new Map<Tensor, number>();
    const groups = this.paramGroups.map(({ params, ...options }) => {
      for (const p of params) if (!index.has(p)) index.set(p, index.size);
      const entries = Object.entries(options).map(([key, value]) => [toSnake(key), value]);
      return {
        ...Object.fromEntries(entries),
        params: params.map((p) => index.get(p) as number),
      } as OptimizerStateDict["param_groups"][number];
    });
    const state: OptimizerStateDict["state"] = {};
    for (const [p, entries] of this.state) state[index.get(p) as number] = this.#saved(p, entries);
    return { state, param_groups: groups };
  }

  /** State with the numbers that PyTorch keeps in tensors as such; they take no memory. */
  #saved(param: Tensor, entries: ParamState): ParamState {
    return mapEntries(entries, (value, name) => {
      const kind = this.scalars[name] ?? "number";
      if (kind === "number" || typeof value !== "number") return value;
      return tensorOf(constantValue(param.storage.backend, [], kind === "like" ? param.dtype : "float32", value));
    });
  }

  /**
   * Loads a state that {@link stateDict} or PyTorch made; tensors are copied.
   * @throws ValueError that names what does not fit, and then nothing is changed.
   * @throws NotSupportedError if a number lies in the memory of a device that cannot block: see {@link loadStateDictAsync}.
   */
  loadStateDict(dict: OptimizerStateDict): void {
    this.#load(dict, (x) => x.itemSync());
  }

  /** {@link loadStateDict} on any device. */
  async loadStateDictAsync(dict: OptimizerStateDict): Promise<void> {
    this.#check(dict);
    const numbers = new Map<Tensor, number>();
    for (const entries of Object.values(dict.state)) {
      for (const name in this.scalars) {
        for (const entry of [entries[name]].flat()) if (entry instanceof Tensor) numbers.set(entry, await entry.item());
      }
    }
    this.#load(dict, (x) => numbers.get(x) as number);
  }

  #load(dict: OptimizerStateDict, read: (x: Tensor) => number): void {
    const byIndex = this.#check(dict);
    const loaded = Object.entries(dict.state).map(([key, entries]) => {
      const p = byIndex.get(Number(key)) as Tensor;
      return [p, this.#loaded(entries, p, key, read)] as const;
    });
    this.state.clear();
    for (const [p, entries] of loaded) this.state.set(p, entries);
    dict.param_groups.forEach(({ params: _, ...options }, i) => {
      for (const key in options) (this.paramGroups[i] as unknown as Record<string, unknown>)[toCamel(key)] = options[key];
    });
  }

  /** The parameters by their numbers in a saved state. @throws ValueError if it is none of this optimizer. */
  #check(dict: OptimizerStateDict): Map<number, Tensor> {
    if (!Array.isArray(dict?.param_groups) || !isRecord(dict.state)) {
      throw new ValueError("loadStateDict: expected what stateDict() gives, with state and param_groups");
    }
    const byIndex = this.#matchGroups(dict.param_groups);
    for (const [key, entries] of Object.entries(dict.state)) {
      if (!byIndex.has(Number(key))) throw new ValueError(`loadStateDict: state[${key}] names a parameter that is in no group`);
      checkEntries(`state[${key}]`, entries, this.tensors, this.scalars);
    }
    return byIndex;
  }

  #matchGroups(groups: OptimizerStateDict["param_groups"]): Map<number, Tensor> {
    if (groups.length !== this.paramGroups.length) {
      throw new ValueError(
        `loadStateDict: loaded state dict has a different number of parameter groups: expected ${this.paramGroups.length}, got ${groups.length}`,
      );
    }
    const byIndex = new Map<number, Tensor>();
    this.paramGroups.forEach(({ params, ...own }, i) => {
      const path = `param_groups[${i}]`;
      expectAt(path, isRecord(groups[i]), "an object", groups[i]);
      const { params: numbers, ...options } = groups[i];
      expectAt(`${path}.params`, Array.isArray(numbers), "an array", numbers);
      if (numbers.length !== params.length) {
        throw new ValueError(
          `loadStateDict: loaded state dict contains a parameter group that doesn't match the size of optimizer's group ${i}: ` +
            `expected ${params.length}, got ${numbers.length}`,
        );
      }
      numbers.forEach((n, j) => {
        expectAt(`${path}.params[${j}]`, Number.isInteger(n) && !byIndex.has(n), "a number of its own", n);
        byIndex.set(n, params[j]);
      });
      for (const key in options) checkOption(`${path}.${key}`, (own as unknown as Record<string, unknown>)[toCamel(key)], options[key]);
    });
    return byIndex;
  }

  #loaded(entries: ParamState, param: Tensor, key: string, read: (x: Tensor) => number): ParamState {
    return mapEntries(entries, (value, name) => {
      if (!(value instanceof Tensor)) return value;
      if (name in this.scalars) return read(value);
      this.checkState(`state[${key}].${name}`, value, param);
      return keep(value.detach().to({ device: param.device, dtype: param.dtype, copy: true }));
    });
  }

  /** Throws ValueError if a loaded tensor does not fit its parameter. */
  protected checkState(name: string, value: Tensor, param: Tensor): void {
    if (sameShape(value.shape, param.shape)) return;
    throw new ValueError(
      `loadStateDict: expected ${name} in the shape of the parameter, ${formatShape(param.shape)}, got ${formatShape(value.shape)}`,
    );
  }

  /** The text that PyTorch prints. */
  toString(): string {
    const blocks = this.paramGroups.map(({ params: _, ...options }, i) => {
      const lines = Object.entries(options)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => `    ${key}: ${Array.isArray(value) ? `(${value.join(", ")})` : value}`);
      return `Parameter Group ${i}\n${lines.join("\n")}\n`;
    });
    return `${this.constructor.name} (\n${blocks.join("\n")})`;
  }

  static {
    // `console.log` in Node prints the text.
    Object.defineProperty(Optimizer.prototype, Symbol.for("nodejs.util.inspect.custom"), {
      value(this: Optimizer): string {
        return this.toString();
      },
    });
  }
}

type Leaf = Tensor | number | null;

/** Applies a function to every entry, and to every item of an entry that is a list. */
function mapEntries(entries: ParamState, fn: (value: Leaf, name: string) => Leaf): ParamState {
  const out: ParamState = {};
  for (const name in entries) {
    const entry = entries[name];
    out[name] = Array.isArray(entry) ? entry.map((item) => fn(item, name)) : fn(entry as Leaf, name);
  }
  return out;
}

function addHook(hooks: Set<() => void>, hook: () => void): HookHandle {
  hooks.add(hook);
  return { remove: () => void hooks.delete(hook) };
}

/** `weightDecay` to PyTorch's `weight_decay`. */
export function toSnake(name: string): string {
  return name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
}

/** PyTorch's `weight_decay` to `weightDecay`. */
export function toCamel(name: string): string {
  return name.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase());
}

/** The gradient to descend along: turned round to climb, with the L2 penalty's. */
export function directionOf(grad: Tensor, param: Tensor, { maximize, weightDecay }: { maximize: boolean; weightDecay: number }): Tensor {
  const along = maximize ? grad.neg() : grad;
  return weightDecay === 0 ? along : along.add(param, { alpha: weightDecay });
}

/** Counts a step of a parameter, from 1. */
export function countStep(state: ParamState): number {
  const step = ((state.step as number | undefined) ?? 0) + 1;
  state.step = step;
  return step;
}

/** A tensor in the state, of its parameter's shape, filled with `initial` at first. */
export function remembered(state: ParamState, name: string, param: Tensor, initial = 0): Tensor {
  state[name] ??= keep(param.newFull(param.shape, initial));
  return state[name] as Tensor;
}

/** Throws ValueError unless `ok`: options of optimizers are checked when they are made. */
export function require(ok: boolean, name: string, value: unknown): void {
  if (!ok) throw new ValueError(`Invalid ${name} value: ${value}`);
}

/** What Adam and its kin are given. */
interface AdamLike {
  readonly lr: number;
  readonly eps: number;
  readonly betas: readonly [number, number];
  readonly weightDecay: number;
}

/** Throws ValueError for options of Adam and its kin that are out of range. */
export function requireAdam({ lr, eps, betas, weightDecay }: AdamLike): void {
  require(lr >= 0, "learning rate", lr);
  require(eps >= 0, "epsilon", eps);
  for (const i of [0, 1]) require(betas[i] >= 0 && betas[i] < 1, `beta parameter at index ${i}`, betas[i]);
  require(weightDecay >= 0, "weightDecay", weightDecay);
}
