import { optionsOf, type Tensor } from "@sconce/core";
import {
  countStep,
  directionOf,
  Optimizer,
  type OptimizerOptions,
  type ParamGroup,
  type ParamState,
  type Params,
  remembered,
  require,
} from "./optimizer.js";

/** Options of {@link ASGD}. */
export interface ASGDOptions extends OptimizerOptions {
  /** Decay term, 1e-4 by default. */
  lambd: number;
  /** Power of the decaying rate, 0.75 by default. */
  alpha: number;
  /** Step at which averaging starts, 1e6 by default. */
  t0: number;
  /** L2 penalty. */
  weightDecay: number;
  /** Climbs instead of descends. */
  maximize: boolean;
}

/**
 * Averaged stochastic gradient descent; the average is the state's `ax`.
 * Source: Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", https://doi.org/10.1137/0330046
 * @throws ValueError for options out of range.
 * @example
 * const optimizer = new ASGD(net.parameters(), { lr: 0.01, t0: 100 });
 */
export class ASGD extends Optimizer<ASGDOptions> {
  protected override readonly scalars = { step: "float32", eta: "float32", mu: "float32" } as const;
  protected override readonly tensors = { ax: "needed" } as const;

  constructor(params: Params<ASGDOptions>, options: Partial<ASGDOptions> = {}) {
    const all = optionsOf(new.target, options, { lr: 1e-2, lambd: 1e-4, alpha: 0.75, t0: 1e6, weightDecay: 0, maximize: false });
    require(all.lr >= 0, "learning rate", all.lr);
    require(all.weightDecay >= 0, "weightDecay", all.weightDecay);
    super(params, all);
  }

  protected override update(param: Tensor, grad: Tensor, state: ParamState, group: ParamGroup<ASGDOptions>): void {
    const { lr, lambd, alpha, t0 } = group;
    const direction = directionOf(grad, param, group);
    const step = countStep(state);
    const eta = (state.eta ?? Math.fround(lr)) as number;
    const mu = (state.mu ?? 1) as number;
    const average = remembered(state, "ax", param);
    param.mul_(1 - lambd * eta).add_(direction, { alpha: -eta });
    if (mu === 1) average.copy_(param);
    else average.add_(param.sub(average).mul(mu));
    // Both are float32 in what is saved.
    state.eta = Math.fround(lr / (1 + lambd * lr * step) ** alpha);
    state.mu = Math.fround(1 / Math.max(1, step - t0));
  }
}
