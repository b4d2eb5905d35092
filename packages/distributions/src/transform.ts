import { type Shape, type Tensor, ValueError, zerosLike } from "@sconce/core";
import * as constraints from "./constraints.js";
import { sumRightmost } from "./numbers.js";

/** Options of every transform. */
export interface TransformOptions {
  /** 1 keeps the last value and its image, so that going back is exact; 0 by default. */
  readonly cacheSize?: 0 | 1;
}

/**
 * A function of tensors that knows its inverse and how it stretches space: `forward(x)`, `inv.forward(y)`, `logAbsDetJacobian(x, y)`.
 *
 * Source: https://pytorch.org/docs/stable/distributions.html
 */
export abstract class Transform {
  readonly cacheSize: 0 | 1;
  #last: readonly [x: Tensor, y: Tensor] | null = null;
  #inverse: Transform | undefined;

  constructor({ cacheSize = 0 }: TransformOptions = {}) {
    if (cacheSize !== 0 && cacheSize !== 1) throw new ValueError("cacheSize must be 0 or 1");
    this.cacheSize = cacheSize;
  }

  /** Where it is defined. */
  abstract get domain(): constraints.Constraint;
  /** Where its values lie. */
  abstract get codomain(): constraints.Constraint;
  /** The image of `x`. */
  protected abstract call(x: Tensor): Tensor;
  /** A value whose image is `y`. */
  protected abstract inverse(y: Tensor): Tensor;
  /** Logarithm of the factor by which volumes grow at `x`, whose image is `y`. */
  abstract logAbsDetJacobian(x: Tensor, y: Tensor): Tensor;

  /** Name in texts. */
  protected abstract readonly name: string;

  /** True if every value of the codomain is the image of one value. */
  get bijective(): boolean {
    return true;
  }

  /** 1 if it grows, -1 if it falls. */
  get sign(): number | Tensor {
    return 1;
  }

  /** The inverse. */
  get inv(): Transform {
    return (this.#inverse ??= new InverseTransform(this));
  }

  /** Applies it. */
  forward(x: Tensor): Tensor {
    if (this.cacheSize === 0) return this.call(x);
    if (this.#last?.[0] !== x) this.#last = [x, this.call(x)];
    return this.#last[1];
  }

  /** Undoes it. @internal */
  backward(y: Tensor): Tensor {
    if (this.cacheSize === 0) return this.inverse(y);
    if (this.#last?.[1] !== y) this.#last = [this.inverse(y), y];
    return this.#last[0];
  }

  /** Shape of the image of a tensor of this shape. */
  forwardShape(shape: Shape): Shape {
    return shape;
  }

  /** Shape of a tensor whose image has this shape. */
  inverseShape(shape: Shape): Shape {
    return shape;
  }

  /** True for a transform that does the same. */
  equals(other: Transform): boolean {
    return this === other;
  }

  /** The text that is printed. */
  toString(): string {
    return `${this.name}()`;
  }
}

class InverseTransform extends Transform {
  protected override readonly name = "InverseTransform";
  readonly #base: Transform;

  constructor(base: Transform) {
    super();
    this.#base = base;
  }

  override get domain(): constraints.Constraint {
    return this.#base.codomain;
  }

  override get codomain(): constraints.Constraint {
    return this.#base.domain;
  }

  override get bijective(): boolean {
    return this.#base.bijective;
  }

  override get sign(): number | Tensor {
    return this.#base.sign;
  }

  override get inv(): Transform {
    return this.#base;
  }

  protected override call(x: Tensor): Tensor {
    return this.#base.backward(x);
  }

  protected override inverse(y: Tensor): Tensor {
    return this.#base.forward(y);
  }

  override logAbsDetJacobian(x: Tensor, y: Tensor): Tensor {
    return this.#base.logAbsDetJacobian(y, x).neg();
  }

  override forwardShape(shape: Shape): Shape {
    return this.#base.inverseShape(shape);
  }

  override inverseShape(shape: Shape): Shape {
    return this.#base.forwardShape(shape);
  }

  override equals(other: Transform): boolean {
    return other instanceof InverseTransform && this.#base.equals(other.#base);
  }

  override toString(): string {
    return `InverseTransform(${this.#base})`;
  }
}

/** A region whose values have `dims` dimensions at least. */
function widened(region: constraints.Constraint, dims: number): constraints.Constraint {
  return dims > region.eventDim ? constraints.independent(region, dims - region.eventDim) : region;
}

/**
 * One transform after the other.
 * @example
 * const { AffineTransform, ExpTransform } = transforms;
 * const transform = new ComposeTransform([new AffineTransform(0, 2), new ExpTransform()]);
 * transform.forward(tensor([0, 1])); // tensor([1.0000, 7.3891])
 */
export class ComposeTransform extends Transform {
  protected override readonly name = "ComposeTransform";
  readonly parts: readonly Transform[];
  #back: ComposeTransform | undefined;

  constructor(parts: readonly Transform[]) {
    super();
    this.parts = parts;
  }

  override get domain(): constraints.Constraint {
    if (this.parts.length === 0) return constraints.real;
    let dims = (this.parts.at(-1) as Transform).codomain.eventDim;
    for (const { domain, codomain } of [...this.parts].reverse())
      dims = Math.max(dims + domain.eventDim - codomain.eventDim, domain.eventDim);
    return widened(this.parts[0].domain, dims);
  }

  override get codomain(): constraints.Constraint {
    if (this.parts.length === 0) return constraints.real;
    let dims = this.parts[0].domain.eventDim;
    for (const { domain, codomain } of this.parts) dims = Math.max(dims + codomain.eventDim - domain.eventDim, codomain.eventDim);
    return widened((this.parts.at(-1) as Transform).codomain, dims);
  }

  override get bijective(): boolean {
    return this.parts.every((part) => part.bijective);
  }

  override get sign(): number | Tensor {
    return this.parts.reduce<number | Tensor>((sign, part) => multiply(sign, part.sign), 1);
  }

  override get inv(): Transform {
    if (this.#back === undefined) {
      this.#back = new ComposeTransform(this.parts.map((part) => part.inv).reverse());
      this.#back.#back = this;
    }
    return this.#back;
  }

  protected override call(x: Tensor): Tensor {
    return this.parts.reduce((value, part) => part.forward(value), x);
  }

  protected override inverse(y: Tensor): Tensor {
    return this.parts.reduceRight((value, part) => part.inv.forward(value), y);
  }

  override logAbsDetJacobian(x: Tensor, y: Tensor): Tensor {
    if (this.parts.length === 0) return zerosLike(x);
    const values = [x];
    for (const part of this.parts.slice(0, -1)) values.push(part.forward(values.at(-1) as Tensor));
    values.push(y);
    let dims = this.domain.eventDim;
    const terms = this.parts.map((part, i) => {
      const term = sumRightmost(part.logAbsDetJacobian(values[i], values[i + 1]), dims - part.domain.eventDim);
      dims += part.codomain.eventDim - part.domain.eventDim;
      return term;
    });
    return terms.reduce((a, b) => a.add(b));
  }

  override forwardShape(shape: Shape): Shape {
    return this.parts.reduce((s, part) => part.forwardShape(s), shape);
  }

  override inverseShape(shape: Shape): Shape {
    return this.parts.reduceRight((s, part) => part.inverseShape(s), shape);
  }

  override equals(other: Transform): boolean {
    return other instanceof ComposeTransform && sameTransforms(this.parts, other.parts);
  }

  override toString(): string {
    return `ComposeTransform(\n    ${this.parts.join(",\n    ")}\n)`;
  }
}

/** True for lists of equal transforms. */
export function sameTransforms(a: readonly Transform[], b: readonly Transform[]): boolean {
  return a.length === b.length && a.every((part, i) => part.equals(b[i]));
}

/** A product of signs. */
export function multiply(a: number | Tensor, b: number | Tensor): number | Tensor {
  if (typeof a === "number") return typeof b === "number" ? a * b : b.mul(a);
  return a.mul(b);
}

/** The transform that does nothing. */
export const identityTransform: Transform = new ComposeTransform([]);

/** A transform of values whose last dimensions belong together: its Jacobians are summed over them. */
export class IndependentTransform extends Transform {
  protected override readonly name = "IndependentTransform";
  readonly base: Transform;
  readonly reinterpretedBatchNdims: number;

  constructor(base: Transform, reinterpretedBatchNdims: number, options: TransformOptions = {}) {
    super(options);
    this.base = base;
    this.reinterpretedBatchNdims = reinterpretedBatchNdims;
  }

  override get domain(): constraints.Constraint {
    return constraints.independent(this.base.domain, this.reinterpretedBatchNdims);
  }

  override get codomain(): constraints.Constraint {
    return constraints.independent(this.base.codomain, this.reinterpretedBatchNdims);
  }

  override get bijective(): boolean {
    return this.base.bijective;
  }

  override get sign(): number | Tensor {
    return this.base.sign;
  }

  protected override call(x: Tensor): Tensor {
    if (x.ndim < this.domain.eventDim) throw new ValueError("IndependentTransform: Too few dimensions on input");
    return this.base.forward(x);
  }

  protected override inverse(y: Tensor): Tensor {
    if (y.ndim < this.codomain.eventDim) throw new ValueError("IndependentTransform: Too few dimensions on input");
    return this.base.inv.forward(y);
  }

  override logAbsDetJacobian(x: Tensor, y: Tensor): Tensor {
    return sumRightmost(this.base.logAbsDetJacobian(x, y), this.reinterpretedBatchNdims);
  }

  override forwardShape(shape: Shape): Shape {
    return this.base.forwardShape(shape);
  }

  override inverseShape(shape: Shape): Shape {
    return this.base.inverseShape(shape);
  }

  override toString(): string {
    return `IndependentTransform(${this.base}, ${this.reinterpretedBatchNdims})`;
  }
}
