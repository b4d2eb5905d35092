import {
  apply,
  broadcast,
  checkElements,
  composite,
  expectTensor,
  inFullPrecision,
  optionsOf,
  promote,
  sameShape,
  Tensor,
  ValueError,
} from "@sconce/core";
import { logSigmoid } from "@sconce/core/nn";
import { requireSameShape, scalar, sizeText } from "../ops.js";
import { warn } from "../warn.js";
import { type Reduction, type ReductionOptions, reduced } from "./reduction.js";

/** Both operands in their common dtype. */
function common(a: Tensor, b: Tensor): [Tensor, Tensor] {
  const dtype = promote(a.dtype, b.dtype);
  return [a.cast(dtype), b.cast(dtype)];
}

function warnIfBroadcast(op: string, input: Tensor, target: Tensor): void {
  for (const x of [input, target]) expectTensor(op, x);
  if (sameShape(input.shape, target.shape)) return;
  warn(
    `Using a target size (${sizeText(target.shape)}) that is different to the input size (${sizeText(input.shape)}). This will likely ` +
      "lead to incorrect results due to broadcasting. Please ensure they have the same size.",
  );
}

/**
 * Mean of the squared differences. Shapes that only broadcast give a warning.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.mse_loss.html
 * @example
 * F.mseLoss(tensor([1, 2]), tensor([1, 4]), { reduction: "sum" }); // 4
 */
export function mseLoss(input: Tensor, target: Tensor, options: ReductionOptions = {}): Tensor {
  warnIfBroadcast("mseLoss", input, target);
  return composite("MseLoss", [input, target], () => reduced("mseLoss", input.sub(target).square(), options));
}

/** Mean of the absolute differences. Shapes that only broadcast give a warning. */
export function l1Loss(input: Tensor, target: Tensor, options: ReductionOptions = {}): Tensor {
  warnIfBroadcast("l1Loss", input, target);
  return inFullPrecision(input, () => reduced("l1Loss", input.sub(target).abs(), options));
}

/**
 * Squared differences below `beta`, absolute ones above, joined smoothly. Source: https://arxiv.org/abs/1504.08083
 * @throws ValueError for a negative `beta`.
 */
export function smoothL1Loss(input: Tensor, target: Tensor, options: ReductionOptions & { readonly beta?: number } = {}): Tensor {
  const { beta } = optionsOf("smoothL1Loss", options, { beta: 1 });
  if (beta < 0) throw new ValueError(`smoothL1Loss: smooth_l1_loss does not support negative values for beta, got ${beta}`);
  warnIfBroadcast("smoothL1Loss", input, target);
  if (beta === 0) return reduced("smoothL1Loss", input.sub(target).abs(), options);
  return piecewise("smoothL1", "SmoothL1Loss", input, target, beta, options);
}

/**
 * Half the squared differences below `delta`, `delta` times the absolute ones above. Source: https://doi.org/10.1214/aoms/1177703732
 * @throws ValueError unless `delta` is positive.
 */
export function huberLoss(input: Tensor, target: Tensor, options: ReductionOptions & { readonly delta?: number } = {}): Tensor {
  const { delta } = optionsOf("huberLoss", options, { delta: 1 });
  if (!(delta > 0)) {
    throw new ValueError(`huberLoss: huber_loss does not support non-positive values for delta, got ${delta}`);
  }
  warnIfBroadcast("huberLoss", input, target);
  return piecewise("huber", "HuberLoss", input, target, delta, options);
}

function piecewise(
  op: "smoothL1" | "huber",
  label: string,
  input: Tensor,
  target: Tensor,
  bound: number,
  options: ReductionOptions,
): Tensor {
  broadcast(input.shape, target.shape, op);
  return composite(label, [input, target], () => {
    const [x, y] = common(input, target);
    return reduced(op, apply(op, [x, y, scalar(x, bound)], null), options);
  });
}

/** Settings of {@link binaryCrossEntropy}. */
export interface BinaryCrossEntropyOptions extends ReductionOptions {
  /** A factor for every element, or a shape that broadcasts to it. */
  readonly weight?: Tensor | null;
}

/**
 * Cross entropy of probabilities against targets from 0 to 1. Logarithms are cut off at -100, so that the loss stays finite.
 * @throws ShapeError unless the shapes are equal. @throws ValueError for an input outside of [0, 1], where the device can be read at once.
 * @example
 * F.binaryCrossEntropy(tensor([0.3, -2]).sigmoid(), tensor([1, 0]));
 */
export function binaryCrossEntropy(input: Tensor, target: Tensor, options: BinaryCrossEntropyOptions = {}): Tensor {
  const op = "binaryCrossEntropy";
  const { weight } = optionsOf(op, options, { weight: Tensor });
  const difference = `Using a target size (${sizeText(target.shape)}) that is different to the input size (${sizeText(input.shape)}) is deprecated`;
  requireSameShape(op, input, target, `${difference}; please ensure they have the same size`);
  requireUnit(op, input);
  return composite("BinaryCrossEntropy", [input, target], () => {
    const loss = apply("binaryCrossEntropy", common(input, target), null);
    return reduced(op, weight === null ? loss : loss.mul(weight), options);
  });
}

function requireUnit(op: string, input: Tensor): void {
  checkElements(input, (x) => {
    if (x.ge(0).logicalAnd(x.le(1)).all().itemSync() !== 0) return;
    throw new ValueError(`${op}: all elements of input should be between 0 and 1; pass logits to binaryCrossEntropyWithLogits`, {
      shapes: [input.shape],
    });
  });
}

/** Settings of {@link binaryCrossEntropyWithLogits}. */
export interface LogitsOptions extends BinaryCrossEntropyOptions {
  /** A factor for the positive part, such as one for each class. */
  readonly posWeight?: Tensor | null;
}

/**
 * {@link binaryCrossEntropy} of `sigmoid(input)`, computed without overflow.
 * @throws ShapeError unless the shapes are equal.
 * @example
 * F.binaryCrossEntropyWithLogits(tensor([0.3, -2]), tensor([1, 0]), { posWeight: tensor([2, 1]) });
 */
export function binaryCrossEntropyWithLogits(input: Tensor, target: Tensor, options: LogitsOptions = {}): Tensor {
  const op = "binaryCrossEntropyWithLogits";
  const { weight, posWeight } = optionsOf(op, options, { weight: Tensor, posWeight: Tensor });
  requireSameShape(op, input, target, `Target size (${sizeText(target.shape)}) must be the same as input size (${sizeText(input.shape)})`);
  return composite("BinaryCrossEntropyWithLogits", [input, target], () => {
    const loss = posWeight === null ? apply("bceWithLogits", common(input, target), null) : weightedLogits(input, target, posWeight);
    return reduced(op, weight === null ? loss : loss.mul(weight), options);
  });
}

function weightedLogits(input: Tensor, target: Tensor, posWeight: Tensor): Tensor {
  const logWeight = posWeight.sub(1).mul(target).add(1);
  return target
    .rsub(1)
    .mul(input)
    .sub(logWeight.mul(logSigmoid(input)));
}

/** Settings of {@link klDiv}. */
export interface KlDivOptions {
  /** `batchmean` divides the sum by the size of the first dimension, which is the mathematical definition. */
  readonly reduction?: Reduction | "batchmean";
  /** Whether the target is given as logarithms too. */
  readonly logTarget?: boolean;
}

/**
 * Kullback-Leibler divergence of a target distribution from the one whose logarithms are `input`.
 * @example
 * F.klDiv(F.logSoftmax(logits, 1), F.softmax(randn(logits.shape), 1), { reduction: "batchmean" });
 */
export function klDiv(input: Tensor, target: Tensor, options: KlDivOptions = {}): Tensor {
  const { reduction, logTarget } = optionsOf("klDiv", options, { reduction: "mean", logTarget: false });
  if (reduction === "mean") {
    warn(
      "reduction: 'mean' divides the total loss by both the batch size and the support size. 'batchmean' divides only by the batch " +
        "size, and aligns with the KL div math definition.",
    );
  }
  return inFullPrecision(input, () => {
    const loss = logTarget ? target.exp().mul(target.sub(input)) : target.xlogy(target).sub(target.mul(input));
    if (reduction === "batchmean") return loss.sum().div(input.ndim > 0 ? input.shape[0] : 1);
    return reduced("klDiv", loss, { reduction });
  });
}
