/** Averages of weights along training: stochastic weight averaging and exponential moving averages. */
import { noGrad } from "@sconce/autograd";
import { type Device, keep, realiseAll, scope, Tensor, tensor, ValueError } from "@sconce/core";

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

/** Options of {@link AveragedModel}. */
export interface AveragedModelOptions {
  /** How to average, {@link getSwaAvgFn} by default. */
  readonly avgFn?: AverageFn;
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
  readonly #avgFn: AverageFn;
  readonly #useBuffers: boolean;

  constructor(copy: M, { avgFn = getSwaAvgFn(), useBuffers = false }: AveragedModelOptions = {}) {
    this.module = copy;
    this.#avgFn = avgFn;
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
    noGrad(() => {
      averages.forEach((average, i) => this.#update(average, current[i]));
    });
    this.nAveraged++;
  }

  #update(average: Tensor, current: Tensor): void {
    scope(() => {
      const next = current.detach().to({ device: average.device });
      // Counters are no averages.
      const first = this.nAveraged === 0 || !average.isFloatingPoint();
      average.copy_(first ? next : this.#avgFn(average.detach(), next, this.nAveraged));
    });
    realiseAll([average]);
  }

  #tensors(model: M): Tensor[] {
    return this.#useBuffers ? [...model.parameters(), ...model.buffers()] : [...model.parameters()];
  }

  /** The averages under PyTorch's names: `n_averaged` and those of the model after `module.`. */
  stateDict(): { [name: string]: Tensor } {
    const entries = Object.entries(this.module.stateDict()).map(([name, t]) => [`module.${name}`, t] as const);
    return { n_averaged: keep(tensor(this.nAveraged, { dtype: "int32" })), ...Object.fromEntries(entries) };
  }

  /** Loads what {@link stateDict} or PyTorch saved. @throws ValueError without `n_averaged`. */
  async loadStateDict({ n_averaged, ...state }: { [name: string]: Tensor }): Promise<void> {
    if (!(n_averaged instanceof Tensor)) throw new ValueError('AveragedModel.loadStateDict: Missing key(s) in state_dict: "n_averaged".');
    this.nAveraged = await n_averaged.item();
    this.module.loadStateDict(Object.fromEntries(Object.entries(state).map(([name, t]) => [name.replace(/^module\./, ""), t])));
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
