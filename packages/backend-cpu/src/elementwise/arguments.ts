import type { DType } from "@sconce/core";
import type { Machine } from "../machine.js";
import { numbersOffset } from "./nest.js";

/** Writes the argument block of a nest (see nest.ts) word by word. */
export class ArgumentWriter {
  readonly #machine: Machine;
  #at = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Starts a block. */
  begin(): void {
    this.#at = this.#machine.args / 4;
  }

  /** Appends a size, an address or a stride in bytes; addresses beyond 2^31 wrap, as the kernel reads them. */
  word(value: number): void {
    this.#machine.heap.i32[this.#at++] = value;
  }

  /** Writes the numbers of a nest with so many dimensions and operands. */
  numbers(values: readonly (number | bigint)[], dtypes: readonly DType[], dims: number, operands: number): void {
    const { heap, args } = this.#machine;
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
}
