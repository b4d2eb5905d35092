import {
  applyAll,
  composite,
  type DType,
  DTypeError,
  expectTensor,
  formatShape,
  hidden,
  isFloatingPoint,
  isInteger,
  isReadable,
  type OptionDefaults,
  type OptionValues,
  optionsOf,
  ShapeError,
  sameShape,
  Tensor,
  ValueError,
} from "@sconce/core";
import { choose } from "../ops.js";
import { checkReduction, type Reduction, type ReductionOptions } from "./reduction.js";

/** Settings of {@link nllLoss}. */
export interface NllLossOptions extends ReductionOptions {
  /** A factor for each class, `[C]`. */
  readonly weight?: Tensor | null;
  /** Targets of this class count for nothing. */
  readonly ignoreIndex?: number;
}

/** Settings of {@link crossEntropy}. */
export interface CrossEntropyOptions extends NllLossOptions {
  /** Share of each target that is spread over all classes, from 0 to 1. */
  readonly labelSmoothing?: number;
}

const NLL: OptionDefaults<NllLossOptions, keyof NllLossOptions> = { weight: Tensor, ignoreIndex: -100, reduction: "mean" };

/** {@link NllLossOptions} of which none is left out. */
type NllSettings = OptionValues<NllLossOptions, keyof NllLossOptions>;
type CrossEntropySettings = OptionValues<CrossEntropyOptions, keyof CrossEntropyOptions>;

/** What decides how much each target counts. */
interface Targets {
  /** False where a target is ignored. */
  readonly counts: Tensor;
  /** Classes, 0 where ignored. */
  readonly classes: Tensor;
  /** Class weights, 0 where ignored. */
  readonly weights: Tensor;
}

function readTargets(target: Tensor, dtype: DType, { weight, ignoreIndex }: NllSettings): Targets {
  const counts = target.ne(ignoreIndex);
  const classes = choose(counts, target, 0, target.dtype);
  if (weight === null) return { counts, classes, weights: counts.cast(dtype) };
  const chosen = weight.cast(dtype).indexSelect(0, classes.flatten()).reshape(classes.shape);
  return { counts, classes, weights: choose(counts, chosen, 0, dtype) };
}

/** A mean counts each element by its weight. */
function weightedReduction(losses: Tensor, { weights }: Targets, reduction: Reduction): Tensor {
  if (reduction === "none") return losses;
  return reduction === "sum" ? losses.sum() : losses.sum().div(weights.sum());
}

/**
 * Negative log likelihood of class indices: `input` holds logarithms `[N, C, ...]` or `[C]`, `target` classes `[N, ...]` or `[]`. A
 * mean is weighted by the classes' weights.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.nll_loss.html
 * @throws ValueError for a target that is no class. @throws ShapeError if the shapes do not fit. @throws DTypeError for a float target.
 * @example
 * F.nllLoss(F.logSoftmax(logits, 1), target);
 */
export function nllLoss(input: Tensor, target: Tensor, options: NllLossOptions = {}): Tensor {
  const op = "nllLoss";
  const settings = optionsOf(op, options, NLL);
  checkReduction(op, settings.reduction);
  checkTarget(op, input, target, settings.weight);
  return hidden(() => likelihood(op, input, target, settings));
}

function checkTarget(op: string, input: Tensor, target: Tensor, weight: Tensor | null): void {
  const shapes = [input.shape, target.shape];
  if (!isInteger(target.dtype)) {
    throw new DTypeError(
      `${op}: expected scalar type Long or Int for the target's class indices, got ${target.dtype}; convert with .int()`,
      {
        dtypes: [input.dtype, target.dtype],
      },
    );
  }
  if (input.ndim === 0) throw new ShapeError(`${op}: expected input [N, C, ...] or [C], got []`, { shapes });
  const expected = input.ndim === 1 ? [] : [input.shape[0], ...input.shape.slice(2)];
  if (input.ndim > 1 && target.ndim > 0 && input.shape[0] !== target.shape[0]) {
    throw new ShapeError(
      `${op}: Expected input batch_size (${input.shape[0]}) to match target batch_size (${target.shape[0]}), ` +
        `got ${formatShape(input.shape)} and ${formatShape(target.shape)}`,
      { shapes },
    );
  }
  if (!sameShape(expected, target.shape)) {
    throw new ShapeError(
      `${op}: Expected target size ${formatShape(expected)}, got ${formatShape(target.shape)} for input ${formatShape(input.shape)}`,
      { shapes },
    );
  }
  const classes = classesOf(input);
  if (weight !== null && (weight.ndim !== 1 || weight.shape[0] !== classes)) {
    throw new ShapeError(
      `${op}: weight tensor should be defined either for all ${classes} classes or no classes but got weight tensor of shape: ` +
        formatShape(weight.shape),
      { shapes: [input.shape, weight.shape] },
    );
  }
}

function classesOf(input: Tensor): number {
  return input.shape[classDim(input)];
}

function classDim(input: Tensor): number {
  return input.ndim === 1 ? 0 : 1;
}

/** {@link nllLoss} of inputs that were checked; `op` is what the user called. */
function likelihood(op: string, input: Tensor, target: Tensor, options: NllSettings): Tensor {
  const { reduction, weight, ignoreIndex } = options;
  const dim = classDim(input);
  const name = input.ndim > 2 ? "NllLoss2D" : "NllLoss";
  if (weight === null) {
    const attrs = { dim, ignoreIndex, reduction };
    return guarded(op, input, target, options, () => applyAll("nll", [input, classIndex(target)], attrs, name)[0]);
  }
  return composite(name, [input, weight], () => {
    const targets = readTargets(target, input.dtype, options);
    const { counts, classes, weights } = targets;
    const picked = guarded(op, input, target, options, () => input.gather(dim, classes.unsqueeze(dim)).squeeze(dim));
    return weightedReduction(choose(counts, picked, 0, input.dtype).neg().mul(weights), targets, reduction);
  });
}

/** Classes as int32; what does not fit stays out of range. */
function classIndex(target: Tensor): Tensor {
  return target.dtype === "int64" ? target.clamp({ min: -(2 ** 31), max: 2 ** 31 - 1 }).int() : target.int();
}

/** Turns a refused index into an error that names the target. */
function guarded(op: string, input: Tensor, target: Tensor, { ignoreIndex }: NllSettings, fn: () => Tensor): Tensor {
  try {
    return fn();
  } catch (error) {
    if (target.wrapped !== null || !isReadable(target)) throw error;
    const classes = classesOf(input);
    const bad = [...target.dataSync()].find((t) => Number(t) !== ignoreIndex && (t < 0 || t >= classes));
    if (bad === undefined) throw error;
    throw new ValueError(`${op}: Target ${bad} is out of bounds; expected classes from 0 to ${classes - 1}`, { shapes: [input.shape] });
  }
}

/**
 * Cross entropy of logits `[N, C, ...]` or `[C]` against class indices `[N, ...]` or `[]`, or against probabilities of the shape of
 * the logits.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html
 * @throws ValueError for a target that is no class, or for a label smoothing outside of [0, 1].
 * @throws ShapeError if the shapes do not fit. @throws DTypeError for a target of the wrong kind.
 * @example
 * const loss = F.crossEntropy(net(x), y); // [64, 10] and [64] -> []
 */
export function crossEntropy(input: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const op = "crossEntropy";
  const settings = optionsOf(op, options, { ...NLL, labelSmoothing: 0 });
  const { labelSmoothing } = settings;
  checkReduction(op, settings.reduction);
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new ValueError(`${op}: label_smoothing must be between 0.0 and 1.0. Got: ${labelSmoothing}`);
  }
  for (const x of [input, target]) expectTensor(op, x);
  if (sameShape(input.shape, target.shape)) return hidden(() => probabilityLoss(input, target, settings));
  checkTarget(op, input, target, settings.weight);
  return hidden(() => {
    const logs = input.logSoftmax(classDim(input));
    return labelSmoothing === 0 ? likelihood(op, logs, target, settings) : smoothedLoss(logs, target, settings);
  });
}

function probabilityLoss(input: Tensor, target: Tensor, { weight, reduction, labelSmoothing, ignoreIndex }: CrossEntropySettings): Tensor {
  const op = "crossEntropy";
  if (!isFloatingPoint(target.dtype)) {
    throw new DTypeError(`${op}: Expected floating point type for target with class probabilities, got ${target.dtype}`, {
      dtypes: [target.dtype],
    });
  }
  if (ignoreIndex >= 0) throw new ValueError(`${op}: ignore_index is not supported for floating point target`);
  const dim = classDim(input);
  const classes = classesOf(input);
  const spread = labelSmoothing === 0 ? target : target.mul(1 - labelSmoothing).add(labelSmoothing / classes);
  const products = input.logSoftmax(dim).mul(spread);
  const weighted = weight === null ? products : products.mul(perClass(weight, input));
  if (reduction === "none") return weighted.sum(dim).neg();
  if (reduction === "sum") return weighted.sum().neg();
  return weighted
    .sum()
    .neg()
    .div(input.numel() / classes);
}

/** Class weights in a shape that broadcasts over `[N, C, ...]`. */
function perClass(weight: Tensor, input: Tensor): Tensor {
  const shape = input.shape.map(() => 1);
  shape[classDim(input)] = weight.numel();
  return weight.reshape(shape);
}

function smoothedLoss(logs: Tensor, target: Tensor, options: CrossEntropySettings): Tensor {
  const { weight, reduction, labelSmoothing } = options;
  const nll = likelihood("crossEntropy", logs, target, options);
  const targets = readTargets(target, logs.dtype, options);
  const all = (weight === null ? logs : logs.mul(perClass(weight, logs))).sum(classDim(logs)).neg();
  const smooth = weightedReduction(choose(targets.counts, all, 0, logs.dtype), targets, reduction);
  return nll.mul(1 - labelSmoothing).add(smooth.mul(labelSmoothing / classesOf(logs)));
}
