/**
 * The counter-based stream in WebAssembly: four blocks of Philox 4x32-10 side by side in vectors, sixteen numbers at a time.
 *
 * @module
 */
import { type FunctionBuilder, I32, type Local, ModuleBuilder, V128 } from "../wasm/asm.js";
import type { KernelOptions } from "../wasm/features.js";

const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57] as const;
const WEYL = [0x9e3779b9, 0xbb67ae85] as const;
const ROUNDS = 10;

/** A module with `uniform(first, groups, target, offsetLow, offsetHigh, seedLow, seedHigh)`: 16 float32 in [0, 1) per group, from a group of the stream on. */
export function emitRandom(options: KernelOptions): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(options);
  const f = module.function("uniform", 7);
  const [first, groups, target, offsetLow, offsetHigh, seedLow, seedHigh] = f.params;
  const counters = f.local(V128);
  const words = f.locals(V128, 4);
  const keys = f.locals(V128, 2);
  const products = f.locals(V128, 4);
  f.i32x4(0);
  for (let i = 1; i < 4; i++) f.i32(i).lane("i32x4.replace_lane", i);
  f.get(first).i32(2).op("i32.shl", "i32x4.splat", "i32x4.add").set(counters);
  f.countDown(f.local(I32), groups, () => {
    f.get(counters).set(words[0]).i32x4(0).set(words[1]);
    f.get(offsetLow).op("i32x4.splat").set(words[2]).get(offsetHigh).op("i32x4.splat").set(words[3]);
    f.get(seedLow).op("i32x4.splat").set(keys[0]).get(seedHigh).op("i32x4.splat").set(keys[1]);
    for (let round = 0; round < ROUNDS; round++) emitRound(f, words, keys, products);
    emitStore(f, words, products, target);
    f.inc(target, 64).get(counters).i32x4(4).op("i32x4.add").set(counters);
  });
  return module.bytes();
}

function emitRound(f: FunctionBuilder, words: readonly Local[], keys: readonly Local[], products: readonly Local[]): void {
  // Products of 32-bit lanes to 64 bits, of the low and the high two lanes.
  for (const [i, word] of [words[0], words[2]].entries()) {
    const factor = MULTIPLIERS[i] | 0;
    f.get(word)
      .i32x4(factor)
      .op("i64x2.extmul_low_i32x4_u")
      .set(products[2 * i]);
    f.get(word)
      .i32x4(factor)
      .op("i64x2.extmul_high_i32x4_u")
      .set(products[2 * i + 1]);
  }
  const half = (i: number, high: boolean): FunctionBuilder =>
    f
      .get(products[2 * i])
      .get(products[2 * i + 1])
      .shuffle(...(high ? [1, 3, 5, 7] : [0, 2, 4, 6]));
  half(1, true).get(words[1]).op("v128.xor").get(keys[0]).op("v128.xor").set(words[0]);
  half(1, false).set(words[1]);
  half(0, true).get(words[3]).op("v128.xor").get(keys[1]).op("v128.xor").set(words[2]);
  half(0, false).set(words[3]);
  keys.forEach((key, i) =>
    f
      .get(key)
      .i32x4(WEYL[i] | 0)
      .op("i32x4.add")
      .set(key),
  );
}

/** Stores the upper 24 bits of the words as numbers, block after block. */
function emitStore(f: FunctionBuilder, words: readonly Local[], spare: readonly Local[], target: Local): void {
  f.get(words[0]).get(words[1]).shuffle(0, 4, 1, 5).set(spare[0]);
  f.get(words[2]).get(words[3]).shuffle(0, 4, 1, 5).set(spare[1]);
  f.get(words[0]).get(words[1]).shuffle(2, 6, 3, 7).set(spare[2]);
  f.get(words[2]).get(words[3]).shuffle(2, 6, 3, 7).set(spare[3]);
  for (let block = 0; block < 4; block++) {
    const [a, b] = block < 2 ? [spare[0], spare[1]] : [spare[2], spare[3]];
    f.get(target).get(a).get(b);
    f.shuffle(...(block % 2 === 0 ? [0, 2] : [1, 3]));
    f.i32(8)
      .op("i32x4.shr_u", "f32x4.convert_i32x4_s")
      .f32x4(2 ** -24)
      .op("f32x4.mul")
      .mem("v128.store", 16 * block);
  }
}
