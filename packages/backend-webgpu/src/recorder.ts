/**
 * Calls of kernels that are recorded: what a kernel asks the machine for depends on layouts and attributes alone, so that the next call
 * with the same ones only fills in buffers and numbers.
 *
 * @module
 */
import type { View } from "@sconce/core";
import { kindOf, type NumberList } from "@sconce/core/shader";
import type { Machine } from "./machine.js";
import type { Params } from "./params.js";
import type { Program } from "./pipelines.js";
import type { Block } from "./pool.js";

/** A buffer of a call: an input, by number, or one that it makes, counted down from -1. */
type Ref = number;

/** What a dispatch has besides buffers. */
interface Command {
  readonly program: Program;
  /** The parameters behind the header. */
  readonly words: Int32Array;
  readonly workgroups: number;
  readonly size: number;
}

interface Dispatch extends Command {
  readonly kind: "dispatch";
  readonly refs: readonly Ref[];
  /** The buffers of the last call. */
  readonly blocks: Block[];
  /** Their bind group, and the age of the bind groups that it is of. */
  group: object | null;
  age: number;
}

type Step =
  | Dispatch
  | { readonly kind: "make"; readonly ref: Ref; readonly bytes: number; readonly shape: readonly number[] }
  | { readonly kind: "free"; readonly ref: Ref };

/** Hears what a kernel asks for. */
export class Recorder {
  readonly #steps: Step[] = [];
  readonly #refs = new Map<Block, Ref>();
  #made = 0;

  constructor(inputs: readonly View[]) {
    inputs.forEach(({ handle }, i) => {
      if (!this.#refs.has(handle as Block)) this.#refs.set(handle as Block, i);
    });
  }

  made(block: Block, shape: readonly number[]): void {
    const ref = -++this.#made;
    this.#refs.set(block, ref);
    this.#steps.push({ kind: "make", ref, bytes: block.bytes, shape: [...shape] });
  }

  freed(block: Block): void {
    this.#steps.push({ kind: "free", ref: this.#refOf(block) });
  }

  dispatched(command: Command, blocks: readonly Block[]): void {
    const refs = blocks.map((block) => this.#refOf(block));
    this.#steps.push({ kind: "dispatch", ...command, refs, blocks: [...blocks], group: null, age: 0 });
  }

  #refOf(block: Block): Ref {
    const ref = this.#refs.get(block);
    if (ref === undefined) throw new Error("internal: a kernel uses a buffer that it neither was given nor made");
    return ref;
  }

  /** The call of the kernel that returned `results`. The parameters of its first dispatch begin with the numbers, which change. */
  end(results: readonly Block[], numbers: NumberList): RecordedCall {
    const steps = this.#steps;
    const first = steps.findIndex(({ kind }) => kind === "dispatch");
    const head = steps[first];
    if (head?.kind === "dispatch") steps[first] = { ...head, words: head.words.slice(numbers.length) };
    const refs = results.map((block) => this.#refOf(block));
    return new RecordedCall(steps, refs, this.#made, first < 0 ? [] : numbers);
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
  run(machine: Machine, inputs: readonly View[], numbers: readonly (number | bigint)[] | undefined): readonly Block[] {
    const { pool } = machine.queue;
    const made = this.#made;
    let isFirst = true;
    for (const step of this.#steps) {
      if (step.kind === "make") made[-1 - step.ref] = pool.takeOf(step.bytes, undefined, step.shape);
      else if (step.kind === "free") pool.give(this.#blockOf(step.ref, inputs));
      else {
        const params = machine.params();
        if (isFirst && numbers !== undefined) this.#write(params, numbers);
        isFirst = false;
        this.#dispatch(machine, step, params, inputs);
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

  #write(params: Params, numbers: readonly (number | bigint)[]): void {
    for (const { index, isFloat } of this.#numbers) {
      const value = Number(numbers[index]);
      if (isFloat) params.float(value);
      else params.int(value);
    }
  }

  #dispatch({ queue }: Machine, step: Dispatch, params: Params, inputs: readonly View[]): void {
    const { blocks, refs, program } = step;
    const { pipelines } = queue;
    params.append(step.words);
    let same = step.age === pipelines.age && step.group !== null;
    for (let i = 0; i < refs.length; i++) {
      const block = this.#blockOf(refs[i], inputs);
      if (blocks[i] === block) continue;
      blocks[i] = block;
      same = false;
    }
    if (!same) {
      step.group = pipelines.groupOf(program, blocks);
      step.age = pipelines.age;
    }
    queue.dispatch(program, blocks, step.workgroups, step.size, step.group);
  }
}
