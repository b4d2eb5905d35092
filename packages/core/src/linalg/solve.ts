import type { DType } from "../dtype.js";
import { formatShape, ShapeError } from "../errors.js";
import { applyHost, type HostOp } from "../extension.js";
import { optionsOf } from "../options.js";
import type { Tensor } from "../tensor/tensor.js";
import { broadcastBatch, fail, type Named, named, requireMatrix, requireSame, requireSquare } from "./common.js";
import { luFactor, luSolve as luSolveDense, solveTriangular as solveTriangularDense } from "./dense/factor.js";
import { identity } from "./dense/matrix.js";
import { batched, over } from "./host.js";

/** A system's matrix stands left of what is sought unless `left` is false. */
export interface LeftOptions {
  readonly left?: boolean;
}

/** With `checkErrors`, a matrix that cannot be used throws; otherwise `info` says so. */
export interface CheckOptions {
  readonly checkErrors?: boolean;
}

/** What a failure is called, or null where `info` tells of it. */
interface Checked {
  readonly op: string | null;
}

const INT: DType = "int32";

const SOLVE: HostOp<Checked> = {
  name: "LinalgSolveEx",
  call: "linalg.solve",
  infer: ([a, b]) => [b, over(a, [], INT)],
  run: batched([2, 2], [2, 0], ([a, b], [x, info], [[n], [, k]], { op }, at) => {
    const pivots = new Float64Array(n);
    x.set(b);
    info[0] = luFactor(a, n, n, pivots);
    if (info[0] > 0 && op !== null) fail(op, false, at, "The solver failed because the input matrix is singular.");
    luSolveDense(a, pivots, x, n, k);
  }),
  vjp: ([g], { inputs: [a], outputs: [x] }) => {
    if (g === null) return [null, null];
    const gb = solveWith(a.mT, g, null).x;
    return [gb.matmul(x.mT).neg(), gb];
  },
};

function solveWith(a: Tensor, b: Tensor, op: string | null): { x: Tensor; info: Tensor } {
  const [x, info] = applyHost(SOLVE, [a, b], { op });
  return { x, info };
}

const INV: HostOp<Checked> = {
  name: "LinalgInvEx",
  call: "linalg.inv",
  infer: ([a]) => [a, over(a, [], INT)],
  run: batched([2], [2, 0], ([a], [x, info], [[n]], { op }, at) => {
    const pivots = new Float64Array(n);
    x.set(identity(n));
    info[0] = luFactor(a, n, n, pivots);
    if (info[0] > 0 && op !== null) {
      const why = `The diagonal element ${info[0]} is zero, the inversion could not be completed because the input matrix is singular.`;
      fail(op, false, at, why);
    }
    luSolveDense(a, pivots, x, n, n);
  }),
  vjp: ([g], { outputs: [x] }) => [g === null ? null : x.mT.matmul(g).matmul(x.mT).neg()],
};

/** The inverse without a check, as derivatives need it. */
export function inverse(a: Tensor): Tensor {
  return applyHost(INV, [a], { op: null })[0];
}

interface Triangle {
  readonly upper: boolean;
  readonly unit: boolean;
}

const TRIANGULAR: HostOp<Triangle> = {
  name: "LinalgSolveTriangular",
  call: "linalg.solveTriangular",
  infer: ([, b]) => [b],
  run: batched([2, 2], [2], ([a, b], [x], [[n], [, k]], how) => {
    x.set(b);
    solveTriangularDense(a, x, n, k, how);
  }),
  vjp: ([g], { inputs: [a], outputs: [x], params: { upper, unit } }) => {
    const gb = triangular(a.mT, g as Tensor, { upper: !upper, unit });
    const full = gb.matmul(x.mT).neg();
    return [upper ? full.triu(unit ? 1 : 0) : full.tril(unit ? -1 : 0), gb];
  },
};

/** Solves `a x = b` for a triangle of one batch. */
export function triangular(a: Tensor, b: Tensor, how: Triangle): Tensor {
  return applyHost(TRIANGULAR, [a, b], how)[0];
}

/** True if b stands for vectors: one dimension, or one less than the matrices and a shape that fits them. */
function isVector(a: Tensor, b: Tensor): boolean {
  return b.ndim === 1 || (a.ndim - 1 === b.ndim && String(b.shape) === String(a.shape.slice(0, -1)));
}

function solveAny(op: string, a: Tensor, b: Tensor, left: boolean, check: boolean): { x: Tensor; info: Tensor } {
  requireSquare(op, a);
  requireSame(op, a, b);
  const vector = left && isVector(a, b);
  if (!left && isVector(a, b)) throw new ShapeError(`${op}: Vector broadcasting of the right hand side is not supported with left: false`);
  const right = vector ? b.unsqueeze(-1) : left ? b : b.mT;
  if (right.ndim < 2 || right.shape[right.ndim - 2] !== a.shape[a.ndim - 1]) {
    throw new ShapeError(
      `${op}: Incompatible shapes of A and B for the equation ${left ? "AX = B" : "XA = B"}, got ${formatShape(a.shape)} and ${formatShape(b.shape)}`,
      { shapes: [a.shape, b.shape] },
    );
  }
  const [aa, bb] = broadcastBatch(op, left ? a : a.mT, right);
  const { x, info } = solveWith(aa, bb, check ? op : null);
  return { x: vector ? x.squeeze(-1) : left ? x : x.mT, info };
}

/**
 * The solution of `a x = b` (`x a = b` with `left: false`) for square matrices `[..., n, n]`; b is `[..., n, k]` or `[..., n]`.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.linalg.solve.html
 *
 * @throws ShapeError if the shapes do not fit. @throws LinAlgError if a matrix is singular.
 * @example
 * import "@sconce/backend-cpu";
 * import { tensor } from "@sconce/core";
 * import { solve } from "@sconce/core/linalg";
 * const x = solve(tensor([[3, 1], [1, 2]]), tensor([9, 8])); // [2, 3]
 */
export function solve(a: Tensor, b: Tensor, options: LeftOptions = {}): Tensor {
  const { left } = optionsOf("linalg.solve", options, { left: true });
  return solveAny("linalg.solve", a, b, left, true).x;
}

/** {@link solve} with an int32 `info` for each matrix, 0 for success, instead of an error. @throws ShapeError if the shapes do not fit. */
export function solveEx(
  a: Tensor,
  b: Tensor,
  options: LeftOptions & CheckOptions = {},
): Named<{ readonly result: Tensor; readonly info: Tensor }> {
  const { left, checkErrors } = optionsOf("linalg.solveEx", options, { left: true, checkErrors: false });
  const { x, info } = solveAny("linalg.solveEx", a, b, left, checkErrors);
  return named({ result: x, info });
}

/**
 * The inverse of square matrices `[..., n, n]`. To multiply by it, {@link solve} is faster and more exact.
 * @throws ShapeError unless square. @throws LinAlgError if a matrix is singular.
 * @example
 * import "@sconce/backend-cpu";
 * import { tensor } from "@sconce/core";
 * import { inv } from "@sconce/core/linalg";
 * inv(tensor([[2, 0], [0, 4]])); // [[0.5, 0], [0, 0.25]]
 */
export function inv(a: Tensor): Tensor {
  requireSquare("linalg.inv", a);
  return applyHost(INV, [a], { op: "linalg.inv" })[0];
}

/** {@link inv} with an int32 `info` for each matrix, 0 for success, instead of an error. @throws ShapeError unless square. */
export function invEx(a: Tensor, options: CheckOptions = {}): Named<{ readonly inverse: Tensor; readonly info: Tensor }> {
  const { checkErrors } = optionsOf("linalg.invEx", options, { checkErrors: false });
  requireSquare("linalg.invEx", a);
  const [x, info] = applyHost(INV, [a], { op: checkErrors ? "linalg.invEx" : null });
  return named({ inverse: x, info });
}

/** What {@link solveTriangular} takes. */
export interface TriangularOptions extends LeftOptions {
  /** Reads the upper triangle, else the lower one; the other is ignored. */
  readonly upper: boolean;
  /** Takes the diagonal for 1. */
  readonly unitriangular?: boolean;
}

/**
 * The solution of `a x = b` (`x a = b` with `left: false`) for triangular matrices `[..., n, n]` and b `[..., n, k]`.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.linalg.solve_triangular.html
 *
 * @throws ShapeError if the shapes do not fit.
 * @example
 * import "@sconce/backend-cpu";
 * import { tensor } from "@sconce/core";
 * import { solveTriangular } from "@sconce/core/linalg";
 * solveTriangular(tensor([[2, 0], [1, 1]]), tensor([[2], [3]]), { upper: false }); // [[1], [2]]
 */
export function solveTriangular(a: Tensor, b: Tensor, options: TriangularOptions): Tensor {
  const op = "linalg.solveTriangular";
  // It must be said which.
  const given = { upper: null, ...(options as object) } as unknown as TriangularOptions;
  const { upper, left, unitriangular } = optionsOf(op, given, { upper: false, left: true, unitriangular: false });
  requireSquare(op, a);
  requireMatrix(op, b, "B");
  requireSame(op, a, b);
  const n = a.shape[a.ndim - 1];
  if (b.shape[left ? b.ndim - 2 : b.ndim - 1] !== n) {
    throw new ShapeError(
      `${op}: Incompatible shapes of A and B for the equation ${left ? "AX = B" : "XA = B"}, got ${formatShape(a.shape)} and ${formatShape(b.shape)}`,
      { shapes: [a.shape, b.shape] },
    );
  }
  const [aa, bb] = broadcastBatch(op, left ? a : a.mT, left ? b : b.mT);
  const x = triangular(aa, bb, { upper: left ? upper : !upper, unit: unitriangular });
  return left ? x : x.mT;
}
