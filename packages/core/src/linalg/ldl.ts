import type { DType } from "../dtype.js";
import { applyHost, type HostOp } from "../extension.js";
import { optionsOf } from "../options.js";
import type { Tensor } from "../tensor/tensor.js";
import { broadcastBatch, fail, type Named, named, requireMatrix, requireSame, requireSquare } from "./common.js";
import * as dense from "./dense/ldl.js";
import { batched, over } from "./host.js";
import type { CheckOptions } from "./solve.js";

const INT: DType = "int32";

/** Real symmetric matrices are their own adjoints: it makes no difference. */
export interface HermitianOptions {
  readonly hermitian?: boolean;
}

const LDL: HostOp<{ readonly op: string | null }> = {
  name: "LinalgLdlFactorEx",
  call: "linalg.ldlFactor",
  infer: ([a]) => [a, over(a, a.shape.slice(-1), INT), over(a, [], INT)],
  run: batched([2], [2, 1, 0], ([a], [ld, pivots, info], [[n]], { op }, at) => {
    for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) ld[i * n + j] = a[i * n + j];
    info[0] = dense.ldlFactor(ld, n, pivots);
    if (info[0] > 0 && op !== null) fail(op, at > 0, at, `The factor D has a zero block at ${info[0]}: it cannot be used to solve.`);
  }),
};

const SOLVE: HostOp<null> = {
  name: "LinalgLdlSolve",
  call: "linalg.ldlSolve",
  infer: ([, , b]) => [b],
  run: batched([2, 1, 2], [2], ([ld, pivots, b], [x], [[n], , [, k]]) => {
    x.set(b);
    dense.ldlSolve(ld, pivots, x, n, k);
  }),
};

/** Compact factors and int32 pivots: positive for rows of their own, negative for blocks of two. */
export interface LdlResult {
  readonly ld: Tensor;
  readonly pivots: Tensor;
}

function factored(op: string, a: Tensor, options: HermitianOptions & CheckOptions): readonly Tensor[] {
  const { checkErrors } = optionsOf(op, options, { hermitian: false, checkErrors: false });
  requireSquare(op, a);
  return applyHost(LDL, [a], { op: checkErrors ? op : null });
}

/**
 * The decomposition `L D Lᵀ` of symmetric matrices `[..., n, n]`, of which the lower triangle is read, in LAPACK's compact form; without
 * gradient.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.linalg.ldl_factor.html
 *
 * @throws ShapeError unless square.
 * @example
 * import "@sconce/backend-cpu";
 * import { tensor } from "@sconce/core";
 * import { ldlFactor, ldlSolve } from "@sconce/core/linalg";
 * const { ld, pivots } = ldlFactor(tensor([[1, 2], [2, 1]]));
 * ldlSolve(ld, pivots, tensor([[3], [3]])); // [[1], [1]]
 */
export function ldlFactor(a: Tensor, options: HermitianOptions = {}): Named<LdlResult> {
  const [ld, pivots] = factored("linalg.ldlFactor", a, options);
  return named({ ld, pivots });
}

/** {@link ldlFactor} with an int32 `info` for each matrix: the first zero block of D, counted from 1, or 0. */
export function ldlFactorEx(a: Tensor, options: HermitianOptions & CheckOptions = {}): Named<LdlResult & { readonly info: Tensor }> {
  const [ld, pivots, info] = factored("linalg.ldlFactorEx", a, options);
  return named({ ld, pivots, info });
}

/** The solution of `a x = b` from the results of {@link ldlFactor} for a. @throws ShapeError if the shapes do not fit. */
export function ldlSolve(ld: Tensor, pivots: Tensor, b: Tensor, options: HermitianOptions = {}): Tensor {
  optionsOf("linalg.ldlSolve", options, { hermitian: false });
  requireSquare("linalg.ldlSolve", ld, "LD");
  requireMatrix("linalg.ldlSolve", b, "B");
  requireSame("linalg.ldlSolve", ld, b);
  const [factors, right] = broadcastBatch("linalg.ldlSolve", ld, b);
  const [, swaps] = broadcastBatch("linalg.ldlSolve", factors, pivots, 2, 1);
  return applyHost(SOLVE, [factors, swaps, right], null)[0];
}
