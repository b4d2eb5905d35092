import type { Tensor } from "@sconce/core";
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

/** Options of {@link Adam} and {@link AdamW}. */
export interface AdamOptions extends OptimizerOptions {
  /** Decay of the running means of gradient and squared gradient, [0.9, 0.999] by default. */
  betas: readonly [number, number];
  /** Added to the denominator, 1e-8 by default. */
  eps: number;
  /** L2 penalty for Adam, decoupled decay for AdamW. */
  weightDecay: number;
  /** Keeps the largest second moment. */
  amsgrad: boolean;
  /** Climbs instead of descends. */
  maximize: boolean;
}

/** What Adam and AdamW share: two running means and their bias corrections. */
abstract class AdamBase extends Optimizer<AdamOptions> {
  constructor(params: Params<AdamOptions>, options: Partial<AdamOptions>, weightDecay: number) {
    const all: AdamOptions = { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay, amsgrad: false, maximize: false, ...options };
    require(all.lr >= 0, "learning rate", all.lr);
    require(all.eps >= 0, "epsilon", all.eps);
    require(all.betas[0] >= 0 && all.betas[0] < 1, "beta parameter at index 0", all.betas[0]);
    require(all.betas[1] >= 0 && all.betas[1] < 1, "beta parameter at index 1", all.betas[1]);
    require(all.weightDecay >= 0, "weightDecay", all.weightDecay);
    super(params, all);
  }

  protected moments(param: Tensor, grad: Tensor, state: ParamState, group: ParamGroup<AdamOptions>): void {
    const { lr, betas, eps, amsgrad } = group;
    const [beta1, beta2] = betas;
    const step = countStep(state);
    const mean = remembered(state, "exp_avg", param)
      .mul_(beta1)
      .add_(grad, { alpha: 1 - beta1 });
    let square = remembered(state, "exp_avg_sq", param)
      .mul_(beta2)
      .addcmul_(grad, grad, { value: 1 - beta2 });
    if (amsgrad) {
      const largest = remembered(state, "max_exp_avg_sq", param);
      square = largest.copy_(largest.maximum(square));
    }
    const denominator = square
      .sqrt()
      .mul(1 / Math.sqrt(1 - beta2 ** step))
      .add(eps);
    param.addcdiv_(mean, denominator, { value: -lr / (1 - beta1 ** step) });
  }
}

/**
 * Adam: steps scaled by running means of the gradient and its square.
 * Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", https://arxiv.org/abs/1412.6980
 * @throws ValueError for options out of range.
 * @example
 * const optimizer = new Adam(net.parameters(), { lr: 1e-3 });
 */
export class Adam extends AdamBase {
  constructor(params: Params<AdamOptions>, options: Partial<AdamOptions> = {}) {
    super(params, options, 0);
  }

  protected override update(param: Tensor, grad: Tensor, state: ParamState, group: ParamGroup<AdamOptions>): void {
    this.moments(param, directionOf(grad, param, group), state, group);
  }
}

/**
 * Adam with decoupled weight decay (0.01 by default).
 * Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", https://arxiv.org/abs/1711.05101
 * @throws ValueError for options out of range.
 * @example
 * const optimizer = new AdamW(net.parameters(), { lr: 1e-3, weightDecay: 0.1 });
 */
export class AdamW extends AdamBase {
  constructor(params: Params<AdamOptions>, options: Partial<AdamOptions> = {}) {
    super(params, options, 1e-2);
  }

  protected override update(param: Tensor, grad: Tensor, state: ParamState, group: ParamGroup<AdamOptions>): void {
    if (group.weightDecay !== 0) param.mul_(1 - group.lr * group.weightDecay);
    this.moments(param, group.maximize ? grad.neg() : grad, state, group);
  }
}
