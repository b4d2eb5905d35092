/**
 * Integer arithmetic and exact float remainders.
 *
 * Division by zero gives 0 (it cannot throw here); the smallest integer divided by -1 is itself, as on other devices.
 *
 * @module
 */

/** Integer functions for one of the two types. */
function integers(type: "int" | "uint"): { [name: string]: string } {
  const [zero, one, suffix] = type === "int" ? ["0", "1", "i"] : ["0u", "1u", "u"];
  const negative =
    type === "int" ? "if (y < 0) { if (x == 1) { return 1; } if (x == -1) { return select(-1, 1, (y & 1) == 0); } return 0; }" : "";
  const binary = (name: string, body: string): string => `${type} ${name}(${type} x, ${type} y) { ${body} }`;
  const names = ["divide", "modulo", "power", "shift_left", "shift_right"].map((name) => `sc_${name}_${suffix}`);
  const [divide, modulo, power, left, right] = names;
  return {
    [divide]: binary(divide, `return select(x / select(y, ${one}, y == ${zero}), ${zero}, y == ${zero});`),
    [modulo]: binary(modulo, `return select(x - y * (x / select(y, ${one}, y == ${zero})), ${zero}, y == ${zero});`),
    [power]: `${type} ${power}(${type} x, ${type} y) {
  ${negative}
  ${type} result = ${one};
  ${type} base = x;
  uint n = uint(y);
  while (n > 0u) {
    if ((n & 1u) == 1u) { result = result * base; }
    base = base * base;
    n = n >> 1u;
  }
  return result;
}`,
    [left]: binary(left, `uint n = uint(y); return select(x << (n & 31u), ${zero}, n > 31u);`),
    [right]: binary(right, "return x >> min(uint(y), 31u);"),
  };
}

/** Helpers on integers, casts to them, and what floats need to agree with them. */
export const INTEGER: { readonly [name: string]: string } = {
  ...integers("int"),
  ...integers("uint"),
  sc_floor_divide_i: `int sc_floor_divide_i(int x, int y) {
  int q = sc_divide_i(x, y);
  return select(q, q - 1, y != 0 && q * y != x && ((x < 0) != (y < 0)));
}`,
  sc_remainder_i: `int sc_remainder_i(int x, int y) {
  int r = sc_modulo_i(x, y);
  return select(r, r + y, r != 0 && ((r < 0) != (y < 0)));
}`,
  // What does not fit becomes the smallest integer, as x86 and the CPU backend do it.
  sc_to_int: `int sc_to_int(float x) {
  bool fits = x >= -2147483648.0 && x < 2147483648.0 && !sc_isnan(x);
  return select(int(0x80000000u), int(select(0.0, x, fits)), fits);
}`,
  // Long division by shifted divisors: every step is exact.
  sc_fmod: `float sc_fmod(float x, float y) {
  uint ub = floatBitsToUint(abs(y));
  uint ua = floatBitsToUint(abs(x));
  if (ub == 0u || ub > 0x7f800000u || ua >= 0x7f800000u) { return sc_nan(); }
  if (ua < ub || ub == 0x7f800000u) { return x; }
  float a = abs(x);
  float b = abs(y);
  int ea = int(ua >> 23u);
  int eb = int(ub >> 23u);
  for (int e = ea - eb; e >= 0; e--) {
    int low = e >> 1u;
    float t = b * sc_pow2(low) * sc_pow2(e - low);
    if (a >= t) { a = a - t; }
  }
  return uintBitsToFloat(floatBitsToUint(a) | (floatBitsToUint(x) & 0x80000000u));
}`,
  sc_remainder: `float sc_remainder(float x, float y) {
  float r = sc_fmod(x, y);
  return select(r, r + y, r != 0.0 && ((r < 0.0) != (y < 0.0)));
}`,
  sc_floor_divide: `float sc_floor_divide(float x, float y) {
  if (y == 0.0) { return sc_divide(x, y); }
  float r = sc_fmod(x, y);
  if (sc_isnan(r)) { return r; }
  float q = (x - r) / y;
  if (r != 0.0 && ((y < 0.0) != (r < 0.0))) { q = q - 1.0; }
  if (q == 0.0) { return uintBitsToFloat((floatBitsToUint(x) ^ floatBitsToUint(y)) & 0x80000000u); }
  float whole = floor(q);
  return select(whole, whole + 1.0, q - whole > 0.5);
}`,
};
