/**
 * Matrix products by something else than the kernels here, such as a library of the system, on the same memory.
 *
 * @module
 */
import type { Pointer } from "./wasm/memory.js";

/** A matrix that a library of linear algebra can read: an address in bytes, and the elements from row to row, or from column to column if `transposed`. */
export interface OutsideMatrix {
  readonly at: Pointer;
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
  readonly c: Pointer;
  /** Elements from row to row of c. */
  readonly leading: number;
  readonly accumulate: boolean;
}

/** Computes matrix products in the memory of the CPU's tensors. */
export interface MatrixProducts {
  /** Computes one product at once. */
  multiply(memory: ArrayBufferLike, dtype: "float32" | "float64", product: OutsideProduct): void;
}

let products: MatrixProducts | null = null;

/**
 * Lets something else compute the matrix products that are large enough, those of convolutions too; null goes back to the kernels here.
 * `@sconce/blas` calls it.
 * @example
 * setMatrixProducts(null);
 */
export function setMatrixProducts(own: MatrixProducts | null): void {
  products = own;
}

/** What computes matrix products instead of the kernels, or null. */
export function matrixProducts(): MatrixProducts | null {
  return products;
}

/** Multiplications from which a call is worth its overhead of less than a microsecond. */
const LEAST_STEPS = 4096;

/** True if a product of these sizes goes out. */
export const isWorthwhile = (m: number, n: number, k: number): boolean => m > 1 && n > 1 && m * n * k >= LEAST_STEPS;

/** A matrix of these sizes and strides as a library reads it; undefined where its elements are not neighbours along either dimension. */
export function outsideMatrix(
  at: Pointer,
  rows: number,
  columns: number,
  rowStride: number,
  columnStride: number,
): OutsideMatrix | undefined {
  if (columnStride === 1 && rowStride >= columns) return { at, leading: rowStride, transposed: false };
  if (rowStride === 1 && columnStride >= rows) return { at, leading: columnStride, transposed: true };
  return undefined;
}
