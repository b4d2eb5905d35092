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
  const out = new Uint32Array(4);
  scramble(out, counter[0], counter[1], counter[2], counter[3], key[0], key[1]);
  return [out[0], out[1], out[2], out[3]];
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

/**
 * Fills `out` with the first elements of the stream (`seed`, `offset`): {@link uniform32} of 0 to `out.length` - 1.
 *
 * @example
 * fillUniform32(new Float32Array(4), 0, 0); // 0.39904642, 0.88052016, 0.73571277, 0.6054818
 */
export function fillUniform32(out: Float32Array, seed: number, offset: number): void {
  const words = new Uint32Array(4);
  const [offsetLow, offsetHigh, seedLow, seedHigh] = [low(offset), high(offset), low(seed), high(seed)];
  for (let i = 0, block = 0; i < out.length; i += 4, block++) {
    scramble(words, low(block), high(block), offsetLow, offsetHigh, seedLow, seedHigh);
    const end = Math.min(4, out.length - i);
    for (let j = 0; j < end; j++) out[i + j] = (words[j] >>> 8) * 2 ** -24;
  }
}

function scramble(out: Uint32Array, c0: number, c1: number, c2: number, c3: number, k0: number, k1: number): void {
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = mulHigh(MULTIPLIER_0, c0);
    const high1 = mulHigh(MULTIPLIER_1, c2);
    const low0 = Math.imul(MULTIPLIER_0, c0);
    c0 = high1 ^ c1 ^ k0;
    c1 = Math.imul(MULTIPLIER_1, c2);
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + WEYL_0) | 0;
    k1 = (k1 + WEYL_1) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** Upper 32 bits of the 64-bit product, from 16-bit halves as WGSL and GLSL must do it. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16);
  const carry = (Math.imul(aLow, bHigh) >>> 0) + (middle & 0xffff);
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (carry >>> 16)) | 0;
}

function low(value: number): number {
  return value >>> 0;
}

function high(value: number): number {
  return Math.floor(value / 2 ** 32) >>> 0;
}
