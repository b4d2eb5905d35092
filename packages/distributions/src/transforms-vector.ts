import { arange, cat, eye, finfo, formatShape, type Shape, ShapeError, stack, type Tensor, tensor, ValueError, zeros } from "@sconce/core";
import { logSigmoid, pad, softplus } from "@sconce/core/nn";
import * as constraints from "./constraints.js";
import { like, sumRightmost } from "./numbers.js";
import { Transform, type TransformOptions } from "./transform.js";
import { inside } from "./transforms-scalar.js";

const TOO_FEW = "Too few dimensions on input";

/** Vectors of any numbers to parts of a whole, by normalised exponentials; vectors that differ by a constant have the same image. */
export class SoftmaxTransform extends Transform {
  protected override readonly name = "SoftmaxTransform";

  override get domain(): constraints.Constraint {
    return constraints.realVector;
  }

  override get codomain(): constraints.Constraint {
    return constraints.simplex;
  }

  override get bijective(): boolean {
    return false;
  }

  protected override call(x: Tensor): Tensor {
    return x.softmax(-1);
  }

  protected override inverse(y: Tensor): Tensor {
    return y.log();
  }

  override logAbsDetJacobian(): Tensor {
    throw new ValueError("SoftmaxTransform: logAbsDetJacobian is not defined, as many values have the same image");
  }

  override forwardShape(shape: Shape): Shape {
    if (shape.length < 1) throw new ShapeError(`SoftmaxTransform: ${TOO_FEW}`);
    return shape;
  }

  override inverseShape(shape: Shape): Shape {
    return this.forwardShape(shape);
  }

  override equals(other: Transform): boolean {
    return other instanceof SoftmaxTransform;
  }
}

/** Vectors of K numbers to parts of a whole, `[..., K + 1]`: each takes a share of what the ones before left. */
export class StickBreakingTransform extends Transform {
  protected override readonly name = "StickBreakingTransform";

  override get domain(): constraints.Constraint {
    return constraints.realVector;
  }

  override get codomain(): constraints.Constraint {
    return constraints.simplex;
  }

  /** Numbers of parts that are left, K down to 1. */
  #left(x: Tensor, k: number): Tensor {
    return arange(k, 0, -1, like(x));
  }

  protected override call(x: Tensor): Tensor {
    const k = x.shape[x.ndim - 1];
    const z = inside(x.sub(this.#left(x, k).log()).sigmoid());
    const rest = z.neg().add(1).cumprod(-1);
    return pad(z, [0, 1], { value: 1 }).mul(pad(rest, [1, 0], { value: 1 }));
  }

  protected override inverse(y: Tensor): Tensor {
    const k = y.shape[y.ndim - 1] - 1;
    const parts = y.narrow(-1, 0, k);
    const rest = parts
      .cumsum(-1)
      .neg()
      .add(1)
      .clamp({ min: finfo(y.dtype).tiny });
    return parts.log().sub(rest.log()).add(this.#left(y, k).log());
  }

  override logAbsDetJacobian(x: Tensor, y: Tensor): Tensor {
    const k = x.shape[x.ndim - 1];
    const shifted = x.sub(this.#left(x, k).log());
    // 1 - sigmoid(x) = exp(-x) sigmoid(x)
    return shifted
      .neg()
      .add(logSigmoid(shifted))
      .add(y.narrow(-1, 0, k).log())
      .sum(-1);
  }

  override forwardShape(shape: Shape): Shape {
    if (shape.length < 1) throw new ShapeError(`StickBreakingTransform: ${TOO_FEW}`);
    return [...shape.slice(0, -1), shape[shape.length - 1] + 1];
  }

  override inverseShape(shape: Shape): Shape {
    if (shape.length < 1) throw new ShapeError(`StickBreakingTransform: ${TOO_FEW}`);
    return [...shape.slice(0, -1), shape[shape.length - 1] - 1];
  }

  override equals(other: Transform): boolean {
    return other instanceof StickBreakingTransform;
  }
}

/** Matrices to lower triangular ones with a positive diagonal. */
export class LowerCholeskyTransform extends Transform {
  protected override readonly name = "LowerCholeskyTransform";

  override get domain(): constraints.Constraint {
    return constraints.independent(constraints.real, 2);
  }

  override get codomain(): constraints.Constraint {
    return constraints.lowerCholesky;
  }

  override get bijective(): boolean {
    return false;
  }

  protected override call(x: Tensor): Tensor {
    return x.tril(-1).add(x.diagonal({ dim1: -2, dim2: -1 }).exp().diagEmbed());
  }

  protected override inverse(y: Tensor): Tensor {
    return y.tril(-1).add(y.diagonal({ dim1: -2, dim2: -1 }).log().diagEmbed());
  }

  override logAbsDetJacobian(): Tensor {
    throw new ValueError("LowerCholeskyTransform: logAbsDetJacobian is not defined, as the upper triangle is dropped");
  }

  override equals(other: Transform): boolean {
    return other instanceof LowerCholeskyTransform;
  }
}

/** Vectors of `D (D - 1) / 2` numbers to Cholesky factors of correlation matrices, `[..., D, D]`. */
export class CorrCholeskyTransform extends Transform {
  protected override readonly name = "CorrCholeskyTransform";

  override get domain(): constraints.Constraint {
    return constraints.realVector;
  }

  override get codomain(): constraints.Constraint {
    return constraints.corrCholesky;
  }

  protected override call(x: Tensor): Tensor {
    const { eps } = finfo(x.dtype);
    const below = fromVector(x.tanh().clamp({ min: -1 + eps, max: 1 - eps }), this.forwardShape(x.shape));
    const d = below.shape[below.ndim - 1];
    const rest = below.square().neg().add(1).sqrt().cumprod(-1);
    return below.add(eye(d, like(x))).mul(pad(rest.narrow(-1, 0, d - 1), [1, 0], { value: 1 }));
  }

  protected override inverse(y: Tensor): Tensor {
    const d = y.shape[y.ndim - 1];
    const rest = y.square().cumsum(-1).neg().add(1);
    const shifted = pad(rest.narrow(-1, 0, d - 1), [1, 0], { value: 1 });
    return toVector(y, 1).div(toVector(shifted, 1).sqrt()).atanh();
  }

  override logAbsDetJacobian(x: Tensor, y: Tensor): Tensor {
    const rest = y.square().cumsum(-1).neg().add(1);
    const sticks = toVector(rest, 2).log().sum(-1).mul(0.5);
    const tanh = x
      .add(softplus(x.mul(-2)))
      .sub(Math.LN2)
      .sum(-1)
      .mul(-2);
    return sticks.add(tanh);
  }

  override forwardShape(shape: Shape): Shape {
    if (shape.length < 1) throw new ShapeError(`CorrCholeskyTransform: ${TOO_FEW}`);
    const n = shape[shape.length - 1];
    const d = Math.round(Math.sqrt(0.25 + 2 * n) + 0.5);
    if ((d * (d - 1)) / 2 !== n) throw new ShapeError(`CorrCholeskyTransform: Input is not a flattened lower-diagonal number, got ${n}`);
    return [...shape.slice(0, -1), d, d];
  }

  override inverseShape(shape: Shape): Shape {
    if (shape.length < 2) throw new ShapeError(`CorrCholeskyTransform: ${TOO_FEW}`);
    const [rows, d] = shape.slice(-2);
    if (rows !== d) throw new ShapeError(`CorrCholeskyTransform: Input is not square, got ${formatShape(shape)}`);
    return [...shape.slice(0, -2), (d * (d - 1)) / 2];
  }
}

/** Positions below the diagonal, row by row, in a flat matrix. */
function below(d: number, distance: number): Int32Array {
  const at: number[] = [];
  for (let row = 0; row < d; row++) for (let column = 0; column <= row - distance; column++) at.push(row * d + column);
  return Int32Array.from(at);
}

function toVector(matrix: Tensor, distance: number): Tensor {
  const index = below(matrix.shape[matrix.ndim - 1], distance);
  return matrix.flatten(-2).indexSelect(-1, positions(index, matrix));
}

function fromVector(vector: Tensor, shape: Shape): Tensor {
  const d = shape[shape.length - 1];
  const flat = zeros([...shape.slice(0, -2), d * d], like(vector));
  return flat.indexCopy(-1, positions(below(d, 1), vector), vector).view([...shape]);
}

function positions(index: Int32Array, beside: Tensor): Tensor {
  return tensor(index, { device: beside.device });
}

/** The same elements in another shape. @throws ShapeError for another number of elements. */
export class ReshapeTransform extends Transform {
  protected override readonly name = "ReshapeTransform";
  readonly inShape: Shape;
  readonly outShape: Shape;

  constructor(inShape: Shape, outShape: Shape, options: TransformOptions = {}) {
    super(options);
    const count = (shape: Shape): number => shape.reduce((a, b) => a * b, 1);
    if (count(inShape) !== count(outShape)) throw new ShapeError("ReshapeTransform: inShape, outShape have different numbers of elements");
    this.inShape = inShape;
    this.outShape = outShape;
  }

  override get domain(): constraints.Constraint {
    return constraints.independent(constraints.real, this.inShape.length);
  }

  override get codomain(): constraints.Constraint {
    return constraints.independent(constraints.real, this.outShape.length);
  }

  protected override call(x: Tensor): Tensor {
    return x.reshape([...this.forwardShape(x.shape)]);
  }

  protected override inverse(y: Tensor): Tensor {
    return y.reshape([...this.inverseShape(y.shape)]);
  }

  override logAbsDetJacobian(x: Tensor): Tensor {
    return zeros(x.shape.slice(0, x.ndim - this.inShape.length), like(x));
  }

  override forwardShape(shape: Shape): Shape {
    return exchange(shape, this.inShape, this.outShape);
  }

  override inverseShape(shape: Shape): Shape {
    return exchange(shape, this.outShape, this.inShape);
  }
}

/** A shape with another end. */
function exchange(shape: Shape, from: Shape, to: Shape): Shape {
  const cut = shape.length - from.length;
  if (cut < 0) throw new ShapeError(`ReshapeTransform: ${TOO_FEW}`);
  if (from.some((n, i) => shape[cut + i] !== n))
    throw new ShapeError(`ReshapeTransform: Shape mismatch: expected ${formatShape(shape.slice(cut))} but got ${formatShape(from)}`);
  return [...shape.slice(0, cut), ...to];
}

/** Options of {@link CatTransform}. */
export interface CatTransformOptions extends TransformOptions {
  /** 0 by default. */
  readonly dim?: number;
  /** Elements of each part, 1 by default. */
  readonly lengths?: readonly number[];
}

/** Transforms of parts of a tensor, one after the other along a dimension. */
export class CatTransform extends Transform {
  protected override readonly name = "CatTransform";
  readonly transforms: readonly Transform[];
  readonly dim: number;
  readonly lengths: readonly number[];

  constructor(transforms: readonly Transform[], { dim = 0, lengths, ...options }: CatTransformOptions = {}) {
    super(options);
    this.transforms = transforms;
    this.dim = dim;
    this.lengths = lengths ?? transforms.map(() => 1);
    if (this.lengths.length !== transforms.length)
      throw new ValueError(`CatTransform: expected a length for each of ${transforms.length} transforms, got ${this.lengths.length}`);
  }

  override get domain(): constraints.Constraint {
    return constraints.cat(
      this.transforms.map((t) => t.domain),
      this.dim,
      this.lengths,
    );
  }

  override get codomain(): constraints.Constraint {
    return constraints.cat(
      this.transforms.map((t) => t.codomain),
      this.dim,
      this.lengths,
    );
  }

  override get bijective(): boolean {
    return this.transforms.every((t) => t.bijective);
  }

  protected override call(x: Tensor): Tensor {
    return cat(
      this.#split(x).map((part, i) => this.transforms[i].forward(part)),
      this.dim,
    );
  }

  protected override inverse(y: Tensor): Tensor {
    return cat(
      this.#split(y).map((part, i) => this.transforms[i].inv.forward(part)),
      this.dim,
    );
  }

  override logAbsDetJacobian(x: Tensor, y: Tensor): Tensor {
    const [xs, ys] = [this.#split(x), this.#split(y)];
    const eventDim = Math.max(...this.transforms.map((t) => t.domain.eventDim));
    const parts = this.transforms.map((t, i) => sumRightmost(t.logAbsDetJacobian(xs[i], ys[i]), eventDim - t.domain.eventDim));
    const dim = (this.dim >= 0 ? this.dim - x.ndim : this.dim) + eventDim;
    return dim < 0 ? cat(parts, dim) : parts.reduce((a, b) => a.add(b));
  }

  #split(x: Tensor): Tensor[] {
    return [...x.split([...this.lengths], this.dim)];
  }
}

/** Transforms of the slices of a tensor along a dimension, 0 by default. */
export class StackTransform extends Transform {
  protected override readonly name = "StackTransform";
  readonly transforms: readonly Transform[];
  readonly dim: number;

  constructor(transforms: readonly Transform[], dim = 0, options: TransformOptions = {}) {
    super(options);
    this.transforms = transforms;
    this.dim = dim;
  }

  override get domain(): constraints.Constraint {
    return constraints.stack(
      this.transforms.map((t) => t.domain),
      this.dim,
    );
  }

  override get codomain(): constraints.Constraint {
    return constraints.stack(
      this.transforms.map((t) => t.codomain),
      this.dim,
    );
  }

  override get bijective(): boolean {
    return this.transforms.every((t) => t.bijective);
  }

  protected override call(x: Tensor): Tensor {
    return this.#each((t, i) => t.forward(x.select(this.dim, i)));
  }

  protected override inverse(y: Tensor): Tensor {
    return this.#each((t, i) => t.inv.forward(y.select(this.dim, i)));
  }

  override logAbsDetJacobian(x: Tensor, y: Tensor): Tensor {
    return this.#each((t, i) => t.logAbsDetJacobian(x.select(this.dim, i), y.select(this.dim, i)));
  }

  #each(fn: (transform: Transform, i: number) => Tensor): Tensor {
    return stack(this.transforms.map(fn), this.dim);
  }
}
