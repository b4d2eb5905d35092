/**
 * Products and convolutions by something else than the kernels here, such as a library of the system, on the same memory. `@sconce/blas` does it with OpenBLAS.
 *
 * @module outside
 */
import type { Machine } from "./machine.js";
import { type Outside, setOutside } from "./outside-state.js";
import type { ConvGeometry, ConvKernels } from "./wasm/conv.js";
import { ACCUMULATE } from "./wasm/element.js";
import type { Pointer } from "./wasm/memory.js";

/** A matrix that a library of linear algebra can read: an address in bytes, and the elements from row to row, or from column to column if `transposed`. */
export interface OutsideMatrix {
  readonly at: number;
  readonly leading: number;
  readonly transposed: boolean;
}

/** A product `c[m, n] = a[m, k] b[k, n]`, or added to c; c is row-major. */
export interface OutsideProduct {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: OutsideMatrix;
  readonly b: OutsideMatrix;
  /** Address in bytes. */
  readonly c: number;
  /** Elements from row to row of c. */
  readonly leading: number;
  readonly accumulate: boolean;
}

/** Computes matrix products in the memory of the CPU's tensors. */
export interface MatrixProducts {
  /** Computes one product at once. */
  multiply(memory: ArrayBufferLike, dtype: "float32" | "float64", product: OutsideProduct): void;
}

/** Multiplications from which a call is worth its overhead of less than a microsecond. */
const LEAST_STEPS = 4096;
/** Patches of an image are not formed beyond so many bytes. */
const MOST_BYTES = 2 ** 26;
const PATCHES_SLOT = 3;

const volume = (sizes: readonly number[]): number => sizes.reduce((n, size) => n * size, 1);

/** The sizes of a group's matrices: filters, elements of a patch, positions. */
function sizesOf(g: ConvGeometry): { readonly filters: number; readonly patch: number; readonly positions: number } {
  return { filters: g.filters / g.groups, patch: (g.channels / g.groups) * volume(g.kernel), positions: volume(g.output) };
}

const isWorthwhile = (m: number, n: number, k: number): boolean => m > 1 && n > 1 && m * n * k >= LEAST_STEPS;

/** From so many filters on a product outweighs the patches that it needs. */
const LEAST_FILTERS = 32;

/** True if the products of a convolution go out. */
function goesOut(g: ConvGeometry): boolean {
  const { filters, patch, positions } = sizesOf(g);
  return g.input.length <= 2 && filters >= LEAST_FILTERS && isWorthwhile(filters, positions, patch) && 4 * patch * positions <= MOST_BYTES;
}

/** The outputs along a dimension that a kernel element pairs with an input, and the first such input. */
function reach(g: ConvGeometry, d: number, element: number): { readonly first: number; readonly count: number; readonly input: number } {
  const shift = element * g.dilation[d] - g.padding[d];
  const first = Math.max(0, Math.ceil(-shift / g.stride[d]));
  const end = Math.min(g.output[d], Math.floor((g.input[d] - 1 - shift) / g.stride[d]) + 1);
  return { first, count: Math.max(0, end - first), input: first * g.stride[d] + shift };
}

/** Writes the patches `[patch, positions]` of an image's group at `x` to `target`. */
function formPatches(kernels: ConvKernels, g: ConvGeometry, x: Pointer, target: Pointer): void {
  const { patch, positions } = sizesOf(g);
  const channels = g.channels / g.groups;
  const [lead, last] = [g.input.length - 2, g.input.length - 1];
  const [height, width, outWidth] = [g.input[lead] ?? 1, g.input[last], g.output[last]];
  const whole = { first: 0, count: 1, input: 0 };
  kernels.fill(target, 0, 4 * patch * positions);
  for (let row = 0; row < (g.kernel[lead] ?? 1); row++) {
    for (let column = 0; column < g.kernel[last]; column++) {
      const [y, z] = [lead < 0 ? whole : reach(g, lead, row), reach(g, last, column)];
      if (y.count === 0 || z.count === 0) continue;
      const from = [x + 4 * (y.input * width + z.input), 4 * height * width, 4 * (g.stride[lead] ?? 1) * width, 4 * g.stride[last]];
      const at = target + 4 * ((row * g.kernel[last] + column) * positions + y.first * outWidth + z.first);
      kernels.copyBlock(channels, y.count, z.count, ...from, at, 4 * volume(g.kernel) * positions, 4 * outWidth, 4);
    }
  }
}

type Multiply = (product: OutsideProduct) => void;

const multiplyIn =
  (machine: Machine, products: MatrixProducts): Multiply =>
  (product) =>
    products.multiply(machine.heap.memory.buffer, "float32", product);

/** Calls `body` for every group of every image with its patches. */
function eachPatches(
  machine: Machine,
  kernels: ConvKernels,
  g: ConvGeometry,
  x: Pointer,
  body: (patches: Pointer, group: number, part: number) => void,
): void {
  const { patch, positions } = sizesOf(g);
  const patches = machine.heap.workspace(PATCHES_SLOT, 4 * patch * positions);
  const bytes = (4 * g.channels * volume(g.input)) / g.groups;
  for (let part = 0; part < g.batch * g.groups; part++) {
    formPatches(kernels, g, x + part * bytes, patches);
    body(patches, part % g.groups, part);
  }
}

/** `y = conv(x, w) + bias`; bias is 0 for none. */
function forward(
  machine: Machine,
  products: MatrixProducts,
  kernels: ConvKernels,
  g: ConvGeometry,
  x: Pointer,
  w: Pointer,
  bias: Pointer,
  y: Pointer,
): void {
  const { filters, patch, positions } = sizesOf(g);
  const multiply = multiplyIn(machine, products);
  eachPatches(machine, kernels, g, x, (patches, group, part) => {
    const c = y + 4 * part * filters * positions;
    const { f32 } = machine.heap;
    if (bias) {
      for (let f = 0; f < filters; f++) {
        const start = c / 4 + f * positions;
        f32.fill(f32[bias / 4 + group * filters + f], start, start + positions);
      }
    }
    multiply({
      m: filters,
      n: positions,
      k: patch,
      a: { at: w + 4 * group * filters * patch, leading: patch, transposed: false },
      b: { at: patches, leading: positions, transposed: false },
      c,
      leading: positions,
      accumulate: bias !== 0,
    });
  });
}

/** The gradient of the weights `[F, C / groups, ...kernel]`. */
function weightGradient(
  machine: Machine,
  products: MatrixProducts,
  kernels: ConvKernels,
  g: ConvGeometry,
  x: Pointer,
  dy: Pointer,
  dw: Pointer,
): void {
  const { filters, patch, positions } = sizesOf(g);
  const multiply = multiplyIn(machine, products);
  eachPatches(machine, kernels, g, x, (patches, group, part) => {
    multiply({
      m: filters,
      n: patch,
      k: positions,
      a: { at: dy + 4 * part * filters * positions, leading: positions, transposed: false },
      b: { at: patches, leading: positions, transposed: true },
      c: dw + 4 * group * filters * patch,
      leading: patch,
      accumulate: part >= g.groups,
    });
  });
}

/** The convolution of dy that gives the gradient of the input: with the kernel turned round and its two kinds of channels exchanged. Stride 1 only. */
function adjoint(g: ConvGeometry): ConvGeometry {
  const padding = g.kernel.map((size, d) => g.dilation[d] * (size - 1) - g.padding[d]);
  return { ...g, channels: g.filters, filters: g.channels, input: g.output, output: g.input, padding };
}

/** Writes the weights of {@link adjoint} for those of `g` at `w` to `target`. */
function adjointWeights(machine: Machine, g: ConvGeometry, w: Pointer, target: Pointer): void {
  const { f32 } = machine.heap;
  const [channels, filters, size] = [g.channels / g.groups, g.filters / g.groups, volume(g.kernel)];
  for (let group = 0; group < g.groups; group++) {
    const start = group * filters * channels * size;
    for (let f = 0; f < filters; f++) {
      for (let c = 0; c < channels; c++) {
        const from = w / 4 + start + (f * channels + c) * size;
        const to = target / 4 + start + (c * filters + f) * size;
        for (let i = 0; i < size; i++) f32[to + size - 1 - i] = f32[from + i];
      }
    }
  }
}

/** A matrix of these sizes and strides as a library reads it; undefined where its elements are not neighbours along either dimension. */
function matrixOf(at: Pointer, rows: number, columns: number, rowStride: number, columnStride: number): OutsideMatrix | undefined {
  if (columnStride === 1 && rowStride >= columns) return { at, leading: rowStride, transposed: false };
  if (rowStride === 1 && columnStride >= rows) return { at, leading: columnStride, transposed: true };
  return undefined;
}

/** What the backend asks, in terms of products. */
function outsideOf(own: MatrixProducts): Outside {
  return {
    products: (machine, bytes, { m, n, k, a, aRow, aColumn, b, bRow, bColumn, c, mode }, offsets) => {
      const [left, right] = [matrixOf(a, m, k, aRow, aColumn), matrixOf(b, k, n, bRow, bColumn)];
      if (left === undefined || right === undefined || !isWorthwhile(m, n, k)) return false;
      for (let i = 0; 2 * i < offsets.length; i++) {
        own.multiply(machine.heap.memory.buffer, bytes === 4 ? "float32" : "float64", {
          ...{ m, n, k, leading: n, accumulate: (mode & ACCUMULATE) !== 0 },
          a: { ...left, at: a + offsets[2 * i] * bytes },
          b: { ...right, at: b + offsets[2 * i + 1] * bytes },
          c: c + i * m * n * bytes,
        });
      }
      return true;
    },
    conv: (machine, kernels, g, ...pointers) => {
      if (!goesOut(g)) return false;
      forward(machine, own, kernels, g, ...pointers);
      return true;
    },
    convInput: (machine, kernels, g, dy, w, dx) => {
      const turned = adjoint(g);
      if (!goesOut(turned) || g.stride.some((stride) => stride !== 1)) return false;
      const weights = machine.heap.alloc((4 * g.filters * g.channels * volume(g.kernel)) / g.groups);
      adjointWeights(machine, g, w, weights);
      forward(machine, own, kernels, turned, dy, weights, 0, dx);
      machine.heap.free(weights);
      return true;
    },
    convWeight: (machine, kernels, g, ...pointers) => {
      if (!goesOut(g)) return false;
      weightGradient(machine, own, kernels, g, ...pointers);
      return true;
    },
  };
}

/**
 * Lets something else compute the matrix products of the CPU that are large enough, those of convolutions too; null goes back to the backend's own
 * kernels.
 * @example
 * setMatrixProducts(null);
 */
export function setMatrixProducts(own: MatrixProducts | null): void {
  setOutside(own === null ? null : outsideOf(own));
}
