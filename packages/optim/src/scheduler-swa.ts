import { optionsOf, ValueError } from "@sconce/core";
import {
  type AnyOptimizer,
  anneal,
  checkStrategy,
  LRScheduler,
  perGroup,
  type ScheduledGroup,
  type SchedulerOptions,
} from "./scheduler.js";

/** Options of {@link SWALR}. */
export interface SWALROptions extends SchedulerOptions {
  /** Epochs until the rate is reached, 10 by default. */
  readonly annealEpochs?: number;
  /** How it is reached: along half a cosine (the default) or in a line. */
  readonly annealStrategy?: "cos" | "linear";
}

/**
 * Moves the rate to a constant one at which weights are averaged.
 * Source: Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", https://arxiv.org/abs/1803.05407
 * @throws ValueError for options out of range, or rates that are not one per group.
 * @example
 * const scheduler = new swaUtils.SWALR(optimizer, 0.05, { annealEpochs: 5 });
 */
export class SWALR extends LRScheduler {
  readonly annealEpochs: number;
  readonly #strategy: "cos" | "linear";

  constructor(optimizer: AnyOptimizer, swaLr: number | readonly number[], options: SWALROptions = {}) {
    const { annealEpochs, annealStrategy } = optionsOf(new.target, options, { annealEpochs: 10, annealStrategy: "cos" });
    checkStrategy(annealStrategy);
    if (!Number.isInteger(annealEpochs) || annealEpochs < 0) {
      throw new ValueError(`SWALR: annealEpochs must be equal or greater than 0, got ${annealEpochs}`);
    }
    const rates = perGroup("swaLr", optimizer, swaLr);
    (optimizer.paramGroups as ScheduledGroup[]).forEach((group, i) => {
      group.swaLr = rates[i];
    });
    super(optimizer, options);
    this.annealEpochs = annealEpochs;
    this.#strategy = annealStrategy;
    this.step();
  }

  protected override next(): number[] {
    const step = this.annealEpochs === 0 ? Math.max(1, this.stepCount - 1) : this.stepCount - 1;
    const before = this.#share(step - 1);
    const now = this.#share(step);
    return this.groups.map(({ lr, swaLr = lr }) => {
      const start = before === 1 ? swaLr : (lr - before * swaLr) / (1 - before);
      return swaLr * now + start * (1 - now);
    });
  }

  /** How far the rate has gone after some steps, 0 to 1. */
  #share(step: number): number {
    const t = Math.max(0, Math.min(1, step / Math.max(1, this.annealEpochs)));
    return anneal(this.#strategy, 0, 1, t);
  }
}
