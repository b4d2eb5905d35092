import { type GpuBuffer, type GpuDevice, USAGE } from "./gpu.js";
import { BLOCK_BYTES, type Params } from "./params.js";

const CAPACITY_BYTES = 2 ** 21;

/** Parameter blocks of recorded dispatches, written once: such a dispatch needs neither an upload nor an offset. */
export class Constants {
  readonly buffer: GpuBuffer;
  readonly #device: GpuDevice;
  #used = 0;
  /** True once a block found no room. */
  isFull = false;

  constructor(device: GpuDevice) {
    this.#device = device;
    this.buffer = device.createBuffer({ size: CAPACITY_BYTES, usage: USAGE.uniform | USAGE.copyDst });
  }

  /** Takes the open parameter block over, for kernels that bind so many bytes; its offset, or -1 without room. */
  add(params: Params, bytes: number): number {
    const at = this.#used;
    if (at + bytes > CAPACITY_BYTES) {
      this.isFull = true;
      return -1;
    }
    this.#device.queue.writeBuffer(this.buffer, at, params.withdraw());
    this.#used = at + Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
    return at;
  }

  /** Drops all blocks; no command that was not submitted may use one. */
  reset(): void {
    this.#used = 0;
    this.isFull = false;
  }
}
