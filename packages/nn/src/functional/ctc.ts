import { cat, formatShape, full, isHalf, optionsOf, ShapeError, stack, type Tensor, tensor, ValueError } from "@sconce/core";
import { choose } from "../ops.js";
import { checkReduction, type ReductionOptions } from "./reduction.js";

/** Settings of {@link ctcLoss}. */
export interface CtcLossOptions extends ReductionOptions {
  /** The class of no label; 0 unless given. */
  readonly blank?: number;
  /** Takes 0 for a target that is too long for its input, where the loss would be infinite. */
  readonly zeroInfinity?: boolean;
}

/** Lengths of the sequences of a batch; a number for one sequence without batch. */
export type Lengths = Tensor | readonly number[] | number;

/** The logarithm of nothing: finite, so that no difference of infinities arises. */
const NOTHING = -1e30;

function lengthsOf(name: string, lengths: Lengths, count: number, most: number): number[] {
  const list =
    typeof lengths === "number" ? [lengths] : Array.isArray(lengths) ? [...lengths] : Array.from((lengths as Tensor).dataSync(), Number);
  if (list.length !== count) {
    throw new ShapeError(`ctcLoss: ${name} must be of size batch_size: expected ${count}, got ${list.length}`);
  }
  const wrong = list.find((n) => !(n >= 0 && n <= most));
  if (wrong !== undefined) throw new ValueError(`ctcLoss: Expected ${name} to have value at most ${most}, but got value ${wrong}`);
  return list;
}

/** Labels `[N, L]` in int32, blank after the end of each target, from rows or from all targets in one vector. */
function labelsOf(targets: Tensor, lengths: readonly number[], blank: number): Tensor {
  const { device } = targets;
  const longest = Math.max(...lengths);
  const n = lengths.length;
  const inside = tensor(
    lengths.map((length) => Array.from({ length: longest }, (_, j) => j < length)),
    { device },
  ).reshape([n, longest]);
  if (targets.ndim === 2) return choose(inside, targets.narrow(1, 0, longest).int(), blank, "int32");
  let start = 0;
  const places = lengths.flatMap((length) => {
    const row = Array.from({ length: longest }, (_, j) => (j < length ? start + j : 0));
    start += length;
    return row;
  });
  if (start !== targets.shape[0]) {
    throw new ShapeError(`ctcLoss: expected targets of ${start} labels, the sum of target_lengths, got ${formatShape(targets.shape)}`, {
      shapes: [targets.shape],
    });
  }
  const index = tensor(places, { dtype: "int32", device });
  return choose(inside, targets.int().indexSelect(0, index).reshape([n, longest]), blank, "int32");
}

/** `[N, L]` to `[N, 2 L + 1]`: blanks before, between and after the labels. */
function withBlanks(labels: Tensor, blank: number): Tensor {
  const [n, length] = labels.shape;
  const blanks = labels.newFull([n, length], blank);
  return cat([stack([blanks, labels], 2).reshape([n, 2 * length]), labels.newFull([n, 1], blank)], 1);
}

/** What a step from two states before costs: nothing to a label that differs from the one before, else all. `[N, S]` */
function skipCosts(states: Tensor, blank: number, like: Tensor): Tensor {
  const [n, size] = states.shape;
  const lead = like.newFull([n, Math.min(2, size)], NOTHING);
  if (size <= 2) return lead;
  const here = states.narrow(1, 2, size - 2);
  const differs = here.ne(states.narrow(1, 0, size - 2)).logicalAnd(here.ne(blank));
  return cat([lead, choose(differs, 0, NOTHING, like.dtype)], 1);
}

function logSumExp(list: readonly Tensor[]): Tensor {
  const most = list.map((x) => x.detach()).reduce((a, b) => a.maximum(b));
  return list
    .map((x) => x.sub(most).exp())
    .reduce((a, b) => a.add(b))
    .log()
    .add(most);
}

/** Logarithms of the probability of all paths to each state at the end of each input, `[N, S]`. */
function forwardPass(emissions: readonly Tensor[], skips: Tensor, inputLengths: readonly number[]): Tensor {
  const [n, size] = skips.shape;
  const first = emissions[0];
  const start = first.newFull([1, Math.min(2, size)], 0);
  let alpha = first.add(size <= 2 ? start : cat([start, first.newFull([1, size - 2], NOTHING)], 1));
  const before = first.newFull([n, 2], NOTHING);
  const shortest = Math.min(...inputLengths);
  for (let t = 1; t < emissions.length; t++) {
    const padded = cat([before, alpha], 1);
    const ways = [alpha, padded.narrow(1, 1, size), padded.narrow(1, 0, size).add(skips)];
    const next = logSumExp(ways).add(emissions[t]);
    const runs = (): Tensor =>
      tensor(
        inputLengths.map((length) => [t < length]),
        { device: first.device },
      );
    alpha = t < shortest ? next : choose(runs(), next, alpha, first.dtype);
  }
  return alpha;
}

/** Logarithms of the probability of the targets: the paths that end in the last label or the blank after it. `[N]` */
function likelihoodOf(alpha: Tensor, targetLengths: readonly number[]): Tensor {
  const ends = tensor(
    targetLengths.map((length) => [2 * length, Math.max(2 * length - 1, 0)]),
    { dtype: "int32", device: alpha.device },
  );
  const [blank, label] = alpha.gather(1, ends).unbind(1);
  const empty = tensor(
    targetLengths.map((length) => (length === 0 ? NOTHING : 0)),
    { dtype: alpha.dtype, device: alpha.device },
  );
  return logSumExp([blank, label.add(empty)]);
}

/**
 * Probabilities of all classes at the steps of each input, less their own value: 0, whose gradient makes that of the loss the one with
 * respect to the logits before logSoftmax, as PyTorch has it.
 */
function logitTerm(logProbs: Tensor, inputLengths: readonly number[]): Tensor {
  const steps = logProbs.shape[0];
  const rows = Array.from({ length: steps }, (_, t) => inputLengths.map((length) => (t < length ? 1 : 0)));
  const inside = tensor(rows, { dtype: logProbs.dtype, device: logProbs.device });
  const mass = logProbs.exp().sum(2).mul(inside).sum(0);
  return mass.sub(mass.detach());
}

/**
 * Connectionist temporal classification: minus the logarithm of the probability of all ways to read the targets from inputs that are
 * longer. `logProbs` holds logarithms `[T, N, C]` or `[T, C]`; `targets` classes `[N, L]`, or all targets in one vector; the lengths
 * are numbers or tensors, one for each sequence. A mean divides each loss by the length of its target first.
 *
 * Source: https://www.cs.toronto.edu/~graves/icml_2006.pdf
 * @throws ShapeError or ValueError if lengths or classes do not fit.
 * @example
 * const logits = randn([50, 2, 20]); // [time, batch, classes]
 * F.ctcLoss(logits.logSoftmax(2), randint(1, 20, [2, 10]), [50, 50], [10, 8]); // []
 */
export function ctcLoss(
  logProbs: Tensor,
  targets: Tensor,
  inputLengths: Lengths,
  targetLengths: Lengths,
  options: CtcLossOptions = {},
): Tensor {
  const op = "ctcLoss";
  const { blank, reduction, zeroInfinity } = optionsOf(op, options, { blank: 0, reduction: "mean", zeroInfinity: false });
  checkReduction(op, reduction);
  // Sums of thousands of logarithms leave the range and the precision of 16 bits.
  if (isHalf(logProbs.dtype)) return ctcLoss(logProbs.float(), targets, inputLengths, targetLengths, options).cast(logProbs.dtype);
  if (logProbs.ndim === 2) {
    const rows = targets.ndim === 1 ? targets.unsqueeze(0) : targets;
    const loss = ctcLoss(logProbs.unsqueeze(1), rows, inputLengths, targetLengths, options);
    return reduction === "none" ? loss.squeeze(0) : loss;
  }
  if (logProbs.ndim !== 3) {
    throw new ShapeError(`${op}: expected log_probs [T, N, C] or [T, C], got ${formatShape(logProbs.shape)}`, {
      shapes: [logProbs.shape],
    });
  }
  const [most, n, classes] = logProbs.shape;
  if (!(blank >= 0 && blank < classes)) throw new ValueError(`${op}: blank must be in label range, got ${blank} for ${classes} classes`);
  const inputs = lengthsOf("input_lengths", inputLengths, n, most);
  const lengths = lengthsOf("target_lengths", targetLengths, n, targets.ndim === 2 ? targets.shape[1] : targets.shape[0]);
  const steps = Math.max(...inputs, 1);
  const used = steps === most ? logProbs : logProbs.narrow(0, 0, steps);
  const states = withBlanks(labelsOf(targets, lengths, blank), blank);
  const emissions = used.gather(2, states.unsqueeze(0).expand([steps, ...states.shape])).unbind(0);
  const alpha = forwardPass(emissions, skipCosts(states, blank, used), inputs);
  const negative = likelihoodOf(alpha, lengths).neg();
  const possible = negative.detach().lt(-NOTHING / 2);
  const impossible = zeroInfinity ? 0 : Number.POSITIVE_INFINITY;
  const losses = choose(possible, negative.add(logitTerm(used, inputs)), impossible, used.dtype);
  if (reduction === "none") return losses;
  if (reduction === "sum") return losses.sum();
  const divisors = full([n], 1, { dtype: used.dtype, device: used.device });
  const sizes = tensor(lengths, { dtype: used.dtype, device: used.device });
  return losses.div(sizes.maximum(divisors)).mean();
}
