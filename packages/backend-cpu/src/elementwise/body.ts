/**
 * The code of expressions at one step of the innermost loop, for elementwise kernels and as the prologue of reductions.
 *
 * @module
 */
import type { Expr } from "@sconce/core";
import { I32, type Local } from "../wasm/asm.js";
import type { Emitter } from "./emitter.js";
import type { Nest } from "./nest.js";
import type { Plan } from "./plan.js";
import { BYTES, constant, load, loadSplat, print, typeOf, type Width } from "./unit.js";

/** How an input lies along the innermost loop: one element for all, adjacent, or some distance apart. */
export type StrideClass = 0 | 1 | 2;

/** Expressions with their inputs bound to pointers that move along the innermost dimension. */
export class Body {
  readonly width: Width;
  readonly #e: Emitter;
  readonly #plan: Plan;
  readonly #classes: readonly StrideClass[];
  readonly #fixed = new Map<Expr, Local>();
  readonly #pointers: readonly Local[];
  readonly #steps: readonly (Local | undefined)[];

  /** `inner` is the dimension of the innermost loop; inputs are operands 0, 1, ... of the nest. */
  constructor(e: Emitter, plan: Plan, width: Width, classes: readonly StrideClass[], nest: Nest, inner: number) {
    this.#e = e;
    this.#plan = plan;
    this.width = width;
    this.#classes = classes;
    this.#pointers = classes.map(() => e.f.local(I32));
    this.#steps = classes.map((c, i) => (c === 2 ? e.hoist(`step${i}`, I32, () => nest.stride(i, inner)) : undefined));
    for (const expr of plan.order) {
      if (expr.kind === "literal") this.#fixed.set(expr, constant(e, expr, width));
      else if (expr.kind === "number") {
        const value = e.hoist(`number${expr.index}`, typeOf(expr.dtype, width), () => {
          loadSplat(e, plan.numbers[expr.index], width, () => nest.number(expr.index));
        });
        this.#fixed.set(expr, value);
      } else if (expr.kind === "input" && classes[expr.index] === 0) {
        this.#fixed.set(expr, e.f.local(typeOf(expr.dtype, width)));
      }
    }
  }

  /** Starts a pass along the innermost dimension at the addresses `from`. */
  start(from: readonly Local[]): void {
    const { f } = this.#e;
    this.#pointers.forEach((pointer, i) => f.get(from[i]).set(pointer));
    for (const [expr, local] of this.#fixed) {
      if (expr.kind !== "input") continue;
      loadSplat(this.#e, expr.dtype, this.width, this.#pointers[expr.index]);
      f.set(local);
    }
  }

  /** Computes one step; `use` gets the locals of the roots. With `count`, only so many lanes are read; `offset` is as in {@link load}. */
  step(count: Local | undefined, use: (roots: readonly Local[]) => void, offset = 0): void {
    const e = this.#e;
    const { order, uses, roots } = this.#plan;
    const values = new Map<Expr, Local>(this.#fixed);
    const left = new Map(uses);
    const done = (expr: Expr): void => {
      const rest = (left.get(expr) as number) - 1;
      left.set(expr, rest);
      if (rest === 0 && !this.#fixed.has(expr)) e.release(values.get(expr) as Local);
    };
    for (const expr of order) {
      if (this.#fixed.has(expr)) continue;
      if (expr.kind === "input") load(e, expr.dtype, this.width, this.#pointers[expr.index], this.#steps[expr.index], count, offset);
      else if (expr.kind === "op") {
        const args = expr.args.map((arg) => values.get(arg) as Local);
        print(e, this.width, expr, args);
        expr.args.forEach(done);
      }
      const local = e.temp(typeOf(expr.dtype, this.width));
      e.f.set(local);
      values.set(expr, local);
    }
    use(roots.map((root) => values.get(root) as Local));
    roots.forEach(done);
  }

  /** Moves the pointers of adjacent inputs on by so many full steps. */
  advance(steps = 1): void {
    this.#classes.forEach((c, i) => {
      if (c === 1) this.#e.f.inc(this.#pointers[i], steps * this.width * BYTES[this.#plan.inputs[i]]);
    });
  }
}
