import { type Casting, casting } from "./autocast-state.js";
import { type Device, getBackend } from "./backend.js";
import { addLayer, type Call, type Handler, type Layer } from "./dispatch.js";
import { type DType, isFloatingPoint } from "./dtype.js";
import { DTypeError, NotSupportedError, SconceError } from "./errors.js";
import { checkDevice } from "./evaluate.js";
import { isHalf } from "./half.js";
import { expose, runSync } from "./scope.js";
import type { Tensor } from "./tensor/tensor.js";
import { tracer } from "./tracing.js";

/** Options of {@link autocast}. */
export interface AutocastOptions {
  /** What products and convolutions compute in: bfloat16 on the CPU, float16 elsewhere if it is left out. */
  readonly dtype?: "float16" | "bfloat16";
  /** False computes as without a region, also inside another one; true if it is left out. */
  readonly enabled?: boolean;
  /** Converts each weight once a region instead of at every use; true if it is left out. */
  readonly cacheEnabled?: boolean;
}

/** Primitives that take the region's dtype. */
const LOWER: ReadonlySet<string> = new Set(["matmul", "addmm", "conv", "convInput", "convWeight"]);

/** Primitives that take float32: their results leave the range of float16, or lose too much. */
const FULL: ReadonlySet<string> = new Set([
  ...[
    "exp",
    "expm1",
    "log",
    "log10",
    "log1p",
    "log2",
    "pow",
    "square",
    "reciprocal",
    "rsqrt",
    "acos",
    "asin",
    "cosh",
    "sinh",
    "tan",
    "erfinv",
  ],
  ...["softmax", "softplus", "nll", "bceWithLogits", "smoothL1", "huber"],
]);

/** Compositions that take float32, by PyTorch's word for the node. */
const FULL_COMPOSITES: ReadonlySet<string> = new Set([
  ...["NativeLayerNorm", "NativeGroupNorm", "RmsNorm", "LinalgVectorNorm", "Renorm", "CdistForward", "Pow"],
  ...["MseLoss", "SmoothL1Loss", "HuberLoss", "BinaryCrossEntropyWithLogits", "NllLoss", "NllLossNd", "NllLoss2D"],
  ...["BinaryCrossEntropy", "SoftMarginLoss", "MultiMarginLoss", "MultilabelMarginLoss"],
]);

/** True for sums and products, also running ones. */
function accumulates({ op, attrs }: Call): boolean {
  if (op !== "reduce" && op !== "cumulate") return false;
  const combine = (attrs as { readonly op: string }).op;
  return combine === "sum" || combine === "prod";
}

/** A converted weight, and the version of the memory that it was converted from. */
interface Lowered {
  readonly lowered: Tensor;
  readonly version: number;
}

/** What is open on a device: the dtype, and the weights converted so far. */
class Mode implements Casting {
  readonly dtype: DType;
  /** Converted weights, null if they are not kept. */
  readonly #cache: Map<Tensor, Lowered> | null;
  /** What the open composition takes throughout. */
  #within: "lower" | "full" | null = null;

  readonly #lowered = (x: Tensor): Tensor => this.lower(x);

  constructor(dtype: DType, cache: Map<Tensor, Lowered> | null) {
    this.dtype = dtype;
    this.#cache = cache;
  }

  lower(x: Tensor): Tensor {
    const { dtype } = this;
    if (x.dtype === dtype || x.dtype === "float64" || !isFloatingPoint(x.dtype)) return x;
    if (this.#cache === null || !x.trainable) return x.cast(dtype);
    const known = this.#cache.get(x);
    const { version } = x.storage;
    if (known?.version === version && known.lowered.dtype === dtype && isUsable(known.lowered)) return known.lowered;
    const lowered = x.cast(dtype);
    // What was converted without recording passes no gradient on.
    if ((lowered as { readonly requiresGrad?: boolean }).requiresGrad === true) {
      this.#cache.set(x, { lowered, version });
      expose(lowered);
    }
    return lowered;
  }

  call(call: Call, next: Handler): readonly Tensor[] {
    const { op, inputs } = call;
    if (op === "cast") return this.#cast(call, next);
    if (op === "transfer") return next(call);
    if (this.#within === "full" || FULL.has(op) || accumulates(call)) return next(withInputs(call, inputs.map(raise)));
    if (this.#within === "lower" || LOWER.has(op)) return next(withInputs(call, inputs.map(this.#lowered)));
    return inputs.length > 1 ? next(promoted(call)) : next(call);
  }

  full<T>(fn: () => T): T {
    return this.within("full", fn);
  }

  /** Runs a composition that computes in one dtype throughout. */
  within<T>(what: "lower" | "full", fn: () => T): T {
    const before = this.#within;
    this.#within = what;
    try {
      return fn();
    } finally {
      this.#within = before;
    }
  }

  /** Compositions convert their result back to 16 bits, but those that take float32 give it. */
  #cast(call: Call, next: Handler): readonly Tensor[] {
    const { dtype } = call.attrs as { readonly dtype: DType };
    if (this.#within !== "full" || !isHalf(dtype)) return next(call);
    return [call.inputs[0].float()];
  }
}

/** A trace must not take what was converted before it: it would be frozen. */
function isUsable(lowered: Tensor): boolean {
  return !lowered.isDisposed && (tracer === null || tracer.owns(lowered.storage));
}

function raise(x: Tensor): Tensor {
  return isHalf(x.dtype) ? x.float() : x;
}

/** Inputs of several floating-point dtypes in the widest one. */
function promoted(call: Call): Call {
  const floats = call.inputs.map((x) => x.dtype).filter(isFloatingPoint);
  if (floats.every((dtype) => dtype === floats[0])) return call;
  const widest = floats.includes("float64") ? "float64" : "float32";
  return withInputs(
    call,
    call.inputs.map((x) => (isFloatingPoint(x.dtype) ? x.cast(widest) : x)),
  );
}

function withInputs(call: Call, inputs: readonly Tensor[]): Call {
  return { ...call, inputs };
}

const layer: Layer = {
  call(call, next) {
    const mode = call.inputs.length === 0 ? undefined : (casting.get(call.inputs[0].device) as Mode | undefined);
    return mode === undefined ? next(call) : mode.call(call, next);
  },
  composite(name, inputs, next) {
    const mode = inputs.length === 0 ? undefined : (casting.get(inputs[0].device) as Mode | undefined);
    if (mode === undefined) return next();
    if (name === "BinaryCrossEntropy" && mode.dtype === "float16") throw unsafe();
    if (FULL_COMPOSITES.has(name)) return mode.full(next);
    return name === "Convolution" ? mode.within("lower", next) : next();
  },
};

function unsafe(): NotSupportedError {
  return new NotSupportedError(
    "binaryCrossEntropy: F.binaryCrossEntropy and nn.BCELoss are unsafe to autocast to float16; " +
      "give logits to F.binaryCrossEntropyWithLogits or nn.BCEWithLogitsLoss, which are safe",
  );
}

let installed = false;
let innermost: Autocast | null = null;
const caches = new Map<Device, Map<Tensor, Lowered>>();

/** A region in which ops of a device are cast; made by {@link autocast} without a function. */
export class Autocast implements Disposable {
  readonly #device: Device;
  readonly #outer: Autocast | null = innermost;
  readonly #before: Casting | undefined;
  #open = true;

  constructor(device: Device, { dtype = device === "cpu" ? "bfloat16" : "float16", enabled = true, cacheEnabled = true }: AutocastOptions) {
    this.#device = device;
    this.#before = casting.get(device);
    if (enabled) casting.set(device, new Mode(checked(device, dtype), cacheEnabled ? cacheOf(device) : null));
    else casting.delete(device);
    innermost = this;
  }

  /** Ends the region. @throws SconceError unless it is the innermost one. */
  [Symbol.dispose](): void {
    if (!this.#open) return;
    if (innermost !== this) {
      throw new SconceError(
        "autocast: expected regions to end in reverse order of their start; another one is still open (an interleaved async task?): " +
          "open a region per task around synchronous work only",
      );
    }
    this.#open = false;
    innermost = this.#outer;
    if (this.#before === undefined) casting.delete(this.#device);
    else casting.set(this.#device, this.#before);
    if (innermost === null) caches.clear();
  }
}

function cacheOf(device: Device): Map<Tensor, Lowered> {
  const cache = caches.get(device) ?? new Map<Tensor, Lowered>();
  caches.set(device, cache);
  return cache;
}

function checked(device: Device, dtype: DType): DType {
  if (!isHalf(dtype)) {
    throw new DTypeError(`autocast: expected float16 or bfloat16, got ${dtype}`, { dtypes: [dtype] });
  }
  checkDevice(getBackend(device, "autocast"), [], dtype, "autocast");
  return dtype;
}

/**
 * Mixed precision: matrix products and convolutions on a device compute in 16 bits, what needs range or precision (sums, powers,
 * exponentials, logarithms, softmax, norms, losses) in float32, and other ops in the widest dtype of their inputs. Weights stay float32,
 * and so do their gradients. Runs a function, or opens a region that lasts to the end of the block; both cover the forward pass, and
 * backward takes the dtypes that it had.
 *
 * Source: https://pytorch.org/docs/stable/amp.html
 *
 * @throws DTypeError if the device lacks the dtype. @throws SconceError if the function returns a Promise.
 * @example
 * import "@sconce/backend-cpu";
 * import { autocast, ones } from "@sconce/core";
 * autocast("cpu", () => ones([2, 3]).mm(ones([3, 2]))).dtype; // "bfloat16"
 * {
 *   using _ = autocast("cpu", { dtype: "float16" });
 *   ones([2, 3]).mm(ones([3, 2])).softmax(1).dtype; // "float32"
 * }
 */
export function autocast(device: Device, options?: AutocastOptions): Autocast;
export function autocast<T>(device: Device, fn: () => T): T;
export function autocast<T>(device: Device, options: AutocastOptions, fn: () => T): T;
export function autocast<T>(device: Device, first: AutocastOptions | (() => T) = {}, second?: () => T): T | Autocast {
  const [options, fn] = typeof first === "function" ? [{}, first] : [first, second];
  if (!installed) addLayer(layer);
  installed = true;
  const region = new Autocast(device, options);
  if (fn === undefined) return region;
  try {
    return runSync("autocast", fn);
  } finally {
    region[Symbol.dispose]();
  }
}

/** True while ops on the device are cast. */
export function isAutocastEnabled(device: Device): boolean {
  return casting.has(device);
}

/** The dtype that products on the device compute in now; undefined outside of {@link autocast}. */
export function getAutocastDType(device: Device): DType | undefined {
  return (casting.get(device) as Mode | undefined)?.dtype;
}
