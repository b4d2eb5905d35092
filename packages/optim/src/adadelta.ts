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

/** Options of {@link Adadelta}. */
export interface AdadeltaOptions extends OptimizerOptions {
  /** Decay of the running means of squares, 0.9 by default. */
  rho: number;
  /** Added under the roots, 1e-6 by default. */
  eps: number;
  /** L2 penalty. */
  weightDecay: number;
  /** Climbs instead of descends. */
  maximize: boolean;
}

/**
 * Adadelta: steps scaled by the ratio of the root mean squares of past steps and gradients.
 * Source: Zeiler, "ADADELTA: An Adaptive Learning Rate Method", https://arxiv.org/abs/1212.5701
 * @throws ValueError for options out of range.
 * @example
 * const optimizer = new Adadelta(net.parameters(), { lr: 1 });
 */
export class Adadelta extends Optimizer<AdadeltaOptions> {
  protected override readonly scalars = { step: "number" } as const;
  protected override readonly tensors = { square_avg: "needed", acc_delta: "needed" } as const;

  constructor(params: Params<AdadeltaOptions>, options: Partial<AdadeltaOptions> = {}) {
    const all = optionsOf(new.target, options, { lr: 1, rho: 0.9, eps: 1e-6, weightDecay: 0, maximize: false });
    require(all.lr >= 0, "learning rate", all.lr);
    require(all.rho >= 0 && all.rho <= 1, "rho", all.rho);
    require(all.eps >= 0, "epsilon", all.eps);
    require(all.weightDecay >= 0, "weightDecay", all.weightDecay);
    super(params, all);
  }

  protected override update(param: Tensor, grad: Tensor, state: ParamState, group: ParamGroup<AdadeltaOptions>): void {
    const { lr, rho, eps } = group;
    const direction = directionOf(grad, param, group);
    countStep(state);
    const square = remembered(state, "square_avg", param)
      .mul_(rho)
      .addcmul_(direction, direction, { value: 1 - rho });
    const past = remembered(state, "acc_delta", param);
    const delta = past.add(eps).sqrt().div(square.add(eps).sqrt()).mul(direction);
    past.mul_(rho).addcmul_(delta, delta, { value: 1 - rho });
    param.add_(delta, { alpha: -lr });
  }
}
