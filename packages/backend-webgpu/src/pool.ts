import { DeviceError, formatShape, type TypedArray } from "@sconce/core";
import { type GpuBuffer, type GpuDevice, USAGE } from "./gpu.js";

/** A buffer on the device: the handle of this backend. */
export interface Block {
  readonly buffer: GpuBuffer;
  /** Names the buffer in the cache of bind groups. */
  readonly id: number;
  readonly bytes: number;
  /** The last batch of commands that uses it. */
  batch: number;
  /** What was uploaded, where it may hold indices: the host checks them before a kernel uses them. */
  indices: TypedArray | null;
  /** The idle blocks of its size, and its place among them; -1 while it is none of them. */
  readonly home: Block[];
  place: number;
}

/** Stands for the number of a batch that is not open yet: commands that are held back use the buffer. */
export const HELD: number = Number.MAX_VALUE;

const SMALLEST = 256;
/** Buffers from this size on are created in an error scope of their own. */
const GUARDED = 2 ** 24;
/** Idle bytes beyond which buffers go back to the device. */
const IDLE_LIMIT = 512 * 2 ** 20;

/** The size that a request is rounded up to: four classes to each doubling, so that at most a fifth is wasted. */
export function sizeClass(bytes: number): number {
  if (bytes <= SMALLEST) return SMALLEST;
  const step = Math.max(2 ** (Math.floor(Math.log2(bytes - 1)) - 2), SMALLEST / 4);
  return Math.ceil(bytes / step) * step;
}

/** Figures of the buffers that a backend holds. */
export interface PoolInfo {
  /** Buffers that exist, in use or idle. */
  readonly buffers: number;
  readonly bytes: number;
  readonly idleBytes: number;
}

/** Storage buffers by size class; the last one freed is the first one given out, so that steps meet the same buffers again. */
export class Pool {
  readonly #device: GpuDevice;
  readonly #idle = new Map<number, Block[]>();
  readonly #onDestroy: (blocks: readonly Block[]) => void;
  readonly #onError: (error: DeviceError) => void;
  #nextId = 1;
  #buffers = 0;
  #bytes = 0;
  #idleBytes = 0;

  /** `onDestroy` is called before buffers are destroyed, `onError` when the device has no memory for one. */
  constructor(device: GpuDevice, onDestroy: (blocks: readonly Block[]) => void, onError: (error: DeviceError) => void) {
    this.#device = device;
    this.#onDestroy = onDestroy;
    this.#onError = onError;
  }

  get info(): PoolInfo {
    return { buffers: this.#buffers, bytes: this.#bytes, idleBytes: this.#idleBytes };
  }

  /** A buffer for at least `bytes`. With `before`, one that no batch from that number on uses, for writes that go ahead of the batch; `shape` names the tensor in errors. */
  take(bytes: number, before: number = Number.POSITIVE_INFINITY, shape?: readonly number[]): Block {
    return this.takeOf(sizeClass(bytes), before, shape);
  }

  /** {@link take} for a size class. */
  takeOf(size: number, before: number = Number.POSITIVE_INFINITY, shape?: readonly number[]): Block {
    const list = this.#idle.get(size);
    if (list !== undefined) {
      for (let i = list.length - 1; i >= 0; i--) {
        if (list[i].batch < before) return this.retake(list[i]);
      }
    }
    return this.#create(size, shape);
  }

  /** Takes an idle block. */
  retake(block: Block): Block {
    const { home, place } = block;
    const last = home.pop() as Block;
    if (last !== block) {
      home[place] = last;
      last.place = place;
    }
    block.place = -1;
    this.#idleBytes -= block.bytes;
    return block;
  }

  #create(bytes: number, shape: readonly number[] | undefined): Block {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.#device.limits;
    const most = Math.min(maxBufferSize, maxStorageBufferBindingSize);
    const label = shape === undefined ? "upload" : `tensor ${formatShape(shape)}`;
    const whose = shape === undefined ? "" : ` for a ${label}`;
    if (bytes > most)
      throw new DeviceError(`webgpu: expected at most ${most} bytes in one buffer, got ${bytes}${whose}; use smaller tensors`);
    const guarded = bytes >= GUARDED;
    if (guarded) this.#device.pushErrorScope("out-of-memory");
    const buffer = this.#device.createBuffer({ label, size: bytes, usage: USAGE.storage | USAGE.copySrc | USAGE.copyDst });
    if (guarded) {
      void this.#device.popErrorScope().then((error) => {
        if (error !== null)
          this.#onError(new DeviceError(`webgpu: out of memory: ${bytes} bytes${whose}; free tensors or use smaller ones`));
      });
    }
    this.#buffers++;
    this.#bytes += bytes;
    let home = this.#idle.get(bytes);
    if (home === undefined) this.#idle.set(bytes, (home = []));
    return { buffer, id: this.#nextId++, bytes, batch: 0, indices: null, home, place: -1 };
  }

  give(block: Block): void {
    block.indices = null;
    block.place = block.home.push(block) - 1;
    this.#idleBytes += block.bytes;
    if (this.#idleBytes > IDLE_LIMIT) this.trim();
  }

  /** Destroys all idle buffers that no command waits for. */
  trim(): void {
    const blocks = [...this.#idle.values()].flat().filter(({ batch }) => batch !== HELD);
    if (blocks.length === 0) return;
    this.#onDestroy(blocks);
    for (const block of blocks) {
      this.retake(block);
      block.buffer.destroy();
      this.#buffers--;
      this.#bytes -= block.bytes;
    }
  }
}
