import { optionsOf, Tensor, ValueError } from "@sconce/core";
import { Optimizer, type OptimizerOptions, type ParamGroup, type ParamState, type Params, remembered, require } from "./optimizer.js";
import { together, UpdateRule } from "./update-rule.js";

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
  protected override readonly tensors = { momentum_buffer: "optional" } as const;

  constructor(params: Params<SGDOptions>, options: Partial<SGDOptions> & { lr: number }) {
    const all = optionsOf(new.target, options, {
      lr: Number.NaN,
      momentum: 0,
      dampening: 0,
      weightDecay: 0,
      nesterov: false,
      maximize: false,
    });
    require(all.lr >= 0, "learning rate", all.lr);
    require(all.momentum >= 0, "momentum", all.momentum);
    require(all.weightDecay >= 0, "weightDecay", all.weightDecay);
    if (all.nesterov && (all.momentum <= 0 || all.dampening !== 0)) {
      throw new ValueError("Nesterov momentum requires a momentum and zero dampening");
    }
    super(params, all);
  }

  protected override readonly direct = true;

  protected override moveGroup(group: ParamGroup<SGDOptions>): void {
    together(() => super.moveGroup(group));
  }

  protected override update(param: Tensor, grad: Tensor, state: ParamState, group: ParamGroup<SGDOptions>): void {
    const { lr, momentum, dampening, nesterov, maximize, weightDecay } = group;
    const targets = [param];
    const starts = !(state.momentum_buffer instanceof Tensor);
    if (momentum !== 0) targets.push(remembered(state, "momentum_buffer", param));
    const memory = momentum === 0 ? "none" : starts ? "starts" : "goes on";
    const rule = ruleOf({ memory, nesterov, maximize, decays: weightDecay !== 0 });
    rule.run(targets, [grad], [-lr, momentum, 1 - dampening, weightDecay]);
  }
}

/** What tells the kernels of SGD apart. */
interface Variant {
  /** The first direction is remembered whole. */
  readonly memory: "none" | "starts" | "goes on";
  readonly nesterov: boolean;
  readonly maximize: boolean;
  readonly decays: boolean;
}

const MEMORIES: readonly Variant["memory"][] = ["none", "starts", "goes on"];
const rules: UpdateRule[] = [];

/** Each parameter asks for its rule in each step, so no key is built. */
function ruleOf(variant: Variant): UpdateRule {
  const { memory, nesterov, maximize, decays } = variant;
  const code = 8 * MEMORIES.indexOf(memory) + (nesterov ? 4 : 0) + (maximize ? 2 : 0) + (decays ? 1 : 0);
  return (rules[code] ??= makeRule(variant));
}

function makeRule({ memory, nesterov, maximize, decays }: Variant): UpdateRule {
  return new UpdateRule((tensors, [rate, momentum, share, weightDecay]) => {
    const [param, buffer] = tensors;
    const given = tensors[tensors.length - 1];
    const along = maximize ? given.neg() : given;
    const grad = decays ? along.add(param.mul(weightDecay)) : along;
    if (memory === "none") return [param.add(grad.mul(rate))];
    const newBuffer = memory === "starts" ? grad : buffer.mul(momentum).add(grad.mul(share));
    const direction = nesterov ? grad.add(newBuffer.mul(momentum)) : newBuffer;
    return [param.add(direction.mul(rate)), newBuffer];
  });
}
