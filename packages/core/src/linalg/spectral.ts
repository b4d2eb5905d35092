import { ValueError } from "../errors.js";
import { applyHost, type HostOp } from "../extension.js";
import { optionsOf } from "../options.js";
import { constantLike, expandTo, expectTensor, where } from "../tensor/compose.js";
import type { Tensor } from "../tensor/tensor.js";
import { eyeLike, fail, type Named, named, requireMatrix, requireSquare, scaleColumns, scaleRows, sizeOfMatrix } from "./common.js";
import { eigh as eighDense } from "./dense/eigh.js";
import { type Matrix, transpose } from "./dense/matrix.js";
import { svd as svdDense } from "./dense/svd.js";
import { batched, over } from "./host.js";

/** Throws unless all elements are finite: no iteration over others ends. */
export function requireFinite(op: string, a: Matrix, at: number): void {
  for (let i = 0; i < a.length; i++) {
    if (!Number.isFinite(a[i]))
      fail(op, at > 0, at, "The algorithm failed to converge because the input matrix contained non-finite values.");
  }
}

// ---- symmetric matrices

/** Which triangle of a symmetric matrix is read. */
export interface UploOptions {
  readonly uplo?: "L" | "U";
}

interface EighParams {
  readonly op: string;
  readonly upper: boolean;
}

/** The symmetric matrix of one triangle. */
export function symmetric(a: Matrix, n: number, upper: boolean): Matrix {
  const out = a.slice();
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) out[upper ? i * n + j : j * n + i] = out[upper ? j * n + i : i * n + j];
  return out;
}

const EIGH: HostOp<EighParams> = {
  name: "LinalgEigh",
  call: "linalg.eigh",
  infer: ([a]) => [over(a, a.shape.slice(-1)), a],
  run: batched([2], [1, 2], ([a], [values, vectors], [[n]], { op, upper }, at) => {
    requireFinite(op, a, at);
    const found = eighDense(symmetric(a, n, upper), n);
    values.set(found.values);
    vectors.set(found.vectors);
  }),
  vjp: ([gl, gv], { outputs: [l, v] }) => {
    if (gv === null) return [scaleColumns(v, gl as Tensor).matmul(v.mT)];
    const n = l.shape[l.ndim - 1];
    const one = eyeLike(v, n);
    const gaps = l.unsqueeze(-2).sub(l.unsqueeze(-1)).add(one);
    const inner = where(one.eq(1), 0, v.mT.matmul(gv).div(gaps));
    const full = gl === null ? inner : inner.add(one.mul(gl.unsqueeze(-1)));
    return [v.matmul(full).matmul(v.mT)];
  },
};

const EIGVALSH: HostOp<EighParams> = {
  name: "LinalgEigh",
  call: "linalg.eigvalsh",
  infer: ([a]) => [over(a, a.shape.slice(-1))],
  run: batched([2], [1], ([a], [values], [[n]], { op, upper }, at) => {
    requireFinite(op, a, at);
    values.set(eighDense(symmetric(a, n, upper), n).values);
  }),
  vjp: ([g], { inputs: [a], params }) => {
    const [, v] = applyHost(EIGH, [a], params);
    return [scaleColumns(v, g as Tensor).matmul(v.mT)];
  },
};

function eighParams(op: string, a: Tensor, uplo: string): EighParams {
  requireSquare(op, a);
  if (uplo !== "L" && uplo !== "U") throw new ValueError(`${op}: Expected UPLO argument to be "L" or "U", got ${JSON.stringify(uplo)}`);
  return { op, upper: uplo === "U" };
}

/** Eigenvalues `[..., n]` and eigenvectors `[..., n, n]`, one a column. */
export interface Eigen {
  readonly eigenvalues: Tensor;
  readonly eigenvectors: Tensor;
}

/**
 * Eigenvalues in rising order and orthonormal eigenvectors of symmetric matrices `[..., n, n]`, of which one triangle is read. The sign
 * of each vector is free; gradients through vectors of equal eigenvalues are not finite.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.linalg.eigh.html
 *
 * @throws ShapeError unless square. @throws LinAlgError if an element is not finite.
 * @example
 * import "@sconce/backend-cpu";
 * import { tensor } from "@sconce/core";
 * import { eigh } from "@sconce/core/linalg";
 * const { eigenvalues } = eigh(tensor([[2, 1], [1, 2]])); // [1, 3]
 */
export function eigh(a: Tensor, options: UploOptions = {}): Named<Eigen> {
  const { uplo } = optionsOf("linalg.eigh", options, { uplo: "L" });
  const [eigenvalues, eigenvectors] = applyHost(EIGH, [a], eighParams("linalg.eigh", a, uplo));
  return named({ eigenvalues, eigenvectors });
}

/** The eigenvalues of {@link eigh} alone; their gradients are finite also where some are equal. @throws ShapeError unless square. */
export function eigvalsh(a: Tensor, options: UploOptions = {}): Tensor {
  const { uplo } = optionsOf("linalg.eigvalsh", options, { uplo: "L" });
  return applyHost(EIGVALSH, [a], eighParams("linalg.eigvalsh", a, uplo))[0];
}

// ---- singular values

interface SvdParams {
  readonly full: boolean;
}

const SVD: HostOp<SvdParams> = {
  name: "LinalgSvd",
  call: "linalg.svd",
  infer: ([a], { full }) => {
    const [m, n] = a.shape.slice(-2);
    const k = Math.min(m, n);
    return [over(a, [m, full ? m : k]), over(a, [k]), over(a, [full ? n : k, n])];
  },
  run: batched([2], [2, 1, 2], ([a], [u, s, vh], [[m, n]], { full }, at) => {
    requireFinite("linalg.svd", a, at);
    const found = svdDense(a, m, n, full);
    u.set(transpose(found.u, found.u.length / Math.max(m, 1), m));
    s.set(found.s);
    vh.set(found.v);
  }),
  vjp: ([gu, gs, gv], { outputs: [u, s, vh] }) => {
    const k = s.shape[s.ndim - 1];
    const thin = (x: Tensor | null, dim: number): Tensor | null => (x === null ? null : x.narrow(dim, 0, k));
    return [svdGrad(u.narrow(-1, 0, k), s, vh.narrow(-2, 0, k), thin(gu, -1), gs, thin(gv, -2))];
  },
};

/** Source: PyTorch's svd_backward; Townsend, Differentiating the singular value decomposition, 2016 */
function svdGrad(u: Tensor, s: Tensor, vh: Tensor, gu: Tensor | null, gs: Tensor | null, gvh: Tensor | null): Tensor {
  if (gu === null && gvh === null) return scaleColumns(u, gs as Tensor).matmul(vh);
  const [m, k] = sizeOfMatrix(u);
  const n = vh.shape[vh.ndim - 1];
  const one = eyeLike(u, k);
  const square = s.mul(s);
  const gaps = square.unsqueeze(-2).sub(square.unsqueeze(-1)).add(one);
  const skew = (x: Tensor): Tensor => where(one.eq(1), 0, x.sub(x.mT).div(gaps));
  const parts: Tensor[] = [];
  if (gu !== null) parts.push(scaleColumns(skew(u.mT.matmul(gu)), s));
  if (gvh !== null) parts.push(scaleRows(skew(vh.matmul(gvh.mT)), s));
  if (gs !== null) parts.push(one.mul(gs.unsqueeze(-1)));
  let out = u.matmul(parts.reduce((x, y) => x.add(y))).matmul(vh);
  if (gu !== null && m > k) {
    const scaled = scaleColumns(gu, s.reciprocal());
    out = out.add(scaled.sub(u.matmul(u.mT.matmul(scaled))).matmul(vh));
  }
  if (gvh !== null && n > k) {
    const scaled = scaleRows(gvh, s.reciprocal());
    out = out.add(u.matmul(scaled.sub(scaled.matmul(vh.mT).matmul(vh))));
  }
  return out;
}

const SVDVALS: HostOp<null> = {
  name: "LinalgSvd",
  call: "linalg.svdvals",
  infer: ([a]) => [over(a, [Math.min(...a.shape.slice(-2))])],
  run: batched([2], [1], ([a], [s], [[m, n]], _params, at) => {
    requireFinite("linalg.svdvals", a, at);
    s.set(svdDense(a, m, n, false).s);
  }),
  vjp: ([g], { inputs: [a] }) => {
    const [u, , vh] = applyHost(SVD, [a], { full: false });
    return [scaleColumns(u, g as Tensor).matmul(vh)];
  },
};

/** U `[..., m, k]`, S `[..., k]` and Vᴴ `[..., k, n]`. */
export interface SvdResult {
  readonly u: Tensor;
  readonly s: Tensor;
  readonly vh: Tensor;
}

/**
 * The singular value decomposition of matrices `[..., m, n]`: `a = u diag(s) vh` with s in falling order. With `fullMatrices`, the default,
 * u is `[..., m, m]` and vh `[..., n, n]`. Signs are free; gradients through vectors of equal singular values are not finite.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.linalg.svd.html
 *
 * @throws ShapeError unless there are two dimensions or more. @throws LinAlgError if an element is not finite.
 * @example
 * import "@sconce/backend-cpu";
 * import { randn } from "@sconce/core";
 * import { svd } from "@sconce/core/linalg";
 * const { u, s, vh } = svd(randn([5, 3]), { fullMatrices: false }); // [5, 3], [3], [3, 3]
 */
export function svd(a: Tensor, options: { readonly fullMatrices?: boolean } = {}): Named<SvdResult> {
  const { fullMatrices } = optionsOf("linalg.svd", options, { fullMatrices: true });
  requireMatrix("linalg.svd", a);
  const [u, s, vh] = applyHost(SVD, [a], { full: fullMatrices });
  return named({ u, s, vh });
}

/** The singular values of {@link svd} alone; their gradients are finite also where some are equal. */
export function svdvals(a: Tensor): Tensor {
  requireMatrix("linalg.svdvals", a);
  return applyHost(SVDVALS, [a], null)[0];
}

/** Which singular values count as 0: those up to `max(atol, rtol * largest)`. */
export interface ToleranceOptions {
  /** A number, or one for each matrix. */
  readonly atol?: number | Tensor | null;
  readonly rtol?: number | Tensor | null;
  /** The matrix is symmetric: its lower triangle is read. */
  readonly hermitian?: boolean;
}

/** The tolerances of each matrix of a batch. */
export function toleranceOf(op: string, a: Tensor, options: ToleranceOptions): { atol: Tensor; rtol: Tensor; hermitian: boolean } {
  const { hermitian, rtol, atol: given } = optionsOf(op, options, { atol: Object, rtol: Object, hermitian: false });
  const atol = given ?? 0;
  const epsilon = (a.dtype === "float64" ? 2 ** -52 : 2 ** -23) * Math.max(...sizeOfMatrix(a));
  const batch = a.shape.slice(0, -2);
  const each = (x: number | Tensor): Tensor => {
    if (typeof x === "number") return expandTo(constantLike(a, x), batch);
    expectTensor(op, x);
    return expandTo(x.detach().to({ dtype: a.dtype }), batch);
  };
  const usual = typeof atol === "number" ? each(atol > 0 ? 0 : epsilon) : where(each(atol).gt(0), 0, each(epsilon));
  return { atol: each(atol), rtol: rtol === null ? usual : each(rtol), hermitian };
}

/**
 * The number of singular values that are not 0, as int32.
 * @throws ShapeError unless there are two dimensions or more.
 * @example
 * import "@sconce/backend-cpu";
 * import { ones } from "@sconce/core";
 * import { matrixRank } from "@sconce/core/linalg";
 * matrixRank(ones([3, 3])); // 1
 */
export function matrixRank(a: Tensor, options: ToleranceOptions = {}): Tensor {
  const { atol, rtol, hermitian } = toleranceOf("linalg.matrixRank", a, options);
  if (a.numel() === 0) return a.sum([-2, -1]).int();
  const s = hermitian ? eigvalsh(a.detach()).abs() : svdvals(a.detach());
  const limit = s.amax(-1).mul(rtol).maximum(atol);
  return s.gt(limit.unsqueeze(-1)).int().sum({ dim: -1, dtype: "int32" });
}
