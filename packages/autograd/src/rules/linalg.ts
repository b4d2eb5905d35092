import { apply, type Tensor } from "@sconce/core";
import { transposed } from "./help.js";
import { A, B, C, type Context, of, type Rules } from "./rule.js";

/** True for the strides of an operand whose columns are contiguous, such as a weight, which enters as the transpose of what is stored. */
function isByColumns(strides: readonly number[]): boolean {
  const n = strides.length;
  return strides[n - 2] === 1 && strides[n - 1] > 1;
}

const product = (a: Tensor, b: Tensor): Tensor => apply("matmul", [a, b], null);

// A gradient is best laid out like its operand.
const toLeft =
  (input: number) =>
  (g: Tensor, b: Tensor, { strides }: Context) =>
    isByColumns(strides[input]) ? transposed(product(b, transposed(g))) : product(g, transposed(b));
const toRight =
  (input: number) =>
  (g: Tensor, a: Tensor, { strides }: Context) =>
    isByColumns(strides[input]) ? transposed(product(transposed(g), a)) : product(transposed(a), g);

/** Matrix products: transposes are views, which the kernels read as they are. */
export const linalg: Rules<"matmul" | "addmm"> = {
  matmul: [
    of(B, toLeft(0)), // [..., M, N] [..., N, K] -> [..., M, K]
    of(A, toRight(1)), // [..., K, M] [..., M, N] -> [..., K, N]
  ],
  addmm: [of((g) => g), of(C, toLeft(1)), of(B, toRight(2))],
};
