/** Regions that parameters and samples of distributions lie in, as `torch.distributions.constraints`. */
import { cat as concatenate, finfo, full, type Shape, stack as stackTensors, Tensor, ValueError } from "@sconce/core";
import { choleskyEx, eigvalsh } from "@sconce/core/linalg";
import { allTrue, type Param } from "./numbers.js";

/** A region of tensors. */
export abstract class Constraint {
  /** Name in error texts. */
  protected abstract readonly name: string;

  /** True for regions of whole numbers. */
  get isDiscrete(): boolean {
    return false;
  }

  /** Trailing dimensions that belong to one value. */
  get eventDim(): number {
    return 0;
  }

  /** For each value of a batch, whether it lies in the region. */
  abstract check(value: Tensor): Tensor;

  /** The text that is printed. */
  toString(): string {
    return `${this.name}()`;
  }
}

/** Formats a bound as PyTorch prints it. */
function bound(value: Param, whole: boolean): string {
  if (value instanceof Tensor) return value.toString();
  return Number.isInteger(value) && !whole ? `${value}.0` : String(value);
}

class Real extends Constraint {
  protected override readonly name = "Real";

  override check(value: Tensor): Tensor {
    return value.eq(value);
  }
}

class BooleanConstraint extends Constraint {
  protected override readonly name = "Boolean";

  override get isDiscrete(): boolean {
    return true;
  }

  override check(value: Tensor): Tensor {
    return value.eq(0).logicalOr(value.eq(1));
  }
}

class OneHot extends Constraint {
  protected override readonly name = "OneHot";

  override get isDiscrete(): boolean {
    return true;
  }

  override get eventDim(): number {
    return 1;
  }

  override check(value: Tensor): Tensor {
    return value.eq(0).logicalOr(value.eq(1)).all(-1).logicalAnd(value.sum(-1).eq(1));
  }
}

/** Values on one side of a bound, or between two. */
export class Bounded extends Constraint {
  protected override readonly name: string;
  readonly lowerBound: Param | undefined;
  readonly upperBound: Param | undefined;
  readonly #open: "lower" | "upper" | "both" | "none";
  readonly #whole: boolean;

  constructor(
    name: string,
    lower: Param | undefined,
    upper: Param | undefined,
    { open = "none", whole = false }: { readonly open?: "lower" | "upper" | "both" | "none"; readonly whole?: boolean } = {},
  ) {
    super();
    this.name = name;
    this.lowerBound = lower;
    this.upperBound = upper;
    this.#open = open;
    this.#whole = whole;
  }

  override get isDiscrete(): boolean {
    return this.#whole;
  }

  override check(value: Tensor): Tensor {
    const { lowerBound: lower, upperBound: upper } = this;
    const checks: Tensor[] = [];
    if (this.#whole) checks.push(value.remainder(1).eq(0));
    if (lower !== undefined) checks.push(["lower", "both"].includes(this.#open) ? value.gt(lower) : value.ge(lower));
    if (upper !== undefined) checks.push(["upper", "both"].includes(this.#open) ? value.lt(upper) : value.le(upper));
    return checks.reduce((a, b) => a.logicalAnd(b));
  }

  override toString(): string {
    const bounds = Object.entries({ lower_bound: this.lowerBound, upper_bound: this.upperBound });
    const known = bounds.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${bound(value, this.#whole)}`]));
    return `${this.name}(${known.join(", ")})`;
  }
}

/** Values of a batch taken together as one. */
export class IndependentConstraint extends Constraint {
  protected override readonly name = "IndependentConstraint";
  readonly base: Constraint;
  readonly reinterpretedBatchNdims: number;

  constructor(base: Constraint, reinterpretedBatchNdims: number) {
    super();
    this.base = base;
    this.reinterpretedBatchNdims = reinterpretedBatchNdims;
  }

  override get isDiscrete(): boolean {
    return this.base.isDiscrete;
  }

  override get eventDim(): number {
    return this.base.eventDim + this.reinterpretedBatchNdims;
  }

  override check(value: Tensor): Tensor {
    const result = this.base.check(value);
    if (result.ndim < this.reinterpretedBatchNdims) throw new ValueError(`Expected value.ndim >= ${this.eventDim} but got ${value.ndim}`);
    return this.reinterpretedBatchNdims === 0 ? result : result.flatten(result.ndim - this.reinterpretedBatchNdims).all(-1);
  }

  override toString(): string {
    return `IndependentConstraint(${this.base}, ${this.reinterpretedBatchNdims})`;
  }
}

class Simplex extends Constraint {
  protected override readonly name = "Simplex";

  override get eventDim(): number {
    return 1;
  }

  override check(value: Tensor): Tensor {
    return value.ge(0).all(-1).logicalAnd(value.sum(-1).sub(1).abs().lt(1e-6));
  }
}

class MultinomialConstraint extends Constraint {
  protected override readonly name = "Multinomial";
  readonly upperBound: number;

  constructor(upperBound: number) {
    super();
    this.upperBound = upperBound;
  }

  override get isDiscrete(): boolean {
    return true;
  }

  override get eventDim(): number {
    return 1;
  }

  override check(value: Tensor): Tensor {
    return value.ge(0).all(-1).logicalAnd(value.sum(-1).le(this.upperBound));
  }
}

abstract class MatrixConstraint extends Constraint {
  override get eventDim(): number {
    return 2;
  }
}

const everywhere = (x: Tensor): Tensor => x.flatten(-2).all(-1);

class LowerTriangular extends MatrixConstraint {
  protected override readonly name: string = "LowerTriangular";

  override check(value: Tensor): Tensor {
    return everywhere(value.tril().eq(value));
  }
}

class LowerCholesky extends LowerTriangular {
  protected override readonly name: string = "LowerCholesky";

  override check(value: Tensor): Tensor {
    return super.check(value).logicalAnd(value.diagonal({ dim1: -2, dim2: -1 }).gt(0).all(-1));
  }
}

class CorrCholesky extends LowerCholesky {
  protected override readonly name: string = "CorrCholesky";

  override check(value: Tensor): Tensor {
    const tolerance = finfo(value.dtype).eps * value.shape[value.ndim - 1] * 10;
    return super.check(value).logicalAnd(value.square().sum(-1).sqrt().sub(1).abs().le(tolerance).all(-1));
  }
}

class Square extends MatrixConstraint {
  protected override readonly name: string = "Square";

  override check(value: Tensor): Tensor {
    const [rows, columns] = value.shape.slice(-2);
    return full(value.shape.slice(0, -2), rows === columns, { device: value.device });
  }
}

class Symmetric extends Square {
  protected override readonly name: string = "Symmetric";

  override check(value: Tensor): Tensor {
    const square = super.check(value);
    if (value.shape[value.ndim - 2] !== value.shape[value.ndim - 1]) return square;
    return everywhere(value.isclose(value.transpose(-2, -1), { atol: 1e-6 }));
  }
}

class PositiveSemidefinite extends Symmetric {
  protected override readonly name: string = "PositiveSemidefinite";

  override check(value: Tensor): Tensor {
    const symmetric = super.check(value);
    return allTrue(symmetric) ? eigvalsh(value.detach()).ge(0).all(-1) : symmetric;
  }
}

class PositiveDefinite extends Symmetric {
  protected override readonly name: string = "PositiveDefinite";

  override check(value: Tensor): Tensor {
    const symmetric = super.check(value);
    return allTrue(symmetric) ? choleskyEx(value.detach()).info.eq(0) : symmetric;
  }
}

/** Regions for parts of a tensor, one after the other along a dimension. */
export class CatConstraint extends Constraint {
  protected override readonly name = "Cat";
  readonly parts: readonly Constraint[];
  readonly dim: number;
  readonly lengths: readonly number[];

  constructor(parts: readonly Constraint[], dim: number, lengths: readonly number[]) {
    super();
    this.parts = parts;
    this.dim = dim;
    this.lengths = lengths;
  }

  override get isDiscrete(): boolean {
    return this.parts.some((part) => part.isDiscrete);
  }

  override get eventDim(): number {
    return Math.max(...this.parts.map((part) => part.eventDim));
  }

  override check(value: Tensor): Tensor {
    const slices = value.split([...this.lengths], this.dim);
    return concatenate(
      this.parts.map((part, i) => part.check(slices[i])),
      this.dim,
    );
  }
}

/** Regions for the slices of a tensor along a dimension. */
export class StackConstraint extends Constraint {
  protected override readonly name = "Stack";
  readonly parts: readonly Constraint[];
  readonly dim: number;

  constructor(parts: readonly Constraint[], dim: number) {
    super();
    this.parts = parts;
    this.dim = dim;
  }

  override get isDiscrete(): boolean {
    return this.parts.some((part) => part.isDiscrete);
  }

  override get eventDim(): number {
    const most = Math.max(...this.parts.map((part) => part.eventDim));
    return this.dim + most < 0 ? most + 1 : most;
  }

  override check(value: Tensor): Tensor {
    return stackTensors(
      value.unbind(this.dim).map((slice, i) => this.parts[i].check(slice)),
      this.dim,
    );
  }
}

/** Any number but NaN. */
export const real: Constraint = new Real();
/** 0 or 1. */
export const boolean: Constraint = new BooleanConstraint();
/** Vectors of zeros with a single one. */
export const oneHot: Constraint = new OneHot();
/** 0, 1, 2, ... */
export const nonnegativeInteger: Constraint = new Bounded("IntegerGreaterThan", 0, undefined, { whole: true });
/** 1, 2, 3, ... */
export const positiveInteger: Constraint = new Bounded("IntegerGreaterThan", 1, undefined, { whole: true });
/** More than 0. */
export const positive: Constraint = new Bounded("GreaterThan", 0, undefined, { open: "lower" });
/** 0 or more. */
export const nonnegative: Constraint = new Bounded("GreaterThanEq", 0, undefined);
/** From 0 to 1. */
export const unitInterval: Bounded = new Bounded("Interval", 0, 1);
/** Vectors of parts of a whole: 0 or more, with the sum 1. */
export const simplex: Constraint = new Simplex();
/** Matrices with zeros above the diagonal. */
export const lowerTriangular: Constraint = new LowerTriangular();
/** Lower triangular matrices with a positive diagonal. */
export const lowerCholesky: Constraint = new LowerCholesky();
/** Lower triangular matrices with a positive diagonal and rows of length 1. */
export const corrCholesky: Constraint = new CorrCholesky();
/** Square matrices. */
export const square: Constraint = new Square();
/** Symmetric matrices. */
export const symmetric: Constraint = new Symmetric();
/** Symmetric matrices without negative eigenvalues. */
export const positiveSemidefinite: Constraint = new PositiveSemidefinite();
/** Symmetric matrices with positive eigenvalues. */
export const positiveDefinite: Constraint = new PositiveDefinite();

/** Whole numbers from `lower` to `upper`. */
export function integerInterval(lower: Param, upper: Param): Bounded {
  return new Bounded("IntegerInterval", lower, upper, { whole: true });
}
/** More than `lower`. */
export function greaterThan(lower: Param): Bounded {
  return new Bounded("GreaterThan", lower, undefined, { open: "lower" });
}
/** `lower` or more. */
export function greaterThanEq(lower: Param): Bounded {
  return new Bounded("GreaterThanEq", lower, undefined);
}
/** Less than `upper`. */
export function lessThan(upper: Param): Bounded {
  return new Bounded("LessThan", undefined, upper, { open: "upper" });
}
/** From `lower` to `upper`. */
export function interval(lower: Param, upper: Param): Bounded {
  return new Bounded("Interval", lower, upper);
}
/** From `lower` up to `upper`, which is left out. */
export function halfOpenInterval(lower: Param, upper: Param): Bounded {
  return new Bounded("HalfOpenInterval", lower, upper, { open: "upper" });
}
/** Counts with a sum of `upper` at most. */
export function multinomial(upper: number): Constraint {
  return new MultinomialConstraint(upper);
}
/** Values whose last dimensions belong together. */
export function independent(base: Constraint, reinterpretedBatchNdims: number): Constraint {
  return new IndependentConstraint(base, reinterpretedBatchNdims);
}
/** Vectors of any numbers but NaN. */
export const realVector: Constraint = independent(real, 1);
/** Parts along a dimension, of one element each unless `lengths` says otherwise. */
export function cat(parts: readonly Constraint[], dim = 0, lengths: Shape = parts.map(() => 1)): Constraint {
  return new CatConstraint(parts, dim, lengths);
}
/** Slices along a dimension. */
export function stack(parts: readonly Constraint[], dim = 0): Constraint {
  return new StackConstraint(parts, dim);
}
