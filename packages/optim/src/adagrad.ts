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

/** Options of {@link Adagrad}. */
export interface AdagradOptions extends OptimizerOptions {
  /** Shrinks the rate with the number of steps. */
  lrDecay: number;
  /** L2 penalty. */
  weightDecay: number;
  /** Where the sum of squares starts. */
  initialAccumulatorValue: number;
  /** Added to the denominator, 1e-10 by default. */
  eps: number;
  /** Climbs instead of descends. */
  maximize: boolean;
}

/**
 * Adagrad: steps divided by the root of the sum of all squared gradients.
 * Source: Duchi, Hazan and Singer, https://jmlr.org/papers/v12/duchi11a.html
 * @throws ValueError for negative options.
 * @example
 * const optimizer = new Adagrad(net.parameters(), { lr: 0.01 });
 */
export class Adagrad extends Optimizer<AdagradOptions> {
  protected override readonly tensors = { sum: "needed" } as const;

  constructor(params: Params<AdagradOptions>, options: Partial<AdagradOptions> = {}) {
    const all = optionsOf(new.target, options, {
      lr: 1e-2,
      lrDecay: 0,
      weightDecay: 0,
      initialAccumulatorValue: 0,
      eps: 1e-10,
      maximize: false,
    });
    require(all.lr >= 0, "learning rate", all.lr);
    require(all.lrDecay >= 0, "lrDecay", all.lrDecay);
    require(all.weightDecay >= 0, "weightDecay", all.weightDecay);
    require(all.initialAccumulatorValue >= 0, "initialAccumulatorValue", all.initialAccumulatorValue);
    require(all.eps >= 0, "epsilon", all.eps);
    super(params, all);
  }

  protected override update(param: Tensor, grad: Tensor, state: ParamState, group: ParamGroup<AdagradOptions>): void {
    const { lr, lrDecay, initialAccumulatorValue, eps } = group;
    const direction = directionOf(grad, param, group);
    const step = countStep(state);
    const sum = remembered(state, "sum", param, initialAccumulatorValue).addcmul_(direction, direction);
    param.addcdiv_(direction, sum.sqrt().add(eps), { value: -lr / (1 + (step - 1) * lrDecay) });
  }
}
