import { type Shape, type Tensor, ValueError } from "@sconce/core";
import * as constraints from "./constraints.js";
import { type ArgConstraints, Distribution, type DistributionOptions, UNCHECKED } from "./distribution.js";
import { sumRightmost } from "./numbers.js";

/**
 * A batch of distributions as one of vectors: the last batch dimensions become part of a sample, and their log-probabilities are added.
 * @throws ValueError for more dimensions than the batch has.
 * @example
 * const diagonal = new Independent(new Normal(zeros(3), ones(3)), 1);
 * diagonal.logProb(zeros(3)).shape; // []
 */
export class Independent extends Distribution {
  readonly baseDist: Distribution;
  readonly reinterpretedBatchNdims: number;

  constructor(baseDist: Distribution, reinterpretedBatchNdims: number, options: DistributionOptions = {}) {
    const rank = baseDist.batchShape.length;
    if (reinterpretedBatchNdims > rank) {
      throw new ValueError(
        `Independent: Expected reinterpretedBatchNdims <= baseDist.batchShape.length, actual ${reinterpretedBatchNdims} vs ${rank}`,
      );
    }
    const cut = rank - reinterpretedBatchNdims;
    super(baseDist.batchShape.slice(0, cut), [...baseDist.batchShape.slice(cut), ...baseDist.eventShape], options);
    this.baseDist = baseDist;
    this.reinterpretedBatchNdims = reinterpretedBatchNdims;
  }

  override get argConstraints(): ArgConstraints {
    return {};
  }

  override get support(): constraints.Constraint {
    const { support } = this.baseDist;
    return this.reinterpretedBatchNdims > 0 ? constraints.independent(support, this.reinterpretedBatchNdims) : support;
  }

  override get hasRsample(): boolean {
    return this.baseDist.hasRsample;
  }

  override get hasEnumerateSupport(): boolean {
    return this.reinterpretedBatchNdims === 0 && this.baseDist.hasEnumerateSupport;
  }

  override get mean(): Tensor {
    return this.baseDist.mean;
  }

  override get mode(): Tensor {
    return this.baseDist.mode;
  }

  override get variance(): Tensor {
    return this.baseDist.variance;
  }

  override expand(batchShape: Shape): Independent {
    const base = this.baseDist.expand([...batchShape, ...this.eventShape.slice(0, this.reinterpretedBatchNdims)]);
    return this.alike(new Independent(base, this.reinterpretedBatchNdims, UNCHECKED));
  }

  override sample(sampleShape: Shape = []): Tensor {
    return this.baseDist.sample(sampleShape);
  }

  override rsample(sampleShape: Shape = []): Tensor {
    return this.baseDist.rsample(sampleShape);
  }

  override logProb(value: Tensor): Tensor {
    return sumRightmost(this.baseDist.logProb(value), this.reinterpretedBatchNdims);
  }

  override entropy(): Tensor {
    return sumRightmost(this.baseDist.entropy(), this.reinterpretedBatchNdims);
  }

  override enumerateSupport(expand = true): Tensor {
    if (this.reinterpretedBatchNdims > 0) return this.missing("enumerateSupport over a cartesian product");
    return this.baseDist.enumerateSupport(expand);
  }

  override toString(): string {
    return `Independent(${this.baseDist}, ${this.reinterpretedBatchNdims})`;
  }
}
