import { meshgrid } from "./creation-ranges.js";
import { apply, composite } from "./dispatch.js";
import { isFloatingPoint } from "./dtype.js";
import { formatShape, ShapeError, typeName, ValueError } from "./errors.js";
import { isTensor, resultType, type TensorOrScalar } from "./promotion.js";
import { normalizeDim, sameShape } from "./shape.js";
import { type AlphaOptions, type DivOptions, divide, integerDivision, power } from "./tensor/arithmetic.js";
import { type DimArgument, dimOf } from "./tensor/movement.js";
import { select } from "./tensor/pointwise.js";
import type { Tensor } from "./tensor/tensor.js";

/** `a - alpha * b`, broadcast and promoted; one of them may be a number. */
export function sub(a: TensorOrScalar, b: TensorOrScalar, options?: AlphaOptions): Tensor {
  return isTensor(a) ? a.sub(b, options) : requireTensor("sub", b).rsub(a, options);
}

/** `b - alpha * a`. */
export function rsub(a: Tensor, b: TensorOrScalar, options?: AlphaOptions): Tensor {
  return a.rsub(b, options);
}

/** The quotient, floating-point unless `roundingMode` says how to round; one operand may be a number. */
export function div(a: TensorOrScalar, b: TensorOrScalar, { roundingMode = null }: DivOptions = {}): Tensor {
  return divide(a, b, roundingMode);
}

/** The quotient, always floating-point. */
export function trueDivide(a: TensorOrScalar, b: TensorOrScalar): Tensor {
  return divide(a, b, null);
}

/** The quotient rounded towards minus infinity. */
export function floorDivide(a: TensorOrScalar, b: TensorOrScalar): Tensor {
  return integerDivision("floorDivide", a, b, undefined);
}

/** The remainder with the sign of the divisor; one operand may be a number. */
export function remainder(a: TensorOrScalar, b: TensorOrScalar): Tensor {
  return isTensor(a) ? a.remainder(b) : integerDivision("remainder", a, b, "Remainder1");
}

/**
 * The power; base or exponent may be a number.
 * @example
 * pow(2, arange(4)); // [1, 2, 4, 8]
 */
export function pow(base: TensorOrScalar, exponent: TensorOrScalar): Tensor {
  return power(base, exponent);
}

/**
 * `x` where `condition` is true, `y` elsewhere; broadcast and promoted.
 * @throws DTypeError unless the condition is bool.
 * @example
 * where(x.gt(0), x, 0);
 */
export function where(condition: Tensor, x: TensorOrScalar, y: TensorOrScalar): Tensor {
  return select(requireTensor("where", condition), x, y);
}

/**
 * Tensors joined along a dimension. Empty vectors are left out, as PyTorch does.
 * @throws ShapeError if other dimensions differ.
 * @example
 * cat([zeros(2, 3), ones(2, 1)], 1); // [2, 4]
 */
export function cat(tensors: readonly Tensor[], dim: DimArgument = 0): Tensor {
  return join("cat", tensors, dimOf(dim));
}

/** Tensors joined along a dimension, as {@link cat}. */
export function concat(tensors: readonly Tensor[], dim: DimArgument = 0): Tensor {
  return cat(tensors, dim);
}

/** Tensors joined along a dimension, as {@link cat}. */
export function concatenate(tensors: readonly Tensor[], dim: DimArgument = 0): Tensor {
  return cat(tensors, dim);
}

function join(op: string, tensors: readonly Tensor[], dim: number): Tensor {
  checkList(op, tensors);
  tensors.forEach((x, i) => {
    if (x.ndim === 0) throw new ShapeError(`${op}: zero-dimensional tensor (at position ${i}) cannot be concatenated; use stack()`);
  });
  const dtype = resultType(...tensors);
  const filled = tensors.filter((x) => x.ndim !== 1 || x.shape[0] > 0);
  const list = filled.length === 0 ? [tensors[0]] : filled;
  const at = normalizeDim(dim, list[0].ndim, op);
  list.forEach((x, i) => {
    checkJoin(op, list[0], x, at, i);
  });
  const run = (): Tensor =>
    apply(
      "concat",
      list.map((x) => x.cast(dtype)),
      { dim: at },
      "Cat",
    );
  return list.some((x) => x.dtype !== dtype && isFloatingPoint(x.dtype)) ? composite("Cat", list, run) : run();
}

function checkJoin(op: string, first: Tensor, x: Tensor, dim: number, position: number): void {
  const details = { op, shapes: [first.shape, x.shape] };
  if (x.ndim !== first.ndim) {
    throw new ShapeError(
      `${op}: Tensors must have same number of dimensions: got ${first.ndim} and ${x.ndim}, of shapes ${formatShape(first.shape)} and ` +
        formatShape(x.shape),
      details,
    );
  }
  const wrong = x.shape.findIndex((n, d) => d !== dim && n !== first.shape[d]);
  if (wrong >= 0) {
    throw new ShapeError(
      `${op}: Sizes of tensors must match except in dimension ${dim}. Expected size ${first.shape[wrong]} but got size ${x.shape[wrong]} ` +
        `for tensor number ${position} in the list`,
      details,
    );
  }
}

function checkList(op: string, tensors: readonly Tensor[]): void {
  if (!Array.isArray(tensors) || tensors.length === 0) {
    throw new ValueError(`${op}: ${op} expects a non-empty TensorList: expected a non-empty list of Tensors`);
  }
  tensors.forEach((x: unknown, i) => {
    if (!isTensor(x)) throw new ValueError(`${op}: expected Tensor as element ${i} in argument 0, but got ${typeName(x)}`);
  });
}

/**
 * Tensors of one shape joined along a new dimension.
 * @throws ShapeError if the shapes differ.
 * @example
 * stack([tensor([1, 2]), tensor([3, 4])]); // [2, 2]
 */
export function stack(tensors: readonly Tensor[], dim: DimArgument = 0): Tensor {
  checkList("stack", tensors);
  const [first] = tensors;
  tensors.forEach((x, i) => {
    if (!sameShape(x.shape, first.shape)) {
      throw new ShapeError(
        `stack: stack expects each tensor to be equal size, but got ${formatShape(first.shape)} at entry 0 and ${formatShape(x.shape)} at entry ${i}`,
        { shapes: [first.shape, x.shape] },
      );
    }
  });
  const at = normalizeDim(dimOf(dim), first.ndim + 1, "stack");
  return composite("Stack", tensors, () =>
    join(
      "stack",
      tensors.map((x) => x.unsqueeze(at)),
      at,
    ),
  );
}

/** Tensors joined along the second dimension, vectors along their only one. */
export function hstack(tensors: readonly Tensor[]): Tensor {
  checkList("hstack", tensors);
  const list = tensors.map(atleast1d);
  return join("hstack", list, list[0].ndim === 1 ? 0 : 1);
}

/** Tensors joined along the first dimension, vectors as rows. */
export function vstack(tensors: readonly Tensor[]): Tensor {
  checkList("vstack", tensors);
  return join("vstack", tensors.map(atleast2d), 0);
}

/** Tensors joined along the first dimension, vectors as rows. */
export function rowStack(tensors: readonly Tensor[]): Tensor {
  return vstack(tensors);
}

/** Tensors joined along the third dimension. */
export function dstack(tensors: readonly Tensor[]): Tensor {
  checkList("dstack", tensors);
  return join("dstack", tensors.map(atleast3d), 2);
}

/** Tensors joined along the second dimension, vectors as columns. */
export function columnStack(tensors: readonly Tensor[]): Tensor {
  checkList("columnStack", tensors);
  return hstack(tensors.map((x) => (x.ndim <= 1 ? x.reshape(x.numel(), 1) : x)));
}

/** With at least 1 dimension. */
export function atleast1d(x: Tensor): Tensor {
  return x.ndim === 0 ? x.reshape(1) : x;
}

/** With at least 2 dimensions; a vector is a row. */
export function atleast2d(x: Tensor): Tensor {
  return x.ndim < 2 ? x.reshape(1, x.numel()) : x;
}

/** With at least 3 dimensions; a matrix `[M, N]` is `[M, N, 1]`. */
export function atleast3d(x: Tensor): Tensor {
  if (x.ndim >= 3) return x;
  return x.ndim === 2 ? x.unsqueeze(-1) : x.reshape(1, x.numel(), 1);
}

/** All combinations of the elements of vectors, one a row. */
export function cartesianProd(...vectors: readonly Tensor[]): Tensor {
  if (vectors.length === 1) return vectors[0];
  return stack(
    meshgrid(vectors).map((grid) => grid.reshape(-1)),
    1,
  );
}

/** Matrices on the diagonal of one matrix, zeros elsewhere. */
export function blockDiag(...tensors: readonly Tensor[]): Tensor {
  checkList("blockDiag", tensors);
  const blocks = tensors.map(atleast2d);
  const columns = blocks.reduce((n, b) => n + b.shape[1], 0);
  let before = 0;
  const rows = blocks.map((block) => {
    const [height, width] = block.shape;
    const row = [block.newZeros(height, before), block, block.newZeros(height, columns - before - width)];
    before += width;
    return join("blockDiag", row, 1);
  });
  return join("blockDiag", rows, 0);
}

function requireTensor(op: string, x: unknown): Tensor {
  if (isTensor(x)) return x;
  throw new ValueError(`${op}: expected a tensor, got ${typeName(x)}`);
}
