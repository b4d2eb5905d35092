import { apply, type Tensor } from "@sconce/core";
import { transposed } from "./help.js";
import { A, B, C, type Context, of, type Rules } from "./rule.js";

/** `a b`, laid out as an operand with these strides: where that has contiguous columns, as the transpose of `b' a'`. */
function product(a: Tensor, b: Tensor, like: readonly number[]): Tensor {
  const [row, column] = like.slice(-2);
  if (row === 1 && column > 1) return transposed(apply("matmul", [transposed(b), transposed(a)], null));
  return apply("matmul", [a, b], null);
}

// A weight enters as the transpose of what is stored, and its gradient is best laid out like the weight.
const toLeft =
  (input: number) =>
  (g: Tensor, b: Tensor, { strides }: Context) =>
    product(g, transposed(b), strides[input]);
const toRight =
  (input: number) =>
  (g: Tensor, a: Tensor, { strides }: Context) =>
    product(transposed(a), g, strides[input]);

/** Matrix products: transposes are views, which the kernels read as they are. */
export const linalg: Rules<"matmul" | "addmm"> = {
  matmul: [
    of(B, toLeft(0)), // [..., M, N] [..., N, K] -> [..., M, K]
    of(A, toRight(1)), // [..., K, M] [..., M, N] -> [..., K, N]
  ],
  addmm: [of((g) => g), of(C, toLeft(1)), of(B, toRight(2))],
};
