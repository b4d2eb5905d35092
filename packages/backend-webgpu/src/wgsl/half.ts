/**
 * float16 in WGSL: buffers hold f16 where the adapter has it, kernels compute in f32.
 *
 * @module
 */

export const HALF: { readonly [name: string]: string } = {
  // Ties go to even. By integers, since compilers may take float arithmetic apart; small numbers are whole multiples of 2^-24.
  sc_half: `fn sc_half(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  let sign = bits & 0x80000000u;
  let size = bits & 0x7fffffffu;
  if (size >= 0x7f800000u) { return x; }
  if (size >= 0x477ff000u) { return bitcast<f32>(sign | 0x7f800000u); }
  if (size < 0x38800000u) { return bitcast<f32>(sign | bitcast<u32>(round(bitcast<f32>(size) * 16777216.0) * 5.9604644775390625e-8)); }
  return bitcast<f32>(sign | ((size + 0xfffu + ((size >> 13u) & 1u)) & 0xffffe000u));
}`,
};
