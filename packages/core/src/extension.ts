import type { Spec } from "./backend.js";
import { apply, applyAll } from "./dispatch.js";
import type { TypedArray } from "./dtype.js";
import type { Expr } from "./scalar.js";
import type { Tensor } from "./tensor/tensor.js";

/** What the derivative of an extension knows of its call. */
export interface ExtensionCall<P = unknown> {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly params: P;
  /** For each input, whether its gradient is asked for. */
  readonly needs: readonly boolean[];
}

/**
 * The gradients of the inputs from those of the results (null for a result that nothing depends on), written with differentiable ops.
 * Null for an input that has none; a gradient of the broadcast shape is summed to the input's.
 */
export type Vjp<P = unknown> = (grads: readonly (Tensor | null)[], call: ExtensionCall<P>) => readonly (Tensor | null)[];

/** A primitive outside of the tables: it brings its own computation and derivative, so that a program pays only for those it names. */
export interface Extension<P = unknown> {
  /** PyTorch's word for the node, such as `LinalgCholeskyEx`. */
  readonly name: string;
  /** The function that users call, for errors; the name if left out. */
  readonly call?: string;
  /** Absent where nothing is differentiable. */
  readonly vjp?: Vjp<P>;
}

/** An elementwise op given as a formula of base ops over inputs of one dtype: every backend computes it, fused with what is around it. */
export interface FormulaOp extends Extension<null> {
  /** The formula over the inputs. */
  readonly expr: (...args: readonly Expr[]) => Expr;
}

/** An input or result of a host op: its elements in row-major order. */
export interface HostView extends Spec {
  readonly data: TypedArray;
}

/** An op that the host computes on every device: what is inherently sequential, such as a dense decomposition. */
export interface HostOp<P = unknown> extends Extension<P> {
  /** Shapes and dtypes of the results. */
  readonly infer: (inputs: readonly Spec[], params: P) => readonly Spec[];
  /** Fills the results, which come as zeros. */
  readonly run: (inputs: readonly HostView[], outputs: readonly HostView[], params: P) => void;
}

/** Runs a formula on tensors of one floating-point dtype whose shapes broadcast. */
export function applyFormula(op: FormulaOp, ...inputs: readonly Tensor[]): Tensor {
  return apply("formula", inputs, { op, params: null });
}

/** Runs a host op: at once where the host can have the elements at once, else in its turn among what the device runs. */
export function applyHost<P>(op: HostOp<P>, inputs: readonly Tensor[], params: P): readonly Tensor[] {
  return applyAll("host", inputs, { op: op as HostOp, params });
}
