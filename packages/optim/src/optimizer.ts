import { enableGrad, noGrad } from "@sconce/autograd";
import { DTypeError, keep, realiseAll, scope, Tensor, ValueError } from "@sconce/core";

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

/** What an optimizer remembers of one parameter, under PyTorch's names. */
export type ParamState = { [name: string]: Tensor | number | null };

/** An option of a saved group. */
export type OptionValue = number | boolean | string | null | undefined | readonly number[];

/** State of an optimizer as PyTorch lays it out: parameters are numbered through all groups. An alias, so that `save` takes it. */
export type OptimizerStateDict = {
  state: { [index: number]: ParamState };
  param_groups: { params: number[]; [option: string]: OptionValue }[];
};

/** Base of all optimizers. A subclass says how one parameter moves. */
export abstract class Optimizer<O extends OptimizerOptions = OptimizerOptions> {
  /** The groups, whose options may be changed at any time. */
  readonly paramGroups: ParamGroup<O>[] = [];
  /** What is remembered of each parameter. */
  readonly state: Map<Tensor, ParamState> = new Map();
  /** Options of groups that do not set them. */
  readonly defaults: O;

  /**
   * @throws ValueError for an empty list, a tensor that is not a leaf, or one that is in two groups.
   */
  constructor(params: Params<O>, defaults: O) {
    this.defaults = defaults;
    if (params instanceof Tensor) throw new ValueError("optimizer: params argument should be an iterable of tensors or groups, but got a Tensor");
    const list = [...(params as Iterable<Tensor | ParamGroupInput<O>>)];
    if (list.length === 0) throw new ValueError("optimizer got an empty parameter list");
    if (list[0] instanceof Tensor) this.addParamGroup({ params: list as Tensor[] } as unknown as ParamGroupInput<O>);
    else for (const group of list) this.addParamGroup(group as ParamGroupInput<O>);
  }

  /** Adds a group, for example layers that are unfrozen later. */
  addParamGroup(group: ParamGroupInput<O>): void {
    const params = group.params instanceof Tensor ? [group.params] : [...group.params];
    const known = new Set(this.paramGroups.flatMap((g) => g.params));
    for (const p of params) {
      if (!(p instanceof Tensor)) throw new ValueError(`optimizer can only optimize Tensors, but one of the params is ${typeof p}`);
      if (!p.isLeaf) throw new ValueError("can't optimize a non-leaf Tensor");
      if (!p.isFloatingPoint()) throw new DTypeError(`optimizer: expected floating-point parameters, got ${p.dtype}`);
      if (known.has(p)) throw new ValueError("some parameters appear in more than one parameter group");
      known.add(p);
    }
    this.paramGroups.push({ ...this.defaults, ...group, params });
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
  step(): undefined;
  step(closure: () => Tensor): Tensor;
  step(closure?: () => Tensor): Tensor | undefined {
    const loss = closure === undefined ? undefined : enableGrad(closure);
    noGrad(() => {
      for (const group of this.paramGroups) {
        for (const param of group.params) if (param.grad !== null) this.#move(param, param.grad, group);
      }
    });
    return loss;
  }

  #move(param: Tensor, grad: Tensor, group: ParamGroup<O>): void {
    let state = this.state.get(param);
    if (state === undefined) this.state.set(param, (state = {}));
    // Frees what the update computed on the way, and with it the old values of parameter and state.
    using _ = scope();
    this.update(param, grad, state, group);
    const kept = Object.values(state).filter((entry) => entry instanceof Tensor);
    realiseAll(keep([param, ...kept]));
  }

  /** Moves one parameter in place and updates what is remembered of it. */
  protected abstract update(param: Tensor, grad: Tensor, state: ParamState, group: ParamGroup<O>): void;

  /** The state under PyTorch's names. Tensors are shared, not copied. */
  stateDict(): OptimizerStateDict {
    const index = new Map<Tensor, number>();
    const groups = this.paramGroups.map(({ params, ...options }) => {
      for (const p of params) if (!index.has(p)) index.set(p, index.size);
      const entries = Object.entries(options).map(([key, value]) => [toSnake(key), value]);
      return { ...Object.fromEntries(entries), params: params.map((p) => index.get(p) as number) } as OptimizerStateDict["param_groups"][number];
    });
    const state: OptimizerStateDict["state"] = {};
    for (const [p, entries] of this.state) state[index.get(p) as number] = { ...entries };
    return { state, param_groups: groups };
  }

  /**
   * Loads a state that {@link stateDict} or PyTorch made; tensors are copied.
   * @throws ValueError if the groups do not match, and then nothing is changed.
   */
  loadStateDict(dict: OptimizerStateDict): void {
    const groups = dict.param_groups;
    if (groups.length !== this.paramGroups.length) {
      throw new ValueError(`loadStateDict: loaded state dict has a different number of parameter groups: expected ${this.paramGroups.length}, got ${groups.length}`);
    }
    const byIndex = new Map<number, Tensor>();
    for (let i = 0; i < groups.length; i++) {
      const { params } = this.paramGroups[i];
      if (groups[i].params.length !== params.length) {
        throw new ValueError(
          `loadStateDict: loaded state dict contains a parameter group that doesn't match the size of optimizer's group ${i}: ` +
            `expected ${params.length}, got ${groups[i].params.length}`,
        );
      }
      for (let j = 0; j < params.length; j++) byIndex.set(groups[i].params[j], params[j]);
    }
    const loaded = [...Object.entries(dict.state)].map(([key, entries]) => [byIndex.get(Number(key)), entries] as const);
    for (const [p, entries] of loaded) {
      if (p === undefined) throw new ValueError("loadStateDict: the state names a parameter that is in no group");
      for (const name in entries) {
        const entry = entries[name];
        if (entry instanceof Tensor && entry.ndim > 0 && entry.numel() !== p.numel()) {
          throw new ValueError(`loadStateDict: ${name} has shape [${entry.shape}], expected that of its parameter, [${p.shape}]`);
        }
      }
    }
    this.state.clear();
    for (const [p, entries] of loaded) this.state.set(p as Tensor, copyState(entries, p as Tensor));
    for (let i = 0; i < groups.length; i++) {
      const { params: _, ...options } = groups[i];
      for (const key in options) (this.paramGroups[i] as unknown as Record<string, unknown>)[toCamel(key)] = options[key];
    }
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
}

function copyState(entries: ParamState, param: Tensor): ParamState {
  const out: ParamState = {};
  for (const name in entries) {
    const entry = entries[name];
    if (!(entry instanceof Tensor)) out[name] = entry;
    else if (entry.ndim === 0 && name === "step") out[name] = entry.itemSync();
    else {
      const copy = entry.detach().clone().to({ device: param.device, dtype: param.dtype });
      copy.storage.owner?.escape(copy.storage);
      out[name] = copy;
    }
  }
  return out;
}

/** `weightDecay` to PyTorch's `weight_decay`. */
function toSnake(name: string): string {
  return name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
}

function toCamel(name: string): string {
  return name.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase());
}

/** Throws ValueError unless `ok`: options of optimizers are checked when they are made. */
export function require(ok: boolean, name: string, value: unknown): void {
  if (!ok) throw new ValueError(`Invalid ${name} value: ${value}`);
}
