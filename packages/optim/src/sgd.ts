import { Tensor, ValueError } from "@sconce/core";
import { directionOf, Optimizer, type OptimizerOptions, type ParamGroup, type ParamState, type Params, require } from "./optimizer.js";

/** Options of {@link SGD}. */
export interface SGDOptions extends OptimizerOptions {
  /** Share of the last direction that is kept, 0 by default. */
  momentum: number;
  /** Takes this share off the new gradient in the momentum, 0 by default. */
  dampening: number;
  /** L2 penalty, 0 by default. */
  weightDecay: number;
  /** Looks ahead along the momentum. */
  nesterov: boolean;
  /** Climbs instead of descends. */
  maximize: boolean;
}

/**
 * Stochastic gradient descent, with momentum if asked.
 * Source: https://pytorch.org/docs/stable/generated/torch.optim.SGD.html
 * @throws ValueError for a negative rate, momentum or decay, or nesterov without momentum.
 * @example
 * const optimizer = new SGD(net.parameters(), { lr: 0.01, momentum: 0.9 });
 */
export class SGD extends Optimizer<SGDOptions> {
  constructor(params: Params<SGDOptions>, options: Partial<SGDOptions> & { lr: number }) {
    const all = { momentum: 0, dampening: 0, weightDecay: 0, nesterov: false, maximize: false, ...options };
    require(all.lr >= 0, "learning rate", all.lr);
    require(all.momentum >= 0, "momentum", all.momentum);
    require(all.weightDecay >= 0, "weightDecay", all.weightDecay);
    if (all.nesterov && (all.momentum <= 0 || all.dampening !== 0)) {
      throw new ValueError("Nesterov momentum requires a momentum and zero dampening");
    }
    super(params, all);
  }

  protected override update(param: Tensor, grad: Tensor, state: ParamState, group: ParamGroup<SGDOptions>): void {
    const { lr, momentum, dampening, nesterov } = group;
    let direction = directionOf(grad, param, group);
    if (momentum !== 0) {
      const before = state.momentum_buffer;
      if (before instanceof Tensor) before.mul_(momentum).add_(direction, { alpha: 1 - dampening });
      else state.momentum_buffer = direction.detach().clone();
      const buffer = state.momentum_buffer as Tensor;
      direction = nesterov ? direction.add(buffer, { alpha: momentum }) : buffer;
    }
    param.add_(direction, { alpha: -lr });
  }
}
