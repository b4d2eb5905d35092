import { hostEffect, optionsOf, ValueError } from "@sconce/core";
import { type Optimizer, type OptimizerOptions, toCamel, toSnake } from "./optimizer.js";
import { dictOf, kindOf } from "./state-check.js";

// Schedulers only read and write options of groups, so any optimizer fits.
// biome-ignore lint/suspicious/noExplicitAny: an optimizer's options are invariant
export type AnyOptimizer = Optimizer<any>;

/** A group as schedulers see it: they keep numbers of their own beside the rate. */
export type ScheduledGroup = OptimizerOptions & {
  initialLr?: number;
  maxLr?: number;
  minLr?: number;
  swaLr?: number;
  momentum?: number;
  betas?: readonly [number, number];
  baseMomentum?: number;
  maxMomentum?: number;
};

/** Something that a scheduler saves. */
export type SchedulerValue = number | string | boolean | null | undefined | readonly SchedulerValue[] | SchedulerState;

/** What a scheduler saves, under PyTorch's names. An alias, so that `save` takes it. */
export type SchedulerState = { [name: string]: SchedulerValue };

/** Options that every scheduler has. */
export interface SchedulerOptions {
  /** The last epoch of a run that goes on; -1, the default, starts anew. */
  readonly lastEpoch?: number;
}

/** What schedulers that run others need of them. */
export interface Schedule {
  readonly optimizer: AnyOptimizer;
  /** Moves on by one step. */
  step(epoch?: number): void;
  /** The learning rates of the groups now. */
  getLastLr(): number[];
  /** What it remembers, to be saved. */
  stateDict(): SchedulerState;
  /** Loads what `stateDict` gave. */
  loadStateDict(state: SchedulerState): void;
}

/** Base of the schedulers: counts epochs and writes the rates that a subclass computes. A subclass ends its constructor with `step()`. */
export abstract class LRScheduler implements Schedule {
  readonly optimizer: AnyOptimizer;
  /** Rates of the groups before any schedule. */
  baseLrs: readonly number[];
  /** Number of steps so far. */
  declare lastEpoch: number;
  protected stepCount = 0;
  protected lastLr: readonly number[] = [];

  /** `defaults` are options of a subclass, which become fields. @throws ValueError if a run goes on, but a group does not know its rate before any schedule. */
  constructor(optimizer: AnyOptimizer, options: SchedulerOptions = {}, defaults: object = {}) {
    const { lastEpoch } = Object.assign(this, optionsOf(new.target, options, { ...defaults, lastEpoch: -1 }));
    if (!Array.isArray(optimizer?.paramGroups)) throw new ValueError(`${new.target.name}: ${kindOf(optimizer)} is not an Optimizer`);
    this.optimizer = optimizer;
    this.groups.forEach((group, i) => {
      if (lastEpoch === -1) group.initialLr ??= group.lr;
      else if (group.initialLr === undefined) {
        throw new ValueError(`lrScheduler: param 'initialLr' is not specified in paramGroups[${i}] when resuming an optimizer`);
      }
    });
    this.baseLrs = this.groups.map((group) => group.initialLr as number);
  }

  protected get groups(): ScheduledGroup[] {
    return this.optimizer.paramGroups as ScheduledGroup[];
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
    hostEffect(() => {
      this.stepCount++;
      if (epoch === undefined) {
        this.lastEpoch++;
        this.write(this.next());
      } else {
        this.lastEpoch = epoch;
        this.write(this.closedForm());
      }
    });
  }

  /** Writes the learning rates of the groups. */
  protected write(rates: readonly number[]): void {
    if (rates.some(Number.isNaN)) {
      throw new ValueError(
        `lrScheduler: expected a learning rate in epoch ${this.lastEpoch}, got NaN; check the options of ${this.constructor.name}`,
      );
    }
    this.groups.forEach((group, i) => {
      group.lr = rates[i];
    });
    this.lastLr = [...rates];
  }

  /** Starts anew from the rates that the groups have: for schedulers that run others. */
  restart(): void {
    this.stepCount = 0;
    this.lastEpoch--;
    this.step();
  }

  /** The rates written last, one per group. */
  getLastLr(): number[] {
    return [...this.lastLr];
  }

  /** What to save to go on later, under PyTorch's names. Functions are not saved. */
  stateDict(): SchedulerState {
    return savedFields(this);
  }

  /** Restores what {@link stateDict} or PyTorch saved; names that this scheduler does not have are left out. */
  loadStateDict(state: SchedulerState): void {
    loadFields(this, state);
  }
}

/** Fields whose names PyTorch spells in its own way. */
const NAMES: { readonly [field: string]: string } = {
  stepCount: "_step_count",
  lastLr: "_last_lr",
  tMax: "T_max",
  t0: "T_0",
  tI: "T_i",
  tMult: "T_mult",
  tCur: "T_cur",
};

const FIELDS: { readonly [name: string]: string } = Object.fromEntries(Object.entries(NAMES).map(([field, name]) => [name, field]));

/** The fields of a scheduler that are plain data, under PyTorch's names. */
export function savedFields(scheduler: object): SchedulerState {
  const data = Object.entries(scheduler).filter(([field, value]) => field !== "optimizer" && typeof value !== "function");
  return structuredClone(Object.fromEntries(data.map(([field, value]) => [NAMES[field] ?? toSnake(field), value])));
}

/** Takes back what {@link savedFields} gave. @throws ValueError that names what is of another kind, and then nothing is changed. */
export function loadFields(scheduler: object, state: SchedulerState): void {
  const own = scheduler as { readonly [field: string]: unknown };
  const fields: { [field: string]: unknown } = {};
  for (const [name, value] of Object.entries(dictOf(scheduler, state))) {
    const field = FIELDS[name] ?? toCamel(name);
    if (field === "optimizer" || !Object.hasOwn(scheduler, field)) continue;
    const kind = kindOf(own[field]);
    if ((kind === "number" || kind === "array") && kindOf(value) !== kind) {
      throw new ValueError(`${scheduler.constructor.name}.loadStateDict: expected ${kind} at ${name}, got ${kindOf(value)}`);
    }
    fields[field] = structuredClone(value);
  }
  Object.assign(scheduler, fields);
}

/** One value of a kind per group. @throws ValueError for another kind, or if there are more or fewer. */
export function perGroup<T>(name: string, optimizer: AnyOptimizer, value: T | readonly T[], kind = "number"): readonly T[] {
  const count = optimizer.paramGroups.length;
  const values: readonly T[] = Array.isArray(value) ? value : new Array<T>(count).fill(value as T);
  if (values.length !== count) throw new ValueError(`lrScheduler: expected ${count} values for ${name}, got ${values.length}`);
  for (const each of values) {
    if (kindOf(each) !== kind) throw new ValueError(`lrScheduler: expected ${kind} at ${name}, got ${kindOf(each)}`);
  }
  return [...values];
}

/** Moves from `start` to `end` as `share` goes from 0 to 1, in a line or along half a cosine. */
export function anneal(strategy: "cos" | "linear", start: number, end: number, share: number): number {
  if (strategy === "linear") return (end - start) * share + start;
  return end + ((start - end) / 2) * (Math.cos(Math.PI * share) + 1);
}

/** @throws ValueError unless there is such a way to anneal. */
export function checkStrategy(strategy: string): void {
  if (strategy !== "cos" && strategy !== "linear") {
    throw new ValueError(`lrScheduler: annealStrategy must be one of 'cos' or 'linear', instead got ${strategy}`);
  }
}
