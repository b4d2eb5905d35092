import { apply, type Tensor } from "@sconce/core";
import { transposed } from "./help.js";
import { A, B, C, of, type Rules } from "./rule.js";

const matmul = (a: Tensor, b: Tensor): Tensor => apply("matmul", [a, b], null);

/** Matrix products: transposes are views, which the kernels read as they are. */
export const linalg: Rules<"matmul" | "addmm"> = {
  matmul: [
    of(B, (g, b) => matmul(g, transposed(b))), // [..., M, N] [..., N, K] -> [..., M, K]
    of(A, (g, a) => matmul(transposed(a), g)), // [..., K, M] [..., M, N] -> [..., K, N]
  ],
  addmm: [of((g) => g), of(C, (g, b) => matmul(g, transposed(b))), of(B, (g, a) => matmul(transposed(a), g))],
};
