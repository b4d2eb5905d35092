import { applyHost, type HostOp } from "../extension.js";
import { cat } from "../functions.js";
import { where } from "../tensor/compose.js";

import type { Tensor } from "../tensor/tensor.js";
import { diagonalOf, eyeLike, fail, type Named, named, requireSquare } from "./common.js";
import { eig as eigDense } from "./dense/eig.js";
import type { Matrix } from "./dense/matrix.js";
import { batched, over } from "./host.js";
import { solve } from "./solve.js";
import type { Eigen } from "./spectral.js";
import { requireFinite } from "./spectral.js";

/** Real and imaginary parts beside each other. */
interface Complex {
  readonly re: Tensor;
  readonly im: Tensor;
}

const partsOf = (pairs: Tensor): Complex => ({ re: pairs.select(-1, 0), im: pairs.select(-1, 1) });

/** The conjugate transpose. */
const adjoint = ({ re, im }: Complex): Complex => ({ re: re.mT, im: im.mT.neg() });

function product(a: Complex, b: Complex): Complex {
  return { re: a.re.matmul(b.re).sub(a.im.matmul(b.im)), im: a.re.matmul(b.im).add(a.im.matmul(b.re)) };
}

/** The real part of `a⁻¹ b`, by the real system of twice the size. */
function realSolve(a: Complex, b: Complex): Tensor {
  const big = cat([cat([a.re, a.im.neg()], -1), cat([a.im, a.re], -1)], -2);
  return solve(big, cat([b.re, b.im], -2)).narrow(-2, 0, a.re.shape[a.re.ndim - 1]);
}

function decompose(op: string, a: Matrix, n: number, withVectors: boolean, at: number): ReturnType<typeof eigDense> {
  requireFinite(op, a, at);
  const found = eigDense(a, n, withVectors);
  if (!found.converged) fail(op, at > 0, at, "The algorithm failed to converge.");
  return found;
}

const EIG: HostOp<null> = {
  name: "LinalgEig",
  call: "linalg.eig",
  infer: ([a]) => [over(a, [...a.shape.slice(-1), 2]), over(a, [...a.shape.slice(-2), 2])],
  run: batched([2], [2, 3], ([a], [values, vectors], [[n]], _params, at) => {
    const found = decompose("linalg.eig", a, n, true, at);
    values.set(found.values);
    vectors.set(found.vectors);
  }),
  vjp: ([gl, gv], { outputs: [values, vectors] }) => [eigGrad(partsOf(values), partsOf(vectors), gl, gv)],
};

/** Source: PyTorch's linalg_eig_backward; Boeddeker et al., https://arxiv.org/abs/1701.00392 */
function eigGrad(l: Complex, v: Complex, gl: Tensor | null, gv: Tensor | null): Tensor {
  const vh = adjoint(v);
  const one = eyeLike(v.re, l.re.shape[l.re.ndim - 1]);
  const onDiagonal = one.eq(1);
  const diagonal: Complex | null =
    gl === null ? null : { re: one.mul(gl.select(-1, 0).unsqueeze(-1)), im: one.mul(gl.select(-1, 1).unsqueeze(-1)) };
  if (gv === null) return realSolve(vh, product(diagonal as Complex, vh));
  const inner = product(vh, partsOf(gv));
  const lengths = diagonalOf(inner.re).unsqueeze(-2);
  const gram = product(vh, v);
  const free: Complex = { re: inner.re.sub(gram.re.mul(lengths)), im: inner.im.sub(gram.im.mul(lengths)) };
  // Divided by the conjugate of the gaps.
  const gap: Complex = { re: l.re.unsqueeze(-2).sub(l.re.unsqueeze(-1)).add(one), im: l.im.unsqueeze(-2).sub(l.im.unsqueeze(-1)) };
  const size = gap.re.square().add(gap.im.square());
  const re = where(onDiagonal, 0, free.re.mul(gap.re).sub(free.im.mul(gap.im)).div(size));
  const im = where(onDiagonal, 0, free.im.mul(gap.re).add(free.re.mul(gap.im)).div(size));
  const full: Complex = diagonal === null ? { re, im } : { re: re.add(diagonal.re), im: im.add(diagonal.im) };
  return realSolve(vh, product(full, vh));
}

const EIGVALS: HostOp<null> = {
  name: "LinalgEig",
  call: "linalg.eigvals",
  infer: ([a]) => [over(a, [...a.shape.slice(-1), 2])],
  run: batched([2], [2], ([a], [values], [[n]], _params, at) => {
    values.set(decompose("linalg.eigvals", a, n, false, at).values);
  }),
  vjp: ([g], { inputs: [a] }) => {
    const [values, vectors] = applyHost(EIG, [a], null);
    return [eigGrad(partsOf(values), partsOf(vectors), g, null)];
  },
};

/**
 * Eigenvalues and eigenvectors of square matrices `[..., n, n]`. They may be complex, so they come as pairs of real and imaginary part:
 * eigenvalues `[..., n, 2]`, eigenvectors of length 1 `[..., n, n, 2]`, one a column. The phase of each vector is free.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.linalg.eig.html
 *
 * @throws ShapeError unless square. @throws LinAlgError if an element is not finite.
 * @example
 * import "@sconce/backend-cpu";
 * import { tensor } from "@sconce/core";
 * import { eig } from "@sconce/core/linalg";
 * const { eigenvalues } = eig(tensor([[0, -1], [1, 0]])); // [[0, 1], [0, -1]]: i and -i
 */
export function eig(a: Tensor): Named<Eigen> {
  requireSquare("linalg.eig", a);
  const [eigenvalues, eigenvectors] = applyHost(EIG, [a], null);
  return named({ eigenvalues, eigenvectors });
}

/** The eigenvalues of {@link eig} alone, as pairs `[..., n, 2]`. @throws ShapeError unless square. */
export function eigvals(a: Tensor): Tensor {
  requireSquare("linalg.eigvals", a);
  return applyHost(EIGVALS, [a], null)[0];
}
