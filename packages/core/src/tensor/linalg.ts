import { apply, composite } from "../dispatch.js";
import { formatShape, ShapeError } from "../errors.js";
import { broadcast, normalizeDim, type Shape, sizeOf } from "../shape.js";
import {
  add,
  defineInPlace,
  expandTo,
  expectTensor,
  inWide,
  iota,
  mul,
  overwritten,
  permuteTo,
  requireSameDType,
  squeezeAt,
  sub,
  unsqueezeAt,
} from "./compose.js";
import { DiagonalOps } from "./indexing-diagonal.js";
import type { Tensor } from "./tensor.js";

/** Factors of `beta * self + alpha * product`. */
export interface BetaAlpha {
  readonly beta?: number;
  readonly alpha?: number;
}

function sizes(x: Tensor): string {
  return x.shape.join("x");
}

export function refuse(op: string, message: string, ...tensors: readonly Tensor[]): never {
  throw new ShapeError(`${op}: ${message}`, { shapes: tensors.map((t) => t.shape) });
}

/** Product of two matrices, or throws PyTorch's error with the transpose that would fit. */
function product(op: string, a: Tensor, b: Tensor, label: string): Tensor {
  checkMatrices(op, a, b);
  return apply("matmul", [a, b], null, label);
}

function checkMatrices(op: string, a: Tensor, b: Tensor): void {
  requireSameDType(op, a, b);
  if (a.shape[1] === b.shape[0]) return;
  const hint = a.shape[1] === b.shape[1] ? "; Did you mean mat2.t()?" : a.shape[0] === b.shape[0] ? "; Did you mean mat1.t()?" : "";
  refuse(op, `mat1 and mat2 shapes cannot be multiplied (${sizes(a)} and ${sizes(b)})${hint}`, a, b);
}

function checkRank(op: string, name: string, x: Tensor, rank: number, word: string): void {
  expectTensor(op, x);
  if (x.ndim !== rank) refuse(op, `${name} must be a ${word}, got ${formatShape(x.shape)}`, x);
}

function dot(a: Tensor, b: Tensor, op: string): Tensor {
  if (a.ndim !== 1 || b.ndim !== 1) {
    refuse(op, `1D tensors expected, but got ${a.ndim}D and ${b.ndim}D tensors: ${formatShape(a.shape)} and ${formatShape(b.shape)}`, a, b);
  }
  requireSameDType(op, a, b);
  if (a.shape[0] !== b.shape[0]) {
    refuse(
      op,
      `inconsistent tensor size, expected tensor ${formatShape(a.shape)} and src ${formatShape(b.shape)} to have the same number of elements`,
      a,
      b,
    );
  }
  return composite("Dot", [a, b], () =>
    inWide(a, (x, widen) => apply("reduce", [mul(x, widen(b))], { op: "sum", dims: [0], keepdim: false })),
  );
}

function mv(a: Tensor, v: Tensor, op: string): Tensor {
  if (a.ndim !== 2 || v.ndim !== 1) {
    refuse(
      op,
      `vector + matrix @ vector expected, got ${a.ndim} and ${v.ndim} dimensions: ${formatShape(a.shape)}, ${formatShape(v.shape)}`,
      a,
      v,
    );
  }
  requireSameDType(op, a, v);
  if (a.shape[1] !== v.shape[0]) refuse(op, `size mismatch, got input (${a.shape[0]}), mat (${sizes(a)}), vec (${v.shape[0]})`, a, v);
  return composite("Mv", [a, v], () => squeezeAt(apply("matmul", [a, unsqueezeAt(v, 1)], null), 1));
}

/** A stack of matrices times one matrix (or vector) is one product of the matrices on top of each other. */
function folded(a: Tensor, b: Tensor): Tensor {
  const rows = a.reshape([sizeOf(a.shape.slice(0, -1)), a.shape[a.ndim - 1]]);
  const out = b.ndim === 1 ? mv(rows, b, "matmul") : product("matmul", rows, b, "Mm");
  const shape = b.ndim === 1 ? a.shape.slice(0, -1) : [...a.shape.slice(0, -1), b.shape[1]];
  return apply("reshape", [out], { shape }, "UnsafeView");
}

function batched(a: Tensor, b: Tensor, op: string): Tensor {
  requireSameDType(op, a, b);
  const [m, k] = a.shape.slice(-2);
  const [inner, n] = b.shape.slice(-2);
  if (k !== inner) {
    refuse(
      op,
      `mat1 and mat2 shapes cannot be multiplied (${m}x${k} and ${inner}x${n}), got ${formatShape(a.shape)} and ${formatShape(b.shape)}`,
      a,
      b,
    );
  }
  const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2), op);
  return apply("matmul", [expandTo(a, [...batch, m, k]), expandTo(b, [...batch, inner, n])], null, "Bmm");
}

function matmul(a: Tensor, b: Tensor): Tensor {
  if (a.ndim === 0 || b.ndim === 0) {
    refuse("matmul", `both arguments to matmul need to be at least 1D, but they are ${a.ndim}D and ${b.ndim}D`, a, b);
  }
  if (a.ndim === 1 && b.ndim === 1) return dot(a, b, "matmul");
  if (a.ndim === 2 && b.ndim === 1) return mv(a, b, "matmul");
  if (a.ndim === 2 && b.ndim === 2) return product("matmul", a, b, "Mm");
  if (a.ndim === 1 && b.ndim === 2) return squeezeAt(product("matmul", unsqueezeAt(a, 0), b, "Mm"), 0);
  if (b.ndim <= 2) return folded(a, b);
  if (a.ndim === 1) return squeezeAt(batched(unsqueezeAt(a, 0), b, "matmul"), b.ndim - 2);
  return batched(a, b, "matmul");
}

function bmm(a: Tensor, b: Tensor, op: string): Tensor {
  if (a.ndim !== 3) refuse(op, `batch1 must be a 3D tensor, got ${formatShape(a.shape)}`, a, b);
  if (b.ndim !== 3) refuse(op, `batch2 must be a 3D tensor, got ${formatShape(b.shape)}`, a, b);
  requireSameDType(op, a, b);
  if (a.shape[0] !== b.shape[0] || a.shape[2] !== b.shape[1]) {
    refuse(
      op,
      `Expected size for first two dimensions of batch2 tensor to be: ${formatShape([a.shape[0], a.shape[2]])} but got: ` +
        `${formatShape(b.shape.slice(0, 2))}`,
      a,
      b,
    );
  }
  return apply("matmul", [a, b], null, "Bmm");
}

/** Throws unless `bias` stretches to `shape`. */
function checkBias(op: string, bias: Tensor, shape: Shape): void {
  const lead = shape.length - bias.ndim;
  const fits = lead >= 0 && bias.shape.every((n, d) => n === 1 || n === shape[lead + d]);
  if (!fits) {
    refuse(
      op,
      `The expanded size of the tensor must match the existing size. Target sizes: ${formatShape(shape)}.  Tensor sizes: ${formatShape(bias.shape)}`,
      bias,
    );
  }
}

/** `beta * bias + alpha * product`; a beta of 0 leaves bias out, NaN included. */
function weighted(label: string, bias: Tensor, inputs: readonly Tensor[], shape: Shape, factors: BetaAlpha, fn: () => Tensor): Tensor {
  const { beta = 1, alpha = 1 } = factors;
  requireSameDType(label.toLowerCase(), bias, ...inputs);
  checkBias(label.toLowerCase(), bias, shape);
  return composite(label, [bias, ...inputs], () => {
    const product = alpha === 1 ? fn() : mul(fn(), alpha);
    if (beta === 0) return product;
    return add(beta === 1 ? bias : mul(bias, beta), product);
  });
}

/** The order of matrix products that needs the fewest multiplications; entry [i][j] is where the chain i..j splits. */
function chainSplits(dims: readonly number[]): number[][] {
  const n = dims.length - 1;
  const cost = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  const split = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  for (let length = 2; length <= n; length++) {
    for (let i = 0; i + length <= n; i++) {
      const j = i + length - 1;
      cost[i][j] = Number.POSITIVE_INFINITY;
      for (let k = i; k < j; k++) {
        const total = cost[i][k] + cost[k + 1][j] + dims[i] * dims[k + 1] * dims[j + 1];
        if (total < cost[i][j]) {
          cost[i][j] = total;
          split[i][j] = k;
        }
      }
    }
  }
  return split;
}

/**
 * The product of a chain of matrices in the cheapest order; the first and the last may be vectors.
 * @throws ShapeError if fewer than two are given or neighbours do not fit.
 * @example
 * multiDot([ones([2, 3]), ones([3, 4]), ones([4])]); // [2]
 */
export function multiDot(tensors: readonly Tensor[]): Tensor {
  if (tensors.length < 2) {
    throw new ShapeError(`multiDot: expected at least 2 tensors but got ${tensors.length}`, {
      shapes: tensors.map((t) => t.shape),
    });
  }
  const last = tensors.length - 1;
  const list = tensors.map((t, i) => (t.ndim === 1 && i === 0 ? unsqueezeAt(t, 0) : t.ndim === 1 && i === last ? unsqueezeAt(t, 1) : t));
  for (const t of list) checkRank("multiDot", "every tensor but the first and the last", t, 2, "matrix");
  const split = chainSplits([...list.map((t) => t.shape[0]), list[last].shape[1]]);
  const chain = (i: number, j: number): Tensor =>
    i === j ? list[i] : product("multiDot", chain(i, split[i][j]), chain(split[i][j] + 1, j), "Mm");
  let out = chain(0, last);
  if (tensors[last].ndim === 1) out = squeezeAt(out, 1);
  return tensors[0].ndim === 1 ? squeezeAt(out, 0) : out;
}

function tensordot(a: Tensor, b: Tensor, dims: number | readonly [readonly number[], readonly number[]]): Tensor {
  const pairs: readonly [readonly number[], readonly number[]] =
    typeof dims === "number"
      ? [Array.from({ length: dims }, (_, i) => a.ndim - dims + i), Array.from({ length: dims }, (_, i) => i)]
      : dims;
  const inA = pairs[0].map((d) => normalizeDim(d, a.ndim, "tensordot"));
  const inB = pairs[1].map((d) => normalizeDim(d, b.ndim, "tensordot"));
  const fits = inA.length === inB.length && inA.every((d, i) => a.shape[d] === b.shape[inB[i]]);
  if (!fits) {
    refuse(
      "tensordot",
      `contracted dimensions need to match, got ${formatShape(a.shape)} over [${inA}] and ${formatShape(b.shape)} over [${inB}]`,
      a,
      b,
    );
  }
  const restA = a.shape.map((_, d) => d).filter((d) => !inA.includes(d));
  const restB = b.shape.map((_, d) => d).filter((d) => !inB.includes(d));
  const inner = inA.reduce((n, d) => n * a.shape[d], 1);
  const rows = restA.map((d) => a.shape[d]);
  const columns = restB.map((d) => b.shape[d]);
  const left = permuteTo(a, [...restA, ...inA]).reshape([sizeOf(rows), inner]);
  const right = permuteTo(b, [...inB, ...restB]).reshape([inner, sizeOf(columns)]);
  return product("tensordot", left, right, "Mm").reshape([...rows, ...columns]);
}

function cross(a: Tensor, b: Tensor, dim: number): Tensor {
  const part = (x: Tensor, index: number) => apply("select", [x], { dim, index });
  const entry = (i: number, j: number) => unsqueezeAt(sub(mul(part(a, i), part(b, j)), mul(part(a, j), part(b, i))), dim);
  return apply("concat", [entry(1, 2), entry(2, 0), entry(0, 1)], { dim });
}

/** Products of matrices and vectors. */
export interface LinalgOps {
  /** {@link addmm} in place. */
  addmm_(a: Tensor, b: Tensor, factors?: BetaAlpha): Tensor;

  /** {@link addmv} in place. */
  addmv_(matrix: Tensor, vector: Tensor, factors?: BetaAlpha): Tensor;

  /** {@link addr} in place. */
  addr_(a: Tensor, b: Tensor, factors?: BetaAlpha): Tensor;

  /** {@link baddbmm} in place. */
  baddbmm_(a: Tensor, b: Tensor, factors?: BetaAlpha): Tensor;

  /** {@link addbmm} in place. */
  addbmm_(a: Tensor, b: Tensor, factors?: BetaAlpha): Tensor;
}

/** Products of matrices and vectors. */
export class LinalgOps extends DiagonalOps {
  /**
   * Matrix product with PyTorch's rules: vectors give dot and matrix-vector products, leading dimensions broadcast.
   * @throws ShapeError if the inner sizes differ. @throws DTypeError if the dtypes differ.
   * @example
   * ones([2, 3]).matmul(ones([3, 4])); // [2, 4]
   */
  matmul(other: Tensor): Tensor {
    return matmul(this.self, other);
  }

  /** Matrix product: `[N, K]` times `[K, M]`. @throws ShapeError unless both are matrices that fit. */
  mm(other: Tensor): Tensor {
    checkRank("mm", "self", this.self, 2, "matrix");
    checkRank("mm", "mat2", other, 2, "matrix");
    return product("mm", this.self, other, "Mm");
  }

  /** Products of a batch: `[B, N, K]` times `[B, K, M]`. @throws ShapeError unless both are batches that fit. */
  bmm(other: Tensor): Tensor {
    return bmm(this.self, other, "bmm");
  }

  /** Matrix-vector product: `[N, K]` times `[K]`. @throws ShapeError if they do not fit. */
  mv(vector: Tensor): Tensor {
    return mv(this.self, vector, "mv");
  }

  /** Sum of the products of two vectors. @throws ShapeError unless both are 1-d of one length. */
  dot(other: Tensor): Tensor {
    return dot(this.self, other, "dot");
  }

  /** {@link dot}, for real numbers. */
  vdot(other: Tensor): Tensor {
    return dot(this.self, other, "vdot");
  }

  /** Sums of products along `dim` (the last if left out), with broadcasting. */
  vecdot(other: Tensor, dim = -1): Tensor {
    return this.mul(other).sum(dim);
  }

  /** Sums of products over the last dimensions of both. @throws ShapeError if those differ. */
  inner(other: Tensor): Tensor {
    if (this.ndim === 0 || other.ndim === 0) return this.mul(other);
    if (this.shape[this.ndim - 1] !== other.shape[other.ndim - 1]) {
      refuse(
        "inner",
        `inner() the last dimension must match on both input tensors but got shapes ${formatShape(this.shape)} and ${formatShape(other.shape)}`,
        this.self,
        other,
      );
    }
    return tensordot(this.self, other, [[-1], [-1]]);
  }

  /** All products of two vectors: `[N]` and `[M]` to `[N, M]`. @throws ShapeError unless both are 1-d. */
  outer(other: Tensor): Tensor {
    if (this.ndim !== 1) refuse("outer", `outer: Expected 1-D argument self, but got ${this.ndim}-D`, this.self, other);
    if (other.ndim !== 1) refuse("outer", `outer: Expected 1-D argument vec2, but got ${other.ndim}-D`, this.self, other);
    return unsqueezeAt(this.self, 1).mul(other);
  }

  /** {@link outer}. */
  ger(other: Tensor): Tensor {
    return this.outer(other);
  }

  /**
   * `beta * this + alpha * (a @ b)` for matrices; this broadcasts.
   * @throws ShapeError if the shapes do not fit.
   * @example
   * ones([3]).addmm(ones([2, 4]), ones([4, 3])); // [2, 3] of 5
   */
  addmm(a: Tensor, b: Tensor, factors: BetaAlpha = {}): Tensor {
    checkRank("addmm", "mat1", a, 2, "matrix");
    checkRank("addmm", "mat2", b, 2, "matrix");
    checkMatrices("addmm", a, b);
    const shape = [a.shape[0], b.shape[1]];
    const { beta = 1, alpha = 1 } = factors;
    if (beta === 1 && alpha === 1) {
      requireSameDType("addmm", this.self, a);
      checkBias("addmm", this.self, shape);
      return apply("addmm", [this.self, a, b], null, "Addmm");
    }
    return weighted("Addmm", this.self, [a, b], shape, factors, () => apply("matmul", [a, b], null));
  }

  /** `beta * this + alpha * (matrix @ vector)`. @throws ShapeError if the shapes do not fit. */
  addmv(matrix: Tensor, vector: Tensor, factors: BetaAlpha = {}): Tensor {
    return weighted("Addmv", this.self, [matrix, vector], matrix.shape.slice(0, 1), factors, () => mv(matrix, vector, "addmv"));
  }

  /** `beta * this + alpha * outer(a, b)`. @throws ShapeError if the shapes do not fit. */
  addr(a: Tensor, b: Tensor, factors: BetaAlpha = {}): Tensor {
    return weighted("Addr", this.self, [a, b], [a.shape[0], b.shape[0]], factors, () => a.outer(b));
  }

  /** `beta * this + alpha * bmm(a, b)`. @throws ShapeError if the shapes do not fit. */
  baddbmm(a: Tensor, b: Tensor, factors: BetaAlpha = {}): Tensor {
    return weighted("Baddbmm", this.self, [a, b], [a.shape[0], a.shape[1], b.shape[2]], factors, () => bmm(a, b, "baddbmm"));
  }

  /** `beta * this + alpha *` the sum over the batch of `bmm(a, b)`. @throws ShapeError if the shapes do not fit. */
  addbmm(a: Tensor, b: Tensor, factors: BetaAlpha = {}): Tensor {
    const total = () => apply("reduce", [bmm(a, b, "addbmm")], { op: "sum", dims: [0], keepdim: false });
    return weighted("Addbmm", this.self, [a, b], [a.shape[1], b.shape[2]], factors, total);
  }

  /**
   * Sums of products over the last `dims` dimensions of this and the first of `other`, or over listed pairs.
   * @throws ShapeError if their sizes differ.
   * @example
   * ones([2, 3, 4]).tensordot(ones([3, 4, 5]), 2); // [2, 5]
   */
  tensordot(other: Tensor, dims: number | readonly [readonly number[], readonly number[]] = 2): Tensor {
    return tensordot(this.self, other, dims);
  }

  /** Kronecker product: each element of this times all of `other`. */
  kron(other: Tensor): Tensor {
    const rank = Math.max(this.ndim, other.ndim);
    const pad = (shape: Shape) => [...new Array<number>(rank - shape.length).fill(1), ...shape];
    const a = pad(this.shape);
    const b = pad(other.shape);
    const left = this.reshape(a.flatMap((n) => [n, 1]));
    const right = other.reshape(b.flatMap((n) => [1, n]));
    return left.mul(right).reshape(a.map((n, d) => n * b[d]));
  }

  /** Cross product along a dimension of size 3 (the first such if left out). @throws ShapeError if there is none. */
  cross(other: Tensor, dim?: number | null): Tensor {
    const shape = broadcast(this.shape, other.shape, "cross");
    const d = dim == null ? shape.indexOf(3) : normalizeDim(dim, shape.length, "cross");
    if (d < 0 || [this.self, other].some((x) => x.shape[x.ndim - shape.length + d] !== 3)) {
      refuse("cross", `inputs dimension ${dim ?? -1} must have length 3, got ${formatShape(shape)}`, this.self, other);
    }
    requireSameDType("cross", this.self, other);
    const [a, b] = [expandTo(this.self, shape), expandTo(other, shape)];
    return composite("LinalgCross", [this.self, other], () => cross(a, b, d));
  }

  /** Norm of order `p` of the difference. */
  dist(other: Tensor, p = 2): Tensor {
    return this.sub(other).norm(p);
  }
  /** This matrix, or batch of matrices, multiplied by itself `n` times (`n` >= 0). @throws ShapeError unless square. */
  matrixPower(n: number): Tensor {
    const size = this.shape[this.ndim - 1];
    if (this.ndim < 2 || this.shape[this.ndim - 2] !== size || !Number.isInteger(n) || n < 0) {
      refuse("matrixPower", `expected a square matrix and a power >= 0, got ${formatShape(this.shape)} and ${n}`, this.self);
    }
    if (n === 0) return unsqueezeAt(iota(this.self, size), 1).eq(iota(this.self, size)).cast(this.dtype).expand(this.shape).clone();
    let out: Tensor | null = null;
    let square = this.self;
    for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) {
      if (rest % 2 === 1) out = out === null ? square : matmul(out, square);
      if (rest > 1) square = matmul(square, square);
    }
    return out as Tensor;
  }
}

defineInPlace(LinalgOps.prototype, overwritten, "addmm addmv addr baddbmm addbmm");
