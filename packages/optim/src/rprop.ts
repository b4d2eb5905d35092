import { optionsOf, type Tensor } from "@sconce/core";
import {
  countStep,
  Optimizer,
  type OptimizerOptions,
  type ParamGroup,
  type ParamState,
  type Params,
  remembered,
  require,
} from "./optimizer.js";

/** Options of {@link Rprop}. */
export interface RpropOptions extends OptimizerOptions {
  /** Factors of a step size whose gradient changed its sign and kept it, [0.5, 1.2] by default. */
  etas: readonly [number, number];
  /** Smallest and largest step size, [1e-6, 50] by default. */
  stepSizes: readonly [number, number];
  /** Climbs instead of descends. */
  maximize: boolean;
}

/**
 * Resilient propagation: a step size per element that follows only the gradient's sign. For whole batches.
 * Source: https://pytorch.org/docs/stable/generated/torch.optim.Rprop.html
 * @throws ValueError for options out of range.
 * @example
 * const optimizer = new Rprop(net.parameters(), { lr: 0.01 });
 */
export class Rprop extends Optimizer<RpropOptions> {
  protected override readonly scalars = { step: "number" } as const;
  protected override readonly tensors = { prev: "needed", step_size: "needed" } as const;

  constructor(params: Params<RpropOptions>, options: Partial<RpropOptions> = {}) {
    const all: RpropOptions = optionsOf(new.target, options, { lr: 1e-2, etas: [0.5, 1.2], stepSizes: [1e-6, 50], maximize: false });
    const [shrink, grow] = all.etas;
    require(all.lr >= 0, "learning rate", all.lr);
    require(shrink > 0 && shrink < 1 && grow > 1, "eta", `${shrink}, ${grow}`);
    super(params, all);
  }

  protected override update(param: Tensor, grad: Tensor, state: ParamState, group: ParamGroup<RpropOptions>): void {
    const { lr, etas, stepSizes, maximize } = group;
    const along = maximize ? grad.neg() : grad;
    countStep(state);
    const before = remembered(state, "prev", param);
    const size = remembered(state, "step_size", param, lr);
    const agreement = along.mul(before);
    const turned = agreement.lt(0);
    const grown = size.mul(etas[1]).where(agreement.gt(0), size.mul(etas[0]).where(turned, size));
    size.copy_(grown.clamp({ min: stepSizes[0], max: stepSizes[1] }));
    // An element whose gradient turned stays where it is this time.
    const kept = along.maskedFill(turned, 0);
    param.addcmul_(kept.sign(), size, { value: -1 });
    before.copy_(kept);
  }
}
