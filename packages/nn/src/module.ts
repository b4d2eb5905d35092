import { type Device, type DType, exposed, NotSupportedError, Tensor, tracer, typeName, ValueError } from "@sconce/core";
import { convertAll, convertAllAsync, emptyAll, parseTarget, type Target, tensorsOf } from "./convert.js";
import { BackwardCall, type BackwardHook, Hooks, type RemovableHandle } from "./hooks.js";
import { escapeScope, Parameter, zeroGrads } from "./parameter.js";
import { moduleText } from "./repr.js";
import { checkKey, type IncompatibleKeys, loadState, type StateDict } from "./state.js";

/** A function object whose prototype is its class: what makes instances callable. */
class Callable {
  constructor(run: (target: never, inputs: unknown[]) => unknown) {
    const target = (...inputs: unknown[]): unknown => run(target as never, inputs);
    Object.setPrototypeOf(target, new.target.prototype);
    // Free for fields of subclasses.
    Reflect.deleteProperty(target, "name");
    Reflect.deleteProperty(target, "length");
    // biome-ignore lint/correctness/noConstructorReturn: the instance is the function
    return target as unknown as Callable;
  }
}

/** Runs before `forward`; what it returns replaces the inputs (an array of all of them, or the only one). */
export type ForwardPreHook<M extends Module> = (module: M, inputs: Parameters<M["forward"]>) => unknown;
/** Runs after `forward`; what it returns replaces the output. */
export type ForwardHook<M extends Module> = (module: M, inputs: Parameters<M["forward"]>, output: ReturnType<M["forward"]>) => unknown;

/** Where a walk over a module starts its names, and whether it enters submodules. */
export interface WalkOptions {
  /** Put before every name. */
  readonly prefix?: string;
  /** Enter submodules; true unless said otherwise. */
  readonly recurse?: boolean;
}

/** Calling a module runs its hooks and `forward`. */
export interface Module {
  // biome-ignore lint/style/useShorthandFunctionType: it merges with the class
  (...inputs: Parameters<this["forward"]>): ReturnType<this["forward"]>;
}

/**
 * Base of all layers and networks. Fields that hold a {@link Parameter} or a module are found in the order of their assignment; other
 * fields (plain tensors, arrays of modules) are not. A module is called like a function: `net(x)` runs its hooks and `forward`.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.Module.html
 *
 * @example
 * class Net extends nn.Module {
 *   hidden = new nn.Linear(4, 8);
 *   output = new nn.Linear(8, 1);
 *   forward(x: Tensor): Tensor {
 *     return this.output(this.hidden(x).relu()); // [N, 4] -> [N, 1]
 *   }
 * }
 * const net = new Net();
 * net(randn([16, 4])); // [16, 1]
 */
export abstract class Module extends Callable {
  /** State keys of fields whose key is not their own name, such as `{ runningMean: "running_mean" }`. */
  static readonly stateKeys: Readonly<Record<string, string>> = {};
  /** State keys of this class that an older checkpoint may lack. */
  static readonly optionalKeys: readonly string[] = [];
  /** @internal True for a class, its subclasses left aside, whose `forward` puts the tensors that it sees nowhere but into its result. */
  static readonly transient: boolean = false;

  /** True while training: dropout and batch normalisation differ. Set it with {@link Module.train} and {@link Module.eval}. */
  training = true;
  readonly #items = new Map<string, Parameter | Module>();
  /** Whether each buffer is part of the state, by key. */
  readonly #buffers = new Map<string, boolean>();
  /** Keys that held a parameter when last looked at. */
  readonly #parameterKeys = new Set<string>();
  readonly #preHooks = new Hooks<ForwardPreHook<never>>();
  readonly #forwardHooks = new Hooks<ForwardHook<never>>();
  readonly #backwardHooks = new Hooks<BackwardHook<Module>>();

  constructor() {
    super((module: Module, inputs) => module.#run(inputs));
  }

  /** Computes the output; defined by each subclass. Call the module itself instead, so that its hooks run. */
  // biome-ignore lint/suspicious/noExplicitAny: each subclass has inputs and outputs of its own
  abstract forward(...inputs: any[]): any;

  #run(inputs: unknown[]): unknown {
    if (typeof this.forward !== "function") {
      throw new NotSupportedError(`Module [${this.constructor.name}] is missing the required "forward" function`, { op: "forward" });
    }
    this.#guard();
    if (Module.isTransient(this)) return this.forward(...inputs);
    return exposed(inputs, () => this.#runOpenly(inputs));
  }

  /** Traces that have seen the module, or what it contains, hold while it stays as it is. */
  #guard(): void {
    tracer?.guardFields(this, [this.#items, this.#preHooks, this.#forwardHooks, this.#backwardHooks]);
  }

  #runOpenly(inputs: unknown[]): unknown {
    if (this.#hookless) return this.forward(...inputs);
    let given = inputs;
    for (const hook of this.#preHooks.values()) {
      const result = hook(this as never, given as never);
      if (result !== undefined) given = Array.isArray(result) ? result : [result];
    }
    const backward = this.#backwardHooks.size === 0 ? null : new BackwardCall<Module>(this, this.#backwardHooks);
    if (backward !== null) given = backward.enter(given);
    let output: unknown = this.forward(...given);
    for (const hook of this.#forwardHooks.values()) output = hook(this as never, given as never, output as never) ?? output;
    return backward === null ? output : backward.leave(output);
  }

  /** @internal True if nobody holds what a call makes: a transient class, no hooks, and a method (named, no prototype), not what took its place. */
  static isTransient(module: Module): boolean {
    const { forward, constructor: made } = module;
    const own = forward === made.prototype.forward && forward.name === "forward" && !Object.hasOwn(forward, "prototype");
    return own && Object.hasOwn(made, "transient") && module.#hookless;
  }

  get #hookless(): boolean {
    return this.#preHooks.size + this.#forwardHooks.size + this.#backwardHooks.size === 0;
  }

  // ---- members

  /** @internal Modules and parameters of a container, by key: members that are not fields. */
  static itemsOf(module: Module): Map<string, Parameter | Module> {
    module.#guard();
    return module.#items;
  }

  /**
   * The tensors that a module holds itself, by key, each with a way to put another in its place for a while.
   * @internal
   */
  static tensorsOf(module: Module): [key: string, tensor: Tensor, put: (tensor: Tensor) => void][] {
    const fields = module as unknown as Record<string, unknown>;
    const found: [string, Tensor, (tensor: Tensor) => void][] = [];
    for (const field of Object.keys(module)) {
      const value = fields[field];
      if (value instanceof Tensor) found.push([module.#keyOf(field), value, (tensor) => void (fields[field] = tensor)]);
    }
    for (const [key, value] of module.#items) {
      if (value instanceof Parameter) found.push([key, value, (tensor) => void module.#items.set(key, tensor as Parameter)]);
    }
    return found;
  }

  /** The state key of a field: from {@link Module.stateKeys}, else its own name. For layers with any number of parameters. */
  protected static stateKey(field: string): string {
    // biome-ignore lint/complexity/noThisInStatic: each class has its own table
    const { stateKeys } = this;
    return Object.hasOwn(stateKeys, field) ? stateKeys[field] : field;
  }

  #keyOf(field: string): string {
    return (this.constructor as typeof Module).stateKey(field);
  }

  *#members(): Generator<readonly [key: string, value: unknown]> {
    const fields = this as unknown as Record<string, unknown>;
    for (const field of Object.keys(this)) yield [this.#keyOf(field), fields[field]];
    yield* this.#items;
  }

  #ownParameters(): [string, Parameter][] {
    const found: [string, Parameter][] = [];
    for (const [key, value] of this.#members()) {
      if (value instanceof Parameter) {
        this.#parameterKeys.add(key);
        found.push([key, value]);
      } else if (value instanceof Tensor && this.#parameterKeys.has(key)) {
        throw new ValueError(
          `cannot assign '${value.type()}' as parameter '${key}' (torch.nn.Parameter or None expected); ` +
            `wrap it in new Parameter(), or copy into the old one under noGrad with copy_()`,
          { op: this.constructor.name },
        );
      }
    }
    return found;
  }

  #ownBuffers(persistent: boolean): [string, Tensor][] {
    const found: [string, Tensor][] = [];
    if (this.#buffers.size === 0) return found;
    for (const [key, value] of this.#members()) {
      const kind = this.#buffers.get(key);
      if (kind !== undefined && (kind || !persistent) && value instanceof Tensor) found.push([key, value]);
    }
    return found;
  }

  #ownModules(): [string, Module][] {
    const found: [string, Module][] = [];
    for (const [key, value] of this.#members()) if (value instanceof Module) found.push([key, value]);
    return found;
  }

  #collect<T>({ prefix = "", recurse = true }: WalkOptions, own: (module: Module) => [string, T][]): [string, T][] {
    const seen = new Set<T>();
    const found: [string, T][] = [];
    const modules: [string, Module][] = recurse ? this.namedModules({ prefix }) : [[prefix, this]];
    for (const [path, module] of modules) {
      for (const [key, value] of own(module)) {
        if (seen.has(value)) continue;
        seen.add(value);
        found.push([join(path, key), value]);
      }
    }
    return found;
  }

  /**
   * All parameters with dotted names, each once: own ones first, then those of the submodules in order.
   * @throws ValueError if a plain tensor was assigned over a parameter.
   * @example
   * for (const [name, parameter] of net.namedParameters()) console.log(name, parameter.shape);
   */
  namedParameters(options: WalkOptions = {}): [string, Parameter][] {
    return this.#collect(options, (module) => module.#ownParameters());
  }

  /** All parameters, each once; without those of submodules if `recurse` is false. */
  parameters(recurse = true): Parameter[] {
    return this.namedParameters({ recurse }).map(([, parameter]) => parameter);
  }

  /** All buffers with dotted names, each once. */
  namedBuffers(options: WalkOptions = {}): [string, Tensor][] {
    return this.#collect(options, (module) => module.#ownBuffers(false));
  }

  /** All buffers: tensors that belong to the module but are not trained. */
  buffers(recurse = true): Tensor[] {
    return this.namedBuffers({ recurse }).map(([, buffer]) => buffer);
  }

  /** Direct submodules with their names, each once. */
  namedChildren(): [string, Module][] {
    const seen = new Set<Module>();
    return this.#ownModules().filter(([, module]) => !seen.has(module) && seen.add(module));
  }

  /** Direct submodules, each once. */
  children(): Module[] {
    return this.namedChildren().map(([, module]) => module);
  }

  /** This module (with an empty name) and all below it, each once. @throws ValueError for a module that contains itself. */
  namedModules({ prefix = "" }: { readonly prefix?: string } = {}): [string, Module][] {
    const seen = new Set<Module>();
    const found: [string, Module][] = [];
    const open = new Set<Module>();
    const visit = (path: string, module: Module): void => {
      if (open.has(module)) throw new ValueError(`${module.constructor.name}: the module contains itself, as "${path}"`, { op: "modules" });
      if (seen.has(module)) return;
      seen.add(module);
      found.push([path, module]);
      open.add(module);
      for (const [key, child] of module.#ownModules()) visit(join(path, key), child);
      open.delete(module);
    };
    visit(prefix, this);
    return found;
  }

  /** This module and all below it, each once. */
  modules(): Module[] {
    return this.namedModules().map(([, module]) => module);
  }

  // ---- registration

  /**
   * Sets field `name` to a parameter, or to null for none.
   * @throws ValueError for a name with a dot, an empty one or one in use.
   */
  registerParameter(name: string, parameter: Parameter | null): void {
    this.#checkName("parameter", name, (value) => value instanceof Parameter);
    if (parameter !== null && !(parameter instanceof Parameter)) {
      throw new ValueError(`cannot assign '${typeName(parameter)}' object to parameter '${name}' (torch.nn.Parameter or None required)`, {
        op: "registerParameter",
      });
    }
    this.#parameterKeys.add(this.#keyOf(name));
    this.#setField(name, parameter);
  }

  /**
   * Sets field `name` to a tensor that is saved and moved with the module but not trained; null for none.
   * Change it with in-place ops, so that it outlives the scope that runs the module. `persistent: false` keeps it out of the state.
   * @throws ValueError for a name with a dot, an empty one or one in use.
   * @example
   * net.registerBuffer("mask", ones([8, 8]).tril());
   */
  registerBuffer(name: string, tensor: Tensor | null, { persistent = true }: { readonly persistent?: boolean } = {}): void {
    const key = this.#keyOf(name);
    this.#checkName("buffer", name, () => this.#buffers.has(key));
    if (tensor !== null && !(tensor instanceof Tensor)) {
      throw new ValueError(`cannot assign '${typeName(tensor)}' object to buffer '${name}' (torch Tensor or None required)`, {
        op: "registerBuffer",
      });
    }
    if (tensor !== null) escapeScope(tensor);
    this.#buffers.set(key, persistent);
    this.#setField(name, tensor);
  }

  /**
   * Sets field `name` to a submodule, or to null for none.
   * @throws ValueError for a name with a dot, an empty one or one in use, or for what is not a module.
   */
  registerModule(name: string, module: Module | null): void {
    if (module !== null) asModule(module);
    this.#checkName("module", name, (value) => value instanceof Module);
    this.#setField(name, module);
  }

  /** {@link Module.registerModule} under its older name. */
  addModule(name: string, module: Module | null): void {
    this.registerModule(name, module);
  }

  #setField(name: string, value: unknown): void {
    (this as unknown as Record<string, unknown>)[name] = value;
  }

  #checkName(kind: string, name: string, mine: (value: unknown) => boolean): void {
    checkKey(kind, name, "register");
    const present = (this as unknown as Record<string, unknown>)[name];
    if (name in this && present !== null && present !== undefined && !mine(present)) {
      throw new ValueError(`attribute '${name}' already exists`, { op: "register" });
    }
  }

  // ---- look-up

  /**
   * The submodule at a dotted path; the empty path is this module.
   * @throws ValueError if there is none.
   */
  getSubmodule(path: string): Module {
    if (path === "") return this;
    return this.#lookUp("getSubmodule", path, (module) => module.#ownModules());
  }

  /**
   * Puts a module in place of the one at a dotted path, or adds it under a new name.
   * @throws ValueError for an empty path, or if there is no module to put it in.
   * @example
   * net.setSubmodule("1", new nn.Tanh());
   */
  setSubmodule(path: string, module: Module): void {
    const [parent, key] = this.#parentOf(path);
    if (key === "") throw new ValueError("cannot set the submodule without a target name!", { op: "setSubmodule" });
    if (parent.#items.has(key)) parent.#items.set(key, module);
    else parent.registerModule(Object.keys(parent).find((name) => parent.#keyOf(name) === key) ?? key, module);
  }

  /**
   * The parameter at a dotted path.
   * @throws ValueError if there is none.
   */
  getParameter(path: string): Parameter {
    return this.#lookUp("getParameter", path, (module) => module.#ownParameters());
  }

  /**
   * The buffer at a dotted path.
   * @throws ValueError if there is none.
   */
  getBuffer(path: string): Tensor {
    return this.#lookUp("getBuffer", path, (module) => module.#ownBuffers(false));
  }

  /** The module that holds what a dotted path names, and its key there. */
  #parentOf(path: string): [parent: Module, key: string] {
    const dot = path.lastIndexOf(".");
    return [this.getSubmodule(path.slice(0, Math.max(dot, 0))), path.slice(dot + 1)];
  }

  #lookUp<T>(op: string, path: string, own: (module: Module) => [string, T][]): T {
    const [module, key] = this.#parentOf(path);
    const found = own(module).find(([name]) => name === key);
    if (found === undefined) throw new ValueError(`${module.constructor.name} has no attribute \`${key}\``, { op });
    return found[1];
  }

  // ---- modes

  /** Puts this module and all below it in training mode, or out of it. Returns this. */
  train(mode = true): this {
    for (const module of this.modules()) module.training = mode;
    return this;
  }

  /** Leaves training mode: dropout passes everything on, batch normalisation uses its running statistics. Returns this. */
  eval(): this {
    return this.train(false);
  }

  /** Lets all parameters want gradients, or not. Returns this. */
  requiresGrad_(requiresGrad = true): this {
    for (const parameter of this.parameters()) parameter.markTrainable(requiresGrad);
    return this;
  }

  /**
   * Clears the gradients of all parameters: to null, or to zeros with `setToNone: false`.
   * @example
   * net.zeroGrad();
   */
  zeroGrad({ setToNone = true }: { readonly setToNone?: boolean } = {}): void {
    zeroGrads(this.parameters(), setToNone);
  }

  /** Calls `fn` with every submodule and then with this module. Returns this. */
  apply(fn: (module: Module) => void): this {
    this.#refuseCycle();
    for (const child of this.children()) child.apply(fn);
    fn(this);
    return this;
  }

  // ---- moving

  /**
   * Moves the module to a device, or its floating-point tensors to a dtype, or both. The module itself changes; returns this.
   * @throws DeviceError if the device is not started. @throws DTypeError if it lacks the dtype of a tensor, which is named.
   * @example
   * const layer = new nn.Linear(4, 2).to("float64");
   */
  to(target: Target, dtype?: DType): this {
    convertAll(tensorsOf(this), parseTarget(target, dtype));
    return this;
  }

  /** Moves the module to a device without its elements, of which zeros take the place, to be overwritten by a state. Returns this. */
  toEmpty({ device }: { readonly device: Device }): this {
    emptyAll(tensorsOf(this), device);
    return this;
  }

  /** Moves the module without blocking: the way from a device that cannot be read at once. */
  async toAsync(device: Device): Promise<this> {
    await convertAllAsync(tensorsOf(this), device);
    return this;
  }

  /** Moves the module to the CPU. */
  cpu(): this {
    return this.to("cpu" as Device);
  }

  /** Converts floating-point tensors to float32. */
  float(): this {
    return this.to("float32");
  }

  /** Converts floating-point tensors to float64. */
  double(): this {
    return this.to("float64");
  }

  /** Converts floating-point tensors to float16. */
  half(): this {
    return this.to("float16");
  }

  /** Converts floating-point tensors to bfloat16. */
  bfloat16(): this {
    return this.to("bfloat16");
  }

  // ---- state

  /**
   * Parameters and persistent buffers by PyTorch's keys. The tensors have no history and share memory with the module's.
   * @example
   * Object.keys(new nn.Linear(2, 3).stateDict()); // ["weight", "bias"]
   */
  stateDict({ prefix = "" }: { readonly prefix?: string } = {}): StateDict {
    this.#refuseCycle();
    const state: StateDict = {};
    this.#addState(state, prefix);
    return state;
  }

  /** @throws ValueError for a module that contains itself. */
  #refuseCycle(): void {
    this.namedModules();
  }

  #addState(state: StateDict, prefix: string): void {
    for (const [key, tensor] of this.#ownParameters()) state[prefix + key] = tensor.detach();
    for (const [key, tensor] of this.#ownBuffers(true)) state[prefix + key] = tensor.detach();
    for (const [key, module] of this.#ownModules()) module.#addState(state, `${prefix}${key}.`);
  }

  #optional(): Set<string> {
    const keys = new Set<string>();
    for (const [path, module] of this.namedModules()) {
      for (const key of (module.constructor as typeof Module).optionalKeys) keys.add(join(path, key));
    }
    return keys;
  }

  /**
   * Copies a state into the parameters and buffers. Dtypes and devices are converted; nothing changes if anything does not fit.
   * With `strict: false`, missing and unexpected keys are only reported.
   * @throws ValueError that lists missing and unexpected keys and shapes that differ, in PyTorch's words.
   * @example
   * console.log(net.loadStateDict(nn.clone(net).stateDict())); // <All keys matched successfully>
   */
  loadStateDict(state: StateDict, { strict = true }: { readonly strict?: boolean } = {}): IncompatibleKeys {
    for (const [path, module] of this.namedModules()) module.beforeLoad(state, join(path, ""));
    return loadState(this.constructor.name, this.stateDict(), state, this.#optional(), strict);
  }

  /** Called before a state is loaded whose keys for this module start with `prefix`: lazy layers take their sizes from it. */
  protected beforeLoad(_state: StateDict, _prefix: string): void {}

  // ---- hooks

  /** Runs `hook` before every `forward`; what it returns replaces the inputs. */
  registerForwardPreHook(hook: ForwardPreHook<this>): RemovableHandle {
    return this.#preHooks.add(hook as ForwardPreHook<never>);
  }

  /**
   * Runs `hook` after every `forward`; what it returns replaces the output.
   * @example
   * const handle = net.registerForwardHook((module, inputs, output) => console.log(output.shape));
   * handle.remove();
   */
  registerForwardHook(hook: ForwardHook<this>): RemovableHandle {
    return this.#forwardHooks.add(hook as ForwardHook<never>);
  }

  /** Runs `hook` in every backward pass, once the gradients of the inputs are known; what it returns replaces them. Needs autograd. */
  registerFullBackwardHook(hook: BackwardHook<this>): RemovableHandle {
    return this.#backwardHooks.add(hook as BackwardHook<Module>);
  }

  // ---- copying

  /** Takes over the members, modes and hooks of `source`, passing each value through `copy`. */
  protected copyFrom(source: Module, copy: (value: unknown) => unknown): void {
    const fields = source as unknown as Record<string, unknown>;
    for (const field of Object.keys(source)) this.#setField(field, copy(fields[field]));
    for (const [key, item] of source.#items) this.#items.set(key, copy(item) as Parameter | Module);
    for (const [key, persistent] of source.#buffers) this.#buffers.set(key, persistent);
    for (const key of source.#parameterKeys) this.#parameterKeys.add(key);
    this.#preHooks.addAll(source.#preHooks);
    this.#forwardHooks.addAll(source.#forwardHooks);
    this.#backwardHooks.addAll(source.#backwardHooks);
  }

  /** A new instance of `source`'s class without its constructor, filled by {@link Module.copyFrom}. `remember` gets it while it is empty. */
  static copy<M extends Module>(source: M, remember: (copy: M) => void, copy: (value: unknown) => unknown): M {
    const target = Reflect.construct(Module, [], source.constructor) as M;
    remember(target);
    target.copyFrom(source, copy);
    return target;
  }

  // ---- printing

  /** The module's settings, as its printed text shows them. */
  extraRepr(): string {
    return "";
  }

  /** The text that PyTorch prints. */
  override toString(): string {
    this.#refuseCycle();
    const children = this.#ownModules().map(([key, module]) => [key, module.toString()] as const);
    return moduleText(this.constructor.name, this.extraRepr(), children);
  }
}

// `console.log` in Node prints the text.
Object.defineProperty(Module.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  value(this: Module): string {
    return this.toString();
  },
});

/** Refuses what is not a module. */
export function asModule<M extends Module>(item: M): M {
  if (item instanceof Module) return item;
  throw new ValueError(`${typeName(item)} is not a Module subclass`);
}

function join(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}
