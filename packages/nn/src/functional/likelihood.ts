import { checkElements, formatShape, inFullPrecision, optionsOf, ShapeError, sameShape, type Tensor, ValueError } from "@sconce/core";
import { choose } from "../ops.js";
import { type ReductionOptions, reduced } from "./reduction.js";

/** Settings of {@link poissonNllLoss}. */
export interface PoissonNllOptions extends ReductionOptions {
  /** Whether the input is the logarithm of the rate. */
  readonly logInput?: boolean;
  /** Adds Stirling's approximation of the constant term. */
  readonly full?: boolean;
  /** Added to a rate before its logarithm is taken. */
  readonly eps?: number;
}

/** Negative log likelihood of counts under Poisson distributions. */
export function poissonNllLoss(input: Tensor, target: Tensor, options: PoissonNllOptions = {}): Tensor {
  const { logInput, full, eps } = optionsOf("poissonNllLoss", options, { logInput: true, full: false, eps: 1e-8 });
  return inFullPrecision(input, () => {
    const loss = logInput ? input.exp().sub(target.mul(input)) : input.sub(target.mul(input.add(eps).log()));
    const whole = full ? loss.add(choose(target.gt(1), stirling(target), 0, loss.dtype)) : loss;
    return reduced("poissonNllLoss", whole, options);
  });
}

/** Stirling's approximation of `log(n!)`. */
function stirling(n: Tensor): Tensor {
  const correction = n
    .mul(2 * Math.PI)
    .log()
    .mul(0.5);
  return n.mul(n.log()).sub(n).add(correction);
}

/** Settings of {@link gaussianNllLoss}. */
export interface GaussianNllOptions extends ReductionOptions {
  /** Adds the constant term. */
  readonly full?: boolean;
  /** Smallest variance. */
  readonly eps?: number;
}

/**
 * Negative log likelihood under normal distributions of mean `input` and variance `variance`, which has the shape of the input, or the
 * last dimension left out or of size 1.
 * @throws ValueError for a negative variance, where the device can be read at once. @throws ShapeError for another shape.
 */
export function gaussianNllLoss(input: Tensor, target: Tensor, variance: Tensor, options: GaussianNllOptions = {}): Tensor {
  const { full, eps } = optionsOf("gaussianNllLoss", options, { full: false, eps: 1e-6 });
  const spread = fitVariance(input, variance);
  checkElements(spread, (now) => {
    if (now.lt(0).any().itemSync()) throw new ValueError("gaussianNllLoss: var has negative entry/entries");
  });
  // The cut is in value alone: the gradient passes it.
  const cut = spread.detach().clampMin(eps).sub(spread.detach());
  const safe = spread.add(cut);
  const loss = safe.log().add(input.sub(target).square().div(safe)).mul(0.5);
  return reduced("gaussianNllLoss", full ? loss.add(0.5 * Math.log(2 * Math.PI)) : loss, options);
}

function fitVariance(input: Tensor, variance: Tensor): Tensor {
  const lead = input.shape.slice(0, -1);
  if (sameShape(input.shape, variance.shape) || sameShape([...lead, 1], variance.shape)) return variance;
  if (sameShape(lead, variance.shape)) return variance.unsqueeze(-1);
  throw new ShapeError(
    `gaussianNllLoss: var is of incorrect size, got ${formatShape(variance.shape)} for input ${formatShape(input.shape)}`,
    {
      shapes: [input.shape, variance.shape],
    },
  );
}
