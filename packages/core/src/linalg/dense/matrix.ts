/** A matrix in row-major order, in double precision whatever the dtype of its tensor: dense algorithms lose half the digits. */
export type Matrix = Float64Array;

/** The transpose of an `[m, n]` matrix. */
export function transpose(a: Matrix, m: number, n: number): Matrix {
  const out = new Float64Array(m * n);
  for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) out[j * m + i] = a[i * n + j];
  return out;
}

/** The identity. */
export function identity(n: number): Matrix {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) out[i * n + i] = 1;
  return out;
}

/** `[m, k]` times `[k, n]`. */
export function multiply(a: Matrix, b: Matrix, m: number, k: number, n: number): Matrix {
  const out = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let p = 0; p < k; p++) {
      const x = a[i * k + p];
      if (x === 0) continue;
      for (let j = 0; j < n; j++) out[i * n + j] += x * b[p * n + j];
    }
  }
  return out;
}

/** The largest absolute value. */
export function largest(a: Matrix): number {
  return a.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
}

/** A matrix divided by a power of two so that its largest element is near 1, and that power: squares of what is far from 1 leave the range. */
export function scaled(a: Matrix): readonly [matrix: Matrix, scale: number] {
  const scale = 2 ** Math.floor(Math.log2(largest(a) || 1));
  return [a.map((x) => x / scale), scale];
}

/** The inner product of two rows. */
export function dotRows(a: Matrix, i: number, b: Matrix, j: number, n: number): number {
  const [p, q, whole] = [i * n, j * n, n & ~3];
  // Four sums, none of which waits for another.
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  for (let k = 0; k < whole; k += 4) {
    s0 += a[p + k] * b[q + k];
    s1 += a[p + k + 1] * b[q + k + 1];
    s2 += a[p + k + 2] * b[q + k + 2];
    s3 += a[p + k + 3] * b[q + k + 3];
  }
  for (let k = whole; k < n; k++) s0 += a[p + k] * b[q + k];
  return s0 + s1 + (s2 + s3);
}

/** Turns rows i and j by a plane rotation: `(c r_i - s r_j, s r_i + c r_j)`. */
export function rotateRows(a: Matrix, i: number, j: number, n: number, c: number, s: number): void {
  for (let p = i * n, q = j * n; p < (i + 1) * n; p++, q++) {
    const x = a[p];
    const y = a[q];
    a[p] = c * x - s * y;
    a[q] = s * x + c * y;
  }
}

/**
 * Fills the rows of an `[n, n]` matrix from `rank` on so that all rows are orthonormal: unit vectors, less their parts along the rows
 * before, twice for the digits that the first pass loses.
 */
export function completeRows(rows: Matrix, rank: number, n: number): void {
  let next = 0;
  for (let i = rank; i < n; i++) {
    for (;;) {
      const row = rows.subarray(i * n, (i + 1) * n);
      row.fill(0);
      row[next++] = 1;
      for (let pass = 0; pass < 2; pass++) {
        for (let j = 0; j < i; j++) {
          const along = dotRows(rows, i, rows, j, n);
          for (let k = 0; k < n; k++) row[k] -= along * rows[j * n + k];
        }
      }
      const length = Math.hypot(...row);
      if (length < 0.5 / Math.sqrt(n) && next < n) continue;
      for (let k = 0; k < n; k++) row[k] /= length;
      break;
    }
  }
}
