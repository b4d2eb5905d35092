import type { Matrix } from "./matrix.js";

/**
 * LU factors with partial pivoting, in place: L below the diagonal (its own is 1), U on and above it. Row i was swapped with row
 * `pivots[i] - 1`. Returns the number of the first zero on the diagonal of U, counted from 1, or 0.
 *
 * Source: Golub and Van Loan, Matrix Computations, algorithm 3.4.1
 */
export function luFactor(a: Matrix, m: number, n: number, pivots: Float64Array, pivoting = true): number {
  let info = 0;
  for (let k = 0; k < Math.min(m, n); k++) {
    let p = k;
    if (pivoting) for (let i = k + 1; i < m; i++) if (Math.abs(a[i * n + k]) > Math.abs(a[p * n + k])) p = i;
    pivots[k] = p + 1;
    if (a[p * n + k] === 0) {
      info ||= k + 1;
      continue;
    }
    if (p !== k) swapRows(a, k, p, n);
    for (let i = k + 1; i < m; i++) {
      const factor = (a[i * n + k] /= a[k * n + k]);
      if (factor !== 0) for (let j = k + 1; j < n; j++) a[i * n + j] -= factor * a[k * n + j];
    }
  }
  return info;
}

/** Swaps two rows. */
export function swapRows(a: Matrix, i: number, j: number, n: number): void {
  for (let k = 0; k < n; k++) {
    const x = a[i * n + k];
    a[i * n + k] = a[j * n + k];
    a[j * n + k] = x;
  }
}

/** -1 or 1: the sign of the permutation that the swaps make. */
export function pivotSign(pivots: Float64Array): number {
  let sign = 1;
  for (let i = 0; i < pivots.length; i++) if (pivots[i] !== i + 1) sign = -sign;
  return sign;
}

/** Solves `a x = b` for the `[n, k]` matrix b in place, with the factors of {@link luFactor}. */
export function luSolve(lu: Matrix, pivots: Float64Array, b: Matrix, n: number, k: number): void {
  for (let i = 0; i < n; i++) if (pivots[i] !== i + 1) swapRows(b, i, pivots[i] - 1, k);
  solveTriangular(lu, b, n, k, { upper: false, unit: true });
  solveTriangular(lu, b, n, k, { upper: true, unit: false });
}

/** Solves `t x = b` in place, with the upper or lower triangle of `t`; `unit` takes its diagonal for 1. */
export function solveTriangular(
  t: Matrix,
  b: Matrix,
  n: number,
  k: number,
  how: { readonly upper: boolean; readonly unit: boolean },
): void {
  for (let step = 0; step < n; step++) {
    const i = how.upper ? n - 1 - step : step;
    for (let p = how.upper ? i + 1 : 0; p < (how.upper ? n : i); p++) {
      const factor = t[i * n + p];
      if (factor !== 0) for (let j = 0; j < k; j++) b[i * k + j] -= factor * b[p * k + j];
    }
    if (!how.unit) for (let j = 0; j < k; j++) b[i * k + j] /= t[i * n + i];
  }
}

/** The lower Cholesky factor from the lower triangle, in place; the rest becomes 0. Returns the order of the first bad minor, or 0. */
export function cholesky(a: Matrix, n: number): number {
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let sum = a[i * n + j];
      for (let k = 0; k < j; k++) sum -= a[i * n + k] * a[j * n + k];
      if (i > j) a[i * n + j] = sum / a[j * n + j];
      else if (sum > 0) a[j * n + j] = Math.sqrt(sum);
      else return j + 1;
    }
    for (let k = j + 1; k < n; k++) a[j * n + k] = 0;
  }
  return 0;
}

/** Lengths below the first have lost digits: their columns are multiplied by the second, a power of two as well. */
const [LEAST_LENGTH, GROWTH] = [2 ** -900, 2 ** 600];

/**
 * Householder QR in LAPACK's form, in place: R on and above the diagonal, the reflectors' tails below it.
 *
 * Source: LAPACK's geqr2, larfg
 */
export function qrFactor(a: Matrix, m: number, n: number, tau: Float64Array): void {
  for (let k = 0; k < Math.min(m, n); k++) {
    tau[k] = makeReflector(a, m, n, k);
    if (tau[k] !== 0) reflect(a, m, n, k, tau[k], a, n, k + 1);
  }
}

/** Turns column k into reflector k and the element of R, and returns its factor. */
function makeReflector(a: Matrix, m: number, n: number, k: number): number {
  let tail = 0;
  for (let i = k + 1; i < m; i++) tail = Math.hypot(tail, a[i * n + k]);
  if (tail === 0) return 0;
  const alpha = a[k * n + k];
  const beta = alpha >= 0 ? -Math.hypot(alpha, tail) : Math.hypot(alpha, tail);
  if (Math.abs(beta) < LEAST_LENGTH) {
    for (let i = k; i < m; i++) a[i * n + k] *= GROWTH;
    const tau = makeReflector(a, m, n, k);
    a[k * n + k] /= GROWTH;
    return tau;
  }
  for (let i = k + 1; i < m; i++) a[i * n + k] /= alpha - beta;
  a[k * n + k] = beta;
  return (beta - alpha) / beta;
}

/** Applies reflector k of `[m, n]` factors to the columns from `from` on of another matrix of width `width`, row by row. */
function reflect(a: Matrix, m: number, n: number, k: number, tau: number, out: Matrix, width: number, from: number): void {
  const sums = out.slice(k * width, (k + 1) * width);
  for (let i = k + 1; i < m; i++) {
    const x = a[i * n + k];
    for (let j = from; j < width; j++) sums[j] += x * out[i * width + j];
  }
  for (let j = from; j < width; j++) out[k * width + j] -= sums[j] *= tau;
  for (let i = k + 1; i < m; i++) {
    const x = a[i * n + k];
    for (let j = from; j < width; j++) out[i * width + j] -= sums[j] * x;
  }
}

/** The first `width` columns of Q from the factors of {@link qrFactor}. */
export function qrColumns(a: Matrix, tau: Float64Array, m: number, n: number, width: number): Matrix {
  const q = new Float64Array(m * width);
  for (let i = 0; i < Math.min(m, width); i++) q[i * width + i] = 1;
  for (let k = Math.min(m, n) - 1; k >= 0; k--) reflect(a, m, n, k, tau[k], q, width, k);
  return q;
}
