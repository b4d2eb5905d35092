import { type DType, type Layout, type Spec, sizeOf, type View } from "@sconce/core";
import type { GpuDevice } from "./gpu.js";
import type { Params } from "./params.js";
import type { Program } from "./pipelines.js";
import type { Block } from "./pool.js";
import { Queue } from "./queue.js";
import type { Recorder } from "./recorder.js";
import type { Source } from "./wgsl/source.js";

/** A view of a block. */
export interface BlockView extends Layout {
  readonly block: Block;
  readonly dtype: DType;
}

/** What kernels run on: the queue, and which of their variants suit the adapter. */
export class Machine {
  readonly queue: Queue;
  readonly device: GpuDevice;
  /** Barriers and workgroup memory are slow: kernels block in registers alone. */
  readonly software: boolean;
  /** Bytes of the largest buffer. */
  readonly maxBytes: number;
  /** Notes what a kernel asks for. */
  recorder: Recorder | null = null;

  constructor(device: GpuDevice, software: boolean, subgroups: boolean) {
    this.device = device;
    this.software = software;
    this.maxBytes = Math.min(device.limits.maxBufferSize, device.limits.maxStorageBufferBindingSize);
    this.queue = new Queue(device, subgroups);
  }

  /** An uninitialised block for the elements of a spec. */
  alloc({ shape, dtype }: Pick<Spec, "shape"> & Partial<Spec>): Block {
    const block = this.queue.pool.take(sizeOf(shape) * (dtype === "float16" ? 2 : 4), undefined, shape);
    this.recorder?.made(block, shape);
    return block;
  }

  free(block: Block): void {
    this.recorder?.freed(block);
    this.queue.pool.give(block);
  }

  /** The program of a key, printed on first use. */
  program(key: string, print: () => Source, by?: Program["by"]): Program {
    return this.queue.pipelines.get(key, print, by);
  }

  /** Starts the parameters of the next dispatch. */
  params(): Params {
    return this.queue.params();
  }

  /** Runs a program with the parameters begun last: `size` invocations, or workgroups where the program counts in those. */
  run(program: Program, blocks: readonly Block[], size: number): void {
    if (size === 0) return;
    const groups = program.by === "invocation" ? Math.ceil(size / program.workgroup) : size;
    const { queue, recorder } = this;
    const launch = queue.prepare(program, blocks, groups, size, recorder?.isConstant === true);
    recorder?.dispatched(launch, launch.at < 0 ? queue.openParams : null);
    queue.launch(launch);
  }
}

/** A view whose handle is one of this backend's. */
export function blockView(view: View): BlockView {
  return { block: view.handle as Block, dtype: view.dtype, shape: view.shape, strides: view.strides, offset: view.offset };
}
