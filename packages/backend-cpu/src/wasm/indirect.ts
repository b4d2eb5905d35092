/**
 * Working memory of the indirect kernel and calls to it: tables, packed panels, and padded copies of images.
 *
 * @module
 */
import { type Exports, I32, ModuleBuilder } from "./asm.js";
import { type Planes, tableLength, volume, writeTable } from "./conv-geometry.js";
import { emitCopyBlock } from "./copy-emit.js";
import { ACCUMULATE, FLOAT32, RELU } from "./element.js";
import { type KernelOptions, kernelOptions } from "./features.js";
import { emitPack } from "./gemm-pack.js";
import { emitIndirect, SCRATCH_BYTES, TILE_COLUMNS } from "./indirect-emit.js";
import type { Heap, Pointer } from "./memory.js";

/** Steps per call of the kernel: a panel of so many stays in the first-level cache beside the image. */
const BLOCK_STEPS = 384;

/** The convolution kernels, linked to one memory: `indirect`, `pack`, `copyBlock` and `fill(target, byte, bytes)`. */
export type ConvKernels = Exports;

/** Emits and links the convolution kernels. */
export function convKernels(heap: Pick<Heap, "memory" | "shared" | "maximum">, options: KernelOptions = kernelOptions(heap)): ConvKernels {
  const module = new ModuleBuilder(options);
  emitIndirect(module, options.fma);
  emitPack(module, "pack", FLOAT32, TILE_COLUMNS);
  emitCopyBlock(module);
  module.function("fill", [I32, I32, I32]).get(0).get(1).get(2).memoryFill();
  return module.instantiate(heap.memory);
}

/** Calls `body` for equal blocks of at most BLOCK_STEPS steps. */
export function eachBlock(steps: number, body: (first: number, count: number) => void): void {
  const size = Math.ceil(steps / Math.ceil(steps / BLOCK_STEPS));
  for (let first = 0; first < steps; first += size) body(first, Math.min(size, steps - first));
}

/** What a product is over: the tables, the source they point into, and how much of the right operand is packed at a time. */
export interface IndirectShape {
  readonly rowAxes: readonly (readonly number[])[];
  readonly stepAxes: readonly (readonly number[])[];
  readonly columns: number;
  readonly planes: Planes;
  readonly channels: number;
  /** Pack one block of steps at a time instead of all of them. */
  readonly blockwise: boolean;
}

/**
 * `out[column][row] = bias[column] + sum over step of x[rowTable[row] + stepTable[step]] * right[column][step]` with the memory it needs.
 * It belongs to one thread; `free` gives the memory back.
 */
export class IndirectProduct {
  readonly rows: number;
  readonly steps: number;
  private readonly heap: Heap;
  private readonly kernels: ConvKernels;
  private readonly shape: IndirectShape;
  private readonly panelSteps: number;
  private readonly base: Pointer;
  private readonly stepTable: Pointer;
  private readonly panels: Pointer;
  private readonly bias: Pointer;
  private readonly scratch: Pointer;
  private readonly copy: Pointer;

  constructor(heap: Heap, kernels: ConvKernels, shape: IndirectShape) {
    this.heap = heap;
    this.kernels = kernels;
    this.shape = shape;
    this.rows = volume(shape.rowAxes.map((axis) => axis.length));
    this.steps = volume(shape.stepAxes.map((axis) => axis.length));
    this.panelSteps = shape.blockwise ? Math.min(this.steps, BLOCK_STEPS) : this.steps;
    const columns = Math.ceil(shape.columns / TILE_COLUMNS) * TILE_COLUMNS;
    const copyBytes = shape.planes.copied ? 4 * shape.planes.plane * shape.channels : 0;
    const sizes = [4 * tableLength(this.rows), 4 * tableLength(this.steps), 4 * this.panelSteps * columns, 4 * columns, SCRATCH_BYTES];
    const starts = [0];
    for (const size of sizes) starts.push(starts.at(-1)! + Math.ceil(size / 64) * 64);
    this.base = heap.alloc(starts.at(-1)! + copyBytes);
    [this.stepTable, this.panels, this.bias, this.scratch, this.copy] = starts.slice(1).map((start) => this.base + start);
    writeTable(heap.i32, this.base / 4, shape.rowAxes);
    writeTable(heap.i32, this.stepTable / 4, shape.stepAxes);
    kernels.fill(this.copy, 0, copyBytes);
  }

  /** Packs `count` steps of the right operand, where element (column, step) lies at `source + column * columnStride + step * stepStride`. */
  pack(source: Pointer, columnStride: number, stepStride: number, first: number, count: number): void {
    const target = this.shape.blockwise ? this.panels : this.panels + 4 * TILE_COLUMNS * first;
    this.kernels.pack(this.shape.columns, count, source, columnStride, stepStride, target, this.panelStride);
  }

  /** Copies the bias to where it may be read in whole vectors. */
  setBias(source: Pointer): void {
    this.heap.u8.copyWithin(this.bias, source, source + 4 * this.shape.columns);
  }

  /** Makes an image readable by the tables: in place, or by a copy into the middle of zeros. */
  enter(source: Pointer): Pointer {
    const { planes, channels } = this.shape;
    if (!planes.copied) return source;
    const { size, before, strides } = planes;
    // The last two dimensions are one call; dimensions before them are walked here.
    const [rows, columns] = [size.at(-2) ?? 1, size.at(-1)!];
    const rowStride = 4 * (strides.at(-2) ?? 0);
    const start = this.copy + 4 * before.reduce((sum, count, d) => sum + count * strides[d], 0);
    const slices = this.sliceOffsets(size.slice(0, -2), strides);
    for (const [i, offset] of slices.entries()) {
      const from = source + 4 * i * rows * columns;
      const target = [start + 4 * offset, 4 * planes.plane, rowStride, 4] as const;
      this.kernels.copyBlock(channels, rows, columns, from, 4 * volume(size), 4 * columns, 4, ...target);
    }
    return this.copy;
  }

  /** Multiplies with steps that are packed. `mode` speaks of the whole product: relu waits for the last step. */
  multiply(image: Pointer, first: number, count: number, out: Pointer, outColumn: number, mode: number, biased = false): void {
    const panels = this.shape.blockwise ? this.panels : this.panels + 4 * TILE_COLUMNS * first;
    const last = first + count === this.steps;
    const blockMode = (first > 0 ? ACCUMULATE : mode & ACCUMULATE) | (last ? mode & RELU : 0);
    this.kernels.indirect(
      ...([this.rows, count, this.shape.columns, image, this.base, this.stepTable + 4 * first, panels, this.panelStride] as const),
      ...([out, outColumn, blockMode, biased && first === 0 ? this.bias : 0, this.scratch] as const),
    );
  }

  free(): void {
    this.heap.free(this.base);
  }

  private get panelStride(): number {
    return 4 * TILE_COLUMNS * this.panelSteps;
  }

  private sliceOffsets(outer: readonly number[], strides: readonly number[]): number[] {
    return outer.reduce<number[]>(
      (sums, count, d) => sums.flatMap((sum) => Array.from({ length: count }, (_, i) => sum + i * strides[d])),
      [0],
    );
  }
}
