/**
 * Where products and convolutions leave for something else than the kernels here, such as a library of the system. What does so is in
 * outside.ts, apart, since few programs want it.
 *
 * @module
 */
import type { Machine } from "./machine.js";
import type { ConvGeometry, ConvKernels } from "./wasm/conv.js";
import type { Product } from "./wasm/gemm.js";
import type { Pointer } from "./wasm/memory.js";
import { settingsChanged } from "./wide-state.js";

/** Computes products and convolutions; each returns false for what it leaves to the kernels here. */
export interface Outside {
  /** The products of a batch, whose operands start at pairs of `offsets` in elements. */
  products(machine: Machine, bytes: number, product: Product, offsets: readonly number[]): boolean;
  conv(machine: Machine, kernels: ConvKernels, g: ConvGeometry, x: Pointer, w: Pointer, bias: Pointer, y: Pointer): boolean;
  convInput(machine: Machine, kernels: ConvKernels, g: ConvGeometry, dy: Pointer, w: Pointer, dx: Pointer): boolean;
  convWeight(machine: Machine, kernels: ConvKernels, g: ConvGeometry, x: Pointer, dy: Pointer, dw: Pointer): boolean;
}

let own: Outside | null = null;

/** Sets what is asked first, null for nothing. */
export function setOutside(outside: Outside | null): void {
  own = outside;
  settingsChanged();
}

/** What is asked first, or null. */
export function outside(): Outside | null {
  return own;
}
