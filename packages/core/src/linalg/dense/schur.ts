import { identity, type Matrix } from "./matrix.js";

const HARD_STEP = 10;
const HARDER_STEP = 30;
const STEPS = 300;

type Triple = readonly [number, number, number];

/** What one QR sweep starts from: the shifts as sum and product, and the first column. */
interface Shift {
  x: number;
  y: number;
  w: number;
}

/**
 * The real Schur form `a = z t zᵀ`: t is upper triangular but for 2 by 2 blocks, one for each pair of complex eigenvalues.
 *
 * Source: EISPACK's orthes and hqr2, in Wilkinson and Reinsch, Handbook for Automatic Computation, volume II
 */
export class Schur {
  readonly n: number;
  readonly t: Matrix;
  readonly z: Matrix;
  /** Eigenvalues in the order of t's diagonal. */
  readonly re: Float64Array;
  readonly im: Float64Array;
  converged = false;
  #shifted = 0;

  /** Without vectors there is no z. */
  constructor(a: Matrix, n: number, withVectors: boolean) {
    this.n = n;
    this.t = a.slice();
    this.z = withVectors ? identity(n) : new Float64Array(0);
    this.re = new Float64Array(n);
    this.im = new Float64Array(n);
    this.#hessenberg();
    this.#iterate();
  }

  #hessenberg(): void {
    const { n, t } = this;
    const u = new Float64Array(n);
    for (let m = 1; m < n - 1; m++) {
      let scale = 0;
      for (let i = m; i < n; i++) scale += Math.abs(t[i * n + m - 1]);
      if (scale === 0) continue;
      let h = 0;
      for (let i = m; i < n; i++) {
        u[i] = t[i * n + m - 1] / scale;
        h += u[i] * u[i];
      }
      const g = u[m] > 0 ? -Math.sqrt(h) : Math.sqrt(h);
      h -= u[m] * g;
      u[m] -= g;
      reflect(t, u, h, m, n);
      reflectColumns(this.z, u, h, m, n);
      t[m * n + m - 1] = scale * g;
      for (let i = m + 1; i < n; i++) t[i * n + m - 1] = 0;
    }
  }

  #iterate(): void {
    const { n, t } = this;
    let norm = 0;
    for (let i = 0; i < n * n; i++) norm += Math.abs(t[i]);
    let last = n - 1;
    for (let step = 0; last >= 0; step++) {
      const l = this.#small(last, norm);
      if (l === last) this.#oneRoot(last--);
      else if (l === last - 1) {
        this.#twoRoots(last);
        last -= 2;
      } else {
        if (step > STEPS) return;
        this.#sweep(l, last, this.#shift(last, step));
        continue;
      }
      step = -1;
    }
    this.converged = true;
  }

  /** Where the block that ends at `last` starts. */
  #small(last: number, norm: number): number {
    const { n, t } = this;
    let l = last;
    for (; l > 0; l--) {
      const s = Math.abs(t[(l - 1) * n + l - 1]) + Math.abs(t[l * n + l]) || norm;
      if (Math.abs(t[l * n + l - 1]) < Number.EPSILON * s) {
        t[l * n + l - 1] = 0;
        break;
      }
    }
    return l;
  }

  #oneRoot(k: number): void {
    const at = k * this.n + k;
    this.t[at] += this.#shifted;
    this.re[k] = this.t[at];
  }

  #twoRoots(k: number): void {
    const { n, t } = this;
    const w = t[k * n + k - 1] * t[(k - 1) * n + k];
    const p = (t[(k - 1) * n + k - 1] - t[k * n + k]) / 2;
    const q = p * p + w;
    const root = Math.sqrt(Math.abs(q));
    t[k * n + k] += this.#shifted;
    t[(k - 1) * n + k - 1] += this.#shifted;
    const x = t[k * n + k];
    if (q < 0) {
      this.re[k - 1] = this.re[k] = x + p;
      this.im[k - 1] = root;
      this.im[k] = -root;
      return;
    }
    const high = p >= 0 ? p + root : p - root;
    this.re[k - 1] = x + high;
    this.re[k] = high === 0 ? x : x - w / high;
    const length = Math.hypot(t[k * n + k - 1], high);
    this.#turn(k, t[k * n + k - 1] / length, high / length);
    t[k * n + k - 1] = 0;
  }

  /** Makes a block with real eigenvalues triangular. */
  #turn(k: number, p: number, q: number): void {
    const { n, t, z } = this;
    for (let j = k - 1; j < n; j++) {
      const x = t[(k - 1) * n + j];
      t[(k - 1) * n + j] = q * x + p * t[k * n + j];
      t[k * n + j] = q * t[k * n + j] - p * x;
    }
    for (const [a, rows] of [
      [t, k + 1],
      [z, z.length / n],
    ] as const) {
      for (let i = 0; i < rows; i++) {
        const x = a[i * n + k - 1];
        a[i * n + k - 1] = q * x + p * a[i * n + k];
        a[i * n + k] = q * a[i * n + k] - p * x;
      }
    }
  }

  #shift(last: number, step: number): Shift {
    const { n, t } = this;
    const at = (i: number, j: number): number => t[(last - i) * n + last - j];
    if (step === HARD_STEP) {
      this.#move(last, at(0, 0));
      const s = Math.abs(at(0, 1)) + Math.abs(at(1, 2));
      return { x: 0.75 * s, y: 0.75 * s, w: -0.4375 * s * s };
    }
    const shift = { x: at(0, 0), y: at(1, 1), w: at(0, 1) * at(1, 0) };
    if (step % HARDER_STEP !== 0 || step === 0) return shift;
    const half = (shift.y - shift.x) / 2;
    const square = half * half + shift.w;
    if (square <= 0) return shift;
    const s = shift.x - shift.w / (half + (shift.y < shift.x ? -Math.sqrt(square) : Math.sqrt(square)));
    this.#move(last, s);
    return { x: 0.964, y: 0.964, w: 0.964 };
  }

  #move(last: number, by: number): void {
    this.#shifted += by;
    for (let i = 0; i <= last; i++) this.t[i * this.n + i] -= by;
  }

  /** Where a double QR step on rows l to last starts, and its first column there. */
  #start(l: number, last: number, { x, y, w }: Shift): readonly [m: number, p: number, q: number, r: number] {
    const { n, t } = this;
    const h = (i: number, j: number): number => t[i * n + j];
    for (let m = last - 2; ; m--) {
      const z = h(m, m);
      let p = ((x - z) * (y - z) - w) / h(m + 1, m) + h(m, m + 1);
      let q = h(m + 1, m + 1) - z - (x - z) - (y - z);
      let r = h(m + 2, m + 1);
      const s = Math.abs(p) + Math.abs(q) + Math.abs(r);
      [p, q, r] = [p / s, q / s, r / s];
      if (m === l) return [m, p, q, r];
      const around = Math.abs(h(m - 1, m - 1)) + Math.abs(z) + Math.abs(h(m + 1, m + 1));
      if (Math.abs(h(m, m - 1)) * (Math.abs(q) + Math.abs(r)) < Number.EPSILON * Math.abs(p) * around) return [m, p, q, r];
    }
  }

  /** A double QR step with implicit shifts on rows l to last. */
  #sweep(l: number, last: number, shift: Shift): void {
    const { n, t } = this;
    const [m, ...first] = this.#start(l, last, shift);
    let [p, q, r] = first;
    for (let i = m + 2; i <= last; i++) {
      t[i * n + i - 2] = 0;
      if (i > m + 2) t[i * n + i - 3] = 0;
    }
    for (let k = m; k < last; k++) {
      const three = k !== last - 1;
      let scale = 1;
      if (k !== m) {
        [p, q, r] = [t[k * n + k - 1], t[(k + 1) * n + k - 1], three ? t[(k + 2) * n + k - 1] : 0];
        scale = Math.abs(p) + Math.abs(q) + Math.abs(r);
        if (scale === 0) continue;
        [p, q, r] = [p / scale, q / scale, r / scale];
      }
      const s = p < 0 ? -Math.hypot(p, q, r) : Math.hypot(p, q, r);
      if (s === 0) continue;
      if (k !== m) t[k * n + k - 1] = -s * scale;
      else if (l !== m) t[k * n + k - 1] = -t[k * n + k - 1];
      this.#bulge(k, three ? 2 : 0, last, [(p + s) / s, q / s, r / s], [1, q / (p + s), r / (p + s)]);
    }
  }

  /** Applies the reflector `I - left rightᵀ` of rows k, k + 1 and k + third from both sides. */
  #bulge(k: number, third: number, last: number, left: Triple, right: Triple): void {
    const { n, t, z } = this;
    turn(t.subarray(k * n + k), 1, n - k, n, third * n, right, left);
    turn(t.subarray(k), n, Math.min(last, k + 3) + 1, 1, third, left, right);
    turn(z.subarray(k), n, z.length / n, 1, third, left, right);
  }
}

/**
 * Takes from `count` triples of elements, which stand `second` and `third` after the first and `step` apart, their product with `along`
 * times `by`. Where a reflector has two rows, the third is the first with factors of 0, and is written before it.
 */
function turn(a: Matrix, step: number, count: number, second: number, third: number, along: Triple, by: Triple): void {
  const [f0, f1, f2] = along;
  const [g0, g1, g2] = by;
  for (let at = 0; at < count * step; at += step) {
    const x = a[at];
    const y = a[at + second];
    const w = a[at + third];
    const p = f0 * x + f1 * y + f2 * w;
    a[at + third] = w - p * g2;
    a[at + second] = y - p * g1;
    a[at] = x - p * g0;
  }
}

/** `(I - u uᵀ / h) a (I - u uᵀ / h)` for a vector that starts at m. */
function reflect(a: Matrix, u: Float64Array, h: number, m: number, n: number): void {
  const sums = new Float64Array(n);
  for (let i = m; i < n; i++) for (let j = m - 1; j < n; j++) sums[j] += u[i] * a[i * n + j];
  for (let i = m; i < n; i++) {
    const f = u[i] / h;
    for (let j = m - 1; j < n; j++) a[i * n + j] -= f * sums[j];
  }
  reflectColumns(a, u, h, m, n);
}

function reflectColumns(a: Matrix, u: Float64Array, h: number, m: number, n: number): void {
  for (let at = 0; at < a.length; at += n) {
    let f = 0;
    for (let j = m; j < n; j++) f += u[j] * a[at + j];
    f /= h;
    for (let j = m; j < n; j++) a[at + j] -= f * u[j];
  }
}
