import {
  type Backend,
  type Device,
  DeviceError,
  type DType,
  type Handle,
  type HostFunction,
  type KernelName,
  type Kernels,
  type Spec,
  sizeOf,
  type TypedArray,
  unregisterBackend,
  type View,
} from "@sconce/core";
import { checkIndices } from "@sconce/core/shader";
import { Calls, isRecordable, numbersOf } from "./calls.js";
import { hasSubgroups, isSoftware, openDevice } from "./device.js";
import type { GpuAdapterInfo, GpuDevice } from "./gpu.js";
import { decomposed, kernels } from "./kernels/index.js";
import type { Kernel } from "./kernels/kernel.js";
import { blockView, Machine } from "./machine.js";
import type { Block, PoolInfo } from "./pool.js";
import type { KernelTime } from "./profile.js";
import type { QueueInfo } from "./queue.js";
import { Recorder } from "./recorder.js";

/** How a WebGPU backend is made. */
export interface WebGpuOptions {
  /** A device that the application already has; all of WebGPU goes through it then. */
  readonly device?: GpuDevice;
  /** Chooses the kernels for software adapters (true) or for hardware (false); from the adapter if left out. */
  readonly software?: boolean;
  /** False leaves subgroups out, which kernels use where the adapter has them. */
  readonly subgroups?: boolean;
}

/** Counts of a backend's work, and the buffers that it holds. */
export interface WebGpuInfo extends QueueInfo, PoolInfo {
  /** Pipelines compiled so far. */
  readonly pipelines: number;
}

/** Tells why a device was lost. */
export type LostListener = (error: DeviceError) => void;

const DTYPES: readonly DType[] = ["bool", "uint8", "int32", "float32"];
const WITH_HALF: readonly DType[] = [...DTYPES, "float16"];
/** Kernels that take float16 as it is: those that only move elements, and products, which add up in float32 and round once. */
const NARROW: ReadonlySet<KernelName> = new Set<KernelName>(["concat", "matmul", "conv", "convInput", "convWeight"]);
/** Uploads of int32 up to this many elements are kept, so that the host can check them where they serve as indices. */
const CHECKED_INDICES = 65536;

/** Host data as a buffer holds it: in whole words. */
function wordsOf(data: TypedArray, dtype: DType): ArrayBufferView {
  if (dtype === "float32" || dtype === "int32") return data;
  if (dtype !== "float16") return Uint32Array.from(data as Uint8Array);
  const padded = new Uint16Array(2 * Math.ceil(data.length / 2));
  padded.set(data as Uint16Array);
  return padded;
}

/** Bytes that hold so many elements. */
const bytesOf = (dtype: DType, length: number): number => (dtype === "float16" ? 4 * Math.ceil(length / 2) : length * 4);

/** Elements that a buffer held in these bytes. */
function elementsOf(words: ArrayBuffer, dtype: DType, length: number): TypedArray {
  if (dtype === "float16") return new Uint16Array(words, 0, length).slice();
  if (dtype === "float32") return new Float32Array(words);
  return dtype === "int32" ? new Int32Array(words) : Uint8Array.from(new Uint32Array(words));
}

/** A WebGPU device: tensors in storage buffers, kernels printed as WGSL. */
export class WebGpuBackend implements Backend {
  readonly name: Device = "webgpu" as Device;
  readonly limits: Backend["limits"];
  readonly decomposed: ReadonlySet<KernelName> = decomposed;
  /** What the adapter says about itself. */
  readonly adapter: GpuAdapterInfo;
  readonly #machine: Machine;
  readonly #calls = new Calls();
  readonly #listeners = new Set<LostListener>();

  constructor(device: GpuDevice, adapter: GpuAdapterInfo, software: boolean = isSoftware(adapter), subgroups: boolean = false) {
    const { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage } = device.limits;
    this.adapter = adapter;
    this.limits = {
      dtypes: new Set(device.features.has("shader-f16") ? WITH_HALF : DTYPES),
      narrow: NARROW,
      absent: { float16: "the adapter lacks the feature shader-f16" },
      maxInputs: Math.min(maxStorageBuffersPerShaderStage, 16) - 1,
      maxExpr: 48,
      maxBytes: Math.min(maxBufferSize, maxStorageBufferBindingSize),
    };
    this.#machine = new Machine(device, software, subgroups);
    void device.lost.then((info) => this.#fail(`the device was lost (${info.reason}): ${info.message}`));
  }

  #fail(why: string): void {
    const { queue } = this.#machine;
    queue.failure = new DeviceError(`webgpu: ${why}; call init("webgpu") for a new device and load the parameters again`);
    unregisterBackend(this);
    for (const listener of this.#listeners) listener(queue.failure);
  }

  upload(data: TypedArray, dtype: DType): Handle {
    this.#machine.queue.check();
    const words = wordsOf(data, dtype);
    const block = this.#machine.queue.upload(words);
    if (dtype === "int32" && data.length <= CHECKED_INDICES) block.indices = data.slice();
    return block;
  }

  async download(handle: Handle, dtype: DType, length: number): Promise<TypedArray> {
    this.#machine.queue.check();
    return elementsOf(await this.#machine.queue.download(handle as Block, bytesOf(dtype, length)), dtype, length);
  }

  later(inputs: readonly View[], outputs: readonly Spec[], fn: HostFunction): readonly Handle[] {
    const { queue } = this.#machine;
    queue.check();
    const parts = inputs.map(({ handle, dtype, shape }) => ({ block: handle as Block, bytes: bytesOf(dtype, sizeOf(shape)) }));
    const blocks = outputs.map((spec) => this.#machine.alloc(spec));
    queue.later(parts, blocks, (words) => {
      const data = fn(words.map((bytes, i) => elementsOf(bytes, inputs[i].dtype, sizeOf(inputs[i].shape))));
      return data.map((array, i) => wordsOf(array, outputs[i].dtype));
    });
    return blocks;
  }

  run<K extends KernelName>(kernel: K, inputs: readonly View[], outputs: readonly Spec[], attrs: Kernels[K]): readonly Handle[] {
    const machine = this.#machine;
    machine.queue.check();
    const known = this.#calls.find(kernel, inputs, outputs, attrs);
    if (known === null || known.checksIndices) checkIndices(kernel, inputs.map(blockView), attrs);
    if (known !== null) return known.call.run(machine.queue, inputs, (attrs as Partial<Kernels["elementwise"]>).numbers);
    return isRecordable(kernel) ? this.#record(kernel, inputs, outputs, attrs) : this.#encode(kernel, inputs, outputs, attrs);
  }

  #encode<K extends KernelName>(kernel: K, inputs: readonly View[], outputs: readonly Spec[], attrs: Kernels[K]): readonly Block[] {
    // Core asks for none that is decomposed.
    const run = kernels[kernel] as Kernel<K>;
    return run(this.#machine, inputs.map(blockView), outputs, attrs);
  }

  /** Runs a kernel and notes what it does for further calls. */
  #record<K extends KernelName>(kernel: K, inputs: readonly View[], outputs: readonly Spec[], attrs: Kernels[K]): readonly Block[] {
    const machine = this.#machine;
    if (this.#calls.isFull || machine.queue.constants.isFull) this.#forget();
    const recorder = new Recorder(inputs, numbersOf(attrs));
    machine.recorder = recorder;
    try {
      const results = this.#encode(kernel, inputs, outputs, attrs);
      this.#calls.add(kernel, inputs, outputs, attrs, recorder.end(results));
      return results;
    } finally {
      machine.recorder = null;
    }
  }

  /** Forgets the recorded calls, unless commands that are held back are to use their parameters. */
  #forget(): void {
    const { queue } = this.#machine;
    queue.flush();
    if (queue.isHeld) return;
    this.#calls.clear();
    queue.constants.reset();
    queue.pipelines.forgetGroups();
  }

  /** Takes a buffer back. */
  free(handle: Handle): void {
    this.#machine.free(handle as Block);
  }

  /** Figures of what was sent to the device and of the buffers there. */
  get info(): WebGpuInfo {
    const { queue } = this.#machine;
    return { ...queue.info, ...queue.pool.info, pipelines: queue.pipelines.compiled };
  }

  /** Calls `listener` once if the device is lost. Returns a function that forgets it. */
  onLost(listener: LostListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Runs `fn` once the kernels that it needs have been compiled in the background; returns how many those were. */
  async warmup(fn: () => void): Promise<number> {
    const { queue } = this.#machine;
    const before = queue.pipelines.compiled;
    await queue.warmup(fn);
    return queue.pipelines.compiled - before;
  }

  /** Times every kernel that `fn` runs, on the device. */
  async profile(fn: () => unknown): Promise<KernelTime[]> {
    const { queue } = this.#machine;
    if (!queue.profiler.supported) throw new DeviceError("profile: this adapter has no timestamp queries");
    queue.flush();
    queue.profiler.start();
    try {
      await fn();
      await queue.idle();
    } catch (error) {
      await queue.profiler.stop();
      throw error;
    }
    return queue.profiler.stop();
  }

  /** Resolves when the device has done all its work. */
  async synchronize(): Promise<void> {
    this.#machine.queue.check();
    await this.#machine.queue.idle();
  }

  /** Gives the device up: later use of its tensors throws DeviceError. */
  destroy(): void {
    this.#machine.device.destroy();
  }
}

/**
 * Opens a WebGPU device. `init("webgpu")` does this and registers the backend; call it for a device of your own.
 *
 * @throws DeviceError if the platform has no WebGPU or no adapter.
 * @example
 * const backend = await createWebGpuBackend().catch(() => null);
 * console.log(backend === null ? "no WebGPU here" : backend.adapter.vendor);
 */
export async function createWebGpuBackend({ device, software, subgroups = true }: WebGpuOptions = {}): Promise<WebGpuBackend> {
  const open = device === undefined ? await openDevice() : { device, info: device.adapterInfo ?? {} };
  return new WebGpuBackend(open.device, open.info, software, subgroups && (await hasSubgroups(open.device, open.info)));
}
