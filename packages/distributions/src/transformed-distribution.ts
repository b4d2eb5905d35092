import { formatShape, type Shape, ShapeError, type Tensor } from "@sconce/core";
import * as constraints from "./constraints.js";
import { type ArgConstraints, Distribution, type DistributionOptions, UNCHECKED } from "./distribution.js";
import { Independent } from "./independent.js";
import { sameShape, sumRightmost } from "./numbers.js";
import { ComposeTransform, multiply, Transform } from "./transform.js";

interface Parts {
  readonly base: Distribution;
  readonly transforms: readonly Transform[];
  readonly batchShape: Shape;
  readonly eventShape: Shape;
}

/** Fits the base to the transforms: some change the shape, and some take vectors where the base has numbers. */
function fit(base: Distribution, transforms: readonly Transform[]): Parts {
  const transform = new ComposeTransform(transforms);
  const baseShape = [...base.batchShape, ...base.eventShape];
  const baseDims = base.eventShape.length;
  const domainDims = transform.domain.eventDim;
  if (baseShape.length < domainDims) {
    throw new ShapeError(
      `TransformedDistribution: baseDist needs to have shape with size at least ${domainDims}, but got ${formatShape(baseShape)}.`,
    );
  }
  const shape = transform.forwardShape(baseShape);
  const wanted = transform.inverseShape(shape);
  const expanded = sameShape(baseShape, wanted) ? base : base.expand(wanted.slice(0, wanted.length - baseDims));
  const reinterpreted = domainDims - baseDims;
  const cut = shape.length - (transform.codomain.eventDim + Math.max(baseDims - domainDims, 0));
  return {
    base: reinterpreted > 0 ? new Independent(expanded, reinterpreted, UNCHECKED) : expanded,
    transforms,
    batchShape: shape.slice(0, cut),
    eventShape: shape.slice(cut),
  };
}

/**
 * The distribution of samples after transforms.
 * @throws ShapeError if the samples of the base have too few dimensions for the transforms.
 * @example
 * // The logistic distribution
 * const logistic = new TransformedDistribution(new Uniform(0, 1), [new transforms.SigmoidTransform().inv]);
 * logistic.logProb(tensor(0)); // tensor(-1.3863)
 */
export class TransformedDistribution extends Distribution {
  readonly baseDist: Distribution;
  readonly transforms: readonly Transform[];

  constructor(base: Distribution, transforms: Transform | readonly Transform[], options: DistributionOptions = {}) {
    const parts = fit(base, transforms instanceof Transform ? [transforms] : transforms);
    super(parts.batchShape, parts.eventShape, options);
    this.baseDist = parts.base;
    this.transforms = parts.transforms;
  }

  override get argConstraints(): ArgConstraints {
    return {};
  }

  override get support(): constraints.Constraint {
    const last = this.transforms.at(-1);
    if (last === undefined) return this.baseDist.support;
    const more = this.eventShape.length - last.codomain.eventDim;
    return more > 0 ? constraints.independent(last.codomain, more) : last.codomain;
  }

  override get hasRsample(): boolean {
    return this.baseDist.hasRsample;
  }

  override expand(batchShape: Shape): TransformedDistribution {
    return this.alike(new TransformedDistribution(this.expandBase(batchShape), this.transforms, UNCHECKED));
  }

  /** The base for a larger batch. */
  protected expandBase(batchShape: Shape): Distribution {
    const shape = this.transforms.reduceRight<Shape>((s, t) => t.inverseShape(s), [...batchShape, ...this.eventShape]);
    return this.baseDist.expand(shape.slice(0, shape.length - this.baseDist.eventShape.length));
  }

  override sample(sampleShape: Shape = []): Tensor {
    return this.#forward(this.baseDist.sample(sampleShape)).detach();
  }

  override rsample(sampleShape: Shape = []): Tensor {
    return this.#forward(this.baseDist.rsample(sampleShape));
  }

  #forward(x: Tensor): Tensor {
    return this.transforms.reduce((value, transform) => transform.forward(value), x);
  }

  override logProb(value: Tensor): Tensor {
    this.checkValue(value);
    let dims = this.eventShape.length;
    let y = value;
    let total: Tensor | undefined;
    for (const transform of [...this.transforms].reverse()) {
      const x = transform.inv.forward(y);
      dims += transform.domain.eventDim - transform.codomain.eventDim;
      const stretch = sumRightmost(transform.logAbsDetJacobian(x, y), dims - transform.domain.eventDim);
      total = total === undefined ? stretch.neg() : total.sub(stretch);
      y = x;
    }
    const base = sumRightmost(this.baseDist.logProb(y), dims - this.baseDist.eventShape.length);
    return total === undefined ? base : total.add(base);
  }

  /** Turns probabilities round where the transforms fall. */
  #monotonize(probability: Tensor): Tensor {
    const sign = this.transforms.reduce<number | Tensor>((s, t) => multiply(s, t.sign), 1);
    return sign === 1 ? probability : probability.sub(0.5).mul(sign).add(0.5);
  }

  override cdf(value: Tensor): Tensor {
    this.checkValue(value);
    return this.#monotonize(this.baseDist.cdf(this.transforms.reduceRight((y, t) => t.inv.forward(y), value)));
  }

  override icdf(probability: Tensor): Tensor {
    return this.#forward(this.baseDist.icdf(this.#monotonize(probability)));
  }
}
