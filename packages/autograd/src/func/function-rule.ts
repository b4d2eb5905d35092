import { Tensor, withLayer } from "@sconce/core";
import { type FunctionClass, FunctionContext, forward, run, setWrappedRun } from "../function.js";
import { BatchedTensor, inside, type Level, levels, operandAt, spreadOut } from "./batched.js";
import { layerOf } from "./vmap.js";

type AnyClass = FunctionClass<readonly unknown[], unknown>;

/** The innermost level at which an argument differs between examples. */
function levelOf(args: readonly unknown[]): Level {
  const found = levels().findLast((level) => args.some((x) => x instanceof BatchedTensor && x.level === level));
  return found ?? (args.find((x) => x instanceof BatchedTensor) as BatchedTensor).level;
}

const listOf = (result: unknown): readonly unknown[] => (Array.isArray(result) ? result : [result]);

/** A function over all examples of a level: its own forward and backward, each run inside of a level. */
class Lifted implements FunctionClass<readonly unknown[], unknown> {
  readonly name: string;
  readonly #type: AnyClass;
  readonly #level: Level;
  readonly #batched: readonly boolean[];
  #context: FunctionContext | null = null;
  #saved: readonly boolean[] = [];

  constructor(type: AnyClass, level: Level, batched: readonly boolean[]) {
    this.name = type.name;
    this.#type = type;
    this.#level = level;
    this.#batched = batched;
  }

  forward(context: FunctionContext, ...args: readonly unknown[]): unknown {
    const level = this.#level;
    const physical = (x: Tensor): Tensor => operandAt(level, x).tensor;
    const own = new FunctionContext(context.needsInputGrad);
    const examples = args.map((x, i) => (this.#batched[i] ? new BatchedTensor(level, x as Tensor) : x));
    const result = forward(this.#type, own, examples);
    const { toSave, fixed } = FunctionContext.parts(own);
    this.#context = own;
    this.#saved = toSave.map((x) => operandAt(level, x).batched);
    context.saveForBackward(...toSave.map(physical));
    context.materializeGrads = own.materializeGrads;
    const outputs = listOf(result).map((x) => spreadOut(operandAt(level, x as Tensor), level.size));
    context.markNonDifferentiable(...outputs.filter((_, i) => fixed.includes(listOf(result)[i] as Tensor)));
    return Array.isArray(result) ? outputs : outputs[0];
  }

  backward(context: FunctionContext, ...grads: readonly (Tensor | null)[]): (Tensor | null)[] {
    const level: Level = { ...this.#level, open: true };
    const own = this.#context as FunctionContext;
    return withLayer(layerOf(level), () =>
      inside(level, () => {
        own.saveForBackward(...context.savedTensors.map((x, i) => (this.#saved[i] ? new BatchedTensor(level, x) : x)));
        const examples = grads.map((g) => (g === null ? null : new BatchedTensor(level, g)));
        const result = listOf(this.#type.backward(own, ...examples));
        return result.map((g, i) => (g instanceof Tensor ? this.#gathered(operandAt(level, g), i, level) : null));
      }),
    );
  }

  /** The gradient of an argument: the sum over examples of one that is the same for all. */
  #gathered(grad: { readonly tensor: Tensor; readonly batched: boolean }, i: number, { size }: Level): Tensor {
    if (this.#batched[i]) return spreadOut(grad, size);
    return grad.batched ? grad.tensor.sum(0) : grad.tensor.mul(size);
  }
}

function runLifted<A extends readonly unknown[], R>(type: FunctionClass<A, R>, args: A): R {
  const level = levelOf(args);
  const operands = args.map((x) => (x instanceof Tensor ? operandAt(level, x) : null));
  const lifted = new Lifted(
    type as unknown as AnyClass,
    level,
    operands.map((x) => x?.batched ?? false),
  );
  const result = run(
    lifted,
    args.map((x, i) => operands[i]?.tensor ?? x),
  );
  const wrap = (x: unknown): unknown => new BatchedTensor(level, x as Tensor);
  return (Array.isArray(result) ? result.map(wrap) : wrap(result)) as R;
}

setWrappedRun(runLifted);
