import { applyFormula, applyHost, type FormulaOp, type HostOp } from "../extension.js";
import { resultType, type TensorOrScalar } from "../promotion.js";
import type { Expr } from "../scalar.js";
import { broadcast, type Shape } from "../shape.js";
import { expandTo } from "../tensor/compose.js";
import { convertAll, floatType, leadOf } from "../tensor/elementwise.js";
import type { Tensor } from "../tensor/tensor.js";

/** The derivative of a function of one variable: of its gradient, x and y = f(x). */
type Derivative = (g: Tensor, x: Tensor, y: Tensor) => Tensor;

/** Operands as tensors of one floating-point dtype. */
export function floats(name: string, operands: readonly TensorOrScalar[]): readonly Tensor[] {
  return convertAll(leadOf(name, operands), operands, floatType(resultType(...operands)));
}

/** A function of one tensor from a formula; integers become floating-point. `derivative` null: there is none. */
export function unary(name: string, expr: (x: Expr) => Expr, derivative: Derivative | null): (x: Tensor) => Tensor {
  const op: FormulaOp = {
    name,
    expr,
    ...(derivative === null ? {} : { vjp: ([g], { inputs: [x], outputs: [y] }) => [derivative(g as Tensor, x, y)] }),
  };
  return (x) => applyFormula(op, ...floats(name, [x]));
}

/** A host op that computes one number from one of each input, which are stretched to one shape first; `round` rounds to the dtype. */
export function hostFunction(
  name: string,
  fn: (x: readonly number[], round: (x: number) => number) => number,
  vjp?: HostOp<null>["vjp"],
): (...operands: readonly TensorOrScalar[]) => Tensor {
  const op: HostOp<null> = {
    name,
    infer: ([x]) => [x],
    run: (inputs, [out]) => {
      const data = inputs.map((x) => x.data as Float64Array);
      const round = out.dtype === "float64" ? (x: number) => x : Math.fround;
      for (let i = 0; i < out.data.length; i++)
        out.data[i] = fn(
          data.map((x) => x[i]),
          round,
        ) as never;
    },
    ...(vjp === undefined ? {} : { vjp }),
  };
  return (...operands) => applyHost(op, stretched(name, floats(name, operands)), null)[0];
}

/** All tensors as views of one shape. */
export function stretched(name: string, tensors: readonly Tensor[]): readonly Tensor[] {
  const shape = tensors.reduce<Shape>((all, x) => broadcast(all, x.shape, name), []);
  return tensors.map((x) => expandTo(x, shape));
}
