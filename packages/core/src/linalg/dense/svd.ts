import { eigh } from "./eigh.js";
import { qrColumns, qrFactor } from "./factor.js";
import { completeRows, dotRows, identity, type Matrix, multiply, rotateRows, scaled, transpose } from "./matrix.js";

/** `a = uᵀ diag(s) v`, with the singular vectors as rows. */
export interface Svd {
  /** `[m or min(m, n), m]` */
  readonly u: Matrix;
  readonly s: Float64Array;
  /** `[n or min(m, n), n]` */
  readonly v: Matrix;
}

const SWEEPS = 60;
/** Rows this much shorter than the longest count as zeros: the squares of still shorter ones leave the range. */
const LEAST_LENGTH = 2 ** -460;

/**
 * Singular values in falling order, with their vectors: QR, then one-sided Jacobi rotations, which give those of few rows to full relative
 * precision. With `full`, the vectors are completed to bases.
 *
 * Source: Demmel and Veselić, Jacobi's method is more accurate than QR, https://doi.org/10.1137/0613074
 */
export function svd(a: Matrix, m: number, n: number, full: boolean): Svd {
  if (m < n) {
    const { u, s, v } = svd(transpose(a, m, n), n, m, full);
    return { u: v, s, v: u };
  }
  const [factors, scale] = scaled(a);
  const tau = new Float64Array(n);
  qrFactor(factors, m, n, tau);
  const upper = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = i; j < n; j++) upper[i * n + j] = factors[i * n + j];
  const turned = headStart(upper, n);
  const rows = multiply(turned, upper, n, n, n);
  orthogonalizeRows(rows, turned, n);
  const { s, order } = lengthsOf(rows, n);
  const v = new Float64Array(n * n);
  const inner = new Float64Array(n * n); // rows of the left vectors in the basis of Q
  let rank = 0;
  order.forEach((from, i) => {
    if (s[i] > LEAST_LENGTH) rank = i + 1;
    for (let k = 0; k < n; k++) {
      v[i * n + k] = rows[from * n + k] / s[i];
      inner[i * n + k] = turned[from * n + k];
    }
  });
  for (let i = 0; i < n; i++) s[i] *= scale;
  completeRows(v, rank, n);
  const q = transpose(qrColumns(factors, tau, m, n, full ? m : n), m, full ? m : n); // rows of Q's columns
  const u = multiply(inner, q, n, n, m);
  if (!full) return { u, s, v };
  const whole = q.slice();
  whole.set(u);
  return { u: whole, s, v };
}

/**
 * A basis in which the rows are orthogonal but for half the digits, by the eigenvectors of their inner products: of eight sweeps over
 * many rows it spares six. The identity where there are few rows, or where the products leave the range.
 */
function headStart(rows: Matrix, n: number): Matrix {
  if (n < 32) return identity(n);
  const products = multiply(rows, transpose(rows, n, n), n, n, n);
  return products.every(Number.isFinite) ? transpose(eigh(products, n).vectors, n, n) : identity(n);
}

/** Rotates pairs of rows until all are orthogonal; `turned` takes the same rotations. */
function orthogonalizeRows(rows: Matrix, turned: Matrix, n: number): void {
  const squares = new Float64Array(n);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let rotations = 0;
    // Rotations keep them up to date, and what that costs in digits is made up for in each sweep.
    for (let i = 0; i < n; i++) squares[i] = dotRows(rows, i, rows, i, n);
    for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) if (rotatePair(rows, turned, squares, i, j, n)) rotations++;
    if (rotations === 0) return;
  }
}

function rotatePair(rows: Matrix, turned: Matrix, squares: Float64Array, i: number, j: number, n: number): boolean {
  const [x, y] = [squares[i], squares[j]];
  const xy = dotRows(rows, i, rows, j, n);
  const most = Math.max(Math.sqrt(x) * Math.sqrt(y), LEAST_LENGTH ** 2);
  // Inner products of long rows are no more exact than this.
  if (Math.abs(xy) <= Math.sqrt(n) * 2 ** -52 * most || !Number.isFinite(xy)) return false;
  const zeta = (y - x) / (2 * xy);
  const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
  const c = 1 / Math.hypot(1, t);
  rotateRows(rows, i, j, n, c, c * t);
  rotateRows(turned, i, j, n, c, c * t);
  squares[i] = x - t * xy;
  squares[j] = y + t * xy;
  return true;
}

/** Lengths of the rows in falling order, and which row each is. */
function lengthsOf(rows: Matrix, n: number): { s: Float64Array; order: number[] } {
  const lengths = Float64Array.from({ length: n }, (_, i) => Math.hypot(...rows.subarray(i * n, (i + 1) * n)));
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => lengths[j] - lengths[i]);
  return { s: Float64Array.from(order, (i) => lengths[i]), order };
}
