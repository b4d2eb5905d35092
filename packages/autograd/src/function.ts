import { apply, constantValue, type Device, type DType, getBackend, SconceError, type Shape, Tensor, tensorOf } from "@sconce/core";
import { checkGradient } from "./engine.js";
import { noGrad } from "./grad-mode.js";
import { attach, historyOf, needsGrad, resultHistory } from "./history.js";
import { mode } from "./mode.js";
import { type Gradients, TapeNode, type Walk } from "./node.js";
import { Saved, secondTime } from "./saved.js";

/** What a {@link Function} knows in `forward` and `backward`; further fields of its own may be set on it. */
export class FunctionContext {
  #toSave: readonly Tensor[] = [];
  #fixed: readonly Tensor[] = [];
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

  /** What `saveForBackward` kept. @throws SconceError after an earlier walk has let go of it. */
  get savedTensors(): readonly Tensor[] {
    return this.#node === null ? this.#toSave : this.#node.unpack();
  }

  /** @internal */
  static parts(context: FunctionContext): { readonly toSave: readonly Tensor[]; readonly fixed: readonly Tensor[] } {
    return { toSave: context.#toSave, fixed: context.#fixed };
  }

  /** @internal */
  static bind(context: FunctionContext, node: FunctionNode): void {
    context.#node = node;
    context.#toSave = [];
    context.#fixed = [];
  }
}

type BackwardResult = Tensor | null | undefined | readonly (Tensor | null | undefined)[];

/** The static side of a {@link Function}. */
interface FunctionClass<A extends readonly unknown[], R> {
  readonly name: string;
  forward(context: FunctionContext, ...args: A): R;
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

function run<A extends readonly unknown[], R>(type: FunctionClass<A, R>, args: A): R {
  const needs = args.map((x) => mode.enabled && x instanceof Tensor && needsGrad(x));
  const context = new FunctionContext(needs);
  const result = noGrad(() => type.forward(context, ...args));
  if (!needs.includes(true)) return result;
  if (result instanceof Tensor) return record(type, context, args, [result])[0] as R;
  return record(type, context, args, result as readonly Tensor[]) as R;
}

function record(
  type: FunctionClass<readonly unknown[], unknown>,
  context: FunctionContext,
  args: readonly unknown[],
  results: readonly Tensor[],
): readonly Tensor[] {
  const { toSave, fixed } = FunctionContext.parts(context);
  // An argument that comes back as a result is a view of itself from here on.
  const outputs = results.map((x) => (args.includes(x) ? apply("detach", [x], null) : x));
  const node = new FunctionNode(type, context, args, outputs);
  node.keep(toSave, results);
  if (mode.anomaly) node.stack = new Error(node.name).stack;
  for (let i = 0; i < outputs.length; i++) {
    if (outputs[i].isFloatingPoint() && !fixed.includes(results[i])) resultHistory(outputs[i], undefined).setNode(node, i);
  }
  FunctionContext.bind(context, node);
  return outputs;
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
  #saved: { readonly saved: Saved; readonly node: TapeNode | null; readonly output: number }[] = [];
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
      if (result >= 0) return { saved: new Saved(x), node: this, output: result };
      const history = needsGrad(x) ? historyOf(x) : null;
      return { saved: new Saved(x), node: history?.target ?? null, output: history?.output ?? 0 };
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

export { AutogradFunction as Function };
