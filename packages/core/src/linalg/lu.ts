import type { DType } from "../dtype.js";
import { applyHost, type HostOp } from "../extension.js";
import { cat } from "../functions.js";
import { optionsOf } from "../options.js";
import type { Tensor } from "../tensor/tensor.js";
import { broadcastBatch, eyeLike, fail, type Named, named, requireMatrix, requireSquare, sizeOfMatrix, zerosOf } from "./common.js";
import { luFactor as factorDense, swapRows } from "./dense/factor.js";
import { identity } from "./dense/matrix.js";
import { batched, over } from "./host.js";
import { type CheckOptions, type LeftOptions, triangular } from "./solve.js";

const INT: DType = "int32";

/** What the LU decompositions take. */
export interface PivotOptions {
  /** Swaps rows for stability, the default. Without, a zero pivot gives inf and NaN. */
  readonly pivot?: boolean;
}

interface LuParams {
  readonly pivot: boolean;
  readonly op: string | null;
}

const LU: HostOp<LuParams> = {
  name: "LinalgLuFactorEx",
  call: "linalg.lu",
  infer: ([a]) => [a, over(a, [Math.min(...a.shape.slice(-2))], INT), over(a, [], INT)],
  run: batched([2], [2, 1, 0], ([a], [lu, pivots, info], [[m, n]], { pivot, op }, at) => {
    lu.set(a);
    info[0] = factorDense(lu, m, n, pivots, pivot);
    if (info[0] > 0 && op !== null)
      fail(op, at > 0, at, `U[${info[0]},${info[0]}] is zero and using it on lu_solve would result in a division by zero.`);
  }),
  vjp: ([g], { outputs: [lu, pivots] }) => {
    if (g === null) return [null];
    const [m] = sizeOfMatrix(lu);
    return [permutation(lu, pivots, m).matmul(luGrad(lu, g))];
  },
};

/** The gradient of the permuted matrix `L U` from that of the packed factors. */
function luGrad(lu: Tensor, g: Tensor): Tensor {
  const [m, n] = sizeOfMatrix(lu);
  const k = Math.min(m, n);
  const top = lu.narrow(-2, 0, k).narrow(-1, 0, k);
  const [l, u] = [top.tril(-1).add(eyeLike(lu, k)), top.triu()];
  let gl = g.narrow(-2, 0, k).narrow(-1, 0, k).tril(-1);
  let gu = g.narrow(-2, 0, k).narrow(-1, 0, k).triu();
  const [wide, tall] = [n > k, m > k];
  // Columns past the square part are L⁻¹ times those of the matrix, rows below it the matrix's times U⁻¹.
  const right = wide ? triangular(top.mT, g.narrow(-1, k, n - k), { upper: true, unit: true }) : null;
  if (right !== null) gl = gl.sub(right.matmul(lu.narrow(-1, k, n - k).mT)).tril(-1);
  const below = tall ? triangular(top, g.narrow(-2, k, m - k).mT, { upper: true, unit: false }).mT : null;
  if (below !== null) gu = gu.sub(lu.narrow(-2, k, m - k).mT.matmul(below)).triu();
  const inner = l.mT.matmul(gl).tril(-1).add(gu.matmul(u.mT).triu());
  const left = triangular(top.mT, inner, { upper: true, unit: true });
  const square = triangular(top, left.mT, { upper: true, unit: false }).mT;
  const rows = right === null ? square : cat([square, right], -1);
  return below === null ? rows : cat([rows, below], -2);
}

const PERMUTATION: HostOp<{ readonly m: number; readonly dtype: DType }> = {
  name: "LuPermutation",
  call: "linalg.lu",
  infer: ([pivots], { m, dtype }) => [{ shape: [...pivots.shape.slice(0, -1), m, m], dtype }],
  run: batched([1], [2], ([pivots], [p], _shapes, { m }) => {
    const swapped = identity(m);
    for (let i = 0; i < pivots.length; i++) if (pivots[i] !== i + 1) swapRows(swapped, i, pivots[i] - 1, m);
    for (let i = 0; i < m; i++) for (let j = 0; j < m; j++) p[j * m + i] = swapped[i * m + j];
  }),
};

/** P of `a = P L U`, `[..., m, m]`, from the row swaps. */
function permutation(like: Tensor, pivots: Tensor, m: number): Tensor {
  return applyHost(PERMUTATION, [pivots], { m, dtype: like.dtype })[0];
}

function luAny(op: string, a: Tensor, pivot: boolean, check: boolean): readonly Tensor[] {
  requireMatrix(op, a);
  return applyHost(LU, [a], { pivot, op: check ? op : null });
}

/**
 * The compact LU decomposition of matrices `[..., m, n]`: L below the diagonal (its own is 1), U on and above it, and int32 pivots: row i
 * was swapped with row `pivots[i] - 1`.
 * @throws ShapeError unless there are two dimensions or more. @throws LinAlgError if a diagonal element of U is 0.
 */
export function luFactor(a: Tensor, options: PivotOptions = {}): Named<{ readonly lu: Tensor; readonly pivots: Tensor }> {
  const { pivot } = optionsOf("linalg.luFactor", options, { pivot: true });
  const [lu, pivots] = luAny("linalg.luFactor", a, pivot, false);
  return named({ lu, pivots });
}

/** {@link luFactor} with an int32 `info` for each matrix: the first zero on the diagonal of U, counted from 1, or 0. */
export function luFactorEx(
  a: Tensor,
  options: PivotOptions & CheckOptions = {},
): Named<{ readonly lu: Tensor; readonly pivots: Tensor; readonly info: Tensor }> {
  const { pivot, checkErrors } = optionsOf("linalg.luFactorEx", options, { pivot: true, checkErrors: false });
  const [lu, pivots, info] = luAny("linalg.luFactorEx", a, pivot, checkErrors);
  return named({ lu, pivots, info });
}

/** What {@link luUnpack} takes. */
export interface UnpackOptions {
  readonly unpackData?: boolean;
  readonly unpackPivots?: boolean;
}

/** P, L and U. */
export interface Plu {
  readonly p: Tensor;
  readonly l: Tensor;
  readonly u: Tensor;
}

/** P `[..., m, m]`, L `[..., m, k]` and U `[..., k, n]` from the results of {@link luFactor}; empty where they are not asked for. */
export function luUnpack(lu: Tensor, pivots: Tensor, options: UnpackOptions = {}): Named<Plu> {
  const { unpackData, unpackPivots } = optionsOf("linalg.luUnpack", options, { unpackData: true, unpackPivots: true });
  requireMatrix("linalg.luUnpack", lu);
  const [m, n] = sizeOfMatrix(lu);
  const k = Math.min(m, n);
  const none = zerosOf(lu, [0]);
  const p = unpackPivots ? permutation(lu, pivots, m) : none;
  if (!unpackData) return named({ p, l: none, u: none });
  const head = eyeLike(lu, k);
  const one = m === k ? head : cat([head, zerosOf(lu, [...lu.shape.slice(0, -2), m - k, k])], -2);
  return named({ p, l: lu.narrow(-1, 0, k).tril(-1).add(one), u: lu.narrow(-2, 0, k).triu() });
}

/**
 * The LU decomposition of matrices `[..., m, n]` with partial pivoting: `a = p l u`. Without pivoting p is empty.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.linalg.lu.html
 *
 * @throws ShapeError unless there are two dimensions or more.
 * @example
 * import "@sconce/backend-cpu";
 * import { tensor } from "@sconce/core";
 * import { lu } from "@sconce/core/linalg";
 * const { p, l, u } = lu(tensor([[1, 2], [4, 5]])); // l [[1, 0], [0.25, 1]], u [[4, 5], [0, 0.75]]
 */
export function lu(a: Tensor, options: PivotOptions = {}): Named<Plu> {
  const { pivot } = optionsOf("linalg.lu", options, { pivot: true });
  const [factors, pivots] = luAny("linalg.lu", a, pivot, false);
  return luUnpack(factors, pivots, { unpackPivots: pivot });
}

/** What {@link luSolve} takes. */
export interface LuSolveOptions extends LeftOptions {
  /** Solves with the transpose. */
  readonly adjoint?: boolean;
}

/**
 * The solution of `a x = b` (`x a = b` with `left: false`) from the results of {@link luFactor} for a.
 * @throws ShapeError if the shapes do not fit.
 */
export function luSolve(factors: Tensor, pivots: Tensor, b: Tensor, options: LuSolveOptions = {}): Tensor {
  const { left, adjoint } = optionsOf("linalg.luSolve", options, { left: true, adjoint: false });
  requireSquare("linalg.luSolve", factors, "LU");
  requireMatrix("linalg.luSolve", b, "B");
  const [lu, right] = broadcastBatch("linalg.luSolve", factors, left ? b : b.mT);
  const p = permutation(factors, pivots, factors.shape[factors.ndim - 1]);
  const lower = { upper: false, unit: true };
  const upper = { upper: true, unit: false };
  // From the right it is the transpose that stands on the left.
  const x =
    adjoint === left
      ? p.matmul(triangular(lu.mT, triangular(lu.mT, right, { upper: false, unit: false }), { upper: true, unit: true }))
      : triangular(lu, triangular(lu, p.mT.matmul(right), lower), upper);
  return left ? x : x.mT;
}
