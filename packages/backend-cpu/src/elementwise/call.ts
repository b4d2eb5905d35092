/**
 * Calls of kernels: the argument block of a nest (see nest.ts), prepared once for each layout.
 *
 * @module
 */
import type { DType } from "@sconce/core";
import { ARGUMENT_BYTES, type Machine } from "../machine.js";
import { rangeOf } from "../threads/range.js";
import { codeOf } from "../wasm/asm.js";
import type { Heap, Pointer } from "../wasm/memory.js";
import type { CompiledKernel } from "./emit.js";
import { numbersOffset } from "./nest.js";

/** Writes the run-time numbers of a kernel with so many dimensions and operands. */
export function writeNumbers(
  heap: Heap,
  args: Pointer,
  values: readonly (number | bigint)[],
  dtypes: readonly DType[],
  dims: number,
  operands: number,
): void {
  const start = (args + numbersOffset(dims, operands)) / 8;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    const dtype = dtypes[i];
    if (dtype === "float32") heap.f32[2 * (start + i)] = value;
    else if (dtype === "float64") heap.f64[start + i] = value;
    else if (dtype === "int64") (heap.i64 as unknown as number[])[start + i] = value;
    else heap.i32[2 * (start + i)] = value;
  }
}

/** How a call can be shared by threads. */
export interface Sharing {
  /** The dimension that is cut; -1 for none. Each of its indices must be computed alike whatever the range around it. */
  readonly dim: number;
  /** Parts take multiples of this. */
  readonly unit: number;
  /** About what the call takes on one thread. */
  readonly nanoseconds: number;
}

/** Elements per unit of an innermost dimension that is cut: parts do not meet in a cache line. */
export const INNER_UNIT = 64;

/** A kernel with the sizes and strides of one layout: its calls differ in addresses and numbers alone. */
export class PreparedCall {
  readonly #kernel: CompiledKernel;
  readonly #words: Int32Array;
  readonly #dims: number;
  readonly #operands: number;
  readonly #numbers: readonly DType[];
  readonly #sharing: Sharing;
  readonly #most: number;

  /** `strides` holds a list in bytes for each operand. */
  constructor(
    kernel: CompiledKernel,
    sizes: readonly number[],
    strides: readonly (readonly number[])[],
    numbers: readonly DType[],
    sharing: Sharing,
  ) {
    this.#kernel = kernel;
    this.#dims = sizes.length;
    this.#operands = strides.length;
    this.#numbers = numbers;
    this.#words = Int32Array.from([...sizes, ...strides.flatMap((list) => [0, ...list])]);
    this.#sharing = sharing;
    this.#most = sharing.dim < 0 || codeOf(kernel) === undefined ? 1 : Math.ceil(sizes[sharing.dim] / sharing.unit);
  }

  /** Runs the kernel; `address` gives that of each operand. Addresses beyond 2^31 wrap, as the kernel reads them. */
  run(machine: Machine, address: (operand: number) => Pointer, values: readonly (number | bigint)[]): void {
    const { heap, args, pool } = machine;
    const parts = pool.parts(this.#sharing.nanoseconds, this.#most);
    if (parts > 1) this.#share(machine, parts, address, values);
    else {
      this.#write(heap, args, address, values);
      this.#kernel(args);
    }
  }

  #write(heap: Heap, args: Pointer, address: (operand: number) => Pointer, values: readonly (number | bigint)[]): void {
    const { i32 } = heap;
    const start = args / 4;
    const words = this.#words;
    for (let i = 0; i < words.length; i++) i32[start + i] = words[i];
    for (let o = 0, at = start + this.#dims; o < this.#operands; o++, at += 1 + this.#dims) i32[at] = address(o);
    if (values.length > 0) writeNumbers(heap, args, values, this.#numbers, this.#dims, this.#operands);
  }

  /** One call for each range of the dimension that is cut, with an argument block of its own. */
  #share(machine: Machine, parts: number, address: (operand: number) => Pointer, values: readonly (number | bigint)[]): void {
    const { heap, pool } = machine;
    const { dim, unit } = this.#sharing;
    const blocks = machine.partArgs(parts);
    const { i32 } = heap;
    for (let i = 0; i < parts; i++) {
      const [first, end] = rangeOf(this.#words[dim], unit, i, parts);
      const args = blocks + i * ARGUMENT_BYTES;
      this.#write(heap, args, address, values);
      const start = args / 4;
      i32[start + dim] = end - first;
      for (let o = 0, at = start + this.#dims; o < this.#operands; o++, at += 1 + this.#dims) i32[at] += first * i32[at + 1 + dim];
      pool.part();
      if (first < end) pool.call(this.#kernel, 0, [args]);
    }
    pool.run();
  }
}
