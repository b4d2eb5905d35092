/**
 * The steps of recurrent layers: sequences do not depend on each other, so threads share them for many steps at a time.
 *
 * @module
 */
import type { Machine } from "../../machine.js";
import type { stepsOf } from "../../reference/lstm.js";
import { type Calls, shareRange } from "../../threads/share.js";
import { callProduct, type Product, pathOf } from "../../wasm/gemm.js";
import type { Pointer } from "../../wasm/memory.js";
import { float32 } from "../matmul.js";

/** For the choice of threads alone. */
const NANOSECONDS_PER_PRODUCT = 0.04;
const NANOSECONDS_PER_UNIT = 2.5;
/** Steps of one job, as far as its list of calls reaches. */
const STEPS_PER_JOB = 256;
/** Sequences that a part has a multiple of. */
const ROW_UNIT = 4;

/** Calls `body` for the rows of each step that each thread has, in order. */
export function eachStep(
  machine: Machine,
  steps: ReturnType<typeof stepsOf>,
  gates: number,
  size: number,
  body: (calls: Calls, rows: number, row: number, first: number, count: number) => void,
): void {
  for (let start = 0; start < steps.length; start += STEPS_PER_JOB) {
    const own = steps.slice(start, start + STEPS_PER_JOB);
    const most = Math.max(...own.map((step) => step.count));
    const each = gates * size * (size * NANOSECONDS_PER_PRODUCT + NANOSECONDS_PER_UNIT);
    shareRange(machine.pool, own.length * most * each, most, ROW_UNIT, (calls, row, end) => {
      for (const { first, count } of own) if (row < count) body(calls, Math.min(end, count) - row, row, first + row, count);
    });
  }
}

/** A product whose whole has `count` rows, of which the calls take `rows`. */
export function multiply(machine: Machine, calls: Calls, workspace: Pointer, whole: Product, rows: number): void {
  callProduct(calls, float32(machine), pathOf(whole), { ...whole, m: rows }, workspace);
}

/** Copies float32 elements. */
export const copy = (machine: Machine, from: Pointer, to: Pointer, elements: number): void =>
  void machine.heap.u8.copyWithin(to, from, from + 4 * elements);
