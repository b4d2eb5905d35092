import { optionsOf, type Tensor } from "@sconce/core";
import { type CrossEntropyOptions, crossEntropy, type NllLossOptions, nllLoss } from "../functional/classification.js";
import { type CosineSimilarityOptions, cosineSimilarity, type PairwiseDistanceOptions, pairwiseDistance } from "../functional/distance.js";
import {
  type BinaryCrossEntropyOptions,
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  huberLoss,
  type KlDivOptions,
  klDiv,
  type LogitsOptions,
  l1Loss,
  mseLoss,
  smoothL1Loss,
} from "../functional/loss.js";
import type { Reduction, ReductionOptions } from "../functional/reduction.js";
import { Module } from "../module.js";
import { settle } from "../options.js";

/** A loss of elements that a reduction turns into the result. */
export abstract class Loss extends Module {
  declare readonly reduction: Reduction;

  constructor(options: ReductionOptions = {}, defaults: object = {}) {
    super();
    settle(this, options, { reduction: "mean", ...defaults });
  }
}

/** A loss with weights, which are part of its state. */
export abstract class WeightedLoss extends Loss {
  declare weight: Tensor | null;

  constructor(options: ReductionOptions & { readonly weight?: Tensor | null } = {}, defaults: object = {}) {
    super(options, defaults);
    this.registerBuffer("weight", options.weight ?? null);
  }
}

/**
 * Mean of the squared differences.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.MSELoss.html
 * @example
 * const criterion = new nn.MSELoss({ reduction: "sum" });
 * criterion(logits, zeros(logits.shape)).backward();
 */
export class MSELoss extends Loss {
  override forward(input: Tensor, target: Tensor): Tensor {
    return mseLoss(input, target, this);
  }
}

/** Mean of the absolute differences. */
export class L1Loss extends Loss {
  override forward(input: Tensor, target: Tensor): Tensor {
    return l1Loss(input, target, this);
  }
}

/** Squared differences below `beta`, absolute ones above. Source: https://arxiv.org/abs/1504.08083 */
export class SmoothL1Loss extends Loss {
  declare readonly beta: number;

  constructor(options: ReductionOptions & { readonly beta?: number } = {}) {
    super(options, { beta: 1 });
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return smoothL1Loss(input, target, this);
  }
}

/** Half the squared differences below `delta`, `delta` times the absolute ones above. */
export class HuberLoss extends Loss {
  declare readonly delta: number;

  constructor(options: ReductionOptions & { readonly delta?: number } = {}) {
    super(options, { delta: 1 });
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return huberLoss(input, target, this);
  }
}

/**
 * Cross entropy of logits `[N, C, ...]` or `[C]` against class indices or probabilities. State: `weight` if given.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html
 * @example
 * const criterion = new nn.CrossEntropyLoss({ labelSmoothing: 0.1 });
 * criterion(net(x), y);
 */
export class CrossEntropyLoss extends WeightedLoss {
  declare readonly ignoreIndex: number;
  declare readonly labelSmoothing: number;

  constructor(options: CrossEntropyOptions = {}) {
    super(options, { ignoreIndex: -100, labelSmoothing: 0 });
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return crossEntropy(input, target, this);
  }
}

/** Negative log likelihood of class indices under logarithms `[N, C, ...]` or `[C]`. State: `weight` if given. */
export class NLLLoss extends WeightedLoss {
  declare readonly ignoreIndex: number;

  constructor(options: NllLossOptions = {}) {
    super(options, { ignoreIndex: -100 });
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return nllLoss(input, target, this);
  }
}

/** Cross entropy of probabilities against targets from 0 to 1. State: `weight` if given. */
export class BCELoss extends WeightedLoss {
  constructor(options: BinaryCrossEntropyOptions = {}) {
    super(options);
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return binaryCrossEntropy(input, target, this);
  }
}

/** {@link BCELoss} of logits, without overflow. State: `weight` and `pos_weight` if given. */
export class BCEWithLogitsLoss extends WeightedLoss {
  static override readonly stateKeys: Readonly<Record<string, string>> = { posWeight: "pos_weight" };
  declare posWeight: Tensor | null;

  constructor(options: LogitsOptions = {}) {
    super(options);
    this.registerBuffer("posWeight", options.posWeight ?? null);
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return binaryCrossEntropyWithLogits(input, target, this);
  }
}

/** Kullback-Leibler divergence of a target distribution from the one whose logarithms are given. */
export class KLDivLoss extends Module {
  declare readonly reduction: Reduction | "batchmean";
  declare readonly logTarget: boolean;

  constructor(options: KlDivOptions = {}) {
    super();
    settle(this, options, { reduction: "mean", logTarget: false });
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return klDiv(input, target, this);
  }
}

/** Cosine of the angle between vectors along `dim`. */
export class CosineSimilarity extends Module {
  declare readonly dim: number;
  declare readonly eps: number;

  constructor(options: CosineSimilarityOptions = {}) {
    super();
    settle(this, options, { dim: 1, eps: 1e-8 });
  }

  override forward(x1: Tensor, x2: Tensor): Tensor {
    return cosineSimilarity(x1, x2, this);
  }
}

/** Norm of the difference of two sets of vectors along the last dimension. */
export class PairwiseDistance extends Module {
  readonly norm: number;
  readonly eps: number;
  readonly keepdim: boolean;

  constructor(options: PairwiseDistanceOptions = {}) {
    const { p, eps, keepdim } = optionsOf(new.target, options, { p: 2, eps: 1e-6, keepdim: false });
    super();
    this.norm = p;
    this.eps = eps;
    this.keepdim = keepdim;
  }

  override forward(x1: Tensor, x2: Tensor): Tensor {
    return pairwiseDistance(x1, x2, { p: this.norm, eps: this.eps, keepdim: this.keepdim });
  }
}
