import type { DType, TypedArray } from "./dtype.js";
import { DeviceError } from "./errors.js";
import type { Expr } from "./scalar.js";
import type { Layout, Shape } from "./shape.js";

/** Devices by name; each backend package adds its own by declaration merging. */
// biome-ignore lint/suspicious/noEmptyInterface: merged by the backend packages
export interface Devices {}

/** Name of a device, such as `"cpu"`: those whose backend is imported. */
export type Device = keyof Devices extends never ? string : Extract<keyof Devices, string>;

/** A backend's own description of a buffer. Opaque above it. */
export type Handle = object;

/** A buffer with a layout; strides and offset count elements. Strides may be 0 (stretched) or negative. */
export interface View extends Layout {
  readonly handle: Handle;
  readonly dtype: DType;
}

/** Shape and dtype of a kernel's result, always row-major without gaps. */
export interface Spec {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** How a reduction combines elements. */
export type ReduceOp = "sum" | "prod" | "max" | "min" | "any" | "all";
/** How a scatter combines what meets at one position. */
export type ScatterMode = "set" | "add" | "mul" | "max" | "min";

/** Convolution geometry, one entry per spatial dimension. */
export interface ConvAttrs {
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

/** Pooling geometry, one entry per spatial dimension. Output sizes come from the output's spec. */
export interface PoolAttrs {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
}

/** Geometry of average pooling, one entry per spatial dimension. */
export interface AvgPoolAttrs {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly countIncludePad: boolean;
  /** Divides by this instead of the window's size where given. */
  readonly divisor: number | null;
}

/** How attention weighs and masks. */
export interface AttentionAttrs {
  /** Factor of the scores. */
  readonly scale: number;
  /** Query i sees the keys up to i only. */
  readonly causal: boolean;
  /** The second result holds the weights, `[..., L, S]` with S a multiple of 4, and not logarithms. */
  readonly weights: boolean;
}

/** Which dimensions are normalised, and how. */
export interface NormAttrs {
  /** How many of the last dimensions are normalised over. */
  readonly dims: number;
  /** Added to the variance. */
  readonly eps: number;
}

/** Which channels of `[N, C, ...]` are normalised together, and how. */
export interface ChannelNormAttrs {
  /** Groups of channels of each example; null normalises each channel over the whole batch. */
  readonly groups: number | null;
  /** Added to the variance. */
  readonly eps: number;
}

/** A packed batch of sequences: the first steps of all, then the second steps of those that are longer, and so on. */
export interface RecurrentAttrs {
  /** Sequences that have each step, falling. */
  readonly batchSizes: readonly number[];
  /** From the last step to the first. */
  readonly reverse: boolean;
}

/** A recurrent layer without gates. */
export interface RnnAttrs extends RecurrentAttrs {
  /** Acts by relu instead of tanh. */
  readonly relu: boolean;
}

/** Negative log likelihood: classes lie along `dim`, and targets equal to `ignoreIndex` count for nothing. */
export interface NllAttrs {
  readonly dim: number;
  readonly ignoreIndex: number;
  readonly reduction: "none" | "sum" | "mean";
}

/**
 * What a backend runs: name, inputs, outputs and attributes of each kernel.
 *
 * - `elementwise`: inputs all of the output's shape (strides 0 where stretched); output i is `exprs[i]`. `overwrite` allows output i to be
 *   written over input i, a whole buffer in order, which is then returned. Where `limits.parts` is set, `parts` runs the expressions so many times at
 *   once, on rows of elements without gaps that may differ in shape from part to part: input i of part j is `inputs[i * parts + j]`, and so for outputs.
 * - `reduce`: inputs all of shape `shape`; the expression `expr` of them is reduced over `dims` (ascending); float sums accumulate
 *   in blocks or pairs, not in one running float32. `max` and `min` propagate NaN; `any`/`all` give bool. An empty reduction gives the op's identity.
 * - `argReduce`: `[x]` to int32 positions along `dim` (first of equals; NaN counts as the extreme).
 * - `matmul`: `[a, b]` or `[a, b, bias]`; a `[..., M, K]`, b `[..., K, N]`, equal batch dimensions (strides 0 where stretched), bias
 *   stretched to the output.
 * - `conv`: `[x, w]` or `[x, w, bias]`; x `[N, C, ...]`, w `[F, C / groups, ...]`, bias `[F]`. `convInput`: `[grad, w]` to the gradient of
 *   x. `convWeight`: `[grad, x]` to the gradient of w.
 * - `maxPool`: `[x]` with x `[N, C, ...]` to values and int32 positions within the channel's plane; NaN wins. `avgPool` likewise to
 *   values; `avgPoolGrad`: `[grad]` to the gradient of x.
 * - `gather`: `[x, index]`, equal rank. `scatter`: `[self, index, source]`. `indexSelect`: `[x, index]` with index 1-D.
 *   `indexUpdate`: `[self, index, source]`, rows of `self` along `dim` set or combined. Indices are int32; one out of range throws.
 *   Repeated positions are combined in ascending order of the source.
 * - `updateSlice`: `[base, source]` to base with the region given by `strides`, `offset` and source's shape replaced; `reuse` allows
 *   base's buffer to be written and returned.
 * - `cumulate`: `[x]`; for max and min a second output holds int32 positions (last of equals).
 * - `sort`: `[x]` to sorted values and int32 positions along `dim`; stable; NaN sorts as the largest.
 * - `softmax`: `[x]`, over `dim`; `log` for its logarithm.
 * - `softmaxGrad`: `[grad, y]` with the result y of `softmax`, to the gradient of its input.
 * - `nll`: `[x, target]`, logarithms and int32 classes (x's shape without `dim`), to the losses reduced and the number of targets that
 *   count. `nllGrad`: `[grad, target, count]` to the gradient of x. A class out of range throws.
 * - `concat`: any number of inputs along `dim`.
 * - `random`: no inputs; float32 uniforms in [0, 1) from the counter-based stream (`seed`, `offset`), equal on every backend.
 * - `attention`: `[q, k, v]` or `[q, k, v, mask]`; q `[..., L, E]`, k `[..., S, E]`, v `[..., S, V]`, mask `[..., L, S]`, which is added to
 *   the scores, all with the same batch dimensions; to the result `[..., L, V]` and the logarithm of the sum of the exponentials of each
 *   query's scores `[..., L]`. `attentionGrad`: `[grad, q, k, v, result, logarithms]`, and the mask if there is one, to the gradients of q,
 *   k and v. Neither holds all scores of long sequences at a time; for few of them, `weights` spares the gradient to make them again.
 * - `layerNorm`: `[x]`, `[x, weight]` or `[x, weight, bias]`, the latter of the shape of x's last dimensions, to the result, and for the gradient
 *   the means and the inverse deviations, with size 1 in those dimensions. `layerNormGrad`: `[grad, x, means, inverse deviations]` and the
 *   weight if there is one, to the gradient of x.
 * - `channelNorm`: `[x]`, `[x, weight]` or `[x, weight, bias]`, x `[N, C, ...]` and the others `[C]`, to the result, and the means and variances
 *   (without correction), `[C]` or `[N, groups]`. `channelNormGrad`: `[grad, x, means, variances]` and the weight if there is one, to the gradient
 *   of x, and those of weight and bias before the sum over the examples, `[1, C]` or `[N, C]`.
 * - `lstm`: `[gates, h, c, w]`, what the input gives to the gates `[total, 4 H]` in the order input, forget, cell, output, the first
 *   states `[N, H]` and the hidden weights `[4 H, H]`, to outputs `[total, H]`, the last states of every sequence, and for the gradient the
 *   gates after their activations and both states before each step. `lstmGrad`: `[gradients of the first three results, activated gates,
 *   cell states before, w]` to the gradients of gates, h and c.
 * - `gru`: `[gates, h, w]` or `[gates, h, w, bias]` with gates `[total, 3 H]` in the order reset, update, new, hidden weights `[3 H, H]` and
 *   their bias `[3 H]`, to outputs `[total, H]`, the last states, and for the gradient `[total, 4 H]`, which holds the reset and update gates
 *   after their activations, what the hidden state gave to the new gate and that gate, and the states before each step. `gruGrad`:
 *   `[gradients of the first two results, the last two results, w]` to the gradients of gates, of what the hidden weights gave, and of h.
 * - `rnn`: `[gates, h, w]` of sizes `[total, H]`, `[N, H]` and `[H, H]` to outputs, the last states, and the states before each step.
 *   `rnnGrad`: `[gradients of the first two results, outputs, w]` to the gradients of gates and h.
 */
export interface Kernels {
  elementwise: {
    readonly exprs: readonly Expr[];
    readonly numbers: readonly (number | bigint)[];
    readonly overwrite?: boolean;
    readonly parts?: number;
  };
  reduce: {
    readonly op: ReduceOp;
    readonly dims: readonly number[];
    readonly shape: Shape;
    readonly expr: Expr;
    readonly numbers: readonly (number | bigint)[];
  };
  argReduce: { readonly op: "max" | "min"; readonly dim: number };
  matmul: { readonly bias: boolean };
  conv: ConvAttrs;
  convInput: ConvAttrs;
  convWeight: ConvAttrs;
  maxPool: PoolAttrs;
  avgPool: AvgPoolAttrs;
  avgPoolGrad: AvgPoolAttrs;
  gather: { readonly dim: number };
  scatter: { readonly dim: number; readonly mode: ScatterMode };
  indexSelect: { readonly dim: number };
  indexUpdate: { readonly dim: number; readonly mode: ScatterMode };
  updateSlice: { readonly strides: readonly number[]; readonly offset: number; readonly reuse: boolean };
  cumulate: { readonly op: "sum" | "prod" | "max" | "min"; readonly dim: number };
  sort: { readonly dim: number; readonly descending: boolean };
  softmax: { readonly dim: number; readonly log: boolean };
  softmaxGrad: { readonly dim: number; readonly log: boolean };
  nll: NllAttrs;
  nllGrad: NllAttrs;
  attention: AttentionAttrs;
  attentionGrad: AttentionAttrs;
  layerNorm: NormAttrs;
  layerNormGrad: NormAttrs;
  channelNorm: ChannelNormAttrs;
  channelNormGrad: ChannelNormAttrs;
  lstm: RecurrentAttrs;
  lstmGrad: RecurrentAttrs;
  gru: RecurrentAttrs;
  gruGrad: RecurrentAttrs;
  rnn: RnnAttrs;
  rnnGrad: RnnAttrs;
  concat: { readonly dim: number };
  random: { readonly seed: number; readonly offset: number };
}

/** Names of the kernels. */
export type KernelName = keyof Kernels;

/** Makes the elements of results from those of inputs, all in row-major order. */
export type HostFunction = (inputs: readonly TypedArray[]) => readonly TypedArray[];

/** What runs recorded kernels over memory that is planned ahead. */
export interface Replayer {
  /** One block of so many bytes; `free` takes it back. */
  reserve(bytes: number): Handle;
  /** A buffer within such a block, at a multiple of 64 bytes. It is never freed itself. */
  within(block: Handle, offset: number): Handle;
  /** A kernel that fills `handles`; the handles of `inputs` are read at each call. */
  prepare<K extends KernelName>(
    kernel: K,
    inputs: readonly View[],
    outputs: readonly Spec[],
    handles: readonly Handle[],
  ): (attrs: Kernels[K]) => void;
}

/** A device. Two facts, five methods, and `later` where the platform cannot block; no operation has a method of its own. Inputs are valid: core has checked them. */
export interface Backend {
  readonly name: Device;
  readonly limits: {
    readonly dtypes: ReadonlySet<DType>;
    /**
     * Kernels besides `elementwise` and `updateSlice` that take float16, bfloat16, int8 and int16 as they are; core runs the others on
     * float32 or int32 copies.
     */
    readonly narrow?: ReadonlySet<KernelName>;
    /** Why a dtype is missing, for errors. */
    readonly absent?: { readonly [D in DType]?: string };
    /** Buffers that one kernel can read. */
    readonly maxInputs: number;
    /** Scalar ops that one fused kernel may hold; 1 computes every op at once. */
    readonly maxExpr: number;
    /** Bytes of the largest buffer. */
    readonly maxBytes: number;
    /**
     * Bytes of buffers that a loop may leave behind which never gives the event loop a turn; beyond it those that were not used lately move to
     * host arrays and come back when they are used. It needs `downloadSync`. Where it is left out, buffers stay until they are freed.
     */
    readonly resident?: number;
    /** `elementwise` takes `parts`. */
    readonly parts?: boolean;
  };
  /** Kernels that core computes by simpler ones on this device. */
  readonly decomposed?: ReadonlySet<KernelName>;
  /** Copies host data to a new buffer. */
  upload(data: TypedArray, dtype: DType): Handle;
  /** Copies the first `length` elements of a buffer to a new host array. */
  download(handle: Handle, dtype: DType, length: number): Promise<TypedArray>;
  /** The same at once; absent where the platform cannot block. */
  downloadSync?(handle: Handle, dtype: DType, length: number): TypedArray;
  /**
   * Where `downloadSync` is absent: calls `fn` once the host has the elements of the inputs (in row-major order), and puts what it returns
   * into new buffers. Whatever is asked for later waits for that; what `fn` throws is thrown by a later call.
   */
  later?(inputs: readonly View[], outputs: readonly Spec[], fn: HostFunction): readonly Handle[];
  /** Runs a kernel into new buffers, never writing its inputs. */
  run<K extends KernelName>(kernel: K, inputs: readonly View[], outputs: readonly Spec[], attrs: Kernels[K]): readonly Handle[];
  /** Takes a buffer back. */
  free(handle: Handle): void;
  /** Present where kernels can fill buffers that are there already. */
  readonly replay?: Replayer;
}

/** Starts a device; called once, on the first `init`. */
export type BackendFactory = () => Backend | Promise<Backend>;

/** What a device would run on. */
export interface Adapter {
  /** A name for people, such as `"nvidia ampere"`. */
  readonly name: string;
  /** The adapter computes on the CPU. */
  readonly software: boolean;
}

/** How `init()` weighs a device. */
export interface Candidate {
  /** The highest is tried first: 2 for WebGPU, 1 for WebGL. */
  readonly rank: number;
  /** Finds the adapter without starting the device; throws a DeviceError that says why there is none. */
  probe(): Promise<Adapter>;
}

/** A device that `init()` has started, and why this one. */
export interface Choice {
  readonly device: Device;
  readonly why: string;
}

/** Options of `init()`. */
export interface InitOptions {
  /** Takes adapters that compute on the CPU, too. */
  readonly software?: boolean;
}

const backends = new Map<string, Backend>();
const factories = new Map<string, BackendFactory>();
const candidates = new Map<Device, Candidate>();
let defaultDevice: Device | undefined;

/** Makes a started backend available under its name. The first one becomes the default device. */
export function registerBackend(backend: Backend): void {
  if (typeof backend?.name !== "string") throw new DeviceError("registerBackend: expected a backend, such as cpuBackend([dense])");
  backends.set(backend.name, backend);
  defaultDevice ??= backend.name;
}

/** Withdraws a backend whose device is gone; the next `init` starts a new one. */
export function unregisterBackend(backend: Backend): void {
  if (backends.get(backend.name) === backend) backends.delete(backend.name);
}

/** Announces a device that `init` can start, as a `candidate` also without being named. */
export function registerBackendFactory(name: Device, factory: BackendFactory, candidate?: Candidate): void {
  factories.set(name, factory);
  if (candidate !== undefined) candidates.set(name, candidate);
}

/**
 * Starts a device and returns its name. Without a name, starts the best of the devices whose packages are imported and tells why it is
 * the best: WebGPU before WebGL before the CPU, those that only emulate a GPU left out unless `software` is set. The default device
 * stays as it is.
 * @throws DeviceError if no imported package provides the device, or if it cannot be started.
 * @example
 * const { device, why } = await init();
 * console.log(why); // "cpu: webgpu has only the software adapter google swiftshader"
 */
export function init(device: Device): Promise<Device>;
export function init(options?: InitOptions): Promise<Choice>;
export async function init(what: Device | InitOptions = {}): Promise<Device | Choice> {
  if (typeof what === "object") return initBest(what ?? {});
  if (!backends.has(what)) {
    const factory = factories.get(what);
    if (factory === undefined) throw unknownDevice(what, "init");
    registerBackend(await factory());
  }
  return what;
}

async function initBest({ software = false }: InitOptions): Promise<Choice> {
  const against: string[] = [];
  for (const [device, { probe }] of [...candidates].sort((a, b) => b[1].rank - a[1].rank)) {
    try {
      const adapter = await probe();
      if (software || !adapter.software) {
        await init(device);
        return { device, why: [`${device}: runs on ${adapter.name}`, ...against].join("; ") };
      }
      against.push(`${device} has only the software adapter ${adapter.name}`);
    } catch (error) {
      against.push(`${device} cannot start (${(error as Error).message})`);
    }
  }
  const device = [...backends.keys()].find((name) => !candidates.has(name as Device)) as Device | undefined;
  if (device === undefined) throw new DeviceError(`init: ${against.join("; ") || "no backend is imported"}; import "@sconce/backend-cpu"`);
  return { device, why: `${device}: ${against.join("; ") || "nothing else is imported"}` };
}

/** Devices with a package of their own, `@sconce/backend-<name>`. */
const PACKAGED: readonly string[] = ["cpu", "webgpu", "webgl"];

function unknownDevice(device: string, op: string): DeviceError {
  const here = `devices here: ${[...new Set([...backends.keys(), ...factories.keys()])].join(", ") || "none"}`;
  const more = PACKAGED.map((name) => `@sconce/backend-${name}`).join(", ");
  const hint = factories.has(device)
    ? `start it first: await init("${device}")`
    : PACKAGED.includes(device)
      ? `import its package first: import "@sconce/backend-${device}"; ${here}`
      : `${here}; packages that bring one: ${more}`;
  return new DeviceError(`${op}: device "${device}" is not available; ${hint}`);
}

/** The backend of a device. @throws DeviceError if it is not started. */
export function getBackend(device: Device = getDefaultDevice(), op = "getBackend"): Backend {
  const backend = backends.get(device);
  if (backend === undefined) throw unknownDevice(device, op);
  return backend;
}

/** The device of new tensors. */
export function getDefaultDevice(): Device {
  if (defaultDevice === undefined) {
    throw new DeviceError('no device is available; import a backend first, for example: import "@sconce/backend-cpu"');
  }
  return defaultDevice;
}

/** Sets the device of new tensors. @throws DeviceError if it is not started. */
export function setDefaultDevice(device: Device): void {
  getBackend(device, "setDefaultDevice");
  defaultDevice = device;
}

/** Names of the devices that are started. */
export function startedDevices(): readonly Device[] {
  return [...backends.keys()] as Device[];
}
