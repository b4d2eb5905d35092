import { apply, constantValue, type Device, type DType, getBackend, SconceError, type Shape, Tensor, tensorOf } from "@sconce/core";
import { checkGradient } from "./engine.js";
import { noGrad } from "./grad-mode.js";
import { attach, historyOf, needsGrad, resultHistory } from "./history.js";
import { mode } from "./mode.js";
import { type Gradients, TapeNode, type Walk } from "./node.js";
import { noteMade } from "./region.js";
import { type Kept, save, secondTime } from "./saved.js";

/** What a {@link Function} knows in `forward` and `backward`; further fields of its own may be set on it. */
export class FunctionContext {
  #toSave: readonly Tensor[] = [];
  #fixed: readonly Tensor[] = [];
  #dirty: readonly Tensor[] = [];
  #node: FunctionNode | null = null;
  /** For each argument of `forward`, whether its gradient is asked for. */
  readonly needsInputGrad: readonly boolean[];
  /** Gradients of results that nothing depends on come as zeros; as null if this is false. */
  materializeGrads = true;
  /** Anything else that `backward` needs. */
  [field: string]: unknown;

  constructor(needsInputGrad: readonly boolean[]) {
    this.needsInputGrad = needsInputGrad;
  }

  /** Keeps arguments or results of `forward` for `backward`. */
  saveForBackward(...tensors: readonly Tensor[]): void {
    this.#toSave = tensors;
  }

  /** Says that results have no gradient. */
  markNonDifferentiable(...tensors: readonly Tensor[]): void {
    this.#fixed = tensors;
  }

  /** Says that arguments were changed in place; they must be results too. */
  markDirty(...tensors: readonly Tensor[]): void {
    this.#dirty = tensors;
  }

  /** Sets {@link materializeGrads}. */
  setMaterializeGrads(on: boolean): void {
    this.materializeGrads = on;
  }

  /** What `saveForBackward` kept. @throws SconceError after an earlier walk has let go of it. */
  get savedTensors(): readonly Tensor[] {
    return this.#node === null ? this.#toSave : this.#node.unpack();
  }

  /** @internal */
  static parts(context: FunctionContext): Parts {
    return { toSave: context.#toSave, fixed: context.#fixed, dirty: context.#dirty };
  }

  /** @internal */
  static bind(context: FunctionContext, node: FunctionNode): void {
    context.#node = node;
    context.#toSave = [];
    context.#fixed = [];
    context.#dirty = [];
  }
}

/** What `forward` said of tensors. */
interface Parts {
  readonly toSave: readonly Tensor[];
  readonly fixed: readonly Tensor[];
  readonly dirty: readonly Tensor[];
}

type BackwardResult = Tensor | null | undefined | readonly (Tensor | null | undefined)[];

/** The static side of a {@link Function}; with `setupContext`, `forward` takes no context. */
export interface FunctionClass<A extends readonly unknown[], R> {
  readonly name: string;
  forward(context: FunctionContext, ...args: A): R;
  setupContext?(context: FunctionContext, inputs: A, output: R): void;
  // biome-ignore lint/suspicious/noExplicitAny: one gradient for each result
  backward(context: FunctionContext, ...grads: any[]): BackwardResult;
}

/**
 * An operation with a backward of its own: a class with static `forward` and `backward`, run by `apply`. `backward` gets the gradient of
 * each result and returns that of each argument, null for those that are no tensors. To pass it on as a function, wrap it:
 * `const relu = (x: Tensor) => MyRelu.apply(x)`.
 *
 * Source: https://pytorch.org/docs/stable/autograd.html#function
 *
 * @example
 * class MyRelu extends Function {
 *   static forward(ctx: FunctionContext, x: Tensor): Tensor {
 *     ctx.saveForBackward(x);
 *     return x.clamp({ min: 0 });
 *   }
 *   static backward(ctx: FunctionContext, grad: Tensor): Tensor {
 *     const [x] = ctx.savedTensors;
 *     return grad.mul(x.gt(0));
 *   }
 * }
 * const y = MyRelu.apply(tensor([-1, 2], { requiresGrad: true }));
 */
abstract class AutogradFunction {
  /**
   * Runs `forward` without recording and puts one node for it on the tape.
   * @throws SconceError from `backward`, if its gradients do not fit the arguments.
   */
  static apply<A extends readonly unknown[], R>(this: FunctionClass<A, R>, ...args: A): R {
    // biome-ignore lint/complexity/noThisInStatic: the class it is called on is what runs
    return run(this, args);
  }
}

type Run = <A extends readonly unknown[], R>(type: FunctionClass<A, R>, args: A) => R;

let runWrapped: Run | null = null;

/** Says how a function runs on tensors of a transform. */
export function setWrappedRun(fn: Run): void {
  runWrapped = fn;
}

/** Runs a function on tensors, and records it if gradients of one are asked for. */
export function run<A extends readonly unknown[], R>(type: FunctionClass<A, R>, args: A): R {
  if (runWrapped !== null && args.some((x) => x instanceof Tensor && x.wrapped !== null)) return runWrapped(type, args);
  const needs = args.map((x) => mode.enabled && x instanceof Tensor && needsGrad(x));
  const context = new FunctionContext(needs);
  const result = noGrad(() => forward(type, context, args));
  if (!needs.includes(true)) return result;
  if (result instanceof Tensor) return record(type, context, args, [result])[0] as R;
  return record(type, context, args, result as readonly Tensor[]) as R;
}

/** The results of `forward`, with or without the context as an argument. */
export function forward<A extends readonly unknown[], R>(type: FunctionClass<A, R>, context: FunctionContext, args: A): R {
  if (type.setupContext === undefined) return type.forward(context, ...args);
  const output = (type.forward as unknown as (...args: A) => R)(...args);
  type.setupContext(context, args, output);
  return output;
}

function record(
  type: FunctionClass<readonly unknown[], unknown>,
  context: FunctionContext,
  args: readonly unknown[],
  results: readonly Tensor[],
): readonly Tensor[] {
  const { toSave, fixed, dirty } = FunctionContext.parts(context);
  for (const x of dirty) checkDirty(type.name, x, args, results);
  // An argument that comes back as a result, unchanged, is a view of itself from here on.
  const outputs = results.map((x) => (args.includes(x) && !dirty.includes(x) ? apply("detach", [x], null) : x));
  const node = new FunctionNode(type, context, args, outputs);
  node.keep(toSave, results);
  if (mode.anomaly) node.stack = new Error(node.name).stack;
  for (let i = 0; i < outputs.length; i++) {
    if (!outputs[i].isFloatingPoint() || fixed.includes(results[i])) continue;
    if (dirty.includes(results[i])) rewritten(outputs[i], node, i);
    else resultHistory(outputs[i], undefined).setNode(node, i);
    noteMade(node, outputs[i].storage);
  }
  FunctionContext.bind(context, node);
  return outputs;
}

function checkDirty(name: string, x: Tensor, args: readonly unknown[], results: readonly Tensor[]): void {
  if (!args.includes(x) || !results.includes(x)) {
    throw new SconceError(`${name}: expected what markDirty names to be an argument and a result`);
  }
  if (x.trainable) {
    throw new SconceError(`${name}: a leaf Variable that requires grad is being used in an in-place operation.`);
  }
  const history = historyOf(x);
  if (history.root !== history) {
    throw new SconceError(`${name}: markDirty of a view is not supported; pass the tensor that it is a view of`);
  }
}

/** Makes a tensor that was changed in place a result of a node, for its views too. */
function rewritten(x: Tensor, node: TapeNode, output: number): void {
  const history = historyOf(x);
  history.version++;
  history.setNode(node, output);
}

interface Like {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly device: Device;
}

const likeOf = ({ shape, dtype, device }: Tensor): Like => ({ shape, dtype, device });

/** The call of a user's function. */
class FunctionNode extends TapeNode {
  readonly name: string;
  readonly #type: FunctionClass<readonly unknown[], unknown>;
  readonly #context: FunctionContext;
  /** What the gradients of the arguments must look like; null for arguments that are no tensors. */
  readonly #inputs: readonly (Like | null)[];
  readonly #outputs: readonly Like[];
  #saved: { readonly saved: Kept; readonly node: TapeNode | null; readonly output: number }[] = [];
  #released = false;

  constructor(
    type: FunctionClass<readonly unknown[], unknown>,
    context: FunctionContext,
    args: readonly unknown[],
    outputs: readonly Tensor[],
  ) {
    const histories = args.map((x) => (x instanceof Tensor && needsGrad(x) ? historyOf(x) : null));
    super(
      histories.map((h) => h?.target ?? null),
      histories.map((h) => h?.output ?? 0),
    );
    this.name = `${type.name}Backward`;
    this.#type = type;
    this.#context = context;
    this.#inputs = args.map((x) => (x instanceof Tensor ? likeOf(x) : null));
    this.#outputs = outputs.map(likeOf);
  }

  override get outputs(): number {
    return this.#outputs.length;
  }

  /** Keeps tensors with their place on the tape: results stand for outputs of this node. */
  keep(tensors: readonly Tensor[], results: readonly Tensor[]): void {
    this.#saved = tensors.map((x) => {
      const result = results.indexOf(x);
      if (result >= 0) return { saved: save(x), node: this, output: result };
      const history = needsGrad(x) ? historyOf(x) : null;
      return { saved: save(x), node: history?.target ?? null, output: history?.output ?? 0 };
    });
  }

  unpack(): readonly Tensor[] {
    if (this.#released) throw secondTime(this.name);
    return this.#saved.map(({ saved, node, output }) => {
      const x = saved.unpack();
      if (node !== null) attach(x, node, output);
      return x;
    });
  }

  run(grad: Gradients, walk: Walk): void {
    const grads = Array.isArray(grad) ? grad.map((g, i) => g ?? this.#absent(i)) : [grad];
    const result = walk.callUser((...given) => this.#type.backward(this.#context, ...given), grads);
    const list: readonly (Tensor | null | undefined)[] = Array.isArray(result) ? result : [result as Tensor | null | undefined];
    this.#checkCount(list);
    for (let i = 0; i < this.next.length; i++) {
      const target = this.next[i];
      const one = list[i];
      if (target === null || one === null || one === undefined || !walk.wants(target)) continue;
      checkGradient(one, this.#inputs[i] as Like, `backward: Function ${this.name}`);
      walk.send(target, this.slots?.[i] ?? 0, one);
    }
  }

  #absent(i: number): Tensor | null {
    if (!this.#context.materializeGrads) return null;
    const { shape, dtype, device } = this.#outputs[i];
    return tensorOf(constantValue(getBackend(device), shape, dtype, 0));
  }

  #checkCount(list: readonly unknown[]): void {
    const n = this.next.length;
    if (list.length === n || (list.length > n && list.slice(n).every((g) => g === null || g === undefined))) return;
    throw new SconceError(
      `backward: function ${this.name} returned an incorrect number of gradients (expected ${n}, got ${list.length}); return one for each ` +
        "argument of forward, null for those that need none",
      { op: this.name },
    );
  }

  override release(): void {
    if (this.#saved.length === 0) return;
    for (const { saved } of this.#saved) saved.release();
    this.#saved = [];
    this.#released = true;
  }
}

/** The end of what {@link onceDifferentiable} lets through. */
class DifferentiatedTwice extends AutogradFunction {
  static forward(_context: FunctionContext, grad: Tensor, _by: Tensor): Tensor {
    return grad.clone();
  }

  static backward(): never {
    throw new SconceError("backward: trying to differentiate twice a function that was marked with onceDifferentiable");
  }
}

type Backward<C extends FunctionContext> = (context: C, ...grads: never[]) => BackwardResult;

/**
 * A `backward` that is not recorded: gradients of gradients throw an error, where they would be wrong in silence.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.autograd.function.once_differentiable.html
 *
 * @example
 * class Double extends Function {
 *   static forward(_ctx: FunctionContext, x: Tensor): Tensor {
 *     return x.mul(2);
 *   }
 *   static readonly backward = onceDifferentiable((_ctx: FunctionContext, grad: Tensor) => grad.mul(2));
 * }
 */
export function onceDifferentiable<C extends FunctionContext, B extends Backward<C>>(backward: B): B {
  const once = (context: C, ...grads: readonly (Tensor | null)[]): BackwardResult => {
    const by = mode.enabled ? grads.find((g) => g !== null && needsGrad(g)) : undefined;
    const result = noGrad(() => backward(context, ...(grads as never[])));
    if (by === undefined || by === null) return result;
    const guard = (g: Tensor | null | undefined): Tensor | null => (g ? DifferentiatedTwice.apply(g, by) : null);
    return Array.isArray(result) ? result.map(guard) : guard(result as Tensor | null | undefined);
  };
  return once as unknown as B;
}

export { AutogradFunction as Function };
