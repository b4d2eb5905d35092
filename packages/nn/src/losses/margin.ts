import type { Tensor } from "@sconce/core";
import { type GaussianNllOptions, gaussianNllLoss, type PoissonNllOptions, poissonNllLoss } from "../functional/likelihood.js";
import {
  cosineEmbeddingLoss,
  hingeEmbeddingLoss,
  type MarginOptions,
  type MultiMarginOptions,
  marginRankingLoss,
  multilabelMarginLoss,
  multilabelSoftMarginLoss,
  multiMarginLoss,
  softMarginLoss,
  type TripletDistanceOptions,
  type TripletMarginOptions,
  tripletMarginLoss,
  tripletMarginWithDistanceLoss,
} from "../functional/margin.js";
import { Loss, WeightedLoss } from "./common.js";

/** A loss with a margin. */
abstract class MarginLoss extends Loss {
  declare readonly margin: number;

  constructor(options: MarginOptions, margin: number, defaults: object = {}) {
    super(options, { margin, ...defaults });
  }
}

/** `1 - cos(x1, x2)` where target is 1, `max(0, cos(x1, x2) - margin)` where it is -1. */
export class CosineEmbeddingLoss extends MarginLoss {
  constructor(options: MarginOptions = {}) {
    super(options, 0);
  }

  override forward(x1: Tensor, x2: Tensor, target: Tensor): Tensor {
    return cosineEmbeddingLoss(x1, x2, target, this);
  }
}

/** x where target is 1, `max(0, margin - x)` where it is -1. */
export class HingeEmbeddingLoss extends MarginLoss {
  constructor(options: MarginOptions = {}) {
    super(options, 1);
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return hingeEmbeddingLoss(input, target, this);
  }
}

/** `max(0, margin - target * (x1 - x2))`. */
export class MarginRankingLoss extends MarginLoss {
  constructor(options: MarginOptions = {}) {
    super(options, 0);
  }

  override forward(x1: Tensor, x2: Tensor, target: Tensor): Tensor {
    return marginRankingLoss(x1, x2, target, this);
  }
}

/** `log(1 + exp(-target * x))` for targets 1 and -1. */
export class SoftMarginLoss extends Loss {
  override forward(input: Tensor, target: Tensor): Tensor {
    return softMarginLoss(input, target, this);
  }
}

/** Margins of all targets over all classes that are none; the indices before the first -1 of a row are targets. */
export class MultiLabelMarginLoss extends Loss {
  override forward(input: Tensor, target: Tensor): Tensor {
    return multilabelMarginLoss(input, target, this);
  }
}

/** Mean over the classes of the cross entropy of `sigmoid(x)` against targets 0 and 1. State: `weight` if given. */
export class MultiLabelSoftMarginLoss extends WeightedLoss {
  override forward(input: Tensor, target: Tensor): Tensor {
    return multilabelSoftMarginLoss(input, target, this);
  }
}

/** Mean over the classes of `max(0, margin - x[target] + x[i]) ^ p`. State: `weight` if given. */
export class MultiMarginLoss extends WeightedLoss {
  declare readonly p: number;
  declare readonly margin: number;

  constructor(options: MultiMarginOptions = {}) {
    super(options, { p: 1, margin: 1 });
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return multiMarginLoss(input, target, this);
  }
}

/** `max(0, d(anchor, positive) - d(anchor, negative) + margin)`. */
export class TripletMarginLoss extends MarginLoss {
  declare readonly p: number;
  declare readonly eps: number;
  declare readonly swap: boolean;

  constructor(options: TripletMarginOptions = {}) {
    super(options, 1, { p: 2, eps: 1e-6, swap: false });
  }

  override forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return tripletMarginLoss(anchor, positive, negative, this);
  }
}

/** {@link TripletMarginLoss} with a distance of one's own. */
export class TripletMarginWithDistanceLoss extends MarginLoss {
  /** The distance between two batches of vectors. */
  declare readonly distanceFunction: TripletDistanceOptions["distanceFunction"];
  declare readonly swap: boolean;

  constructor(options: TripletDistanceOptions = {}) {
    super(options, 1, { swap: false, distanceFunction: Function });
  }

  override forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return tripletMarginWithDistanceLoss(anchor, positive, negative, this);
  }
}

/** Negative log likelihood of counts under Poisson distributions. */
export class PoissonNLLLoss extends Loss {
  declare readonly logInput: boolean;
  declare readonly full: boolean;
  declare readonly eps: number;

  constructor(options: PoissonNllOptions = {}) {
    super(options, { logInput: true, full: false, eps: 1e-8 });
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return poissonNllLoss(input, target, this);
  }
}

/** Negative log likelihood under normal distributions of given means and variances. */
export class GaussianNLLLoss extends Loss {
  declare readonly full: boolean;
  declare readonly eps: number;

  constructor(options: GaussianNllOptions = {}) {
    super(options, { full: false, eps: 1e-6 });
  }

  override forward(input: Tensor, target: Tensor, variance: Tensor): Tensor {
    return gaussianNllLoss(input, target, variance, this);
  }
}
