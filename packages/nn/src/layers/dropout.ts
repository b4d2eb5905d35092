import type { Tensor } from "@sconce/core";
import { checkProbability } from "@sconce/core/nn";
import * as F from "../functional/dropout.js";
import { Module } from "../module.js";
import { settle, withOption } from "../options.js";
import { pyFields } from "../repr.js";

/** Settings of dropout layers. */
export interface DropoutLayerOptions {
  /** Probability of an element to be dropped; 0.5 unless given. */
  readonly p?: number;
  /** Whether the output overwrites the input. */
  readonly inplace?: boolean;
}

/** A dropout of some unit, with its probability. */
abstract class DropoutBase extends Module {
  declare readonly p: number;
  declare readonly inplace: boolean;

  constructor(first?: number | DropoutLayerOptions, options?: DropoutLayerOptions) {
    super();
    settle(this, withOption<DropoutLayerOptions>(new.target, "p", first, options), { p: 0.5, inplace: false });
    checkProbability(new.target.name, this.p);
  }

  override extraRepr(): string {
    return pyFields(this, "p", "inplace");
  }
}

/**
 * While training, zeroes elements with probability p and divides the others by `1 - p`.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.Dropout.html
 * @throws ValueError unless p lies in [0, 1].
 * @example
 * new nn.Dropout(0.2)(x);
 */
export class Dropout extends DropoutBase {
  static override readonly transient: boolean = true;

  override forward(input: Tensor): Tensor {
    return F.dropout(input, this);
  }
}

/** {@link Dropout} of whole channels of `[N, C, L]` or `[C, L]`. */
export class Dropout1d extends DropoutBase {
  override forward(input: Tensor): Tensor {
    return F.dropout1d(input, this);
  }
}

/** {@link Dropout} of whole channels of `[N, C, H, W]`. Source: https://arxiv.org/abs/1411.4280 */
export class Dropout2d extends DropoutBase {
  override forward(input: Tensor): Tensor {
    return F.dropout2d(input, this);
  }
}

/** {@link Dropout} of whole channels of `[N, C, D, H, W]` or `[C, D, H, W]`. */
export class Dropout3d extends DropoutBase {
  override forward(input: Tensor): Tensor {
    return F.dropout3d(input, this);
  }
}

/** Dropout that keeps mean and variance of self-normalising networks. Source: https://arxiv.org/abs/1706.02515 */
export class AlphaDropout extends DropoutBase {
  override forward(input: Tensor): Tensor {
    return F.alphaDropout(input, this);
  }
}

/** {@link AlphaDropout} of whole channels of `[N, C, ...]`. */
export class FeatureAlphaDropout extends DropoutBase {
  override forward(input: Tensor): Tensor {
    return F.featureAlphaDropout(input, this);
  }
}
