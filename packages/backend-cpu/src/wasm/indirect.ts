/**
 * Working memory of the indirect kernel and calls to it: tables, packed panels, and padded copies of images.
 *
 * @module
 */
import type { ThreadPool } from "../threads/pool.js";
import type { Calls } from "../threads/share.js";
import { type Exports, instantiate, ModuleBuilder } from "./asm.js";
import { type Planes, sliceOffsets, volume } from "./conv-geometry.js";
import { emitCopyBlock } from "./copy-emit.js";
import { ACCUMULATE, FLOAT32, RELU } from "./element.js";
import { type KernelOptions, kernelOptions } from "./features.js";
import { emitPack } from "./gemm-pack.js";
import { emitIndirect, SCRATCH_BYTES, TILE_COLUMNS, WIDE_COLUMNS } from "./indirect-emit.js";
import { emitIndirectWide } from "./indirect-wide.js";
import type { Heap, Pointer } from "./memory.js";
import { emitRows, ROW_FILTERS, WIDE_ROW_FILTERS } from "./rows-emit.js";

/** Steps per call of the kernel: a panel of so many stays in the first-level cache beside the image. */
const BLOCK_STEPS = 384;

/**
 * The convolution kernels, linked to one memory: `indirect`, `rows`, `pack`, `copyBlock` and `fill(target, byte, bytes)`, and where they are
 * in use the wide kernels, `indirectWide` with its packing, `packWide`, and another `rows`.
 */
export type ConvKernels = Exports;

/** Emits and links the convolution kernels. */
export function convKernels(heap: Pick<Heap, "memory" | "shared" | "maximum">, options: KernelOptions = kernelOptions(heap)): ConvKernels {
  const module = new ModuleBuilder(options);
  emitIndirect(module, options.fma);
  emitRows(module, options.fma, ROW_FILTERS);
  emitPack(module, "pack", FLOAT32, TILE_COLUMNS);
  emitCopyBlock(module);
  module.function("fill", 3).get(0).get(1).get(2).memoryFill();
  return instantiate(module.bytes(), heap.memory);
}

/** The convolution kernels with the wide one. */
export function withWide(heap: Pick<Heap, "memory">, kernels: ConvKernels, options: KernelOptions): ConvKernels {
  const module = new ModuleBuilder(options);
  emitIndirectWide(module, options.fma);
  emitRows(module, options.fma, WIDE_ROW_FILTERS);
  emitPack(module, "packWide", FLOAT32, WIDE_COLUMNS);
  return { ...kernels, ...instantiate(module.bytes(), heap.memory) };
}

/** Blocks of so many steps. */
export const blocksOf = (steps: number): number => Math.ceil(steps / BLOCK_STEPS);

/** Calls `body` for equal blocks of at most BLOCK_STEPS steps, from `start` on. */
export function eachBlock(steps: number, body: (first: number, count: number) => void, start = 0): void {
  const size = Math.ceil(steps / blocksOf(steps));
  for (let first = 0; first < steps; first += size) body(start + first, Math.min(size, steps - first));
}

/** What a product is over: the tables, the source they point into, and how much of the right operand is packed at a time. */
export interface IndirectShape {
  readonly rowAxes: readonly (readonly number[])[];
  readonly stepAxes: readonly (readonly number[])[];
  /** The sums of the axes. */
  readonly rowTable: Int32Array;
  readonly stepTable: Int32Array;
  readonly columns: number;
  readonly planes: Planes;
  readonly channels: number;
  /** Pack one block of steps at a time instead of all of them. */
  readonly blockwise: boolean;
}

/** A range of the result; its columns start at a panel. */
export interface Tiles {
  readonly row: number;
  readonly rows: number;
  readonly column: number;
  readonly columns: number;
}

export interface MultiplyOptions {
  readonly mode?: number;
  readonly biased?: boolean;
  readonly staged?: boolean;
  readonly tiles?: Tiles;
  /** The first step of the product, where those before it would only add zeros. */
  readonly start?: number;
}

/** Bits of arguments that may lie in a thread's own memory: of `pack`, of `copyBlock`, of `indirect`. */
const PACK_TARGET = 1 << 5;
const COPY_TARGET = 1 << 7;
const [IMAGE, PANELS, OUT, SCRATCH] = [1 << 3, 1 << 6, 1 << 8, 1 << 12];

/** Starts of blocks of memory one after the other, and the end of the last. */
function starts(sizes: readonly number[]): number[] {
  const list = [0];
  for (const size of sizes) list.push(list[list.length - 1] + Math.ceil(size / 64) * 64);
  return list;
}

/**
 * `out[column][row] = bias[column] + sum over step of x[rowTable[row] + stepTable[step]] * right[column][step]` with the memory it needs:
 * tables and panels for all threads of a pool, and for each of them its own copy of an image. `free` gives the memory back.
 */
export class IndirectProduct {
  readonly rows: number;
  readonly steps: number;
  /** Elements of the result's last dimension. */
  readonly columns: number;
  /** Columns of a panel. */
  readonly panel: number;
  readonly #heap: Heap;
  readonly #kernels: ConvKernels;
  readonly #shape: IndirectShape;
  readonly #panelSteps: number;
  readonly #base: Pointer;
  readonly #stepTable: Pointer;
  readonly #panels: Pointer;
  readonly #bias: Pointer;
  readonly #own: Pointer;
  readonly #scratch: Pointer;
  readonly #copy: Pointer;
  /** Room of each thread for `stagedBytes`. */
  readonly staged: Pointer;

  constructor(heap: Heap, kernels: ConvKernels, shape: IndirectShape, pool?: ThreadPool, stagedBytes = 0) {
    this.#heap = heap;
    this.#kernels = kernels;
    this.#shape = shape;
    this.rows = volume(shape.rowAxes.map((axis) => axis.length));
    this.steps = volume(shape.stepAxes.map((axis) => axis.length));
    this.#panelSteps = shape.blockwise ? Math.min(this.steps, BLOCK_STEPS) : this.steps;
    this.columns = shape.rowAxes[shape.rowAxes.length - 1].length;
    this.panel = kernels.indirectWide !== undefined && shape.columns >= WIDE_COLUMNS ? WIDE_COLUMNS : TILE_COLUMNS;
    const columns = Math.ceil(shape.columns / this.panel) * this.panel;
    const copyBytes = shape.planes.copied ? 4 * shape.planes.plane * shape.channels : 0;
    const panelBytes = 4 * this.#panelSteps * columns;
    const [ownPanels, sharedPanels] = shape.blockwise ? [panelBytes, 0] : [0, panelBytes];
    const shared = starts([4 * shape.rowTable.length, 4 * shape.stepTable.length, 4 * columns, sharedPanels]);
    const own = starts([SCRATCH_BYTES, copyBytes, stagedBytes, ownPanels]);
    const [ownBytes, sharedBytes] = [own[4], shared[4]];
    this.#base = heap.alloc(sharedBytes);
    const span = pool?.span(ownBytes) ?? ownBytes;
    this.#own = heap.alloc(span);
    [this.#stepTable, this.#bias] = [this.#base + shared[1], this.#base + shared[2]];
    [this.#scratch, this.#copy, this.staged] = [this.#own, this.#own + own[1], this.#own + own[2]];
    this.#panels = shape.blockwise ? this.#own + own[3] : this.#base + shared[3];
    heap.i32.set(shape.rowTable, this.#base / 4);
    heap.i32.set(shape.stepTable, this.#stepTable / 4);
    for (let at = 0; at < span && copyBytes > 0; at += ownBytes) kernels.fill(this.#copy + at, 0, copyBytes);
  }

  /** Calls of the kernels per image, at most. */
  get callsPerImage(): number {
    const slices = volume(this.#shape.planes.size.slice(0, -2));
    return slices + 2 * blocksOf(this.steps) + 2;
  }

  /**
   * Packs `count` steps of the right operand for a range of columns that starts with a panel. Element (column, step) of it lies at
   * `source + column * columnStride + step * stepStride`.
   */
  pack(
    calls: Calls,
    source: Pointer,
    columnStride: number,
    stepStride: number,
    first: number,
    count: number,
    { column, columns }: Tiles = this.all,
  ): void {
    const { blockwise } = this.#shape;
    const target = this.#panelAt(column, first);
    const args = [columns, count, source + column * columnStride, columnStride, stepStride, target, this.#panelStride];
    calls.call(this.panel === WIDE_COLUMNS ? this.#kernels.packWide : this.#kernels.pack, blockwise ? PACK_TARGET : 0, args);
  }

  /** Copies the bias to where it may be read in whole vectors. */
  setBias(source: Pointer): void {
    this.#heap.u8.copyWithin(this.#bias, source, source + 4 * this.#shape.columns);
  }

  /** Makes an image readable by the tables: in place, or by a copy into the middle of zeros. */
  enter(calls: Calls, source: Pointer): Pointer {
    const { planes, channels } = this.#shape;
    if (!planes.copied) return source;
    const { size, before, strides } = planes;
    // The last two dimensions are one call; dimensions before them are walked here.
    const [rows, columns] = [size.at(-2) ?? 1, size.at(-1)!];
    const rowStride = 4 * (strides.at(-2) ?? 0);
    const start = this.#copy + 4 * before.reduce((sum, count, d) => sum + count * strides[d], 0);
    for (const [i, offset] of sliceOffsets(size, strides).entries()) {
      const from = [source + 4 * i * rows * columns, 4 * volume(size), 4 * columns, 4] as const;
      const target = [start + 4 * offset, 4 * planes.plane, rowStride, 4] as const;
      calls.call(this.#kernels.copyBlock, COPY_TARGET, [channels, rows, columns, ...from, ...target]);
    }
    return this.#copy;
  }

  /**
   * Multiplies a range of tiles with steps that are packed. `mode` speaks of the whole product: relu waits for the last step. `staged` says
   * that `out` lies in the thread's own memory.
   */
  multiply(
    calls: Calls,
    image: Pointer,
    first: number,
    count: number,
    out: Pointer,
    outColumn: number,
    { mode = 0, biased = false, staged = false, tiles = this.all, start = 0 }: MultiplyOptions = {},
  ): void {
    const { blockwise, planes } = this.#shape;
    const { row, rows, column, columns } = tiles;
    const last = first + count === this.steps;
    const blockMode = (first > start ? ACCUMULATE : mode & ACCUMULATE) | (last ? mode & RELU : 0);
    const own = (planes.copied ? IMAGE : 0) | (blockwise ? PANELS : 0) | (staged ? OUT : 0) | SCRATCH;
    const kernel = this.panel === WIDE_COLUMNS ? this.#kernels.indirectWide : this.#kernels.indirect;
    const [rowTable, stepTable] = [this.#base + 4 * row, this.#stepTable + 4 * first];
    const [target, bias] = [out + 4 * row + column * outColumn, biased && first === 0 ? this.#bias + 4 * column : 0];
    const [panelStride, scratch] = [this.#panelStride, this.#scratch];
    const panels = this.#panelAt(column, first);
    const args = [rows, count, columns, image, rowTable, stepTable, panels, panelStride, target, outColumn, blockMode, bias, scratch];
    calls.call(kernel, own, args);
  }

  /**
   * Multiplies a range of rows of the result's last dimension, whose columns are neighbours in the image, by weights `[columns][steps]`. The
   * bias is an address, 0 for none.
   */
  multiplyRows(calls: Calls, image: Pointer, weights: Pointer, out: Pointer, bias: Pointer, { row, rows, columns: filters }: Tiles): void {
    const { planes } = this.#shape;
    const { columns } = this;
    const [rowTable, target] = [this.#base + 4 * row, out + 4 * row];
    const args = [rows / columns, columns, this.steps, image, rowTable, this.#stepTable, weights, filters, target, 4 * this.rows, bias];
    calls.call(this.#kernels.rows, planes.copied ? IMAGE : 0, args);
  }

  /** All rows and columns. */
  get all(): Tiles {
    return { row: 0, rows: this.rows, column: 0, columns: this.#shape.columns };
  }

  free(): void {
    this.#heap.free(this.#base);
    this.#heap.free(this.#own);
  }

  get #panelStride(): number {
    return 4 * this.panel * this.#panelSteps;
  }

  /** Where a panel's steps from `first` on lie. */
  #panelAt(column: number, first: number): Pointer {
    return this.#panels + (column / this.panel) * this.#panelStride + (this.#shape.blockwise ? 0 : 4 * this.panel * first);
  }
}
