import { eye as identity } from "../creation.js";
import { dtypeWord } from "../dtype.js";
import { DTypeError, formatShape, SconceError, ShapeError } from "../errors.js";
import { broadcast, type Shape } from "../shape.js";
import { constantLike, expandTo } from "../tensor/compose.js";
import type { Tensor } from "../tensor/tensor.js";

/** A matrix that an algorithm cannot take: singular, not positive-definite, or with elements that are not finite. */
export class LinAlgError extends SconceError {}

/** Throws a LinAlgError that names the item of the batch. */
export function fail(op: string, batch: Shape | boolean, at: number, message: string): never {
  const inBatch = typeof batch === "boolean" ? batch : batch.length > 0;
  throw new LinAlgError(`${op}: ${inBatch ? `(Batch element ${at}): ` : ""}${message}`);
}

/** Several results by name; they can be taken apart in order, too. */
export type Named<T> = T & Iterable<Tensor>;

/** Makes results by name iterable: `const [q, r] = qr(a)`. */
export function named<T extends { readonly [name: string]: Tensor }>(fields: T): Named<T> {
  return Object.defineProperty(fields, Symbol.iterator, { value: () => Object.values(fields).values() }) as Named<T>;
}

/** @throws ShapeError unless there are two dimensions or more. @throws DTypeError unless the dtype is float32 or float64. */
export function requireMatrix(op: string, x: Tensor, name = "A"): void {
  if (x.dtype !== "float32" && x.dtype !== "float64") {
    throw new DTypeError(
      `${op}: Expected a floating point tensor as input (float32 or float64). Got ${dtypeWord(x.dtype)}; convert with .float()`,
      {
        dtypes: [x.dtype],
      },
    );
  }
  if (x.ndim < 2) {
    throw new ShapeError(`${op}: The input tensor ${name} must have at least 2 dimensions, got ${formatShape(x.shape)}`, {
      shapes: [x.shape],
    });
  }
}

/** {@link requireMatrix}, and @throws ShapeError unless it is square. */
export function requireSquare(op: string, x: Tensor, name = "A"): void {
  requireMatrix(op, x, name);
  const [m, n] = x.shape.slice(-2);
  if (m !== n) {
    throw new ShapeError(`${op}: ${name} must be batches of square matrices, but they are ${m} by ${n} matrices`, {
      shapes: [x.shape],
    });
  }
}

/** @throws DTypeError unless both have one dtype. */
export function requireSame(op: string, a: Tensor, b: Tensor): void {
  if (a.dtype === b.dtype) return;
  throw new DTypeError(
    `${op}: Expected A and B to have the same dtype, but found ${a.dtype} and ${b.dtype} instead; convert one with .to()`,
    {
      dtypes: [a.dtype, b.dtype],
    },
  );
}

/** The sizes of the last two dimensions. */
export function sizeOfMatrix(x: Tensor): readonly [rows: number, columns: number] {
  return [x.shape[x.ndim - 2], x.shape[x.ndim - 1]];
}

/** Both with the broadcast of their leading dimensions, of which the last `rankA` and `rankB` are kept. */
export function broadcastBatch(op: string, a: Tensor, b: Tensor, rankA = 2, rankB = 2): readonly [Tensor, Tensor] {
  const split = (x: Tensor, rank: number): [Shape, Shape] => [x.shape.slice(0, x.ndim - rank), x.shape.slice(x.ndim - rank)];
  const [batchA, restA] = split(a, rankA);
  const [batchB, restB] = split(b, rankB);
  const batch = broadcast(batchA, batchB, op);
  return [expandTo(a, [...batch, ...restA]), expandTo(b, [...batch, ...restB])];
}

/** Identities over the batch of `like`, as a view. */
export function eyeLike(like: Tensor, n: number): Tensor {
  const one = identity(n, { dtype: like.dtype, device: like.device });
  return expandTo(one, [...like.shape.slice(0, -2), n, n]);
}

/** Zeros in the dtype and on the device of `like`. */
export function zerosOf(like: Tensor, shape: Shape): Tensor {
  return constantLike(like, 0, like.dtype, shape);
}

/** The lower triangle with its diagonal halved. */
export function halfLower(x: Tensor): Tensor {
  return x.tril().add(x.tril(-1)).mul(0.5);
}

/** The diagonal as a vector. */
export function diagonalOf(x: Tensor): Tensor {
  return x.diagonal({ offset: 0, dim1: -2, dim2: -1 });
}

/** Each row times a number: a vector `[..., n]` beside a matrix `[..., n, m]`. */
export function scaleRows(x: Tensor, factors: Tensor): Tensor {
  return x.mul(factors.unsqueeze(-1));
}

/** Each column times a number: a vector `[..., m]` beside a matrix `[..., n, m]`. */
export function scaleColumns(x: Tensor, factors: Tensor): Tensor {
  return x.mul(factors.unsqueeze(-2));
}
