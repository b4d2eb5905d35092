import { composite } from "../dispatch.js";
import { NotSupportedError, ValueError } from "../errors.js";
import type { TensorOrScalar } from "../promotion.js";
import type { Expr } from "../scalar.js";
import type { Tensor } from "../tensor/tensor.js";
import { floats, hostFunction, unary } from "./define.js";
import { add, constant, div, lt, mul, polynomial, sin, sub, where } from "./expr.js";

/** Factors of the Euler-Maclaurin series: `(2k)! / B₂ₖ`. */
const EULER_MACLAURIN: readonly number[] = [
  12,
  -720,
  30240,
  -1209600,
  47900160,
  -1307674368000 / 691,
  74724249600,
  -1.067062284288e16 / 3617,
  5.109094217170944e18 / 43867,
  -8.028576626982912e20 / 174611,
  1.4101100039391804e22 / 77683,
  -1.6938241367317436e27 / 236364091,
];
const DIRECT_TERMS = 9;

function zetaOf(x: number, q: number): number {
  if (x === 1) return Number.POSITIVE_INFINITY;
  if (x < 1) return Number.NaN;
  if (q > 0 || Number.isNaN(q)) return zetaRight(x, q);
  if (q === Math.floor(q)) return Number.POSITIVE_INFINITY;
  if (x !== Math.floor(x)) return Number.NaN;
  // The terms left of 0 are those of another sum, from its start up to q.
  const steps = Math.ceil(-q);
  const first = q + steps;
  return zetaRight(x, first) + (x % 2 === 0 ? 1 : -1) * (zetaRight(x, 1 - first) - zetaRight(x, 1 - q));
}

/** For positive q. Source: Cephes, zeta.c */
function zetaRight(x: number, q: number): number {
  let sum = q ** -x;
  let a = q;
  let term = 0;
  for (let i = 0; i < DIRECT_TERMS; i++) {
    term = (++a) ** -x;
    sum += term;
    if (term === 0 || Math.abs(term) < Number.EPSILON * Math.abs(sum)) return sum;
  }
  sum += (term * a) / (x - 1) - 0.5 * term;
  let factor = 1;
  for (let i = 0, k = 0; i < EULER_MACLAURIN.length; i++) {
    factor *= x + k++;
    term /= a;
    sum += (factor * term) / EULER_MACLAURIN[i];
    factor *= x + k++;
    term /= a;
  }
  return sum;
}

const zetaHost = hostFunction(
  "SpecialZeta",
  ([x, q]) => zetaOf(x, q),
  ([g], { inputs: [x, q], needs }) => {
    if (needs[0])
      throw new NotSupportedError("special.zeta: the derivative with respect to the first argument is not implemented", { op: "zeta" });
    return [null, (g as Tensor).mul(x.neg()).mul(zeta(x.add(1), q))];
  },
);

/** The Hurwitz zeta function: the sum of `(q + k)⁻ˣ` over k from 0. Runs on the host. Source: https://dlmf.nist.gov/25.11 */
export function zeta(x: TensorOrScalar, q: TensorOrScalar): Tensor {
  return zetaHost(x, q);
}

/** Reflected left of 1/2, moved right by recurrence, then by its asymptotic series. Source: https://dlmf.nist.gov/5.15 */
function trigammaExpr(given: Expr): Expr {
  const isLeft = lt(given, 0.5);
  let x = where(isLeft, sub(1, given), given);
  let sum = constant(x, 0);
  for (let i = 0; i < TRIGAMMA_STEPS; i++) {
    sum = add(sum, div(1, mul(x, x)));
    x = add(x, 1);
  }
  const square = div(1, mul(x, x));
  const series = polynomial(square, [1 / 6, -1 / 30, 1 / 42]);
  sum = add(sum, div(add(add(mul(square, series), 1), div(0.5, x)), x));
  const sine = sin(mul(given, Math.PI));
  return where(isLeft, sub(div(Math.PI ** 2, mul(sine, sine)), sum), sum);
}

const TRIGAMMA_STEPS = 6;
const trigamma = unary("Polygamma", trigammaExpr, (g, x) => g.mul(polygamma(2, x)));

/** Derivative n + 1 of the logarithm of the gamma function. Runs on the host for n > 1. @throws ValueError for a negative n. */
export function polygamma(n: number, x: Tensor): Tensor {
  if (!(Number.isInteger(n) && n >= 0))
    throw new ValueError(`special.polygamma: polygamma(n, x) does not support negative n, got ${n}`, { op: "polygamma" });
  if (n === 0) return x.digamma();
  if (n === 1) return trigamma(x);
  let factorial = 1;
  for (let k = 2; k <= n; k++) factorial *= k;
  const [y] = floats("polygamma", [x]);
  return composite("Polygamma", [y], () => zeta(n + 1, y).mul(n % 2 === 1 ? factorial : -factorial));
}

/** The multivariate log-gamma function of dimension p. @throws ValueError unless p is positive. Source: https://dlmf.nist.gov/35.3 */
export function multigammaln(x: Tensor, p: number): Tensor {
  if (!(Number.isInteger(p) && p >= 1))
    throw new ValueError(`special.multigammaln: p has to be greater than or equal to 1, got ${p}`, { op: "multigammaln" });
  const [y] = floats("multigammaln", [x]);
  return composite("Mvlgamma", [y], () => {
    let sum = y.add(0).lgamma();
    for (let j = 1; j < p; j++) sum = sum.add(y.sub(j / 2).lgamma());
    return sum.add(p * (p - 1) * 0.25 * Math.log(Math.PI));
  });
}

// ---- incomplete gamma functions

const LANCZOS: readonly number[] = [
  0.9999999999998099, 676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905,
  -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
];

/** `log Γ(a)` for a > 0. Source: Lanczos, https://doi.org/10.1137/0701008 */
function logGamma(a: number): number {
  if (a < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * a)) - logGamma(1 - a);
  let sum = LANCZOS[0];
  for (let i = 1; i < LANCZOS.length; i++) sum += LANCZOS[i] / (a - 1 + i);
  const t = a + 6.5;
  return 0.5 * Math.log(2 * Math.PI) + (a - 0.5) * Math.log(t) - t + Math.log(sum);
}

const STEPS = 200000;

/** P(a, x) by its series. Source: https://dlmf.nist.gov/8.11.4 */
function lowerSeries(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let k = 1; k < STEPS && Math.abs(term) > Math.abs(sum) * Number.EPSILON; k++) {
    term *= x / (a + k);
    sum += term;
  }
  return sum * Math.exp(a * Math.log(x) - x - logGamma(a));
}

/** Q(a, x) by its continued fraction, evaluated as Lentz does. Source: https://dlmf.nist.gov/8.9.2 */
function upperFraction(a: number, x: number): number {
  const tiny = 1e-300;
  let b = x + 1 - a;
  let c = 1 / tiny;
  let d = 1 / b;
  let out = d;
  for (let i = 1; i < STEPS; i++) {
    const factor = -i * (i - a);
    b += 2;
    d = 1 / (factor * d + b || tiny);
    c = b + factor / c || tiny;
    out *= c * d;
    if (Math.abs(c * d - 1) < Number.EPSILON) break;
  }
  return out * Math.exp(a * Math.log(x) - x - logGamma(a));
}

const NONE: readonly [number, number] = [Number.NaN, Number.NaN];
const LARGE = 1e8;

/** For large a. Source: https://dlmf.nist.gov/8.12 */
function asymptotic(a: number, x: number): readonly [lower: number, upper: number] {
  const offset = x / a - 1;
  const half = offset - Math.log1p(offset);
  const tail = incomplete(0.5, a * half)[1] / 2;
  return offset < 0 ? [tail, 1 - tail] : [1 - tail, tail];
}

/** The lower and the upper part, each computed so that it keeps its digits. */
function incomplete(a: number, x: number): readonly [lower: number, upper: number] {
  if (x < 0 || a < 0) return NONE;
  if (a === 0) return x > 0 ? [1, 0] : NONE;
  if (x === 0) return [0, 1];
  if (a === Number.POSITIVE_INFINITY) return x === a ? NONE : [0, 1];
  if (x === Number.POSITIVE_INFINITY) return [1, 0];
  if (Number.isNaN(a) || Number.isNaN(x)) return NONE;
  if (a > LARGE) return asymptotic(a, x);
  if (x < a + 1) {
    const lower = lowerSeries(a, x);
    return [lower, 1 - lower];
  }
  const upper = upperFraction(a, x);
  return [1 - upper, upper];
}

function incompleteGamma(name: string, part: 0 | 1): (a: TensorOrScalar, x: TensorOrScalar) => Tensor {
  return hostFunction(
    name,
    ([a, x]) => incomplete(a, x)[part],
    ([g], { inputs: [a, x], needs }) => {
      if (needs[0])
        throw new NotSupportedError(`special.${name}: the derivative with respect to the first argument is not implemented`, { op: name });
      const density = a.sub(1).mul(x.log()).sub(x).sub(a.lgamma()).exp();
      return [null, (g as Tensor).mul(part === 0 ? density : density.neg())];
    },
  );
}

/** The regularised lower incomplete gamma function P(a, x). Runs on the host. Source: https://dlmf.nist.gov/8.2 */
export const gammainc: (a: TensorOrScalar, x: TensorOrScalar) => Tensor = incompleteGamma("Igamma", 0);

/** The regularised upper incomplete gamma function Q(a, x). Runs on the host. Source: https://dlmf.nist.gov/8.2 */
export const gammaincc: (a: TensorOrScalar, x: TensorOrScalar) => Tensor = incompleteGamma("Igammac", 1);
