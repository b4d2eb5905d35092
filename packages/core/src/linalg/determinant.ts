import { composite } from "../dispatch.js";
import { NotSupportedError } from "../errors.js";
import { applyHost, type HostOp } from "../extension.js";
import { where } from "../tensor/compose.js";
import type { Tensor } from "../tensor/tensor.js";
import { type Named, named, requireSquare } from "./common.js";
import { luFactor, pivotSign } from "./dense/factor.js";
import { type Matrix, multiply, transpose } from "./dense/matrix.js";
import { svd } from "./dense/svd.js";
import { batched, over } from "./host.js";
import { inverse } from "./solve.js";

/** An `[n, n]` matrix in the bases of its singular vectors, which are turned so that `det u = det v = 1`; s may be negative for that. */
function inSingularBases(a: Matrix, n: number): { u: Matrix; s: Float64Array; v: Matrix } {
  const { u, s, v } = svd(a, n, n, true);
  if (n > 0 && determinant(u.slice(), n) * determinant(v.slice(), n) < 0) {
    s[n - 1] = -s[n - 1];
    for (let k = n * (n - 1); k < n * n; k++) v[k] = -v[k];
  }
  return { u, s, v };
}

function determinant(a: Matrix, n: number): number {
  const pivots = new Float64Array(n);
  luFactor(a, n, n, pivots);
  let out = pivotSign(pivots);
  for (let i = 0; i < n; i++) out *= a[i * n + i];
  return out;
}

/** The product of all numbers but one or two. */
function productWithout(s: Float64Array, i: number, j: number): number {
  let out = 1;
  for (let k = 0; k < s.length; k++) if (k !== i && k !== j) out *= s[k];
  return out;
}

/** Cofactors are the gradient of the determinant, and exist for singular matrices too. */
const COFACTORS: HostOp<null> = {
  name: "LinalgDetBackward",
  call: "linalg.det",
  infer: ([a]) => [a],
  run: batched([2], [2], ([a], [out], [[n]]) => {
    const { u, s, v } = inSingularBases(a, n);
    const scaled = v.map((x, at) => x * productWithout(s, Math.floor(at / n), -1));
    out.set(multiply(transpose(u, n, n), scaled, n, n, n));
  }),
  vjp: ([g], { inputs: [a] }) => [applyHost(COFACTORS_GRAD, [a, g as Tensor], null)[0]],
};

/** The derivative of the cofactors of a along g, which is its own transpose. */
const COFACTORS_GRAD: HostOp<null> = {
  name: "LinalgDetBackwardBackward",
  call: "linalg.det",
  infer: ([a]) => [a],
  run: batched([2, 2], [2], ([a, g], [out], [[n]]) => {
    const { u, s, v } = inSingularBases(a, n);
    const inner = multiply(multiply(u, g, n, n, n), transpose(v, n, n), n, n, n);
    const turned = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        if (i === j) continue;
        const others = productWithout(s, i, j);
        turned[i * n + j] -= others * inner[j * n + i];
        turned[i * n + i] += others * inner[j * n + j];
      }
    }
    out.set(multiply(multiply(transpose(u, n, n), turned, n, n, n), v, n, n, n));
  }),
  vjp: () => {
    throw new NotSupportedError("linalg.det: has first and second derivatives, no third", { op: "linalg.det" });
  },
};

const DET: HostOp<null> = {
  name: "LinalgDet",
  call: "linalg.det",
  infer: ([a]) => [over(a, [])],
  run: batched([2], [0], ([a], [out], [[n]]) => {
    out[0] = determinant(a, n);
  }),
  vjp: ([g], { inputs: [a] }) => [
    (g as Tensor)
      .unsqueeze(-1)
      .unsqueeze(-1)
      .mul(applyHost(COFACTORS, [a], null)[0]),
  ],
};

const SLOGDET: HostOp<null> = {
  name: "LinalgSlogdet",
  call: "linalg.slogdet",
  infer: ([a]) => [over(a, []), over(a, [])],
  run: batched([2], [0, 0], ([a], [sign, log], [[n]]) => {
    const pivots = new Float64Array(n);
    luFactor(a, n, n, pivots);
    sign[0] = pivotSign(pivots);
    for (let i = 0; i < n; i++) {
      sign[0] *= Math.sign(a[i * n + i]);
      log[0] += Math.log(Math.abs(a[i * n + i]));
    }
  }),
  vjp: ([, g], { inputs: [a] }) => [g === null ? null : g.unsqueeze(-1).unsqueeze(-1).mul(inverse(a).mT)],
};

/**
 * Determinants of square matrices `[..., n, n]`; the gradient is right for singular ones too.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.linalg.det.html
 *
 * @throws ShapeError unless square.
 * @example
 * import "@sconce/backend-cpu";
 * import { tensor } from "@sconce/core";
 * import { det } from "@sconce/core/linalg";
 * det(tensor([[1, 2], [3, 4]])); // -2
 */
export function det(a: Tensor): Tensor {
  requireSquare("linalg.det", a);
  return applyHost(DET, [a], null)[0];
}

/** Sign and logarithm of the absolute value of {@link det}, which neither overflow nor vanish. */
export interface SignLogDet {
  readonly sign: Tensor;
  readonly logabsdet: Tensor;
}

/**
 * Sign and logarithm of the absolute value of determinants: 0 and -inf for a singular matrix.
 * @throws ShapeError unless square.
 * @example
 * import "@sconce/backend-cpu";
 * import { tensor } from "@sconce/core";
 * import { slogdet } from "@sconce/core/linalg";
 * const { sign, logabsdet } = slogdet(tensor([[0, 1], [1, 0]])); // -1 and 0
 */
export function slogdet(a: Tensor): Named<SignLogDet> {
  requireSquare("linalg.slogdet", a);
  const [sign, logabsdet] = applyHost(SLOGDET, [a], null);
  return named({ sign, logabsdet });
}

/** The logarithm of determinants: NaN where they are negative, -inf where 0. @throws ShapeError unless square. */
export function logdet(a: Tensor): Tensor {
  requireSquare("linalg.logdet", a);
  return composite("Logdet", [a], () => {
    const { sign, logabsdet } = slogdet(a);
    return where(sign.eq(-1), Number.NaN, logabsdet);
  });
}
