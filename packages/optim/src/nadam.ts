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
  requireAdam,
} from "./optimizer.js";

/** Options of {@link NAdam}. */
export interface NAdamOptions extends OptimizerOptions {
  /** Decay of the running means of gradient and squared gradient, [0.9, 0.999] by default. */
  betas: readonly [number, number];
  /** Added to the denominator, 1e-8 by default. */
  eps: number;
  /** L2 penalty, or decay with `decoupledWeightDecay`. */
  weightDecay: number;
  /** How fast the momentum grows to `betas[0]`, 4e-3 by default. */
  momentumDecay: number;
  /** Decays the parameters themselves, as AdamW does. */
  decoupledWeightDecay: boolean;
  /** Climbs instead of descends. */
  maximize: boolean;
}

/**
 * NAdam: Adam with Nesterov momentum.
 * Source: Dozat, "Incorporating Nesterov Momentum into Adam", https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ
 * @throws ValueError for options out of range.
 * @example
 * const optimizer = new NAdam(net.parameters(), { lr: 2e-3 });
 */
export class NAdam extends Optimizer<NAdamOptions> {
  protected override readonly scalars = { step: "float32", mu_product: "float32" } as const;
  protected override readonly tensors = { exp_avg: "needed", exp_avg_sq: "needed" } as const;

  constructor(params: Params<NAdamOptions>, options: Partial<NAdamOptions> = {}) {
    const all: NAdamOptions = optionsOf(new.target, options, {
      lr: 2e-3,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay: 0,
      momentumDecay: 4e-3,
      decoupledWeightDecay: false,
      maximize: false,
    });
    requireAdam(all);
    require(all.momentumDecay >= 0, "momentumDecay", all.momentumDecay);
    super(params, all);
  }

  protected override update(param: Tensor, grad: Tensor, state: ParamState, group: ParamGroup<NAdamOptions>): void {
    const { lr, betas, eps, weightDecay, decoupledWeightDecay, momentumDecay, maximize } = group;
    const [beta1, beta2] = betas;
    if (decoupledWeightDecay && weightDecay !== 0) param.mul_(1 - lr * weightDecay);
    const direction = directionOf(grad, param, { maximize, weightDecay: decoupledWeightDecay ? 0 : weightDecay });
    const step = countStep(state);
    const momentum = (k: number): number => beta1 * (1 - 0.5 * 0.96 ** (k * momentumDecay));
    const mu = momentum(step);
    const muNext = momentum(step + 1);
    // A float32 product, so that one that was saved goes on in the same way.
    const product = Math.fround(((state.mu_product as number | undefined) ?? 1) * Math.fround(mu));
    state.mu_product = product;
    const mean = remembered(state, "exp_avg", param)
      .mul_(beta1)
      .add_(direction, { alpha: 1 - beta1 });
    const square = remembered(state, "exp_avg_sq", param)
      .mul_(beta2)
      .addcmul_(direction, direction, { value: 1 - beta2 });
    const denominator = square
      .div(1 - beta2 ** step)
      .sqrt()
      .add(eps);
    param.addcdiv_(direction, denominator, { value: (-lr * (1 - mu)) / (1 - product) });
    // PyTorch 1.13 counts mu twice in the next product.
    const productNext = Math.fround(Math.fround(product * Math.fround(mu)) * Math.fround(muNext));
    param.addcdiv_(mean, denominator, { value: (-lr * muNext) / (1 - productNext) });
  }
}
