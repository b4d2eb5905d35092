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

/** How a scheduler reaches an optimizer's momentum: `momentum`, or the first of `betas`. @throws ValueError without either. */
function momentumKind(optimizer: AnyOptimizer): "momentum" | "betas" {
  if ("betas" in optimizer.defaults) return "betas";
  if ("momentum" in optimizer.defaults) return "momentum";
  throw new ValueError("lrScheduler: optimizer must support momentum with `cycleMomentum` option enabled");
}

function setMomentum(group: ScheduledGroup, kind: "momentum" | "betas", value: number): void {
  if (kind === "momentum") group.momentum = value;
  else group.betas = [value, (group.betas as readonly [number, number])[1]];
}

/** Options of {@link CyclicLR}. */
export interface CyclicLROptions extends SchedulerOptions {
  /** Steps up, 2000 by default. */
  readonly stepSizeUp?: number;
  /** Steps down, as many as up by default. */
  readonly stepSizeDown?: number | null;
  /** Height of the cycles: equal (the default), halved in each cycle, or times `gamma` in each step. */
  readonly mode?: "triangular" | "triangular2" | "exp_range";
  /** Factor of `"exp_range"`, 1 by default. */
  readonly gamma?: number;
  /** Height of a cycle by its number from 1, or by the step; overrides `mode`. */
  readonly scaleFn?: ((x: number) => number) | null;
  /** What `scaleFn` gets, the cycle's number by default. */
  readonly scaleMode?: "cycle" | "iterations";
  /** Moves the momentum against the rate, which is the default. */
  readonly cycleMomentum?: boolean;
  /** Smallest momentum, 0.8 by default. */
  readonly baseMomentum?: number | readonly number[];
  /** Largest momentum, 0.9 by default. */
  readonly maxMomentum?: number | readonly number[];
}

/** The height of a cycle for each mode, and what it depends on. */
const MODES: { readonly [mode: string]: { readonly by: "cycle" | "iterations"; scale(x: number, gamma: number): number } } = {
  triangular: { by: "cycle", scale: () => 1 },
  triangular2: { by: "cycle", scale: (x) => 1 / 2 ** (x - 1) },
  exp_range: { by: "iterations", scale: (x, gamma) => gamma ** x },
};

/**
 * Lets the rate go up and down between two bounds; step it after each batch.
 * Source: Smith, "Cyclical Learning Rates for Training Neural Networks", https://arxiv.org/abs/1506.01186
 * @throws ValueError for an unknown mode, bounds that are not one per group, or an optimizer without momentum.
 * @example
 * const scheduler = new lrScheduler.CyclicLR(optimizer, 0.01, 0.1, { stepSizeUp: 500 });
 */
export class CyclicLR extends LRScheduler {
  maxLrs: readonly number[];
  totalSize: number;
  stepRatio: number;
  mode: string;
  gamma: number;
  scaleMode: "cycle" | "iterations";
  cycleMomentum: boolean;
  baseMomentums: readonly number[] = [];
  maxMomentums: readonly number[] = [];
  readonly #scale: (x: number) => number;
  readonly #kind: "momentum" | "betas";

  constructor(
    optimizer: AnyOptimizer,
    baseLr: number | readonly number[],
    maxLr: number | readonly number[],
    options: CyclicLROptions = {},
  ) {
    const { stepSizeUp, stepSizeDown, mode, gamma, scaleFn, scaleMode, cycleMomentum, lastEpoch } = optionsOf(new.target, options, {
      stepSizeUp: 2000,
      stepSizeDown: Number,
      mode: "triangular",
      gamma: 1,
      scaleFn: Function,
      scaleMode: "cycle",
      cycleMomentum: true,
      lastEpoch: -1,
    });
    if (!Object.hasOwn(MODES, mode) && scaleFn === null) throw new ValueError(`CyclicLR: mode is invalid and scaleFn is null, got ${mode}`);
    if (scaleMode !== "cycle" && scaleMode !== "iterations") throw new ValueError(`CyclicLR: scaleMode ${scaleMode} is unknown!`);
    const baseLrs = perGroup("baseLr", optimizer, baseLr);
    if (lastEpoch === -1) {
      optimizer.paramGroups.forEach((group, i) => {
        group.lr = baseLrs[i];
      });
    }
    super(optimizer, options);
    this.maxLrs = perGroup("maxLr", optimizer, maxLr);
    this.totalSize = stepSizeUp + (stepSizeDown ?? stepSizeUp);
    this.stepRatio = stepSizeUp / this.totalSize;
    this.mode = mode;
    this.gamma = gamma;
    this.scaleMode = scaleFn === null ? MODES[mode].by : scaleMode;
    this.#scale = scaleFn ?? ((x) => MODES[mode].scale(x, gamma));
    this.cycleMomentum = cycleMomentum;
    this.#kind = cycleMomentum ? momentumKind(optimizer) : "momentum";
    if (cycleMomentum) this.#boundMomentum(options);
    this.step();
    this.baseLrs = baseLrs;
  }

  #boundMomentum({ baseMomentum = 0.8, maxMomentum = 0.9, lastEpoch = -1 }: CyclicLROptions): void {
    const bounds = perGroup("baseMomentum", this.optimizer, baseMomentum);
    if (lastEpoch === -1) this.groups.forEach((group, i) => setMomentum(group, this.#kind, bounds[i]));
    this.baseMomentums = this.groups.map((group) => (this.#kind === "momentum" ? group.momentum : group.betas?.[0]) as number);
    this.maxMomentums = perGroup("maxMomentum", this.optimizer, maxMomentum);
  }

  protected override next(): number[] {
    const { lastEpoch, totalSize, stepRatio } = this;
    const cycle = Math.floor(1 + lastEpoch / totalSize);
    const x = 1 + lastEpoch / totalSize - cycle;
    const height = x <= stepRatio ? x / stepRatio : (x - 1) / (stepRatio - 1);
    const scale = this.#scale(this.scaleMode === "cycle" ? cycle : lastEpoch);
    if (this.cycleMomentum) {
      this.groups.forEach((group, i) => {
        setMomentum(group, this.#kind, this.maxMomentums[i] - (this.maxMomentums[i] - this.baseMomentums[i]) * height * scale);
      });
    }
    return this.baseLrs.map((lr, i) => lr + (this.maxLrs[i] - lr) * height * scale);
  }
}

/** Options of {@link OneCycleLR}. */
export interface OneCycleLROptions extends SchedulerOptions {
  /** Steps of the whole cycle; `epochs` times `stepsPerEpoch` otherwise. */
  readonly totalSteps?: number | null;
  readonly epochs?: number | null;
  readonly stepsPerEpoch?: number | null;
  /** Share of the cycle in which the rate rises, 0.3 by default. */
  readonly pctStart?: number;
  /** How the rate changes: along half a cosine (the default) or in a line. */
  readonly annealStrategy?: "cos" | "linear";
  /** Moves the momentum against the rate, which is the default. */
  readonly cycleMomentum?: boolean;
  /** Smallest momentum, 0.85 by default. */
  readonly baseMomentum?: number | readonly number[];
  /** Largest momentum, 0.95 by default. */
  readonly maxMomentum?: number | readonly number[];
  /** The rate starts at `maxLr / divFactor`, 25 by default. */
  readonly divFactor?: number;
  /** The rate ends at its start divided by this, 1e4 by default. */
  readonly finalDivFactor?: number;
  /** Falls back to the first rate as fast as it rose, and to the last one from there. */
  readonly threePhase?: boolean;
}

/** A part of the cycle: its last step, and what rate and momentum go from and to. */
interface Phase {
  readonly end: number;
  readonly lr: readonly ["initialLr" | "maxLr" | "minLr", "initialLr" | "maxLr" | "minLr"];
  readonly momentum: readonly ["baseMomentum" | "maxMomentum", "baseMomentum" | "maxMomentum"];
}

/**
 * Lets the rate rise from a small one to `maxLr` and fall to a tiny one, once; step it after each batch.
 * Source: Smith and Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates", https://arxiv.org/abs/1708.07120
 * @throws ValueError for options out of range, no number of steps, an optimizer without momentum, or a step beyond the last.
 * @example
 * const scheduler = new lrScheduler.OneCycleLR(optimizer, 0.1, { epochs: 10, stepsPerEpoch: 100 });
 */
export class OneCycleLR extends LRScheduler {
  totalSteps: number;
  cycleMomentum: boolean;
  useBeta1: boolean;
  readonly #strategy: "cos" | "linear";
  readonly #phases: readonly Phase[];

  constructor(optimizer: AnyOptimizer, maxLr: number | readonly number[], options: OneCycleLROptions = {}) {
    const { pctStart, annealStrategy, cycleMomentum, threePhase, lastEpoch } = optionsOf(new.target, options, {
      pctStart: 0.3,
      annealStrategy: "cos",
      cycleMomentum: true,
      threePhase: false,
      lastEpoch: -1,
    });
    const totalSteps = stepsOf(options);
    if (!(pctStart >= 0 && pctStart <= 1)) throw new ValueError(`OneCycleLR: Expected float between 0 and 1 pctStart, but got ${pctStart}`);
    checkStrategy(annealStrategy);
    const kind = cycleMomentum ? momentumKind(optimizer) : "momentum";
    if (lastEpoch === -1) prepareGroups(optimizer, perGroup("maxLr", optimizer, maxLr), kind, options);
    super(optimizer, options);
    this.totalSteps = totalSteps;
    this.cycleMomentum = cycleMomentum;
    this.useBeta1 = kind === "betas";
    this.#strategy = annealStrategy;
    this.#phases = phasesOf(totalSteps, pctStart, threePhase);
    this.step();
  }

  protected override next(): number[] {
    const { lastEpoch, totalSteps } = this;
    if (lastEpoch > totalSteps) {
      throw new ValueError(`OneCycleLR: Tried to step ${lastEpoch + 1} times. The specified number of total steps is ${totalSteps}`);
    }
    const found = this.#phases.findIndex(({ end }) => lastEpoch <= end);
    const index = found < 0 ? this.#phases.length - 1 : found;
    const { end, lr, momentum } = this.#phases[index];
    const start = index === 0 ? 0 : this.#phases[index - 1].end;
    const share = (lastEpoch - start) / (end - start);
    return this.groups.map((group) => {
      const between = ([from, to]: readonly (keyof ScheduledGroup)[]): number =>
        anneal(this.#strategy, group[from] as number, group[to] as number, share);
      if (this.cycleMomentum) setMomentum(group, this.useBeta1 ? "betas" : "momentum", between(momentum));
      return between(lr);
    });
  }
}

function stepsOf({ totalSteps = null, epochs = null, stepsPerEpoch = null }: OneCycleLROptions): number {
  if (totalSteps === null && (epochs === null || stepsPerEpoch === null)) {
    throw new ValueError("OneCycleLR: You must define either totalSteps OR (epochs AND stepsPerEpoch)");
  }
  const numbers = totalSteps === null ? { epochs, stepsPerEpoch } : { totalSteps };
  for (const [name, n] of Object.entries(numbers)) {
    if (!Number.isInteger(n) || (n as number) <= 0) throw new ValueError(`OneCycleLR: Expected positive integer ${name}, but got ${n}`);
  }
  return totalSteps ?? (epochs as number) * (stepsPerEpoch as number);
}

function prepareGroups(optimizer: AnyOptimizer, maxLrs: readonly number[], kind: "momentum" | "betas", options: OneCycleLROptions): void {
  const { cycleMomentum = true, baseMomentum = 0.85, maxMomentum = 0.95 } = options;
  const { divFactor, finalDivFactor } = optionsOf("OneCycleLR", options, { divFactor: 25, finalDivFactor: 1e4 });
  const lowest = perGroup("baseMomentum", optimizer, baseMomentum);
  const highest = perGroup("maxMomentum", optimizer, maxMomentum);
  (optimizer.paramGroups as ScheduledGroup[]).forEach((group, i) => {
    group.initialLr = maxLrs[i] / divFactor;
    group.maxLr = maxLrs[i];
    group.minLr = group.initialLr / finalDivFactor;
    if (!cycleMomentum) return;
    setMomentum(group, kind, highest[i]);
    group.maxMomentum = highest[i];
    group.baseMomentum = lowest[i];
  });
}

function phasesOf(steps: number, pctStart: number, threePhase: boolean): Phase[] {
  const rise: Phase = { end: pctStart * steps - 1, lr: ["initialLr", "maxLr"], momentum: ["maxMomentum", "baseMomentum"] };
  if (!threePhase) return [rise, { end: steps - 1, lr: ["maxLr", "minLr"], momentum: ["baseMomentum", "maxMomentum"] }];
  return [
    rise,
    { end: 2 * pctStart * steps - 2, lr: ["maxLr", "initialLr"], momentum: ["baseMomentum", "maxMomentum"] },
    { end: steps - 1, lr: ["initialLr", "minLr"], momentum: ["maxMomentum", "maxMomentum"] },
  ];
}
