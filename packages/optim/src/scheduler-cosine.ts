import { hostEffect, ValueError } from "@sconce/core";
import { type AnyOptimizer, LRScheduler, type SchedulerOptions } from "./scheduler.js";

/** Options of {@link CosineAnnealingLR}. */
export interface CosineAnnealingLROptions extends SchedulerOptions {
  /** Smallest rate, 0 by default. */
  readonly etaMin?: number;
}

/**
 * Follows a half cosine from the base rate to `etaMin` over `tMax` epochs, and back.
 * Source: torch.optim.lr_scheduler.CosineAnnealingLR.
 * @example
 * const scheduler = new lrScheduler.CosineAnnealingLR(optimizer, 100, { etaMin: 1e-5 });
 */
export class CosineAnnealingLR extends LRScheduler {
  readonly tMax: number;
  declare readonly etaMin: number;

  constructor(optimizer: AnyOptimizer, tMax: number, options: CosineAnnealingLROptions = {}) {
    super(optimizer, options, { etaMin: 0 });
    this.tMax = tMax;
    this.step();
  }

  protected override next(): number[] {
    const { tMax, etaMin, lastEpoch } = this;
    if (lastEpoch === 0) return this.rates;
    if (this.stepCount === 1) return this.closedForm();
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

/** Options of {@link CosineAnnealingWarmRestarts}. */
export interface CosineAnnealingWarmRestartsOptions extends CosineAnnealingLROptions {
  /** Factor on the length of a period after each restart, 1 by default. */
  readonly tMult?: number;
}

/**
 * Follows a half cosine from the base rate to `etaMin` and jumps back, first after `t0` epochs. `step` takes fractions of epochs too.
 * Source: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", https://arxiv.org/abs/1608.03983
 * @throws ValueError unless `t0` and `tMult` are positive integers.
 * @example
 * const scheduler = new lrScheduler.CosineAnnealingWarmRestarts(optimizer, 10, { tMult: 2 });
 * scheduler.step(0.5);
 */
export class CosineAnnealingWarmRestarts extends LRScheduler {
  readonly t0: number;
  declare readonly tMult: number;
  declare readonly etaMin: number;
  /** Length of the current period. */
  tI: number;
  /** Epochs since the last restart. */
  tCur: number;

  constructor(optimizer: AnyOptimizer, t0: number, options: CosineAnnealingWarmRestartsOptions = {}) {
    super(optimizer, options, { tMult: 1, etaMin: 0 });
    const { tMult } = this;
    if (t0 <= 0 || !Number.isInteger(t0)) throw new ValueError(`CosineAnnealingWarmRestarts: Expected positive integer t0, but got ${t0}`);
    if (tMult < 1 || !Number.isInteger(tMult)) {
      throw new ValueError(`CosineAnnealingWarmRestarts: Expected integer tMult >= 1, but got ${tMult}`);
    }
    this.t0 = t0;
    this.tI = t0;
    this.tCur = this.lastEpoch;
    this.step();
  }

  protected override next(): number[] {
    const share = (1 + Math.cos((Math.PI * this.tCur) / this.tI)) / 2;
    return this.baseLrs.map((lr) => this.etaMin + (lr - this.etaMin) * share);
  }

  /** Counts an epoch, or sets it (fractions are allowed), and writes the rates. @throws ValueError for a negative epoch. */
  override step(epoch?: number): void {
    hostEffect(() => {
      if (epoch === undefined && this.lastEpoch >= 0) this.#advance();
      else this.#jump(epoch ?? 0);
      this.write(this.next());
    });
  }

  #advance(): void {
    this.lastEpoch++;
    if (++this.tCur < this.tI) return;
    this.tCur -= this.tI;
    this.tI *= this.tMult;
  }

  #jump(epoch: number): void {
    const { t0, tMult } = this;
    if (epoch < 0) throw new ValueError(`CosineAnnealingWarmRestarts: Expected non-negative epoch, but got ${epoch}`);
    const restarts = epoch < t0 || tMult === 1 ? 0 : Math.trunc(Math.log((epoch / t0) * (tMult - 1) + 1) / Math.log(tMult));
    this.tI = t0 * tMult ** restarts;
    this.tCur = tMult === 1 ? epoch % t0 : epoch - (t0 * (tMult ** restarts - 1)) / (tMult - 1);
    this.lastEpoch = Math.floor(epoch);
  }
}
