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
  requireAdam,
} from "./optimizer.js";

/** Options of {@link RAdam}. */
export interface RAdamOptions extends OptimizerOptions {
  /** Decay of the running means of gradient and squared gradient, [0.9, 0.999] by default. */
  betas: readonly [number, number];
  /** Added to the denominator, 1e-8 by default. */
  eps: number;
  /** L2 penalty, or decay with `decoupledWeightDecay`. */
  weightDecay: number;
  /** Decays the parameters themselves, as AdamW does. */
  decoupledWeightDecay: boolean;
  /** Climbs instead of descends. */
  maximize: boolean;
}

/**
 * RAdam: Adam that moves by momentum alone until the variance of its second moment is small enough to trust.
 * Source: Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond", https://arxiv.org/abs/1908.03265
 * @throws ValueError for options out of range.
 * @example
 * const optimizer = new RAdam(net.parameters(), { lr: 1e-3 });
 */
export class RAdam extends Optimizer<RAdamOptions> {
  protected override readonly tensors = { exp_avg: "needed", exp_avg_sq: "needed" } as const;

  constructor(params: Params<RAdamOptions>, options: Partial<RAdamOptions> = {}) {
    const all: RAdamOptions = optionsOf(new.target, options, {
      lr: 1e-3,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay: 0,
      decoupledWeightDecay: false,
      maximize: false,
    });
    requireAdam(all);
    super(params, all);
  }

  protected override update(param: Tensor, grad: Tensor, state: ParamState, group: ParamGroup<RAdamOptions>): void {
    const { lr, betas, eps, weightDecay, decoupledWeightDecay, maximize } = group;
    const [beta1, beta2] = betas;
    if (decoupledWeightDecay && weightDecay !== 0) param.mul_(1 - lr * weightDecay);
    const direction = directionOf(grad, param, { maximize, weightDecay: decoupledWeightDecay ? 0 : weightDecay });
    const step = countStep(state);
    const mean = remembered(state, "exp_avg", param)
      .mul_(beta1)
      .add_(direction, { alpha: 1 - beta1 });
    const square = remembered(state, "exp_avg_sq", param)
      .mul_(beta2)
      .addcmul_(direction, direction, { value: 1 - beta2 });
    const rate = -lr / (1 - beta1 ** step);
    const rectified = rectification(step, beta2);
    if (rectified === null) param.add_(mean, { alpha: rate });
    else param.addcdiv_(mean, square.sqrt().add(eps), { value: rate * rectified * Math.sqrt(1 - beta2 ** step) });
  }
}

/** The paper's r_t, or null while the variance is not tractable. */
function rectification(step: number, beta2: number): number | null {
  const longest = 2 / (1 - beta2) - 1;
  const length = longest - (2 * step * beta2 ** step) / (1 - beta2 ** step);
  if (length <= 5) return null;
  return Math.sqrt(((length - 4) * (length - 2) * longest) / ((longest - 4) * (longest - 2) * length));
}
