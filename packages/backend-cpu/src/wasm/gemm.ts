/**
 * Matrix products on the heap: c = a b, optionally added to c, with a bias per column and a relu.
 *
 * @module
 */
import { type Exports, instantiate } from "./asm.js";
import { ACCUMULATE, type Element } from "./element.js";
import { type KernelOptions, kernelOptions } from "./features.js";
import { emitGemm, gemmWorkspace } from "./gemm-emit.js";
import type { Heap, Pointer } from "./memory.js";

export { ACCUMULATE, FLOAT32, FLOAT64, RELU } from "./element.js";
export { emitGemm } from "./gemm-emit.js";

/** Always zero: the heap never hands out its first page. */
const ZERO: Pointer = 0;

/** The matrix kernels of one element type, linked to one memory; every thread has its own instance. */
export interface GemmKernels {
  readonly element: Element;
  /** Bytes of scratch memory that each running product needs to itself, as from `heap.workspace(thread, bytes)`. */
  readonly workspaceBytes: number;
  readonly exports: Exports;
}

/**
 * Emits and links the matrix kernels.
 *
 * @example
 * const heap = new Heap();
 * const kernels = gemmKernels(heap, FLOAT32);
 * const [a, b, c] = [heap.alloc(24), heap.alloc(24), heap.alloc(16)];
 * heap.f32.fill(1, a / 4, a / 4 + 6).fill(2, b / 4, b / 4 + 6);
 * product(kernels, heap.workspace(0, kernels.workspaceBytes), 2, 2, 3, a, 3, 1, b, 2, 1, c, 2);
 * heap.f32[c / 4]; // 6
 */
export function gemmKernels(
  heap: Pick<Heap, "memory" | "shared" | "maximum">,
  element: Element,
  options: KernelOptions = kernelOptions(heap),
): GemmKernels {
  return { element, workspaceBytes: gemmWorkspace(element), exports: instantiate(emitGemm(options, element), heap.memory) };
}

/**
 * `c[m, n] = a[m, k] b[k, n]`. Pointers are in bytes; strides are in elements, from row to row and from column to column, and of any sign;
 * the rows of c are contiguous and `cRow` apart. `mode` combines ACCUMULATE and RELU; `bias` (0 for none) points to n values. A range of m
 * or of n is a product of its own, which is how threads share one.
 */
export function product(
  kernels: GemmKernels,
  workspace: Pointer,
  m: number,
  n: number,
  k: number,
  a: Pointer,
  aRow: number,
  aColumn: number,
  b: Pointer,
  bRow: number,
  bColumn: number,
  c: Pointer,
  cRow: number,
  mode = 0,
  bias: Pointer = 0,
): void {
  if (m === 0 || n === 0) return;
  const { exports } = kernels;
  const { bytes } = kernels.element;
  if (k === 0) {
    // One step of 0 * 0 leaves what mode and bias ask for.
    exports.gemm(m, n, 1, ZERO, 0, 0, ZERO, 0, 0, c, cRow * bytes, mode, bias, workspace);
  } else if (m === 1 && aColumn === 1 && (bRow === 1 || bColumn === 1) && !(bias && mode & ACCUMULATE)) {
    if (bias) exports.copy(c, bias, n * bytes);
    const start = bias ? mode | ACCUMULATE : mode;
    if (bRow === 1) exports.gemvRows(n, k, a, b, bColumn * bytes, c, start);
    else exports.gemvColumns(n, k, a, b, bRow * bytes, c, start);
  } else if (n === 1 && cRow === 1 && bRow === 1 && aColumn === 1 && !bias) {
    exports.gemvRows(m, k, b, a, aRow * bytes, c, mode);
  } else if (n === 1 && cRow === 1 && bRow === 1 && aRow === 1 && !bias) {
    exports.gemvColumns(m, k, b, a, aColumn * bytes, c, mode);
  } else {
    const [aStep, bStep] = [aColumn * bytes, bColumn * bytes];
    exports.gemm(m, n, k, a, aRow * bytes, aStep, b, bRow * bytes, bStep, c, cRow * bytes, mode, bias, workspace);
  }
}
