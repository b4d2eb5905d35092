/**
 * The counter-based random stream: Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). The key is the
 * seed; the counter is the number of a block of four elements and the offset, 64 bits each; an element is the upper 24 bits of its word.
 *
 * @module
 */
import type { ReferenceKernel } from "./array.js";

const MULTIPLIER_0 = 0xd2511f53n;
const MULTIPLIER_1 = 0xcd9e8d57n;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;

const low = (x: number): number => x >>> 0;
const high = (x: number): number => Math.floor(x / 2 ** 32) >>> 0;

/** Four 32-bit words from a 128-bit counter and a 64-bit key, low words first. */
export function philox(counter: readonly number[], key: readonly number[]): number[] {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const p0 = MULTIPLIER_0 * BigInt(c0);
    const p1 = MULTIPLIER_1 * BigInt(c2);
    [c0, c1, c2, c3] = [
      (Number(p1 >> 32n) ^ c1 ^ k0) >>> 0,
      Number(p1 & 0xffffffffn),
      (Number(p0 >> 32n) ^ c3 ^ k1) >>> 0,
      Number(p0 & 0xffffffffn),
    ];
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  return [c0, c1, c2, c3];
}

export const random: ReferenceKernel<"random"> = (_, [{ data }], { seed, offset }) => {
  for (let i = 0; i < data.length; i += 4) {
    const block = i / 4;
    const words = philox([low(block), high(block), low(offset), high(offset)], [low(seed), high(seed)]);
    for (let k = 0; k < 4 && i + k < data.length; k++) data[i + k] = (words[k] >>> 8) * 2 ** -24;
  }
};
