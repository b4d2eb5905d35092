import { hostEffect, ValueError } from "@sconce/core";
import { type AnyOptimizer, type LRScheduler, loadFields, type Schedule, type SchedulerState, savedFields } from "./scheduler.js";
import { dictOf, expectKind } from "./state-check.js";

/** What schedulers that run others share: their states lie in `_schedulers`. */
abstract class Composed implements Schedule {
  readonly optimizer: AnyOptimizer;
  protected lastLr: readonly number[] = [];

  constructor(optimizer: AnyOptimizer, schedulers: readonly Schedule[]) {
    expectKind(this, "schedulers", "array", schedulers);
    this.optimizer = optimizer;
    const other = schedulers.findIndex((s) => s?.optimizer === undefined || s.optimizer !== optimizer);
    if (other >= 0) {
      throw new ValueError(
        `${this.constructor.name} expects all schedulers to belong to the same optimizer, but got schedulers at index ${other} to be different`,
      );
    }
  }

  /** The schedulers that it runs. */
  protected abstract get parts(): readonly Schedule[];

  /** Counts an epoch and writes the rates. */
  abstract step(): void;

  /** The rates written last, one per group. */
  getLastLr(): number[] {
    return [...this.lastLr];
  }

  /** What to save to go on later, under PyTorch's names. */
  stateDict(): SchedulerState {
    return { ...savedFields(this), _schedulers: this.parts.map((s) => s.stateDict()) };
  }

  /** Restores what {@link stateDict} or PyTorch saved. @throws ValueError if something does not fit, and then nothing is changed. */
  loadStateDict(saved: SchedulerState): void {
    const { _schedulers, ...state } = dictOf(this, saved);
    const states = (_schedulers ?? []) as readonly SchedulerState[];
    if (states.length !== this.parts.length) {
      throw new ValueError(
        `${this.constructor.name}.loadStateDict: expected the states of ${this.parts.length} schedulers, got ${states.length}`,
      );
    }
    const before = this.parts.map((s) => s.stateDict());
    try {
      this.parts.forEach((s, i) => {
        s.loadStateDict(states[i]);
      });
      loadFields(this, state);
    } catch (error) {
      this.parts.forEach((s, i) => {
        s.loadStateDict(before[i]);
      });
      throw error;
    }
  }
}

/**
 * Runs one scheduler after the other: the next one starts at each of the `milestones`.
 * Source: torch.optim.lr_scheduler.SequentialLR.
 * @throws ValueError if the schedulers belong to other optimizers, or there is not one milestone less than schedulers.
 * @example
 * const warmup = new lrScheduler.LinearLR(optimizer, { totalIters: 5 });
 * const decay = new lrScheduler.ExponentialLR(optimizer, 0.9);
 * const scheduler = new lrScheduler.SequentialLR(optimizer, [warmup, decay], [5]);
 */
export class SequentialLR extends Composed {
  readonly #schedulers: readonly LRScheduler[];
  readonly #milestones: readonly number[];
  /** Number of steps so far. */
  lastEpoch = 0;

  constructor(optimizer: AnyOptimizer, schedulers: readonly LRScheduler[], milestones: readonly number[]) {
    super(optimizer, schedulers);
    expectKind(this, "milestones", "array", milestones);
    if (milestones.length !== schedulers.length - 1) {
      throw new ValueError(
        "SequentialLR: Sequential Schedulers expects number of schedulers provided to be one more than the number of milestone points, " +
          `but got number of schedulers ${schedulers.length} and the number of milestones to be equal to ${milestones.length}`,
      );
    }
    this.#schedulers = [...schedulers];
    this.#milestones = [...milestones];
    // Each scheduler took a step when it was made; only the first one's counts.
    for (const group of optimizer.paramGroups) group.lr = group.initialLr as number;
    const [first, ...rest] = schedulers;
    for (const scheduler of rest) scheduler.lastEpoch--;
    first.restart();
    this.lastLr = first.getLastLr();
  }

  protected override get parts(): readonly LRScheduler[] {
    return this.#schedulers;
  }

  override step(): void {
    hostEffect(() => {
      this.lastEpoch++;
      const past = this.#milestones.filter((m) => m <= this.lastEpoch).length;
      const scheduler = this.#schedulers[past];
      if (past > 0 && this.#milestones[past - 1] === this.lastEpoch) scheduler.step(0);
      else scheduler.step();
      this.lastLr = scheduler.getLastLr();
    });
  }

  /** The state with the milestones. */
  override stateDict(): SchedulerState {
    return { ...super.stateDict(), _milestones: [...this.#milestones] };
  }
}

/**
 * Runs several schedulers in each step, one after the other.
 * Source: torch.optim.lr_scheduler.ChainedScheduler.
 * @throws ValueError if the schedulers belong to different optimizers, or there is none.
 * @example
 * const warmup = new lrScheduler.ConstantLR(optimizer, { factor: 0.1, totalIters: 2 });
 * const scheduler = new lrScheduler.ChainedScheduler([warmup, new lrScheduler.ExponentialLR(optimizer, 0.9)]);
 */
export class ChainedScheduler extends Composed {
  readonly #schedulers: readonly Schedule[];

  constructor(schedulers: readonly Schedule[]) {
    if (schedulers?.length === 0) throw new ValueError("ChainedScheduler: expected at least one scheduler");
    super(schedulers?.[0]?.optimizer, schedulers);
    this.#schedulers = [...schedulers];
    this.lastLr = this.optimizer.paramGroups.map((group) => group.lr);
  }

  protected override get parts(): readonly Schedule[] {
    return this.#schedulers;
  }

  override step(): void {
    hostEffect(() => {
      for (const scheduler of this.#schedulers) scheduler.step();
      this.lastLr = this.optimizer.paramGroups.map((group) => group.lr);
    });
  }
}
