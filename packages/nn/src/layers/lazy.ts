/** Layers that take the size of their input from the first one that comes, or from the state that is loaded. */
import { formatShape, optionsOf, ShapeError, type Tensor } from "@sconce/core";
import type { Spatial } from "@sconce/core/nn";
import type { Module } from "../module.js";
import { isLazy, UninitializedParameter } from "../parameter.js";
import type { StateDict } from "../state.js";
import {
  Conv1d,
  Conv2d,
  Conv3d,
  type ConvLayerOptions,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  type ConvTransposeLayerOptions,
} from "./conv.js";
import type { BiasOptions } from "./factory.js";
import { Linear } from "./linear.js";
import {
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  InstanceNorm1d,
  InstanceNorm2d,
  InstanceNorm3d,
  type NormOptions,
} from "./normalization.js";

/** How a lazy layer finds its size and becomes a plain one. */
interface Plan {
  /** The class that it becomes. */
  readonly becomes: { readonly prototype: object };
  /** The size in an input. */
  readonly ofInput: (input: Tensor) => number;
  /** The size in a state, if it is there. */
  readonly ofState: (state: StateDict, prefix: string) => number | undefined;
  /** Gives the parameters their shapes. */
  readonly fill: (size: number) => void;
}

/** Fields that become known later. */
type Open<T> = { -readonly [K in keyof T]: T[K] };

/** Waits for the first input or state. The weights are drawn then, so that the stream of random numbers is PyTorch's. */
function postpone<M extends Module & { resetParameters(): void }>(layer: M, plan: Plan): void {
  const become = (size: number): void => {
    plan.fill(size);
    hook.remove();
    Reflect.deleteProperty(layer, "beforeLoad");
    Object.setPrototypeOf(layer, plan.becomes.prototype);
    layer.resetParameters();
  };
  const hook = layer.registerForwardPreHook((_, inputs) => become(plan.ofInput(inputs[0] as Tensor)));
  const beforeLoad = (state: StateDict, prefix: string): void => {
    const size = plan.ofState(state, prefix);
    if (size !== undefined) become(size);
  };
  Object.defineProperty(layer, "beforeLoad", { value: beforeLoad, configurable: true });
}

/** Size of a dimension of a tensor of the state. */
function sizeIn(state: StateDict, key: string, dim: number): number | undefined {
  const tensor = state?.[key];
  return isLazy(tensor) ? undefined : tensor?.shape[dim];
}

/** Channels of an input with or without a batch. */
function channelsOf(layer: string, input: Tensor, rank: number): number {
  if (input.ndim !== rank + 1 && input.ndim !== rank + 2) {
    throw new ShapeError(
      `${layer}: Expected ${rank + 1}D (unbatched) or ${rank + 2}D (batched) input, but got input of size: ${formatShape(input.shape)}`,
      { shapes: [input.shape] },
    );
  }
  return input.shape[input.ndim - rank - 1];
}

/**
 * A {@link Linear} that takes `inFeatures` from its first input, and is one from then on.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.LazyLinear.html
 * @example
 * const net = new nn.Sequential(new nn.Flatten(), new nn.LazyLinear(10));
 * net(randn([8, 3, 4])); // [8, 10]
 */
export class LazyLinear extends Linear {
  constructor(outFeatures: number, options: BiasOptions = {}) {
    const { bias } = optionsOf(new.target, options, { bias: true });
    super(0, 0, { ...options, bias: false });
    const weight = new UninitializedParameter(options);
    const shift = bias ? new UninitializedParameter(options) : null;
    Object.assign(this, { outFeatures, weight, bias: shift });
    postpone(this, {
      becomes: Linear,
      ofInput: (input) => input.shape[input.ndim - 1],
      ofState: (state, prefix) => sizeIn(state, `${prefix}weight`, 1),
      fill: (inFeatures) => {
        Object.assign(this, { inFeatures });
        weight.materialize([outFeatures, inFeatures]);
        shift?.materialize([outFeatures]);
      },
    });
  }

  /** Does nothing: there are no weights yet. */
  override resetParameters(): void {}
}

/** What convolutions of all kinds share. */
type AnyConv = Conv1d | Conv2d | Conv3d | ConvTranspose1d | ConvTranspose2d | ConvTranspose3d;

interface ConvPlan {
  readonly becomes: Plan["becomes"];
  readonly transposed: boolean;
  readonly outChannels: number;
  readonly options: ConvLayerOptions;
}

/** Makes a convolution without channels wait for them. */
function postponeConv(conv: AnyConv, { becomes, transposed, outChannels, options }: ConvPlan): void {
  const { bias = true, dtype, device } = options;
  const layer = conv as Open<AnyConv>;
  const { groups, kernelSize } = conv;
  const name = conv.constructor.name;
  layer.outChannels = outChannels;
  const weight = new UninitializedParameter({ dtype, device });
  const shift = bias ? new UninitializedParameter({ dtype, device }) : null;
  Object.assign(layer, { weight, bias: shift });
  postpone(conv as Conv2d, {
    becomes,
    ofInput: (input) => channelsOf(name, input, kernelSize.length),
    ofState: (state, prefix) => {
      const size = sizeIn(state, `${prefix}weight`, transposed ? 0 : 1);
      return size === undefined || transposed ? size : size * groups;
    },
    fill: (inChannels) => {
      layer.inChannels = inChannels;
      if (inChannels % groups !== 0) {
        throw new ShapeError(`${name}: in_channels must be divisible by groups, got ${inChannels} and ${groups}`);
      }
      const [first, second] = transposed ? [inChannels, outChannels] : [outChannels, inChannels];
      weight.materialize([first, second / groups, ...kernelSize]);
      shift?.materialize([outChannels]);
    },
  });
}

/** Options of a convolution that has no weights yet. */
const empty = <O extends ConvLayerOptions>(owner: { readonly name: string }, options: O): O => ({
  ...optionsOf(owner, options),
  bias: false,
});

/** A {@link Conv1d} that takes `inChannels` from its first input, and is one from then on. */
export class LazyConv1d extends Conv1d {
  constructor(outChannels: number, kernelSize: Spatial, options: ConvLayerOptions = {}) {
    super(0, 0, kernelSize, empty(new.target, options));
    postponeConv(this, { becomes: Conv1d, transposed: false, outChannels, options });
  }

  override resetParameters(): void {}
}

/**
 * A {@link Conv2d} that takes `inChannels` from its first input, and is one from then on.
 * @example
 * new nn.LazyConv2d(8, 3)(randn([1, 5, 8, 8])); // [1, 8, 6, 6]
 */
export class LazyConv2d extends Conv2d {
  constructor(outChannels: number, kernelSize: Spatial, options: ConvLayerOptions = {}) {
    super(0, 0, kernelSize, empty(new.target, options));
    postponeConv(this, { becomes: Conv2d, transposed: false, outChannels, options });
  }

  /** Does nothing: there are no weights yet. */
  override resetParameters(): void {}
}

/** A {@link Conv3d} that takes `inChannels` from its first input, and is one from then on. */
export class LazyConv3d extends Conv3d {
  constructor(outChannels: number, kernelSize: Spatial, options: ConvLayerOptions = {}) {
    super(0, 0, kernelSize, empty(new.target, options));
    postponeConv(this, { becomes: Conv3d, transposed: false, outChannels, options });
  }

  /** Does nothing: there are no weights yet. */
  override resetParameters(): void {}
}

/** A {@link ConvTranspose1d} that takes `inChannels` from its first input, and is one from then on. */
export class LazyConvTranspose1d extends ConvTranspose1d {
  constructor(outChannels: number, kernelSize: Spatial, options: ConvTransposeLayerOptions = {}) {
    super(0, 0, kernelSize, empty(new.target, options));
    postponeConv(this, { becomes: ConvTranspose1d, transposed: true, outChannels, options });
  }

  /** Does nothing: there are no weights yet. */
  override resetParameters(): void {}
}

/** A {@link ConvTranspose2d} that takes `inChannels` from its first input, and is one from then on. */
export class LazyConvTranspose2d extends ConvTranspose2d {
  constructor(outChannels: number, kernelSize: Spatial, options: ConvTransposeLayerOptions = {}) {
    super(0, 0, kernelSize, empty(new.target, options));
    postponeConv(this, { becomes: ConvTranspose2d, transposed: true, outChannels, options });
  }

  /** Does nothing: there are no weights yet. */
  override resetParameters(): void {}
}

/** A {@link ConvTranspose3d} that takes `inChannels` from its first input, and is one from then on. */
export class LazyConvTranspose3d extends ConvTranspose3d {
  constructor(outChannels: number, kernelSize: Spatial, options: ConvTransposeLayerOptions = {}) {
    super(0, 0, kernelSize, empty(new.target, options));
    postponeConv(this, { becomes: ConvTranspose3d, transposed: true, outChannels, options });
  }

  override resetParameters(): void {}
}

type AnyNorm = BatchNorm1d | BatchNorm2d | BatchNorm3d | InstanceNorm1d | InstanceNorm2d | InstanceNorm3d;

/** Makes a normalisation without channels wait for them; `rank` is that of an input without a batch, where there may be one. */
function postponeNorm(norm: AnyNorm, becomes: Plan["becomes"], { dtype, device }: NormOptions, rank?: number): void {
  const layer = norm as Open<AnyNorm>;
  const make = (present: boolean, trainable: boolean): UninitializedParameter | null =>
    present ? new UninitializedParameter({ dtype, device, trainable }) : null;
  const fields = {
    weight: make(norm.affine, true),
    bias: make(norm.affine, true),
    runningMean: make(norm.trackRunningStats, false),
    runningVar: make(norm.trackRunningStats, false),
  };
  Object.assign(layer, fields);
  const keys = ["weight", "running_mean"];
  postpone(norm as BatchNorm1d, {
    becomes,
    ofInput: (input) => input.shape[input.ndim === rank ? 0 : 1],
    ofState: (state, prefix) => keys.map((key) => sizeIn(state, prefix + key, 0)).find((size) => size !== undefined),
    fill: (numFeatures) => {
      layer.numFeatures = numFeatures;
      for (const field of Object.values(fields)) field?.materialize([numFeatures]);
    },
  });
}

/** A {@link BatchNorm1d} that takes `numFeatures` from its first input, and is one from then on. */
export class LazyBatchNorm1d extends BatchNorm1d {
  constructor(options: NormOptions = {}) {
    super(0, options);
    postponeNorm(this, BatchNorm1d, options);
  }
}

/**
 * A {@link BatchNorm2d} that takes `numFeatures` from its first input, and is one from then on.
 * @example
 * new nn.LazyBatchNorm2d()(randn([4, 3, 8, 8])); // [4, 3, 8, 8]
 */
export class LazyBatchNorm2d extends BatchNorm2d {
  constructor(options: NormOptions = {}) {
    super(0, options);
    postponeNorm(this, BatchNorm2d, options);
  }
}

/** A {@link BatchNorm3d} that takes `numFeatures` from its first input, and is one from then on. */
export class LazyBatchNorm3d extends BatchNorm3d {
  constructor(options: NormOptions = {}) {
    super(0, options);
    postponeNorm(this, BatchNorm3d, options);
  }
}

/** An {@link InstanceNorm1d} that takes `numFeatures` from its first input, and is one from then on. */
export class LazyInstanceNorm1d extends InstanceNorm1d {
  constructor(options: NormOptions = {}) {
    super(0, options);
    postponeNorm(this, InstanceNorm1d, options, 2);
  }
}

/** An {@link InstanceNorm2d} that takes `numFeatures` from its first input, and is one from then on. */
export class LazyInstanceNorm2d extends InstanceNorm2d {
  constructor(options: NormOptions = {}) {
    super(0, options);
    postponeNorm(this, InstanceNorm2d, options, 3);
  }
}

/** An {@link InstanceNorm3d} that takes `numFeatures` from its first input, and is one from then on. */
export class LazyInstanceNorm3d extends InstanceNorm3d {
  constructor(options: NormOptions = {}) {
    super(0, options);
    postponeNorm(this, InstanceNorm3d, options, 4);
  }
}
