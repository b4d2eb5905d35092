/**
 * Uniform numbers of the counter-based stream, in WebAssembly.
 *
 * @module
 */
import { sizeOf } from "@sconce/core";
import { perMachine } from "../machine.js";
import { emitRandom } from "../random/emit.js";
import { instantiate } from "../wasm/asm.js";
import type { Fill } from "./kernel.js";

const kernelsOf = perMachine(({ heap, options }) => instantiate(emitRandom(options), heap.memory));

const low = (x: number): number => x | 0;
const high = (x: number): number => Math.floor(x / 2 ** 32) | 0;

export const random: Fill<"random"> = (machine, _, [{ shape }], [{ pointer }], { seed, offset }) => {
  // Blocks are whole multiples of 64 bytes, so the last group may write beyond the tensor.
  kernelsOf(machine).uniform(Math.ceil(sizeOf(shape) / 16), pointer, low(offset), high(offset), low(seed), high(seed));
};
