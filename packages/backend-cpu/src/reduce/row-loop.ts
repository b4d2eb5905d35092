/**
 * Loops along rows of float32 that read several of them at once, add up what a body makes of them, and write others.
 *
 * @module
 */
import { fullSteps } from "../elementwise/emit.js";
import type { Emitter } from "../elementwise/emitter.js";
import { load, store } from "../elementwise/unit.js";
import { I32, type Local } from "../wasm/asm.js";
import { Accumulator } from "./accumulate.js";
import { blocks } from "./emit.js";

const WIDTH = 4;
const UNROLL = 4;
/** Elements between two steps into double precision. */
const BLOCK = 64 * WIDTH * UNROLL;

/** What a loop along a row reads, writes and adds up. */
export interface RowLoop {
  /** Addresses of the rows' starts, which stay. */
  readonly inputs: readonly Local[];
  readonly outputs?: readonly Local[];
  readonly sums?: readonly Accumulator[];
}

/** Sums for {@link alongRow}. */
export function rowSums(e: Emitter, count: number): Accumulator[] {
  return Array.from({ length: count }, () => new Accumulator(e, "sum", "float32", WIDTH, UNROLL));
}

/**
 * Goes along a row of `length` elements. `body` gets a vector of each input and returns the vectors to be written, then those to be added
 * up; lanes beyond the end count for nothing.
 */
export function alongRow(
  e: Emitter,
  length: Local,
  { inputs, outputs = [], sums = [] }: RowLoop,
  body: (...values: Local[]) => readonly Local[],
): void {
  const { f } = e;
  const left = e.temp(I32);
  const pointers = [...inputs, ...outputs].map((start) => {
    const pointer = e.temp(I32);
    f.get(start).set(pointer);
    return pointer;
  });
  const values = inputs.map(() => e.temp());
  const step = (u: number, count?: Local): void => {
    for (const [i, value] of values.entries()) {
      load(e, "float32", WIDTH, pointers[i], undefined, count);
      f.set(value);
    }
    const results = body(...values);
    for (const i of outputs.keys()) store(e, "float32", WIDTH, pointers[inputs.length + i], undefined, results[i], count);
    for (const [i, sum] of sums.entries()) sum.add(results[outputs.length + i], u, count);
    for (const pointer of pointers) f.inc(pointer, 4 * WIDTH);
  };
  const along = (rest: Local): void => {
    if (sums.length > 0) {
      fullSteps(e, rest, WIDTH * UNROLL, () => {
        for (let u = 0; u < UNROLL; u++) step(u);
      });
    }
    fullSteps(e, rest, WIDTH, () => step(0));
    f.get(rest).if(() => step(0, rest));
  };
  f.get(length).set(left);
  for (const sum of sums) sum.begin();
  if (sums.length === 0) along(left);
  else {
    blocks(e, left, BLOCK, (chunk) => {
      for (const sum of sums) sum.beginBlock();
      along(chunk);
      for (const sum of sums) sum.endBlock();
    });
  }
  e.release(left, ...pointers);
  e.release(...values);
}
