/**
 * Maximum and average pooling over contiguous planes `[planes, h, w]` (planes = N C), and their gradients.
 *
 * @module
 */
import type { ThreadPool } from "../threads/pool.js";
import { type Calls, shareRange } from "../threads/share.js";
import { type Exports, instantiate, ModuleBuilder, type WasmFunction } from "./asm.js";
import { type Element, FLOAT32 } from "./element.js";
import { type KernelOptions, kernelOptions } from "./features.js";
import type { Heap, Pointer } from "./memory.js";
import { emitAvgPool, emitAvgPoolGradient, emitMaxPool, emitMaxPool2x2 } from "./pool-emit.js";

/** A pair (height, width); pooling along one dimension has height 1. */
export type Pair = readonly [number, number];

/** The shape of a pooling. */
export interface PoolGeometry {
  readonly planes: number;
  readonly input: Pair;
  /** From {@link poolOutput} for each dimension. */
  readonly output: Pair;
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  /** Must be 1 for averages. */
  readonly dilation: Pair;
}

/** What an average is divided by: a given divisor, or the window with or without the padding in it. */
export interface Average {
  readonly countIncludePad: boolean;
  readonly divisor: number | null;
}

/** The pooling kernels of one element type, linked to one memory. */
export interface PoolKernels {
  readonly element: Element;
  readonly exports: Exports;
}

/** Size of an output dimension as PyTorch computes it: with `ceilMode` a last window may stick out, but must start inside. */
export function poolOutput(size: number, kernel: number, stride: number, padding: number, dilation: number, ceilMode: boolean): number {
  const room = size + 2 * padding - dilation * (kernel - 1) - 1 + (ceilMode ? stride - 1 : 0);
  const count = Math.floor(room / stride) + 1;
  return ceilMode && (count - 1) * stride >= size + padding ? count - 1 : count;
}

/** Emits and links the pooling kernels. */
export function poolKernels(
  heap: Pick<Heap, "memory" | "shared" | "maximum">,
  element: Element = FLOAT32,
  options: KernelOptions = kernelOptions(heap),
): PoolKernels {
  const module = new ModuleBuilder(options);
  emitMaxPool(module, element);
  if (element === FLOAT32) emitMaxPool2x2(module);
  emitAvgPool(module, element);
  emitAvgPoolGradient(module, element);
  module.function("fill", 3).get(0).get(1).get(2).memoryFill();
  return { element, exports: instantiate(module.bytes(), heap.memory) };
}

/** Time of one element of a window; for the choice of threads alone. */
const NANOSECONDS_PER_ELEMENT = 0.6;

/** Hands ranges of planes to `body`. */
function sharePlanes(pool: ThreadPool | undefined, g: PoolGeometry, body: (calls: Calls, first: number, end: number) => void): void {
  const nanoseconds = g.planes * g.output[0] * g.output[1] * g.kernel[0] * g.kernel[1] * NANOSECONDS_PER_ELEMENT;
  shareRange(pool, nanoseconds, g.planes, 1, body);
}

/** The arguments between the number of planes and the addresses. */
function shapeArguments(g: PoolGeometry): number[] {
  return [...g.input, ...g.output, ...g.kernel, ...g.stride, ...g.padding, ...g.dilation];
}

/** Bytes of an input and of an output plane. */
function planeBytes({ element }: PoolKernels, { input, output }: PoolGeometry): readonly [number, number] {
  return [input[0] * input[1] * element.bytes, output[0] * output[1] * element.bytes];
}

/**
 * Plans `y[planes, ...output]` = maximum of each window and `indices` (int32) = where it lies in its plane. NaN wins over every number,
 * padding over none.
 */
export function maxPool(kernels: PoolKernels, g: PoolGeometry, pool?: ThreadPool): (x: Pointer, y: Pointer, indices: Pointer) => void {
  const { exports, element } = kernels;
  const is = (pair: Pair, value: number): boolean => pair[0] === value && pair[1] === value;
  const inside = 2 * g.output[0] <= g.input[0] && 2 * g.output[1] <= g.input[1];
  const halving = inside && is(g.kernel, 2) && is(g.stride, 2) && is(g.padding, 0) && is(g.dilation, 1);
  const [xBytes, yBytes] = planeBytes(kernels, g);
  if (exports.maxPool2x2 && halving) {
    const [[h, w], [rows, columns]] = [g.input, g.output];
    return (x, y, indices) =>
      sharePlanes(pool, g, (calls, first, end) => {
        const at = indices + (4 * first * yBytes) / element.bytes;
        calls.call(exports.maxPool2x2, 0, [end - first, h, w, rows, columns, x + first * xBytes, y + first * yBytes, at]);
      });
  }
  const shape = shapeArguments(g);
  return (x, y, indices) =>
    sharePlanes(pool, g, (calls, first, end) => {
      const at = indices + (4 * first * yBytes) / element.bytes;
      calls.call(exports.maxPool, 0, [end - first, ...shape, x + first * xBytes, y + first * yBytes, at]);
    });
}

function clear({ exports, element }: PoolKernels, g: PoolGeometry, dx: Pointer): void {
  exports.fill(dx, 0, g.planes * g.input[0] * g.input[1] * element.bytes);
}

/** Plans the call of a kernel of averages with the addresses of an input and an output plane. */
function planAverage(
  kernels: PoolKernels,
  kernel: WasmFunction,
  g: PoolGeometry,
  { countIncludePad, divisor }: Average,
  pool: ThreadPool | undefined,
): (input: Pointer, output: Pointer) => void {
  const [inputBytes, outputBytes] = planeBytes(kernels, g);
  const [shape, options] = [shapeArguments(g), [Number(countIncludePad), divisor ?? 0]];
  return (input, output) =>
    sharePlanes(pool, g, (calls, first, end) => {
      calls.call(kernel, 0, [end - first, ...shape, input + first * inputBytes, output + first * outputBytes, ...options]);
    });
}

/** Plans `y[planes, ...output]` = average of each window. */
export function avgPool(kernels: PoolKernels, g: PoolGeometry, average: Average, pool?: ThreadPool): (x: Pointer, y: Pointer) => void {
  return planAverage(kernels, kernels.exports.avgPool, g, average, pool);
}

/** Plans the gradient of {@link avgPool}. */
export function avgPoolGradient(
  kernels: PoolKernels,
  g: PoolGeometry,
  average: Average,
  pool?: ThreadPool,
): (dy: Pointer, dx: Pointer) => void {
  const run = planAverage(kernels, kernels.exports.avgPoolGradient, g, average, pool);
  return (dy, dx) => {
    clear(kernels, g, dx);
    run(dx, dy);
  };
}
