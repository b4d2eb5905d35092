import { luFactor, luSolve } from "./factor.js";
import { identity, type Matrix, multiply } from "./matrix.js";

/** Coefficients of the diagonal Padé approximant of degree 13, and the norm up to which it is exact in double precision. */
const PADE: readonly number[] = [
  64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600, 670442572800, 33522128640,
  1323241920, 40840800, 960960, 16380, 182, 1,
];
const THETA = 5.371920351148152;

/**
 * The exponential of a matrix: scaling, a Padé approximant, squaring.
 *
 * Source: Higham, The scaling and squaring method for the matrix exponential revisited, https://doi.org/10.1137/04061101X
 */
export function expm(a: Matrix, n: number): Matrix {
  let norm = 0;
  for (let j = 0; j < n; j++) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += Math.abs(a[i * n + j]);
    norm = Math.max(norm, sum);
  }
  if (!Number.isFinite(norm)) return new Float64Array(n * n).fill(Number.NaN);
  const squarings = Math.max(0, Math.ceil(Math.log2(norm / THETA)));
  const scaled = a.map((x) => x / 2 ** squarings);
  const product = (x: Matrix, y: Matrix): Matrix => multiply(x, y, n, n, n);
  const a2 = product(scaled, scaled);
  const a4 = product(a2, a2);
  const a6 = product(a2, a4);
  const one = identity(n);
  const series = (k: number): Matrix => {
    const high = combine([PADE[k + 8], a2], [PADE[k + 10], a4], [PADE[k + 12], a6]);
    const low = combine([PADE[k], one], [PADE[k + 2], a2], [PADE[k + 4], a4], [PADE[k + 6], a6]);
    return combine([1, product(a6, high)], [1, low]);
  };
  const even = series(0);
  const odd = product(scaled, series(1));
  let out = combine([1, even], [1, odd]);
  const denominator = combine([1, even], [-1, odd]);
  const pivots = new Float64Array(n);
  luFactor(denominator, n, n, pivots);
  luSolve(denominator, pivots, out, n, n);
  for (let i = 0; i < squarings; i++) out = product(out, out);
  return out;
}

function combine(...terms: readonly (readonly [factor: number, x: Matrix])[]): Matrix {
  const out = new Float64Array(terms[0][1].length);
  for (const [factor, x] of terms) for (let i = 0; i < out.length; i++) out[i] += factor * x[i];
  return out;
}
