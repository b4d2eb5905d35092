import {
  type Backend,
  encodeArray,
  type Handle,
  type Kernels,
  keepHandles,
  type Layout,
  type Replayer,
  realise,
  releaseHandles,
  SconceError,
  Storage,
  settledValue,
  tensorOver,
  Value,
  type View,
} from "@sconce/core";
import { hostOf } from "./host.js";
import { escaping, type Life, livesOf, MemoryPlan, withoutIdleLoads } from "./plan.js";
import type { Cell, Content, Operand, Recording, Slot, Step } from "./recorder.js";

/** A kernel's input, whose handle is set before each call. */
type Input = Layout & { handle: Handle; readonly dtype: View["dtype"] };

type Run = Extract<Step, { kind: "run" }>;

const NOWHERE: Handle = {};

/** A recorded function: its steps over a plan of the memory that they need. */
export class Program {
  readonly #actions: (() => void)[];
  readonly #handles: (Handle | null)[];
  /** Buffers that tensors own too. */
  readonly #values: (Value | null)[];
  /** Where the buffers lie that nobody owns but a replay. */
  readonly #backends: (Backend | null)[];
  readonly #escaping: ReadonlySet<Slot>;
  readonly #plan: MemoryPlan;
  /** The planned memory of each device. */
  readonly #arenas = new Map<Backend, Value>();
  /** Buffers that are there before and after a replay. */
  readonly #fixed = new Set<Slot>();
  readonly #cells: readonly Cell[];
  readonly #checks: readonly (() => boolean)[];
  readonly #streams: { readonly seed: number; readonly offset: number }[] = [];
  readonly #draws: Recording["draws"];
  /** Kernel calls of one replay. */
  readonly kernels: number;

  constructor({ steps: recorded, slots, draws, guards, cells }: Recording, results: readonly Content[]) {
    const steps = withoutIdleLoads(recorded, results);
    const lives = livesOf(steps, results);
    this.#draws = draws;
    this.#handles = new Array<Handle | null>(slots).fill(null);
    this.#values = new Array<Value | null>(slots).fill(null);
    this.#backends = new Array<Backend | null>(slots).fill(null);
    this.#escaping = escaping(steps, results);
    this.#cells = [...cells.values()].filter(({ moves }) => !moves);
    this.#checks = guards.map((look) => look());
    this.kernels = steps.filter(({ kind }) => kind === "run").length;
    this.#plan = new MemoryPlan(steps, lives, this.#escaping);
    this.#reserve();
    const ends = endsOf(lives, steps.length);
    this.#actions = steps.map((step, i) =>
      this.#action(
        step,
        ends[i].filter((slot) => !this.#fixed.has(slot)),
      ),
    );
    this.#ends = ends[steps.length].filter((slot) => !this.#fixed.has(slot));
  }

  /** Buffers that live to the end. */
  readonly #ends: readonly Slot[];

  /** Bytes of the memory that the program keeps between replays. */
  get bytes(): number {
    let sum = 0;
    for (const bytes of this.#plan.bytes.values()) sum += bytes;
    return sum;
  }

  /** True if what the trace took for granted still holds. */
  isValid(): boolean {
    for (const { find, backend, dtype, size } of this.#cells) {
      const storage = find();
      if (storage === undefined || storage.disposed || storage.host !== null) return false;
      if (storage.backend !== backend || storage.dtype !== dtype || storage.size !== size) return false;
    }
    return this.#checks.every((holds) => holds());
  }

  /** Runs all steps, and `finish` while the results are there. */
  replay<T>(finish: () => T): T {
    for (let i = 0; i < this.#draws.length; i++) this.#streams[i] = this.#draws[i].nextKernelStream();
    keepHandles();
    try {
      for (const action of this.#actions) action();
      return finish();
    } catch (error) {
      this.#handles.forEach((_, slot) => this.#fixed.has(slot) || this.#release(slot));
      throw error;
    } finally {
      releaseHandles();
      for (const slot of this.#ends) this.#release(slot);
    }
  }

  /** Gives the memory back. */
  dispose(): void {
    for (const slot of this.#fixed) this.#values[slot]?.release();
    for (const arena of this.#arenas.values()) arena.release();
    this.#fixed.clear();
    this.#arenas.clear();
  }

  // ---- memory

  #reserve(): void {
    for (const [backend, bytes] of this.#plan.bytes) {
      const arena = settledValue(backend, [bytes], "uint8", replayerOf(backend).reserve(bytes));
      arena.retain();
      arena.fix();
      this.#arenas.set(backend, arena);
    }
    for (const [slot, { backend, offset }] of this.#plan.places) {
      this.#handles[slot] = replayerOf(backend).within(this.#arenas.get(backend)?.handle as Handle, offset);
      this.#fixed.add(slot);
    }
  }

  #release(slot: Slot): void {
    const value = this.#values[slot];
    const handle = this.#handles[slot];
    if (value !== null) value.release();
    else if (handle !== null) (this.#backends[slot] as Backend).free(handle);
    this.#values[slot] = null;
    this.#handles[slot] = null;
  }

  /** Makes the buffer of a slot one that is counted. */
  #own(slot: Slot, backend: Backend, spec: { readonly shape: Value["shape"]; readonly dtype: Value["dtype"] }, handle: Handle): void {
    const value = settledValue(backend, spec.shape, spec.dtype, handle);
    value.retain();
    this.#values[slot] = value;
    this.#handles[slot] = handle;
  }

  /** A value with the content that a replay computed. */
  value({ backend, shape, dtype, slot, constant }: Content): Value {
    return slot === null ? new Value(backend, shape, dtype, constant, null) : (this.#values[slot] as Value);
  }

  // ---- steps

  #action(step: Step, ends: readonly Slot[]): () => void {
    const run = this.#body(step);
    if (ends.length === 0) return run;
    return () => {
      run();
      for (const slot of ends) this.#release(slot);
    };
  }

  #body(step: Step): () => void {
    switch (step.kind) {
      case "load":
        return () => this.#load(step.cell, step.slot);
      case "run":
        return this.#kernel(step);
      case "host":
        return this.#host(step);
      case "upload":
        this.#own(step.slot, step.backend, step.spec, step.backend.upload(step.data, step.spec.dtype));
        this.#values[step.slot]?.fix();
        this.#fixed.add(step.slot);
        return () => {};
      case "draw": {
        const { slot, backend, spec, draw } = step;
        return () => this.#own(slot, backend, spec, backend.upload(encodeArray(draw(), spec.dtype), spec.dtype));
      }
      case "hand":
        return () => step.fn(tensorOver(new Storage(this.value(step.content)), step.layout));
      case "effect":
        return step.fn;
      case "store":
        return () => storageOf(step.cell).set(this.value(step.content));
    }
  }

  #load(cell: Cell, slot: Slot): void {
    const { value } = storageOf(cell);
    this.#handles[slot] = realise(value);
    value.retain();
    this.#values[slot] = value;
  }

  /** Inputs of a call, and what gives them the handles of this replay. */
  #inputsOf(inputs: readonly Operand[]): { readonly views: readonly Input[]; readonly fetch: () => void } {
    const handles = this.#handles;
    const from = inputs.map(({ slot }) => slot);
    const views: Input[] = inputs.map(({ dtype, shape, strides, offset }) => ({ handle: NOWHERE, dtype, shape, strides, offset }));
    const fetch = (): void => {
      for (let i = 0; i < from.length; i++) views[i].handle = handles[from[i]] as Handle;
    };
    return { views, fetch };
  }

  #host({ backend, inputs, outputs, slots, fn }: Extract<Step, { kind: "host" }>): () => void {
    const { views, fetch } = this.#inputsOf(inputs);
    const later = hostOf(backend) as NonNullable<ReturnType<typeof hostOf>>;
    return () => {
      fetch();
      later(views, outputs, fn).forEach((handle, i) => {
        this.#own(slots[i], backend, outputs[i], handle);
      });
    };
  }

  #kernel(step: Run): () => void {
    const { backend, kernel, inputs, outputs, slots } = step;
    const handles = this.#handles;
    const { views, fetch } = this.#inputsOf(inputs);
    const attrs = this.#attrsOf(step);
    if (this.#plan.places.has(slots[0])) {
      const targets = slots.map((slot) => handles[slot] as Handle);
      const run = replayerOf(backend).prepare(kernel, views, outputs, targets);
      return () => {
        fetch();
        run(attrs());
      };
    }
    return () => {
      fetch();
      const made = backend.run(kernel, views, outputs, attrs());
      for (let i = 0; i < slots.length; i++) {
        const slot = slots[i];
        if (this.#escaping.has(slot)) this.#own(slot, backend, outputs[i], made[i]);
        else {
          handles[slot] = made[i];
          this.#backends[slot] = backend;
        }
      }
    };
  }

  /** The attributes of each call; a random kernel gets another stream each time. */
  #attrsOf({ attrs, draw }: Run): () => Kernels[keyof Kernels] {
    return draw === null ? () => attrs : () => ({ ...attrs, ...this.#streams[draw] });
  }
}

/** The buffers whose life ends with each step; the last list holds those that live to the end. */
function endsOf(lives: ReadonlyMap<Slot, Life>, steps: number): Slot[][] {
  const ends: Slot[][] = Array.from({ length: steps + 1 }, () => []);
  for (const [slot, { last }] of lives) ends[last].push(slot);
  return ends;
}

function storageOf({ find }: Cell): Storage {
  const storage = find();
  if (storage === undefined) {
    throw new SconceError(
      "compile: a gradient that the function found when it was compiled is missing now; clear and fill gradients inside of it, or all outside",
    );
  }
  return storage;
}

function replayerOf({ replay }: Backend): Replayer {
  return replay as Replayer;
}
