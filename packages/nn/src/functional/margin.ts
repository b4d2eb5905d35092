import { composite, inFullPrecision, optionsOf, Tensor, ValueError } from "@sconce/core";
import { logSigmoid } from "@sconce/core/nn";
import { choose } from "../ops.js";
import { pairwiseDistance } from "./distance.js";
import { type ReductionOptions, reduced } from "./reduction.js";

/** Settings of losses with a margin. */
export interface MarginOptions extends ReductionOptions {
  readonly margin?: number;
}

/**
 * `1 - cos(x1, x2)` where target is 1, `max(0, cos(x1, x2) - margin)` where it is -1; vectors lie along the last dimension.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.CosineEmbeddingLoss.html
 */
export function cosineEmbeddingLoss(x1: Tensor, x2: Tensor, target: Tensor, options: MarginOptions = {}): Tensor {
  const { margin } = optionsOf("cosineEmbeddingLoss", options, { margin: 0 });
  const length = (x: Tensor): Tensor => x.square().sum(-1).add(1e-12);
  return inFullPrecision(x1, () => {
    const cosine = x1
      .mul(x2)
      .sum(-1)
      .div(length(x1).mul(length(x2)).sqrt());
    const apart = cosine.sub(margin).clampMin(0);
    const { dtype } = cosine;
    const loss = choose(target.eq(1), cosine.rsub(1), 0, dtype).add(choose(target.eq(-1), apart, 0, dtype));
    return reduced("cosineEmbeddingLoss", loss, options);
  });
}

/** x where target is 1, `max(0, margin - x)` where it is -1. */
export function hingeEmbeddingLoss(input: Tensor, target: Tensor, options: MarginOptions = {}): Tensor {
  const { dtype } = input;
  const { margin } = optionsOf("hingeEmbeddingLoss", options, { margin: 1 });
  return inFullPrecision(input, () => {
    const far = choose(target.ne(1), input.rsub(margin).clampMin(0), 0, dtype);
    return reduced("hingeEmbeddingLoss", far.add(choose(target.ne(-1), input, 0, dtype)), options);
  });
}

/** `max(0, margin - target * (x1 - x2))`: x1 should rank higher where target is 1, lower where it is -1. */
export function marginRankingLoss(x1: Tensor, x2: Tensor, target: Tensor, options: MarginOptions = {}): Tensor {
  const { margin } = optionsOf("marginRankingLoss", options, { margin: 0 });
  return inFullPrecision(x1, () => {
    const order = target.neg().mul(x1.sub(x2));
    const loss = order.isFloatingPoint() ? order : order.float();
    return reduced("marginRankingLoss", loss.add(margin).clampMin(0), options);
  });
}

/** `log(1 + exp(-target * x))` for targets 1 and -1. */
export function softMarginLoss(input: Tensor, target: Tensor, options: ReductionOptions = {}): Tensor {
  return composite("SoftMarginLoss", [input], () => reduced("softMarginLoss", target.neg().mul(input).exp().log1p(), options));
}

/** Settings of {@link multilabelSoftMarginLoss}. */
export interface MultilabelSoftMarginOptions extends ReductionOptions {
  /** A factor for each class, `[C]`. */
  readonly weight?: Tensor | null;
}

/** Mean over the classes of the cross entropy of `sigmoid(x)` against targets 0 and 1: `[N, C]` or `[C]`. */
export function multilabelSoftMarginLoss(input: Tensor, target: Tensor, options: MultilabelSoftMarginOptions = {}): Tensor {
  const { weight } = optionsOf("multilabelSoftMarginLoss", options, { weight: Tensor });
  const likelihood = target.mul(logSigmoid(input)).add(target.rsub(1).mul(logSigmoid(input.neg())));
  const loss = (weight === null ? likelihood : likelihood.mul(weight)).neg();
  return reduced("multilabelSoftMarginLoss", loss.sum(-1).div(input.shape[input.ndim - 1]), options);
}

/** Settings of {@link multiMarginLoss}. */
export interface MultiMarginOptions extends MarginOptions {
  /** Power of the violations: 1 or 2. */
  readonly p?: number;
  /** A factor for each class, `[C]`. */
  readonly weight?: Tensor | null;
}

/**
 * Mean over the classes of `max(0, margin - x[target] + x[i]) ^ p` for all i but the target: `[N, C]` and `[N]`, or `[C]` and `[]`.
 * @throws ValueError unless p is 1 or 2.
 */
export function multiMarginLoss(input: Tensor, target: Tensor, options: MultiMarginOptions = {}): Tensor {
  const { p, margin, weight } = optionsOf("multiMarginLoss", options, { p: 1, margin: 1, weight: Tensor });
  if (p !== 1 && p !== 2) throw new ValueError(`multiMarginLoss: only p == 1 and p == 2 supported, got ${p}`);
  return composite("MultiMarginLoss", [input], () => {
    const classes = input.shape.at(-1) ?? 1;
    const x = input.reshape([-1, classes]);
    const index = target.reshape([-1, 1]);
    const violations = x.sub(x.gather(1, index)).add(margin).clampMin(0).pow(p);
    const others = x.detach().mul(0).add(1).scatter(1, index, 0);
    const weights = weight === null ? 1 : weight.indexSelect(0, index.flatten());
    const loss = violations.mul(others).sum(1).div(classes).mul(weights);
    return reduced("multiMarginLoss", input.ndim === 1 ? loss.reshape([]) : loss, options);
  });
}

/**
 * Mean over the classes of `max(0, 1 - x[t] + x[i])` for all targets t and all i that are none. Targets are the indices before the
 * first -1 of a row: `[N, C]` or `[C]`, as the input.
 */
export function multilabelMarginLoss(input: Tensor, target: Tensor, options: ReductionOptions = {}): Tensor {
  return composite("MultilabelMarginLoss", [input], () => {
    const classes = input.shape.at(-1) ?? 1;
    const x = input.reshape([-1, classes]);
    const given = target.int().reshape([-1, classes]);
    const valid = given.ge(0).int().cumprod(1).gt(0);
    const index = choose(valid, given, 0, "int32");
    const flags = valid.cast(x.dtype);
    const targets = flags.mul(0).scatterAdd(1, index, flags).gt(0).cast(x.dtype);
    // [N, targets, classes]
    const violations = x.unsqueeze(1).sub(x.gather(1, index).unsqueeze(2)).add(1).clampMin(0);
    const loss = violations.mul(flags.unsqueeze(2)).mul(targets.rsub(1).unsqueeze(1)).sum([1, 2]).div(classes);
    return reduced("multilabelMarginLoss", input.ndim === 1 ? loss.reshape([]) : loss, options);
  });
}

/** Settings of {@link tripletMarginWithDistanceLoss}. */
export interface TripletDistanceOptions extends MarginOptions {
  /** Distance of two batches of vectors; the Euclidean one unless given. */
  readonly distanceFunction?: ((a: Tensor, b: Tensor) => Tensor) | null;
  /** Takes the distance of positive and negative where it is smaller than that of anchor and negative. */
  readonly swap?: boolean;
}

/** {@link tripletMarginLoss} with a distance of one's own. */
export function tripletMarginWithDistanceLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  options: TripletDistanceOptions = {},
): Tensor {
  const op = "tripletMarginWithDistanceLoss";
  const { margin, swap, distanceFunction } = optionsOf(op, options, { margin: 1, swap: false, distanceFunction: Function });
  const distance = distanceFunction ?? pairwiseDistance;
  return inFullPrecision(anchor, () => {
    const near = distance(anchor, positive);
    const far = distance(anchor, negative);
    const farther = swap ? far.minimum(distance(positive, negative)) : far;
    return reduced(op, near.sub(farther).add(margin).clampMin(0), options);
  });
}

/** Settings of {@link tripletMarginLoss}. */
export interface TripletMarginOptions extends MarginOptions {
  /** Order of the norm. */
  readonly p?: number;
  /** Added to every difference. */
  readonly eps?: number;
  readonly swap?: boolean;
}

/** `max(0, d(anchor, positive) - d(anchor, negative) + margin)`. Source: http://www.bmva.org/bmvc/2016/papers/paper119/index.html */
export function tripletMarginLoss(anchor: Tensor, positive: Tensor, negative: Tensor, options: TripletMarginOptions = {}): Tensor {
  const { p, eps, ...rest } = optionsOf("tripletMarginLoss", options, { p: 2, eps: 1e-6, margin: 1, swap: false, reduction: "mean" });
  const distanceFunction = (a: Tensor, b: Tensor): Tensor => pairwiseDistance(a, b, { p, eps });
  return tripletMarginWithDistanceLoss(anchor, positive, negative, { ...rest, distanceFunction });
}
