import type { DType } from "../dtype.js";
import { NotSupportedError, ShapeError, ValueError } from "../errors.js";
import { applyHost, type HostOp } from "../extension.js";
import { cat } from "../functions.js";
import { optionsOf } from "../options.js";
import type { Tensor } from "../tensor/tensor.js";
import {
  broadcastBatch,
  eyeLike,
  fail,
  halfLower,
  type Named,
  named,
  requireMatrix,
  requireSquare,
  sizeOfMatrix,
  zerosOf,
} from "./common.js";
import * as dense from "./dense/factor.js";
import { batched, over } from "./host.js";
import { type CheckOptions, triangular } from "./solve.js";

const INT: DType = "int32";

/** Which triangle is meant. */
export interface UpperOptions {
  readonly upper?: boolean;
}

// ---- Cholesky

const CHOLESKY: HostOp<{ readonly op: string | null }> = {
  name: "LinalgCholeskyEx",
  call: "linalg.cholesky",
  infer: ([a]) => [a, over(a, [], INT)],
  run: batched([2], [2, 0], ([a], [l, info], [[n]], { op }, at) => {
    l.set(a);
    info[0] = dense.cholesky(l, n);
    if (info[0] === 0) return;
    const why = `The factorization could not be completed because the input is not positive-definite (the leading minor of order ${info[0]} is not positive-definite).`;
    if (op !== null) fail(op, at > 0, at, why);
  }),
  vjp: ([g], { outputs: [l] }) => {
    if (g === null) return [null];
    const inner = halfLower(l.mT.matmul(g));
    const left = triangular(l.mT, inner, { upper: true, unit: false });
    const full = triangular(l.mT, left.mT, { upper: true, unit: false });
    return [full.add(full.mT).mul(0.5)];
  },
};

function choleskyAny(op: string, a: Tensor, upper: boolean, check: boolean): { factor: Tensor; info: Tensor } {
  requireSquare(op, a);
  const [l, info] = applyHost(CHOLESKY, [upper ? a.mT : a], { op: check ? op : null });
  return { factor: upper ? l.mT : l, info };
}

/**
 * The Cholesky factor L of symmetric positive-definite matrices `[..., n, n]`, `a = L Lᵀ`; with `upper` its transpose. Only one
 * triangle of a is read.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.linalg.cholesky.html
 *
 * @throws ShapeError unless square. @throws LinAlgError unless positive-definite.
 * @example
 * import "@sconce/backend-cpu";
 * import { tensor } from "@sconce/core";
 * import { cholesky } from "@sconce/core/linalg";
 * cholesky(tensor([[4, 2], [2, 5]])); // [[2, 0], [1, 2]]
 */
export function cholesky(a: Tensor, options: UpperOptions = {}): Tensor {
  const { upper } = optionsOf("linalg.cholesky", options, { upper: false });
  return choleskyAny("linalg.cholesky", a, upper, true).factor;
}

/** {@link cholesky} with an int32 `info` for each matrix (the order of the first bad minor, 0 for success) instead of an error. */
export function choleskyEx(a: Tensor, options: UpperOptions & CheckOptions = {}): Named<{ readonly l: Tensor; readonly info: Tensor }> {
  const { upper, checkErrors } = optionsOf("linalg.choleskyEx", options, { upper: false, checkErrors: false });
  const { factor, info } = choleskyAny("linalg.choleskyEx", a, upper, checkErrors);
  return named({ l: factor, info });
}

/** The solution of `a x = b` from the Cholesky factor of a. @throws ShapeError if the shapes do not fit. */
export function choleskySolve(b: Tensor, factor: Tensor, options: UpperOptions = {}): Tensor {
  const { upper } = optionsOf("linalg.choleskySolve", options, { upper: false });
  requireSquare("linalg.choleskySolve", factor, "factor");
  requireMatrix("linalg.choleskySolve", b, "B");
  const [l, right] = broadcastBatch("linalg.choleskySolve", upper ? factor.mT : factor, b);
  return triangular(l.mT, triangular(l, right, { upper: false, unit: false }), { upper: true, unit: false });
}

/** The inverse of a from its Cholesky factor. @throws ShapeError unless square. */
export function choleskyInverse(factor: Tensor, options: UpperOptions = {}): Tensor {
  const { upper } = optionsOf("linalg.choleskyInverse", options, { upper: false });
  requireSquare("linalg.choleskyInverse", factor, "factor");
  return choleskySolve(eyeLike(factor, factor.shape[factor.ndim - 1]), factor, { upper });
}

// ---- QR

/** Which columns of Q and rows of R {@link qr} gives. */
export type QrMode = "reduced" | "complete" | "r";

const QR: HostOp<{ readonly mode: QrMode }> = {
  name: "LinalgQr",
  call: "linalg.qr",
  infer: ([a], { mode }) => {
    const [m, n] = a.shape.slice(-2);
    const k = mode === "complete" ? m : Math.min(m, n);
    return [mode === "r" ? { shape: [0], dtype: a.dtype } : over(a, [m, k]), over(a, [k, n])];
  },
  run: (inputs, outputs, params) => (params.mode === "r" ? R_ONLY : BOTH)(inputs, params.mode === "r" ? outputs.slice(1) : outputs, params),
  vjp: ([gq, gr], { outputs: [q, r], params: { mode } }) => {
    const [rows, columns] = sizeOfMatrix(r);
    if (mode === "r")
      throw new NotSupportedError('linalg.qr: The derivative of linalg.qr is not implemented when mode="r"', { op: "linalg.qr" });
    if (mode === "complete" && rows > columns) {
      throw new NotSupportedError('linalg.qr: The QR decomposition is not differentiable when mode="complete" and nrows > ncols', {
        op: "linalg.qr",
      });
    }
    return [qrGrad(q, r, gq, gr)];
  },
};

const BOTH = batched<{ readonly mode: QrMode }>([2], [2, 2], ([a], [q, r], [[m, n]], { mode }) => {
  const tau = new Float64Array(Math.min(m, n));
  const width = mode === "complete" ? m : Math.min(m, n);
  dense.qrFactor(a, m, n, tau);
  q.set(dense.qrColumns(a, tau, m, n, width));
  for (let i = 0; i < width; i++) for (let j = i; j < n; j++) r[i * n + j] = a[i * n + j];
});

const R_ONLY = batched<{ readonly mode: QrMode }>([2], [2], ([a], [r], [[m, n]]) => {
  dense.qrFactor(a, m, n, new Float64Array(Math.min(m, n)));
  for (let i = 0; i < Math.min(m, n); i++) for (let j = i; j < n; j++) r[i * n + j] = a[i * n + j];
});

/** Source: Liao et al., Differentiable programming tensor networks, https://arxiv.org/abs/1903.09650, appendix */
function qrGrad(q: Tensor, r: Tensor, gq: Tensor | null, gr: Tensor | null): Tensor {
  const [k, n] = sizeOfMatrix(r);
  if (n <= k) return qrGradTall(q, r, gq, gr);
  // The columns past the square part of R depend on Q alone.
  const square = r.narrow(-1, 0, k);
  const rest = r.narrow(-1, k, n - k);
  if (gr === null) return cat([qrGradTall(q, square, gq, null), zerosOf(r, [...q.shape.slice(0, -1), n - k])], -1);
  const right = q.matmul(gr.narrow(-1, k, n - k));
  const towardsQ = q.matmul(rest).matmul(gr.narrow(-1, k, n - k).mT);
  return cat([qrGradTall(q, square, gq === null ? towardsQ : gq.add(towardsQ), gr.narrow(-1, 0, k)), right], -1);
}

function qrGradTall(q: Tensor, r: Tensor, gq: Tensor | null, gr: Tensor | null): Tensor {
  const parts = [...(gr === null ? [] : [r.matmul(gr.mT)]), ...(gq === null ? [] : [gq.mT.matmul(q).neg()])];
  const m = parts.reduce((x, y) => x.add(y));
  const symmetric = m.tril().add(m.tril(-1).mT);
  const inner = q.matmul(symmetric);
  // (gq + inner) r⁻ᵀ
  return triangular(r, (gq === null ? inner : gq.add(inner)).mT, { upper: true, unit: false }).mT;
}

/**
 * The QR decomposition of matrices `[..., m, n]`: `a = q r`, q with orthonormal columns, r upper triangular. `"reduced"` gives
 * `[..., m, k]` and `[..., k, n]` with `k = min(m, n)`, `"complete"` `[..., m, m]` and `[..., m, n]`, `"r"` an empty q.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.linalg.qr.html
 *
 * @throws ShapeError unless there are two dimensions or more. @throws ValueError for another mode.
 * @example
 * import "@sconce/backend-cpu";
 * import { randn } from "@sconce/core";
 * import { qr } from "@sconce/core/linalg";
 * const { q, r } = qr(randn([5, 3])); // [5, 3] and [3, 3]
 */
export function qr(a: Tensor, options: { readonly mode?: QrMode } = {}): Named<{ readonly q: Tensor; readonly r: Tensor }> {
  const { mode } = optionsOf("linalg.qr", options, { mode: "reduced" });
  requireMatrix("linalg.qr", a);
  if (mode !== "reduced" && mode !== "complete" && mode !== "r") {
    throw new ValueError(`linalg.qr: expected mode "reduced", "complete" or "r", got ${JSON.stringify(mode)}`, { op: "linalg.qr" });
  }
  const [q, r] = applyHost(QR, [a], { mode });
  return named({ q, r });
}

const GEQRF: HostOp<null> = {
  name: "Geqrf",
  call: "linalg.geqrf",
  infer: ([a]) => [a, over(a, [Math.min(...a.shape.slice(-2))])],
  run: batched([2], [2, 1], ([a], [factors, tau], [[m, n]]) => {
    factors.set(a);
    dense.qrFactor(factors, m, n, tau);
  }),
};

/** The factors of {@link qr} in LAPACK's form: R and below it Householder vectors, with their coefficients `[..., min(m, n)]`. */
export function geqrf(a: Tensor): Named<{ readonly a: Tensor; readonly tau: Tensor }> {
  requireMatrix("linalg.geqrf", a);
  const [factors, tau] = applyHost(GEQRF, [a], null);
  return named({ a: factors, tau });
}

/** Vectors v and triangle t of `H₁ H₂ … = I - v t vᵀ`. Source: Schreiber and Van Loan, https://doi.org/10.1137/0910005 */
function reflectors(a: Tensor, tau: Tensor): { v: Tensor; t: Tensor } {
  const k = tau.shape[tau.ndim - 1];
  const [m] = sizeOfMatrix(a);
  const lower = a.narrow(-1, 0, k).tril(-1);
  const head = eyeLike(a, k);
  const v = lower.add(m === k ? head : cat([head, zerosOf(a, [...a.shape.slice(0, -2), m - k, k])], -2));
  const scaled = v.mT.matmul(v).triu(1).mul(tau.unsqueeze(-1));
  return { v, t: triangular(scaled.add(head), head.mul(tau.unsqueeze(-1)), { upper: true, unit: true }) };
}

function checkReflectors(op: string, a: Tensor, tau: Tensor): void {
  requireMatrix(op, a);
  const [m, n] = sizeOfMatrix(a);
  const k = tau.shape[tau.ndim - 1];
  if (m >= n && k <= n && tau.ndim === a.ndim - 1) return;
  throw new ShapeError(`${op}: expected a of [..., m, n] with m >= n and tau of [..., k] with k <= n`, {
    shapes: [a.shape, tau.shape],
  });
}

/** The first n columns of the product of Householder reflectors from {@link geqrf}. @throws ShapeError if the shapes do not fit. */
export function householderProduct(a: Tensor, tau: Tensor): Tensor {
  checkReflectors("linalg.householderProduct", a, tau);
  const { v, t } = reflectors(a, tau);
  const [m, n] = sizeOfMatrix(a);
  const one = eyeLike(a, m).narrow(-1, 0, n);
  return one.sub(v.matmul(t).matmul(v.narrow(-2, 0, n).mT));
}

/** What {@link ormqr} takes. */
export interface OrmqrOptions {
  /** Multiplies from the left, the default. */
  readonly left?: boolean;
  /** Multiplies by the transpose. */
  readonly transpose?: boolean;
}

/** The product of `other` with the Q of {@link geqrf}'s factors. @throws ShapeError if the shapes do not fit. */
export function ormqr(a: Tensor, tau: Tensor, other: Tensor, options: OrmqrOptions = {}): Tensor {
  const { left, transpose } = optionsOf("linalg.ormqr", options, { left: true, transpose: false });
  const { v, t } = reflectors(a, tau);
  const middle = transpose ? t.mT : t;
  if (left) return other.sub(v.matmul(middle.matmul(v.mT.matmul(other))));
  return other.sub(other.matmul(v).matmul(middle).matmul(v.mT));
}
