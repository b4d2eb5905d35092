import { apply, constantValue, DTypeError, SconceError, type Tensor, tensorOf } from "@sconce/core";
import { type Capture, Engine, type Root } from "../engine.js";
import { enableGrad, isGradEnabled } from "../grad-mode.js";
import { historyOf, needsGrad } from "../history.js";
import { AccumulateGrad, type TapeNode } from "../node.js";
import { type Level, levels, lower, raise } from "./batched.js";
import { flatten, type Tree } from "./tree.js";

/** A tensor and its place on the tape, null if it has none. */
interface Point {
  readonly tensor: Tensor;
  readonly node: TapeNode | null;
  readonly output: number;
}

/** The tape of a function between its inputs and its results. */
export interface Recording<R> {
  /** What the function returned. */
  readonly result: Tree<R>;
  /** The running `vmap`s, which are leading dimensions of what is on the tape. */
  readonly at: readonly Level[];
  readonly inputs: readonly Point[];
  /** The tensors of the result. */
  readonly outputs: readonly Point[];
  /** The result depends on tensors outside whose gradients are asked for. */
  readonly outer: boolean;
}

function pointOf(tensor: Tensor): Point {
  if (!needsGrad(tensor)) return { tensor, node: null, output: 0 };
  const { target, output } = historyOf(tensor);
  return { tensor, node: target, output };
}

/** Runs a function of tensors on fresh places of the tape: the tensors that it was given are not changed. */
export function record<R>(op: string, inputs: readonly Tensor[], fn: (inputs: readonly Tensor[]) => R): Recording<R> {
  const at = [...levels()];
  const outerMode = isGradEnabled();
  return enableGrad(() => {
    const starts = inputs.map((x) => pointOf(start(op, lower(x, at), outerMode)));
    const result = flatten(fn(starts.map(({ tensor }) => raise(tensor, at))));
    const outputs = result.leaves.map((y) => pointOf(lower(y, at)));
    // From here on only this recording knows the leaves.
    for (const { tensor } of starts) tensor.markTrainable(false);
    return { result, at, inputs: starts, outputs, outer: outerMode && reachesLeaf(outputs) };
  });
}

/** A place of its own on the tape: behind that of the tensor where gradients of it are asked for outside. */
function start(op: string, x: Tensor, outer: boolean): Tensor {
  if (!x.isFloatingPoint()) {
    throw new DTypeError(`${op}: expected floating-point tensors to differentiate by, got ${x.dtype}; convert with .float() first`, {
      dtypes: [x.dtype],
    });
  }
  return outer && needsGrad(x) ? apply("alias", [x], null) : leaf(x);
}

function leaf(x: Tensor): Tensor {
  return apply("detach", [x], null).markTrainable();
}

/** The nodes that results depend on. */
function* nodesBehind(outputs: readonly Point[]): Generator<TapeNode> {
  const seen = new Set<TapeNode>();
  for (const { node } of outputs) if (node !== null) seen.add(node);
  // A set may grow while it is iterated.
  for (const node of seen) {
    yield node;
    for (const next of node.next) if (next !== null) seen.add(next);
  }
}

/** True if some tensor outside, whose gradient is asked for, takes part in results. */
function reachesLeaf(outputs: readonly Point[]): boolean {
  for (const node of nodesBehind(outputs)) if (node instanceof AccumulateGrad && node.variable.trainable) return true;
  return false;
}

/** The number of the first input that a result does not depend on, or of a result that depends on none; null if all do. */
export function firstUnused({ inputs, outputs }: Recording<unknown>): { readonly output: number; readonly input: number } | null {
  for (const [i, output] of outputs.entries()) {
    const behind = new Set(nodesBehind([output]));
    const input = inputs.findIndex(({ node }) => !behind.has(node as TapeNode));
    if (input >= 0) return { output: i, input };
  }
  return null;
}

interface WalkChoice {
  readonly createGraph: boolean;
  readonly retainGraph: boolean;
}

/** Gradients by some points of the tape, from those of others; zeros where nothing depends on one. */
function walk(ends: readonly Point[], starts: readonly Point[], grads: readonly Tensor[], choice: WalkChoice): Tensor[] {
  const roots = starts.flatMap(({ node, output }, i): Root[] => (node === null ? [] : [[node, output, () => grads[i]]]));
  const captures = ends.map(({ node, output }): Capture => ({ node: node as TapeNode, output, grad: null }));
  new Engine({ ...choice, captures }).walk(roots);
  return captures.map(({ grad }, i) => grad ?? filled(ends[i].tensor, 0));
}

/** A number in all elements of a tensor like another. */
function filled({ storage, shape, dtype }: Tensor, value: number): Tensor {
  return tensorOf(constantValue(storage.backend, shape, dtype, value));
}

/** Whether derivatives are to be recorded, now that they are taken in some direction. */
function recorded({ outer }: Recording<unknown>, directions: readonly Tensor[]): boolean {
  return isGradEnabled() && (outer || directions.some((t) => t.requiresGrad));
}

/** A direction as what is on the tape sees it. @throws SconceError unless directions are like the tensors that they belong to. */
function directionsAt(op: string, { at }: Recording<unknown>, given: readonly Tensor[], points: readonly Point[]): Tensor[] {
  if (given.length !== points.length) {
    throw new SconceError(`${op}: expected ${points.length} tensors in the structure of what they belong to, got ${given.length}`);
  }
  return given.map((t, i) => {
    const { shape, dtype, device } = points[i].tensor;
    const own = shape.slice(at.length);
    if (t.ndim === own.length && t.shape.every((n, d) => n === own[d])) return lower(t.to({ dtype, device }), at);
    throw new SconceError(`${op}: expected tensors of the shapes of what they belong to, got [${t.shape}] for [${own}]`, {
      shapes: [t.shape, own],
    });
  });
}

/** Gradients of all inputs for gradients of the first results; for 1 at the first one if there are none. */
export function pullBack(
  op: string,
  recording: Recording<unknown>,
  cotangents: readonly Tensor[] | null,
  retainGraph: boolean,
  count: number = recording.outputs.length,
): Tensor[] {
  const { at, inputs, outputs } = recording;
  const starts = outputs.slice(0, cotangents === null ? 1 : count);
  const grads = cotangents === null ? [filled(starts[0].tensor, 1)] : directionsAt(op, recording, cotangents, starts);
  const createGraph = recorded(recording, cotangents ?? []);
  return walk(inputs, starts, grads, { createGraph, retainGraph: retainGraph || createGraph }).map((g) => raise(g, at));
}

/** The derivative of the first results in a direction of the inputs, as a function of the direction. */
export function pushForward(
  op: string,
  recording: Recording<unknown>,
  count: number = recording.outputs.length,
): (tangents: readonly Tensor[]) => Tensor[] {
  const { at, inputs } = recording;
  const outputs = recording.outputs.slice(0, count);
  // The gradient is linear in that of the results, so its own gradient by that, at any point, is the map the other way.
  const [seeds, gradients] = enableGrad(() => {
    const leaves = outputs.map(({ tensor }) => pointOf(leaf(filled(tensor, 0))));
    const grads = walk(
      inputs,
      outputs,
      leaves.map(({ tensor }) => tensor),
      { createGraph: true, retainGraph: true },
    );
    return [leaves, grads.map(pointOf)];
  });
  for (const { tensor } of seeds) tensor.markTrainable(false);
  return (tangents) => {
    const choice = { createGraph: recorded(recording, tangents), retainGraph: true };
    return walk(seeds, gradients, directionsAt(op, recording, tangents, inputs), choice).map((t) => raise(t, at));
  };
}

/** A result as it leaves a transform: without the part of its history that belongs to the transform. */
export function released<R>({ result, outer }: Recording<R>): R {
  return outer ? result.rebuild(result.leaves) : result.rebuild(result.leaves.map((y) => y.detach()));
}
