/**
 * What a kernel runs on: the heap, one thread's scratch memory, and how tensors lie in it.
 *
 * @module
 */
import { type DType, itemSize, type Spec, sizeOf, type TypedArray, type View } from "@sconce/core";
import { type ArrayOutput, type ArrayView, elementsOf } from "./reference/array.js";
import { ThreadPool } from "./threads/pool.js";
import { type KernelOptions, kernelOptions } from "./wasm/features.js";
import type { Heap, Pointer } from "./wasm/memory.js";

/** A tensor's memory, the CPU's handle. */
export interface Block {
  readonly pointer: Pointer;
}

const HEAP_VIEW: { readonly [D in DType]: (heap: Heap) => TypedArray } = {
  bool: (heap) => heap.u8,
  uint8: (heap) => heap.u8,
  int8: (heap) => new Int8Array(heap.u8.buffer),
  int16: (heap) => new Int16Array(heap.u8.buffer),
  float16: (heap) => new Uint16Array(heap.u8.buffer),
  bfloat16: (heap) => new Uint16Array(heap.u8.buffer),
  int32: (heap) => heap.i32,
  int64: (heap) => heap.i64,
  float32: (heap) => heap.f32,
  float64: (heap) => heap.f64,
};

/** Size of a block of arguments. */
export const ARGUMENT_BYTES = 8192;
const PART_ARGUMENTS_SLOT = 2;

/** The heap and what one thread needs besides. */
export class Machine {
  readonly heap: Heap;
  readonly options: KernelOptions;
  readonly pool: ThreadPool;
  /** Memory for the arguments of a kernel call. */
  readonly args: Pointer;
  /** What {@link perMachine} keeps. */
  readonly tools: unknown[] = [];

  constructor(heap: Heap) {
    this.heap = heap;
    this.options = kernelOptions(heap);
    this.pool = new ThreadPool(heap);
    this.args = heap.alloc(ARGUMENT_BYTES);
  }

  /** Memory for the arguments of so many kernel calls that run at the same time, one block after the other. */
  partArgs(parts: number): Pointer {
    return this.heap.workspace(PART_ARGUMENTS_SLOT, parts * ARGUMENT_BYTES);
  }

  /** A new block for a kernel's result. */
  allocate({ shape, dtype }: Spec): Block {
    return { pointer: this.heap.alloc(sizeOf(shape) * itemSize(dtype)) };
  }

  free(block: Block): void {
    this.heap.free(block.pointer);
  }

  /** The whole memory as elements of a dtype. Taken anew after every allocation, since memory that grows moves. */
  elements(dtype: DType): TypedArray {
    return HEAP_VIEW[dtype](this.heap);
  }

  /** An input as a host array over the memory. */
  view(x: View): ArrayView {
    const { shape, strides, dtype } = x;
    return { data: elementsOf(this.elements(dtype)), shape, strides, dtype, offset: blockOf(x).pointer / itemSize(dtype) + x.offset };
  }

  /** A result as a host array over the memory. */
  output({ pointer }: Block, { shape, dtype }: Spec): ArrayOutput {
    const start = pointer / itemSize(dtype);
    return { data: elementsOf(this.elements(dtype).subarray(start, start + sizeOf(shape))), shape, dtype };
  }
}

let toolCount = 0;

/** Something that each machine needs one of, such as a compiled kernel, made on first use. */
export function perMachine<T>(create: (machine: Machine) => T): (machine: Machine) => T {
  const slot = toolCount++;
  return (machine) => (machine.tools[slot] ??= create(machine)) as T;
}

/** The block behind an input. */
export function blockOf(x: View): Block {
  return x.handle as Block;
}

/** Address of the first element of an input. */
export function pointerOf(x: View): Pointer {
  return blockOf(x).pointer + x.offset * itemSize(x.dtype);
}
