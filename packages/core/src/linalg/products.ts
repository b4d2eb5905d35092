import { onesLike } from "../creation.js";
import { formatShape, ShapeError, ValueError } from "../errors.js";
import { applyHost, type HostOp } from "../extension.js";
import { cat } from "../functions.js";
import { optionsOf } from "../options.js";
import { constantLike, where } from "../tensor/compose.js";
import type { Tensor } from "../tensor/tensor.js";
import { eyeLike, requireSquare, sizeOfMatrix, zerosOf } from "./common.js";
import { expm } from "./dense/expm.js";
import { batched } from "./host.js";
import { inv } from "./solve.js";

const EXPM: HostOp<null> = {
  name: "LinalgMatrixExp",
  call: "linalg.matrixExp",
  infer: ([a]) => [a],
  run: batched([2], [2], ([a], [out], [[n]]) => out.set(expm(a, n))),
  vjp: ([g], { inputs: [a] }) => {
    // The derivative along g is the upper right block of a larger exponential.
    const [n] = sizeOfMatrix(a);
    const top = cat([a.mT, g as Tensor], -1);
    const bottom = cat([zerosOf(a, a.shape), a.mT], -1);
    return [
      applyHost(EXPM, [cat([top, bottom], -2)], null)[0]
        .narrow(-2, 0, n)
        .narrow(-1, n, n),
    ];
  },
};

/**
 * The exponential of square matrices `[..., n, n]`.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.linalg.matrix_exp.html
 *
 * @throws ShapeError unless square.
 * @example
 * import "@sconce/backend-cpu";
 * import { zeros } from "@sconce/core";
 * import { matrixExp } from "@sconce/core/linalg";
 * matrixExp(zeros([2, 2])); // [[1, 0], [0, 1]]
 */
export function matrixExp(a: Tensor): Tensor {
  requireSquare("linalg.matrixExp", a);
  return applyHost(EXPM, [a], null)[0];
}

/**
 * The n-th power of square matrices, by repeated squaring; of the inverse for negative n.
 * @throws ShapeError unless square. @throws LinAlgError for negative n if a matrix is singular.
 * @example
 * import "@sconce/backend-cpu";
 * import { tensor } from "@sconce/core";
 * import { matrixPower } from "@sconce/core/linalg";
 * matrixPower(tensor([[1, 1], [0, 1]]), 3); // [[1, 3], [0, 1]]
 */
export function matrixPower(a: Tensor, n: number): Tensor {
  requireSquare("linalg.matrixPower", a);
  if (!Number.isInteger(n)) throw new ValueError(`linalg.matrixPower: expected an integer n, got ${n}`, { op: "linalg.matrixPower" });
  // It depends on a, as every power does, with gradient 0.
  if (n === 0) return where(constantLike(a, false, "bool"), a, eyeLike(a, a.shape[a.ndim - 1]));
  let base = n < 0 ? inv(a) : a;
  let out: Tensor | null = null;
  for (let rest = Math.abs(n); ; base = base.matmul(base)) {
    if (rest % 2 === 1) out = out === null ? base : out.matmul(base);
    rest = Math.floor(rest / 2);
    if (rest === 0) return (out as Tensor) === a ? a.clone() : (out as Tensor);
  }
}

/** `a.cross(b)` along `dim`, the last if left out. @throws ShapeError unless that has size 3 in both. */
export function cross(a: Tensor, b: Tensor, options: { readonly dim?: number } = {}): Tensor {
  const { dim } = optionsOf("linalg.cross", options, { dim: -1 });
  if (a.ndim !== b.ndim) {
    throw new ShapeError(
      `linalg.cross: inputs must have the same number of dimensions, got ${formatShape(a.shape)} and ${formatShape(b.shape)}`,
      {
        op: "linalg.cross",
        shapes: [a.shape, b.shape],
      },
    );
  }
  return a.cross(b, dim);
}

/** Sums of products along `dim`, the last if left out, with broadcasting. */
export function vecdot(x: Tensor, y: Tensor, options: { readonly dim?: number } = {}): Tensor {
  const { dim } = optionsOf("linalg.vecdot", options, { dim: -1 });
  return x.vecdot(y, dim);
}

/**
 * Vandermonde matrices: powers 0 to N - 1 of the elements `[..., n]`, as `[..., n, N]`; N is n if left out.
 * @throws ValueError unless N is greater than 1.
 */
export function vander(vectors: Tensor, options: { readonly N?: number | null } = {}): Tensor {
  const { N } = optionsOf("linalg.vander", options, { N: Number });
  const x = vectors.ndim === 0 ? vectors.reshape([1]) : vectors;
  const n = N ?? x.shape[x.ndim - 1];
  if (!(n > 1)) throw new ValueError(`linalg.vander: N must be greater than 1, got ${n}`, { op: "linalg.vander" });
  const column = x.unsqueeze(-1);
  const powers = column.expand([...x.shape, n - 1]).cumprod(-1);
  return cat([onesLike(column, { dtype: powers.dtype }), powers], -1);
}
