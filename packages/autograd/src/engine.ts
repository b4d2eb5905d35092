import { apply, formatShape, realiseAll, SconceError, Scope, type Storage, sameShape, type Tensor, tracer } from "@sconce/core";
import { NodeHeap } from "./heap.js";
import { escape, type History, ownCopy } from "./history.js";
import { mode } from "./mode.js";
import type { Gradients, NodeHook, TapeNode, Walk } from "./node.js";

/** Where a walk starts, with the gradient there. */
export type Root = readonly [node: TapeNode, output: number, grad: () => Tensor];

/** A gradient that the walk hands out instead of, or besides, adding it to `grad`. */
export interface Capture {
  readonly node: TapeNode;
  readonly output: number;
  /** What came, once the walk is over. */
  grad: Tensor | null;
}

export interface WalkOptions {
  /** Nodes keep what they hold for another walk. */
  readonly retainGraph: boolean;
  readonly createGraph: boolean;
  /** Where the walk ends; everywhere if null. */
  readonly captures: readonly Capture[] | null;
}

/** Walks the tape backward from some outputs and runs what it meets, freeing each gradient with its last reader. */
export class Engine implements Walk {
  readonly createGraph: boolean;
  readonly #retainGraph: boolean;
  readonly #captures: Map<TapeNode, Capture[]> | null;
  readonly #ready = new NodeHeap();
  /** What waits, for walks outside of this one, at nodes that this one reached. */
  readonly #outer: [TapeNode, Walk | null, Gradients | null][] = [];
  /** Readers of a gradient beyond the first. */
  readonly #readers = new Map<Storage, number>();
  readonly #filled: Tensor[] = [];
  #wanted: ReadonlySet<TapeNode> | null = null;
  /** What the walk makes and, inside it, what the running node makes; null if all of it may be needed again. */
  #scope: Scope | null = null;
  #inner: Scope | null = null;
  #roots: readonly Root[] = [];

  constructor({ retainGraph, createGraph, captures }: WalkOptions) {
    this.createGraph = createGraph;
    this.#retainGraph = retainGraph;
    this.#captures = captures === null ? null : group(captures);
  }

  wants(node: TapeNode): boolean {
    return this.#wanted === null || this.#wanted.has(node);
  }

  send(node: TapeNode, output: number, grad: Tensor): void {
    if (node.walk !== this) {
      if (node.walk !== null) this.#outer.push([node, node.walk, node.arrived]);
      node.walk = this;
      node.arrived = null;
      this.#ready.push(node);
    }
    if (node.outputs > 1) {
      const list = (node.arrived ??= new Array<Tensor | null>(node.outputs).fill(null)) as (Tensor | null)[];
      list[output] = this.#added(list[output], grad);
    } else node.arrived = this.#added(node.arrived as Tensor | null, grad);
  }

  /** Takes the gradients that wait at a node. */
  #take(node: TapeNode): Gradients {
    const { arrived } = node;
    node.walk = node.arrived = null;
    return arrived as Gradients;
  }

  #added(before: Tensor | null, grad: Tensor): Tensor {
    if (before === null) return this.#hold(grad);
    const sum = this.#hold(apply("add", [before, grad], null));
    this.#drop(before);
    return sum;
  }

  /** Counts a reader that waits for a gradient. */
  #hold(grad: Tensor): Tensor {
    const { storage } = grad;
    const scope = this.#scope;
    if (scope === null) return grad;
    // What the running node has made has no reader yet; what was there before this walk is not the walk's to free.
    if (storage.owner === scope) this.#readers.set(storage, (this.#readers.get(storage) ?? 0) + 1);
    else this.#inner?.release(storage);
    return grad;
  }

  #drop(grad: Tensor | null): void {
    if (this.#scope === null || grad === null) return;
    const { storage } = grad;
    if (storage.owner !== this.#scope) return;
    const others = this.#readers.size === 0 ? undefined : this.#readers.get(storage);
    if (others === undefined) grad.dispose();
    else if (others === 1) this.#readers.delete(storage);
    else this.#readers.set(storage, others - 1);
  }

  callUser<T>(fn: (...grads: (Tensor | null)[]) => T, grads: readonly (Tensor | null)[]): T {
    const scope = this.#scope;
    if (scope === null) return fn(...grads);
    for (const grad of grads) if (grad?.storage.owner === scope) scope.release(grad.storage);
    return scope.outside(() => fn(...grads));
  }

  accumulate(history: History, grad: Tensor): void {
    history.accumulate(grad, this.createGraph);
    this.#filled.push(history.grad as Tensor);
  }

  /** The walk that goes on now. */
  static running: Engine | null = null;

  /** The nodes that this walk runs or has run. */
  reached(): ReadonlySet<TapeNode> {
    return this.#wanted ?? behind(this.#roots);
  }

  /** Runs every node between the roots and the ends. */
  walk(roots: readonly Root[]): void {
    const before = mode.enabled;
    const outer = Engine.running;
    Engine.running = this;
    this.#roots = roots;
    mode.enabled = this.createGraph;
    this.#scope = this.createGraph ? null : new Scope(true);
    try {
      if (this.#captures !== null) this.#wanted = leadingTo(roots, this.#captures);
      for (const [node, output, grad] of roots) if (this.wants(node)) this.send(node, output, grad());
      for (let node = this.#ready.pop(); node !== undefined; node = this.#ready.pop()) this.#step(node);
      // A pending gradient would hold what the graph has let go of; a hook may have cleared it already.
      if (!this.createGraph) realiseAll(this.#filled.filter((grad) => !grad.isDisposed));
    } finally {
      mode.enabled = before;
      Engine.running = outer;
      // Left where an error has ended the walk.
      for (let node = this.#ready.pop(); node !== undefined; node = this.#ready.pop()) this.#take(node);
      for (const [node, walk, arrived] of this.#outer) Object.assign(node, { walk, arrived });
      this.#scope?.[Symbol.dispose]();
    }
  }

  #step(node: TapeNode): void {
    let grads = this.#take(node);
    const arrived = grads;
    if (node.hooks !== null) grads = runHooks(node, grads, this);
    if (node.retaining !== null) {
      for (const history of node.retaining) {
        const grad = gradientOf(grads, history.output);
        if (grad !== null) this.accumulate(history, grad);
      }
    }
    if (this.#capture(node, grads)) {
      this.#run(node, grads);
      if (tracer !== null) tracer.walked(node);
      if (!this.#retainGraph) node.release();
    }
    if (Array.isArray(arrived)) for (const grad of arrived) this.#drop(grad);
    else this.#drop(arrived);
  }

  /** Hands out what is asked for here; false if nothing beyond the node is. */
  #capture(node: TapeNode, grads: Gradients): boolean {
    const captures = this.#captures?.get(node);
    if (captures === undefined) return true;
    for (const capture of captures) {
      const grad = gradientOf(grads, capture.output);
      if (grad === null || this.#scope === null) capture.grad = grad;
      else this.#scope.release((capture.grad = ownCopy(grad)).storage);
    }
    return node.next.some((next) => next !== null && this.wants(next));
  }

  #run(node: TapeNode, grads: Gradients): void {
    this.#inner = this.#scope === null ? null : new Scope(true);
    try {
      if (node.own !== null) hookedRun(node, grads, this);
      else if (mode.anomaly) checkedRun(node, grads, this);
      else node.run(grads, this);
    } finally {
      this.#inner?.[Symbol.dispose]();
      this.#inner = null;
    }
  }
}

function gradientOf(grads: Gradients, output: number): Tensor | null {
  return Array.isArray(grads) ? grads[output] : grads;
}

function group(captures: readonly Capture[]): Map<TapeNode, Capture[]> {
  const byNode = new Map<TapeNode, Capture[]>();
  for (const capture of captures) {
    const list = byNode.get(capture.node);
    if (list === undefined) byNode.set(capture.node, [capture]);
    else list.push(capture);
  }
  return byNode;
}

/** The roots and all that they lead to. */
function behind(roots: readonly Root[]): Set<TapeNode> {
  const seen = new Set<TapeNode>(roots.map(([node]) => node));
  // A set may grow while it is iterated.
  for (const node of seen) for (const next of node.next) if (next !== null) seen.add(next);
  return seen;
}

/** The nodes on paths from the roots to the ends. */
function leadingTo(roots: readonly Root[], ends: ReadonlyMap<TapeNode, unknown>): ReadonlySet<TapeNode> {
  const seen = behind(roots);
  const wanted = new Set<TapeNode>();
  // A node leads to older ones only.
  for (const node of [...seen].sort((a, b) => a.sequence - b.sequence)) {
    if (ends.has(node) || node.next.some((next) => next !== null && wanted.has(next))) wanted.add(node);
  }
  return wanted;
}

function runHooks(node: TapeNode, grads: Gradients, walk: Walk): Gradients {
  let result = grads;
  for (const { output, fn } of [...(node.hooks as NonNullable<TapeNode["hooks"]>)]) {
    const grad = gradientOf(result, output);
    if (grad === null) continue;
    const changed = walk.callUser(fn as (grad: Tensor | null) => ReturnType<typeof fn>, [grad]);
    if (changed === null || changed === undefined) continue;
    checkGradient(changed, grad, "registerHook: the hook");
    if (Array.isArray(result)) (result = [...result])[output] = changed;
    else result = changed;
  }
  return result;
}

/** @throws SconceError unless a gradient that a user's function gave has the shape, dtype and device of what it stands for. */
export function checkGradient(grad: Tensor, like: Pick<Tensor, "shape" | "dtype" | "device">, who: string): void {
  if (!sameShape(grad.shape, like.shape)) {
    throw new SconceError(
      `${who} returned an invalid gradient - got ${formatShape(grad.shape)} but expected shape compatible with ${formatShape(like.shape)}`,
      { op: "backward", shapes: [grad.shape, like.shape] },
    );
  }
  if (grad.dtype !== like.dtype || grad.device !== like.device) {
    throw new SconceError(`${who} returned a gradient of ${grad.dtype} on ${grad.device}, expected ${like.dtype} on ${like.device}`, {
      op: "backward",
      dtypes: [grad.dtype, like.dtype],
    });
  }
}

/** Runs a node with the hooks on itself. */
function hookedRun(node: TapeNode, grads: Gradients, engine: Engine): void {
  const { before, after } = node.own as NonNullable<TapeNode["own"]>;
  let outputs: (Tensor | null)[] = Array.isArray(grads) ? grads : [grads];
  for (const fn of [...before])
    outputs = replaced(
      outputs,
      engine.callUser((...given) => fn(given), outputs),
      "registerPrehook",
    );
  let inputs: (Tensor | null)[] = node.next.map(() => null);
  const collect = relay(engine, (target, output, grad) => {
    inputs[node.next.findIndex((next, i) => next === target && (node.slots?.[i] ?? 0) === output && inputs[i] === null)] = grad;
  });
  const given = Array.isArray(grads) ? outputs : (outputs[0] as Tensor);
  if (mode.anomaly) checkedRun(node, given, collect);
  else node.run(given, collect);
  for (const fn of [...after]) {
    // The user may keep what would go with the node.
    for (const grad of inputs) if (grad !== null) escape(grad);
    inputs = replaced(
      inputs,
      engine.callUser(() => fn(inputs, outputs), outputs),
      "registerHook",
    );
  }
  inputs.forEach((grad, i) => {
    const target = node.next[i];
    if (target !== null && grad !== null) engine.send(target, node.slots?.[i] ?? 0, grad);
  });
}

/** What a hook on a node put in the place of gradients. */
function replaced(grads: (Tensor | null)[], result: ReturnType<NodeHook>, op: string): (Tensor | null)[] {
  if (result === null || result === undefined) return grads;
  const list = [...result];
  if (list.length !== grads.length) {
    throw new SconceError(`${op}: expected the hook to return ${grads.length} gradients, got ${list.length}`);
  }
  list.forEach((grad, i) => {
    const like = grads[i];
    if (grad !== null && like !== null) checkGradient(grad, like, `${op}: the hook`);
  });
  return list;
}

/** Runs a node and looks for NaN in what it sends on. */
function checkedRun(node: TapeNode, grads: Gradients, engine: Walk): void {
  const watch = relay(engine, (target, output, grad) => {
    if (hasNaN(grad)) throw nanError(node, node.next.indexOf(target));
    engine.send(target, output, grad);
  });
  node.run(grads, watch);
}

/** A walk that sends gradients another way. */
function relay(walk: Walk, send: Walk["send"]): Walk {
  return {
    createGraph: walk.createGraph,
    callUser: (fn, given) => walk.callUser(fn, given),
    accumulate: (history, grad) => walk.accumulate(history, grad),
    wants: (target) => walk.wants(target),
    send,
  };
}

function hasNaN(x: Tensor): boolean {
  return x.detach().isnan().any().itemSync() !== 0;
}

function nanError(node: TapeNode, input: number): SconceError {
  const made = node.stack === undefined ? "" : `\nThe forward call that made it:\n${node.stack}`;
  return new SconceError(`backward: Function '${node.name}' returned nan values in its ${input}th output.${made}`);
}
