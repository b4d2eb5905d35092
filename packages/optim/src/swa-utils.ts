/** Averages of weights along training: stochastic weight averaging and exponential moving averages. */
import { noGrad } from "@sconce/autograd";
import { type Device, hostEffect, keep, optionsOf, realiseAll, scope, Tensor, tensor, ValueError } from "@sconce/core";
import { dictOf } from "./state-check.js";

export { SWALR, type SWALROptions } from "./scheduler-swa.js";

/** What of a module can be averaged: every `nn.Module` fits. */
export interface Averageable {
  /** What trains. */
  parameters(): Iterable<Tensor>;
  /** State that is no parameter. */
  buffers(): Iterable<Tensor>;
  /** What it remembers, to be saved. */
  stateDict(): { [name: string]: Tensor };
  /** Loads what `stateDict` gave. */
  loadStateDict(state: { [name: string]: Tensor }): unknown;
}

/** A new average from the one so far, a parameter, and the number of models averaged before. */
export type AverageFn = (averaged: Tensor, current: Tensor, nAveraged: number) => Tensor;

/** The equally weighted average of all models. */
export function getSwaAvgFn(): AverageFn {
  return (averaged, current, n) => averaged.add(current.sub(averaged).div(n + 1));
}

/**
 * An exponential moving average: `decay` times the average so far and the rest of the parameter.
 * @throws ValueError unless `decay` is between 0 and 1.
 * @example
 * const ema = new swaUtils.AveragedModel(nn.clone(net), { avgFn: swaUtils.getEmaAvgFn(0.99) });
 */
export function getEmaAvgFn(decay = 0.999): AverageFn {
  if (!(decay >= 0 && decay <= 1))
    throw new ValueError(`getEmaAvgFn: Invalid decay value ${decay} provided. Please provide a value in [0,1] range.`);
  return (averaged, current) => averaged.mul(decay).add(current, { alpha: 1 - decay });
}

/** Changes all averages in place: those so far, the parameters, and the number of models averaged before. */
export type MultiAverageFn = (averaged: readonly Tensor[], current: readonly Tensor[], nAveraged: number) => void;

/** {@link getSwaAvgFn} for all tensors at once. */
export function getSwaMultiAvgFn(): MultiAverageFn {
  return eachOf(getSwaAvgFn());
}

/**
 * {@link getEmaAvgFn} for all tensors at once.
 * @throws ValueError unless `decay` is between 0 and 1.
 * @example
 * const ema = new swaUtils.AveragedModel(nn.clone(net), { multiAvgFn: swaUtils.getEmaMultiAvgFn(0.99) });
 */
export function getEmaMultiAvgFn(decay = 0.999): MultiAverageFn {
  return eachOf(getEmaAvgFn(decay));
}

function eachOf(fn: AverageFn): MultiAverageFn {
  return (averaged, current, n) => {
    averaged.forEach((average, i) => {
      average.copy_(fn(average, current[i], n));
    });
  };
}

/** Options of {@link AveragedModel}. */
export interface AveragedModelOptions {
  /** How to average, {@link getSwaAvgFn} by default. */
  readonly avgFn?: AverageFn;
  /** How to average all tensors at once, in place of `avgFn`. */
  readonly multiAvgFn?: MultiAverageFn;
  /** Averages the buffers too. */
  readonly useBuffers?: boolean;
}

/**
 * A copy of a model whose parameters are averages of those that the model had at each {@link AveragedModel.updateParameters}.
 *
 * PyTorch copies the model itself; here it is given a copy, made with `nn.clone`.
 * Source: Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", https://arxiv.org/abs/1803.05407
 * @example
 * const averaged = new swaUtils.AveragedModel(nn.clone(net));
 * averaged.updateParameters(net);
 * averaged.module(x);
 */
export class AveragedModel<M extends Averageable> {
  /** The copy, with the averages as parameters. */
  readonly module: M;
  /** Number of models averaged so far. */
  nAveraged = 0;
  readonly #average: MultiAverageFn;
  readonly #useBuffers: boolean;

  constructor(copy: M, options: AveragedModelOptions = {}) {
    const { avgFn, multiAvgFn, useBuffers = false } = optionsOf(new.target, options);
    if (avgFn !== undefined && multiAvgFn !== undefined)
      throw new ValueError("AveragedModel: Only one of avgFn and multiAvgFn should be provided");
    this.module = copy;
    this.#average = multiAvgFn ?? eachOf(avgFn ?? getSwaAvgFn());
    this.#useBuffers = useBuffers;
  }

  /**
   * Takes a model into the averages, each in one kernel. The first one is copied.
   * @throws ValueError if it is the copy itself, or its parameters do not match.
   */
  updateParameters(model: M): void {
    const averages = this.#tensors(this.module);
    const current = this.#tensors(model);
    if (averages.some((t, i) => t === current[i])) {
      throw new ValueError(
        "AveragedModel: expected a model of its own to average into, got the one that is trained; give it nn.clone(model)",
      );
    }
    if (averages.length !== current.length) {
      throw new ValueError(`AveragedModel: expected a model of ${averages.length} tensors, got ${current.length}`);
    }
    // The weight of a model depends on how many there were.
    hostEffect(() => {
      noGrad(() => this.#update(averages, current));
      this.nAveraged++;
    });
  }

  #update(averages: readonly Tensor[], current: readonly Tensor[]): void {
    scope(() => {
      const own = averages.map((average) => average.detach());
      const next = current.map((t, i) => t.detach().to({ device: own[i].device }));
      // Counters are no averages.
      const copied = (t: Tensor): boolean => this.nAveraged === 0 || !t.isFloatingPoint();
      own.forEach((average, i) => {
        if (copied(average)) average.copy_(next[i]);
      });
      const averaged = own.filter((t) => !copied(t));
      if (averaged.length > 0)
        this.#average(
          averaged,
          next.filter((_, i) => !copied(own[i])),
          this.nAveraged,
        );
    });
    realiseAll(averages);
  }

  #tensors(model: M): Tensor[] {
    return this.#useBuffers ? [...model.parameters(), ...model.buffers()] : [...model.parameters()];
  }

  /** The averages under PyTorch's names: `n_averaged` and those of the model after `module.`. */
  stateDict(): { [name: string]: Tensor } {
    const entries = Object.entries(this.module.stateDict()).map(([name, t]) => [`module.${name}`, t] as const);
    return { n_averaged: keep(tensor(this.nAveraged, { dtype: "int32" })), ...Object.fromEntries(entries) };
  }

  /** Loads what {@link stateDict} or PyTorch saved. @throws ValueError without `n_averaged`, or if the model's does not fit; then nothing changes. */
  async loadStateDict(saved: { [name: string]: Tensor }): Promise<void> {
    const { n_averaged, ...state } = dictOf(this, saved);
    if (!(n_averaged instanceof Tensor)) throw new ValueError('AveragedModel.loadStateDict: Missing key(s) in state_dict: "n_averaged".');
    const count = await n_averaged.item();
    this.module.loadStateDict(Object.fromEntries(Object.entries(state).map(([name, t]) => [name.replace(/^module\./, ""), t])));
    this.nAveraged = count;
  }
}

/** A batch normalisation, as {@link updateBn} sees it. */
interface Normalisation {
  /** Statistics of instances are no averages over batches: PyTorch leaves them alone. */
  readonly averagesBatches: boolean;
  momentum: number | null;
  readonly runningMean: Tensor | null;
  resetRunningStats(): void;
}

/** A module with batch normalisations somewhere inside: every `nn.Module` that takes one tensor fits. */
export interface Normalised {
  (input: Tensor): unknown;
  readonly training: boolean;
  /** The module and all below it. */
  modules(): Iterable<object>;
  /** Switches between training and evaluation. */
  train(mode?: boolean): unknown;
}

/**
 * Computes the running statistics of all batch normalisations anew, in one pass over the data: averaged weights have other ones.
 * A batch is a tensor, or an array whose first entry is one.
 * @example
 * await swaUtils.updateBn(loader, net);
 */
export async function updateBn(
  loader: AsyncIterable<unknown> | Iterable<unknown>,
  model: Normalised,
  { device }: { readonly device?: Device } = {},
): Promise<void> {
  const layers = [...model.modules()].filter(isNormalisation);
  if (layers.length === 0) return;
  const { training } = model;
  const momenta = layers.map((layer) => layer.momentum);
  for (const layer of layers) {
    layer.resetRunningStats();
    // Without momentum the statistics are averages over all batches.
    layer.momentum = null;
  }
  model.train();
  for await (const batch of loader) {
    const input = (Array.isArray(batch) ? batch[0] : batch) as Tensor;
    noGrad(() => model(device === undefined ? input : input.to({ device })));
  }
  layers.forEach((layer, i) => {
    layer.momentum = momenta[i];
  });
  model.train(training);
}

function isNormalisation(module: object): module is Normalisation {
  return (module as Partial<Normalisation>).averagesBatches === true && (module as Normalisation).runningMean instanceof Tensor;
}
