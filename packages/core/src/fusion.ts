import type { Backend, View } from "./backend.js";
import { type Expr, inputExpr, numberExpr, scalarExpr, wideExpr } from "./scalar.js";
import { type Shape, sameShape } from "./shape.js";
import type { Tensor } from "./tensor/tensor.js";
import type { Operand, Pending, Value } from "./value.js";

const NO_NUMBERS: readonly number[] = [];

/** Turns pending values into one kernel's expressions, inputs and numbers. */
export class Fusion {
  /** What is written out. */
  readonly roots: Value[];
  readonly exprs: Expr[];
  /** Number of inputs. */
  size = 0;
  /** Pending values whose expression was taken over, and how often it is used here; null for none. */
  inlined: Map<Value, number> | null = null;
  /** The inputs, with room for about all: lists that grow one by one take more memory than all else here. */
  readonly #views: View[];
  /** Expressions of pending values. Most kernels are one op, which needs no maps. */
  #done: Map<Value, Expr> | null = null;
  /** The values of numbers; null for none. */
  #constants: Value[] | null = null;
  readonly #shape: Shape;

  /** Of pending values of one shape. Without any, other pending values that are needed twice are written out first and read. */
  constructor(roots: Value[], shape: Shape = roots[0].shape, leaves: number = (roots[0].pending as Pending).leaves) {
    this.#shape = shape;
    this.#views = new Array<View>(leaves);
    this.roots = roots;
    this.exprs = roots.length === 1 ? [this.root(roots[0])] : roots.map((value) => this.pending(value));
  }

  get views(): readonly View[] {
    return this.#views.length === this.size ? this.#views : this.#views.slice(0, this.size);
  }

  get numbers(): readonly (number | bigint)[] {
    return this.#constants === null ? NO_NUMBERS : this.#constants.map(({ constant }) => constant as number | bigint);
  }

  operand(operand: Operand): Expr {
    const { value } = operand;
    if (value.handle === null && value.constant !== null) return this.number(value);
    if (value.pending === null || !operand.whole || (this.roots.length === 0 && isShared(value))) return this.view(operand);
    const expr = this.pending(value);
    this.inlined ??= new Map();
    this.inlined.set(value, (this.inlined.get(value) ?? 0) + 1);
    return expr;
  }

  /** The expression of a pending value. */
  pending(value: Value): Expr {
    const found = this.#done?.get(value);
    if (found !== undefined) return found;
    const expr = this.root(value);
    this.#done ??= new Map();
    this.#done.set(value, expr);
    return expr;
  }

  /** The expression of a pending value that no other one uses. */
  private root(value: Value): Expr {
    const { op, operands } = value.pending as Pending;
    const args = new Array<Expr>(operands.length);
    for (let i = 0; i < operands.length; i++) args[i] = this.operand(operands[i]);
    return typeof op === "string" ? scalarExpr(op, value.dtype, args) : wideExpr(value.dtype, args, (_, wide) => op.expr(...wide));
  }

  private number(value: Value): Expr {
    this.#constants ??= [];
    let index = this.#constants.indexOf(value);
    if (index < 0) index = this.#constants.push(value) - 1;
    return numberExpr(index, value.dtype);
  }

  private view({ value, strides, offset }: Operand): Expr {
    const handle = realise(value);
    for (let i = 0; i < this.size; i++) {
      const view = this.#views[i];
      if (view.handle === handle && view.offset === offset && sameShape(view.strides, strides)) return inputExpr(i, value.dtype);
    }
    this.#views[this.size] = { handle, dtype: value.dtype, shape: this.#shape, strides, offset };
    return inputExpr(this.size++, value.dtype);
  }
}

/** True if whatever realises a pending value must write it out. */
function isShared(value: Value): boolean {
  return value.saved > 0 || value.reads > 1;
}

/** Gives a value its buffer, running what is pending as one kernel. Returns the buffer. */
export function realise(value: Value): object {
  if (value.handle !== null) return value.handle;
  if (value.pending !== null) return runFused(value.backend, fuseOne(value, value.pending))[0];
  if (value.constant === null) throw new Error("internal: a value without content");
  const attrs = { exprs: [numberExpr(0, value.dtype)], numbers: [value.constant] };
  const [handle] = value.backend.run("elementwise", [], [value], attrs);
  value.settle(handle);
  return handle;
}

/**
 * One kernel that computes a pending value. Parts that were written out since it was made are inputs of their own: where they are too
 * many, its operands come first.
 */
function fuseOne(value: Value, { operands }: Pending): Fusion {
  const fusion = new Fusion([value]);
  if (fusion.size < value.backend.limits.maxInputs) return fusion;
  for (const operand of operands) if (operand.whole && operand.value.pending !== null) realise(operand.value);
  return new Fusion([value]);
}

/** Runs a fused kernel, writing out what others need on the way as far as the device has room. */
function runFused(backend: Backend, fusion: Fusion): readonly object[] {
  const { roots, exprs, inlined } = fusion;
  if (inlined !== null) {
    for (const [other, uses] of inlined) {
      const room = fusion.size + roots.length < backend.limits.maxInputs;
      // Where this kernel holds the only uses, nobody is left to read it.
      if (room && isShared(other) && other.owners > uses && !roots.includes(other)) {
        roots.push(other);
        exprs.push(fusion.pending(other));
      }
    }
  }
  const handles = backend.run("elementwise", fusion.views, roots, { exprs, numbers: fusion.numbers });
  for (let i = 0; i < roots.length; i++) roots[i].settle(handles[i]);
  return handles;
}

/**
 * Computes what is pending of several tensors now, in as few kernels as their shapes and the device's limits allow: an optimizer calls
 * it so that a parameter and all that is remembered of it take one kernel.
 */
export function realiseAll(tensors: readonly Tensor[]): void {
  if (tensors.length === 1) {
    const { value } = tensors[0].storage;
    if (value.pending !== null) realise(value);
    return;
  }
  let waiting = [...new Set(tensors.map((t) => t.storage.value))].filter((v) => v.pending !== null);
  while (waiting.length > 0) {
    const [first] = waiting;
    let group = waiting.filter((v) => v.backend === first.backend && sameShape(v.shape, first.shape));
    let fusion = new Fusion(group);
    while (group.length > 1 && !fits(fusion, first.backend.limits)) {
      group = group.slice(0, -1);
      fusion = new Fusion(group);
    }
    runFused(first.backend, fusion);
    waiting = waiting.filter((v) => v.pending !== null);
  }
}

function fits({ size, roots, inlined }: Fusion, { maxInputs, maxExpr }: Backend["limits"]): boolean {
  return size + roots.length <= maxInputs && (inlined?.size ?? 0) + roots.length <= maxExpr;
}
