/**
 * Elementary functions. The built-in ones are not used where drivers differ or lose accuracy: `exp`, `log`, `sin` and `pow` are
 * off by many units on some, `log(0)` is finite on one, `tanh` overflows, `max` drops NaN and `x != x` is folded away.
 *
 * Sources: exp, log, tanh, sinh, sin, asin and atan after Cephes (S. Moshier); the parts of pi / 2 are Cephes' DP1 to DP3, doubled.
 *
 * @module
 */

/** Helpers with the classes of floats and the elementary functions. */
export const ELEMENTARY: { readonly [name: string]: string } = {
  sc_isnan: "bool sc_isnan(float x) { return (floatBitsToUint(x) & 0x7fffffffu) > 0x7f800000u; }",
  sc_inf: "float sc_inf() { return intBitsToFloat(p[0].z); }",
  sc_nan: "float sc_nan() { return intBitsToFloat(p[0].w); }",
  sc_isinf: "bool sc_isinf(float x) { return (floatBitsToUint(x) & 0x7fffffffu) == 0x7f800000u; }",
  sc_negative: "bool sc_negative(float x) { return (floatBitsToUint(x) & 0x80000000u) != 0u; }",
  sc_with_sign:
    "float sc_with_sign(float x, float y) { return uintBitsToFloat((floatBitsToUint(x) & 0x7fffffffu) | (floatBitsToUint(y) & 0x80000000u)); }",
  sc_pow2: "float sc_pow2(int k) { return intBitsToFloat((k + 127) << 23u); }",
  sc_max: "float sc_max(float x, float y) { return select(select(max(x, y), y, sc_isnan(y)), x, sc_isnan(x)); }",
  sc_min: "float sc_min(float x, float y) { return select(select(min(x, y), y, sc_isnan(y)), x, sc_isnan(x)); }",
  sc_eq: "bool sc_eq(float x, float y) { return x == y && !sc_isnan(x) && !sc_isnan(y); }",
  sc_lt: "bool sc_lt(float x, float y) { return x < y && !sc_isnan(x) && !sc_isnan(y); }",
  sc_le: "bool sc_le(float x, float y) { return x <= y && !sc_isnan(x) && !sc_isnan(y); }",
  sc_divide: `float sc_divide(float x, float y) {
  if (y == 0.0) { return select(sc_with_sign(sc_inf(), uintBitsToFloat(floatBitsToUint(x) ^ floatBitsToUint(y))), sc_nan(), x == 0.0 || sc_isnan(x)); }
  return x / y;
}`,
  sc_sqrt: "float sc_sqrt(float x) { return select(sqrt(max(x, 0.0)), select(sc_nan(), x, x == 0.0), x <= 0.0 || sc_isnan(x)); }",
  sc_exp: `float sc_exp(float x) {
  if (sc_isnan(x)) { return x; }
  float t = clamp(x, -104.0, 89.0);
  float k = roundEven(t * 1.44269504);
  float r = (t - k * 0.693359375) - k * -2.1219444e-4;
  float y = sc_exp_tail(r) * (r * r) + r + 1.0;
  int n = int(k);
  int h = n >> 1u;
  return y * sc_pow2(h) * sc_pow2(n - h);
}`,
  sc_exp_tail: `float sc_exp_tail(float r) {
  return ((((1.98756915e-4 * r + 1.3981999507e-3) * r + 8.3334519073e-3) * r + 4.1665795894e-2) * r + 1.6666665459e-1) * r + 5.0000001201e-1;
}`,
  sc_expm1: `float sc_expm1(float x) {
  if (sc_isnan(x) || x == 0.0) { return x; }
  if (x > 88.0) { return sc_exp(x); }
  float t = max(x, -104.0);
  float k = roundEven(t * 1.44269504);
  float r = (t - k * 0.693359375) - k * -2.1219444e-4;
  float q = sc_exp_tail(r) * (r * r) + r;
  float scale = sc_pow2(max(int(k), -126));
  return scale * q + (scale - 1.0);
}`,
  sc_log_series: `float sc_log_series(float t) {
  return (((((((7.0376836292e-2 * t - 1.151461031e-1) * t + 1.167699874e-1) * t - 1.2420140846e-1) * t + 1.4249322787e-1) * t
    - 1.6668057665e-1) * t + 2.0000714765e-1) * t - 2.4999993993e-1) * t + 3.3333331174e-1;
}`,
  // x = m 2^e with m - 1 in .x, e in .y and ln(m) - (m - 1) in .z; subnormal numbers go through their bits as an integer.
  sc_log_parts: `vec3 sc_log_parts(float x) {
  uint bits = floatBitsToUint(x);
  int bias = 126;
  if (bits < 0x00800000u) { bits = floatBitsToUint(float(bits)); bias = 126 + 149; }
  float e = float(int(bits >> 23u) - bias);
  float m = uintBitsToFloat((bits & 0x007fffffu) | 0x3f000000u);
  if (m < 0.70710678) { e = e - 1.0; m = m + m; }
  float t = m - 1.0;
  return vec3(t, e, sc_log_series(t) * t * (t * t) - 0.5 * (t * t));
}`,
  // The logarithms of what is not positive and finite.
  sc_log_special: `float sc_log_special(float x) {
  uint bits = floatBitsToUint(x);
  if (bits == 0x7f800000u) { return x; }
  return select(sc_nan(), -sc_inf(), (bits & 0x7fffffffu) == 0u);
}`,
  sc_log_ordinary: "bool sc_log_ordinary(float x) { uint bits = floatBitsToUint(x); return bits > 0u && bits < 0x7f800000u; }",
  sc_log: `float sc_log(float x) {
  if (!sc_log_ordinary(x)) { return sc_log_special(x); }
  vec3 s = sc_log_parts(x);
  return s.y * 0.693359375 + ((s.y * -2.1219444e-4 + s.z) + s.x);
}`,
  sc_log2: `float sc_log2(float x) {
  if (!sc_log_ordinary(x)) { return sc_log_special(x); }
  vec3 s = sc_log_parts(x);
  return s.y + (s.z * 0.44269504 + s.x * 0.44269504 + s.z + s.x);
}`,
  sc_log10: `float sc_log10(float x) {
  if (!sc_log_ordinary(x)) { return sc_log_special(x); }
  vec3 s = sc_log_parts(x);
  // log10(e) and log10(2) in two parts each, small parts first.
  return ((s.z + s.x) * 7.00731903e-4 + s.y * 2.48745663e-4 + s.z * 0.43359375) + s.x * 0.43359375 + s.y * 0.30078125;
}`,
  // Near 0 the series of the logarithm itself: compilers fold a correction for what 1 + x loses.
  sc_log1p: `float sc_log1p(float x) {
  if (x == 0.0 || sc_isnan(x) || sc_isinf(x)) { return select(x, sc_nan(), sc_isinf(x) && sc_negative(x)); }
  if (x > -0.29 && x < 0.41) { return (sc_log_series(x) * x * (x * x) - 0.5 * (x * x)) + x; }
  return sc_log(1.0 + x);
}`,
  // .x: remainder in [-pi/4, pi/4], .y: quadrant.
  sc_quadrant: `vec2 sc_quadrant(float x) {
  if (abs(x) > 20000.0) { return sc_quadrant_large(x); }
  float k = roundEven(x * 0.636619772);
  return vec2(((x - k * 1.5703125) - k * 4.837512969970703e-4) - k * 7.549789954891882e-8, k);
}`,
  // 2 / pi to 192 bits times the significand, of which the 64 bits around the point count (Payne and Hanek, 1983).
  sc_quadrant_large: `vec2 sc_quadrant_large(float x) {
  uint table[8] = uint[8](0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu);
  uint bits = floatBitsToUint(abs(x));
  uint m = (bits & 0x007fffffu) | 0x00800000u;
  int e = int(bits >> 23u) - 150;
  int word = (e + 30) >> 5u;
  uint shift = uint(e + 30) & 31u;
  uint w[3];
  for (int i = 0; i < 3; i++) {
    uint high = table[min(word + i, 7)];
    uint low = table[min(word + i + 1, 7)];
    w[i] = select((high << shift) | (low >> (32u - shift)), high, shift == 0u);
  }
  uvec2 a = sc_multiply(w[0], m);
  uvec2 b = sc_multiply(w[1], m);
  uvec2 c = sc_multiply(w[2], m);
  uint low = b.x + c.y;
  uint high = a.x + b.y + select(0u, 1u, low < c.y);
  // 30 bits behind the point in high, 32 more in low.
  uint q = high >> 30u;
  float f = float((high << 2u) | (low >> 30u)) * 2.3283064e-10 + float(low << 2u) * 5.421011e-20;
  if ((high & 0x20000000u) != 0u) {
    q = q + 1u;
    uint t = ~((high << 2u) | (low >> 30u));
    f = -(float(t) * 2.3283064e-10 + float(~(low << 2u)) * 5.421011e-20);
  }
  float r = f * 1.57079633;
  return select(vec2(r, float(q)), vec2(-r, -float(q)), x < 0.0);
}`,
  // The 64-bit product: high word in .y.
  sc_multiply: `uvec2 sc_multiply(uint a, uint b) {
  uint al = a & 0xffffu;
  uint ah = a >> 16u;
  uint bl = b & 0xffffu;
  uint bh = b >> 16u;
  uint middle = ah * bl + ((al * bl) >> 16u);
  uint carry = al * bh + (middle & 0xffffu);
  return uvec2(a * b, ah * bh + (middle >> 16u) + (carry >> 16u));
}`,
  sc_sin_poly: `float sc_sin_poly(float r) {
  float z = r * r;
  return ((-1.9515295891e-4 * z + 8.3321608736e-3) * z - 1.6666654611e-1) * z * r + r;
}`,
  sc_cos_poly: `float sc_cos_poly(float r) {
  float z = r * r;
  return ((2.443315711809948e-5 * z - 1.388731625493765e-3) * z + 4.166664568298827e-2) * z * z - 0.5 * z + 1.0;
}`,
  sc_turn: `float sc_turn(float x, int by) {
  if (sc_isnan(x) || sc_isinf(x)) { return sc_nan(); }
  vec2 s = sc_quadrant(x);
  int k = int(s.y) + by;
  float y = select(sc_sin_poly(s.x), sc_cos_poly(s.x), (k & 1) == 1);
  return select(y, -y, (k & 2) == 2);
}`,
  sc_sin: "float sc_sin(float x) { return select(sc_turn(x, 0), x, x == 0.0); }",
  sc_cos: "float sc_cos(float x) { return sc_turn(x, 1); }",
  sc_tan: `float sc_tan(float x) {
  if (sc_isnan(x) || sc_isinf(x)) { return sc_nan(); }
  if (x == 0.0) { return x; }
  vec2 s = sc_quadrant(x);
  float sine = sc_sin_poly(s.x);
  float cosine = sc_cos_poly(s.x);
  return select(sine / cosine, -cosine / sine, (int(s.y) & 1) == 1);
}`,
  sc_asin: `float sc_asin(float x) {
  float a = abs(x);
  if (!(a <= 1.0) || sc_isnan(x)) { return sc_nan(); }
  bool far = a > 0.5;
  float z = select(x * x, 0.5 * (1.0 - a), far);
  float s = select(a, sqrt(z), far);
  float y = ((((4.2163199048e-2 * z + 2.4181311049e-2) * z + 4.5470025998e-2) * z + 7.4953002686e-2) * z + 1.6666752422e-1) * z * s + s;
  return sc_with_sign(select(y, 1.57079633 - (y + y), far), x);
}`,
  sc_acos: `float sc_acos(float x) {
  if (!(abs(x) <= 1.0) || sc_isnan(x)) { return sc_nan(); }
  if (x > 0.5) { return 2.0 * sc_asin(sqrt(0.5 - 0.5 * x)); }
  if (x < -0.5) { return 3.14159265 - 2.0 * sc_asin(sqrt(0.5 + 0.5 * x)); }
  return (1.57079637 - sc_asin(x)) - 4.371139e-8;
}`,
  sc_atan: `float sc_atan(float x) {
  if (sc_isnan(x)) { return x; }
  float a = abs(x);
  float y = 0.0;
  if (a > 2.41421356) { y = 1.57079633; a = select(-1.0 / a, 0.0, sc_isinf(x)); }
  else if (a > 0.414213562) { y = 0.785398163; a = (a - 1.0) / (a + 1.0); }
  float z = a * a;
  y = y + ((((8.05374449538e-2 * z - 1.38776856032e-1) * z + 1.99777106478e-1) * z - 3.33329491539e-1) * z * a + a);
  return sc_with_sign(y, x);
}`,
  sc_atan2: `float sc_atan2(float y, float x) {
  if (sc_isnan(x) || sc_isnan(y)) { return sc_nan(); }
  float ax = abs(x);
  float ay = abs(y);
  float a = 0.0;
  if (sc_isinf(x)) { a = select(0.0, 0.785398163, sc_isinf(y)); }
  else if (sc_isinf(y)) { a = 1.57079633; }
  else if (ax == 0.0) { a = select(1.57079633, 0.0, ay == 0.0); }
  else { a = sc_atan(ay / ax); }
  if (sc_negative(x)) { a = 3.14159274 - a - 8.7422777e-8; }
  return sc_with_sign(a, y);
}`,
  sc_sinh: `float sc_sinh(float x) {
  float a = abs(x);
  if (a < 1.0) {
    float z = x * x;
    return ((2.03721912945e-4 * z + 8.33028376239e-3) * z + 1.66667160211e-1) * z * x + x;
  }
  if (a > 88.0) { float h = sc_exp(0.5 * a); return sc_with_sign(0.5 * h * h, x); }
  float e = sc_exp(a);
  return sc_with_sign(0.5 * e - 0.5 / e, x);
}`,
  sc_cosh: `float sc_cosh(float x) {
  float a = abs(x);
  if (a > 88.0) { float h = sc_exp(0.5 * a); return 0.5 * h * h; }
  float e = sc_exp(a);
  return 0.5 * e + 0.5 / e;
}`,
  sc_tanh: `float sc_tanh(float x) {
  if (sc_isnan(x)) { return x; }
  float a = abs(x);
  if (a < 0.625) {
    float z = x * x;
    return ((((-5.70498872745e-3 * z + 2.06390887954e-2) * z - 5.37397155531e-2) * z + 1.33314422036e-1) * z - 3.33332819422e-1) * z * x + x;
  }
  return sc_with_sign(1.0 - 2.0 / (sc_exp(min(2.0 * a, 40.0)) + 1.0), x);
}`,
  sc_asinh: `float sc_asinh(float x) {
  float a = abs(x);
  if (sc_isnan(x) || sc_isinf(x)) { return x; }
  if (a > 1.0e4) { return sc_with_sign(sc_log(a) + 0.693147181, x); }
  return sc_with_sign(sc_log1p(a + a * a / (1.0 + sqrt(a * a + 1.0))), x);
}`,
  sc_acosh: `float sc_acosh(float x) {
  if (!(x >= 1.0) || sc_isnan(x)) { return sc_nan(); }
  if (x > 1.0e4) { return sc_log(x) + 0.693147181; }
  float t = x - 1.0;
  return sc_log1p(t + sqrt(2.0 * t + t * t));
}`,
  sc_atanh: `float sc_atanh(float x) {
  float a = abs(x);
  if (!(a <= 1.0) || sc_isnan(x)) { return sc_nan(); }
  if (a == 1.0) { return sc_with_sign(sc_inf(), x); }
  return sc_with_sign(0.5 * sc_log1p((a + a) / (1.0 - a)), x);
}`,
  sc_sigmoid: "float sc_sigmoid(float x) { float e = sc_exp(-x); return select(1.0 / (1.0 + e), 0.0, sc_isinf(e)); }",
  // 2^(y log2(x)) with the whole part of the exponent kept exact; sign, parity and the special cases by hand.
  sc_pow: `float sc_pow(float x, float y) {
  if (y == 0.0 || x == 1.0) { return 1.0; }
  if (sc_isnan(x) || sc_isnan(y)) { return sc_nan(); }
  float a = abs(x);
  bool whole = floor(y) == y;
  bool odd = whole && abs(y) < 16777216.0 && abs(y - 2.0 * floor(0.5 * y)) == 1.0;
  if (sc_isinf(y)) {
    if (a == 1.0) { return 1.0; }
    return select(0.0, sc_inf(), (a > 1.0) == (y > 0.0));
  }
  float r = 0.0;
  if (floatBitsToUint(a) == 0u || sc_isinf(a)) { r = select(0.0, sc_inf(), (floatBitsToUint(a) != 0u) == (y > 0.0)); }
  else { r = sc_pow_positive(a, y); }
  if (sc_negative(x)) {
    if (odd) { return -r; }
    if (!whole && floatBitsToUint(a) != 0u && !sc_isinf(a)) { return sc_nan(); }
  }
  return r;
}`,
  sc_pow_positive: `float sc_pow_positive(float a, float y) {
  vec3 s = sc_log_parts(a);
  // ln(m) and log2(m) as a sum of a part of 12 bits and the rest.
  float ln = s.x + s.z;
  float rest = s.z - (ln - s.x);
  float h = uintBitsToFloat(floatBitsToUint(ln) & 0xfffff000u);
  float l = (ln - h) + rest;
  float high = h * 1.44238281;
  float lg = uintBitsToFloat(floatBitsToUint(high) & 0xfffff000u);
  float low = (high - lg) + h * 3.1222839e-4 + l * 1.44269504;
  float yh = uintBitsToFloat(floatBitsToUint(y) & 0xfffff000u);
  float yl = y - yh;
  // y times (e + lg + low), the large products exact.
  float p1 = yh * s.y;
  float p2 = yh * lg;
  float p3 = yl * s.y + yl * lg + y * low;
  float total = p1 + p2 + p3;
  if (total > 129.0) { return sc_inf(); }
  if (total < -151.0) { return 0.0; }
  float k = roundEven(total);
  float f = (p1 - k) + p2 + p3;
  float r = f * 0.69314718;
  float e = sc_exp_tail(r) * (r * r) + r + 1.0;
  int n = int(k);
  int low_n = n >> 1u;
  return e * sc_pow2(low_n) * sc_pow2(n - low_n);
}`,
};
