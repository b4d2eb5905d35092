import { DeviceError } from "@sconce/core";
import { HEADER_WORDS } from "@sconce/core/shader";
import { Constants } from "./constants.js";
import { type GpuBuffer, type GpuDevice, type GpuEncoder, type GpuPass, USAGE } from "./gpu.js";
import { Params } from "./params.js";
import { Pipelines, type Program } from "./pipelines.js";
import { type Block, HELD, Pool, sizeClass } from "./pool.js";
import { Profiler } from "./profile.js";

/** Dispatches after which a batch is submitted without being asked for, so that the device has work while the host goes on. */
const BATCH_DISPATCHES = 512;

/** Figures of what was sent to the device. */
export interface QueueInfo {
  readonly dispatches: number;
  readonly submits: number;
}

/** A dispatch that can be made again. */
export interface Launch {
  readonly program: Program;
  /** Where its parameters lie among the constants; -1 if they are those begun last. */
  readonly at: number;
  /** Number of invocations or workgroups, and of those in a row, as the header says. */
  readonly size: number;
  readonly row: number;
  /** Workgroups. */
  readonly x: number;
  readonly y: number;
  /** The buffers that it reads, then those that it writes. */
  blocks: Block[];
  /** Their bind group, null until it is looked for, and the age of the bind groups that it is of. */
  group: object | null;
  age: number;
  /** The batch that its buffers are marked with. */
  batch: number;
}

/** A command that waits for those before it: for their pipelines, or for the host. */
interface Held {
  /** What has to be there to run it, if it is a dispatch. */
  readonly program?: Program;
  readonly blocks: readonly Block[];
  run(): void;
}

/** The first bytes of a buffer. */
export interface Part {
  readonly block: Block;
  readonly bytes: number;
}

/** Commands in one encoder and, as far as they go, one compute pass; submitted when something is read or enough has gathered. */
export class Queue {
  readonly pool: Pool;
  readonly pipelines: Pipelines;
  readonly profiler: Profiler;
  readonly constants: Constants;
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
  /** While pipelines are compiled in the background or the host computes: what is to run after that. */
  #held: Held[] | null = null;
  /** The step of the host that is under way. */
  #host: Promise<void> | null = null;
  #dispatches = 0;
  #submits = 0;
  #flushing = false;
  /** An error that the device or a step of the host reported by itself and that nobody has seen. */
  #error: Error | null = null;
  /** Why the device cannot be used any more. */
  failure: DeviceError | null = null;

  constructor(device: GpuDevice, subgroups: boolean) {
    this.#device = device;
    this.#mostGroups = device.limits.maxComputeWorkgroupsPerDimension;
    this.#paramBuffer = device.createBuffer({ size: this.#params.words.byteLength, usage: USAGE.uniform | USAGE.copyDst });
    this.constants = new Constants(device);
    this.pipelines = new Pipelines(device, this.#paramBuffer, this.constants.buffer, subgroups);
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

  /** Throws what went wrong since the last check. */
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

  /** The parameters begun last, behind their header. */
  get openParams(): Int32Array {
    return this.#params.copy(HEADER_WORDS);
  }

  /** True while commands wait. */
  get isHeld(): boolean {
    return this.#held !== null;
  }

  /** A dispatch of the program with the parameters begun last, which become constants where that is asked for and there is room. */
  prepare(program: Program, blocks: readonly Block[], workgroups: number, size: number, isConstant: boolean): Launch {
    const x = Math.min(workgroups, this.#mostGroups);
    const row = program.by === "invocation" ? x * program.workgroup : x;
    this.#params.header(size, row);
    const at = isConstant ? this.constants.add(this.#params, program.layout.paramBytes) : -1;
    return {
      program: at < 0 ? program : this.pipelines.constantOf(program),
      at,
      size,
      row,
      x,
      y: Math.ceil(workgroups / x),
      blocks: [...blocks],
      group: null,
      age: 0,
      batch: 0,
    };
  }

  /** Adds a dispatch. */
  launch(launch: Launch): void {
    if (this.#held !== null) {
      this.#holdLaunch(launch);
      return;
    }
    const { program, at } = launch;
    const { pipelines } = this;
    if (launch.group === null || launch.age !== pipelines.age || launch.batch !== this.#batch) this.#bind(launch);
    const pipeline = program.pipeline ?? pipelines.pipelineOf(program);
    const pass = this.#pass === null || this.profiler.active ? this.#openPass(program.label) : this.#pass;
    if (pipeline !== this.#pipeline) {
      pass.setPipeline(pipeline);
      this.#pipeline = pipeline;
    }
    if (at < 0) {
      this.#offsets[0] = this.#params.start * 4;
      pass.setBindGroup(0, launch.group as object, this.#offsets);
    } else pass.setBindGroup(0, launch.group as object);
    if (launch.y === 1) pass.dispatchWorkgroups(launch.x);
    else pass.dispatchWorkgroups(launch.x, launch.y);
    this.#dispatches++;
    if (++this.#inBatch >= BATCH_DISPATCHES) this.flush();
  }

  /** Finds the bind group of a dispatch and marks its buffers as those of the open batch. */
  #bind(launch: Launch): void {
    const { program, blocks, at } = launch;
    const { pipelines } = this;
    if (launch.group === null || launch.age !== pipelines.age) {
      launch.group = pipelines.groupOf(program, blocks, at);
      launch.age = pipelines.age;
    }
    for (let i = 0; i < blocks.length; i++) blocks[i].batch = this.#batch;
    launch.batch = this.#batch;
    pipelines.pipelineOf(program);
  }

  #holdLaunch(launch: Launch): void {
    const blocks = [...launch.blocks];
    const words = launch.at < 0 ? this.#params.withdraw() : null;
    const run = (): void => {
      if (words !== null) {
        if (!this.#params.hasRoom) this.flush();
        this.#params.resume(words);
      }
      launch.blocks = blocks;
      launch.group = null;
      this.launch(launch);
    };
    this.#hold({ program: launch.program, blocks, run });
  }

  #hold(command: Held): void {
    for (const block of command.blocks) block.batch = HELD;
    this.#held?.push(command);
  }

  /** Runs a command in its turn. */
  #inTurn(command: Held): void {
    if (this.#held === null) command.run();
    else this.#hold(command);
  }

  /** Holds what `fn` runs back until its pipelines have been compiled in the background. */
  async warmup(fn: () => void): Promise<void> {
    const held = (this.#held ??= []);
    const start = held.length;
    try {
      fn();
      const programs = new Set(held.slice(start).flatMap(({ program }) => program ?? []));
      await Promise.all([...programs].map((program) => this.pipelines.compile(program)));
    } finally {
      this.#release();
    }
  }

  /** Runs what is held back, compiling what is not there yet, up to the next step of the host. */
  #release(): void {
    if (this.#host !== null) return;
    const held = this.#held ?? [];
    this.#held = null;
    let at = 0;
    while (at < held.length && this.#held === null) held[at++].run();
    // A step of the host has begun: the rest waits for it.
    (this.#held as Held[] | null)?.push(...held.slice(at));
  }

  /** Runs `step` on the bytes of `inputs` as soon as the host has them; it returns those of `outputs`. All later commands wait for it. */
  later(inputs: readonly Part[], outputs: readonly Block[], step: (inputs: readonly ArrayBuffer[]) => readonly ArrayBufferView[]): void {
    const run = (): void => {
      for (const block of outputs) block.batch = HELD;
      this.#held = [];
      this.#host = this.#runHost(inputs, outputs, step);
    };
    this.#inTurn({ blocks: [...inputs.map(({ block }) => block), ...outputs], run });
  }

  async #runHost(...[inputs, outputs, step]: Parameters<Queue["later"]>): Promise<void> {
    try {
      const data = step(await Promise.all(inputs.map((part) => this.#read(part))));
      data.forEach((words, i) => {
        if (words.byteLength > 0) this.#device.queue.writeBuffer(outputs[i].buffer, 0, words);
      });
    } catch (error) {
      this.#error ??= error as Error;
    }
    for (const block of outputs) block.batch = this.#batch;
    this.#host = null;
    this.#release();
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
    this.#release();
    return new Promise((resolve) => this.#inTurn({ blocks: [block], run: () => resolve(this.#read({ block, bytes })) }));
  }

  async #read({ block, bytes }: Part): Promise<ArrayBuffer> {
    if (bytes === 0) return new ArrayBuffer(0);
    const staging = this.#takeStaging(bytes);
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
    while (this.#host !== null) await this.#host;
    this.flush();
    await this.#device.queue.onSubmittedWorkDone();
  }
}
