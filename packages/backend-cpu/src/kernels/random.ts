/**
 * Uniform numbers of the counter-based stream, in WebAssembly.
 *
 * @module
 */
import { sizeOf } from "@sconce/core";
import { perMachine } from "../machine.js";
import { emitRandom } from "../random/emit.js";
import { shareRange } from "../threads/share.js";
import { instantiate } from "../wasm/asm.js";
import type { Fill } from "./kernel.js";

const kernelsOf = perMachine(({ heap, options }) => instantiate(emitRandom(options), heap.memory));

/** Numbers that the kernel makes at a time. */
const GROUP = 16;
/** For the choice of threads alone. */
const NANOSECONDS_PER_GROUP = 20;

const low = (x: number): number => x | 0;
const high = (x: number): number => Math.floor(x / 2 ** 32) | 0;

export const random: Fill<"random"> = (machine, _, [{ shape }], [{ pointer }], { seed, offset }) => {
  const { uniform } = kernelsOf(machine);
  const [groups, ...stream] = [Math.ceil(sizeOf(shape) / GROUP), low(offset), high(offset), low(seed), high(seed)];
  // Blocks are whole multiples of 64 bytes, so the last group may write beyond the tensor.
  shareRange(machine.pool, groups * NANOSECONDS_PER_GROUP, groups, 1, (calls, first, end) => {
    calls.call(uniform, 0, [first, end - first, pointer + 4 * GROUP * first, ...stream]);
  });
};
