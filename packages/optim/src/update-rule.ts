import {
  type Backend,
  constantValue,
  type DType,
  type Expr,
  inputExpr,
  isWhole,
  mutate,
  numberExpr,
  realise,
  realiseAll,
  type ScalarOp,
  sameShape,
  scalarExpr,
  scope,
  settledValue,
  type Tensor,
  tensorOf,
  type View,
} from "@sconce/core";

/** Arithmetic that tensors and the terms of a kernel share. */
interface Arithmetic<T> {
  add(other: T): T;
  sub(other: T): T;
  mul(other: T): T;
  div(other: T): T;
  neg(): T;
  sqrt(): T;
  maximum(other: T): T;
}

/** New contents of the first tensors from all of them and from numbers. */
export type UpdateFormula = <T extends Arithmetic<T>>(tensors: readonly T[], numbers: readonly T[]) => readonly T[];

/** A term of the kernel that a formula describes. */
class Term implements Arithmetic<Term> {
  readonly expr: Expr;

  constructor(expr: Expr) {
    this.expr = expr;
  }

  add(other: Term): Term {
    return this.apply("add", other);
  }

  sub(other: Term): Term {
    return this.apply("sub", other);
  }

  mul(other: Term): Term {
    return this.apply("mul", other);
  }

  div(other: Term): Term {
    return this.apply("div", other);
  }

  neg(): Term {
    return this.apply("neg");
  }

  sqrt(): Term {
    return this.apply("sqrt");
  }

  maximum(other: Term): Term {
    return this.apply("maximum", other);
  }

  private apply(op: ScalarOp, ...others: readonly Term[]): Term {
    return new Term(scalarExpr(op, this.expr.dtype, [this.expr, ...others.map((term) => term.expr)]));
  }
}

/** One update that has been asked for. */
interface Update {
  readonly rule: UpdateRule;
  readonly targets: readonly Tensor[];
  /** The targets and the other tensors. */
  readonly tensors: readonly Tensor[];
  readonly numbers: readonly number[];
  /** The kernel may write over the targets. */
  readonly exclusive: boolean;
}

/** Lists of updates that wait for those that run with them, or null where they run at once. */
let waiting: Update[][] | null = null;

/** Parts of one kernel at most: each takes room for its arguments. */
const MOST_PARTS = 1024;

/** Runs the updates that `fn` asks for: those of one rule with the same numbers and dtype as one kernel. They must not read each other's targets. */
export function together(fn: () => void): void {
  const outer = waiting;
  const lists: Update[][] = [];
  waiting = lists;
  try {
    fn();
  } finally {
    waiting = outer;
    for (const list of lists) list[0].rule.runKernel(list);
  }
}

/** Puts an update to those that it can run with. */
function enqueue(lists: Update[][], update: Update): void {
  for (let i = lists.length - 1; i >= 0; i--) {
    if (lists[i].length < MOST_PARTS && fits(update, lists[i][0])) {
      lists[i].push(update);
      return;
    }
  }
  lists.push([update]);
}

/** True if one kernel does both. */
function fits(a: Update, b: Update): boolean {
  const [first, second] = [a.tensors[0].storage, b.tensors[0].storage];
  if (a.rule !== b.rule || a.tensors.length !== b.tensors.length || a.exclusive !== b.exclusive) return false;
  if (first.backend !== second.backend || first.dtype !== second.dtype) return false;
  for (let i = 0; i < a.numbers.length; i++) if (a.numbers[i] !== b.numbers[i]) return false;
  return true;
}

/** True if nobody else sees what is written over the targets. */
function areExclusive(targets: readonly Tensor[]): boolean {
  for (const { storage } of targets) if (!storage.exclusive) return false;
  return true;
}

/** A tensor that takes up a whole memory, for a kernel. */
function viewOf({ shape, strides, storage }: Tensor): View {
  return { handle: realise(storage.value), dtype: storage.dtype, shape, strides, offset: 0 };
}

/**
 * An update of a parameter and of what is remembered of it, as one kernel that writes over them. Its expression is built once; a call
 * costs a few microseconds, where the same ops on tensors take ten times that.
 * @example
 * const [param, grad] = [ones([3]), ones([3])];
 * const descend = new UpdateRule(([param, grad], [rate]) => [param.sub(grad.mul(rate))]);
 * descend.run([param], [grad], [0.1]);
 */
export class UpdateRule {
  readonly #formula: UpdateFormula;
  readonly #exprs = new Map<DType, readonly Expr[]>();

  constructor(formula: UpdateFormula) {
    this.#formula = formula;
  }

  /**
   * Writes new contents into `targets`, which with `others` are the formula's tensors; all have one shape and dtype. Within
   * {@link together} it waits for the others.
   */
  run(targets: readonly Tensor[], others: readonly Tensor[], numbers: readonly number[]): void {
    const tensors = [...targets, ...others];
    if (!isPlain(tensors, targets.length)) {
      this.#runOps(targets, tensors, numbers);
      return;
    }
    const update: Update = { rule: this, targets, tensors, numbers, exclusive: areExclusive(targets) };
    if (waiting === null || tensors[0].storage.backend.limits.parts !== true) this.runKernel([update]);
    else enqueue(waiting, update);
  }

  /** Runs updates of this rule that fit together as one kernel. */
  runKernel(updates: readonly Update[]): void {
    const [{ tensors, numbers, targets, exclusive }] = updates;
    const { backend, dtype } = tensors[0].storage;
    const parts = updates.length;
    const views = new Array<View>(tensors.length * parts);
    for (let i = 0; i < tensors.length; i++) for (let j = 0; j < parts; j++) views[i * parts + j] = viewOf(updates[j].tensors[i]);
    const exprs = this.#exprsOf(dtype, tensors.length, numbers.length);
    const attrs = { exprs, numbers, overwrite: exclusive };
    const outputs = views.slice(0, targets.length * parts);
    const handles = backend.run("elementwise", views, outputs, parts === 1 ? attrs : { ...attrs, parts });
    for (let i = 0; i < outputs.length; i++) {
      const { storage } = updates[i % parts].targets[(i / parts) | 0];
      // The content was this storage's alone, so nobody else sees that it was written over.
      if (handles[i] === views[i].handle) {
        storage.version++;
        storage.value.copy = null;
      } else storage.set(settledValue(backend, storage.shape, dtype, handles[i]));
    }
  }

  #exprsOf(dtype: DType, tensors: number, numbers: number): readonly Expr[] {
    let exprs = this.#exprs.get(dtype);
    if (exprs === undefined) {
      const inputs = Array.from({ length: tensors }, (_, i) => new Term(inputExpr(i, dtype)));
      const constants = Array.from({ length: numbers }, (_, i) => new Term(numberExpr(i, dtype)));
      exprs = this.#formula(inputs, constants).map((term) => term.expr);
      this.#exprs.set(dtype, exprs);
    }
    return exprs;
  }

  #runOps(targets: readonly Tensor[], tensors: readonly Tensor[], numbers: readonly number[]): void {
    const { backend, dtype } = tensors[0].storage;
    // Temporaries are gone before the kernel runs, so it writes out nothing for them.
    scope(() => {
      const constants = numbers.map((value) => tensorOf(constantValue(backend, [], dtype, value)));
      const results = this.#formula(tensors, constants);
      targets.forEach((target, i) => {
        mutate(target, results[i]);
      });
    });
    realiseAll(targets);
  }
}

/** True if a kernel can read and write the tensors as they lie: all of a memory each, in order, in a dtype that kernels compute in. */
function isPlain(tensors: readonly Tensor[], targets: number): boolean {
  const [first] = tensors;
  const { backend, dtype } = first.storage;
  if ((dtype !== "float32" && dtype !== "float64") || !hasRoom(backend, tensors.length + targets)) return false;
  for (const { shape, strides, offset, storage } of tensors) {
    if (storage.host !== null || storage.backend !== backend || storage.dtype !== dtype || !sameShape(shape, first.shape)) return false;
    if (!isWhole({ shape, strides, offset }, storage)) return false;
  }
  return true;
}

/** Expressions of a dozen ops fit every device that fuses at all. */
function hasRoom({ limits }: Backend, operands: number): boolean {
  return limits.maxExpr >= 32 && operands <= limits.maxInputs;
}
