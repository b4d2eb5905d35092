import { cat, formatShape, optionsOf, ShapeError, type Tensor, tensor, ValueError } from "@sconce/core";
import { Module } from "../module.js";
import type { FactoryOptions } from "./factory.js";
import { Linear } from "./linear.js";
import { ModuleList, Sequential } from "./sequential.js";

/** Settings of {@link AdaptiveLogSoftmaxWithLoss}. */
export interface AdaptiveLogSoftmaxOptions extends FactoryOptions {
  /** By how much each cluster is smaller inside than the one before; 4 unless given. */
  readonly divValue?: number;
  /** Whether the head has a bias. */
  readonly headBias?: boolean;
}

/**
 * A softmax over many classes, ordered by falling frequency: the head holds the first `cutoffs[0]` classes and one entry for each
 * cluster of the others. Inputs `[N, inFeatures]` and classes `[N]` to the logarithm of the probability of each class `[N]` and the mean
 * loss. State: `head.weight`, `head.bias`, `tail.0.0.weight`, `tail.0.1.weight` and so on.
 *
 * Source: https://arxiv.org/abs/1609.04309
 * @throws ValueError unless the cutoffs rise and lie between 1 and `nClasses - 1`.
 * @example
 * const criterion = new nn.AdaptiveLogSoftmaxWithLoss(64, 1000, [10, 100]);
 * const [output, loss] = criterion(randn([8, 64]), randint(0, 1000, [8]));
 */
export class AdaptiveLogSoftmaxWithLoss extends Module {
  readonly inFeatures: number;
  readonly nClasses: number;
  /** Where each cluster ends; the last one at `nClasses`. */
  readonly cutoffs: readonly number[];
  readonly divValue: number;
  head: Linear;
  tail: ModuleList<Sequential<Linear>>;

  constructor(inFeatures: number, nClasses: number, cutoffs: readonly number[], options: AdaptiveLogSoftmaxOptions = {}) {
    super();
    const { divValue = 4, headBias = false, ...factory } = optionsOf(new.target, options);
    const fits = cutoffs.length > 0 && cutoffs.every((c, i) => Number.isInteger(c) && c > (i === 0 ? 0 : cutoffs[i - 1]) && c < nClasses);
    if (!fits) {
      throw new ValueError(
        "AdaptiveLogSoftmaxWithLoss: cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each " +
          `value is between 1 and n_classes-1, got ${formatShape(cutoffs)} for ${nClasses} classes`,
      );
    }
    this.inFeatures = inFeatures;
    this.nClasses = nClasses;
    this.cutoffs = [...cutoffs, nClasses];
    this.divValue = divValue;
    this.head = new Linear(inFeatures, cutoffs[0] + cutoffs.length, { ...factory, bias: headBias });
    const cluster = (i: number): Sequential<Linear> => {
      const hidden = Math.floor(inFeatures / divValue ** (i + 1));
      const size = this.cutoffs[i + 1] - this.cutoffs[i];
      const inner = { ...factory, bias: false };
      return new Sequential<Linear>(new Linear(inFeatures, hidden, inner), new Linear(hidden, size, inner));
    };
    this.tail = new ModuleList(cutoffs.map((_, i) => cluster(i)));
  }

  override forward(input: Tensor, target: Tensor): [output: Tensor, loss: Tensor] {
    const op = "AdaptiveLogSoftmaxWithLoss";
    if (target.ndim > 1 || input.ndim !== target.ndim + 1 || (target.ndim === 1 && input.shape[0] !== target.shape[0])) {
      throw new ShapeError(
        `${op}: Input and target should have the same size in the batch dimension, got ${formatShape(input.shape)} and ${formatShape(target.shape)}`,
        { shapes: [input.shape, target.shape] },
      );
    }
    const batched = target.ndim === 1;
    const x = batched ? input : input.unsqueeze(0);
    const classes = (batched ? target : target.unsqueeze(0)).int();
    const first = this.cutoffs[0];
    let entries = classes;
    let output = x.newFull([x.shape[0]], 0);
    const list = Array.from(classes.dataSync(), Number);
    if (list.some((c) => c < 0 || c >= this.nClasses)) {
      throw new ValueError(`${op}: Target values should be in [0, ${this.nClasses - 1}]`);
    }
    for (let i = 0; i + 1 < this.cutoffs.length; i++) {
      const [low, high] = [this.cutoffs[i], this.cutoffs[i + 1]];
      const found = list.flatMap((c, row) => (c >= low && c < high ? [row] : []));
      if (found.length === 0) continue;
      const rows = tensor(Int32Array.from(found), { device: x.device });
      const inside = classes.ge(low).logicalAnd(classes.lt(high));
      const local = classes.indexSelect(0, rows).sub(low);
      const logs = this.tail[i](x.indexSelect(0, rows)).logSoftmax(1);
      output = output.indexAdd(0, rows, logs.gather(1, local.unsqueeze(1)).squeeze(1));
      entries = entries.maskedFill(inside, first + i);
    }
    const total = output.add(this.head(x).logSoftmax(1).gather(1, entries.unsqueeze(1)).squeeze(1));
    return [batched ? total : total.squeeze(0), total.neg().mean()];
  }

  /** Logarithms of the probabilities of all classes: `[N, inFeatures]` to `[N, nClasses]`. */
  logProb(input: Tensor): Tensor {
    const first = this.cutoffs[0];
    const head = this.head(input).logSoftmax(1);
    const clusters = [...this.tail].map((cluster, i) =>
      cluster(input)
        .logSoftmax(1)
        .add(head.narrow(1, first + i, 1)),
    );
    return cat([head.narrow(1, 0, first), ...clusters], 1);
  }

  /** The likeliest class of each input: `[N, inFeatures]` to `[N]`, int32. */
  predict(input: Tensor): Tensor {
    return this.logProb(input).argmax(1);
  }
}
