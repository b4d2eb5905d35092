import { optionsOf, Tensor, tracer, ValueError } from "@sconce/core";
import { type AnyOptimizer, loadFields, perGroup, type SchedulerState, savedFields } from "./scheduler.js";
import { dictOf } from "./state-check.js";

/** Options of {@link ReduceLROnPlateau}. */
export interface ReduceLROnPlateauOptions {
  /** Whether the number should fall (`"min"`, the default) or rise. */
  readonly mode?: "min" | "max";
  /** What the rate is multiplied by, 0.1 by default. */
  readonly factor?: number;
  /** Epochs without improvement that are put up with, 10 by default. */
  readonly patience?: number;
  /** Smallest change that is an improvement, 1e-4 by default. */
  readonly threshold?: number;
  /** Whether `threshold` is a share of the best number (`"rel"`, the default) or a difference. */
  readonly thresholdMode?: "rel" | "abs";
  /** Epochs after a reduction in which none is counted, 0 by default. */
  readonly cooldown?: number;
  /** Smallest rate, for all groups or one each. */
  readonly minLr?: number | readonly number[];
  /** Reductions by less are left out, 1e-8 by default. */
  readonly eps?: number;
}

/** What every number is better than. */
function worstOf(mode: unknown): number {
  return mode === "max" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

/**
 * Reduces the rate when a number, such as the loss on data held out, has stopped improving.
 * Source: torch.optim.lr_scheduler.ReduceLROnPlateau.
 * @throws ValueError for a factor of 1 or more, an unknown mode, or rates that are not one per group.
 * @example
 * const scheduler = new lrScheduler.ReduceLROnPlateau(optimizer, { patience: 5 });
 * scheduler.step(await loss.item());
 */
export class ReduceLROnPlateau {
  readonly optimizer: AnyOptimizer;
  declare factor: number;
  minLrs: readonly number[];
  declare patience: number;
  declare cooldown: number;
  /** Epochs left in which none is counted. */
  cooldownCounter = 0;
  declare mode: "min" | "max";
  declare threshold: number;
  declare thresholdMode: "rel" | "abs";
  declare eps: number;
  /** The best number so far. */
  best: number;
  /** Epochs since the last improvement. */
  numBadEpochs = 0;
  /** Number of steps so far. */
  lastEpoch = 0;
  protected modeWorse: number;
  protected lastLr: readonly number[];

  constructor(optimizer: AnyOptimizer, options: ReduceLROnPlateauOptions = {}) {
    const settings = optionsOf(new.target, options, {
      mode: "min",
      factor: 0.1,
      patience: 10,
      threshold: 1e-4,
      thresholdMode: "rel",
      cooldown: 0,
      eps: 1e-8,
    });
    const { factor, mode, thresholdMode } = Object.assign(this, settings);
    if (factor >= 1) throw new ValueError(`ReduceLROnPlateau: Factor should be < 1.0, got ${factor}`);
    if (mode !== "min" && mode !== "max") throw new ValueError(`ReduceLROnPlateau: mode ${mode} is unknown!`);
    if (thresholdMode !== "rel" && thresholdMode !== "abs")
      throw new ValueError(`ReduceLROnPlateau: thresholdMode ${thresholdMode} is unknown!`);
    this.optimizer = optimizer;
    this.minLrs = perGroup("minLr", optimizer, options.minLr ?? 0);
    this.modeWorse = worstOf(mode);
    this.best = this.modeWorse;
    this.lastLr = this.#rates();
  }

  #rates(): number[] {
    return this.optimizer.paramGroups.map((group) => group.lr as number);
  }

  /**
   * Looks at the number of an epoch and reduces the rates if it is time.
   * @throws NotSupportedError for a tensor on a device that cannot block: read it with `await`.
   */
  step(metrics: number | Tensor): void {
    tracer?.refuse("ReduceLROnPlateau");
    const current = metrics instanceof Tensor ? metrics.itemSync() : metrics;
    this.lastEpoch++;
    if (this.#isBetter(current)) {
      this.best = current;
      this.numBadEpochs = 0;
    } else this.numBadEpochs++;
    if (this.cooldownCounter > 0) {
      this.cooldownCounter--;
      this.numBadEpochs = 0;
    }
    if (this.numBadEpochs > this.patience) {
      this.#reduce();
      this.cooldownCounter = this.cooldown;
      this.numBadEpochs = 0;
    }
    this.lastLr = this.#rates();
  }

  #isBetter(current: number): boolean {
    const { best, mode, threshold, thresholdMode } = this;
    const sign = mode === "min" ? -1 : 1;
    const bound = thresholdMode === "rel" ? best * (1 + sign * threshold) : best + sign * threshold;
    return mode === "min" ? current < bound : current > bound;
  }

  #reduce(): void {
    this.optimizer.paramGroups.forEach((group, i) => {
      const lr = Math.max(group.lr * this.factor, this.minLrs[i]);
      if (group.lr - lr > this.eps) group.lr = lr;
    });
  }

  /** The rates after the last step, one per group. */
  getLastLr(): number[] {
    return [...this.lastLr];
  }

  /** What to save to go on later, under PyTorch's names. */
  stateDict(): SchedulerState {
    return savedFields(this);
  }

  /** Restores what {@link stateDict} or PyTorch saved, also after JSON, which writes infinity as null. */
  loadStateDict(state: SchedulerState): void {
    const { mode = this.mode, best } = dictOf(this, state);
    const worst = worstOf(mode);
    loadFields(this, { ...state, mode_worse: worst, ...(best === null && { best: worst }) });
  }
}
