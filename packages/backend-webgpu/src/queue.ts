import { DeviceError } from "@sconce/core";
import { type GpuBuffer, type GpuDevice, type GpuEncoder, type GpuPass, USAGE } from "./gpu.js";
import { Params } from "./params.js";
import { Pipelines, type Program } from "./pipelines.js";
import { type Block, Pool, sizeClass } from "./pool.js";
import { Profiler } from "./profile.js";

/** Dispatches after which a batch is submitted without being asked for, so that the device has work while the host goes on. */
const BATCH_DISPATCHES = 512;

/** Figures of what was sent to the device. */
export interface QueueInfo {
  readonly dispatches: number;
  readonly submits: number;
}

/** A dispatch that waits for its pipeline, and for those before it. */
interface Held {
  readonly program: Program;
  readonly blocks: readonly Block[];
  readonly workgroups: number;
  readonly size: number;
  readonly words: Int32Array;
}

/** Commands in one encoder and, as far as they go, one compute pass; submitted when something is read or enough has gathered. */
export class Queue {
  readonly pool: Pool;
  readonly pipelines: Pipelines;
  readonly profiler: Profiler;
  readonly #device: GpuDevice;
  readonly #params = new Params();
  readonly #paramBuffer: GpuBuffer;
  readonly #stagings = new Map<number, GpuBuffer[]>();
  #encoder: GpuEncoder | null = null;
  #pass: GpuPass | null = null;
  /** The pipeline that the open pass has. */
  #pipeline: object | null = null;
  readonly #offsets: number[] = [0];
  // The platform makes a new object at every look at the limits.
  readonly #mostGroups: number;
  /** Number of the open batch. */
  #batch = 1;
  #inBatch = 0;
  /** While pipelines are compiled in the background: what is to run as soon as they are there, or as soon as something is read. */
  #held: Held[] | null = null;
  #dispatches = 0;
  #submits = 0;
  #flushing = false;
  /** An error that the device reported by itself and that nobody has seen. */
  #error: DeviceError | null = null;
  /** Why the device cannot be used any more. */
  failure: DeviceError | null = null;

  constructor(device: GpuDevice) {
    this.#device = device;
    this.#mostGroups = device.limits.maxComputeWorkgroupsPerDimension;
    this.#paramBuffer = device.createBuffer({ size: this.#params.words.byteLength, usage: USAGE.uniform | USAGE.copyDst });
    this.pipelines = new Pipelines(device, this.#paramBuffer);
    this.profiler = new Profiler(device);
    const beforeDestroy = (blocks: readonly Block[]): void => {
      if (blocks.some((block) => block.batch === this.#batch)) this.flush();
      this.pipelines.forgetGroups();
    };
    this.pool = new Pool(device, beforeDestroy, (error) => {
      this.#error ??= error;
    });
    device.addEventListener("uncapturederror", (event) => {
      const { error } = event as { readonly error: { readonly message: string } };
      this.#error ??= new DeviceError(`webgpu: ${error.message}`);
    });
  }

  get info(): QueueInfo {
    return { dispatches: this.#dispatches, submits: this.#submits };
  }

  /** Throws what went wrong on the device since the last check. */
  check(): void {
    if (this.failure !== null) throw this.failure;
    const error = this.#error;
    this.#error = null;
    if (error !== null) throw error;
  }

  /** Starts the parameters of the next dispatch. */
  params(): Params {
    if (!this.#params.hasRoom) this.flush();
    return this.#params.begin();
  }

  /** Adds a dispatch of the program with the parameters begun last: the buffers that it reads, then those that it writes. */
  dispatch(program: Program, blocks: readonly Block[], workgroups: number, size: number): void {
    for (let i = 0; i < blocks.length; i++) blocks[i].batch = this.#batch;
    if (this.#held !== null) {
      this.#held.push({ program, blocks, workgroups, size, words: this.#params.withdraw() });
      return;
    }
    const x = Math.min(workgroups, this.#mostGroups);
    this.#params.header(size, program.by === "invocation" ? x * program.workgroup : x);
    const pipeline = this.pipelines.pipelineOf(program);
    const group = this.pipelines.groupOf(program, blocks);
    const pass = this.#openPass(program.label);
    if (pipeline !== this.#pipeline) {
      pass.setPipeline(pipeline);
      this.#pipeline = pipeline;
    }
    this.#offsets[0] = this.#params.start * 4;
    pass.setBindGroup(0, group, this.#offsets);
    if (workgroups === x) pass.dispatchWorkgroups(x);
    else pass.dispatchWorkgroups(x, Math.ceil(workgroups / x));
    this.#dispatches++;
    if (++this.#inBatch >= BATCH_DISPATCHES) this.flush();
  }

  /** Holds what `fn` runs back until its pipelines have been compiled in the background. */
  async warmup(fn: () => void): Promise<void> {
    const held = (this.#held ??= []);
    const start = held.length;
    try {
      fn();
      await Promise.all([...new Set(held.slice(start).map(({ program }) => program))].map((program) => this.pipelines.compile(program)));
    } finally {
      this.#release();
    }
  }

  /** Runs what is held back, compiling what is not there yet. */
  #release(): void {
    const held = this.#held;
    this.#held = null;
    for (const { program, blocks, workgroups, size, words } of held ?? []) {
      if (!this.#params.hasRoom) this.flush();
      this.#params.resume(words);
      this.dispatch(program, blocks, workgroups, size);
    }
  }

  #openPass(label: string): GpuPass {
    this.#encoder ??= this.#device.createCommandEncoder();
    if (this.profiler.active) {
      this.#endPass();
      this.#pass = this.#encoder.beginComputePass(this.profiler.descriptor(label));
    }
    this.#pass ??= this.#encoder.beginComputePass();
    return this.#pass;
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = null;
    this.#pipeline = null;
  }

  /** Submits what has gathered. */
  flush(): void {
    this.#release();
    const encoder = this.#encoder;
    if (encoder !== null) {
      this.#endPass();
      this.profiler.resolve(encoder);
      const { used, words } = this.#params;
      if (used > 0) this.#device.queue.writeBuffer(this.#paramBuffer, 0, words, 0, used);
      this.#device.queue.submit([encoder.finish()]);
      this.#submits++;
      this.#encoder = null;
    }
    this.#params.reset();
    this.#batch++;
    this.#inBatch = 0;
  }

  /** A buffer with these words: one that the open batch does not use, since the copy goes ahead of it. */
  upload(words: ArrayBufferView): Block {
    const block = this.pool.take(words.byteLength, this.#batch);
    if (words.byteLength > 0) this.#device.queue.writeBuffer(block.buffer, 0, words);
    return block;
  }

  /** Reads the first bytes of a buffer as they are now. Reads of the same turn share one submit. */
  async download(block: Block, bytes: number): Promise<ArrayBuffer> {
    if (bytes === 0) return new ArrayBuffer(0);
    const staging = this.#takeStaging(bytes);
    this.#release();
    this.#encoder ??= this.#device.createCommandEncoder();
    this.#endPass();
    this.#encoder.copyBufferToBuffer(block.buffer, 0, staging, 0, bytes);
    block.batch = this.#batch;
    await this.#flushSoon();
    try {
      await staging.mapAsync(1, 0, bytes);
    } catch (error) {
      throw this.failure ?? new DeviceError(`webgpu: reading failed: ${(error as Error).message}`);
    }
    this.check();
    const copy = staging.getMappedRange(0, bytes).slice(0);
    staging.unmap();
    this.#giveStaging(staging);
    return copy;
  }

  async #flushSoon(): Promise<void> {
    if (this.#flushing) {
      await Promise.resolve();
      return;
    }
    this.#flushing = true;
    await Promise.resolve();
    this.#flushing = false;
    this.flush();
  }

  #takeStaging(bytes: number): GpuBuffer {
    const size = sizeClass(bytes);
    return this.#stagings.get(size)?.pop() ?? this.#device.createBuffer({ size, usage: USAGE.mapRead | USAGE.copyDst });
  }

  #giveStaging(buffer: GpuBuffer): void {
    const list = this.#stagings.get(buffer.size) ?? [];
    this.#stagings.set(buffer.size, list);
    if (list.length < 8) list.push(buffer);
    else buffer.destroy();
  }

  /** Resolves when the device has done all that was submitted. */
  async idle(): Promise<void> {
    this.flush();
    await this.#device.queue.onSubmittedWorkDone();
  }
}
