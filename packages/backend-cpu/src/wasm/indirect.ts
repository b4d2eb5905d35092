/**
 * Working memory of the indirect kernel and calls to it: tables, packed panels, and padded copies of images.
 *
 * @module
 */
import type { ThreadPool } from "../threads/pool.js";
import type { Calls } from "../threads/share.js";
import { type Exports, instantiate, ModuleBuilder } from "./asm.js";
import { type Planes, sliceOffsets, tableBytes, tableOf, volume } from "./conv-geometry.js";
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

/** What a product is over: the sums of axes are the places of rows and steps in the source. */
export interface IndirectShape {
  readonly rowAxes: readonly (readonly number[])[];
  readonly stepAxes: readonly (readonly number[])[];
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

/** Tables of more entries are not worth keeping. */
const MOST_KEPT_ENTRIES = 2 ** 14;

/** What writes the sums of axes to a table in the memory. */
function tableWriter(heap: Heap, axes: readonly (readonly number[])[]): (table: Pointer) => void {
  const made = tableOf(axes);
  const kept = made.length > MOST_KEPT_ENTRIES ? undefined : made;
  return (table) => heap.i32.set(kept ?? tableOf(axes), table / 4);
}

/**
 * `out[column][row] = bias[column] + sum over step of x[rowTable[row] + stepTable[step]] * right[column][step]`, and while it is in use the
 * memory that it needs: tables and panels for all threads of a pool, and for each of them its own copy of an image.
 */
export class IndirectProduct {
  readonly rows: number;
  readonly steps: number;
  /** Elements of the result's last dimension. */
  readonly columns: number;
  /** Columns of a panel. */
  readonly panel: number;
  /** All rows and columns. */
  readonly all: Tiles;
  /** Calls of the kernels per image, at most. */
  readonly callsPerImage: number;
  readonly #heap: Heap;
  readonly #kernels: ConvKernels;
  readonly #shape: IndirectShape;
  readonly #panelSteps: number;
  readonly #panelStride: number;
  /** Where things lie in the memory of all threads, and in that of one. */
  readonly #shared: readonly number[];
  readonly #each: readonly number[];
  readonly #copyBytes: number;
  readonly #writeRows: (table: Pointer) => void;
  readonly #writeSteps: (table: Pointer) => void;
  /** For each slice of an image where it comes from and goes to. */
  readonly #slices: readonly (readonly [source: number, target: number])[];
  #base: Pointer = 0;
  #stepTable: Pointer = 0;
  #bias: Pointer = 0;
  #panels: Pointer = 0;
  #scratch: Pointer = 0;
  #copy: Pointer = 0;
  /** Room of each thread for `stagedBytes`. */
  staged: Pointer = 0;

  constructor(heap: Heap, kernels: ConvKernels, shape: IndirectShape, stagedBytes = 0) {
    const { planes, blockwise } = shape;
    this.#heap = heap;
    this.#kernels = kernels;
    this.#shape = shape;
    this.rows = volume(shape.rowAxes.map((axis) => axis.length));
    this.steps = volume(shape.stepAxes.map((axis) => axis.length));
    this.all = { row: 0, rows: this.rows, column: 0, columns: shape.columns };
    this.#panelSteps = blockwise ? Math.min(this.steps, BLOCK_STEPS) : this.steps;
    this.columns = shape.rowAxes[shape.rowAxes.length - 1].length;
    this.panel = kernels.indirectWide !== undefined && shape.columns >= WIDE_COLUMNS ? WIDE_COLUMNS : TILE_COLUMNS;
    this.#panelStride = 4 * this.panel * this.#panelSteps;
    [this.#writeRows, this.#writeSteps] = [shape.rowAxes, shape.stepAxes].map((axes) => tableWriter(heap, axes));
    const columns = Math.ceil(shape.columns / this.panel) * this.panel;
    this.#copyBytes = planes.copied ? 4 * planes.plane * shape.channels : 0;
    const panelBytes = 4 * this.#panelSteps * columns;
    const [ownPanels, sharedPanels] = blockwise ? [panelBytes, 0] : [0, panelBytes];
    this.#shared = starts([tableBytes(this.rows), tableBytes(this.steps), 4 * columns, sharedPanels]);
    this.#each = starts([SCRATCH_BYTES, this.#copyBytes, stagedBytes, ownPanels]);
    const { size, before, strides } = planes;
    const start = 4 * before.reduce((sum, count, d) => sum + count * strides[d], 0);
    const slice = 4 * volume(size.slice(-2));
    this.#slices = sliceOffsets(size, strides).map((offset, i) => [i * slice, start + 4 * offset]);
    this.callsPerImage = this.#slices.length + 2 * blocksOf(this.steps) + 2;
  }

  /** Calls `body` while the product has its memory. */
  use(pool: ThreadPool | undefined, body: () => void): void {
    const heap = this.#heap;
    const [each, shared] = [this.#each, this.#shared];
    const span = pool?.span(each[4]) ?? each[4];
    const base = heap.alloc(shared[4] + span);
    const own = base + shared[4];
    this.#base = base;
    this.#stepTable = base + shared[1];
    this.#bias = base + shared[2];
    this.#panels = this.#shape.blockwise ? own + each[3] : base + shared[3];
    this.#scratch = own;
    this.#copy = own + each[1];
    this.staged = own + each[2];
    try {
      this.#writeRows(base);
      this.#writeSteps(this.#stepTable);
      if (this.#copyBytes > 0) for (let at = 0; at < span; at += each[4]) this.#kernels.fill(this.#copy + at, 0, this.#copyBytes);
      body();
    } finally {
      heap.free(base);
    }
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
    const { size, strides, plane } = planes;
    // The last two dimensions are one call; dimensions before them are slices.
    const [rows, columns] = [size.at(-2) ?? 1, size.at(-1)!];
    const [image, rowStride] = [4 * volume(size), 4 * (strides.at(-2) ?? 0)];
    for (const [from, to] of this.#slices) {
      const args = [channels, rows, columns, source + from, image, 4 * columns, 4, this.#copy + to, 4 * plane, rowStride, 4];
      calls.call(this.#kernels.copyBlock, COPY_TARGET, args);
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

  /** Where a panel's steps from `first` on lie. */
  #panelAt(column: number, first: number): Pointer {
    return this.#panels + (column / this.panel) * this.#panelStride + (this.#shape.blockwise ? 0 : 4 * this.panel * first);
  }
}
