import {
  constantValue,
  DTypeError,
  formatShape,
  isFloatingPoint,
  SconceError,
  ShapeError,
  sameShape,
  stack,
  type Tensor,
  tensorOf,
} from "@sconce/core";
import { type Capture, Engine, type Root } from "./engine.js";
import { hasSpannedAwait, isGradEnabled } from "./grad-mode.js";
import { type History, historyOf, needsGrad } from "./history.js";
import type { TapeNode } from "./node.js";

/** How `tensor.backward()` walks. */
export interface BackwardOptions {
  /** Gradient of the tensor itself; 1 for a tensor of one element. */
  readonly gradient?: Tensor | null;
  /** Keeps what the graph holds, so that it can be walked again; `createGraph` if it is left out. */
  readonly retainGraph?: boolean | undefined;
  /** Records the gradients, so that they can be differentiated. */
  readonly createGraph?: boolean;
  /** Only these tensors get a `grad`; all leaves if they are left out. */
  readonly inputs?: Tensor | readonly Tensor[] | null;
}

/** How {@link grad} walks. */
export interface GradOptions {
  /** Gradients of the outputs, where they have more than one element. */
  readonly gradOutputs?: Tensor | null | readonly (Tensor | null)[];
  readonly retainGraph?: boolean | undefined;
  readonly createGraph?: boolean;
  /** Gives null for an input that the outputs do not depend on, where it would throw. */
  readonly allowUnused?: boolean;
  /** Gives zeros for an input that the outputs do not depend on. */
  readonly materializeGrads?: boolean;
  /** `gradOutputs` have a dimension more in front: one walk for each entry, whose gradients are stacked. */
  readonly isGradsBatched?: boolean;
}

function rootOf(op: string, x: Tensor, gradient: Tensor | null | undefined, i: number): Root {
  if (!needsGrad(x)) {
    const why = isGradEnabled()
      ? hasSpannedAwait()
        ? " (a noGrad() region was open during an await, which turns recording off for other tasks too: await outside of it)"
        : ""
      : " (recording is off now: a noGrad() region is open)";
    throw new SconceError(
      `${op}: element ${i} of tensors does not require grad and does not have a gradFn; make a leaf with { requiresGrad: true }, outside noGrad()${why}`,
    );
  }
  const { target, output } = historyOf(x);
  return [target as TapeNode, output, gradient ? checked(op, x, gradient, i) : implicit(op, x)];
}

/** The gradient of a result of one element. */
function implicit(op: string, x: Tensor): () => Tensor {
  if (x.numel() !== 1) {
    throw new ShapeError(
      `${op}: grad can be implicitly created only for scalar outputs, got ${formatShape(x.shape)}; reduce it, or pass the gradient`,
      { shapes: [x.shape] },
    );
  }
  return () => tensorOf(constantValue(x.storage.backend, x.shape, x.dtype, 1));
}

function checked(op: string, x: Tensor, gradient: Tensor, i: number): () => Tensor {
  if (!sameShape(x.shape, gradient.shape)) {
    throw new ShapeError(
      `${op}: Mismatch in shape: grad_output[${i}] has a shape of ${formatShape(gradient.shape)} and output[${i}] has a shape of ${formatShape(x.shape)}`,
      { shapes: [gradient.shape, x.shape] },
    );
  }
  if (!isFloatingPoint(gradient.dtype)) {
    throw new DTypeError(`${op}: expected a floating-point gradient, got ${gradient.dtype}; convert it with .to("${x.dtype}")`, {
      dtypes: [gradient.dtype],
    });
  }
  return () => gradient.to({ dtype: x.dtype, device: x.device });
}

function captureOf(history: History): Capture {
  return { node: history.target as TapeNode, output: history.output, grad: null };
}

function listOf<T>(x: T | readonly T[]): readonly T[] {
  return Array.isArray(x) ? (x as readonly T[]) : [x as T];
}

/**
 * Adds the gradients of the sum of several tensors to the `grad` of the leaves. `tensor.backward()` is this for one tensor.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.autograd.backward.html
 *
 * @throws SconceError if a tensor does not require gradients, or the graph was freed by an earlier walk.
 * @throws ShapeError if a tensor with more than one element comes without a gradient.
 * @example
 * const x = tensor([1, 2], { requiresGrad: true });
 * backward([x.mul(2).sum(), x.sum()]);
 * x.grad; // [3, 3]
 */
export function backward(
  tensors: Tensor | readonly Tensor[],
  gradients: Tensor | null | readonly (Tensor | null)[] = null,
  { retainGraph, createGraph = false, inputs }: Omit<BackwardOptions, "gradient"> = {},
): void {
  const grads = gradients === null ? [] : listOf(gradients);
  const roots = listOf(tensors).map((x, i) => rootOf("backward", x, grads[i], i));
  const ends = inputs == null ? null : listOf(inputs).map((x, i) => endOf("backward", x, i));
  const captures = ends === null ? null : ends.map(captureOf);
  new Engine({ retainGraph: retainGraph ?? createGraph, createGraph, captures }).walk(roots);
  captures?.forEach(({ grad }, i) => {
    if (grad !== null) (ends as History[])[i].accumulate(grad, createGraph);
  });
}

function endOf(op: string, x: Tensor, i: number): History {
  if (needsGrad(x)) return historyOf(x);
  throw new SconceError(`${op}: One of the differentiated Tensors does not require grad: input ${i} ${formatShape(x.shape)}`);
}

/**
 * The gradients of the sum of outputs with respect to inputs; no `grad` changes.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.autograd.grad.html
 *
 * @throws SconceError if an input was not used and `allowUnused` is not set, or the graph was freed by an earlier walk.
 * @example
 * const x = tensor(3, { requiresGrad: true });
 * const [dx] = grad(x.pow(2), x, { createGraph: true }); // 6
 * const [ddx] = grad(dx, x); // 2
 */
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  options: GradOptions & { readonly allowUnused: true },
): (Tensor | null)[];
export function grad(outputs: Tensor | readonly Tensor[], inputs: Tensor | readonly Tensor[], options?: GradOptions): Tensor[];
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  options: GradOptions = {},
): (Tensor | null)[] {
  const { gradOutputs = null, materializeGrads = false, allowUnused = materializeGrads, isGradsBatched = false } = options;
  if (materializeGrads && !allowUnused) {
    throw new SconceError("grad: Expected allowUnused to be true or not passed when materializeGrads=true, but got: allowUnused=false.");
  }
  const given = gradOutputs === null ? [] : listOf(gradOutputs);
  const found = isGradsBatched ? batchedGrads(outputs, inputs, given, options) : gradsOf(outputs, inputs, given, options);
  if (found.includes(null) && !allowUnused) {
    throw new SconceError(
      "grad: One of the differentiated Tensors appears to not have been used in the graph. Set allowUnused: true if this is the desired behavior.",
    );
  }
  return materializeGrads ? found.map((g, i) => g ?? listOf(inputs)[i].newZeros(listOf(inputs)[i].shape)) : found;
}

type Walk = Pick<GradOptions, "retainGraph" | "createGraph">;

/** One walk: null for inputs that the outputs do not depend on. */
function gradsOf(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  given: readonly (Tensor | null)[],
  { retainGraph, createGraph = false }: Walk,
): (Tensor | null)[] {
  const roots = listOf(outputs).map((x, i) => rootOf("grad", x, given[i], i));
  const captures = listOf(inputs).map((x, i) => captureOf(endOf("grad", x, i)));
  new Engine({ retainGraph: retainGraph ?? createGraph, createGraph, captures }).walk(roots);
  return captures.map((capture) => capture.grad);
}

/** A walk for each entry of the given gradients, which are stacked in dimension 0. */
function batchedGrads(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  given: readonly (Tensor | null)[],
  { retainGraph, createGraph = false }: Walk,
): (Tensor | null)[] {
  const count = given.find((g) => g !== null)?.shape[0];
  if (count === undefined || given.some((g) => g !== null && g.shape[0] !== count)) {
    throw new ShapeError("grad: isGradsBatched expects gradOutputs with equally many entries in dimension 0");
  }
  const rows = Array.from({ length: count }, (_, i) => {
    const row = given.map((g) => g?.select(0, i) ?? null);
    return gradsOf(outputs, inputs, row, { createGraph, retainGraph: retainGraph || createGraph || i < count - 1 });
  });
  return listOf(inputs).map((_, k) => {
    const grads = rows.map((row) => row[k]).filter((g) => g !== null);
    return grads.length === 0 ? null : stack(grads);
  });
}
