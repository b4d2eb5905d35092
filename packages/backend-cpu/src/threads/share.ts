/**
 * Work that is shared by threads if it is worth it, written once for both cases: as calls of kernels that run at once or go into a job.
 *
 * @module
 */
import type { WasmFunction } from "../wasm/asm.js";
import { CALL_WORDS } from "./control.js";
import type { ThreadPool } from "./pool.js";
import { rangeOf } from "./range.js";

/** Takes the calls of kernels; bits of `own` mark the arguments that are addresses in a thread's scratch memory. */
export interface Calls {
  call(kernel: WasmFunction, own: number, args: readonly number[]): void;
}

/** Runs calls at once. */
export const DIRECT: Calls = { call: (kernel, _, args) => kernel(...args) };

/** Most arguments of a kernel and the words before them. */
const WORDS_PER_CALL = 20;

/** Deals out `count` items that take so many nanoseconds together and `callsEach` calls at most. */
export function shareItems(
  pool: ThreadPool | undefined,
  nanoseconds: number,
  count: number,
  callsEach: number,
  body: (calls: Calls, item: number) => void,
): void {
  const parts = pool?.parts(nanoseconds, count) ?? 1;
  const wave = waveOf(callsEach);
  if (pool === undefined || parts === 1 || wave === 0) {
    for (let i = 0; i < count; i++) body(DIRECT, i);
    return;
  }
  for (let start = 0; start < count; start += wave) {
    const size = Math.min(wave, count - start);
    for (let i = 0; i < parts; i++) {
      const [first, end] = rangeOf(size, 1, i, parts);
      pool.part();
      for (let item = first; item < end; item++) body(pool, start + item);
    }
    pool.run();
  }
}

/** Cuts a range into parts that are multiples of `unit`, `most` at most; the work takes so many nanoseconds in all. */
export function shareRange(
  pool: ThreadPool | undefined,
  nanoseconds: number,
  size: number,
  unit: number,
  body: (calls: Calls, first: number, end: number) => void,
  most: number = size,
): void {
  const parts = pool?.parts(nanoseconds, Math.min(most, Math.ceil(size / unit))) ?? 1;
  if (pool === undefined || parts === 1) body(DIRECT, 0, size);
  else runRanges(pool, parts, size, unit, body);
}

/** As {@link shareRange} where every range goes through `count` items one after the other, with `callsEach` calls at most. */
export function shareRangeOfItems(
  pool: ThreadPool | undefined,
  nanoseconds: number,
  size: number,
  unit: number,
  count: number,
  callsEach: number,
  body: (calls: Calls, item: number, first: number, end: number) => void,
): void {
  const parts = pool?.parts(nanoseconds, Math.ceil(size / unit)) ?? 1;
  const wave = waveOf(callsEach * parts);
  if (pool === undefined || parts === 1 || wave === 0) {
    for (let i = 0; i < count; i++) body(DIRECT, i, 0, size);
    return;
  }
  for (let start = 0; start < count; start += wave) {
    const last = Math.min(count, start + wave);
    runRanges(pool, parts, size, unit, (calls, first, end) => {
      for (let i = start; i < last; i++) body(calls, i, first, end);
    });
  }
}

function runRanges(
  pool: ThreadPool,
  parts: number,
  size: number,
  unit: number,
  body: (calls: Calls, first: number, end: number) => void,
): void {
  for (let i = 0; i < parts; i++) {
    const [first, end] = rangeOf(size, unit, i, parts);
    pool.part();
    if (first < end) body(pool, first, end);
  }
  pool.run();
}

/** Items whose calls fit a job, which may be none. */
function waveOf(callsEach: number): number {
  return Math.floor(CALL_WORDS / (WORDS_PER_CALL * callsEach));
}
