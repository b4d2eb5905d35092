/**
 * Functions that are traced once for each form of their arguments and then replayed without the work of the library between kernels.
 * @module autograd/compile
 */
import "./install.js";
import {
  DisposedError,
  isTensor,
  isWhole,
  refusePromise,
  SconceError,
  type Storage,
  type Tensor,
  tracer,
  typeName,
  ValueError,
} from "@sconce/core";
import { CompiledNode, Gradient } from "./compile/gradient.js";
import { Program } from "./compile/program.js";
import { Recorder } from "./compile/recorder.js";
import { Results, viewOf } from "./compile/result.js";
import { checkArgument, Signature } from "./compile/signature.js";
import { leavesAmong, mapLeaves } from "./compile/tree.js";
import { knownHistory, resultHistory } from "./history.js";
import { mode } from "./mode.js";
import { noteMade } from "./region.js";

/** A function of tensors, or a module. */
// biome-ignore lint/suspicious/noExplicitAny: any function of tensors
export type Compilable = (...args: any[]) => unknown;

/** How {@link compile} keeps its programs. */
export interface CompileOptions {
  /** Programs that are kept at a time, 8 by default; the one that was used longest ago makes room. */
  readonly maxPrograms?: number;
}

/** What a compiled function has done, and what it holds. */
export interface CompileInfo {
  /** Calls that ran the function itself to record it. */
  readonly traces: number;
  /** Calls that replayed a program. */
  readonly replays: number;
  /** Programs that are kept. */
  readonly programs: number;
  /** Kernels of the program that was used last. */
  readonly kernels: number;
  /** Bytes of the planned memory of all programs. */
  readonly bytes: number;
}

/** A compiled function: called as the function itself. */
export interface Compiled<F extends Compilable> extends Disposable {
  (...args: Parameters<F>): ReturnType<F>;
  /** Figures of its work. */
  info(): CompileInfo;
  /** Frees its programs; a later call throws DisposedError. */
  dispose(): void;
}

interface Entry {
  readonly signature: Signature;
  readonly program: Program;
  readonly results: Results;
  /** What backward needs where a result has a graph. */
  readonly gradient: Gradient | null;
}

function release({ program, gradient }: Entry): void {
  program.dispose();
  gradient?.dispose();
}

/** Puts a replay on the tape. */
function recordReplay(gradient: Gradient, outputs: readonly Tensor[], args: readonly Tensor[], program: Program): void {
  const kept = gradient.kept.map((content) => program.value(content));
  const node = new CompiledNode(gradient, gradient.histories(args), outputs, kept);
  outputs.forEach((y, i) => {
    resultHistory(y, undefined).setNode(node, i);
    noteMade(node, y.storage);
  });
}

const REPLACED =
  "the function finds another tensor outside at every call, made in the one before: pass it as an argument and return the new one, or write " +
  "into it with copy_()";

const WRITTEN =
  "the function writes to an argument in place and records a gradient of that, which a replay does not have; return a new tensor, or write within noGrad()";

/** A tree with some of its tensors in place of others, and views of these. */
function exchange(tree: unknown, from: readonly Tensor[], to: readonly Tensor[]): unknown {
  return mapLeaves(tree, (leaf) => {
    if (!isTensor(leaf)) return leaf;
    const at = from.indexOf(leaf);
    if (at >= 0) return to[at];
    const base = from.findIndex((x) => x.storage === leaf.storage);
    return base < 0 || from[base] === to[base] ? leaf : viewOf(to[base], leaf);
  });
}

const wholeOf = (x: Tensor): Tensor => (isWhole(x, x.storage) ? x : x.clone());

let warned = false;

class CompiledFunction {
  readonly #fn: Compilable;
  readonly #maxPrograms: number;
  /** The one that was used last comes first. */
  #entries: Entry[] = [];
  /** The tensors of the running call. */
  #args: readonly Tensor[] = [];
  /** What the trace before this one made. */
  #made: WeakSet<Storage> | null = null;
  /** Traces in a row that found what the one before had made. */
  #rehearsals = 0;
  #traces = 0;
  #replays = 0;
  #running = false;
  #disposed = false;

  constructor(fn: Compilable, maxPrograms: number) {
    this.#fn = fn;
    this.#maxPrograms = maxPrograms;
  }

  call(args: readonly unknown[]): unknown {
    // The outer trace takes it all in; anomaly mode looks at each op, which a replay does not have.
    if (tracer !== null || mode.anomaly) return this.#fn(...args);
    if (this.#disposed) throw new DisposedError("compile: the compiled function was disposed; compile the function again");
    if (this.#running) throw new SconceError("compile: the compiled function was called from within itself");
    const leaves = leavesAmong(args);
    const given = leaves.filter(isTensor);
    given.forEach(checkArgument);
    // Views may lie anywhere in their memory: they are taken as copies without gaps.
    const tensors = given.map(wholeOf);
    const copies = tensors.filter((x, i) => x !== given[i]);
    this.#args = tensors;
    this.#running = true;
    try {
      const entry = this.#entryFor(args, leaves, given);
      if (entry !== undefined) return this.#replay(entry, given);
      const signature = new Signature(args, leaves, given);
      if (copies.length === 0) return this.#trace(args, signature, new Set());
      const inMemoryOfViews = [...copies, ...given.filter((x, i) => x !== tensors[i])];
      const own = exchange(args, given, tensors) as unknown[];
      return exchange(this.#trace(own, signature, new Set(inMemoryOfViews.map(({ storage }) => storage))), tensors, given);
    } finally {
      this.#running = false;
      this.#args = [];
      for (const copy of copies) copy.dispose();
    }
  }

  #entryFor(args: readonly unknown[], leaves: readonly unknown[], given: readonly Tensor[]): Entry | undefined {
    for (let at = 0; at < this.#entries.length; at++) {
      const entry = this.#entries[at];
      if (!entry.signature.fits(args, leaves, given) || !entry.program.isValid()) continue;
      if (at > 0) this.#entries.unshift(...this.#entries.splice(at, 1));
      return entry;
    }
    return undefined;
  }

  #replay({ program, results, gradient }: Entry, given: readonly Tensor[]): unknown {
    this.#replays++;
    return program.replay(() => {
      const live: Tensor[] = [];
      const tree = results.build(program, given, live);
      if (gradient !== null) recordReplay(gradient, live, this.#args, program);
      return tree;
    });
  }

  #trace(args: readonly unknown[], signature: Signature, readOnly: ReadonlySet<Storage>): unknown {
    const tensors = this.#args;
    const nodes = tensors.map((x) => knownHistory(x)?.node);
    const recorder = new Recorder(
      tensors.map((x, i) => [x, () => this.#args[i]] as const),
      readOnly,
    );
    return recorder.record(
      () => this.#fn(...args),
      (value) => {
        refusePromise(value, "compile", "compile the part without await, and await its results outside");
        if (tensors.some((x, i) => knownHistory(x)?.node !== nodes[i])) recorder.refuse("compile", WRITTEN);
        const isRehearsal = this.#isRehearsal(recorder);
        const results = new Results(recorder, value, tensors);
        const gradient = isRehearsal || results.live.length === 0 ? null : new Gradient(recorder, results.live, tensors);
        recorder.flush();
        results.forget();
        if (isRehearsal) return;
        recorder.paused(() => {
          const program = new Program(recorder, [...results.contents, ...(gradient?.kept ?? [])]);
          this.#keep({ signature, program, results, gradient });
        });
      },
    );
  }

  /**
   * True if the function may find other tensors outside at the next call: the first call may have made them (a moment of the caller's own),
   * and so may the call before this one.
   */
  #isRehearsal(recorder: Recorder): boolean {
    const before = this.#made;
    this.#made = recorder.own;
    if (this.#traces++ === 0) return true;
    const isNew = before !== null && [...recorder.cells].some(([storage, { moves }]) => !moves && before.has(storage));
    this.#rehearsals = isNew ? this.#rehearsals + 1 : 0;
    if (this.#rehearsals > 2) recorder.refuse("compile", REPLACED);
    return isNew;
  }

  #keep(entry: Entry): void {
    this.#entries.unshift(entry);
    if (this.#entries.length <= this.#maxPrograms) return;
    release(this.#entries.pop() as Entry);
    if (warned) return;
    warned = true;
    console.warn(
      `sconce: a compiled function needs more than ${this.#maxPrograms} programs: its arguments come in ever new shapes, or a ` +
        "number among them changes (pass it as scalar(number)), or a module's fields do. maxPrograms keeps more.",
    );
  }

  info(): CompileInfo {
    const [last] = this.#entries;
    return {
      traces: this.#traces,
      replays: this.#replays,
      programs: this.#entries.length,
      kernels: last?.program.kernels ?? 0,
      bytes: this.#entries.reduce((sum, { program, gradient }) => sum + program.bytes + (gradient?.bytes ?? 0), 0),
    };
  }

  dispose(): void {
    this.#entries.forEach(release);
    this.#entries = [];
    this.#disposed = true;
  }
}

/**
 * Compiles a function of tensors or a module: the kernels that it calls are recorded, once for each form of its arguments (shapes, dtypes,
 * devices, numbers, modes, the fields of the modules in it), and further calls replay them over memory that is planned ahead. A whole
 * training step is such a function: forward, backward and the optimizer's step. Of a forward pass alone, the results have a gradient.
 *
 * A replay reads parameters, buffers, gradients and the state and options of optimizers as they are then. Numbers and other values that the
 * function finds outside are those of the trace; a number among the arguments is part of their form, and a tensor without dimensions an input,
 * in arrays, maps, sets and the fields of objects too. The first call of all is a rehearsal that is not kept. In anomaly mode the function
 * itself runs.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.compile.html
 *
 * @throws NotSupportedError from a call, if the function reads elements of tensors, or an argument shows nothing of what it holds.
 * @example
 * import "@sconce/backend-cpu";
 * import { noGrad } from "@sconce/autograd";
 * import { compile } from "@sconce/autograd/compile";
 * import { randn, scalar } from "@sconce/core";
 * import type { Tensor } from "@sconce/core";
 * const w = randn([3, 1], { requiresGrad: true });
 * const step = compile((x: Tensor, y: Tensor, rate: Tensor) => {
 *   w.zeroGrad();
 *   const loss = x.mm(w).sub(y).square().mean();
 *   loss.backward();
 *   noGrad(() => w.sub_((w.grad as Tensor).mul(rate)));
 *   return loss;
 * });
 * for (let i = 0; i < 10; i++) step(randn([8, 3]), randn([8, 1]), scalar(0.1 / (i + 1)));
 * step.info().replays; // 8
 */
export function compile<F extends Compilable>(fn: F, options: CompileOptions = {}): Compiled<F> {
  if (typeof fn !== "function") throw new ValueError(`compile: expected a function or a module, got ${typeName(fn)}`);
  if (typeof options !== "object" || options === null)
    throw new ValueError(`compile: expected options such as { maxPrograms: 8 }, got ${options}`);
  const { maxPrograms = 8 } = options;
  if (!Number.isInteger(maxPrograms) || maxPrograms < 1)
    throw new ValueError(`compile: expected maxPrograms of at least 1, got ${maxPrograms}`);
  const compiled = new CompiledFunction(fn, maxPrograms);
  return Object.assign((...args: unknown[]) => compiled.call(args), {
    info: () => compiled.info(),
    dispose: () => compiled.dispose(),
    [Symbol.dispose]: () => compiled.dispose(),
  }) as unknown as Compiled<F>;
}
