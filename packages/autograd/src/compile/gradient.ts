import {
  constantValue,
  contiguousValue,
  type Layout,
  NotSupportedError,
  Storage,
  sizeOf,
  type Tensor,
  tensorOf,
  tensorOver,
  type Value,
  zeros,
} from "@sconce/core";
import { type Capture, Engine, type Root } from "../engine.js";
import { type History, historyOf, needsGrad } from "../history.js";
import { AccumulateGrad, type Gradients, TapeNode, type Walk } from "../node.js";
import { secondTime } from "../saved.js";
import { makesOf, readsOf } from "./plan.js";
import { Program } from "./program.js";
import { type Cell, type Content, OLDER, type Recorder, type Slot, type Step } from "./recorder.js";

/** What gradients go to: an argument, by number, or a leaf that the function found. */
type Source = { readonly index: number; readonly leaf: null } | { readonly index: -1; readonly leaf: Tensor };

/** The gradient of a recorded function: a second program, over what the first one keeps for it. */
export class Gradient {
  /** What a replay of the function must keep. */
  readonly kept: readonly Content[];
  readonly #sources: readonly Source[];
  readonly #program: Program;
  /** The gradients that the program computes, null where there is none. */
  readonly #results: readonly ({ readonly content: Content; readonly layout: Layout } | null)[];
  /** What the running program reads: what was kept, and the gradients that arrived. */
  #inputs: readonly Storage[] = [];

  /** Called at the end of a trace, whose steps are those of the function alone again after it. */
  constructor(recorder: Recorder, outputs: readonly Tensor[], args: readonly Tensor[]) {
    recorder.flush();
    const { steps } = recorder;
    const end = steps.length;
    this.#sources = sourcesOf(recorder, outputs, args);
    const captures = this.#sources.map((source): Capture => {
      const { target, output } = historyOf(source.leaf ?? args[source.index]);
      return { node: target as TapeNode, output, grad: null };
    });
    const roots = outputs.map((y, i): Root => {
      const { target, output } = historyOf(y);
      const grad = this.#incoming(recorder, y, i);
      return [target as TapeNode, output, () => grad];
    });
    new Engine({ retainGraph: true, createGraph: false, captures }).walk(roots);
    this.#results = captures.map(({ grad }) => {
      if (grad === null) return null;
      const { storage, shape, strides, offset } = grad;
      return { content: recorder.content(storage), layout: { shape, strides, offset } };
    });
    const walk = steps.splice(end);
    if (walk.some((step) => step.kind === "draw" || (step.kind === "run" && step.draw !== null))) {
      recorder.refuse("backward", "a recomputation draws random numbers (checkpoint); compile the whole step with its backward()");
    }
    const contents = this.#results.flatMap((result) => (result === null ? [] : [result.content]));
    this.kept = keptOf(steps, walk, contents);
    const loads = this.kept.map(
      (content, i): Step => ({ kind: "load", cell: this.#cell(outputs.length + i, content), slot: content.slot as Slot }),
    );
    this.#program = new Program({ steps: [...loads, ...walk], slots: recorder.slots, draws: [], guards: [], cells: new Map() }, contents);
  }

  /** The gradient that comes in for a result: zeros in the trace, where a replay reads the one that it is given. */
  #incoming(recorder: Recorder, y: Tensor, i: number): Tensor {
    const zero = recorder.paused(() => zeros(y.shape, { dtype: y.dtype, device: y.device }));
    recorder.follow(zero.storage, () => this.#inputs[i]);
    return zero;
  }

  #cell(at: number, { backend, dtype, shape }: Content): Cell {
    return { find: () => this.#inputs[at], backend, dtype, size: sizeOf(shape), moves: true };
  }

  /** Where gradients go at a call. */
  histories(args: readonly Tensor[]): History[] {
    return this.#sources.map(({ index, leaf }) => historyOf(leaf ?? args[index]));
  }

  /** The gradients of the sources from those of the results. */
  run(grads: readonly Tensor[], kept: readonly Value[]): (Tensor | null)[] {
    this.#inputs = [...grads.map((g) => new Storage(contiguousValue(g))), ...kept.map((value) => new Storage(value))];
    try {
      return this.#program.replay(() =>
        this.#results.map((result) => result && tensorOver(new Storage(this.#program.value(result.content)), result.layout)),
      );
    } finally {
      for (const storage of this.#inputs) storage.dispose();
      this.#inputs = [];
    }
  }

  /** Bytes of the memory that the program keeps. */
  get bytes(): number {
    return this.#program.bytes;
  }

  dispose(): void {
    this.#program.dispose();
  }
}

/** What the results depend on and gradients are asked of. */
function sourcesOf(recorder: Recorder, outputs: readonly Tensor[], args: readonly Tensor[]): Source[] {
  const sources: Source[] = args.flatMap((x, index) => (needsGrad(x) ? [{ index, leaf: null }] : []));
  const ends = new Set(sources.map(({ index }) => historyOf(args[index]).target));
  const seen = new Set<TapeNode>(outputs.map((y) => historyOf(y).target as TapeNode));
  // A set may grow while it is iterated.
  for (const node of seen) {
    if (ends.has(node)) continue;
    if (recorder.isOlder(node)) recorder.refuse("compile", OLDER);
    if (node instanceof AccumulateGrad && !recorder.ownsLeaf(node.variable)) {
      const leaf = node.variable;
      recorder.guard(() => () => leaf.trainable);
      sources.push({ index: -1, leaf });
    }
    for (const next of node.next) if (next !== null) seen.add(next);
  }
  return sources;
}

/** The buffers of a function that its gradient reads. */
function keptOf(steps: readonly Step[], walk: readonly Step[], results: readonly Content[]): Content[] {
  const own = new Set(walk.flatMap(makesOf));
  const wanted = new Set([...walk.flatMap(readsOf), ...results.map(({ slot }) => slot)].filter((slot) => slot !== null && !own.has(slot)));
  return steps.flatMap((step) =>
    makesOf(step).flatMap((slot, i): Content[] => {
      if (!wanted.has(slot)) return [];
      const backend = step.kind === "load" ? step.cell.backend : (step as Extract<Step, { kind: "run" }>).backend;
      return [{ backend, ...specOf(step, i), slot, constant: null }];
    }),
  );
}

function specOf(step: Step, i: number): Pick<Content, "shape" | "dtype"> {
  if (step.kind === "run" || step.kind === "host") return step.outputs[i];
  if (step.kind === "load") return { shape: [step.cell.size], dtype: step.cell.dtype };
  return (step as Extract<Step, { kind: "upload" }>).spec;
}

type Like = Pick<Content, "backend" | "shape" | "dtype">;

/** A replay of a compiled function on the tape. */
export class CompiledNode extends TapeNode {
  readonly name = "CompiledFunctionBackward";
  readonly #gradient: Gradient;
  readonly #outputs: readonly Like[];
  #kept: readonly Value[] | null;

  constructor(gradient: Gradient, histories: readonly History[], outputs: readonly Tensor[], kept: readonly Value[]) {
    super(
      histories.map(({ target }) => target),
      histories.map(({ output }) => output),
    );
    this.#gradient = gradient;
    this.#outputs = outputs.map(({ storage, shape, dtype }) => ({ backend: storage.backend, shape, dtype }));
    this.#kept = kept;
    for (const value of kept) value.retain();
  }

  override get outputs(): number {
    return this.#outputs.length;
  }

  run(grad: Gradients, walk: Walk): void {
    if (this.#kept === null) throw secondTime(this.name);
    if (walk.createGraph) {
      throw new NotSupportedError(
        "backward: gradients of a compiled function cannot be differentiated again; compile the function that takes them",
      );
    }
    const grads = (Array.isArray(grad) ? grad : [grad]).map((g, i) => g ?? absent(this.#outputs[i]));
    this.#gradient.run(grads, this.#kept).forEach((g, i) => {
      const target = this.next[i];
      if (g !== null && target !== null && walk.wants(target)) walk.send(target, this.slots?.[i] ?? 0, g);
    });
  }

  override release(): void {
    for (const value of this.#kept ?? []) value.release();
    this.#kept = null;
  }
}

function absent({ backend, shape, dtype }: Like): Tensor {
  return tensorOf(constantValue(backend, shape, dtype, 0));
}
