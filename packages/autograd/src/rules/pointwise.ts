import { apply, type ScalarOp, type Tensor } from "@sconce/core";
import { softplus } from "@sconce/core/nn";
import { flat, where } from "./help.js";
import { A, B, C, of, type Partial, type Rules, Y } from "./rule.js";
import { trigamma } from "./special.js";

const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);
const SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);

// Formulas that several ops share.
const same = of<ScalarOp>((g) => g);
const zero: Partial<ScalarOp> = of<ScalarOp>(flat);

/** An op of its own, since it needs no numbers and follows nearly every layer. */
function reluGrad(g: Tensor, y: Tensor): Tensor {
  return apply("reluGrad", [g, y], null, "ThresholdBackward");
}

/** Density of the standard normal distribution. */
function normalDensity(x: Tensor): Tensor {
  return x
    .square()
    .mul(-0.5)
    .exp()
    .mul(1 / Math.sqrt(2 * Math.PI));
}

/** Half the gradient to each of two equals, all of it to the one that was taken. */
function taken(g: Tensor, loses: Tensor, ties: Tensor): Tensor {
  return where(loses, 0, where(ties, g.mul(0.5), g));
}

function powBase(g: Tensor, x: Tensor, exponent: Tensor): Tensor {
  const { constant } = exponent.storage.value;
  if (constant === null) return where(exponent.eq(0), 0, g.mul(x.pow(exponent.sub(1)).mul(exponent)));
  const n = Number(constant);
  return n === 0 ? flat(g) : n === 1 ? g : g.mul(x.pow(n - 1).mul(n));
}

/** 0 to the power 0 is 1 from both sides of the exponent. */
function powExponent(g: Tensor, x: Tensor, exponent: Tensor, y: Tensor): Tensor {
  return g.mul(where(x.eq(0).bitwiseAnd(exponent.ge(0)), 0, y.mul(x.log())));
}

function geluTanhSlope(x: Tensor): Tensor {
  const inner = x.square().mul(0.044715).add(1).mul(x).mul(SQRT_2_OVER_PI);
  const slope = x
    .square()
    .mul(3 * 0.044715)
    .add(1)
    .mul(SQRT_2_OVER_PI);
  const t = inner.tanh();
  return t
    .add(1)
    .mul(0.5)
    .add(x.mul(0.5).mul(t.square().neg().add(1)).mul(slope));
}

function mishSlope(x: Tensor): Tensor {
  const t = softplus(x).tanh();
  return t.add(x.mul(x.sigmoid()).mul(t.square().neg().add(1)));
}

/** The difference, limited: the slope of a quadratic that turns into a line. */
function limited(x: Tensor, y: Tensor, limit: Tensor): Tensor {
  const d = x.sub(y);
  return where(d.lt(limit.neg()), limit.neg(), where(d.gt(limit), limit, d));
}

function smoothSlope(x: Tensor, y: Tensor, beta: Tensor): Tensor {
  const d = x.sub(y);
  return where(d.abs().lt(beta), d.div(beta), d.sign());
}

/** One line for each scalar op, in the order of core's table. */
export const pointwise: Rules<ScalarOp> = {
  neg: [of((g) => g.neg())],
  abs: [of(A, (g, x) => g.mul(x.sign()))],
  sign: [zero],
  reciprocal: [of(Y, (g, y) => g.mul(y.square()).neg())],
  sqrt: [of(Y, (g, y) => g.div(y.mul(2)))],
  rsqrt: [of(Y, (g, y) => g.mul(y.square().mul(y)).mul(-0.5))],
  exp: [of(Y, (g, y) => g.mul(y))],
  expm1: [of(Y, (g, y) => g.mul(y.add(1)))],
  log: [of(A, (g, x) => g.div(x))],
  log1p: [of(A, (g, x) => g.div(x.add(1)))],
  log2: [of(A, (g, x) => g.div(x.mul(Math.LN2)))],
  log10: [of(A, (g, x) => g.div(x.mul(Math.LN10)))],
  sin: [of(A, (g, x) => g.mul(x.cos()))],
  cos: [of(A, (g, x) => g.mul(x.sin()).neg())],
  tan: [of(Y, (g, y) => g.mul(y.square().add(1)))],
  asin: [of(A, (g, x) => g.mul(x.square().neg().add(1).rsqrt()))],
  acos: [of(A, (g, x) => g.mul(x.square().neg().add(1).rsqrt()).neg())],
  atan: [of(A, (g, x) => g.div(x.square().add(1)))],
  sinh: [of(A, (g, x) => g.mul(x.cosh()))],
  cosh: [of(A, (g, x) => g.mul(x.sinh()))],
  tanh: [of(Y, (g, y) => g.mul(y.square().neg().add(1)))],
  asinh: [of(A, (g, x) => g.mul(x.square().add(1).rsqrt()))],
  acosh: [of(A, (g, x) => g.mul(x.square().sub(1).rsqrt()))],
  atanh: [of(A, (g, x) => g.div(x.square().neg().add(1)))],
  sigmoid: [of(Y, (g, y) => g.mul(y.neg().add(1)).mul(y))],
  erf: [of(A, (g, x) => g.mul(x.square().neg().exp().mul(TWO_OVER_SQRT_PI)))],
  erfc: [of(A, (g, x) => g.mul(x.square().neg().exp().mul(-TWO_OVER_SQRT_PI)))],
  erfinv: [
    of(Y, (g, y) =>
      g.mul(
        y
          .square()
          .exp()
          .mul(1 / TWO_OVER_SQRT_PI),
      ),
    ),
  ],
  lgamma: [of(A, (g, x) => g.mul(x.digamma()))],
  digamma: [of(A, (g, x) => g.mul(trigamma(x)))],
  floor: [zero],
  ceil: [zero],
  round: [zero],
  trunc: [zero],
  bitwiseNot: null,
  cast: [of((g, { dtype }) => g.cast(dtype))],
  add: [same, same],
  sub: [same, of((g) => g.neg())],
  mul: [of(B, (g, b) => g.mul(b)), of(A, (g, a) => g.mul(a))],
  div: [of(B, (g, b) => g.div(b)), of(A, B, (g, a, b) => g.mul(a.div(b).div(b)).neg())],
  floorDivide: [zero, zero],
  truncDivide: [zero, zero],
  remainder: [same, of(A, B, (g, a, b) => g.mul(a.floorDivide(b)).neg())],
  fmod: [same, of(A, B, (g, a, b) => g.mul(a.div(b, { roundingMode: "trunc" })).neg())],
  pow: [of(A, B, powBase), of(A, B, Y, powExponent)],
  atan2: [
    of(A, B, (g, y, x) => g.mul(x.div(y.square().add(x.square())))),
    of(A, B, (g, y, x) => g.mul(y.div(y.square().add(x.square()))).neg()),
  ],
  maximum: [of(A, B, (g, a, b) => taken(g, a.lt(b), a.eq(b))), of(A, B, (g, a, b) => taken(g, a.gt(b), a.eq(b)))],
  minimum: [of(A, B, (g, a, b) => taken(g, a.gt(b), a.eq(b))), of(A, B, (g, a, b) => taken(g, a.lt(b), a.eq(b)))],
  eq: null,
  ne: null,
  lt: null,
  le: null,
  gt: null,
  ge: null,
  bitwiseAnd: null,
  bitwiseOr: null,
  bitwiseXor: null,
  shiftLeft: null,
  shiftRight: null,
  where: [null, of(A, (g, condition) => where(condition, g, 0)), of(A, (g, condition) => where(condition, 0, g))],
  square: [of(A, (g, x) => g.mul(x.mul(2)))],
  relu: [of(Y, reluGrad)],
  reluGrad: [of(B, reluGrad), null],
  gelu: [
    of(A, (g, x) =>
      g.mul(
        x
          .mul(Math.SQRT1_2)
          .erf()
          .add(1)
          .mul(0.5)
          .add(x.mul(normalDensity(x))),
      ),
    ),
  ],
  geluTanh: [of(A, (g, x) => g.mul(geluTanhSlope(x)))],
  silu: [
    of(A, (g, x) => {
      const s = x.sigmoid();
      return g.mul(s.mul(s.neg().add(1).mul(x).add(1)));
    }),
  ],
  mish: [of(A, (g, x) => g.mul(mishSlope(x)))],
  logSigmoid: [of(A, (g, x) => g.mul(x.neg().sigmoid()))],
  hardswish: [of(A, (g, x) => where(x.lt(-3), 0, where(x.le(3), g.mul(x.div(3).add(0.5)), g)))],
  hardsigmoid: [of(A, (g, x) => where(x.gt(-3).bitwiseAnd(x.lt(3)), g.div(6), 0))],
  tanhshrink: [of(A, (g, x) => g.mul(x.tanh().square()))],
  leakyRelu: [of(A, B, (g, x, slope) => where(x.gt(0), g, g.mul(slope))), of(A, (g, x) => where(x.gt(0), 0, g.mul(x)))],
  clampMin: [of(A, B, (g, x, low) => where(x.ge(low), g, 0)), of(A, B, (g, x, low) => where(x.lt(low), g, 0))],
  clampMax: [of(A, B, (g, x, high) => where(x.le(high), g, 0)), of(A, B, (g, x, high) => where(x.gt(high), g, 0))],
  hardshrink: [of(A, B, (g, x, lambda) => where(x.abs().le(lambda), 0, g)), null],
  softshrink: [of(A, B, (g, x, lambda) => where(x.abs().le(lambda), 0, g)), null],
  softplus: [
    of(A, B, C, (g, x, beta, threshold) => {
      const scaled = x.mul(beta);
      return where(scaled.gt(threshold), g, g.mul(scaled.sigmoid()));
    }),
    null,
    null,
  ],
  threshold: [of(A, B, (g, x, threshold) => where(x.le(threshold), 0, g)), null, null],
  clamp: [
    of(A, B, C, (g, x, low, high) => where(x.ge(low).bitwiseAnd(x.le(high)), g, 0)),
    of(A, B, C, (g, x, low, high) => where(x.lt(low).bitwiseAnd(low.lt(high)), g, 0)),
    of(A, B, C, (g, x, low, high) => where(x.gt(high).bitwiseOr(low.gt(high)), g, 0)),
  ],
  elu: [
    // Where it is not chosen the exponential sees 0, so that its own derivative is finite.
    of(A, B, C, (g, x, alpha, scale) => where(x.le(0), g.mul(where(x.le(0), x, 0).exp().mul(alpha).mul(scale)), g.mul(scale))),
    null,
    null,
  ],
  xlogy: [of(A, B, (g, x, y) => where(x.eq(0).bitwiseAnd(y.le(0)), 0, g.xlogy(y))), of(A, B, (g, x, y) => g.mul(x.div(y)))],
  logaddexp: [of(A, B, (g, a, b) => g.mul(a.sub(b).sigmoid())), of(A, B, (g, a, b) => g.mul(b.sub(a).sigmoid()))],
  bceWithLogits: [of(A, B, (g, x, target) => g.mul(x.sigmoid().sub(target))), of(A, (g, x) => g.mul(x).neg())],
  binaryCrossEntropy: [
    of(A, B, (g, p, target) => g.mul(p.sub(target).div(p.neg().add(1).mul(p).clampMin(1e-12)))),
    of(A, (g, p) => g.mul(p.neg().log1p().sub(p.log()))),
  ],
  smoothL1: [
    of(A, B, C, (g, x, y, beta) => g.mul(smoothSlope(x, y, beta))),
    of(A, B, C, (g, x, y, beta) => g.mul(smoothSlope(y, x, beta))),
    null,
  ],
  huber: [of(A, B, C, (g, x, y, delta) => g.mul(limited(x, y, delta))), of(A, B, C, (g, x, y, delta) => g.mul(limited(y, x, delta))), null],
  hypot: [of(A, Y, (g, a, y) => g.mul(a.div(y))), of(B, Y, (g, b, y) => g.mul(b.div(y)))],
  copysign: [of(A, Y, (g, a, y) => g.mul(where(a.eq(0), 0, y.div(a)))), zero],
  isnan: null,
  isinf: null,
};
