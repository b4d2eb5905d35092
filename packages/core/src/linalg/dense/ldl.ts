import { swapRows } from "./factor.js";
import type { Matrix } from "./matrix.js";

const ALPHA = (1 + Math.sqrt(17)) / 8;

/**
 * The factors `a = L D Lᵀ` of a symmetric matrix from its lower triangle, in place, with Bunch and Kaufman's pivoting: D has blocks of 1
 * and 2 rows, told by positive and negative pivots. Returns the number of the first zero block, counted from 1, or 0.
 *
 * Source: LAPACK's sytf2
 */
export function ldlFactor(a: Matrix, n: number, pivots: Float64Array): number {
  let info = 0;
  for (let k = 0; k < n; ) {
    const { row, size, zero } = choosePivot(a, n, k);
    if (zero) info ||= k + 1;
    else {
      swapSymmetric(a, n, k, k + size - 1, row);
      if (size === 1) eliminateOne(a, n, k);
      else eliminateTwo(a, n, k);
    }
    for (let i = k; i < k + size; i++) pivots[i] = size === 1 ? row + 1 : -(row + 1);
    k += size;
  }
  return info;
}

interface Pivot {
  readonly row: number;
  readonly size: 1 | 2;
  readonly zero: boolean;
}

function choosePivot(a: Matrix, n: number, k: number): Pivot {
  const own = Math.abs(a[k * n + k]);
  let [largest, at] = [0, k];
  for (let i = k + 1; i < n; i++) if (Math.abs(a[i * n + k]) > largest) [largest, at] = [Math.abs(a[i * n + k]), i];
  if (Math.max(own, largest) === 0) return { row: k, size: 1, zero: true };
  if (own >= ALPHA * largest) return { row: k, size: 1, zero: false };
  let inRow = 0;
  for (let j = k; j < at; j++) inRow = Math.max(inRow, Math.abs(a[at * n + j]));
  for (let i = at + 1; i < n; i++) inRow = Math.max(inRow, Math.abs(a[i * n + at]));
  if (own >= ALPHA * largest * (largest / inRow)) return { row: k, size: 1, zero: false };
  return { row: at, size: Math.abs(a[at * n + at]) >= ALPHA * inRow ? 1 : 2, zero: false };
}

/** Swaps rows and columns p and q of the trailing matrix from k on, of which only the lower triangle is kept. */
function swapSymmetric(a: Matrix, n: number, k: number, p: number, q: number): void {
  if (p === q) return;
  const swap = (x: number, y: number): void => {
    [a[x], a[y]] = [a[y], a[x]];
  };
  for (let i = q + 1; i < n; i++) swap(i * n + p, i * n + q);
  for (let j = p + 1; j < q; j++) swap(j * n + p, q * n + j);
  swap(p * n + p, q * n + q);
  if (p > k) swap(p * n + k, q * n + k);
}

function eliminateOne(a: Matrix, n: number, k: number): void {
  const inverse = 1 / a[k * n + k];
  for (let j = k + 1; j < n; j++) for (let i = j; i < n; i++) a[i * n + j] -= inverse * a[j * n + k] * a[i * n + k];
  for (let i = k + 1; i < n; i++) a[i * n + k] *= inverse;
}

function eliminateTwo(a: Matrix, n: number, k: number): void {
  const corner = a[(k + 1) * n + k];
  const [first, second] = [a[(k + 1) * n + k + 1] / corner, a[k * n + k] / corner];
  const scale = 1 / (first * second - 1) / corner;
  for (let j = k + 2; j < n; j++) {
    const u = scale * (first * a[j * n + k] - a[j * n + k + 1]);
    const v = scale * (second * a[j * n + k + 1] - a[j * n + k]);
    for (let i = j; i < n; i++) a[i * n + j] -= a[i * n + k] * u + a[i * n + k + 1] * v;
    a[j * n + k] = u;
    a[j * n + k + 1] = v;
  }
}

/** Solves `a x = b` for the `[n, m]` matrix b in place, with the factors of {@link ldlFactor}. Source: LAPACK's sytrs */
export function ldlSolve(a: Matrix, pivots: Float64Array, b: Matrix, n: number, m: number): void {
  /** Row i less `factor` times row j. */
  const subtract = (i: number, j: number, factor: number): void => {
    for (let c = 0; c < m; c++) b[i * m + c] -= factor * b[j * m + c];
  };
  for (let k = 0; k < n; ) {
    const size = pivots[k] > 0 ? 1 : 2;
    swapRows(b, k + size - 1, Math.abs(pivots[k]) - 1, m);
    for (let i = k + size; i < n; i++) for (let p = 0; p < size; p++) subtract(i, k + p, a[i * n + k + p]);
    if (size === 1) for (let c = 0; c < m; c++) b[k * m + c] /= a[k * n + k];
    else solveBlock(a, b, n, m, k);
    k += size;
  }
  for (let k = n - 1; k >= 0; ) {
    const size = pivots[k] > 0 ? 1 : 2;
    for (let i = k + 1; i < n; i++) for (let p = 0; p < size; p++) subtract(k - p, i, a[i * n + k - p]);
    swapRows(b, k, Math.abs(pivots[k]) - 1, m);
    k -= size;
  }
}

/** Divides two rows by their block of D. */
function solveBlock(a: Matrix, b: Matrix, n: number, m: number, k: number): void {
  const corner = a[(k + 1) * n + k];
  const [first, second] = [a[k * n + k] / corner, a[(k + 1) * n + k + 1] / corner];
  const determinant = first * second - 1;
  for (let c = 0; c < m; c++) {
    const [u, v] = [b[k * m + c] / corner, b[(k + 1) * m + c] / corner];
    b[k * m + c] = (second * u - v) / determinant;
    b[(k + 1) * m + c] = (first * v - u) / determinant;
  }
}
