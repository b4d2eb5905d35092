import { composite } from "../dispatch.js";
import { type DType, dtypeWord, isFloatingPoint } from "../dtype.js";
import { DTypeError, formatShape, ShapeError, ValueError } from "../errors.js";
import { optionsOf } from "../options.js";
import { normalizeDim, normalizeDims } from "../shape.js";
import { where } from "../tensor/compose.js";
import { vectorNorm as normOf } from "../tensor/norms.js";
import type { Tensor } from "../tensor/tensor.js";
import { requireSquare } from "./common.js";
import { inverse } from "./solve.js";
import { svdvals } from "./spectral.js";

/** What all norms take. */
interface KeepOptions {
  /** Keeps reduced dimensions with size 1. */
  readonly keepdim?: boolean;
  /** Converts before computing. */
  readonly dtype?: DType | null;
}

/** What {@link vectorNorm} takes. */
export interface VectorNormOptions extends KeepOptions {
  /** The order, 2 if left out: any number, also infinite. */
  readonly ord?: number;
  /** Dimensions to reduce; all if left out. */
  readonly dim?: number | readonly number[] | null;
}

/** Order of a matrix norm. */
export type MatrixOrder = "fro" | "nuc" | number;

/** What {@link matrixNorm} takes. */
export interface MatrixNormOptions extends KeepOptions {
  /** `"fro"` if left out, `"nuc"`, or one of 1, -1, 2, -2, Infinity, -Infinity. */
  readonly ord?: MatrixOrder | null;
  /** The two dimensions of the matrices, the last two if left out. */
  readonly dim?: readonly number[];
}

/** What {@link norm} takes. */
export interface NormOptions extends KeepOptions {
  readonly ord?: MatrixOrder | null;
  readonly dim?: number | readonly number[] | null;
}

function converted(op: string, x: Tensor, dtype: DType | null): Tensor {
  const y = dtype === null ? x : x.to({ dtype });
  if (isFloatingPoint(y.dtype)) return y;
  throw new DTypeError(`${op}: Expected a floating point tensor as input. Got ${dtypeWord(y.dtype)}; convert with .float()`, {
    dtypes: [y.dtype],
  });
}

/**
 * Norms of vectors: the root of order `ord` of the sum of powers; the largest or smallest absolute value for infinite orders; the number
 * of elements that are not 0 for order 0.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.linalg.vector_norm.html
 *
 * @throws DTypeError unless floating-point. @throws ShapeError for a norm over no elements that has no value.
 * @example
 * import "@sconce/backend-cpu";
 * import { tensor } from "@sconce/core";
 * import { vectorNorm } from "@sconce/core/linalg";
 * vectorNorm(tensor([3, 4])); // 5
 */
export function vectorNorm(x: Tensor, options: VectorNormOptions = {}): Tensor {
  const op = "linalg.vectorNorm";
  const { ord, dim, keepdim, dtype } = optionsOf(op, options, { ord: 2, dim: Object, keepdim: false, dtype: Object });
  const y = converted(op, x, dtype);
  const dims = normalizeDims(dim, y.ndim, op);
  if ((ord < 0 || ord === Number.POSITIVE_INFINITY) && dims.some((d) => y.shape[d] === 0)) {
    const what = dim === null ? "on an empty tensor" : `on the dimensions ${JSON.stringify(dim)} of an empty tensor`;
    throw new ShapeError(`${op}: cannot compute the ${ord} norm ${what} because the operation does not have an identity`, {
      shapes: [x.shape],
    });
  }
  return composite("LinalgVectorNorm", [y], () => normOf(y, ord, dims, keepdim));
}

/**
 * Norms of matrices: Frobenius (`"fro"`), the sum of singular values (`"nuc"`), the largest or smallest of them (2, -2), or of the sums of
 * absolute values of columns (1, -1) or rows (Infinity, -Infinity).
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.linalg.matrix_norm.html
 *
 * @throws ShapeError unless `dim` names two dimensions. @throws ValueError for another order.
 * @example
 * import "@sconce/backend-cpu";
 * import { tensor } from "@sconce/core";
 * import { matrixNorm } from "@sconce/core/linalg";
 * matrixNorm(tensor([[3, 0], [0, 4]]), { ord: "nuc" }); // 7
 */
export function matrixNorm(a: Tensor, options: MatrixNormOptions = {}): Tensor {
  const op = "linalg.matrixNorm";
  const { ord: given, dim, keepdim, dtype } = optionsOf(op, options, { ord: Object, dim: [-2, -1], keepdim: false, dtype: Object });
  const ord = given ?? "fro";
  const x = converted(op, a, dtype);
  if (x.ndim < 2)
    throw new ShapeError(`${op}: The input tensor A must have at least 2 dimensions, got ${formatShape(x.shape)}`, {
      shapes: [x.shape],
    });
  const dims = dim.map((d) => normalizeDim(d, x.ndim, op));
  if (dims.length !== 2 || dims[0] === dims[1]) throw new ShapeError(`${op}: dim must be a 2-tuple of different dimensions, got [${dim}]`);
  if (ord === "fro") return vectorNorm(x, { dim: dims, keepdim });
  if (ord === "nuc" || Math.abs(ord) === 2) return spectral(x, ord, dims, keepdim);
  if (Math.abs(ord) !== 1 && Math.abs(ord) !== Number.POSITIVE_INFINITY) {
    throw new ValueError(`${op}: Order ${ord} not supported; take "fro", "nuc", 1, -1, 2, -2, Infinity or -Infinity`);
  }
  const [sumOver, over] = Math.abs(ord) === 1 ? dims : [dims[1], dims[0]];
  return composite("LinalgMatrixNorm", [x], () => {
    const sums = x.abs().sum({ dim: sumOver, keepdim: true });
    const out = ord > 0 ? sums.amax({ dim: over, keepdim: true }) : sums.amin({ dim: over, keepdim: true });
    return keepdim ? out : out.squeeze(dims);
  });
}

/** Norms that follow from the singular values. */
function spectral(x: Tensor, ord: MatrixOrder, dims: readonly number[], keepdim: boolean): Tensor {
  return composite("LinalgMatrixNorm", [x], () => {
    const s = svdvals(x.movedim(dims, [-2, -1]));
    const out = ord === "nuc" ? s.sum(-1) : ord === 2 ? s.amax(-1) : s.amin(-1);
    if (!keepdim) return out;
    return [...dims].sort((a, b) => a - b).reduce((y, d) => y.unsqueeze(d), out);
  });
}

/**
 * A vector or matrix norm, by the options: of all elements (order 2) without `ord` and `dim`; of a vector for one dimension; of matrices
 * for two dimensions and an order.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.linalg.norm.html
 *
 * @throws ShapeError unless the dimensions fit the order.
 * @example
 * import "@sconce/backend-cpu";
 * import { tensor } from "@sconce/core";
 * import { norm } from "@sconce/core/linalg";
 * norm(tensor([[3, 0], [0, 4]]), { ord: "nuc" }); // 7
 */
export function norm(x: Tensor, options: NormOptions = {}): Tensor {
  const op = "linalg.norm";
  const { ord, dim, ...rest } = optionsOf(op, options, { ord: Object, dim: Object, keepdim: false, dtype: Object });
  if (ord === null) return vectorNorm(x, { ...rest, dim });
  const dims = dim === null ? (x.ndim === 1 ? [0] : [-2, -1]) : [dim].flat();
  if (dim === null && x.ndim !== 1 && x.ndim !== 2) {
    throw new ShapeError(`${op}: If dim is not specified but ord is, the input must be 1D or 2D. Got ${x.ndim}D`, {
      shapes: [x.shape],
    });
  }
  if (dims.length === 2) return matrixNorm(x, { ...rest, ord, dim: dims });
  if (dims.length !== 1) throw new ShapeError(`${op}: If dim is specified, it must be of length 1 or 2. Got [${dims}]`);
  if (typeof ord === "string") throw new ValueError(`${op}: the order "${ord}" is for matrices; give two dimensions`);
  return vectorNorm(x, { ...rest, ord, dim: dims });
}

/**
 * The condition number of matrices: the ratio of the largest to the smallest singular value, or `norm(a) * norm(inv(a))` for order `p`;
 * 0 for matrices without elements.
 * @throws ShapeError unless square, for other orders than 2 and -2.
 * @example
 * import "@sconce/backend-cpu";
 * import { tensor } from "@sconce/core";
 * import { cond } from "@sconce/core/linalg";
 * cond(tensor([[4, 0], [0, 2]])); // 2
 */
export function cond(a: Tensor, options: { readonly p?: MatrixOrder | null } = {}): Tensor {
  const { p } = optionsOf("linalg.cond", options, { p: Object });
  if (p === null || p === 2 || p === -2) {
    const s = svdvals(a);
    if (s.numel() === 0) return s.sum(-1);
    const [largest, smallest] = [s.select(-1, 0), s.select(-1, s.shape[s.ndim - 1] - 1)];
    return p === -2 ? smallest.div(largest) : largest.div(smallest);
  }
  requireSquare("linalg.cond", a);
  if (a.numel() === 0) return a.sum([-2, -1]);
  const product = matrixNorm(a, { ord: p }).mul(matrixNorm(inverse(a), { ord: p }));
  return where(product.isnan(), Number.POSITIVE_INFINITY, product);
}
