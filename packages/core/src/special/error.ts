import { applyFormula, type FormulaOp } from "../extension.js";
import type { TensorOrScalar } from "../promotion.js";
import type { Expr } from "../scalar.js";
import { broadcast } from "../shape.js";
import { where as choose } from "../tensor/compose.js";
import type { Tensor } from "../tensor/tensor.js";
import { floats, unary } from "./define.js";
import {
  abs,
  add,
  chebyshev,
  constant,
  div,
  eq,
  erfc,
  exp,
  gt,
  isNaN,
  log,
  log1p,
  lt,
  min,
  mul,
  neg,
  polynomial,
  sqrt,
  sub,
  where,
} from "./expr.js";
import { ERFCX } from "./series.js";

/** Source: Shepherd and Laframboise, https://doi.org/10.1090/S0025-5718-1981-0595058-X */
function erfcxExpr(x: Expr): Expr {
  const size = abs(x);
  const near = div(chebyshev(div(sub(size, 3.75), add(size, 3.75)), ERFCX), add(mul(size, 2), 1));
  const right = where(gt(size, 1e8), div(1 / Math.sqrt(Math.PI), size), near);
  const value = where(lt(x, 0), sub(mul(exp(mul(x, x)), 2), right), right);
  return where(isNaN(x), x, value);
}

/**
 * `exp(x²) erfc(x)`, which does not vanish for large x.
 *
 * Source: https://pytorch.org/docs/stable/special.html#torch.special.erfcx
 */
export const erfcx: (x: Tensor) => Tensor = unary("SpecialErfcx", erfcxExpr, (g, x, y) =>
  g.mul(
    x
      .mul(y)
      .mul(2)
      .sub(2 / Math.sqrt(Math.PI)),
  ),
);

/** The area under the normal density up to x. */
export const ndtr: (x: Tensor) => Tensor = unary(
  "SpecialNdtr",
  (x) => mul(erfc(mul(x, -Math.SQRT1_2)), 0.5),
  (g, x) => g.mul(x.square().mul(-0.5).exp()).mul(1 / Math.sqrt(2 * Math.PI)),
);

/** The logarithm of {@link ndtr}, exact far in the tail. */
export const logNdtr: (x: Tensor) => Tensor = unary(
  "SpecialLogNdtr",
  (x) => {
    const t = mul(x, Math.SQRT1_2);
    const tail = sub(log(mul(erfcxExpr(neg(t)), 0.5)), mul(t, t));
    return where(lt(x, -1), tail, log1p(mul(erfc(t), -0.5)));
  },
  (g, x) => g.div(erfcx(x.mul(-Math.SQRT1_2))).mul(Math.sqrt(2 / Math.PI)),
);

/** Numerators and denominators of Wichura's rational functions: in the middle, in the tails and far out. */
const MIDDLE: readonly (readonly number[])[] = [
  [
    3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987, 67265.7709270087, 33430.57558358813,
    2509.0809287301227,
  ],
  [
    1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271, 28729.085735721943,
    5226.495278852854,
  ],
];
const TAIL: readonly (readonly number[])[] = [
  [
    1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684, 0.2417807251774506,
    0.022723844989269184, 0.0007745450142783414,
  ],
  [
    1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457, 0.0005475938084995345,
    1.0507500716444169e-9,
  ],
];
const FAR: readonly (readonly number[])[] = [
  [
    6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487, 0.026532189526576124, 0.0012426609473880784,
    2.7115555687434876e-5, 2.0103343992922881e-7,
  ],
  [
    1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133, 1.8463183175100548e-5, 1.421511758316446e-7,
    2.0442631033899397e-15,
  ],
];

const rational = (x: Expr, [above, below]: readonly (readonly number[])[]): Expr => div(polynomial(x, above), polynomial(x, below));

/**
 * The x whose {@link ndtr} is p.
 *
 * Source: Wichura, algorithm AS 241, https://doi.org/10.2307/2347330
 */
export const ndtri: (p: Tensor) => Tensor = unary(
  "SpecialNdtri",
  (p) => {
    const q = sub(p, 0.5);
    const middle = mul(q, rational(sub(0.180625, mul(q, q)), MIDDLE));
    const r = sqrt(neg(log(min(p, sub(1, p)))));
    const tail = where(gt(r, 5), rational(sub(r, 5), FAR), rational(sub(r, 1.6), TAIL));
    const inside = where(gt(abs(q), 0.425), where(lt(q, 0), neg(tail), tail), middle);
    const ends = where(eq(p, 0), Number.NEGATIVE_INFINITY, where(eq(p, 1), Number.POSITIVE_INFINITY, inside));
    return where(gt(abs(q), 0.5), Number.NaN, ends);
  },
  (g, _p, y) => g.mul(y.square().mul(0.5).exp()).mul(Math.sqrt(2 * Math.PI)),
);

/** The entropy term `-x log(x)`: 0 at 0 and -inf below. */
export const entr: (x: Tensor) => Tensor = unary(
  "SpecialEntr",
  (x) => where(isNaN(x), x, where(gt(x, 0), neg(mul(x, log(x))), where(eq(x, 0), 0, constant(x, Number.NEGATIVE_INFINITY)))),
  (g, x) => g.mul(x.log().add(1).neg()),
);

const XLOG1PY: FormulaOp = {
  name: "SpecialXlog1Py",
  expr: (x, y) => where(isNaN(y), y, where(eq(x, 0), 0, mul(x, log1p(y)))),
  vjp: ([g], { inputs: [x, y], needs }) => [
    needs[0] ? (g as Tensor).mul(choose(x.eq(0).bitwiseAnd(y.le(-1)), 0, y.log1p())) : null,
    needs[1] ? (g as Tensor).mul(x).div(y.add(1)) : null,
  ],
};

/** `x log(1 + y)`, and 0 where x is 0 unless y is NaN. */
export function xlog1py(x: TensorOrScalar, y: TensorOrScalar): Tensor {
  const [a, b] = floats("xlog1py", [x, y]);
  broadcast(a.shape, b.shape, "xlog1py");
  return applyFormula(XLOG1PY, a, b);
}
