/**
 * Jacobians, Hessians and products with them, in the manner of `torch.autograd.functional`.
 * @module autograd/functional
 */
import "./install.js";
import "./func/function-rule.js";
import { SconceError, Tensor } from "@sconce/core";
import { firstUnused, pullBack, pushForward, type Recording, record, released } from "./func/linearize.js";
import { jacfwd, jacrev } from "./func/transforms.js";
import { enableGrad, noGrad } from "./grad-mode.js";

/** One tensor or several. */
export type Tensors = Tensor | readonly Tensor[];

/** Of tensors, one for one and a list for several. */
export type Like<T extends Tensors> = T extends Tensor ? Tensor : Tensor[];

/** A function of one tensor, or of as many as there are inputs. */
export type FunctionOf<R> = (...inputs: Tensor[]) => R;

/** What the results are good for. */
export interface FunctionalOptions {
  /** Records what is computed, so that it can be differentiated by the inputs again. */
  readonly createGraph?: boolean;
  /** Throws if a result does not depend on an input, where it would give zeros. */
  readonly strict?: boolean;
}

/** How {@link jacobian} goes about it. */
export interface FunctionalJacobianOptions extends FunctionalOptions {
  /** Row by row from the results, or column by column from the inputs. */
  readonly strategy?: "reverse-mode" | "forward-mode";
}

/** How {@link hessian} goes about it. */
export interface FunctionalHessianOptions extends FunctionalOptions {
  /** How the Jacobian of the gradient is computed. */
  readonly outerJacobianStrategy?: "reverse-mode" | "forward-mode";
}

function listOf(x: Tensors): readonly Tensor[] {
  return x instanceof Tensor ? [x] : x;
}

/** One for one, a list for several. */
function as<T extends Tensors>(like: T, list: readonly Tensor[]): Like<T> {
  return (like instanceof Tensor ? list[0] : [...list]) as Like<T>;
}

function run<T>(createGraph: boolean, fn: () => T): T {
  return createGraph ? enableGrad(fn) : noGrad(fn);
}

function recordOf<R extends Tensors>(op: string, func: FunctionOf<R>, inputs: Tensors, strict: boolean): Recording<R> {
  const recording = record(op, listOf(inputs), (given) => func(...given));
  const unused = strict ? firstUnused(recording) : null;
  if (unused === null) return recording;
  throw new SconceError(
    `${op}: Output ${unused.output} of the user-provided function is independent of input ${unused.input}. This is not allowed in strict mode.`,
  );
}

function requireScalar(op: string, y: Tensors): void {
  if (y instanceof Tensor && y.numel() === 1) return;
  const got = y instanceof Tensor ? `a tensor of [${y.shape}]` : "several tensors";
  throw new SconceError(`${op}: The Tensor returned by the function given to ${op} should contain a single element, got ${got}`);
}

/** The direction that was given, or 1 for a tensor of one element. */
function direction(op: string, v: Tensors | null | undefined, of: Tensors): readonly Tensor[] {
  if (v !== null && v !== undefined) return listOf(v);
  if (of instanceof Tensor && of.numel() === 1) return [of.detach().mul(0).add(1)];
  throw new SconceError(`${op}: The vector v can only be None if it belongs to a single tensor with a single element; pass v`);
}

/**
 * The result of a function, and the product of a vector with its Jacobian.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.autograd.functional.vjp.html
 *
 * @throws SconceError if `v` does not fit the result, or is left out though that has several elements.
 * @example
 * import { vjp } from "@sconce/autograd/functional";
 *
 * const [y, dx] = vjp((x) => x.exp().sum(), tensor([0, 1])); // e^0 + e^1 and [e^0, e^1]
 */
export function vjp<T extends Tensors, R extends Tensors>(
  func: FunctionOf<R>,
  inputs: T,
  v?: Tensors | null,
  { createGraph = false, strict = false }: FunctionalOptions = {},
): [outputs: R, vjp: Like<T>] {
  return run(createGraph, () => {
    const recording = recordOf("vjp", func, inputs, strict);
    const outputs = released(recording);
    return [outputs, as(inputs, pullBack("vjp", recording, direction("vjp", v, outputs), false))];
  });
}

/**
 * The result of a function, and the product of its Jacobian with a vector.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.autograd.functional.jvp.html
 *
 * @throws SconceError if `v` does not fit the inputs, or is left out though they have several elements.
 * @example
 * import { jvp } from "@sconce/autograd/functional";
 *
 * const [y, dy] = jvp((x) => x.exp(), tensor([0, 1]), tensor([1, 0])); // [e^0, e^1] and [e^0, 0]
 */
export function jvp<T extends Tensors, R extends Tensors>(
  func: FunctionOf<R>,
  inputs: T,
  v?: Tensors | null,
  { createGraph = false, strict = false }: FunctionalOptions = {},
): [outputs: R, jvp: Like<R>] {
  return run(createGraph, () => {
    const recording = recordOf("jvp", func, inputs, strict);
    const outputs = released(recording);
    return [outputs, as(outputs, pushForward("jvp", recording)(direction("jvp", v, inputs)))];
  });
}

/** For each result and each input the block of the Jacobian, in the nesting of those that are several. */
export type Jacobian<R extends Tensors, T extends Tensors> = R extends Tensor ? Like<T> : Like<T>[];

/**
 * The Jacobian of a function: a tensor `[...output, ...input]`, or for several inputs a list, or for several results a list of them.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.autograd.functional.jacobian.html
 *
 * @throws SconceError in strict mode, for a result that does not depend on an input.
 * @example
 * import { jacobian } from "@sconce/autograd/functional";
 *
 * jacobian((x) => x.square(), tensor([1, 2])); // [[2, 0], [0, 4]]
 */
export function jacobian<T extends Tensors, R extends Tensors>(
  func: FunctionOf<R>,
  inputs: T,
  { createGraph = false, strict = false, strategy = "reverse-mode" }: FunctionalJacobianOptions = {},
): Jacobian<R, T> {
  return run(createGraph, () => {
    if (strict) recordOf("jacobian", func, inputs, true);
    const transform = strategy === "forward-mode" ? jacfwd : jacrev;
    if (inputs instanceof Tensor) return transform(func as FunctionOf<unknown>)(inputs) as Jacobian<R, T>;
    const argnums = (inputs as readonly Tensor[]).map((_, i) => i);
    return transform(func as FunctionOf<unknown>, { argnums })(...listOf(inputs)) as Jacobian<R, T>;
  });
}

/**
 * The Hessian of a function that returns one number: a tensor `[...input, ...input]`, or for several inputs a list of lists.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.autograd.functional.hessian.html
 *
 * @throws SconceError if the function returns more than one element.
 * @example
 * import { hessian } from "@sconce/autograd/functional";
 *
 * hessian((x) => x.pow(3).sum(), tensor([1, 2])); // [[6, 0], [0, 12]]
 */
export function hessian<T extends Tensors>(
  func: FunctionOf<Tensor>,
  inputs: T,
  { createGraph = false, strict = false, outerJacobianStrategy: strategy = "reverse-mode" }: FunctionalHessianOptions = {},
): T extends Tensor ? Tensor : Tensor[][] {
  const gradient = (...given: Tensor[]): Tensors => as(inputs, gradientOf("hessian", func, given, strict));
  return jacobian(gradient as FunctionOf<Tensor>, inputs, { createGraph, strict, strategy }) as never;
}

/** Gradients of a function that returns one number, which can be differentiated again. */
function gradientOf(op: string, func: FunctionOf<Tensor>, inputs: readonly Tensor[], strict: boolean): Tensor[] {
  return enableGrad(() => {
    const recording = recordOf(
      op,
      (...given) => {
        const y = func(...given);
        requireScalar(op, y);
        return y;
      },
      inputs,
      strict,
    );
    return pullBack(op, recording, null, true);
  });
}

/**
 * The result of a function that returns one number, and the product of its Hessian with a vector.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.autograd.functional.hvp.html
 *
 * @throws SconceError if the function returns more than one element, or `v` does not fit the inputs.
 * @example
 * import { hvp } from "@sconce/autograd/functional";
 *
 * const [y, product] = hvp((x) => x.pow(3).sum(), tensor([1, 2]), tensor([1, 1])); // 9 and [6, 12]
 */
export function hvp<T extends Tensors>(
  func: FunctionOf<Tensor>,
  inputs: T,
  v?: Tensors | null,
  options: FunctionalOptions = {},
): [output: Tensor, hvp: Like<T>] {
  return secondProduct("hvp", func, inputs, v, options, pushForward);
}

/**
 * The result of a function that returns one number, and the product of a vector with its Hessian: as {@link hvp}, and cheaper.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.autograd.functional.vhp.html
 *
 * @throws SconceError if the function returns more than one element, or `v` does not fit the inputs.
 * @example
 * import { vhp } from "@sconce/autograd/functional";
 *
 * const [y, product] = vhp((x) => x.pow(3).sum(), tensor([1, 2]), tensor([1, 1])); // 9 and [6, 12]
 */
export function vhp<T extends Tensors>(
  func: FunctionOf<Tensor>,
  inputs: T,
  v?: Tensors | null,
  options: FunctionalOptions = {},
): [output: Tensor, vhp: Like<T>] {
  return secondProduct("vhp", func, inputs, v, options, (op, recording) => (vector) => pullBack(op, recording, vector, false));
}

type Product = (op: string, recording: Recording<unknown>) => (vector: readonly Tensor[]) => Tensor[];

function secondProduct<T extends Tensors>(
  op: string,
  func: FunctionOf<Tensor>,
  inputs: T,
  v: Tensors | null | undefined,
  { createGraph = false, strict = false }: FunctionalOptions,
  product: Product,
): [output: Tensor, product: Like<T>] {
  return run(createGraph, () => {
    let output: Tensor | null = null;
    const remembering = (...given: Tensor[]): Tensor => {
      const y = func(...given);
      output ??= y;
      return y;
    };
    const recording = record(op, listOf(inputs), (given) => gradientOf(op, remembering, given, strict));
    const vector = direction(op, v, inputs);
    const y = output as unknown as Tensor;
    return [recording.outer ? y : y.detach(), as(inputs, product(op, recording)(vector))];
  });
}
