import {
  type Backend,
  type DType,
  defaultGenerator,
  type FindStorage,
  type Generator,
  type Group,
  getBackend,
  type Handle,
  type HostFunction,
  type KernelName,
  type Kernels,
  type Layout,
  NotSupportedError,
  realise,
  type Shape,
  type Spec,
  type Storage,
  setTracer,
  startedDevices,
  type Tensor,
  type TensorBase,
  type Tracer,
  type TypedArray,
  type Value,
  type View,
} from "@sconce/core";

import { AccumulateGrad, nodesMade, type TapeNode } from "../node.js";
import { sameFields } from "./fields.js";
import { type HostCall, hostOf } from "./host.js";

/** A buffer of the program, by number. */
export type Slot = number;

/** An input of a kernel: a buffer and how it is read. */
export interface Operand extends Layout {
  readonly slot: Slot;
  readonly dtype: DType;
}

/** A write-once array that leaves the program: a buffer, or a number that fills it. */
export interface Content {
  readonly backend: Backend;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly slot: Slot | null;
  readonly constant: number | bigint | null;
}

/** A cell that was there before the function, and where a replay finds it. */
export interface Cell {
  readonly find: FindStorage;
  readonly backend: Backend;
  readonly dtype: DType;
  readonly size: number;
  /** It may be another cell at each replay. */
  readonly moves: boolean;
}

/** What a replay does, in order. */
export type Step =
  | { readonly kind: "load"; readonly cell: Cell; readonly slot: Slot }
  | {
      readonly kind: "run";
      readonly backend: Backend;
      readonly kernel: KernelName;
      readonly inputs: readonly Operand[];
      readonly outputs: readonly Spec[];
      readonly slots: readonly Slot[];
      readonly attrs: Kernels[KernelName];
      /** The draw that gives a random kernel its stream. */
      readonly draw: number | null;
    }
  | {
      readonly kind: "host";
      readonly backend: Backend;
      readonly inputs: readonly Operand[];
      readonly outputs: readonly Spec[];
      readonly slots: readonly Slot[];
      readonly fn: HostFunction;
    }
  | { readonly kind: "upload"; readonly backend: Backend; readonly data: TypedArray; readonly spec: Spec; readonly slot: Slot }
  | { readonly kind: "draw"; readonly backend: Backend; readonly draw: () => TypedArray; readonly spec: Spec; readonly slot: Slot }
  | { readonly kind: "hand"; readonly content: Content; readonly layout: Layout; readonly fn: (x: Tensor) => void }
  | { readonly kind: "effect"; readonly fn: () => void }
  | { readonly kind: "store"; readonly cell: Cell; readonly content: Content };

/** The errors of data that leave the device. */
const READS =
  "the function reads the elements of a tensor, which a replay does not have: data-dependent control flow cannot be compiled; return the " +
  "tensor and read it outside, or use where() for a choice by element";

/** What a program is made of. */
export interface Recording {
  readonly steps: readonly Step[];
  /** Number of buffers. */
  readonly slots: number;
  /** Generators whose streams random kernels draw, in order. */
  readonly draws: readonly Generator[];
  readonly guards: readonly (() => () => boolean)[];
  readonly cells: ReadonlyMap<Storage, Cell>;
}

/** Why a graph or an expression from outside is none of the function's. */
export const OLDER: string =
  "the function goes on with a graph or an expression that was recorded before it, other than that of an argument; compute it inside, " +
  "or outside and detach() it";

/** Records what a function does with kernels and cells while it runs. */
export class Recorder implements Tracer, Recording {
  readonly steps: Step[] = [];
  /** Nodes of a graph that are older than this were there before the function. */
  readonly start: number = nodesMade();
  readonly draws: Generator[] = [];
  readonly guards: (() => () => boolean)[] = [];
  readonly #guarded = new Set<object>();
  readonly cells: Map<Storage, Cell> = new Map<Storage, Cell>();
  /** Steps of graphs that backward has run. */
  readonly walkedNodes: WeakSet<object> = new WeakSet<object>();
  slots = 0;
  /** Cells that the function made. */
  readonly own: WeakSet<Storage> = new WeakSet();
  readonly #leaves = new WeakSet<TensorBase>();
  readonly #handles = new Map<Handle, Slot>();
  /** The content of cells that the program knows. */
  readonly #known = new Map<Storage, Value>();
  /** Cells that were written since the last effect. */
  readonly #dirty = new Set<Storage>();
  readonly #streams = new Map<Generator, Map<number, number>>();
  readonly #copies: [Value, TypedArray][] = [];
  readonly #backends: readonly Backend[];
  #draw: (() => TypedArray) | null = null;
  #stream: number | null = null;
  #position: number;
  /** Why the function cannot be compiled, where it went on after that. */
  #failure: Error | null = null;

  readonly #readOnly: ReadonlySet<Storage>;
  /** What gives the arguments of a replay. */
  readonly #args = new Map<Tensor, () => Tensor>();

  /** `args` are the tensors among the arguments, with what gives those of a replay; a write to `readOnly` would be lost. */
  constructor(args: Iterable<readonly [Tensor, () => Tensor | undefined]>, readOnly: ReadonlySet<Storage>) {
    this.#readOnly = readOnly;
    this.#backends = startedDevices().map((device) => getBackend(device));
    this.#position = defaultGenerator().position;
    for (const [x, current] of args) {
      this.#args.set(x, current as () => Tensor);
      this.follow(x.storage, () => current()?.storage);
    }
  }

  /** Runs the function and hears all of it. */
  record<T>(fn: () => T, end: (result: T) => void): T {
    this.#listen();
    try {
      const result = fn();
      if (this.#failure !== null) throw this.#failure;
      if (defaultGenerator().position !== this.#position)
        this.refuse(
          "random",
          "numbers were drawn from the host's generator in a way that a replay cannot repeat: pass them as an argument",
        );
      end(result);
      this.flush();
      return result;
    } finally {
      this.#leave();
      for (const [value, copy] of this.#copies) value.copy = copy;
    }
  }

  // ---- backends

  #listen(): void {
    setTracer(this);
    for (const backend of this.#backends) this.#shadow(backend);
  }

  #leave(): void {
    setTracer(null);
    for (const backend of this.#backends) for (const name of SHADOWED) Reflect.deleteProperty(backend, name);
  }

  /** Own properties hide the methods of a backend, which cannot be read from. */
  #shadow(backend: Backend): void {
    const { run, upload } = backend;
    const later = hostOf(backend);
    const shadow: { [K in (typeof SHADOWED)[number]]: unknown } = {
      run: (kernel: KernelName, inputs: readonly View[], outputs: readonly Spec[], attrs: Kernels[KernelName]) =>
        this.#run(backend, run, kernel, inputs, outputs, attrs),
      upload: (data: TypedArray, dtype: DType) => this.#upload(backend, upload, data, dtype),
      // Whoever waits for it must not see the error, too.
      download: () => {
        this.#failure ??= refusal("data", READS);
        return new Promise<never>(() => {});
      },
      downloadSync: undefined,
      later: later && ((...call: HostCall) => this.#host(backend, later, ...call)),
    };
    for (const name of SHADOWED) Object.defineProperty(backend, name, { configurable: true, writable: true, value: shadow[name] });
  }

  #run(
    backend: Backend,
    run: Backend["run"],
    kernel: KernelName,
    inputs: readonly View[],
    outputs: readonly Spec[],
    given: Kernels[KernelName],
  ): readonly Handle[] {
    const attrs = pure(kernel, given);
    const operands = this.#operandsOf(inputs);
    const handles = run.call(backend, kernel, inputs, outputs, attrs);
    const slots = handles.map((handle) => this.#newSlot(handle));
    const draw = kernel === "random" ? this.#stream : null;
    if (draw !== null) this.#stream = null;
    this.steps.push({ kind: "run", backend, kernel, inputs: operands, outputs: specsOf(outputs), slots, attrs, draw });
    return handles;
  }

  #host(backend: Backend, later: (...call: HostCall) => readonly Handle[], ...[inputs, outputs, fn]: HostCall): readonly Handle[] {
    const operands = this.#operandsOf(inputs);
    const handles = later(inputs, outputs, fn);
    const slots = handles.map((handle) => this.#newSlot(handle));
    this.steps.push({ kind: "host", backend, inputs: operands, outputs: specsOf(outputs), slots, fn });
    return handles;
  }

  #operandsOf(inputs: readonly View[]): Operand[] {
    return inputs.map(({ handle, dtype, shape, strides, offset }) => ({ slot: this.#slotOf(handle), dtype, shape, strides, offset }));
  }

  #upload(backend: Backend, upload: Backend["upload"], data: TypedArray, dtype: DType): Handle {
    const handle = upload.call(backend, data, dtype);
    const slot = this.#newSlot(handle);
    const spec = { shape: [data.length], dtype };
    const draw = this.#draw;
    this.#draw = null;
    if (draw === null) this.steps.push({ kind: "upload", backend, data: data.slice(), spec, slot });
    else this.steps.push({ kind: "draw", backend, draw, spec, slot });
    return handle;
  }

  #newSlot(handle: Handle): Slot {
    const slot = this.slots++;
    this.#handles.set(handle, slot);
    return slot;
  }

  #slotOf(handle: Handle): Slot {
    return this.#handles.get(handle) ?? this.refuse("compile", OLDER);
  }

  // ---- cells

  made(storage: Storage): void {
    this.own.add(storage);
  }

  owns(storage: Storage): boolean {
    return this.own.has(storage);
  }

  leaf(x: TensorBase): void {
    this.#leaves.add(x);
  }

  ownsLeaf(x: TensorBase): boolean {
    return this.#leaves.has(x);
  }

  current(x: Tensor): () => Tensor {
    return this.#args.get(x) ?? (() => x);
  }

  read(storage: Storage, value: Value): void {
    if (this.own.has(storage) || (this.#known.get(storage) === value && storage.host === null)) return;
    if (storage.host !== null) this.refuse("compile", "the function reads host memory (typedArray, fromTypedArray); clone() it outside");
    this.paused(() => {
      realise(value);
    });
    if (value.copy !== null) this.#copies.push([value, value.copy]);
    value.copy = null;
    this.steps.push({ kind: "load", cell: this.cellOf(storage), slot: this.#newSlot(value.handle as Handle) });
    this.#known.set(storage, value);
  }

  wrote(storage: Storage, value: Value): void {
    if (this.own.has(storage)) return;
    if (this.#readOnly.has(storage))
      this.refuse("compile", "the function writes to memory of which an argument is a view; pass the whole tensor");
    this.cellOf(storage);
    this.#known.set(storage, value);
    this.#dirty.add(storage);
  }

  /** The cell of a storage that was there before. */
  cellOf(storage: Storage): Cell {
    const known = this.cells.get(storage);
    if (known !== undefined) return known;
    return this.#addCell(storage, () => storage, false);
  }

  #addCell(storage: Storage, find: FindStorage, moves: boolean): Cell {
    const { backend, dtype, size } = storage;
    const cell: Cell = { find, backend, dtype, size, moves };
    this.cells.set(storage, cell);
    return cell;
  }

  follow(storage: Storage, find: FindStorage): void {
    if (!this.cells.has(storage)) this.#addCell(storage, find, true);
  }

  /** Writes to cells that a replay must have done before what comes next. */
  flush(): void {
    for (const storage of this.#dirty) {
      if (storage.disposed) continue;
      this.steps.push({ kind: "store", cell: this.cellOf(storage), content: this.content(storage) });
    }
    this.#dirty.clear();
  }

  /** What a cell holds now, computed. */
  content({ value }: Storage): Content {
    const { backend, shape, dtype } = value;
    if (value.pending !== null) realise(value);
    const { handle, constant } = value;
    if (handle === null) return { backend, shape, dtype, slot: null, constant };
    return { backend, shape, dtype, slot: this.#slotOf(handle), constant: null };
  }

  // ---- the host

  /** Runs what is not to be heard. */
  paused<T>(fn: () => T): T {
    this.#leave();
    try {
      return fn();
    } finally {
      this.#listen();
    }
  }

  effect(fn: () => void): void {
    this.flush();
    this.#known.clear();
    this.steps.push({ kind: "effect", fn });
    this.paused(fn);
  }

  hand(x: Tensor, fn: (x: Tensor) => void, find: FindStorage): void {
    const { shape, strides, offset } = x;
    this.steps.push({ kind: "hand", content: this.content(x.storage), layout: { shape, strides, offset }, fn });
    this.paused(() => fn(x));
    const storage = find();
    if (storage === undefined) return;
    // Its content is new, though the cell may be known.
    this.#known.delete(storage);
    if (!this.own.has(storage)) this.follow(storage, find);
  }

  drew(draw: () => TypedArray): void {
    this.#draw = draw;
    this.#position = defaultGenerator().position;
  }

  streamed(generator: Generator, offset: number): void {
    // A recomputation draws the same stream again.
    let known = this.#streams.get(generator);
    if (known === undefined) this.#streams.set(generator, (known = new Map()));
    let draw = known.get(offset);
    if (draw === undefined) {
      draw = this.draws.length;
      this.draws.push(generator);
      known.set(offset, draw);
    }
    this.#stream = draw;
  }

  walked(node: object): void {
    if (this.isOlder(node as TapeNode)) this.refuse("backward", OLDER);
    this.walkedNodes.add(node);
  }

  /** True for a step of a graph from before the function. */
  isOlder(node: TapeNode): boolean {
    return node.sequence < this.start && !(node instanceof AccumulateGrad);
  }

  guard(look: () => () => boolean): void {
    this.guards.push(look);
  }

  guardFields(object: object, groups: readonly Group[]): void {
    if (this.#guarded.has(object)) return;
    this.#guarded.add(object);
    this.guards.push(() => sameFields(object, groups));
  }

  refuse(op: string, why: string = READS): never {
    const error = refusal(op, why);
    this.#failure ??= error;
    throw error;
  }
}

function refusal(op: string, why: string): NotSupportedError {
  return new NotSupportedError(`${op}: ${why}`);
}

const SHADOWED = ["run", "upload", "download", "downloadSync", "later"] as const;

/** Pending values serve as specs; a program must not keep them. */
function specsOf(outputs: readonly Spec[]): Spec[] {
  return outputs.map(({ shape, dtype }) => ({ shape, dtype }));
}

/** Attributes under which a kernel writes no input: a replay's may belong to others. */
function pure(kernel: KernelName, attrs: Kernels[KernelName]): Kernels[KernelName] {
  if (kernel === "elementwise") return { ...(attrs as Kernels["elementwise"]), overwrite: false };
  if (kernel === "updateSlice") return { ...(attrs as Kernels["updateSlice"]), reuse: false };
  return attrs;
}
