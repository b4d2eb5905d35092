import { eye, SconceError, type Tensor } from "@sconce/core";
import { pullBack, pushForward, type Recording, record, released } from "./linearize.js";
import { flatten, type Tree } from "./tree.js";
import { vmap } from "./vmap.js";

/** Which arguments to differentiate by: one, or several. */
export type Argnums = number | readonly number[];

/** The gradient by the arguments of these numbers: of the structure of one, or a list. */
export type ByArguments<A extends readonly unknown[], N extends Argnums> = N extends number
  ? A[N]
  : { -readonly [I in keyof N]: N[I] extends number ? A[N[I]] : never };

/** What to differentiate by. */
export interface TransformOptions<N extends Argnums = Argnums> {
  /** Numbers of the arguments to differentiate by, each a tensor or arrays and objects of them. */
  readonly argnums?: N;
  /** The function returns `[result, other]`, of which only the result is differentiated. */
  readonly hasAux?: boolean;
}

/** How the Jacobians are computed. */
export interface JacobianOptions<N extends Argnums = Argnums> extends TransformOptions<N> {
  /** Rows (columns, for `jacfwd`) computed at a time; all at once if it is left out. */
  readonly chunkSize?: number | null;
}

/** The arguments that a function is differentiated by, as one tree. */
function selected<A extends readonly unknown[]>(
  op: string,
  args: A,
  argnums: Argnums,
): Tree<unknown> & { fill(leaves: readonly Tensor[]): A } {
  const numbers = (typeof argnums === "number" ? [argnums] : argnums).map((n) => {
    const at = n < 0 ? n + args.length : n;
    if (Number.isSafeInteger(at) && at >= 0 && at < args.length) return at;
    throw new SconceError(`${op}: expected argnums from 0 to ${args.length - 1}, got ${n}`);
  });
  const tree = flatten(numbers.map((at) => args[at]));
  if (tree.leaves.length === 0) throw new SconceError(`${op}: expected tensors in the arguments to differentiate by, got none`);
  const put = (leaves: readonly Tensor[]): A => {
    const filledIn = tree.rebuild(leaves);
    return args.map((arg, i) => (numbers.includes(i) ? filledIn[numbers.indexOf(i)] : arg)) as unknown as A;
  };
  const rebuild = (leaves: readonly Tensor[]): unknown => (typeof argnums === "number" ? tree.rebuild(leaves)[0] : tree.rebuild(leaves));
  return { leaves: tree.leaves, rebuild, fill: put };
}

function checkScalar(op: string, value: unknown): void {
  const { leaves } = flatten(value);
  if (leaves.length === 1 && leaves[0] === value && leaves[0].ndim === 0) return;
  const got = leaves.length === 1 && leaves[0] === value ? `a tensor of [${leaves[0].shape}]` : typeof value;
  throw new SconceError(`${op}: expected the function to return a tensor without dimensions (a scalar), got ${got}; reduce it, or use vjp`);
}

/** The gradient and all that the function returned. */
function gradients<A extends readonly unknown[], R>(
  op: string,
  fn: (...args: A) => R,
  args: A,
  { argnums = 0, hasAux = false }: TransformOptions,
): [gradient: unknown, result: R] {
  const inputs = selected(op, args, argnums);
  const recording = record(op, inputs.leaves, (leaves) => {
    const result = fn(...inputs.fill(leaves));
    checkScalar(op, hasAux ? (result as readonly unknown[])[0] : result);
    return result;
  });
  const found = inputs.rebuild(pullBack(op, recording, null, false));
  return [found, released(recording)];
}

/**
 * The gradient of a function that returns one number, as a function of the same arguments.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.func.grad.html
 *
 * @throws SconceError if the function returns anything but a tensor of shape `[]`. @throws DTypeError for arguments that are not floating-point.
 * @example
 * import { grad, vmap } from "@sconce/autograd/func";
 *
 * const slope = grad((x: Tensor) => x.sin());
 * slope(tensor(0)); // 1
 * grad(slope)(tensor(Math.PI / 2)); // -1
 * vmap(slope)(tensor([0, 1, 2])); // [cos 0, cos 1, cos 2]
 */
export function grad<A extends readonly Tensor[]>(fn: (...args: A) => Tensor): (...args: A) => ByArguments<A, 0>;
export function grad<A extends readonly Tensor[], const N extends Argnums = 0>(
  fn: (...args: A) => Tensor,
  options: TransformOptions<N> & { readonly hasAux?: false },
): (...args: A) => ByArguments<A, N>;
export function grad<A extends readonly unknown[]>(fn: (...args: A) => Tensor): (...args: A) => ByArguments<A, 0>;
export function grad<A extends readonly unknown[], const N extends Argnums = 0>(
  fn: (...args: A) => Tensor,
  options?: TransformOptions<N> & { readonly hasAux?: false },
): (...args: A) => ByArguments<A, N>;
export function grad<A extends readonly unknown[], X, const N extends Argnums = 0>(
  fn: (...args: A) => readonly [Tensor, X],
  options: TransformOptions<N> & { readonly hasAux: true },
): (...args: A) => [gradient: ByArguments<A, N>, aux: X];
export function grad<A extends readonly unknown[]>(fn: (...args: A) => unknown, options: TransformOptions = {}): (...args: A) => unknown {
  return (...args) => {
    const [found, result] = gradients("grad", fn, args, options);
    return options.hasAux ? [found, (result as readonly unknown[])[1]] : found;
  };
}

/**
 * The gradient of a function that returns one number together with that number; PyTorch's `grad_and_value`.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.func.grad_and_value.html
 *
 * @throws SconceError if the function returns anything but a tensor of shape `[]`.
 * @example
 * import { gradAndValue } from "@sconce/autograd/func";
 *
 * const [dx, y] = gradAndValue((x: Tensor) => x.square().sum())(tensor([1, 2])); // [2, 4] and 5
 */
export function gradAndValue<A extends readonly Tensor[], const N extends Argnums = 0>(
  fn: (...args: A) => Tensor,
  options?: TransformOptions<N> & { readonly hasAux?: false },
): (...args: A) => [gradient: ByArguments<A, N>, value: Tensor];
export function gradAndValue<A extends readonly unknown[], const N extends Argnums = 0>(
  fn: (...args: A) => Tensor,
  options?: TransformOptions<N> & { readonly hasAux?: false },
): (...args: A) => [gradient: ByArguments<A, N>, value: Tensor];
export function gradAndValue<A extends readonly unknown[], X, const N extends Argnums = 0>(
  fn: (...args: A) => readonly [Tensor, X],
  options: TransformOptions<N> & { readonly hasAux: true },
): (...args: A) => [gradient: ByArguments<A, N>, result: [value: Tensor, aux: X]];
export function gradAndValue<A extends readonly unknown[]>(
  fn: (...args: A) => unknown,
  options: TransformOptions = {},
): (...args: A) => [unknown, unknown] {
  return (...args) => gradients("gradAndValue", fn, args, options);
}

/**
 * {@link gradAndValue} with the value first, as JAX has it.
 * @throws SconceError if the function returns anything but a tensor of shape `[]`.
 * @example
 * import { valueAndGrad } from "@sconce/autograd/func";
 *
 * const [y, dx] = valueAndGrad((x: Tensor) => x.square().sum())(tensor([1, 2])); // 5 and [2, 4]
 */
export function valueAndGrad<A extends readonly Tensor[], const N extends Argnums = 0>(
  fn: (...args: A) => Tensor,
  options?: TransformOptions<N> & { readonly hasAux?: false },
): (...args: A) => [value: Tensor, gradient: ByArguments<A, N>];
export function valueAndGrad<A extends readonly unknown[], const N extends Argnums = 0>(
  fn: (...args: A) => Tensor,
  options?: TransformOptions<N> & { readonly hasAux?: false },
): (...args: A) => [value: Tensor, gradient: ByArguments<A, N>];
export function valueAndGrad<A extends readonly unknown[], const N extends Argnums = 0>(
  fn: (...args: A) => Tensor,
  options: TransformOptions<N> & { readonly hasAux?: false } = {},
): (...args: A) => [value: Tensor, gradient: ByArguments<A, N>] {
  const both = gradAndValue(fn, options);
  return (...args) => {
    const [found, value] = both(...args);
    return [value, found];
  };
}

function recordAll<A extends readonly unknown[], R>(
  op: string,
  fn: (...args: A) => R,
  args: A,
): { recording: Recording<R>; inputs: Tree<A> } {
  const inputs = flatten(args);
  const recording = record(op, inputs.leaves, (leaves) => fn(...inputs.rebuild(leaves)));
  return { recording, inputs };
}

/**
 * The result of a function, and the function from gradients of the result to those of all arguments.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.func.vjp.html
 *
 * @throws SconceError from the second function, for a gradient that does not fit the result.
 * @example
 * import { vjp } from "@sconce/autograd/func";
 *
 * const [y, pull] = vjp((x: Tensor) => x.sin(), tensor([0, 1]));
 * const [dx] = pull(tensor([1, 1])); // [cos 0, cos 1]
 */
export function vjp<A extends readonly unknown[], R>(fn: (...args: A) => R, ...primals: A): [result: R, pull: (cotangent: R) => A] {
  const { recording, inputs } = recordAll("vjp", fn, primals);
  const pull = (cotangent: R): A => inputs.rebuild(pullBack("vjp", recording, flatten(cotangent).leaves, true));
  return [released(recording), pull];
}

/**
 * The result of a function and its derivative in a direction, which costs about two backward walks.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.func.jvp.html
 *
 * @throws SconceError for a direction that does not fit the arguments.
 * @example
 * import { jvp } from "@sconce/autograd/func";
 *
 * const [y, dy] = jvp((x: Tensor) => x.square(), [tensor([1, 2])], [tensor([1, 0])]); // [1, 4] and [2, 0]
 */
export function jvp<A extends readonly unknown[], R>(fn: (...args: A) => R, primals: A, tangents: A): [result: R, tangent: R] {
  const [result, push] = linearize(fn, ...primals);
  return [result, push(...tangents)];
}

/**
 * The result of a function and its derivative, a linear function of the direction.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.func.linearize.html
 *
 * @throws SconceError from the second function, for a direction that does not fit the arguments.
 * @example
 * import { linearize } from "@sconce/autograd/func";
 *
 * const [y, push] = linearize((x: Tensor) => x.square(), tensor([1, 2]));
 * push(tensor([1, 0])); // [2, 0]
 */
export function linearize<A extends readonly unknown[], R>(fn: (...args: A) => R, ...primals: A): [result: R, push: (...tangents: A) => R] {
  const { recording } = recordAll("jvp", fn, primals);
  const push = pushForward("jvp", recording);
  return [released(recording), (...tangents) => recording.result.rebuild(push(flatten(tangents).leaves))];
}

/** Unit directions of tensors together: for each of them `[n, ...shape]` with n their number of elements in all. */
function basis(tensors: readonly Tensor[]): Tensor[] {
  const sizes = tensors.map((x) => x.numel());
  const n = sizes.reduce((a, b) => a + b, 0);
  let start = 0;
  return tensors.map((x, i) => {
    const rows = eye(n, { dtype: x.dtype, device: x.device }).narrow(1, start, sizes[i]);
    start += sizes[i];
    return rows.reshape([n, ...x.shape]);
  });
}

/** Rows of several tensors: those of each. */
function splitRows(rows: Tensor, tensors: readonly Tensor[]): Tensor[] {
  let start = 0;
  return tensors.map((x) => {
    const own = rows.narrow(0, start, x.numel());
    start += x.numel();
    return own;
  });
}

/**
 * The Jacobian of a function by backward walks, all rows at once: for each tensor of the result, in its structure, and in place of each
 * tensor of the arguments that it is taken by, a tensor `[...result, ...argument]`.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.func.jacrev.html
 *
 * @throws DTypeError for arguments that are not floating-point.
 * @example
 * import { jacrev } from "@sconce/autograd/func";
 *
 * jacrev((x: Tensor) => x.square())(tensor([1, 2])); // [[2, 0], [0, 4]]
 */
export function jacrev<A extends readonly Tensor[], const N extends Argnums = 0>(
  fn: (...args: A) => Tensor,
  options?: JacobianOptions<N> & { readonly hasAux?: false },
): (...args: A) => ByArguments<A, N>;
export function jacrev<A extends readonly unknown[], const N extends Argnums = 0>(
  fn: (...args: A) => Tensor,
  options?: JacobianOptions<N> & { readonly hasAux?: false },
): (...args: A) => ByArguments<A, N>;
export function jacrev<A extends readonly unknown[]>(fn: (...args: A) => unknown, options?: JacobianOptions): (...args: A) => unknown;
export function jacrev<A extends readonly unknown[]>(fn: (...args: A) => unknown, options: JacobianOptions = {}): (...args: A) => unknown {
  return jacobianOf("jacrev", fn, options, (recording, outputs, inputs, chunkSize) => {
    const pull = (...cotangents: Tensor[]): Tensor[] => pullBack("jacrev", recording, cotangents, true, outputs.length);
    const columns = vmap(pull, { chunkSize })(...basis(outputs)); // for each input [n, ...input]
    const byOutput = columns.map((rows) => splitRows(rows, outputs));
    return outputs.map((y, i) => inputs.map((x, j) => byOutput[j][i].reshape([...y.shape, ...x.shape])));
  });
}

/**
 * The Jacobian of a function by derivatives in all directions at once, in the form of {@link jacrev}: the better choice where the result
 * has more elements than the arguments.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.func.jacfwd.html
 *
 * @throws DTypeError for arguments that are not floating-point.
 * @example
 * import { jacfwd } from "@sconce/autograd/func";
 *
 * jacfwd((x: Tensor) => x.square())(tensor([1, 2])); // [[2, 0], [0, 4]]
 */
export function jacfwd<A extends readonly Tensor[], const N extends Argnums = 0>(
  fn: (...args: A) => Tensor,
  options?: JacobianOptions<N> & { readonly hasAux?: false },
): (...args: A) => ByArguments<A, N>;
export function jacfwd<A extends readonly unknown[], const N extends Argnums = 0>(
  fn: (...args: A) => Tensor,
  options?: JacobianOptions<N> & { readonly hasAux?: false },
): (...args: A) => ByArguments<A, N>;
export function jacfwd<A extends readonly unknown[]>(fn: (...args: A) => unknown, options?: JacobianOptions): (...args: A) => unknown;
export function jacfwd<A extends readonly unknown[]>(fn: (...args: A) => unknown, options: JacobianOptions = {}): (...args: A) => unknown {
  return jacobianOf("jacfwd", fn, options, (recording, outputs, inputs, chunkSize) => {
    const push = pushForward("jacfwd", recording, outputs.length);
    const rows = vmap((...tangents: Tensor[]) => push(tangents), { chunkSize })(...basis(inputs)); // for each output [n, ...output]
    return outputs.map((y, i) => {
      const byInput = splitRows(rows[i], inputs);
      return inputs.map((x, j) => byInput[j].movedim(0, -1).reshape([...y.shape, ...x.shape]));
    });
  });
}

type Blocks = (
  recording: Recording<unknown>,
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  chunkSize: number | null,
) => readonly (readonly Tensor[])[];

/** Puts the block of each result by each argument where PyTorch has it. */
function jacobianOf<A extends readonly unknown[]>(
  op: string,
  fn: (...args: A) => unknown,
  { argnums = 0, hasAux = false, chunkSize = null }: JacobianOptions,
  blocksOf: Blocks,
): (...args: A) => unknown {
  return (...args) => {
    const inputs = selected(op, args, argnums);
    const recording = record(op, inputs.leaves, (leaves) => fn(...inputs.fill(leaves)));
    const result = released(recording);
    const outputs = flatten(hasAux ? (result as readonly unknown[])[0] : result);
    const blocks = blocksOf(recording, outputs.leaves, inputs.leaves, chunkSize);
    const found = outputs.rebuild(blocks.map((row) => inputs.rebuild(row)));
    return hasAux ? [found, (result as readonly unknown[])[1]] : found;
  };
}

/**
 * The Hessian of a function that returns one number: the Jacobian, forward, of its gradient.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.func.hessian.html
 *
 * @throws DTypeError for arguments that are not floating-point.
 * @example
 * import { hessian } from "@sconce/autograd/func";
 *
 * hessian((x: Tensor) => x.pow(3).sum())(tensor([1, 2])); // [[6, 0], [0, 12]]
 */
export function hessian<A extends readonly Tensor[], const N extends Argnums = 0>(
  fn: (...args: A) => Tensor,
  options?: { readonly argnums?: N },
): (...args: A) => ByArguments<A, N>;
export function hessian<A extends readonly unknown[], const N extends Argnums = 0>(
  fn: (...args: A) => Tensor,
  options?: { readonly argnums?: N },
): (...args: A) => ByArguments<A, N>;
export function hessian<A extends readonly unknown[], const N extends Argnums = 0>(
  fn: (...args: A) => Tensor,
  options: { readonly argnums?: N } = {},
): (...args: A) => ByArguments<A, N> {
  return jacfwd(jacrev(fn, options) as (...args: A) => unknown, options) as (...args: A) => ByArguments<A, N>;
}
