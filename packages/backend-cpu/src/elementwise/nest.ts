/**
 * Loop nests over operands that lie anywhere in memory. A kernel reads sizes, addresses, strides and numbers from an argument block, so
 * one kernel serves every shape:
 *
 * `[size 0, ...]`, then for each operand `[address, stride 0, ...]` in bytes, 32 bits each; then the numbers, 8 bytes each.
 *
 * @module
 */
import { type FunctionBuilder, I32, type Local } from "../wasm/asm.js";

/** Offset of the numbers in the argument block. */
export function numbersOffset(dims: number, operands: number): number {
  return (4 * (dims + operands * (1 + dims)) + 7) & ~7;
}

/** The loops of a kernel function whose only parameter is the address of the argument block. */
export class Nest {
  readonly dims: number;
  readonly operands: number;
  readonly #f: FunctionBuilder;
  readonly #args: Local = 0;

  constructor(f: FunctionBuilder, dims: number, operands: number) {
    this.#f = f;
    this.dims = dims;
    this.operands = operands;
  }

  /** Puts the size of a dimension on the stack. */
  size(dim: number): void {
    this.#f.get(this.#args).mem("i32.load", 4 * dim);
  }

  /** Puts an operand's stride on the stack. */
  stride(operand: number, dim: number): void {
    this.#f.get(this.#args).mem("i32.load", 4 * (this.dims + operand * (1 + this.dims) + 1 + dim));
  }

  /** Puts the address of a run-time number on the stack. */
  number(index: number): void {
    this.#f
      .get(this.#args)
      .i32(numbersOffset(this.dims, this.operands) + 8 * index)
      .op("i32.add");
  }

  /** Locals with the operands' addresses. */
  bases(): Local[] {
    return Array.from({ length: this.operands }, (_, operand) => {
      const local = this.#f.local(I32);
      this.#f
        .get(this.#args)
        .mem("i32.load", 4 * (this.dims + operand * (1 + this.dims)))
        .set(local);
      return local;
    });
  }

  /** Runs `body` for each index of the dimensions `from` to `to` (exclusive), outermost first, with the operands' addresses there. */
  loops(from: number, to: number, pointers: readonly Local[], body: (pointers: readonly Local[]) => void): void {
    if (from === to) {
      body(pointers);
      return;
    }
    const f = this.#f;
    const here = pointers.map((pointer) => {
      const local = f.local(I32);
      f.get(pointer).set(local);
      return local;
    });
    f.countDown(
      f.local(I32),
      () => this.size(from),
      () => {
        this.loops(from + 1, to, here, body);
        here.forEach((local, operand) =>
          f
            .get(local)
            .push(() => this.stride(operand, from))
            .op("i32.add")
            .set(local),
        );
      },
    );
  }
}
