import { formatShape, full, hidden, type Shape, ShapeError, type Tensor, ValueError, write } from "@sconce/core";
import { pad } from "@sconce/core/nn";
import * as F from "../functional/normalization.js";
import { Module } from "../module.js";
import { settle } from "../options.js";
import type { Parameter } from "../parameter.js";
import { pyFields, pyOption, pyTuple } from "../repr.js";
import { type BiasOptions, checkSizes, type FactoryOptions, filledParameter } from "./factory.js";

/** Settings of batch and instance normalisation. */
export interface NormOptions extends FactoryOptions {
  /** Added to the variance. */
  readonly eps?: number;
  /** Share of a batch in the running statistics; null gives all batches the same share. */
  readonly momentum?: number | null;
  /** Whether there are weight and bias. */
  readonly affine?: boolean;
  /** Whether there are running statistics. */
  readonly trackRunningStats?: boolean;
}

/** Normalisation with running statistics. State: `weight`, `bias`, `running_mean`, `running_var` `[numFeatures]`, `num_batches_tracked`. */
abstract class RunningNorm extends Module {
  static override readonly stateKeys: Readonly<Record<string, string>> = {
    runningMean: "running_mean",
    runningVar: "running_var",
    numBatchesTracked: "num_batches_tracked",
  };
  static override readonly optionalKeys: readonly string[] = ["num_batches_tracked"];

  readonly numFeatures: number;
  declare readonly eps: number;
  declare readonly momentum: number | null;
  declare readonly affine: boolean;
  declare readonly trackRunningStats: boolean;
  weight: Parameter | null;
  bias: Parameter | null;
  declare runningMean: Tensor | null;
  declare runningVar: Tensor | null;
  /** Batches seen in training, int32. */
  declare numBatchesTracked: Tensor | null;

  constructor(numFeatures: number, options: NormOptions, affine: boolean, trackRunningStats: boolean) {
    super();
    const momentum = options?.momentum === null ? Number : 0.1;
    settle(this, options, { eps: 1e-5, momentum, affine, trackRunningStats });
    checkSizes(new.target.name, { numFeatures }, 0);
    this.numFeatures = numFeatures;
    const { dtype, device } = options;
    this.weight = this.affine ? filledParameter([numFeatures], 1, options) : null;
    this.bias = this.affine ? filledParameter([numFeatures], 0, options) : null;
    const buffer = (value: number): Tensor | null => (this.trackRunningStats ? full([numFeatures], value, { dtype, device }) : null);
    this.registerBuffer("runningMean", buffer(0));
    this.registerBuffer("runningVar", buffer(1));
    this.registerBuffer("numBatchesTracked", this.trackRunningStats ? full([], 0, { dtype: "int32", device }) : null);
  }

  /** Forgets the running statistics. */
  resetRunningStats(): void {
    for (const [buffer, value] of [
      [this.runningMean, 0],
      [this.runningVar, 1],
      [this.numBatchesTracked, 0],
    ] as const) {
      if (buffer !== null) write(buffer, buffer.newFull(buffer.shape, value));
    }
  }

  /** Sets weight and bias to 1 and 0, and forgets the running statistics. */
  resetParameters(): void {
    this.resetRunningStats();
    if (this.weight !== null) write(this.weight, this.weight.newFull(this.weight.shape, 1));
    if (this.bias !== null) write(this.bias, this.bias.newFull(this.bias.shape, 0));
  }

  override extraRepr(): string {
    return `${this.numFeatures}, ${pyFields(this, "eps", "momentum", "affine", "trackRunningStats")}`;
  }
}

/** @throws ShapeError unless the input has one of these ranks. */
function checkRank(op: string, input: Tensor, ranks: readonly number[]): void {
  if (ranks.includes(input.ndim)) return;
  throw new ShapeError(
    `${op}: expected ${ranks.map((n) => `${n}D`).join(" or ")} input (got ${input.ndim}D input), ${formatShape(input.shape)}`,
    {
      shapes: [input.shape],
    },
  );
}

abstract class BatchNorm extends RunningNorm {
  constructor(numFeatures: number, options: NormOptions = {}) {
    super(numFeatures, options, true, true);
  }

  /** Ranks that the input may have. */
  protected abstract get ranks(): readonly number[];

  /** True: the running statistics are averages over batches. */
  get averagesBatches(): boolean {
    return true;
  }

  override forward(input: Tensor): Tensor {
    checkRank(this.constructor.name, input, this.ranks);
    const { weight, bias, eps, trackRunningStats } = this;
    const [mean, variance] = !this.training || trackRunningStats ? [this.runningMean, this.runningVar] : [null, null];
    const training = this.training || (mean === null && variance === null);
    return hidden(() => {
      const momentum = this.training && trackRunningStats ? countBatch(this) : 0;
      return F.batchNorm(input, mean, variance, { weight, bias, eps, momentum, training });
    });
  }
}

/** Counts a batch and returns its share in the running statistics. */
function countBatch({ numBatchesTracked, momentum }: BatchNorm): number | Tensor {
  if (numBatchesTracked === null) return momentum ?? 0;
  write(numBatchesTracked, numBatchesTracked.add(1));
  return momentum ?? numBatchesTracked.float().reciprocal();
}

abstract class InstanceNorm extends RunningNorm {
  constructor(numFeatures: number, options: NormOptions = {}) {
    super(numFeatures, options, false, false);
  }

  /** Rank of an input without a batch. */
  protected abstract get rank(): number;

  override forward(input: Tensor): Tensor {
    const { weight, bias, eps, runningMean, runningVar, training, trackRunningStats, rank } = this;
    checkRank(this.constructor.name, input, [rank, rank + 1]);
    const useInputStats = training || !trackRunningStats;
    const options = { weight, bias, eps, runningMean, runningVar, momentum: this.momentum ?? 0, useInputStats };
    if (input.ndim === rank) return F.instanceNorm(input.unsqueeze(0), options).squeeze(0);
    return F.instanceNorm(input, options);
  }
}

/** Settings of layer and group normalisation. */
export interface LayerNormOptions extends BiasOptions {
  readonly eps?: number;
  /** Whether there are weight and bias. */
  readonly elementwiseAffine?: boolean;
}

/**
 * Normalises over the last dimensions, whose sizes are `normalizedShape`. State: `weight`, `bias` of that shape.
 *
 * Source: https://arxiv.org/abs/1607.06450
 * @example
 * new nn.LayerNorm(512)(randn([8, 16, 512])); // [8, 16, 512]
 */
export class LayerNorm extends Module {
  static override readonly transient: boolean = true;

  readonly normalizedShape: Shape;
  declare readonly eps: number;
  declare readonly elementwiseAffine: boolean;
  weight: Parameter | null;
  bias: Parameter | null;

  constructor(normalizedShape: number | Shape, options: LayerNormOptions = {}) {
    super();
    const { elementwiseAffine, bias } = settle(this, options, { eps: 1e-5, elementwiseAffine: true, bias: true });
    this.normalizedShape = typeof normalizedShape === "number" ? [normalizedShape] : normalizedShape;
    this.weight = elementwiseAffine ? filledParameter(this.normalizedShape, 1, options) : null;
    this.bias = elementwiseAffine && bias ? filledParameter(this.normalizedShape, 0, options) : null;
  }

  override forward(input: Tensor): Tensor {
    return F.layerNorm(input, this.normalizedShape, this);
  }

  override extraRepr(): string {
    return `${pyTuple(this.normalizedShape)}, ${pyFields(this, "eps", "elementwiseAffine")}`;
  }
}

/** Divides by the root of the mean square over the last dimensions. State: `weight`. Source: https://arxiv.org/abs/1910.07467 */
export class RMSNorm extends Module {
  readonly normalizedShape: Shape;
  /** Added to the mean square; null takes the distance of 1 to the next number of the dtype. */
  declare readonly eps: number | null;
  declare readonly elementwiseAffine: boolean;
  weight: Parameter | null;

  constructor(normalizedShape: number | Shape, options: Omit<LayerNormOptions, "bias" | "eps"> & { readonly eps?: number | null } = {}) {
    super();
    settle(this, options, { eps: Number, elementwiseAffine: true });
    this.normalizedShape = typeof normalizedShape === "number" ? [normalizedShape] : normalizedShape;
    this.weight = this.elementwiseAffine ? filledParameter(this.normalizedShape, 1, options) : null;
  }

  override forward(input: Tensor): Tensor {
    return F.rmsNorm(input, this.normalizedShape, this);
  }

  override extraRepr(): string {
    return `${pyTuple(this.normalizedShape)}, ${pyFields(this, "eps", "elementwiseAffine")}`;
  }
}

/**
 * Normalises `numGroups` groups of the channels of `[N, C, ...]`. State: `weight`, `bias` `[numChannels]`.
 *
 * Source: https://arxiv.org/abs/1803.08494
 * @throws ValueError if the groups do not divide the channels.
 */
export class GroupNorm extends Module {
  readonly numGroups: number;
  readonly numChannels: number;
  declare readonly eps: number;
  declare readonly affine: boolean;
  weight: Parameter | null;
  bias: Parameter | null;

  constructor(numGroups: number, numChannels: number, options: FactoryOptions & { readonly eps?: number; readonly affine?: boolean } = {}) {
    super();
    settle(this, options, { eps: 1e-5, affine: true });
    checkSizes("GroupNorm", { numGroups, numChannels });
    if (numChannels % numGroups !== 0) {
      throw new ValueError(`GroupNorm: num_channels must be divisible by num_groups, got ${numChannels} and ${numGroups}`);
    }
    this.numGroups = numGroups;
    this.numChannels = numChannels;
    this.weight = this.affine ? filledParameter([numChannels], 1, options) : null;
    this.bias = this.affine ? filledParameter([numChannels], 0, options) : null;
  }

  override forward(input: Tensor): Tensor {
    return F.groupNorm(input, this.numGroups, this);
  }

  override extraRepr(): string {
    return `${this.numGroups}, ${this.numChannels}, ${pyFields(this, "eps", "affine")}`;
  }
}

/** Divides `[N, C, ...]` by a power of the mean of squares of `size` neighbouring channels. */
export class LocalResponseNorm extends Module {
  readonly size: number;
  declare readonly alpha: number;
  declare readonly beta: number;
  declare readonly k: number;

  constructor(size: number, options: F.LocalResponseNormOptions = {}) {
    super();
    this.size = size;
    settle(this, options, { alpha: 1e-4, beta: 0.75, k: 1 });
  }

  override forward(input: Tensor): Tensor {
    return F.localResponseNorm(input, this.size, this);
  }

  override extraRepr(): string {
    return `${this.size}, ${pyFields(this, "alpha", "beta")}, k=${pyOption(this.k, 1)}`;
  }
}

/**
 * Divides `[N, C, H, W]` by a power of the sum of squares of the channels at most `(size - 1) / 2` away.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.CrossMapLRN2d.html
 * @throws ShapeError for another rank.
 */
export class CrossMapLRN2d extends LocalResponseNorm {
  override forward(input: Tensor): Tensor {
    checkRank("CrossMapLRN2d", input, [4]);
    const { size, alpha, beta, k } = this;
    const reach = Math.floor((size - 1) / 2);
    const squares = pad(input.square(), [0, 0, 0, 0, reach, reach]).unfold(1, 2 * reach + 1, 1);
    return input.mul(
      squares
        .sum(-1)
        .mul(alpha / size)
        .add(k)
        .pow(-beta),
    );
  }
}

/**
 * Normalises the channels of `[N, C]` or `[N, C, L]`: in training by the batch, else by running statistics.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html
 * @throws ShapeError when called with another rank, or in training with one value per channel.
 */
export class BatchNorm1d extends BatchNorm {
  static override readonly transient: boolean = true;

  protected override get ranks(): readonly number[] {
    return [2, 3];
  }
}

/**
 * Normalises the channels of `[N, C, H, W]`: in training by the batch, else by running statistics.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html
 * @throws ShapeError when called with another rank, or in training with one value per channel.
 * @example
 * new nn.BatchNorm2d(8)(randn([16, 8, 28, 28])); // [16, 8, 28, 28]
 */
export class BatchNorm2d extends BatchNorm {
  static override readonly transient: boolean = true;

  protected override get ranks(): readonly number[] {
    return [4];
  }
}

/**
 * Normalises the channels of `[N, C, D, H, W]`: in training by the batch, else by running statistics.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm3d.html
 * @throws ShapeError when called with another rank, or in training with one value per channel.
 */
export class BatchNorm3d extends BatchNorm {
  static override readonly transient: boolean = true;

  protected override get ranks(): readonly number[] {
    return [5];
  }
}

/** Normalises every channel of every sample of `[N, C, L]` or `[C, L]` by its own statistics. Source: https://arxiv.org/abs/1607.08022 */
export class InstanceNorm1d extends InstanceNorm {
  protected override get rank(): number {
    return 2;
  }
}

/** Normalises every channel of every sample of `[N, C, H, W]` or `[C, H, W]` by its own statistics. Source: https://arxiv.org/abs/1607.08022 */
export class InstanceNorm2d extends InstanceNorm {
  protected override get rank(): number {
    return 3;
  }
}

/** Normalises every channel of every sample of `[N, C, D, H, W]` or `[C, D, H, W]` by its own statistics. Source: https://arxiv.org/abs/1607.08022 */
export class InstanceNorm3d extends InstanceNorm {
  protected override get rank(): number {
    return 4;
  }
}
