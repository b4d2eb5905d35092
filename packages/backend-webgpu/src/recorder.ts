/**
 * Calls of kernels that are recorded: what a kernel asks the machine for depends on layouts and attributes alone, so that the next call
 * with the same ones only fills in buffers and numbers.
 *
 * @module
 */
import type { View } from "@sconce/core";
import { kindOf, type NumberList } from "@sconce/core/shader";
import type { Params } from "./params.js";
import type { Block } from "./pool.js";
import type { Launch, Queue } from "./queue.js";

/** A buffer of a call: an input, by number, or one that it makes, counted down from -1. */
type Ref = number;

interface Dispatch {
  readonly kind: "dispatch";
  readonly launch: Launch;
  readonly refs: readonly Ref[];
  /** The parameters behind header and numbers; null where they lie on the device. */
  readonly words: Int32Array | null;
}

interface Make {
  readonly kind: "make";
  readonly ref: Ref;
  readonly bytes: number;
  readonly shape: readonly number[];
  /** What the last call got: where each gets the same again, so do the bind groups. */
  block: Block;
}

type Step = Dispatch | Make | { readonly kind: "free"; readonly ref: Ref };

/** Dispatches of a call whose parameters may stay on the device; long calls, such as those of recurrent layers, upload the others. */
const MOST_CONSTANT = 64;

/** Hears what a kernel asks for. */
export class Recorder {
  readonly #steps: Step[] = [];
  readonly #refs = new Map<Block, Ref>();
  readonly #numbers: NumberList;
  #made = 0;
  #dispatches = 0;

  /** The parameters of the first dispatch begin with the numbers, which differ from call to call. */
  constructor(inputs: readonly View[], numbers: NumberList) {
    this.#numbers = numbers;
    inputs.forEach(({ handle }, i) => {
      if (!this.#refs.has(handle as Block)) this.#refs.set(handle as Block, i);
    });
  }

  made(block: Block, shape: readonly number[]): void {
    const ref = -++this.#made;
    this.#refs.set(block, ref);
    this.#steps.push({ kind: "make", ref, bytes: block.bytes, shape: [...shape], block });
  }

  freed(block: Block): void {
    this.#steps.push({ kind: "free", ref: this.#refOf(block) });
  }

  /** True if the parameters of the next dispatch are the same in every call. */
  get isConstant(): boolean {
    return this.#dispatches < MOST_CONSTANT && (this.#dispatches > 0 || this.#numbers.length === 0);
  }

  /** `words` are the parameters behind the header, unless they lie on the device. */
  dispatched(launch: Launch, words: Int32Array | null): void {
    const refs = launch.blocks.map((block) => this.#refOf(block));
    const numbers = this.#dispatches++ === 0 ? this.#numbers.length : 0;
    this.#steps.push({ kind: "dispatch", launch, refs, words: words === null ? null : words.slice(numbers) });
  }

  #refOf(block: Block): Ref {
    const ref = this.#refs.get(block);
    if (ref === undefined) throw new Error("internal: a kernel uses a buffer that it neither was given nor made");
    return ref;
  }

  /** The call of the kernel that returned `results`. */
  end(results: readonly Block[]): RecordedCall {
    const refs = results.map((block) => this.#refOf(block));
    return new RecordedCall(this.#steps, refs, this.#made, this.#dispatches === 0 ? [] : this.#numbers);
  }
}

/** The work of a kernel for some layouts and attributes. */
export class RecordedCall {
  readonly #steps: readonly Step[];
  readonly #results: readonly Ref[];
  /** The buffers that the running call has made. */
  readonly #made: Block[];
  readonly #numbers: readonly { readonly index: number; readonly isFloat: boolean }[];

  constructor(steps: readonly Step[], results: readonly Ref[], made: number, numbers: NumberList) {
    this.#steps = steps;
    this.#results = results;
    this.#made = new Array<Block>(made);
    this.#numbers = numbers.map(([index, dtype]) => ({ index, isFloat: kindOf(dtype) === "float" }));
  }

  /** Does the work for other buffers and numbers. */
  run(queue: Queue, inputs: readonly View[], numbers: readonly (number | bigint)[] | undefined): readonly Block[] {
    const { pool } = queue;
    const steps = this.#steps;
    let isFirst = true;
    for (let i = 0; i < steps.length; i++) {
      const step = steps[i];
      if (step.kind === "make") {
        const { block, bytes, shape } = step;
        this.#made[-1 - step.ref] = step.block = block.place >= 0 ? pool.retake(block) : pool.takeOf(bytes, undefined, shape);
      } else if (step.kind === "free") pool.give(this.#blockOf(step.ref, inputs));
      else {
        this.#bind(step, inputs);
        if (step.words !== null) this.#write(queue, step, isFirst ? numbers : undefined);
        isFirst = false;
        queue.launch(step.launch);
      }
    }
    const results = new Array<Block>(this.#results.length);
    for (let i = 0; i < results.length; i++) {
      const ref = this.#results[i];
      results[i] = this.#blockOf(ref, inputs);
      // What was uploaded is written over.
      if (ref >= 0) results[i].indices = null;
    }
    return results;
  }

  #blockOf(ref: Ref, inputs: readonly View[]): Block {
    return ref < 0 ? this.#made[-1 - ref] : (inputs[ref].handle as Block);
  }

  #bind({ launch, refs }: Dispatch, inputs: readonly View[]): void {
    const { blocks } = launch;
    for (let i = 0; i < refs.length; i++) {
      const block = this.#blockOf(refs[i], inputs);
      if (blocks[i] === block) continue;
      blocks[i] = block;
      launch.group = null;
    }
  }

  #write(queue: Queue, { launch, words }: Dispatch, numbers: readonly (number | bigint)[] | undefined): void {
    const params = queue.params();
    if (numbers !== undefined) this.#writeNumbers(params, numbers);
    params.append(words as Int32Array).header(launch.size, launch.row);
  }

  #writeNumbers(params: Params, numbers: readonly (number | bigint)[]): void {
    for (const { index, isFloat } of this.#numbers) {
      const value = Number(numbers[index]);
      if (isFloat) params.float(value);
      else params.int(value);
    }
  }
}
