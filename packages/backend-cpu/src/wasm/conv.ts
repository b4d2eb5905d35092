/**
 * Convolution on contiguous float32 arrays: forward, gradient of the input, gradient of the weights. No array of patches is formed; the
 * kernel reads the image through address tables, see indirect-emit.
 *
 * @module
 */
import { type ThreadPool, WORTH } from "../threads/pool.js";
import { type Calls, DIRECT, shareItems, shareRange, shareRangeOfItems } from "../threads/share.js";
import {
  type ConvGeometry,
  inputPlan,
  offsets,
  outputPlanes,
  type Planes,
  type Residue,
  residues,
  sliceOffsets,
  volume,
} from "./conv-geometry.js";
import { ACCUMULATE } from "./element.js";
import { blocksOf, type ConvKernels, eachBlock, IndirectProduct, type Tiles } from "./indirect.js";
import { TILE_ROWS, WIDE_COLUMNS } from "./indirect-emit.js";
import type { Heap, Pointer } from "./memory.js";
import { LEAST_COLUMNS } from "./rows-emit.js";

export { type ConvGeometry, convOutput } from "./conv-geometry.js";
export { type ConvKernels, convKernels, withWide } from "./indirect.js";

/** Time of a multiplication and addition; for the choice of threads alone. */
const NANOSECONDS_PER_STEP = 0.045;
/** From so many images on threads take whole ones. */
const FEW_IMAGES = 8;
/** From so many filters on threads share the gradient of the weights by filters: each range packs only its own gradients. */
const FEW_FILTERS = 16;
/** Where there are fewer, the images are summed up in so many chunks, whatever the number of threads. */
const CHUNKS = 8;
/** From so many groups on threads share the gradient of the weights by groups. */
const FEW_GROUPS = 8;
/** Rows of a part are a multiple of this. */
const ROW_UNIT = 4 * TILE_ROWS;
/** Beyond so many calls for an image a gradient of the input is computed in one piece. */
const MOST_BAND_CALLS = 64;
/** Bit of `copyBlock` for the source. */
const SPREAD_SOURCE = 1 << 3;

/** Sizes of one group of one image, in bytes. */
function groupSizes(g: ConvGeometry): { x: number; w: number; y: number; channels: number; filters: number } {
  const [channels, filters] = [g.channels / g.groups, g.filters / g.groups];
  return {
    x: 4 * channels * volume(g.input),
    w: 4 * filters * channels * volume(g.kernel),
    y: 4 * filters * volume(g.output),
    channels,
    filters,
  };
}

/**
 * Plans `y = conv(x, w) + bias`: x `[N, C, ...input]`, w `[F, C / groups, ...kernel]`, bias `[F]` or 0 for none, y `[N, F, ...output]`, all
 * contiguous. `mode` combines ACCUMULATE and RELU.
 */
export function convForward(
  heap: Heap,
  kernels: ConvKernels,
  g: ConvGeometry,
  mode = 0,
  pool?: ThreadPool,
): (x: Pointer, w: Pointer, bias: Pointer, y: Pointer) => void {
  const size = groupSizes(g);
  if (g.batch * g.groups * size.y === 0) return () => {};
  const { planes, positions, taps } = inputPlan(g);
  const shape = { rowAxes: positions, stepAxes: taps, columns: size.filters, planes, channels: size.channels, blockwise: false };
  const product = new IndirectProduct(heap, kernels, shape);
  const { rows, steps } = product;
  if (mode === 0 && suitsRows(g, product)) {
    return (x, w, bias, y) =>
      inRows(pool, product, g, (calls, part, tiles) => {
        const [image, group] = [product.enter(calls, x + part * size.x), part % g.groups];
        product.multiplyRows(calls, image, w + group * size.w, y + part * size.y, bias && bias + 4 * group * size.filters, tiles);
      });
  }
  return (x, w, bias, y) =>
    product.use(pool, () => {
      for (let group = 0; group < g.groups; group++) {
        product.pack(DIRECT, w + group * size.w, 4 * steps, 4, 0, steps);
        if (bias) product.setBias(bias + 4 * group * size.filters);
        shareImages(pool, product, g, true, (calls, i, tiles) => {
          const part = i * g.groups + group;
          const image = product.enter(calls, x + part * size.x);
          const options = { mode, biased: bias !== 0, tiles };
          eachBlock(steps, (first, count) => product.multiply(calls, image, first, count, y + part * size.y, 4 * rows, options));
        });
      }
    });
}

/** True if the kernel for rows of a result is the faster one: for channels with a filter of their own, and for few steps in rows that fill tiles. */
function suitsRows({ stride, groups, channels, filters }: ConvGeometry, { columns, steps, panel }: IndirectProduct): boolean {
  if (stride[stride.length - 1] !== 1 || columns < LEAST_COLUMNS) return false;
  if (groups === channels && groups === filters) return true;
  // Tiles of rows take as long as 4 steps besides their own, those that are turned as 9, or 13 wide ones. What they read stays in the cache.
  return columns > 15 && steps < 65 && (columns + (-columns & 15)) * (steps + 4) < columns * (steps + (panel === WIDE_COLUMNS ? 13 : 9));
}

/** Computes the rows of all groups of all images. */
function inRows(
  pool: ThreadPool | undefined,
  product: IndirectProduct,
  g: ConvGeometry,
  body: (calls: Calls, part: number, tiles: Tiles) => void,
): void {
  product.use(pool, () => shareImages(pool, product, { batch: g.batch * g.groups }, true, body, product.columns));
}

/** Deals out the images of one group of a product, or where there are few the rows of each if they are independent. */
function shareImages(
  pool: ThreadPool | undefined,
  product: IndirectProduct,
  { batch }: Pick<ConvGeometry, "batch">,
  independent: boolean,
  body: (calls: Calls, image: number, tiles: Tiles) => void,
  unit: number = ROW_UNIT,
  callsPerImage: number = product.callsPerImage,
): void {
  const { all } = product;
  const nanoseconds = product.rows * product.steps * all.columns * NANOSECONDS_PER_STEP;
  if (batch * nanoseconds < WORTH) for (let i = 0; i < batch; i++) body(DIRECT, i, all);
  else if (batch >= FEW_IMAGES || !independent)
    shareItems(pool, batch * nanoseconds, batch, callsPerImage, (calls, i) => body(calls, i, all));
  else {
    for (let i = 0; i < batch; i++) {
      shareRange(pool, nanoseconds, all.rows, unit, (calls, first, end) => body(calls, i, { ...all, row: first, rows: end - first }));
    }
  }
}

/** Plans the gradient of the weights `[F, C / groups, ...kernel]` from x and dy, replacing dw or, with ACCUMULATE in `mode`, added to it. */
export function convWeightGradient(
  heap: Heap,
  kernels: ConvKernels,
  g: ConvGeometry,
  mode = 0,
  pool?: ThreadPool,
): (x: Pointer, dy: Pointer, dw: Pointer) => void {
  const size = groupSizes(g);
  const isEmpty = g.batch * g.groups * size.y * size.w === 0;
  const { planes, positions, taps } = inputPlan(g);
  const shape = { rowAxes: taps, stepAxes: positions, columns: size.filters, planes, channels: size.channels, blockwise: true };
  const product = isEmpty ? undefined : new IndirectProduct(heap, kernels, shape);
  return (x, dy, dw) => {
    if (!(mode & ACCUMULATE)) kernels.fill(dw, 0, g.groups * size.w);
    product?.use(pool, () => addImages(heap, kernels, g, product, x, dy, dw, pool));
  };
}

/** Adds the gradients of all images. */
function addImages(
  heap: Heap,
  kernels: ConvKernels,
  g: ConvGeometry,
  product: IndirectProduct,
  x: Pointer,
  dy: Pointer,
  dw: Pointer,
  pool: ThreadPool | undefined,
): void {
  const size = groupSizes(g);
  const { rows, steps, callsPerImage, all } = product;
  const nanoseconds = g.batch * rows * steps * size.filters * NANOSECONDS_PER_STEP;
  const addImage = (calls: Calls, group: number, i: number, target: Pointer, tiles: Tiles = all): void => {
    const part = i * g.groups + group;
    const image = product.enter(calls, x + part * size.x);
    const options = { mode: ACCUMULATE, tiles };
    eachBlock(steps, (first, count) => {
      product.pack(calls, dy + part * size.y + 4 * first, 4 * steps, 4, first, count, tiles);
      product.multiply(calls, image, first, count, target + group * size.w, 4 * rows, options);
    });
  };
  // Each weight is summed up by one thread, in the order of the images, or those of a chunk.
  if (g.groups >= FEW_GROUPS) {
    shareItems(pool, g.groups * nanoseconds, g.groups, g.batch * callsPerImage, (calls, group) => {
      for (let i = 0; i < g.batch; i++) addImage(calls, group, i, dw);
    });
  } else if (size.filters >= FEW_FILTERS) {
    for (let group = 0; group < g.groups; group++) {
      shareRangeOfItems(pool, nanoseconds, size.filters, product.panel, g.batch, callsPerImage, (calls, i, column, end) =>
        addImage(calls, group, i, dw, { ...all, column, columns: end - column }),
      );
    }
  } else {
    const [bytes, each] = [g.groups * size.w, Math.ceil(g.batch / CHUNKS)];
    const sums = heap.alloc(CHUNKS * bytes);
    kernels.fill(sums, 0, CHUNKS * bytes);
    shareRangeOfItems(pool, g.groups * nanoseconds, CHUNKS, 1, each, CHUNKS * g.groups * callsPerImage, (calls, i, start, end) => {
      for (let at = start * each + i; at < Math.min(g.batch, end * each); at += each) {
        for (let group = 0; group < g.groups; group++) addImage(calls, group, at, sums + Math.floor(at / each) * bytes);
      }
    });
    const { f32 } = heap;
    for (let from = sums / 4; from < (sums + CHUNKS * bytes) / 4; from += bytes / 4) {
      for (let i = 0; i < bytes / 4; i++) f32[dw / 4 + i] += f32[from + i];
    }
    heap.free(sums);
  }
}

/**
 * Plans the gradient of the input `[N, C, ...input]` from dy and w; also the forward pass of a transposed convolution. Inputs are taken by
 * their remainder modulo the stride: those of one kind see the same kernel elements, so that no multiplication by an inserted zero is done.
 */
export function convInputGradient(
  heap: Heap,
  kernels: ConvKernels,
  g: ConvGeometry,
  pool?: ThreadPool,
): (dy: Pointer, w: Pointer, dx: Pointer) => void {
  const size = groupSizes(g);
  if (g.batch * g.groups * size.x === 0) return () => {};
  const perDimension = g.input.map((_, d) => residues(g, d));
  const kinds = perDimension.reduce<Residue[][]>((all, list) => all.flatMap((kind) => list.map((residue) => [...kind, residue])), [[]]);
  const reached = size.y === 0 ? [] : kinds.filter((kind) => kind.every(({ taps }) => taps.length > 0));
  const planes = outputPlanes(g, perDimension);
  const passes = reached.map((kind) => inputGradientOfKind(heap, kernels, g, planes, kind, pool));
  return (dy, w, dx) => {
    if (passes.length < kinds.length) kernels.fill(dx, 0, g.batch * g.groups * size.x);
    if (passes.length === 0) return;
    const elements = heap.alloc(g.groups * size.w);
    try {
      for (let at = 0; at < g.groups * size.w; at += size.w) {
        const [element, filter] = [volume(g.kernel), 4 * size.channels];
        const target = [elements + at, filter, 4, size.filters * filter] as const;
        kernels.copyBlock(size.filters, size.channels, element, w + at, filter * element, 4 * element, 4, ...target);
      }
      for (const pass of passes) pass(dy, elements, dx);
    } finally {
      heap.free(elements);
    }
  };
}

/** Plans the pass for one kind of inputs; `elements` holds the weights of each group as `[...kernel, F, C]`. */
function inputGradientOfKind(
  heap: Heap,
  kernels: ConvKernels,
  g: ConvGeometry,
  planes: Planes,
  kind: readonly Residue[],
  pool: ThreadPool | undefined,
): (dy: Pointer, elements: Pointer, dx: Pointer) => void {
  const size = groupSizes(g);
  const whole = g.stride.every((stride) => stride === 1);
  const staged = whole ? 0 : 4 * size.channels * volume(kind.map(({ count }) => count));
  const product = new IndirectProduct(heap, kernels, inputGradientShape(g, planes, kind), staged);
  if (whole && size.channels === 1 && suitsRows(g, product)) {
    return (dy, elements, dx) =>
      inRows(pool, product, g, (calls, part, tiles) => {
        const image = product.enter(calls, dy + part * size.y);
        product.multiplyRows(calls, image, elements + (part % g.groups) * size.w, dx + part * size.x, 0, tiles);
      });
  }
  const bands = bandsOf(g, kind[0], product.rows, product.steps);
  const mostCalls = product.callsPerImage + bands.length * blocksOf(product.steps);
  const pass = (calls: Calls, source: Pointer, target: Pointer, tiles: Tiles): void => {
    const image = product.enter(calls, source);
    const out = whole ? target : product.staged;
    for (const { row, end, start, steps } of bands) {
      const [top, bottom] = [Math.max(row, tiles.row), Math.min(end, tiles.row + tiles.rows)];
      if (top >= bottom) continue;
      const options = { staged: !whole, tiles: { ...tiles, row: top, rows: bottom - top }, start };
      eachBlock(steps, (first, count) => product.multiply(calls, image, first, count, out, 4 * product.rows, options), start);
    }
    if (!whole) spread(calls, kernels, g, kind, out, target);
  };
  return (dy, elements, dx) =>
    product.use(pool, () => {
      for (let group = 0; group < g.groups; group++) {
        packKind(product, g, kind, elements + group * size.w);
        const image = (calls: Calls, i: number, tiles: Tiles): void => {
          const part = i * g.groups + group;
          pass(calls, dy + part * size.y, dx + part * size.x, tiles);
        };
        shareImages(pool, product, g, whole, image, ROW_UNIT, mostCalls);
      }
    });
}

/** Rows of a product that are reached by the same range of its steps. */
interface Band {
  readonly row: number;
  readonly end: number;
  readonly start: number;
  readonly steps: number;
}

/** Rows by the kernel elements along the first dimension that pair them with an output; the others pair them with zeros. */
function bandsOf(g: ConvGeometry, { taps, count }: Residue, rows: number, steps: number): Band[] {
  const [rowsEach, stepsEach] = [rows / count, steps / taps.length];
  const bands: Band[] = [];
  for (let i = 0; i < count; i++) {
    const paired = taps.map(({ output }) => i + output >= 0 && i + output < g.output[0]);
    // No pair at all: the zeros are as good as any.
    const [first, last] = paired.includes(true) ? [paired.indexOf(true), paired.lastIndexOf(true)] : [0, taps.length - 1];
    const band = { row: i * rowsEach, end: (i + 1) * rowsEach, start: first * stepsEach, steps: (last + 1 - first) * stepsEach };
    const before = bands.at(-1);
    if (before?.start === band.start && before.steps === band.steps) bands[bands.length - 1] = { ...before, end: band.end };
    else bands.push(band);
  }
  return bands.length * blocksOf(steps) > MOST_BAND_CALLS ? [{ row: 0, end: rows, start: 0, steps }] : bands;
}

function inputGradientShape(g: ConvGeometry, planes: Planes, kind: readonly Residue[]): ConstructorParameters<typeof IndirectProduct>[2] {
  const unit = planes.strides.map((stride) => 4 * stride);
  const tapAxes = kind.map(({ taps }, d) => taps.map(({ output }) => (output + planes.before[d]) * unit[d]));
  const rowAxes = kind.map(({ count }, d) => offsets(count, unit[d]));
  const [channels, columns] = [g.filters / g.groups, g.channels / g.groups];
  return { rowAxes, stepAxes: [...tapAxes, offsets(channels, 4 * planes.plane)], columns, planes, channels, blockwise: false };
}

/** Packs weights with channels as columns and, for each kernel element of the kind, filters as steps. */
function packKind(product: IndirectProduct, g: ConvGeometry, kind: readonly Residue[], elements: Pointer): void {
  const [channels, filters] = [g.channels / g.groups, g.filters / g.groups];
  const own = kind.reduce<number[]>((all, { taps }, d) => all.flatMap((at) => taps.map(({ kernel }) => at * g.kernel[d] + kernel)), [0]);
  for (const [i, element] of own.entries()) {
    product.pack(DIRECT, elements + 4 * element * filters * channels, 4, 4 * channels, i * filters, filters);
  }
}

/** Puts the inputs of one kind, `[C, ...counts]` in `staged`, into their places in dx. */
function spread(calls: Calls, kernels: ConvKernels, g: ConvGeometry, kind: readonly Residue[], staged: Pointer, dx: Pointer): void {
  const strides = g.input.map((_, d) => volume(g.input.slice(d + 1)));
  const start = dx + 4 * kind.reduce((sum, { first }, d) => sum + first * strides[d], 0);
  const counts = kind.map(({ count }) => count);
  const steps = strides.map((stride, d) => 4 * stride * g.stride[d]);
  const [rows, columns] = [counts.at(-2) ?? 1, counts.at(-1)!];
  for (const [i, slice] of sliceOffsets(counts, steps).entries()) {
    const from = [staged + 4 * i * rows * columns, 4 * volume(counts), 4 * columns, 4] as const;
    const to = [start + slice, 4 * volume(g.input), steps.at(-2) ?? 0, steps.at(-1)!] as const;
    calls.call(kernels.copyBlock, SPREAD_SOURCE, [g.channels / g.groups, rows, columns, ...from, ...to]);
  }
}
