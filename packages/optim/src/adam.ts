import { optionsOf, type Tensor } from "@sconce/core";
import {
  countStep,
  Optimizer,
  type OptimizerOptions,
  type ParamGroup,
  type ParamState,
  type Params,
  remembered,
  requireAdam,
} from "./optimizer.js";
import { together, UpdateRule } from "./update-rule.js";

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
  protected override readonly tensors = { exp_avg: "needed", exp_avg_sq: "needed", max_exp_avg_sq: "optional" } as const;

  constructor(params: Params<AdamOptions>, options: Partial<AdamOptions>, weightDecay: number) {
    const all: AdamOptions = optionsOf(new.target, options, {
      lr: 1e-3,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay,
      amsgrad: false,
      maximize: false,
    });
    requireAdam(all);
    super(params, all);
  }

  protected override readonly direct = true;
  protected abstract readonly decay: Decay;

  protected override moveGroup(group: ParamGroup<AdamOptions>): void {
    this.#plan = null;
    together(() => super.moveGroup(group));
  }

  /** How the parameters of the group move that have taken as many steps as the last one. */
  #plan: Plan | null = null;

  protected override update(param: Tensor, grad: Tensor, state: ParamState, group: ParamGroup<AdamOptions>): void {
    const step = countStep(state);
    const targets = [param, remembered(state, "exp_avg", param), remembered(state, "exp_avg_sq", param)];
    if (group.amsgrad) targets.push(remembered(state, "max_exp_avg_sq", param));
    if (this.#plan?.step !== step) this.#plan = planOf(step, group, this.decay);
    this.#plan.rule.run(targets, [grad], this.#plan.numbers);
  }
}

interface Plan {
  readonly step: number;
  readonly rule: UpdateRule;
  readonly numbers: readonly number[];
}

function planOf(step: number, { lr, betas, eps, weightDecay, amsgrad, maximize }: AdamOptions, decayBy: Decay): Plan {
  const [beta1, beta2] = betas;
  const decay = weightDecay === 0 ? "none" : decayBy;
  const rate = -lr / (1 - beta1 ** step);
  const numbers = [beta1, 1 - beta1, beta2, 1 - beta2, 1 / Math.sqrt(1 - beta2 ** step), eps, rate];
  if (decay === "l2") numbers.push(weightDecay);
  else if (decay === "decoupled") numbers.push(1 - lr * weightDecay);
  return { step, rule: ruleOf(decay, amsgrad, maximize), numbers };
}

/** What a weight decay of not 0 does: adds to the gradient, or shrinks the parameter. */
type Decay = "none" | "l2" | "decoupled";

const rules = new Map<string, UpdateRule>();

function ruleOf(decay: Decay, amsgrad: boolean, maximize: boolean): UpdateRule {
  const key = `${decay} ${amsgrad} ${maximize}`;
  let rule = rules.get(key);
  if (rule === undefined) rules.set(key, (rule = makeRule(decay, amsgrad, maximize)));
  return rule;
}

function makeRule(decay: Decay, amsgrad: boolean, maximize: boolean): UpdateRule {
  return new UpdateRule((tensors, [beta1, rest1, beta2, rest2, correction, eps, rate, decayBy]) => {
    const [param, mean, square] = tensors;
    const given = tensors[tensors.length - 1];
    const along = maximize ? given.neg() : given;
    const grad = decay === "l2" ? along.add(param.mul(decayBy)) : along;
    const newMean = mean.mul(beta1).add(grad.mul(rest1));
    const newSquare = square.mul(beta2).add(grad.mul(grad).mul(rest2));
    const largest = amsgrad ? tensors[3].maximum(newSquare) : newSquare;
    const change = newMean.div(largest.sqrt().mul(correction).add(eps)).mul(rate);
    const newParam = (decay === "decoupled" ? param.mul(decayBy) : param).add(change);
    return amsgrad ? [newParam, newMean, newSquare, largest] : [newParam, newMean, newSquare];
  });
}

/**
 * Adam: steps scaled by running means of the gradient and its square.
 * Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", https://arxiv.org/abs/1412.6980
 * @throws ValueError for options out of range.
 * @example
 * const optimizer = new Adam(net.parameters(), { lr: 1e-3 });
 */
export class Adam extends AdamBase {
  protected override readonly decay = "l2";

  constructor(params: Params<AdamOptions>, options: Partial<AdamOptions> = {}) {
    super(params, options, 0);
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
  protected override readonly decay = "decoupled";

  constructor(params: Params<AdamOptions>, options: Partial<AdamOptions> = {}) {
    super(params, options, 1e-2);
  }
}
