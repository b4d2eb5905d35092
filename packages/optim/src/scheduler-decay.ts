import { ValueError } from "@sconce/core";
import { type AnyOptimizer, LRScheduler, perGroup, type SchedulerOptions, type SchedulerState } from "./scheduler.js";
import { dictOf, expectKind } from "./state-check.js";

/** Options of schedulers that multiply the rate now and then. */
export interface GammaOptions extends SchedulerOptions {
  /** What the rate is multiplied by, 0.1 by default. */
  readonly gamma?: number;
}

/**
 * Multiplies the rate by `gamma` every `stepSize` epochs.
 * Source: torch.optim.lr_scheduler.StepLR.
 * @example
 * const scheduler = new lrScheduler.StepLR(optimizer, 30, { gamma: 0.1 });
 */
export class StepLR extends LRScheduler {
  readonly stepSize: number;
  declare readonly gamma: number;

  constructor(optimizer: AnyOptimizer, stepSize: number, options: GammaOptions = {}) {
    super(optimizer, options, { gamma: 0.1 });
    if (!Number.isInteger(stepSize) || stepSize < 1)
      throw new ValueError(`StepLR: expected a stepSize of at least 1 epoch, got ${stepSize}`);
    this.stepSize = stepSize;
    this.step();
  }

  protected override next(): number[] {
    const keep = this.lastEpoch === 0 || this.lastEpoch % this.stepSize !== 0;
    return this.rates.map((lr) => (keep ? lr : lr * this.gamma));
  }

  protected override closedForm(): number[] {
    return this.baseLrs.map((lr) => lr * this.gamma ** Math.floor(this.lastEpoch / this.stepSize));
  }
}

/**
 * Multiplies the rate by `gamma` at each of the `milestones`.
 * Source: torch.optim.lr_scheduler.MultiStepLR.
 * @example
 * const scheduler = new lrScheduler.MultiStepLR(optimizer, [30, 80]);
 */
export class MultiStepLR extends LRScheduler {
  milestones: readonly number[];
  declare readonly gamma: number;

  constructor(optimizer: AnyOptimizer, milestones: readonly number[], options: GammaOptions = {}) {
    super(optimizer, options, { gamma: 0.1 });
    expectKind(this, "milestones", "array", milestones);
    this.milestones = [...milestones].sort((a, b) => a - b);
    this.step();
  }

  protected override next(): number[] {
    const times = this.milestones.filter((m) => m === this.lastEpoch).length;
    return this.rates.map((lr) => (times === 0 ? lr : lr * this.gamma ** times));
  }

  protected override closedForm(): number[] {
    const times = this.milestones.filter((m) => m <= this.lastEpoch).length;
    return this.baseLrs.map((lr) => lr * this.gamma ** times);
  }

  /** The state; PyTorch counts how often each milestone is given. */
  override stateDict(): SchedulerState {
    const counts: { [epoch: number]: number } = {};
    for (const m of this.milestones) counts[m] = (counts[m] ?? 0) + 1;
    return { ...super.stateDict(), milestones: counts };
  }

  /** Restores what {@link stateDict} or PyTorch saved. */
  override loadStateDict(saved: SchedulerState): void {
    const { milestones, ...state } = { ...this.stateDict(), ...dictOf(this, saved) };
    const entries = Object.entries(milestones as { readonly [epoch: string]: number });
    super.loadStateDict({ ...state, milestones: entries.flatMap(([epoch, times]) => new Array<number>(times).fill(Number(epoch))) });
  }
}

/**
 * Multiplies the rate by `gamma` every epoch.
 * Source: torch.optim.lr_scheduler.ExponentialLR.
 * @example
 * const scheduler = new lrScheduler.ExponentialLR(optimizer, 0.95);
 */
export class ExponentialLR extends LRScheduler {
  readonly gamma: number;

  constructor(optimizer: AnyOptimizer, gamma: number, options: SchedulerOptions = {}) {
    super(optimizer, options);
    expectKind(this, "gamma", "number", gamma);
    this.gamma = gamma;
    this.step();
  }

  protected override next(): number[] {
    return this.rates.map((lr) => (this.lastEpoch === 0 ? lr : lr * this.gamma));
  }

  protected override closedForm(): number[] {
    return this.baseLrs.map((lr) => lr * this.gamma ** this.lastEpoch);
  }
}

/** A factor by epoch, for all groups or one each. */
export type LrLambda = (epoch: number) => number;

/** Schedulers by functions, which are not saved: PyTorch writes null for each. */
abstract class LambdaScheduler extends LRScheduler {
  readonly #lambdas: readonly LrLambda[];

  constructor(optimizer: AnyOptimizer, lrLambda: LrLambda | readonly LrLambda[], options: SchedulerOptions = {}) {
    super(optimizer, options);
    this.#lambdas = perGroup<LrLambda>("lrLambda", optimizer, lrLambda, "function");
    this.step();
  }

  /** The functions' values at the current epoch, one per group. */
  protected get factors(): number[] {
    return this.#lambdas.map((lambda) => lambda(this.lastEpoch));
  }

  /** The state without the functions. */
  override stateDict(): SchedulerState {
    return { ...super.stateDict(), lr_lambdas: this.#lambdas.map(() => null) };
  }
}

/**
 * Sets the rate to the base rate times a function of the epoch.
 * Source: torch.optim.lr_scheduler.LambdaLR.
 * @throws ValueError if there is not one function per group.
 * @example
 * const scheduler = new lrScheduler.LambdaLR(optimizer, (epoch) => 0.95 ** epoch);
 */
export class LambdaLR extends LambdaScheduler {
  protected override next(): number[] {
    const { factors } = this;
    return this.baseLrs.map((lr, i) => lr * factors[i]);
  }
}

/**
 * Multiplies the rate by a function of the epoch.
 * Source: torch.optim.lr_scheduler.MultiplicativeLR.
 * @throws ValueError if there is not one function per group.
 * @example
 * const scheduler = new lrScheduler.MultiplicativeLR(optimizer, () => 0.95);
 */
export class MultiplicativeLR extends LambdaScheduler {
  protected override next(): number[] {
    if (this.lastEpoch === 0) return this.rates;
    const { factors } = this;
    return this.rates.map((lr, i) => lr * factors[i]);
  }
}

/** Options of {@link ConstantLR}. */
export interface ConstantLROptions extends SchedulerOptions {
  /** Factor on the rate, 1/3 by default. */
  readonly factor?: number;
  /** Epochs until the rate is as it was, 5 by default. */
  readonly totalIters?: number;
}

/**
 * Multiplies the rate by `factor` for the first `totalIters` epochs.
 * Source: torch.optim.lr_scheduler.ConstantLR.
 * @throws ValueError for a factor that is not between 0 and 1.
 * @example
 * const scheduler = new lrScheduler.ConstantLR(optimizer, { factor: 0.5, totalIters: 4 });
 */
export class ConstantLR extends LRScheduler {
  declare readonly factor: number;
  declare readonly totalIters: number;

  constructor(optimizer: AnyOptimizer, options: ConstantLROptions = {}) {
    super(optimizer, options, { factor: 1 / 3, totalIters: 5 });
    const { factor } = this;
    if (factor < 0 || factor > 1)
      throw new ValueError(`ConstantLR: Constant multiplicative factor expected to be between 0 and 1, got ${factor}`);
    this.step();
  }

  protected override next(): number[] {
    const { lastEpoch, factor, totalIters } = this;
    const scale = lastEpoch === 0 ? factor : lastEpoch === totalIters ? 1 / factor : 1;
    return this.rates.map((lr) => lr * scale);
  }

  protected override closedForm(): number[] {
    const scale = this.lastEpoch >= this.totalIters ? 1 : this.factor;
    return this.baseLrs.map((lr) => lr * scale);
  }
}

/** Options of {@link LinearLR}. */
export interface LinearLROptions extends SchedulerOptions {
  /** Factor at the start, 1/3 by default. */
  readonly startFactor?: number;
  /** Factor at the end, 1 by default. */
  readonly endFactor?: number;
  /** Epochs from start to end, 5 by default. */
  readonly totalIters?: number;
}

/**
 * Moves the factor on the rate from `startFactor` to `endFactor` in a line.
 * Source: torch.optim.lr_scheduler.LinearLR.
 * @throws ValueError for factors that are not between 0 and 1.
 * @example
 * const scheduler = new lrScheduler.LinearLR(optimizer, { startFactor: 0.5, totalIters: 4 });
 */
export class LinearLR extends LRScheduler {
  declare readonly startFactor: number;
  declare readonly endFactor: number;
  declare readonly totalIters: number;

  constructor(optimizer: AnyOptimizer, options: LinearLROptions = {}) {
    super(optimizer, options, { startFactor: 1 / 3, endFactor: 1, totalIters: 5 });
    const { startFactor, endFactor } = this;
    if (startFactor <= 0 || startFactor > 1)
      throw new ValueError(`LinearLR: Starting multiplicative factor expected to be between 0 and 1, got ${startFactor}`);
    if (endFactor < 0 || endFactor > 1)
      throw new ValueError(`LinearLR: Ending multiplicative factor expected to be between 0 and 1, got ${endFactor}`);
    this.step();
  }

  protected override next(): number[] {
    const { lastEpoch, startFactor, endFactor, totalIters } = this;
    if (lastEpoch === 0) return this.rates.map((lr) => lr * startFactor);
    if (lastEpoch > totalIters) return this.rates;
    const scale = 1 + (endFactor - startFactor) / (totalIters * startFactor + (lastEpoch - 1) * (endFactor - startFactor));
    return this.rates.map((lr) => lr * scale);
  }

  protected override closedForm(): number[] {
    const share = Math.min(this.totalIters, this.lastEpoch) / this.totalIters;
    return this.baseLrs.map((lr) => lr * (this.startFactor + (this.endFactor - this.startFactor) * share));
  }
}

/** Options of {@link PolynomialLR}. */
export interface PolynomialLROptions extends SchedulerOptions {
  /** Epochs until the rate is 0, 5 by default. */
  readonly totalIters?: number;
  /** Power of the polynomial, 1 by default. */
  readonly power?: number;
}

/**
 * Lets the rate fall to 0 in `totalIters` epochs along a polynomial.
 * Source: torch.optim.lr_scheduler.PolynomialLR.
 * @example
 * const scheduler = new lrScheduler.PolynomialLR(optimizer, { totalIters: 4 });
 */
export class PolynomialLR extends LRScheduler {
  declare readonly totalIters: number;
  declare readonly power: number;

  constructor(optimizer: AnyOptimizer, options: PolynomialLROptions = {}) {
    super(optimizer, options, { totalIters: 5, power: 1 });
    this.step();
  }

  protected override next(): number[] {
    const { lastEpoch, totalIters, power } = this;
    if (lastEpoch === 0 || lastEpoch > totalIters) return this.rates;
    const scale = ((1 - lastEpoch / totalIters) / (1 - (lastEpoch - 1) / totalIters)) ** power;
    return this.rates.map((lr) => lr * scale);
  }

  protected override closedForm(): number[] {
    const rest = 1 - Math.min(this.totalIters, this.lastEpoch) / this.totalIters;
    return this.baseLrs.map((lr) => lr * rest ** this.power);
  }
}
