/**
 * Calls of kernels: the argument block of a nest (see nest.ts), prepared once for each layout.
 *
 * @module
 */
import { type DType, sameShape, type View } from "@sconce/core";
import type { Machine } from "../machine.js";
import type { Pointer } from "../wasm/memory.js";
import type { CompiledKernel } from "./emit.js";
import { numbersOffset } from "./nest.js";

/** Writes the run-time numbers of a kernel with so many dimensions and operands. */
export function writeNumbers(
  { heap, args }: Machine,
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

/** A kernel with the sizes and strides of one layout: its calls differ in addresses and numbers alone. */
export class PreparedCall {
  readonly #kernel: CompiledKernel;
  readonly #words: Int32Array;
  readonly #dims: number;
  readonly #operands: number;
  readonly #numbers: readonly DType[];

  /** `strides` holds a list in bytes for each operand. */
  constructor(kernel: CompiledKernel, sizes: readonly number[], strides: readonly (readonly number[])[], numbers: readonly DType[]) {
    this.#kernel = kernel;
    this.#dims = sizes.length;
    this.#operands = strides.length;
    this.#numbers = numbers;
    this.#words = Int32Array.from([...sizes, ...strides.flatMap((list) => [0, ...list])]);
  }

  /** Runs the kernel; `address` gives that of each operand. Addresses beyond 2^31 wrap, as the kernel reads them. */
  run(machine: Machine, address: (operand: number) => Pointer, values: readonly (number | bigint)[]): void {
    const { i32 } = machine.heap;
    const start = machine.args / 4;
    const words = this.#words;
    for (let i = 0; i < words.length; i++) i32[start + i] = words[i];
    for (let o = 0, at = start + this.#dims; o < this.#operands; o++, at += 1 + this.#dims) i32[at] = address(o);
    if (values.length > 0) writeNumbers(machine, values, this.#numbers, this.#dims, this.#operands);
    this.#kernel(machine.args);
  }
}

interface Recent {
  readonly shape: readonly number[];
  readonly dims: readonly number[];
  readonly strides: readonly (readonly number[])[];
  readonly call: PreparedCall;
}

const KEPT = 8;
const NO_DIMS: readonly number[] = [];

/** The latest calls of one expression, found by the layouts of its inputs. */
export class RecentCalls {
  readonly #recent: Recent[] = [];
  #next = 0;

  /** The call for inputs in these layouts, prepared by `prepare` if it is a new one. `dims` is whatever else a layout depends on. */
  get(inputs: readonly View[], shape: readonly number[], prepare: () => PreparedCall, dims: readonly number[] = NO_DIMS): PreparedCall {
    for (const recent of this.#recent) {
      if (sameShape(recent.shape, shape) && sameShape(recent.dims, dims) && sameStrides(recent.strides, inputs)) return recent.call;
    }
    const call = prepare();
    this.#recent[this.#next] = { shape, dims, strides: inputs.map((x) => x.strides), call };
    this.#next = (this.#next + 1) % KEPT;
    return call;
  }
}

function sameStrides(strides: readonly (readonly number[])[], inputs: readonly View[]): boolean {
  for (let i = 0; i < inputs.length; i++) if (!sameShape(strides[i], inputs[i].strides)) return false;
  return true;
}
