import { NotSupportedError, type Tensor } from "@sconce/core";
import type { History } from "./history.js";

/** A step of the recorded computation, as `tensor.gradFn` shows it. */
export interface Node {
  /** PyTorch's name, such as `AddmmBackward0`. */
  readonly name: string;
  /** For each input the node that made it and which of its outputs it is; null for an input that needs no gradient. */
  readonly nextFunctions: readonly (readonly [node: Node | null, output: number])[];
  /** The leaf, for `AccumulateGrad`. */
  readonly variable?: Tensor;
  /** Free for the user. */
  readonly metadata: { [key: string]: unknown };
  /**
   * Calls `fn` after the node has run, with the gradients of its inputs (null where there is none) and those of its outputs; what it
   * returns takes the place of the former.
   * @throws NotSupportedError for a node that stands for several.
   */
  registerHook(fn: NodeHook): HookHandle;
  /** Calls `fn` before the node runs, with the gradients of its outputs; what it returns takes their place. */
  registerPrehook(fn: NodePrehook): HookHandle;
  /** The text that is printed. */
  toString(): string;
}

/** Takes a hook away again. */
export interface HookHandle extends Disposable {
  /** Ends it; again does nothing. */
  remove(): void;
}

type GradientList = readonly (Tensor | null)[];

/** A function that sees what a node made of gradients. */
// biome-ignore lint/suspicious/noConfusingVoidType: a hook may return nothing
export type NodeHook = (gradInputs: GradientList, gradOutputs: GradientList) => GradientList | null | undefined | void;

/** A function that sees the gradients that reach a node. */
// biome-ignore lint/suspicious/noConfusingVoidType: a hook may return nothing
export type NodePrehook = (gradOutputs: GradientList) => GradientList | null | undefined | void;

interface Additions {
  readonly before: NodePrehook[];
  readonly after: NodeHook[];
  readonly metadata: { [key: string]: unknown };
}

/** Adds to a list from which an entry can be taken away again. */
export function handleOf<T>(list: T[], entry: T): HookHandle {
  list.push(entry);
  /** Ends it; again does nothing. */
  const remove = (): void => {
    const at = list.indexOf(entry);
    if (at >= 0) list.splice(at, 1);
  };
  return { remove, [Symbol.dispose]: remove };
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
  /** What users added to the node itself: hooks before and after it runs, and notes. */
  own: Additions | null = null;
  /** Tensors that keep the gradient of an output. */
  retaining: History[] | null = null;
  /** Where it was made, in anomaly mode. */
  stack: string | undefined = undefined;
  /** The walk that gradients wait for here to go on, and those gradients. */
  walk: Walk | null = null;
  arrived: Gradients | null = null;

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

  get #additions(): Additions {
    this.own ??= { before: [], after: [], metadata: {} };
    return this.own;
  }

  get metadata(): { [key: string]: unknown } {
    return this.#additions.metadata;
  }

  registerHook(fn: NodeHook): HookHandle {
    return handleOf(this.#additions.after, fn);
  }

  registerPrehook(fn: NodePrehook): HookHandle {
    return handleOf(this.#additions.before, fn);
  }

  get nextFunctions(): readonly (readonly [Node | null, number])[] {
    return this.next.flatMap((node, i) => (this.shows(i) ? [shownEdge(node, this.slots === null ? 0 : this.slots[i])] : []));
  }

  /** False for an input that PyTorch does not count as one, such as an index. */
  protected shows(_input: number): boolean {
    return true;
  }

  /** The text that is printed. */
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
  readonly metadata: { [key: string]: unknown } = {};
  readonly #end: TapeNode;
  readonly #next: readonly (TapeNode | null)[];
  readonly #slots: readonly number[];

  constructor(name: string, end: TapeNode, next: readonly (TapeNode | null)[], slots: readonly number[]) {
    this.name = name;
    this.#end = end;
    this.#next = next;
    this.#slots = slots;
  }

  get nextFunctions(): readonly (readonly [Node | null, number])[] {
    return this.#next.map((node, i) => shownEdge(node, this.#slots[i]));
  }

  registerHook(_fn: NodeHook): HookHandle {
    throw new NotSupportedError(
      `registerHook: ${this.name} stands for several steps here; use registerPrehook, or registerHook of the tensors that go in`,
    );
  }

  registerPrehook(fn: NodePrehook): HookHandle {
    return this.#end.registerPrehook(fn);
  }

  /** The text that is printed. */
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

  /** Hooks that run after the gradient was added. */
  after: ((leaf: Tensor) => void)[] | null = null;

  run(grad: Gradients, walk: Walk): void {
    if (!this.variable.trainable) return;
    walk.accumulate(this.#history, grad as Tensor);
    if (this.after !== null) for (const fn of [...this.after]) walk.callUser(() => fn(this.variable), []);
  }
}
