const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;

/** Four unsigned 32-bit integers. */
export type Words4 = readonly [number, number, number, number];

/**
 * The counter-based generator Philox 4x32-10: 128 random bits that depend on nothing but the counter and the key.
 *
 * Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 *
 * @param counter 128 bits, low word first.
 * @param key 64 bits, low word first.
 *
 * @example
 * philox([0, 0, 0, 0], [0, 0]); // [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]
 */
export function philox(counter: Words4, key: readonly [number, number]): Words4 {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = mulHigh(MULTIPLIER_0, c0);
    const high1 = mulHigh(MULTIPLIER_1, c2);
    const low0 = Math.imul(MULTIPLIER_0, c0);
    const low1 = Math.imul(MULTIPLIER_1, c2);
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1 >>> 0;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0 >>> 0;
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/**
 * Element `i` of the stream (`seed`, `offset`), uniform in [0, 1) with 24 bits: what a kernel that draws its own numbers must produce.
 *
 * The key is `seed`; the counter is `floor(i / 4)` and `offset`, 64 bits each; `i % 4` picks the word, whose upper 24 bits count.
 *
 * @param seed integer from 0 to 2^53.
 * @param offset integer from 0 to 2^53, another one for every call of a kernel.
 *
 * @example
 * uniform32(0, 0, 0); // 0.39904642
 */
export function uniform32(seed: number, offset: number, i: number): number {
  const block = Math.floor(i / 4);
  const words = philox([low(block), high(block), low(offset), high(offset)], [low(seed), high(seed)]);
  return (words[i % 4] >>> 8) * 2 ** -24;
}

/** Upper 32 bits of the 64-bit product, from 16-bit halves as WGSL and GLSL must do it. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + (((aLow * bLow) / 65536) >>> 0);
  const carry = aLow * bHigh + (middle & 0xffff);
  return aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(carry / 65536);
}

function low(value: number): number {
  return value >>> 0;
}

function high(value: number): number {
  return Math.floor(value / 2 ** 32) >>> 0;
}
