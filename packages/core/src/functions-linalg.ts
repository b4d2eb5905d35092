import type { BetaAlpha } from "./tensor/linalg.js";
import { multiDot } from "./tensor/linalg.js";
import type { Tensor } from "./tensor/tensor.js";

/**
 * Matrix product with PyTorch's rules: vectors give dot and matrix-vector products, leading dimensions broadcast.
 * @throws ShapeError if the inner sizes differ. @throws DTypeError if the dtypes differ.
 */
export function matmul(x: Tensor, other: Tensor): Tensor {
  return x.matmul(other);
}

/** Matrix product: `[N, K]` times `[K, M]`. @throws ShapeError unless both are matrices that fit. */
export function mm(x: Tensor, other: Tensor): Tensor {
  return x.mm(other);
}

/** Products of a batch: `[B, N, K]` times `[B, K, M]`. @throws ShapeError unless both are batches that fit. */
export function bmm(x: Tensor, other: Tensor): Tensor {
  return x.bmm(other);
}

/** Matrix-vector product: `[N, K]` times `[K]`. @throws ShapeError if they do not fit. */
export function mv(x: Tensor, vector: Tensor): Tensor {
  return x.mv(vector);
}

/** Sum of the products of two vectors. @throws ShapeError unless both are 1-d of one length. */
export function dot(x: Tensor, other: Tensor): Tensor {
  return x.dot(other);
}

/** {@link dot}, for real numbers. */
export function vdot(x: Tensor, other: Tensor): Tensor {
  return x.vdot(other);
}

/** Sums of products along `dim` (the last if left out), with broadcasting. */
export function vecdot(x: Tensor, other: Tensor, dim?: number): Tensor {
  return x.vecdot(other, dim);
}

/** Sums of products over the last dimensions of both. @throws ShapeError if those differ. */
export function inner(x: Tensor, other: Tensor): Tensor {
  return x.inner(other);
}

/** All products of two vectors: `[N]` and `[M]` to `[N, M]`. @throws ShapeError unless both are 1-d. */
export function outer(x: Tensor, other: Tensor): Tensor {
  return x.outer(other);
}

/** {@link outer}. */
export function ger(x: Tensor, other: Tensor): Tensor {
  return x.ger(other);
}

/** `beta * this + alpha * (a @ b)` for matrices; this broadcasts. @throws ShapeError if the shapes do not fit. */
export function addmm(x: Tensor, a: Tensor, b: Tensor, factors?: BetaAlpha): Tensor {
  return x.addmm(a, b, factors);
}

/** `beta * this + alpha * (matrix @ vector)`. @throws ShapeError if the shapes do not fit. */
export function addmv(x: Tensor, matrix: Tensor, vector: Tensor, factors?: BetaAlpha): Tensor {
  return x.addmv(matrix, vector, factors);
}

/** `beta * this + alpha * outer(a, b)`. @throws ShapeError if the shapes do not fit. */
export function addr(x: Tensor, a: Tensor, b: Tensor, factors?: BetaAlpha): Tensor {
  return x.addr(a, b, factors);
}

/** `beta * this + alpha * bmm(a, b)`. @throws ShapeError if the shapes do not fit. */
export function baddbmm(x: Tensor, a: Tensor, b: Tensor, factors?: BetaAlpha): Tensor {
  return x.baddbmm(a, b, factors);
}

/** `beta * this + alpha *` the sum over the batch of `bmm(a, b)`. @throws ShapeError if the shapes do not fit. */
export function addbmm(x: Tensor, a: Tensor, b: Tensor, factors?: BetaAlpha): Tensor {
  return x.addbmm(a, b, factors);
}

/**
 * Sums of products over the last `dims` dimensions of this and the first of `other`, or over listed pairs.
 * @throws ShapeError if their sizes differ.
 */
export function tensordot(x: Tensor, other: Tensor, dims?: number | readonly [readonly number[], readonly number[]]): Tensor {
  return x.tensordot(other, dims);
}

/** Kronecker product: each element of this times all of `other`. */
export function kron(x: Tensor, other: Tensor): Tensor {
  return x.kron(other);
}

/** Cross product along a dimension of size 3 (the first such if left out). @throws ShapeError if there is none. */
export function cross(x: Tensor, other: Tensor, dim?: number): Tensor {
  return x.cross(other, dim);
}

/** Norm of order `p` of the difference. */
export function dist(x: Tensor, other: Tensor, p?: number): Tensor {
  return x.dist(other, p);
}

/** This matrix, or batch of matrices, multiplied by itself `n` times (`n` >= 0). @throws ShapeError unless square. */
export function matrixPower(x: Tensor, n: number): Tensor {
  return x.matrixPower(n);
}

/** {@link multiDot} of its arguments. @throws ShapeError if fewer than two are given or neighbours do not fit. */
export function chainMatmul(...tensors: readonly Tensor[]): Tensor {
  return multiDot(tensors);
}

export { einsum } from "./tensor/linalg-einsum.js";
export { multiDot };
