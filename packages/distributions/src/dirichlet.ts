import { type Shape, stack, Tensor, tensor, ValueError, where } from "@sconce/core";
import { oneHot } from "@sconce/core/nn";
import * as constraints from "./constraints.js";
import { type ArgConstraints, Distribution, type DistributionOptions, UNCHECKED } from "./distribution.js";
import { broadcastAll, type Param } from "./numbers.js";
import { sampleDirichlet } from "./standard-gamma.js";

/**
 * Parts of a whole, `[..., K]`, with concentrations `[..., K]`.
 * @throws ValueError for concentrations without a dimension.
 * @example
 * new Dirichlet(tensor([1, 2, 1])).mean; // tensor([0.2500, 0.5000, 0.2500])
 */
export class Dirichlet extends Distribution {
  readonly concentration: Tensor;

  constructor(concentration: Tensor, options: DistributionOptions = {}) {
    if (concentration.ndim < 1) throw new ValueError("Dirichlet: `concentration` parameter must be at least one-dimensional.");
    super(concentration.shape.slice(0, -1), concentration.shape.slice(-1), options);
    this.concentration = concentration;
    this.checkArgs();
  }

  override get argConstraints(): ArgConstraints {
    return { concentration: constraints.independent(constraints.positive, 1) };
  }

  override get support(): constraints.Constraint {
    return constraints.simplex;
  }

  override get hasRsample(): boolean {
    return true;
  }

  override get mean(): Tensor {
    return this.concentration.div(this.concentration.sum(-1, { keepdim: true }));
  }

  override get mode(): Tensor {
    const above = this.concentration.sub(1).clamp({ min: 0 });
    const mode = above.div(above.sum(-1, { keepdim: true }));
    const corner = oneHot(mode.argmax(-1), above.shape[above.ndim - 1]).cast(mode.dtype);
    return where(this.concentration.lt(1).all(-1, { keepdim: true }), corner, mode);
  }

  override get variance(): Tensor {
    const { concentration } = this;
    const total = concentration.sum(-1, { keepdim: true });
    return concentration.mul(total.sub(concentration)).div(total.square().mul(total.add(1)));
  }

  override expand(batchShape: Shape): Dirichlet {
    return this.alike(new Dirichlet(this.concentration.expand([...batchShape, ...this.eventShape]), UNCHECKED));
  }

  override rsample(sampleShape: Shape = []): Tensor {
    return sampleDirichlet(this.concentration.expand(this.extendedShape(sampleShape)));
  }

  override logProb(value: Tensor): Tensor {
    this.checkValue(value);
    const { concentration } = this;
    return concentration.sub(1).xlogy(value).sum(-1).add(concentration.sum(-1).lgamma()).sub(concentration.lgamma().sum(-1));
  }

  override entropy(): Tensor {
    const { concentration } = this;
    const k = this.eventShape[0];
    const total = concentration.sum(-1);
    return concentration
      .lgamma()
      .sum(-1)
      .sub(total.lgamma())
      .sub(total.neg().add(k).mul(total.digamma()))
      .sub(concentration.sub(1).mul(concentration.digamma()).sum(-1));
  }
}

/**
 * A part of a whole between 0 and 1, with the concentrations of 1 and of 0.
 * @example
 * new Beta(0.5, 0.5).mean; // tensor(0.5000)
 */
export class Beta extends Distribution {
  readonly #dirichlet: Dirichlet;

  constructor(concentration1: Param, concentration0: Param, options: DistributionOptions = {}) {
    const numbers = [concentration1, concentration0];
    const both = numbers.some((c) => c instanceof Tensor) ? stack(broadcastAll(...numbers), -1) : tensor(numbers as number[]);
    const dirichlet = new Dirichlet(both, UNCHECKED);
    super(dirichlet.batchShape, [], options);
    this.#dirichlet = dirichlet;
    this.checkArgs();
  }

  get concentration1(): Tensor {
    return this.#dirichlet.concentration.select(-1, 0);
  }

  get concentration0(): Tensor {
    return this.#dirichlet.concentration.select(-1, 1);
  }

  override get argConstraints(): ArgConstraints {
    return { concentration1: constraints.positive, concentration0: constraints.positive };
  }

  override get support(): constraints.Bounded {
    return constraints.unitInterval;
  }

  override get hasRsample(): boolean {
    return true;
  }

  override get mean(): Tensor {
    return this.concentration1.div(this.concentration1.add(this.concentration0));
  }

  override get mode(): Tensor {
    return this.#dirichlet.mode.select(-1, 0);
  }

  override get variance(): Tensor {
    const total = this.concentration1.add(this.concentration0);
    return this.concentration1.mul(this.concentration0).div(total.square().mul(total.add(1)));
  }

  override expand(batchShape: Shape): Beta {
    const shape = [...batchShape];
    return this.alike(new Beta(this.concentration1.expand(shape), this.concentration0.expand(shape), UNCHECKED));
  }

  override rsample(sampleShape: Shape = []): Tensor {
    return this.#dirichlet.rsample(sampleShape).select(-1, 0);
  }

  override logProb(value: Tensor): Tensor {
    this.checkValue(value);
    return this.#dirichlet.logProb(stack([value, value.neg().add(1)], -1));
  }

  override entropy(): Tensor {
    return this.#dirichlet.entropy();
  }
}
