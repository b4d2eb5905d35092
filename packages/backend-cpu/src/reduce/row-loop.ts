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
  const lanes = [0, 1].map(() => inputs.map(() => e.temp()));
  const results = lanes.map(() => [...outputs, ...sums].map(() => e.temp()));
  /** Vectors side by side, all loads before all stores, so that V8 may join them. */
  const step = (vectors: number, u = 0, count?: Local): void => {
    const halves = lanes.slice(0, vectors);
    for (const [h, half] of halves.entries()) {
      for (const [i, value] of half.entries()) {
        load(e, "float32", WIDTH, pointers[i], undefined, count, 16 * h);
        f.set(value);
      }
    }
    for (const [h, half] of halves.entries()) {
      for (const [i, result] of body(...half).entries()) f.get(result).set(results[h][i]);
    }
    for (const i of outputs.keys()) {
      for (const h of halves.keys()) store(e, "float32", WIDTH, pointers[inputs.length + i], undefined, results[h][i], count, 16 * h);
    }
    for (const [i, sum] of sums.entries()) for (const h of halves.keys()) sum.add(results[h][outputs.length + i], u + h, count);
    for (const pointer of pointers) f.inc(pointer, 4 * WIDTH * vectors);
  };
  const along = (left: Local): void => {
    if (sums.length > 0) {
      fullSteps(e, left, WIDTH * UNROLL, () => {
        for (let u = 0; u < UNROLL; u += 2) step(2, u);
      });
    } else fullSteps(e, left, 2 * WIDTH, () => step(2));
    fullSteps(e, left, WIDTH, () => step(1));
    f.get(left).if(() => step(1, 0, left));
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
  e.release(...lanes.flat(), ...results.flat());
}
