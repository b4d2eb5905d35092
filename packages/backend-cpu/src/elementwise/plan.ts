/**
 * What has to be known about expressions before code is emitted for them.
 *
 * @module
 */
import { type BaseScalarOp, type DType, type Expr, wideOf } from "@sconce/core";

/** A scalar op within an expression. */
export type OpExpr = Expr & { readonly kind: "op" };

/** Expressions in evaluation order. */
export interface Plan {
  readonly roots: readonly Expr[];
  /** Every distinct part, arguments before the ops that use them. */
  readonly order: readonly Expr[];
  /** How often each part is used, as an argument or as a root. */
  readonly uses: ReadonlyMap<Expr, number>;
  /** Dtype of each kernel input. */
  readonly inputs: readonly DType[];
  /** Dtype of each run-time number in the argument block: a storage dtype's is the wide one. */
  readonly numbers: readonly DType[];
}

/** Orders the parts of `roots`. */
export function planOf(roots: readonly Expr[]): Plan {
  const order: Expr[] = [];
  const uses = new Map<Expr, number>();
  const inputs: DType[] = [];
  const numbers: DType[] = [];
  const visit = (expr: Expr): void => {
    const count = uses.get(expr) ?? 0;
    uses.set(expr, count + 1);
    if (count > 0) return;
    if (expr.kind === "op") expr.args.forEach(visit);
    else if (expr.kind === "input") inputs[expr.index] = expr.dtype;
    else if (expr.kind === "number") numbers[expr.index] = wideOf(expr.dtype) ?? expr.dtype;
    order.push(expr);
  };
  roots.forEach(visit);
  return { roots, order, uses, inputs, numbers };
}

/** The scalar ops of a plan. */
export function opsOf(plan: Plan): OpExpr[] {
  return plan.order.filter((expr): expr is OpExpr => expr.kind === "op");
}

/** The dtype that decides what an op computes: that of its last argument (for `where`, of its branches). */
export function operandType(expr: OpExpr): DType {
  return expr.args[expr.args.length - 1].dtype;
}

/** Name of the imported function that computes an op on one element. */
export function importName(op: BaseScalarOp, dtype: DType): string {
  return `${op}_${dtype}`;
}
