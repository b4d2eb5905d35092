/**
 * Work that is shared by threads if it is worth it, written once for both cases: as calls of kernels that run at once or go into a job.
 *
 * @module
 */
import type { WasmFunction } from "../wasm/asm.js";
import { CALL_WORDS } from "./control.js";
import { PARTS_EACH, type ThreadPool } from "./pool.js";
import { rangeOf } from "./range.js";
import { getNumThreads } from "./settings.js";

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
  eachWave(pool, nanoseconds, count, callsEach, (own, time, start, end) =>
    shareRange(own, time, end - start, 1, (calls, first, last) => {
      for (let item = start + first; item < start + last; item++) body(calls, item);
    }),
  );
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
  if (pool === undefined || parts === 1) {
    body(DIRECT, 0, size);
    return;
  }
  for (let i = 0; i < parts; i++) {
    const [first, end] = rangeOf(size, unit, i, parts);
    pool.part();
    if (first < end) body(pool, first, end);
  }
  pool.run();
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
  eachWave(pool, nanoseconds, count, callsEach * PARTS_EACH * getNumThreads(), (own, time, start, end) =>
    shareRange(own, time, size, unit, (calls, first, last) => {
      for (let i = start; i < end; i++) body(calls, i, first, last);
    }),
  );
}

/** Calls `run` for ranges of items whose calls fit a job, without the pool if not even one's do. */
function eachWave(
  pool: ThreadPool | undefined,
  nanoseconds: number,
  count: number,
  callsEach: number,
  run: (pool: ThreadPool | undefined, nanoseconds: number, start: number, end: number) => void,
): void {
  const wave = Math.floor(CALL_WORDS / (WORDS_PER_CALL * callsEach));
  const [own, size] = wave === 0 ? [undefined, count] : [pool, wave];
  for (let start = 0; start < count; start += size) {
    const end = Math.min(count, start + size);
    run(own, (nanoseconds * (end - start)) / count, start, end);
  }
}
