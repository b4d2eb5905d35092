import { largest, type Matrix, scaled } from "./matrix.js";
import { Schur } from "./schur.js";

/** A vector whose elements are larger is made shorter. */
const MOST = 1e99;

type Complex = readonly [re: number, im: number];

interface Eigen {
  readonly values: Float64Array;
  readonly vectors: Float64Array;
  /** False if the iteration did not end. */
  readonly converged: boolean;
}

/** Eigenvalues of a square matrix, and eigenvectors of length 1 as columns, all as pairs of real and imaginary part. */
export function eig(a: Matrix, n: number, withVectors: boolean): Eigen {
  const [matrix, scale] = scaled(a);
  const schur = new Schur(matrix, n, withVectors);
  const norm = largest(schur.t) || 1;
  const values = new Float64Array(2 * n);
  const vectors = new Float64Array(withVectors ? 2 * n * n : 0);
  for (let k = 0; k < n; k++) {
    values[2 * k] = schur.re[k] * scale;
    values[2 * k + 1] = schur.im[k] * scale;
    if (!withVectors) continue;
    // The second of a pair is the conjugate of the first.
    const mirrored = schur.im[k] < 0;
    const x = mirrored ? null : eigenvector(schur, k, norm);
    for (let i = 0; i < n; i++) {
      const at = 2 * (i * n + k);
      vectors[at] = x === null ? vectors[at - 2] : x[2 * i];
      vectors[at + 1] = x === null ? -vectors[at - 1] : x[2 * i + 1];
    }
  }
  return { values, vectors, converged: schur.converged };
}

/** The eigenvector of eigenvalue k, or of the pair that starts there. */
function eigenvector({ n, t, z, re, im }: Schur, k: number, norm: number): Float64Array {
  const x = new Float64Array(2 * n);
  const lambda: Complex = [re[k], im[k]];
  const end = im[k] === 0 ? k : k + 1;
  if (end === k) x.set([1, 0], 2 * k);
  else {
    x.set([t[k * n + k + 1], 0], 2 * k);
    x.set([re[k] - t[k * n + k], im[k]], 2 * k + 2);
  }
  for (let i = k - 1; i >= 0; i--) {
    const paired = i > 0 && im[i] < 0;
    const rest = (row: number): Complex => {
      let [a, b] = [0, 0];
      for (let j = i + 1; j <= end; j++) {
        a -= t[row * n + j] * x[2 * j];
        b -= t[row * n + j] * x[2 * j + 1];
      }
      return [a, b];
    };
    if (!paired) x.set(divide(rest(i), nonzero([t[i * n + i] - lambda[0], -lambda[1]], norm)), 2 * i);
    else {
      const [a, d]: Complex[] = [
        [t[(i - 1) * n + i - 1] - lambda[0], -lambda[1]],
        [t[i * n + i] - lambda[0], -lambda[1]],
      ];
      const [b, c] = [t[(i - 1) * n + i], t[i * n + i - 1]];
      const ad = times(a, d);
      const determinant = nonzero([ad[0] - b * c, ad[1]], norm * norm);
      const [r, s] = [rest(i - 1), rest(i)];
      const [dr, as] = [times(d, r), times(a, s)];
      x.set(divide([dr[0] - b * s[0], dr[1] - b * s[1]], determinant), 2 * i - 2);
      x.set(divide([as[0] - c * r[0], as[1] - c * r[1]], determinant), 2 * i);
      i--;
    }
    // Only the direction counts; that of a matrix without a basis of eigenvectors grows at every step.
    const size = largest(x.subarray(2 * i, 2 * i + 4));
    if (size > MOST) for (let at = 0; at < x.length; at++) x[at] /= size;
  }
  return normalized(z, x, n, end);
}

/** `z x` with length 1; of a complex one the largest element is real, as LAPACK has it. */
function normalized(z: Matrix, x: Float64Array, n: number, end: number): Float64Array {
  const out = new Float64Array(2 * n);
  let [length, most, at] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= end; j++) {
      out[2 * i] += z[i * n + j] * x[2 * j];
      out[2 * i + 1] += z[i * n + j] * x[2 * j + 1];
    }
    const size = Math.hypot(out[2 * i], out[2 * i + 1]);
    length = Math.hypot(length, size);
    if (size > most) [most, at] = [size, 2 * i];
  }
  const [re, im] = [out[at], out[at + 1]];
  const turn: Complex = im === 0 ? [1 / length, 0] : [re / most / length, -im / most / length];
  for (let i = 0; i < n; i++) [out[2 * i], out[2 * i + 1]] = times([out[2 * i], out[2 * i + 1]], turn);
  if (im !== 0) out[at + 1] = 0;
  return out;
}

function times([a, b]: Complex, [c, d]: Complex): Complex {
  return [a * c - b * d, a * d + b * c];
}

function divide([a, b]: Complex, [c, d]: Complex): Complex {
  const size = c * c + d * d;
  return [(a * c + b * d) / size, (b * c - a * d) / size];
}

/** Equal eigenvalues are taken for slightly different ones, so that each has a vector. */
function nonzero(x: Complex, norm: number): Complex {
  const least = Number.EPSILON * norm;
  return Math.hypot(...x) < least ? [least, 0] : x;
}
