import type { Tensor } from "@sconce/core";
import type { History } from "./history.js";

/** A step of the recorded computation, as `tensor.gradFn` shows it. */
export interface Node {
  /** PyTorch's name, such as `AddmmBackward0`. */
  readonly name: string;
  /** For each input the node that made it and which of its outputs it is; null for an input that needs no gradient. */
  readonly nextFunctions: readonly (readonly [node: Node | null, output: number])[];
  /** The leaf, for `AccumulateGrad`. */
  readonly variable?: Tensor;
  toString(): string;
}

/** A function that sees a gradient on its way, and may replace it. */
// biome-ignore lint/suspicious/noConfusingVoidType: a hook may return nothing
export type GradHook = (grad: Tensor) => Tensor | null | undefined | void;

/** A hook on one output of a node. */
export interface HookEntry {
  readonly output: number;
  readonly fn: GradHook;
}

/** The gradient of a node's only output, or those of all of them. */
export type Gradients = Tensor | (Tensor | null)[];

/** What a node needs of the walk that runs it. */
export interface Walk {
  /** True if the gradient of what `node` made is asked for. */
  wants(node: TapeNode): boolean;
  /** Hands a gradient to the output of a node. */
  send(node: TapeNode, output: number, grad: Tensor): void;
  /** Gradients are recorded themselves. */
  readonly createGraph: boolean;
  /** Adds to the `grad` of a tensor. */
  accumulate(history: History, grad: Tensor): void;
  /** Runs a user's function, whose tensors and arguments may outlive the walk. */
  callUser<T>(fn: (...grads: (Tensor | null)[]) => T, grads: readonly (Tensor | null)[]): T;
}

/** Lets `console.log` in Node print the text. */
function printAsText(prototype: Node): void {
  Object.defineProperty(prototype, Symbol.for("nodejs.util.inspect.custom"), { value: prototype.toString });
}

let sequence = 0;

/** Nodes made so far: a node made later has a larger number. */
export function nodesMade(): number {
  return sequence;
}

/** A node that backward runs. Nodes are made after those that they lead to, so running in falling order of `sequence` is right. */
export abstract class TapeNode implements Node {
  readonly sequence: number = sequence++;
  readonly next: readonly (TapeNode | null)[];
  /** Which output of `next[i]` input i is; null where all are the first. */
  readonly slots: readonly number[] | null;
  /** The composition that this node gives the result of. */
  group: Group | null = null;
  groupOutput = 0;
  hooks: HookEntry[] | null = null;
  /** Tensors that keep the gradient of an output. */
  retaining: History[] | null = null;
  /** Where it was made, in anomaly mode. */
  stack: string | undefined = undefined;

  constructor(next: readonly (TapeNode | null)[], slots: readonly number[] | null) {
    this.next = next;
    this.slots = slots;
  }

  abstract readonly name: string;

  /** Number of outputs; more than one only where their gradients come as a list. */
  get outputs(): number {
    return 1;
  }

  /** Computes and sends on the gradients of the inputs. */
  abstract run(grad: Gradients, walk: Walk): void;

  /** Lets go of what was kept for `run`. */
  release(): void {}

  get nextFunctions(): readonly (readonly [Node | null, number])[] {
    return this.next.flatMap((node, i) => (this.shows(i) ? [shownEdge(node, this.slots === null ? 0 : this.slots[i])] : []));
  }

  /** False for an input that PyTorch does not count as one, such as an index. */
  protected shows(_input: number): boolean {
    return true;
  }

  toString(): string {
    return `<${this.name} object>`;
  }

  static {
    printAsText(TapeNode.prototype);
  }
}

/** The node that users see for a node: the composition it ends. */
export function shown(node: TapeNode): Node {
  return node.group ?? node;
}

function shownEdge(node: TapeNode | null, slot: number): readonly [Node | null, number] {
  if (node === null) return [null, 0];
  return node.group === null ? [node, slot] : [node.group, node.groupOutput];
}

/** Several nodes shown as one, with the edges that leave them. */
export class Group implements Node {
  readonly name: string;
  readonly #next: readonly (TapeNode | null)[];
  readonly #slots: readonly number[];

  constructor(name: string, next: readonly (TapeNode | null)[], slots: readonly number[]) {
    this.name = name;
    this.#next = next;
    this.#slots = slots;
  }

  get nextFunctions(): readonly (readonly [Node | null, number])[] {
    return this.#next.map((node, i) => shownEdge(node, this.#slots[i]));
  }

  toString(): string {
    return `<${this.name} object>`;
  }

  static {
    printAsText(Group.prototype);
  }
}

/** The end of the tape at a leaf: adds to its `grad`. */
export class AccumulateGrad extends TapeNode {
  readonly name = "AccumulateGrad";
  readonly variable: Tensor;
  readonly #history: History;

  constructor(history: History) {
    super([], null);
    this.#history = history;
    this.variable = history.tensor;
  }

  run(grad: Gradients, walk: Walk): void {
    if (this.variable.trainable) walk.accumulate(this.#history, grad as Tensor);
  }
}
