import { formatShape, NotSupportedError, type Shape, ShapeError, Tensor, ValueError } from "@sconce/core";
import type { Constraint } from "./constraints.js";
import { allTrue, canBlock } from "./numbers.js";

/** Options of every distribution. */
export interface DistributionOptions {
  /** Checks parameters and values, by default as {@link setDefaultValidateArgs} says: yes. Devices that cannot be read at once are not checked. */
  readonly validateArgs?: boolean;
}

let defaultValidateArgs = true;

/** Whether distributions check their parameters and the values they are given, unless their options say otherwise. */
export function setDefaultValidateArgs(validate: boolean): void {
  defaultValidateArgs = validate;
}

/** Regions of parameters by name. */
export type ArgConstraints = { readonly [param: string]: Constraint };

/**
 * A probability distribution, or a batch of them: `sample` gives `[...sampleShape, ...batchShape, ...eventShape]`, `logProb` of such values
 * `[...sampleShape, ...batchShape]`.
 *
 * Source: https://pytorch.org/docs/stable/distributions.html
 */
export abstract class Distribution {
  /** Shape of a batch of distributions with parameters of their own. */
  readonly batchShape: Shape;
  /** Shape of one sample of one distribution. */
  readonly eventShape: Shape;
  /** Whether values are checked. */
  protected validates: boolean;

  protected constructor(batchShape: Shape, eventShape: Shape, { validateArgs = defaultValidateArgs }: DistributionOptions = {}) {
    this.batchShape = batchShape;
    this.eventShape = eventShape;
    this.validates = validateArgs;
  }

  /** Where parameters may lie. */
  abstract get argConstraints(): ArgConstraints;

  /** Where samples lie. */
  abstract get support(): Constraint;

  /** A distribution with a larger batch, over the same memory. */
  abstract expand(batchShape: Shape): Distribution;

  /** The logarithm of the density, or of the probability of a discrete value. */
  abstract logProb(value: Tensor): Tensor;

  /** True if gradients flow through {@link rsample}. */
  get hasRsample(): boolean {
    return false;
  }

  /** True if {@link enumerateSupport} works. */
  get hasEnumerateSupport(): boolean {
    return false;
  }

  /** The expected value. */
  get mean(): Tensor {
    return this.missing("mean");
  }

  /** The likeliest value. */
  get mode(): Tensor {
    return this.missing("mode");
  }

  /** The expected square of the distance from the mean. */
  get variance(): Tensor {
    return this.missing("variance");
  }

  /** The root of the variance. */
  get stddev(): Tensor {
    return this.variance.sqrt();
  }

  /** Draws samples; no gradients flow through them. */
  sample(sampleShape: Shape = []): Tensor {
    return this.rsample(sampleShape).detach();
  }

  /** Draws samples as a function of the parameters, so that gradients flow. @throws NotSupportedError where there is no such function. */
  rsample(_sampleShape: Shape = []): Tensor {
    return this.missing("rsample");
  }

  /** The probability of values up to this one. */
  cdf(_value: Tensor): Tensor {
    return this.missing("cdf");
  }

  /** The value up to which lies this probability. */
  icdf(_probability: Tensor): Tensor {
    return this.missing("icdf");
  }

  /** The expected `-logProb`, in nats. */
  entropy(): Tensor {
    return this.missing("entropy");
  }

  /** All values of a discrete distribution, `[values, ...batchShape, ...eventShape]`; with `expand` false the batch dimensions are 1. */
  enumerateSupport(_expand = true): Tensor {
    return this.missing("enumerateSupport");
  }

  /** `exp` of the entropy. */
  perplexity(): Tensor {
    return this.entropy().exp();
  }

  /** The text that is printed. */
  toString(): string {
    const params = this.shownParams().map((name) => `${name}: ${describe((this as unknown as { [name: string]: Tensor })[name])}`);
    return `${this.displayName}(${params.join(", ")})`;
  }

  static {
    // `console.log` in Node prints the text.
    Object.defineProperty(Distribution.prototype, Symbol.for("nodejs.util.inspect.custom"), {
      value(this: Distribution): string {
        return this.toString();
      },
    });
  }

  /** The class name, in texts. */
  protected get displayName(): string {
    return this.constructor.name;
  }

  /** The parameters that were given. */
  protected shownParams(): readonly string[] {
    return Object.keys(this.argConstraints);
  }

  /** The error for something that this distribution does not have. */
  protected missing(what: string): never {
    throw new NotSupportedError(`${this.displayName}: ${what} is not implemented for this distribution`, { op: what });
  }

  /** Shape of samples. */
  protected extendedShape(sampleShape: Shape = []): number[] {
    if (!Array.isArray(sampleShape) || !sampleShape.every((n) => Number.isInteger(n) && n >= 0)) {
      const got = Array.isArray(sampleShape) ? formatShape(sampleShape) : String(sampleShape);
      throw new ShapeError(`${this.displayName}: sample: expected a list of sizes that are integers of at least 0, got ${got}`, {
        op: "sample",
      });
    }
    return [...sampleShape, ...this.batchShape, ...this.eventShape];
  }

  /** Ends a constructor. @throws ValueError for parameters outside of their region. */
  protected checkArgs(): void {
    if (!this.validates) return;
    const { argConstraints } = this;
    for (const name of this.shownParams()) {
      const value = (this as unknown as { [name: string]: Tensor })[name];
      if (!(value instanceof Tensor) || allTrue(argConstraints[name].check(value.detach()))) continue;
      throw this.invalid(name, `to satisfy the constraint ${argConstraints[name]}`);
    }
  }

  /** The error for an argument outside of its constraint. */
  protected invalid(name: string, wanted: string): ValueError {
    const value = (this as unknown as { [name: string]: Tensor })[name];
    return new ValueError(
      `Expected parameter ${name} (Tensor of shape ${formatShape(value.shape)}) of distribution ${this} ${wanted}, ` +
        `but found invalid values:\n${value}`,
    );
  }

  /** @throws ValueError for a value outside of the support. @throws ShapeError if it does not fit the batch. */
  protected checkValue(value: Tensor): void {
    if (!this.validates) return;
    if (!(value instanceof Tensor)) throw new ValueError("The value argument to logProb must be a Tensor");
    const { batchShape, eventShape } = this;
    const tail = value.shape.slice(value.ndim - eventShape.length);
    const details = { op: "logProb", shapes: [value.shape] };
    if (value.ndim < eventShape.length || tail.some((n, i) => n !== eventShape[i])) {
      throw new ShapeError(
        `The right-most size of value must match eventShape: ${formatShape(value.shape)} vs ${formatShape(eventShape)}.`,
        details,
      );
    }
    const expected = [...batchShape, ...eventShape].reverse();
    const actual = [...value.shape].reverse();
    if (actual.some((n, i) => i < expected.length && n !== 1 && expected[i] !== 1 && n !== expected[i])) {
      throw new ShapeError(
        `Value is not broadcastable with batchShape+eventShape: ${formatShape(value.shape)} vs ${formatShape(expected.reverse())}.`,
        details,
      );
    }
    this.checkSupport(value);
  }

  /** @throws ValueError for a value outside of the support. */
  protected checkSupport(value: Tensor): void {
    const { support } = this;
    if (!this.validates || allTrue(support.check(value.detach()))) return;
    throw new ValueError(
      `Expected value argument (Tensor of shape ${formatShape(value.shape)}) to be within the support (${support}) of the distribution ` +
        `${this}, but found invalid values:\n${value}`,
    );
  }

  /** A new distribution that checks as this one does. */
  protected alike<D extends Distribution>(distribution: D): D {
    distribution.validates = this.validates;
    return distribution;
  }
}

/** For distributions made without a check of parameters that were checked before. */
export const UNCHECKED: DistributionOptions = { validateArgs: false };

function describe(value: Tensor): string {
  if (!(value instanceof Tensor)) return String(value);
  if (value.ndim > 0 || !canBlock(value)) return value.numel() === 1 && canBlock(value) ? value.toString() : formatShape(value.shape);
  const number = value.itemSync();
  return Number.isInteger(number) ? `${number}.0` : String(number);
}
