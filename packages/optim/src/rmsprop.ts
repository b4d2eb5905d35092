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

/** Options of {@link RMSprop}. */
export interface RMSpropOptions extends OptimizerOptions {
  /** Decay of the running mean of squares, 0.99 by default. */
  alpha: number;
  /** Added to the denominator, 1e-8 by default. */
  eps: number;
  /** L2 penalty. */
  weightDecay: number;
  /** Share of the last direction that is kept. */
  momentum: number;
  /** Divides by the variance instead of the mean square. */
  centered: boolean;
  /** Climbs instead of descends. */
  maximize: boolean;
}

/**
 * RMSprop: steps divided by a running root mean square of the gradient.
 * Source: https://pytorch.org/docs/stable/generated/torch.optim.RMSprop.html
 * @throws ValueError for negative options.
 * @example
 * const optimizer = new RMSprop(net.parameters(), { lr: 1e-3, momentum: 0.9 });
 */
export class RMSprop extends Optimizer<RMSpropOptions> {
  protected override readonly scalars = { step: "number" } as const;
  protected override readonly tensors = { square_avg: "needed", grad_avg: "optional", momentum_buffer: "optional" } as const;

  constructor(params: Params<RMSpropOptions>, options: Partial<RMSpropOptions> = {}) {
    const all = optionsOf(new.target, options, {
      lr: 1e-2,
      alpha: 0.99,
      eps: 1e-8,
      weightDecay: 0,
      momentum: 0,
      centered: false,
      maximize: false,
    });
    require(all.lr >= 0, "learning rate", all.lr);
    require(all.eps >= 0, "epsilon", all.eps);
    require(all.momentum >= 0, "momentum", all.momentum);
    require(all.weightDecay >= 0, "weightDecay", all.weightDecay);
    require(all.alpha >= 0, "alpha", all.alpha);
    super(params, all);
  }

  protected override update(param: Tensor, grad: Tensor, state: ParamState, group: ParamGroup<RMSpropOptions>): void {
    const { lr, alpha, eps, momentum, centered } = group;
    const direction = directionOf(grad, param, group);
    countStep(state);
    const square = remembered(state, "square_avg", param)
      .mul_(alpha)
      .addcmul_(direction, direction, { value: 1 - alpha });
    let spread = square;
    if (centered) {
      const mean = remembered(state, "grad_avg", param)
        .mul_(alpha)
        .add_(direction, { alpha: 1 - alpha });
      spread = square.addcmul(mean, mean, { value: -1 });
    }
    const denominator = spread.sqrt().add(eps);
    if (momentum > 0) {
      const buffer = remembered(state, "momentum_buffer", param).mul_(momentum).addcdiv_(direction, denominator);
      param.add_(buffer, { alpha: -lr });
    } else param.addcdiv_(direction, denominator, { value: -lr });
  }
}
