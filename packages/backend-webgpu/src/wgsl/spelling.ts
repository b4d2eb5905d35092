import type { Helpers } from "@sconce/core/shader";

/** Words and what WGSL has for them. */
const WORDS: { readonly [name: string]: string } = {
  float: "f32",
  int: "i32",
  uint: "u32",
  floatBitsToUint: "bitcast<u32>",
  uintBitsToFloat: "bitcast<f32>",
  intBitsToFloat: "bitcast<f32>",
  roundEven: "round",
};
const WORD = new RegExp(`\\b(?:${Object.keys(WORDS).join("|")})\\b`, "g");
const VECTORS: { readonly [prefix: string]: string } = { "": "f32", i: "i32", u: "u32" };

const TYPE = "(?:bool|float|u?int|[iu]?vec[234])";
const HEAD = new RegExp(`^(${TYPE}) (\\w+)\\(([^)]*)\\) \\{`, "gm");
const ARRAY = new RegExp(`\\b(${TYPE}) (\\w+)\\[(\\d+)\\]`, "g");
const ARRAY_OF = new RegExp(`\\b(${TYPE})\\[(\\d+)\\]\\(`, "g");
const VARIABLE = new RegExp(`\\b(${TYPE}) (\\w+)`, "g");

/** Respells the words of `@sconce/core/shader` as WGSL; what is WGSL already stays as it is. */
export function wgsl(text: string): string {
  const swapped = (list: string): string => list.replace(VARIABLE, "$2: $1");
  return text
    .replace(HEAD, (_, type, name, list) => `fn ${name}(${swapped(list)}) -> ${type} {`)
    .replace(ARRAY, "var $2: array<$1, $3>")
    .replace(ARRAY_OF, "array<$1, $2>(")
    .replace(VARIABLE, "var $2: $1")
    .replace(/\b([iu]?)vec([234])\b(?!<)/g, (_, prefix, n) => `vec${n}<${VECTORS[prefix]}>`)
    .replace(WORD, (name) => WORDS[name]);
}

/** Helpers that only WGSL needs: buffers hold f16 where the adapter has it, kernels compute in f32. */
export const OWN: Helpers = {
  sc_float_of: "float sc_float_of(int x) { return float(x); }",
  // Ties go to even. By integers, since compilers may take float arithmetic apart; small numbers are whole multiples of 2^-24.
  sc_half: `float sc_half(float x) {
  uint bits = floatBitsToUint(x);
  uint sign = bits & 0x80000000u;
  uint size = bits & 0x7fffffffu;
  if (size >= 0x7f800000u) { return x; }
  if (size >= 0x477ff000u) { return uintBitsToFloat(sign | 0x7f800000u); }
  if (size < 0x38800000u) { return uintBitsToFloat(sign | floatBitsToUint(roundEven(uintBitsToFloat(size) * 16777216.0) * 5.9604644775390625e-8)); }
  return uintBitsToFloat(sign | ((size + 0xfffu + ((size >> 13u) & 1u)) & 0xffffe000u));
}`,
};
