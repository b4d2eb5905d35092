/** Learning-rate schedulers. Each sets the rate of every group when it is made and again at each `step()`, once per epoch. */
import { ValueError } from "@sconce/core";
import type { Optimizer, OptimizerOptions } from "./optimizer.js";

// Schedulers only read and write `lr`, so any optimizer fits.
// biome-ignore lint/suspicious/noExplicitAny: an optimizer's options are invariant
type AnyOptimizer = Optimizer<any>;
type Group = OptimizerOptions & { initialLr?: number };

/** What a scheduler saves: numbers under PyTorch's names. */
export type SchedulerState = { [name: string]: unknown };

/** Base of the schedulers: counts epochs and writes the rates that a subclass computes. */
export abstract class LRScheduler {
  readonly optimizer: AnyOptimizer;
  /** Rates of the groups before any schedule. */
  readonly baseLrs: readonly number[];
  /** Number of steps so far. */
  lastEpoch = -1;
  #lastLr: number[] = [];

  constructor(optimizer: AnyOptimizer) {
    this.optimizer = optimizer;
    for (const group of this.groups) group.initialLr ??= group.lr;
    this.baseLrs = this.groups.map((group) => group.initialLr as number);
  }

  protected get groups(): Group[] {
    return this.optimizer.paramGroups as Group[];
  }

  protected get rates(): number[] {
    return this.groups.map((group) => group.lr);
  }

  /** Rates for the current epoch, from those of the epoch before. */
  protected abstract next(): number[];

  /** Rates for the current epoch from the base rates alone; used when an epoch is set. */
  protected closedForm(): number[] {
    return this.next();
  }

  /** Counts an epoch, or sets it, and writes the rates. */
  step(epoch?: number): void {
    if (epoch === undefined) {
      this.lastEpoch++;
      this.write(this.next());
    } else {
      this.lastEpoch = epoch;
      this.write(this.closedForm());
    }
  }

  protected write(rates: readonly number[]): void {
    this.groups.forEach((group, i) => {
      group.lr = rates[i];
    });
    this.#lastLr = [...rates];
  }

  /** The rates written last, one per group. */
  getLastLr(): number[] {
    return [...this.#lastLr];
  }

  /** What to save to go on later. Functions are not saved. */
  stateDict(): SchedulerState {
    const state: SchedulerState = { lastLr: this.getLastLr() };
    for (const [key, value] of Object.entries(this)) if (key !== "optimizer" && typeof value !== "function") state[key] = value;
    return structuredClone(state);
  }

  /** Restores what {@link stateDict} saved. */
  loadStateDict({ lastLr, ...state }: SchedulerState): void {
    Object.assign(this, structuredClone(state));
    this.#lastLr = [...(lastLr as number[])];
  }
}

/** Multiplies the rate by `gamma` every `stepSize` epochs. Source: torch.optim.lr_scheduler.StepLR. */
export class StepLR extends LRScheduler {
  readonly stepSize: number;
  readonly gamma: number;

  constructor(optimizer: AnyOptimizer, stepSize: number, { gamma = 0.1 }: { gamma?: number } = {}) {
    super(optimizer);
    this.stepSize = stepSize;
    this.gamma = gamma;
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

/** Multiplies the rate by `gamma` at each of the `milestones`. Source: torch.optim.lr_scheduler.MultiStepLR. */
export class MultiStepLR extends LRScheduler {
  readonly milestones: readonly number[];
  readonly gamma: number;

  constructor(optimizer: AnyOptimizer, milestones: readonly number[], { gamma = 0.1 }: { gamma?: number } = {}) {
    super(optimizer);
    this.milestones = [...milestones].sort((a, b) => a - b);
    this.gamma = gamma;
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
}

/** Multiplies the rate by `gamma` every epoch. Source: torch.optim.lr_scheduler.ExponentialLR. */
export class ExponentialLR extends LRScheduler {
  readonly gamma: number;

  constructor(optimizer: AnyOptimizer, gamma: number) {
    super(optimizer);
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

/** Follows a half cosine from the base rate to `etaMin` over `tMax` epochs, and back. Source: torch.optim.lr_scheduler.CosineAnnealingLR. */
export class CosineAnnealingLR extends LRScheduler {
  readonly tMax: number;
  readonly etaMin: number;

  constructor(optimizer: AnyOptimizer, tMax: number, { etaMin = 0 }: { etaMin?: number } = {}) {
    super(optimizer);
    this.tMax = tMax;
    this.etaMin = etaMin;
    this.step();
  }

  protected override next(): number[] {
    const { tMax, etaMin, lastEpoch } = this;
    if (lastEpoch === 0) return this.rates;
    if ((lastEpoch - 1 - tMax) % (2 * tMax) === 0) {
      return this.rates.map((lr, i) => lr + ((this.baseLrs[i] - etaMin) * (1 - Math.cos(Math.PI / tMax))) / 2);
    }
    const ratio = (1 + Math.cos((Math.PI * lastEpoch) / tMax)) / (1 + Math.cos((Math.PI * (lastEpoch - 1)) / tMax));
    return this.rates.map((lr) => ratio * (lr - etaMin) + etaMin);
  }

  protected override closedForm(): number[] {
    const share = (1 + Math.cos((Math.PI * this.lastEpoch) / this.tMax)) / 2;
    return this.baseLrs.map((lr) => this.etaMin + (lr - this.etaMin) * share);
  }
}

/** A factor by epoch, for all groups or one each. */
export type LrLambda = (epoch: number) => number;

/** One function per group. @throws ValueError if the numbers differ. */
function lambdaList(lambda: LrLambda | readonly LrLambda[], optimizer: AnyOptimizer): readonly LrLambda[] {
  const count = optimizer.paramGroups.length;
  const list = typeof lambda === "function" ? new Array<LrLambda>(count).fill(lambda) : lambda;
  if (list.length !== count) throw new ValueError(`lrScheduler: Expected ${count} lrLambdas, but got ${list.length}`);
  return list;
}

/** Sets the rate to the base rate times a function of the epoch. Source: torch.optim.lr_scheduler.LambdaLR. */
export class LambdaLR extends LRScheduler {
  readonly #lambdas: readonly LrLambda[];

  constructor(optimizer: AnyOptimizer, lrLambda: LrLambda | readonly LrLambda[]) {
    super(optimizer);
    this.#lambdas = lambdaList(lrLambda, optimizer);
    this.step();
  }

  protected override next(): number[] {
    return this.baseLrs.map((lr, i) => lr * this.#lambdas[i](this.lastEpoch));
  }
}

/** Multiplies the rate by a function of the epoch. Source: torch.optim.lr_scheduler.MultiplicativeLR. */
export class MultiplicativeLR extends LRScheduler {
  readonly #lambdas: readonly LrLambda[];

  constructor(optimizer: AnyOptimizer, lrLambda: LrLambda | readonly LrLambda[]) {
    super(optimizer);
    this.#lambdas = lambdaList(lrLambda, optimizer);
    this.step();
  }

  protected override next(): number[] {
    return this.rates.map((lr, i) => (this.lastEpoch > 0 ? lr * this.#lambdas[i](this.lastEpoch) : lr));
  }
}

/** Multiplies the rate by `factor` for the first `totalIters` epochs. Source: torch.optim.lr_scheduler.ConstantLR. */
export class ConstantLR extends LRScheduler {
  readonly factor: number;
  readonly totalIters: number;

  constructor(optimizer: AnyOptimizer, { factor = 1 / 3, totalIters = 5 }: { factor?: number; totalIters?: number } = {}) {
    super(optimizer);
    if (factor < 0 || factor > 1) throw new ValueError(`ConstantLR: Constant multiplicative factor expected to be between 0 and 1, got ${factor}`);
    this.factor = factor;
    this.totalIters = totalIters;
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
export interface LinearLROptions {
  /** Factor at the start, 1/3 by default. */
  readonly startFactor?: number;
  /** Factor at the end, 1 by default. */
  readonly endFactor?: number;
  /** Epochs from start to end, 5 by default. */
  readonly totalIters?: number;
}

/** Moves the factor on the rate from `startFactor` to `endFactor` in a line. Source: torch.optim.lr_scheduler.LinearLR. */
export class LinearLR extends LRScheduler {
  readonly startFactor: number;
  readonly endFactor: number;
  readonly totalIters: number;

  constructor(optimizer: AnyOptimizer, { startFactor = 1 / 3, endFactor = 1, totalIters = 5 }: LinearLROptions = {}) {
    super(optimizer);
    if (startFactor <= 0 || startFactor > 1) throw new ValueError(`LinearLR: Starting multiplicative factor expected to be between 0 and 1, got ${startFactor}`);
    if (endFactor < 0 || endFactor > 1) throw new ValueError(`LinearLR: Ending multiplicative factor expected to be between 0 and 1, got ${endFactor}`);
    this.startFactor = startFactor;
    this.endFactor = endFactor;
    this.totalIters = totalIters;
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

/** Lets the rate fall to 0 in `totalIters` epochs along a polynomial. Source: torch.optim.lr_scheduler.PolynomialLR. */
export class PolynomialLR extends LRScheduler {
  readonly totalIters: number;
  readonly power: number;

  constructor(optimizer: AnyOptimizer, { totalIters = 5, power = 1 }: { totalIters?: number; power?: number } = {}) {
    super(optimizer);
    this.totalIters = totalIters;
    this.power = power;
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
