/**
 * Integer arithmetic and exact float remainders in WGSL.
 *
 * Division by zero gives 0 (it cannot throw here); the smallest integer divided by -1 is itself, as on other devices.
 *
 * @module
 */

/** Integer functions for one of WGSL's two types. */
function integers(type: "i32" | "u32"): { [name: string]: string } {
  const zero = type === "i32" ? "0" : "0u";
  const one = type === "i32" ? "1" : "1u";
  const suffix = type === "i32" ? "i" : "u";
  const negative =
    type === "i32" ? "if (y < 0) { if (x == 1) { return 1; } if (x == -1) { return select(-1, 1, (y & 1) == 0); } return 0; }" : "";
  return {
    [`sc_divide_${suffix}`]: `fn sc_divide_${suffix}(x: ${type}, y: ${type}) -> ${type} { return select(x / select(y, ${one}, y == ${zero}), ${zero}, y == ${zero}); }`,
    [`sc_modulo_${suffix}`]: `fn sc_modulo_${suffix}(x: ${type}, y: ${type}) -> ${type} { return select(x % select(y, ${one}, y == ${zero}), ${zero}, y == ${zero}); }`,
    [`sc_power_${suffix}`]: `fn sc_power_${suffix}(x: ${type}, y: ${type}) -> ${type} {
  ${negative}
  var result = ${type}(1);
  var base = x;
  var n = u32(y);
  while (n > 0u) {
    if ((n & 1u) == 1u) { result = result * base; }
    base = base * base;
    n = n >> 1u;
  }
  return result;
}`,
    [`sc_shift_left_${suffix}`]: `fn sc_shift_left_${suffix}(x: ${type}, y: ${type}) -> ${type} { let n = u32(y); return select(x << (n & 31u), ${zero}, n > 31u); }`,
    [`sc_shift_right_${suffix}`]: `fn sc_shift_right_${suffix}(x: ${type}, y: ${type}) -> ${type} { return x >> min(u32(y), 31u); }`,
  };
}

/** Helpers on integers, casts to them, and what floats need to agree with them. */
export const INTEGER: { readonly [name: string]: string } = {
  ...integers("i32"),
  ...integers("u32"),
  sc_floor_divide_i: `fn sc_floor_divide_i(x: i32, y: i32) -> i32 {
  let q = sc_divide_i(x, y);
  return select(q, q - 1, y != 0 && q * y != x && ((x < 0) != (y < 0)));
}`,
  sc_remainder_i: `fn sc_remainder_i(x: i32, y: i32) -> i32 {
  let r = sc_modulo_i(x, y);
  return select(r, r + y, r != 0 && ((r < 0) != (y < 0)));
}`,
  // What does not fit becomes the smallest integer, as x86 and the CPU backend do it.
  sc_to_int: `fn sc_to_int(x: f32) -> i32 {
  let fits = x >= -2147483648.0 && x < 2147483648.0 && !sc_isnan(x);
  return select(i32(-2147483647 - 1), i32(select(0.0, x, fits)), fits);
}`,
  // Long division by shifted divisors: every step is exact.
  sc_fmod: `fn sc_fmod(x: f32, y: f32) -> f32 {
  let ub = bitcast<u32>(abs(y));
  let ua = bitcast<u32>(abs(x));
  if (ub == 0u || ub > 0x7f800000u || ua >= 0x7f800000u) { return sc_nan(); }
  if (ua < ub || ub == 0x7f800000u) { return x; }
  var a = abs(x);
  let b = abs(y);
  let ea = i32(ua >> 23u);
  let eb = i32(ub >> 23u);
  for (var e = ea - eb; e >= 0; e--) {
    let half = e >> 1;
    let t = b * bitcast<f32>((half + 127) << 23u) * bitcast<f32>((e - half + 127) << 23u);
    if (a >= t) { a = a - t; }
  }
  return bitcast<f32>(bitcast<u32>(a) | (bitcast<u32>(x) & 0x80000000u));
}`,
  sc_remainder: `fn sc_remainder(x: f32, y: f32) -> f32 {
  let r = sc_fmod(x, y);
  return select(r, r + y, r != 0.0 && ((r < 0.0) != (y < 0.0)));
}`,
  sc_floor_divide: `fn sc_floor_divide(x: f32, y: f32) -> f32 {
  if (y == 0.0) { return sc_divide(x, y); }
  let r = sc_fmod(x, y);
  if (sc_isnan(r)) { return r; }
  var q = (x - r) / y;
  if (r != 0.0 && ((y < 0.0) != (r < 0.0))) { q = q - 1.0; }
  if (q == 0.0) { return bitcast<f32>((bitcast<u32>(x) ^ bitcast<u32>(y)) & 0x80000000u); }
  let whole = floor(q);
  return select(whole, whole + 1.0, q - whole > 0.5);
}`,
};
