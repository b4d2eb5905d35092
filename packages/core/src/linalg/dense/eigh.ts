import { type Matrix, rotateRows, scaled, transpose } from "./matrix.js";

/** The off-diagonal of a tridiagonal matrix, its diagonal, and the basis in rows in which it is so. */
interface Tridiagonal {
  readonly d: Float64Array;
  readonly e: Float64Array;
  /** `[n, n]`; after {@link diagonalize} the eigenvectors are its rows. */
  readonly z: Matrix;
}

/**
 * Eigenvalues of a symmetric matrix in rising order, and eigenvectors as columns: Householder reduction, then implicit QL.
 *
 * Source: EISPACK's tred2 and tql2, in Wilkinson and Reinsch, Handbook for Automatic Computation, volume II
 */
export function eigh(a: Matrix, n: number): { values: Float64Array; vectors: Matrix } {
  const [matrix, scale] = scaled(a);
  const t = tridiagonalize(matrix, n);
  diagonalize(t, n);
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => t.d[i] - t.d[j]);
  const vectors = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) vectors[i * n + j] = t.z[order[j] * n + i];
  return { values: Float64Array.from(order, (i) => t.d[i] * scale), vectors };
}

function tridiagonalize(z: Matrix, n: number): Tridiagonal {
  const d = new Float64Array(n);
  const e = new Float64Array(n);
  for (let i = n - 1; i > 0; i--) {
    let scale = 0;
    for (let k = 0; k < i; k++) scale += Math.abs(z[i * n + k]);
    if (i === 1 || scale === 0) {
      e[i] = z[i * n + i - 1];
      continue;
    }
    let h = 0;
    for (let k = 0; k < i; k++) {
      z[i * n + k] /= scale;
      h += z[i * n + k] ** 2;
    }
    const f = z[i * n + i - 1];
    const g = f >= 0 ? -Math.sqrt(h) : Math.sqrt(h);
    e[i] = scale * g;
    h -= f * g;
    z[i * n + i - 1] = f - g;
    reduceBlock(z, e, n, i, h);
    d[i] = h;
  }
  accumulate(z, d, n);
  for (let i = 1; i < n; i++) e[i - 1] = e[i];
  if (n > 0) e[n - 1] = 0;
  return { d, e, z: transpose(z, n, n) };
}

/** Applies reflector i, whose vector lies in row i, from both sides to the leading block. */
function reduceBlock(z: Matrix, e: Float64Array, n: number, i: number, h: number): void {
  // The product of the block, of which the lower triangle is kept, with the vector, row by row.
  for (let j = 0; j < i; j++) {
    const x = z[i * n + j];
    z[j * n + i] = x / h;
    let g = 0;
    for (let k = 0; k < j; k++) {
      g += z[j * n + k] * z[i * n + k];
      e[k] += z[j * n + k] * x;
    }
    e[j] = g + z[j * n + j] * x;
  }
  let f = 0;
  for (let j = 0; j < i; j++) f += (e[j] /= h) * z[i * n + j];
  const half = f / (h + h);
  for (let j = 0; j < i; j++) {
    const x = z[i * n + j];
    const g = (e[j] -= half * x);
    for (let k = 0; k <= j; k++) z[j * n + k] -= x * e[k] + g * z[i * n + k];
  }
}

/** Multiplies the reflectors out; `d` holds their lengths and gets the diagonal. */
function accumulate(z: Matrix, d: Float64Array, n: number): void {
  if (n > 0) d[0] = 0;
  for (let i = 0; i < n; i++) {
    if (d[i] !== 0) {
      const sums = new Float64Array(i);
      for (let k = 0; k < i; k++) {
        const x = z[i * n + k];
        for (let j = 0; j < i; j++) sums[j] += x * z[k * n + j];
      }
      for (let k = 0; k < i; k++) {
        const x = z[k * n + i];
        for (let j = 0; j < i; j++) z[k * n + j] -= sums[j] * x;
      }
    }
    d[i] = z[i * n + i];
    z[i * n + i] = 1;
    for (let j = 0; j < i; j++) z[j * n + i] = z[i * n + j] = 0;
  }
}

const STEPS = 60;
/** Beside elements near 1 what is smaller is nothing; rotations by what has few digits left would turn no right angles. */
const LEAST = 2 ** -900;

function diagonalize(t: Tridiagonal, n: number): void {
  const { d, e } = t;
  for (let l = 0; l < n; l++) {
    for (let step = 0; step < STEPS; step++) {
      let m = l;
      while (m < n - 1 && Math.abs(e[m]) > Number.EPSILON * (Math.abs(d[m]) + Math.abs(d[m + 1]) + LEAST)) m++;
      if (m === l) break;
      implicitStep(t, n, l, m);
    }
  }
}

/** One QL step with Wilkinson's shift on rows l to m. */
function implicitStep({ d, e, z }: Tridiagonal, n: number, l: number, m: number): void {
  let g = (d[l + 1] - d[l]) / (2 * e[l]);
  let r = Math.hypot(g, 1);
  g = d[m] - d[l] + e[l] / (g + (g >= 0 ? r : -r));
  let [s, c, p] = [1, 1, 0];
  for (let i = m - 1; i >= l; i--) {
    const f = s * e[i];
    const b = c * e[i];
    e[i + 1] = r = Math.hypot(f, g);
    if (r === 0) {
      d[i + 1] -= p;
      e[m] = 0;
      return;
    }
    s = f / r;
    c = g / r;
    g = d[i + 1] - p;
    r = (d[i] - g) * s + 2 * c * b;
    p = s * r;
    d[i + 1] = g + p;
    g = c * r - b;
    rotateRows(z, i, i + 1, n, c, s);
  }
  d[l] -= p;
  e[l] = g;
  e[m] = 0;
}
