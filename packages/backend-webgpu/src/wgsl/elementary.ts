/**
 * Elementary functions in WGSL. The built-in ones are not used where drivers differ or lose accuracy: `exp`, `log`, `sin` and `pow` are
 * off by many units on some, `log(0)` is finite on one, `tanh` overflows, `max` drops NaN and `x != x` is folded away.
 *
 * Sources: exp, log, tanh, sinh, sin, asin and atan after Cephes (S. Moshier); the parts of pi / 2 are Cephes' DP1 to DP3, doubled.
 *
 * @module
 */

/** Helpers with the classes of floats and the elementary functions. */
export const ELEMENTARY: { readonly [name: string]: string } = {
  sc_isnan: "fn sc_isnan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }",
  sc_inf: "fn sc_inf() -> f32 { return bitcast<f32>(p[0].z); }",
  sc_nan: "fn sc_nan() -> f32 { return bitcast<f32>(p[0].w); }",
  sc_isinf: "fn sc_isinf(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) == 0x7f800000u; }",
  sc_negative: "fn sc_negative(x: f32) -> bool { return (bitcast<u32>(x) & 0x80000000u) != 0u; }",
  sc_with_sign:
    "fn sc_with_sign(x: f32, y: f32) -> f32 { return bitcast<f32>((bitcast<u32>(x) & 0x7fffffffu) | (bitcast<u32>(y) & 0x80000000u)); }",
  sc_pow2: "fn sc_pow2(k: i32) -> f32 { return bitcast<f32>((k + 127) << 23u); }",
  sc_max: "fn sc_max(x: f32, y: f32) -> f32 { return select(select(max(x, y), y, sc_isnan(y)), x, sc_isnan(x)); }",
  sc_min: "fn sc_min(x: f32, y: f32) -> f32 { return select(select(min(x, y), y, sc_isnan(y)), x, sc_isnan(x)); }",
  sc_eq: "fn sc_eq(x: f32, y: f32) -> bool { return x == y && !sc_isnan(x) && !sc_isnan(y); }",
  sc_lt: "fn sc_lt(x: f32, y: f32) -> bool { return x < y && !sc_isnan(x) && !sc_isnan(y); }",
  sc_le: "fn sc_le(x: f32, y: f32) -> bool { return x <= y && !sc_isnan(x) && !sc_isnan(y); }",
  sc_divide: `fn sc_divide(x: f32, y: f32) -> f32 {
  if (y == 0.0) { return select(sc_with_sign(sc_inf(), bitcast<f32>(bitcast<u32>(x) ^ bitcast<u32>(y))), sc_nan(), x == 0.0 || sc_isnan(x)); }
  return x / y;
}`,
  sc_sqrt: "fn sc_sqrt(x: f32) -> f32 { return select(sqrt(max(x, 0.0)), select(sc_nan(), x, x == 0.0), x <= 0.0 || sc_isnan(x)); }",
  sc_exp: `fn sc_exp(x: f32) -> f32 {
  if (sc_isnan(x)) { return x; }
  let t = clamp(x, -104.0, 89.0);
  let k = round(t * 1.44269504);
  let r = (t - k * 0.693359375) - k * -2.1219444e-4;
  let y = sc_exp_tail(r) * (r * r) + r + 1.0;
  let n = i32(k);
  let h = n >> 1u;
  return y * sc_pow2(h) * sc_pow2(n - h);
}`,
  sc_exp_tail: `fn sc_exp_tail(r: f32) -> f32 {
  return ((((1.98756915e-4 * r + 1.3981999507e-3) * r + 8.3334519073e-3) * r + 4.1665795894e-2) * r + 1.6666665459e-1) * r + 5.0000001201e-1;
}`,
  sc_expm1: `fn sc_expm1(x: f32) -> f32 {
  if (sc_isnan(x) || x == 0.0) { return x; }
  if (x > 88.0) { return sc_exp(x); }
  let t = max(x, -104.0);
  let k = round(t * 1.44269504);
  let r = (t - k * 0.693359375) - k * -2.1219444e-4;
  let q = sc_exp_tail(r) * (r * r) + r;
  let scale = sc_pow2(max(i32(k), -126));
  return scale * q + (scale - 1.0);
}`,
  sc_log_series: `fn sc_log_series(t: f32) -> f32 {
  return (((((((7.0376836292e-2 * t - 1.151461031e-1) * t + 1.167699874e-1) * t - 1.2420140846e-1) * t + 1.4249322787e-1) * t
    - 1.6668057665e-1) * t + 2.0000714765e-1) * t - 2.4999993993e-1) * t + 3.3333331174e-1;
}`,
  // x = m 2^e with m - 1 in .x, e in .y and ln(m) - (m - 1) in .z; subnormal numbers go through their bits as an integer.
  sc_log_parts: `fn sc_log_parts(x: f32) -> vec3<f32> {
  var bits = bitcast<u32>(x);
  var bias = 126;
  if (bits < 0x00800000u) { bits = bitcast<u32>(f32(bits)); bias = 126 + 149; }
  var e = f32(i32(bits >> 23u) - bias);
  var m = bitcast<f32>((bits & 0x007fffffu) | 0x3f000000u);
  if (m < 0.70710678) { e = e - 1.0; m = m + m; }
  let t = m - 1.0;
  return vec3<f32>(t, e, sc_log_series(t) * t * (t * t) - 0.5 * (t * t));
}`,
  // The logarithms of what is not positive and finite.
  sc_log_special: `fn sc_log_special(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  if (bits == 0x7f800000u) { return x; }
  return select(sc_nan(), -sc_inf(), (bits & 0x7fffffffu) == 0u);
}`,
  sc_log_ordinary: "fn sc_log_ordinary(x: f32) -> bool { let bits = bitcast<u32>(x); return bits > 0u && bits < 0x7f800000u; }",
  sc_log: `fn sc_log(x: f32) -> f32 {
  if (!sc_log_ordinary(x)) { return sc_log_special(x); }
  let s = sc_log_parts(x);
  return s.y * 0.693359375 + ((s.y * -2.1219444e-4 + s.z) + s.x);
}`,
  sc_log2: `fn sc_log2(x: f32) -> f32 {
  if (!sc_log_ordinary(x)) { return sc_log_special(x); }
  let s = sc_log_parts(x);
  return s.y + (s.z * 0.44269504 + s.x * 0.44269504 + s.z + s.x);
}`,
  sc_log10: `fn sc_log10(x: f32) -> f32 {
  if (!sc_log_ordinary(x)) { return sc_log_special(x); }
  let s = sc_log_parts(x);
  // log10(e) and log10(2) in two parts each, small parts first.
  return ((s.z + s.x) * 7.00731903e-4 + s.y * 2.48745663e-4 + s.z * 0.43359375) + s.x * 0.43359375 + s.y * 0.30078125;
}`,
  // Near 0 the series of the logarithm itself: compilers fold a correction for what 1 + x loses.
  sc_log1p: `fn sc_log1p(x: f32) -> f32 {
  if (x == 0.0 || sc_isnan(x) || sc_isinf(x)) { return select(x, sc_nan(), sc_isinf(x) && sc_negative(x)); }
  if (x > -0.29 && x < 0.41) { return (sc_log_series(x) * x * (x * x) - 0.5 * (x * x)) + x; }
  return sc_log(1.0 + x);
}`,
  // .x: remainder in [-pi/4, pi/4], .y: quadrant.
  sc_quadrant: `fn sc_quadrant(x: f32) -> vec2<f32> {
  if (abs(x) > 20000.0) { return sc_quadrant_large(x); }
  let k = round(x * 0.636619772);
  return vec2<f32>(((x - k * 1.5703125) - k * 4.837512969970703e-4) - k * 7.549789954891882e-8, k);
}`,
  // 2 / pi to 192 bits times the significand, of which the 64 bits around the point count (Payne and Hanek, 1983).
  sc_quadrant_large: `fn sc_quadrant_large(x: f32) -> vec2<f32> {
  var table = array<u32, 8>(0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu);
  let bits = bitcast<u32>(abs(x));
  let m = (bits & 0x007fffffu) | 0x00800000u;
  let e = i32(bits >> 23u) - 150;
  let word = (e + 30) >> 5u;
  let shift = u32(e + 30) & 31u;
  var w = array<u32, 3>();
  for (var i = 0; i < 3; i++) {
    let high = table[min(word + i, 7)];
    let low = table[min(word + i + 1, 7)];
    w[i] = select((high << shift) | (low >> (32u - shift)), high, shift == 0u);
  }
  let a = sc_multiply(w[0], m);
  let b = sc_multiply(w[1], m);
  let c = sc_multiply(w[2], m);
  let low = b.x + c.y;
  let high = a.x + b.y + select(0u, 1u, low < c.y);
  // 30 bits behind the point in high, 32 more in low.
  var q = high >> 30u;
  var f = f32((high << 2u) | (low >> 30u)) * 2.3283064e-10 + f32(low << 2u) * 5.421011e-20;
  if ((high & 0x20000000u) != 0u) {
    q = q + 1u;
    let t = ~((high << 2u) | (low >> 30u));
    f = -(f32(t) * 2.3283064e-10 + f32(~(low << 2u)) * 5.421011e-20);
  }
  let r = f * 1.57079633;
  return select(vec2<f32>(r, f32(q)), vec2<f32>(-r, -f32(q)), x < 0.0);
}`,
  // The 64-bit product: high word in .y.
  sc_multiply: `fn sc_multiply(a: u32, b: u32) -> vec2<u32> {
  let al = a & 0xffffu;
  let ah = a >> 16u;
  let bl = b & 0xffffu;
  let bh = b >> 16u;
  let middle = ah * bl + ((al * bl) >> 16u);
  let carry = al * bh + (middle & 0xffffu);
  return vec2<u32>(a * b, ah * bh + (middle >> 16u) + (carry >> 16u));
}`,
  sc_sin_poly: `fn sc_sin_poly(r: f32) -> f32 {
  let z = r * r;
  return ((-1.9515295891e-4 * z + 8.3321608736e-3) * z - 1.6666654611e-1) * z * r + r;
}`,
  sc_cos_poly: `fn sc_cos_poly(r: f32) -> f32 {
  let z = r * r;
  return ((2.443315711809948e-5 * z - 1.388731625493765e-3) * z + 4.166664568298827e-2) * z * z - 0.5 * z + 1.0;
}`,
  sc_turn: `fn sc_turn(x: f32, by: i32) -> f32 {
  if (sc_isnan(x) || sc_isinf(x)) { return sc_nan(); }
  let s = sc_quadrant(x);
  let k = i32(s.y) + by;
  let y = select(sc_sin_poly(s.x), sc_cos_poly(s.x), (k & 1) == 1);
  return select(y, -y, (k & 2) == 2);
}`,
  sc_sin: "fn sc_sin(x: f32) -> f32 { return select(sc_turn(x, 0), x, x == 0.0); }",
  sc_cos: "fn sc_cos(x: f32) -> f32 { return sc_turn(x, 1); }",
  sc_tan: `fn sc_tan(x: f32) -> f32 {
  if (sc_isnan(x) || sc_isinf(x)) { return sc_nan(); }
  if (x == 0.0) { return x; }
  let s = sc_quadrant(x);
  let sine = sc_sin_poly(s.x);
  let cosine = sc_cos_poly(s.x);
  return select(sine / cosine, -cosine / sine, (i32(s.y) & 1) == 1);
}`,
  sc_asin: `fn sc_asin(x: f32) -> f32 {
  let a = abs(x);
  if (!(a <= 1.0) || sc_isnan(x)) { return sc_nan(); }
  let far = a > 0.5;
  let z = select(x * x, 0.5 * (1.0 - a), far);
  let s = select(a, sqrt(z), far);
  let y = ((((4.2163199048e-2 * z + 2.4181311049e-2) * z + 4.5470025998e-2) * z + 7.4953002686e-2) * z + 1.6666752422e-1) * z * s + s;
  return sc_with_sign(select(y, 1.57079633 - (y + y), far), x);
}`,
  sc_acos: `fn sc_acos(x: f32) -> f32 {
  if (!(abs(x) <= 1.0) || sc_isnan(x)) { return sc_nan(); }
  if (x > 0.5) { return 2.0 * sc_asin(sqrt(0.5 - 0.5 * x)); }
  if (x < -0.5) { return 3.14159265 - 2.0 * sc_asin(sqrt(0.5 + 0.5 * x)); }
  return (1.57079637 - sc_asin(x)) - 4.371139e-8;
}`,
  sc_atan: `fn sc_atan(x: f32) -> f32 {
  if (sc_isnan(x)) { return x; }
  var a = abs(x);
  var y = 0.0;
  if (a > 2.41421356) { y = 1.57079633; a = select(-1.0 / a, 0.0, sc_isinf(x)); }
  else if (a > 0.414213562) { y = 0.785398163; a = (a - 1.0) / (a + 1.0); }
  let z = a * a;
  y = y + ((((8.05374449538e-2 * z - 1.38776856032e-1) * z + 1.99777106478e-1) * z - 3.33329491539e-1) * z * a + a);
  return sc_with_sign(y, x);
}`,
  sc_atan2: `fn sc_atan2(y: f32, x: f32) -> f32 {
  if (sc_isnan(x) || sc_isnan(y)) { return sc_nan(); }
  let ax = abs(x);
  let ay = abs(y);
  var a = 0.0;
  if (sc_isinf(x)) { a = select(0.0, 0.785398163, sc_isinf(y)); }
  else if (sc_isinf(y)) { a = 1.57079633; }
  else if (ax == 0.0) { a = select(1.57079633, 0.0, ay == 0.0); }
  else { a = sc_atan(ay / ax); }
  if (sc_negative(x)) { a = 3.14159274 - a - 8.7422777e-8; }
  return sc_with_sign(a, y);
}`,
  sc_sinh: `fn sc_sinh(x: f32) -> f32 {
  let a = abs(x);
  if (a < 1.0) {
    let z = x * x;
    return ((2.03721912945e-4 * z + 8.33028376239e-3) * z + 1.66667160211e-1) * z * x + x;
  }
  if (a > 88.0) { let h = sc_exp(0.5 * a); return sc_with_sign(0.5 * h * h, x); }
  let e = sc_exp(a);
  return sc_with_sign(0.5 * e - 0.5 / e, x);
}`,
  sc_cosh: `fn sc_cosh(x: f32) -> f32 {
  let a = abs(x);
  if (a > 88.0) { let h = sc_exp(0.5 * a); return 0.5 * h * h; }
  let e = sc_exp(a);
  return 0.5 * e + 0.5 / e;
}`,
  sc_tanh: `fn sc_tanh(x: f32) -> f32 {
  if (sc_isnan(x)) { return x; }
  let a = abs(x);
  if (a < 0.625) {
    let z = x * x;
    return ((((-5.70498872745e-3 * z + 2.06390887954e-2) * z - 5.37397155531e-2) * z + 1.33314422036e-1) * z - 3.33332819422e-1) * z * x + x;
  }
  return sc_with_sign(1.0 - 2.0 / (sc_exp(min(2.0 * a, 40.0)) + 1.0), x);
}`,
  sc_asinh: `fn sc_asinh(x: f32) -> f32 {
  let a = abs(x);
  if (sc_isnan(x) || sc_isinf(x)) { return x; }
  if (a > 1.0e4) { return sc_with_sign(sc_log(a) + 0.693147181, x); }
  return sc_with_sign(sc_log1p(a + a * a / (1.0 + sqrt(a * a + 1.0))), x);
}`,
  sc_acosh: `fn sc_acosh(x: f32) -> f32 {
  if (!(x >= 1.0) || sc_isnan(x)) { return sc_nan(); }
  if (x > 1.0e4) { return sc_log(x) + 0.693147181; }
  let t = x - 1.0;
  return sc_log1p(t + sqrt(2.0 * t + t * t));
}`,
  sc_atanh: `fn sc_atanh(x: f32) -> f32 {
  let a = abs(x);
  if (!(a <= 1.0) || sc_isnan(x)) { return sc_nan(); }
  if (a == 1.0) { return sc_with_sign(sc_inf(), x); }
  return sc_with_sign(0.5 * sc_log1p((a + a) / (1.0 - a)), x);
}`,
  sc_sigmoid: "fn sc_sigmoid(x: f32) -> f32 { let e = sc_exp(-x); return select(1.0 / (1.0 + e), 0.0, sc_isinf(e)); }",
  // 2^(y log2(x)) with the whole part of the exponent kept exact; sign, parity and the special cases by hand.
  sc_pow: `fn sc_pow(x: f32, y: f32) -> f32 {
  if (y == 0.0 || x == 1.0) { return 1.0; }
  if (sc_isnan(x) || sc_isnan(y)) { return sc_nan(); }
  let a = abs(x);
  let whole = floor(y) == y;
  let odd = whole && abs(y) < 16777216.0 && abs(y - 2.0 * floor(0.5 * y)) == 1.0;
  if (sc_isinf(y)) {
    if (a == 1.0) { return 1.0; }
    return select(0.0, sc_inf(), (a > 1.0) == (y > 0.0));
  }
  var r = 0.0;
  if (bitcast<u32>(a) == 0u || sc_isinf(a)) { r = select(0.0, sc_inf(), (bitcast<u32>(a) != 0u) == (y > 0.0)); }
  else { r = sc_pow_positive(a, y); }
  if (sc_negative(x)) {
    if (odd) { return -r; }
    if (!whole && bitcast<u32>(a) != 0u && !sc_isinf(a)) { return sc_nan(); }
  }
  return r;
}`,
  sc_pow_positive: `fn sc_pow_positive(a: f32, y: f32) -> f32 {
  let s = sc_log_parts(a);
  // ln(m) and log2(m) as a sum of a part of 12 bits and the rest.
  let ln = s.x + s.z;
  let rest = s.z - (ln - s.x);
  let h = bitcast<f32>(bitcast<u32>(ln) & 0xfffff000u);
  let l = (ln - h) + rest;
  let high = h * 1.44238281;
  let lg = bitcast<f32>(bitcast<u32>(high) & 0xfffff000u);
  let low = (high - lg) + h * 3.1222839e-4 + l * 1.44269504;
  let yh = bitcast<f32>(bitcast<u32>(y) & 0xfffff000u);
  let yl = y - yh;
  // y times (e + lg + low), the large products exact.
  let p1 = yh * s.y;
  let p2 = yh * lg;
  let p3 = yl * s.y + yl * lg + y * low;
  let total = p1 + p2 + p3;
  if (total > 129.0) { return sc_inf(); }
  if (total < -151.0) { return 0.0; }
  let k = round(total);
  let f = (p1 - k) + p2 + p3;
  let r = f * 0.69314718;
  let e = sc_exp_tail(r) * (r * r) + r + 1.0;
  let n = i32(k);
  let half = n >> 1u;
  return e * sc_pow2(half) * sc_pow2(n - half);
}`,
};
