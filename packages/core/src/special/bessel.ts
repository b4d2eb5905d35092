import { mutate } from "../dispatch.js";
import { checkCast } from "../promotion.js";
import type { Expr } from "../scalar.js";
import { where as choose } from "../tensor/compose.js";
import type { Tensor } from "../tensor/tensor.js";
import { unary } from "./define.js";
import { abs, add, chebyshev, cos, div, eq, exp, gt, le, log, lt, max, min, mul, neg, sin, sqrt, sub, where } from "./expr.js";
import * as S from "./series.js";

const INFINITY = Number.POSITIVE_INFINITY;

// ---- modified, of the first kind

/** `exp(-|x|) I₀(x)` */
function i0eExpr(x: Expr): Expr {
  const size = abs(x);
  const near = chebyshev(sub(mul(min(size, 8), 0.25), 1), S.I0E_NEAR);
  return where(gt(size, 8), div(chebyshev(sub(div(16, size), 1), S.I0E_FAR), sqrt(size)), near);
}

/** `exp(-|x|) I₁(x)` */
function i1eExpr(x: Expr): Expr {
  const size = abs(x);
  const near = mul(chebyshev(sub(mul(min(size, 8), 0.25), 1), S.I1E_NEAR), x);
  const far = div(chebyshev(sub(div(16, size), 1), S.I1E_FAR), sqrt(size));
  return where(gt(size, 8), where(lt(x, 0), neg(far), far), near);
}

const scaledUp = (x: Expr, scaled: Expr): Expr => mul(exp(abs(x)), scaled);

/** The modified Bessel function of the first kind, order 0. Source: https://dlmf.nist.gov/10.25 */
export const i0: (x: Tensor) => Tensor = unary(
  "I0",
  (x) => scaledUp(x, i0eExpr(x)),
  (g, x) => g.mul(i1(x)),
);

/** {@link i0} in place. @throws DTypeError for integers, which cannot hold it. */
export function i0_(x: Tensor): Tensor {
  const result = i0(x);
  checkCast("i0_", result.dtype, x.dtype);
  return mutate(x, result);
}

/** `exp(-|x|)` times {@link i0}. */
export const i0e: (x: Tensor) => Tensor = unary("SpecialI0E", i0eExpr, (g, x, y) => g.mul(i1e(x).sub(x.sgn().mul(y))));

/** The modified Bessel function of the first kind, order 1. Source: https://dlmf.nist.gov/10.25 */
export const i1: (x: Tensor) => Tensor = unary(
  "SpecialI1",
  (x) => scaledUp(x, i1eExpr(x)),
  (g, x, y) => g.mul(byX(x, (safe) => i0(safe).sub(y.div(safe)))),
);

/** `exp(-|x|)` times {@link i1}. */
export const i1e: (x: Tensor) => Tensor = unary("SpecialI1E", i1eExpr, (g, x, y) =>
  g.mul(byX(x, (safe) => i0e(safe).sub(y.mul(safe.sgn().add(safe.reciprocal()))))),
);

/** A derivative that divides by x: one half at 0. */
function byX(x: Tensor, fn: (safe: Tensor) => Tensor): Tensor {
  const away = x.abs().gt(x.dtype === "float64" ? 2 ** -52 : 2 ** -23);
  return choose(away, fn(choose(away, x, 1)), 0.5);
}

/** {@link i0}, without derivative. */
export const modifiedBesselI0: (x: Tensor) => Tensor = unary("ModifiedBesselI0", (x) => scaledUp(x, i0eExpr(x)), null);

/** {@link i1}, without derivative. */
export const modifiedBesselI1: (x: Tensor) => Tensor = unary("ModifiedBesselI1", (x) => scaledUp(x, i1eExpr(x)), null);

// ---- modified, of the second kind

/** K near 0, and its values up from 2, by `exp(x)`; inf at 0 and NaN below. */
function kExpr(x: Expr, near: Expr, far: readonly number[], scaled: boolean): Expr {
  const decay = exp(neg(x));
  const above = div(chebyshev(sub(div(4, max(x, 2)), 1), far), sqrt(x));
  const value = where(gt(x, 2), scaled ? above : mul(decay, above), scaled ? div(near, decay) : near);
  return where(eq(x, 0), INFINITY, where(lt(x, 0), Number.NaN, value));
}

const inUnit = (x: Expr): Expr => sub(mul(mul(x, x), 0.5), 1);

function k0Expr(x: Expr, scaled: boolean): Expr {
  const near = sub(chebyshev(inUnit(x), S.K0_NEAR), mul(log(mul(x, 0.5)), scaledUp(x, i0eExpr(x))));
  return kExpr(x, near, S.K0_FAR, scaled);
}

function k1Expr(x: Expr, scaled: boolean): Expr {
  const near = add(mul(log(mul(x, 0.5)), scaledUp(x, i1eExpr(x))), div(chebyshev(inUnit(x), S.K1_NEAR), x));
  return kExpr(x, near, S.K1_FAR, scaled);
}

/** The modified Bessel function of the second kind, order 0, without derivative. Source: https://dlmf.nist.gov/10.25 */
export const modifiedBesselK0: (x: Tensor) => Tensor = unary("ModifiedBesselK0", (x) => k0Expr(x, false), null);

/** The modified Bessel function of the second kind, order 1, without derivative. Source: https://dlmf.nist.gov/10.25 */
export const modifiedBesselK1: (x: Tensor) => Tensor = unary("ModifiedBesselK1", (x) => k1Expr(x, false), null);

/** `exp(x)` times {@link modifiedBesselK0}. */
export const scaledModifiedBesselK0: (x: Tensor) => Tensor = unary("ScaledModifiedBesselK0", (x) => k0Expr(x, true), null);

/** `exp(x)` times {@link modifiedBesselK1}. */
export const scaledModifiedBesselK1: (x: Tensor) => Tensor = unary("ScaledModifiedBesselK1", (x) => k1Expr(x, true), null);

// ---- of the first and second kind

/** `cos(x - shift) p + 8 / x sin(x - shift) q` with the decay; `turn` puts sine and cosine in place of each other. */
function farFrom8(x: Expr, order: 0 | 1, second: boolean): Expr {
  const z = div(8, x);
  const at = sub(mul(mul(z, z), 2), 1);
  const [p, q] = [chebyshev(at, order === 0 ? S.P0 : S.P1), mul(chebyshev(at, order === 0 ? S.Q0 : S.Q1), z)];
  const angle = sub(x, Math.PI / 4 + (order * Math.PI) / 2);
  const wave = second ? add(mul(sin(angle), p), mul(cos(angle), q)) : sub(mul(cos(angle), p), mul(sin(angle), q));
  return mul(wave, div(Math.sqrt(2 / Math.PI), sqrt(x)));
}

const squareUnit = (x: Expr): Expr => sub(mul(mul(x, x), 1 / 32), 1);
const j0Near = (x: Expr): Expr => chebyshev(squareUnit(x), S.J0_NEAR);
const j1Near = (x: Expr): Expr => mul(x, chebyshev(squareUnit(x), S.J1_NEAR));

/** The Bessel function of the first kind, order 0, without derivative. Source: https://dlmf.nist.gov/10.2 */
export const besselJ0: (x: Tensor) => Tensor = unary(
  "SpecialBesselJ0",
  (x) => {
    const size = abs(x);
    return where(le(size, 8), j0Near(min(size, 8)), farFrom8(size, 0, false));
  },
  null,
);

/** The Bessel function of the first kind, order 1, without derivative. Source: https://dlmf.nist.gov/10.2 */
export const besselJ1: (x: Tensor) => Tensor = unary(
  "SpecialBesselJ1",
  (x) => {
    const size = abs(x);
    const value = where(le(size, 8), j1Near(min(size, 8)), farFrom8(size, 1, false));
    return where(lt(x, 0), neg(value), value);
  },
  null,
);

/** A function of the second kind: -inf at 0, NaN below. */
function yExpr(x: Expr, near: Expr, order: 0 | 1): Expr {
  const value = where(le(x, 8), near, farFrom8(x, order, true));
  return where(eq(x, 0), Number.NEGATIVE_INFINITY, where(lt(x, 0), Number.NaN, value));
}

/** The Bessel function of the second kind, order 0, without derivative. Source: https://dlmf.nist.gov/10.2 */
export const besselY0: (x: Tensor) => Tensor = unary(
  "SpecialBesselY0",
  (x) => yExpr(x, add(chebyshev(squareUnit(x), S.Y0_NEAR), mul(mul(log(x), 2 / Math.PI), j0Near(x))), 0),
  null,
);

/** The Bessel function of the second kind, order 1, without derivative. Source: https://dlmf.nist.gov/10.2 */
export const besselY1: (x: Tensor) => Tensor = unary(
  "SpecialBesselY1",
  (x) => {
    const logarithm = mul(sub(mul(log(x), j1Near(x)), div(1, x)), 2 / Math.PI);
    return yExpr(x, add(mul(x, chebyshev(squareUnit(x), S.Y1_NEAR)), logarithm), 1);
  },
  null,
);

/** The spherical Bessel function of order 0, `sin(x) / x`, without derivative. */
export const sphericalBesselJ0: (x: Tensor) => Tensor = unary(
  "SpecialSphericalBesselJ0",
  (x) => {
    const square = mul(x, x);
    const near = add(mul(square, add(mul(square, add(mul(square, -1 / 5040), 1 / 120)), -1 / 6)), 1);
    return where(eq(abs(x), INFINITY), 0, where(lt(abs(x), 0.05), near, div(sin(x), x)));
  },
  null,
);

// ---- Airy

const THRESHOLD_ABOVE = (2 / 3) * 2 ** 1.5;
const THRESHOLD_BELOW = (2 / 3) * 6 ** 1.5;

/** The Airy function, without derivative. Source: https://dlmf.nist.gov/9.2 */
export const airyAi: (x: Tensor) => Tensor = unary(
  "SpecialAiryAi",
  (x) => {
    const size = max(abs(x), 2);
    const root = sqrt(size);
    const zeta = div(mul(mul(size, 2), root), 3);
    const fourth = sqrt(root);
    const above = div(
      mul(exp(neg(zeta)), chebyshev(sub(div(2 * THRESHOLD_ABOVE, zeta), 1), S.AI_ABOVE)),
      mul(fourth, 2 * Math.sqrt(Math.PI)),
    );
    const z = div(THRESHOLD_BELOW, zeta);
    const at = sub(mul(mul(z, z), 2), 1);
    // A quarter turn on, so that sine and cosine change places.
    const angle = add(zeta, Math.PI / 4);
    const wave = sub(mul(sin(angle), chebyshev(at, S.AI_COSINE)), mul(mul(cos(angle), z), chebyshev(at, S.AI_SINE)));
    const below = div(wave, mul(fourth, Math.sqrt(Math.PI)));
    const near = chebyshev(mul(add(max(min(x, 2), -6), 2), 0.25), S.AI_NEAR);
    const value = where(gt(x, 2), above, where(lt(x, -6), below, near));
    return where(eq(abs(x), INFINITY), Number.NaN, value);
  },
  null,
);
