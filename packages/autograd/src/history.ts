import {
  apply,
  contiguousValue,
  currentScope,
  isContiguous,
  type Layout,
  mutate,
  realiseAll,
  rowMajor,
  type Shape,
  type Storage,
  sameShape,
  type Tensor,
  tensorOf,
  tensorOver,
  tracer,
} from "@sconce/core";
import { mode } from "./mode.js";
import { AccumulateGrad, type Gradients, TapeNode, type Walk } from "./node.js";
import { spread } from "./rules/help.js";

/**
 * What autograd knows about one tensor, kept in its `slot`. Tensors that share memory by views belong to one family, whose root stands
 * for all of the memory: a write through one of them changes the root's history, and the others, now behind its version, take theirs anew
 * from it.
 */
export class History {
  readonly tensor: Tensor;
  readonly root: History;
  /** For a root: the memory as a row-major array. */
  readonly shape: Shape;
  /** The node that made the tensor, null for a leaf; `output` says which of its results. */
  node: TapeNode | null = null;
  output = 0;
  grad: Tensor | null = null;
  /** Keeps `grad` though it is no leaf. */
  retains = false;
  /** For a root: number of recorded writes. For a view: the root's number when its node was set. */
  version = 0;
  /** Why a write through this view cannot be recorded. */
  refusal: string | null = null;
  #accumulator: AccumulateGrad | null = null;
  /** Backward, not the user, made `grad`. */
  #made = false;
  /** Somebody outside may hold `grad`. */
  #shown = false;

  constructor(tensor: Tensor, root: History | null = null) {
    this.tensor = tensor;
    this.shape = tensor.shape;
    this.root = root ?? this;
    if (root !== null) this.version = root.version;
  }

  /** The node that gradients of the tensor go to; null if it needs none. */
  get target(): TapeNode | null {
    if (this.node !== null) return this.node;
    return this.tensor.trainable ? this.accumulator : null;
  }

  /** The end of the tape at this leaf. */
  get accumulator(): AccumulateGrad {
    this.#accumulator ??= new AccumulateGrad(this);
    return this.#accumulator;
  }

  /** Takes the node from the root if the root was written to. */
  refresh(): this {
    const { root } = this;
    if (this.version !== root.version) {
      this.version = root.version;
      if (root.node !== null) {
        this.tensor.trainable = false;
        if (isWholeOf(root, this.tensor)) this.setNode(root.node, root.output);
        else this.setNode(new ViewNode(root, this.tensor), 0);
      }
    }
    return this;
  }

  /** Makes the tensor the result of a node. */
  setNode(node: TapeNode | null, output: number): void {
    if (this.retains) {
      const before = this.node?.retaining;
      if (before) (this.node as TapeNode).retaining = before.filter((other) => other !== this);
      if (node !== null) (node.retaining ??= []).push(this);
    }
    this.node = node;
    this.output = output;
  }

  /** `grad`, which the caller may keep. */
  showGrad(): Tensor | null {
    this.#shown = true;
    return tracer === null ? this.grad : this.tracedGrad();
  }

  /** `grad`, which is another tensor at each replay of the function that reads it. */
  tracedGrad(): Tensor | null {
    const { grad } = this;
    if (grad !== null && tracer?.owns(grad.storage) === false) {
      const x = tracer.current(this.tensor);
      tracer.follow(grad.storage, () => historyOf(x()).grad?.storage);
    }
    return grad;
  }

  /**
   * Replaces `grad`. What backward had put there is freed at once if nobody was shown it, else it belongs to the open scope: in a
   * synchronous loop nothing else would free it.
   */
  replaceGrad(grad: Tensor | null): void {
    const before = this.grad;
    if (before !== null && before !== grad && this.#made) {
      if (!this.#shown) before.dispose();
      else if (before.storage.owner === null) currentScope()?.add(before.storage);
    }
    this.#made = false;
    this.#shown = false;
    this.grad = grad;
  }

  /** Adds to `grad`. A trace leaves that to each replay, which may find another one there. */
  accumulate(grad: Tensor, recorded: boolean): void {
    if (tracer === null || tracer.ownsLeaf(this.tensor)) {
      this.#add(grad, recorded);
      return;
    }
    if (recorded) tracer.refuse("backward", "gradients that are recorded (createGraph) cannot be added to `grad`: take them with grad()");
    const leaf = tracer.current(this.tensor);
    tracer.guard(() => {
      const { hooks } = this.accumulator;
      return () => leaf().trainable && historyOf(leaf()).accumulator.hooks === hooks;
    });
    const add = (own: Tensor): void => {
      const history = historyOf(leaf());
      history.#add(own, false);
      own.dispose();
      realiseAll([history.grad as Tensor]);
    };
    tracer.hand(ownCopy(grad), add, () => historyOf(leaf()).grad?.storage);
  }

  #add(grad: Tensor, recorded: boolean): void {
    const { grad: before } = this;
    if (before === null) this.#made = true;
    if (recorded) this.#shown = true;
    if (recorded) this.grad = before === null ? grad.clone() : before.add(grad);
    else if (before === null) this.grad = ownCopy(grad);
    else mutate(before, apply("add", [before, grad], null));
    escape(this.grad as Tensor);
  }
}

function isWholeOf(root: History, { shape, strides, offset }: Layout): boolean {
  return offset === 0 && sameShape(shape, root.shape) && isContiguous(shape, strides);
}

/** The node of a view after its family was written to: reads from the root. */
class ViewNode extends TapeNode {
  readonly name = "AsStridedBackward0";
  readonly #shape: Shape;
  readonly #layout: Layout;

  constructor(root: History, { shape, strides, offset }: Layout) {
    super([root.target], root.output === 0 ? null : [root.output]);
    this.#shape = root.shape;
    this.#layout = { shape, strides, offset };
  }

  run(grad: Gradients, walk: Walk): void {
    walk.send(this.next[0] as TapeNode, this.slots?.[0] ?? 0, spread(grad as Tensor, this.#shape, this.#layout));
  }
}

/** A tensor with the same content in memory of its own: copied only once one of them is written. */
export function ownCopy(x: Tensor): Tensor {
  if (x.wrapped !== null) return x.clone();
  const copy = tensorOf(contiguousValue(x));
  return sameShape(copy.shape, x.shape) ? copy : tensorOver(copy.storage, rowMajor(x.shape));
}

/** Keeps a tensor past the end of the scope that made it. */
export function escape(x: Tensor): void {
  x.storage.owner?.remove(x.storage);
}

/** What is known about a tensor, up to date, or undefined. */
export function knownHistory(x: Tensor): History | undefined {
  if (x.slot === undefined && x.storage.slot === undefined) return undefined;
  return historyOf(x);
}

/** What is known about a tensor, up to date; starts empty. */
export function historyOf(x: Tensor): History {
  let history = x.slot as History | undefined;
  if (history === undefined) history = join(x);
  else if (history.tensor !== x) history = adopt(x, history);
  return history.refresh();
}

/** An in-place view op gave `x` the layout of a view, whose history it takes. */
function adopt(x: Tensor, { root, node, output, version, refusal }: History): History {
  const history = new History(x, root);
  history.setNode(node, output);
  history.version = version;
  history.refusal = refusal;
  x.slot = history;
  return history;
}

/** Gives a tensor that stands for a kept one its place on the tape. */
export function attach(x: Tensor, node: TapeNode, output: number): void {
  const history = new History(x);
  history.setNode(node, output);
  x.slot = history;
}

/** Makes a tensor without a history of its own a member of its storage's family. */
function join(x: Tensor): History {
  const family = x.storage.slot as History | undefined;
  const history = new History(x, family ?? (coversMemory(x) ? null : wholeOf(x.storage)));
  // It has been there from the start, whenever it is first asked about.
  history.version = 0;
  x.slot = history;
  x.storage.slot ??= history.root;
  return history;
}

function coversMemory({ storage, shape, strides, offset }: Tensor): boolean {
  return offset === 0 && sameShape(shape, storage.shape) && isContiguous(shape, strides);
}

/** A root that is no tensor of the user's. */
function wholeOf(storage: Storage): History {
  return new History(tensorOver(storage, rowMajor(storage.shape)));
}

/** Starts a new family over the same memory: what is written to one is not seen by the history of the other. */
export function startFamily(x: Tensor): History {
  const history = new History(x, coversMemory(x) ? null : wholeOf(x.storage));
  x.slot = history;
  return history;
}

/** True if gradients of a tensor are asked for. */
export function needsGrad(x: Tensor): boolean {
  if (x.trainable) return true;
  return x.slot === undefined && x.storage.slot === undefined ? false : historyOf(x).node !== null;
}

/** The history of an op's result: of a new family, or of its input's for a view. Recording is on. */
export function resultHistory(out: Tensor, input: Tensor | undefined): History {
  const isView = input !== undefined && out.storage === input.storage;
  const history = new History(out, isView ? historyOf(input).root : null);
  out.slot = history;
  if (!isView) out.storage.slot = history;
  return history;
}

const NO_GRAD_VIEW =
  "A view was created in noGrad mode and is being modified inplace with grad mode enabled; do both inside the noGrad block, or both outside " +
  "to have the change tracked.";

/** Notes that a view made without recording belongs to its input's family. */
export function followView(out: Tensor, input: Tensor): void {
  const history = resultHistory(out, input);
  if (!mode.enabled) history.refusal = NO_GRAD_VIEW;
}
