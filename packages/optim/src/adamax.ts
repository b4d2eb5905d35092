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

/** Options of {@link Adamax}. */
export interface AdamaxOptions extends OptimizerOptions {
  /** Decay of the running mean of the gradient and of its largest size, [0.9, 0.999] by default. */
  betas: readonly [number, number];
  /** Added to the gradient's size, 1e-8 by default. */
  eps: number;
  /** L2 penalty. */
  weightDecay: number;
  /** Climbs instead of descends. */
  maximize: boolean;
}

/**
 * Adamax: Adam with the infinity norm in place of the second moment.
 * Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", section 7.1, https://arxiv.org/abs/1412.6980
 * @throws ValueError for options out of range.
 * @example
 * const optimizer = new Adamax(net.parameters(), { lr: 2e-3 });
 */
export class Adamax extends Optimizer<AdamaxOptions> {
  protected override readonly tensors = { exp_avg: "needed", exp_inf: "needed" } as const;

  constructor(params: Params<AdamaxOptions>, options: Partial<AdamaxOptions> = {}) {
    const all: AdamaxOptions = optionsOf(new.target, options, {
      lr: 2e-3,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay: 0,
      maximize: false,
    });
    requireAdam(all);
    super(params, all);
  }

  protected override update(param: Tensor, grad: Tensor, state: ParamState, group: ParamGroup<AdamaxOptions>): void {
    const { lr, betas, eps } = group;
    const [beta1, beta2] = betas;
    const direction = directionOf(grad, param, group);
    const step = countStep(state);
    const mean = remembered(state, "exp_avg", param)
      .mul_(beta1)
      .add_(direction, { alpha: 1 - beta1 });
    const norm = remembered(state, "exp_inf", param);
    norm.copy_(norm.mul(beta2).maximum(direction.abs().add(eps)));
    param.addcdiv_(mean, norm, { value: -lr / (1 - beta1 ** step) });
  }
}
