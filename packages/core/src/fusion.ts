import type { Backend, View } from "./backend.js";
import { type Expr, inputExpr, numberExpr, scalarExpr, wideExpr } from "./scalar.js";
import { type Shape, sameShape } from "./shape.js";
import type { Tensor } from "./tensor/tensor.js";
import type { Operand, Pending, Value } from "./value.js";

/** Turns pending values into one kernel's expression, inputs and numbers. */
export class Fusion {
  readonly views: View[] = [];
  readonly numbers: (number | bigint)[] = [];
  /** Pending values whose expression was taken over, and how often it is used here; null for none. */
  inlined: Map<Value, number> | null = null;
  /** Expressions of pending values. Most kernels are one op, which needs no maps. */
  #done: Map<Value, Expr> | null = null;
  /** The values of `numbers`. */
  readonly #constants: Value[] = [];
  readonly #shape: Shape;
  readonly #stopAtShared: boolean;

  /** With `stopAtShared`, pending values that others need too are written out first and read. */
  constructor(shape: Shape, stopAtShared: boolean) {
    this.#shape = shape;
    this.#stopAtShared = stopAtShared;
  }

  operand(operand: Operand): Expr {
    const { value } = operand;
    if (value.handle === null && value.constant !== null) return this.number(value);
    if (value.pending === null || !operand.whole || (this.#stopAtShared && isShared(value))) return this.view(operand);
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
  root(value: Value): Expr {
    const { op, operands } = value.pending as Pending;
    const args = new Array<Expr>(operands.length);
    for (let i = 0; i < operands.length; i++) args[i] = this.operand(operands[i]);
    return typeof op === "string" ? scalarExpr(op, value.dtype, args) : wideExpr(value.dtype, args, (_, wide) => op.expr(...wide));
  }

  private number(value: Value): Expr {
    let index = this.#constants.indexOf(value);
    if (index < 0) {
      index = this.#constants.push(value) - 1;
      this.numbers.push(value.constant as number | bigint);
    }
    return numberExpr(index, value.dtype);
  }

  private view({ value, strides, offset }: Operand): Expr {
    const handle = realise(value);
    const { views } = this;
    for (let i = 0; i < views.length; i++) {
      const view = views[i];
      if (view.handle === handle && view.offset === offset && sameShape(view.strides, strides)) return inputExpr(i, value.dtype);
    }
    views.push({ handle, dtype: value.dtype, shape: this.#shape, strides, offset });
    return inputExpr(views.length - 1, value.dtype);
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
function fuseOne(value: Value, { operands }: Pending): Fused {
  const fused = fuse([value]);
  if (fused.fusion.views.length < value.backend.limits.maxInputs) return fused;
  for (const operand of operands) if (operand.whole && operand.value.pending !== null) realise(operand.value);
  return fuse([value]);
}

/** One kernel that computes pending values of one shape. */
function fuse(values: readonly Value[]): Fused {
  const fusion = new Fusion(values[0].shape, false);
  if (values.length === 1) return { fusion, roots: [values[0]], exprs: [fusion.root(values[0])] };
  return { fusion, roots: [...values], exprs: values.map((value) => fusion.pending(value)) };
}

interface Fused {
  readonly fusion: Fusion;
  /** What is written out, and its expressions. */
  readonly roots: Value[];
  readonly exprs: Expr[];
}

/** Runs a fused kernel, writing out what others need on the way as far as the device has room. */
function runFused(backend: Backend, { fusion, roots, exprs }: Fused): readonly object[] {
  if (fusion.inlined !== null) {
    for (const [other, uses] of fusion.inlined) {
      const room = fusion.views.length + roots.length < backend.limits.maxInputs;
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
    let fused = fuse(group);
    while (group.length > 1 && !fits(fused, first.backend.limits)) {
      group = group.slice(0, -1);
      fused = fuse(group);
    }
    runFused(first.backend, fused);
    waiting = waiting.filter((v) => v.pending !== null);
  }
}

function fits({ fusion, roots }: Fused, { maxInputs, maxExpr }: Backend["limits"]): boolean {
  return fusion.views.length + roots.length <= maxInputs && (fusion.inlined?.size ?? 0) + roots.length <= maxExpr;
}
