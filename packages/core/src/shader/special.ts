/**
 * Special functions.
 *
 * Sources: erf after N. Juffa's erff; erfc and lgamma after fdlibm (s_erf.c, e_lgamma_r.c; Sun Microsystems, 1993); erfinv after
 * M. Giles, "Approximating the erfinv function" (2010); digamma by recurrence and its asymptotic series.
 *
 * @module
 */

/** A polynomial in `x` by Horner's rule, coefficients from the lowest power up. */
function poly(x: string, c: readonly number[]): string {
  return c.slice(0, -1).reduceRight((text, value) => `(${text} * ${x} + ${float(value)})`, float(c[c.length - 1]));
}

const float = (value: number): string => `float(${Number.isInteger(value) ? `${value}.0` : Math.fround(value)})`;

const PP = [0.12837916709551256, -0.3250421072470015, -0.02848174957559851, -0.005770270296489442, -2.3763016656650163e-5];
const QQ = [1, 0.39791722395915535, 0.0650222499887673, 0.005081306281875766, 0.00013249473800432164, -3.960228278775368e-6];
const PA = [
  -0.0023621185607526594, 0.41485611868374833, -0.3722078760357013, 0.31834661990116175, -0.11089469428239668, 0.035478304325618236,
  -0.002166375594868791,
];
const QA = [1, 0.10642088040084423, 0.540397917702171, 0.07182865441419627, 0.12617121980876164, 0.01363708391202905, 0.011984499846799107];
const RA = [
  -0.009864944034847148, -0.6938585727071818, -10.558626225323291, -62.375332450326006, -162.39666946257347, -184.60509290671104,
  -81.2874355063066, -9.814329344169145,
];
const SA = [
  1, 19.651271667439257, 137.65775414351904, 434.56587747522923, 645.3872717332679, 429.00814002756783, 108.63500554177944,
  6.570249770319282, -0.0604244152148581,
];
const RB = [
  -0.0098649429247001, -0.799283237680523, -17.757954917754752, -160.63638485582192, -637.5664433683896, -1025.0951316110772,
  -483.5191916086514,
];
const SB = [
  1, 30.33806074348246, 325.7925129965739, 1536.729586084437, 3199.8582195085955, 2553.0504064331644, 474.52854120695537,
  -22.44095244658582,
];
const NEAR = [
  1.50140941, 0.246640727, -0.00417768164, -0.00125372503, 0.00021858087, -4.39150654e-6, -3.5233877e-6, 3.43273939e-7, 2.81022636e-8,
];
const FAR = [
  2.83297682, 1.00167406, 0.00943887047, -0.0076224613, 0.00573950773, -0.00367342844, 0.00134934322, 0.000100950558, -0.000200214257,
];
const LG_A = [
  0.07721566490153287, 0.06735230105312927, 0.007385550860814029, 0.0011927076318336207, 0.00022086279071390839, 2.5214456545125733e-5,
];
const LG_B = [
  0.3224670334241136, 0.020580808432516733, 0.0028905138367341563, 0.0005100697921535113, 0.00010801156724758394, 4.4864094961891516e-5,
];
const LG_T0 = [0.48383612272381005, -0.032788541075985965, 0.006100538702462913, -0.0014034646998923284, 0.00031563207090362595];
const LG_T1 = [-0.1475877229945939, 0.01797067508118204, -0.0036845201678113826, 0.000881081882437654, -0.00031275416837512086];
const LG_T2 = [0.06462494023913339, -0.010314224129834144, 0.0022596478090061247, -0.0005385953053567405, 0.0003355291926355191];
const LG_U = [-0.07721566490153287, 0.6328270640250934, 1.4549225013723477, 0.9777175279633727, 0.22896372806469245, 0.013381091853678766];
const LG_V = [1, 2.4559779371304113, 2.128489763798934, 0.7692851504566728, 0.10422264559336913, 0.003217092422824239];
const LG_S = [
  -0.07721566490153287, 0.21498241596060885, 0.325778796408931, 0.14635047265246445, 0.02664227030336386, 0.0018402845140733772,
  3.194753265841009e-5,
];
const LG_R = [
  1, 1.3920053346762105, 0.7219355475671381, 0.17193386563280308, 0.01864591917156529, 0.0007779424963818936, 7.326684307446256e-6,
];

/** Helpers for erf, erfc, erfinv, lgamma and digamma. */
export const SPECIAL: { readonly [name: string]: string } = {
  sc_erf: `float sc_erf(float x) {
  if (sc_isnan(x)) { return x; }
  float t = min(abs(x), 4.0);
  float s = t * t;
  if (t < 0.927734375) {
    return ${poly("s", [1.28379166e-1, -3.76125336e-1, 1.12819925e-1, -2.67681349e-2, 4.99119423e-3, -5.96761703e-4])} * x + x;
  }
  float r = (-1.7285347e-5 * t + 3.83197126e-4) * s + (-3.88396438e-3 * t + 2.42546219e-2);
  r = ((r * t - 1.06777877e-1) * t - 6.34846687e-1) * t - 1.28717512e-1;
  return sc_with_sign(1.0 - sc_exp(r * t - t), x);
}`,
  sc_erfc_tail: `float sc_erfc_tail(float x) {
  float s = 1.0 / (x * x);
  float ratio = 0.0;
  if (x < 2.857143) { ratio = ${poly("s", RA)} / ${poly("s", SA)}; }
  else { ratio = ${poly("s", RB)} / ${poly("s", SB)}; }
  // x with its low bits cleared, so that its square is exact.
  float z = uintBitsToFloat(floatBitsToUint(x) & 0xfffff000u);
  return sc_exp(-z * z - 0.5625) * sc_exp((z - x) * (z + x) + ratio) / x;
}`,
  sc_erfc: `float sc_erfc(float x) {
  if (sc_isnan(x)) { return x; }
  float a = abs(x);
  if (a < 0.84375) {
    float z = x * x;
    float y = ${poly("z", PP)} / ${poly("z", QQ)};
    return select(0.5 - (x - 0.5 + x * y), 1.0 - (x + x * y), x < 0.25);
  }
  if (a < 1.25) {
    float s = a - 1.0;
    float ratio = ${poly("s", PA)} / ${poly("s", QA)};
    return select(1.0 + (0.845062911 + ratio), 1.0 - 0.845062911 - ratio, x >= 0.0);
  }
  if (a > 12.0) { return select(2.0, 0.0, x > 0.0); }
  float tail = sc_erfc_tail(a);
  return select(2.0 - tail, tail, x > 0.0);
}`,
  sc_erfinv: `float sc_erfinv(float x) {
  float a = abs(x);
  if (!(a <= 1.0) || sc_isnan(x)) { return sc_nan(); }
  if (a == 1.0) { return sc_with_sign(sc_inf(), x); }
  float w = -sc_log((1.0 - a) * (1.0 + a));
  if (w < 5.0) { float n = w - 2.5; return ${poly("n", NEAR)} * x; }
  float f = sqrt(w) - 3.0;
  return ${poly("f", FAR)} * x;
}`,
  sc_lgamma_below2: `float sc_lgamma_below2(float x) {
  float r = 0.0;
  float y = x;
  int near = 0;
  if (x <= 0.9) {
    r = -sc_log(x);
    if (x >= 0.7316) { y = 1.0 - x; near = 2; } else if (x >= 0.23164) { y = x - 0.461632144968; near = 1; }
  } else {
    if (x >= 1.7316) { y = 2.0 - x; near = 2; } else if (x >= 1.23) { y = x - 1.461632144968; near = 1; } else { y = x - 1.0; }
  }
  float z = y * y;
  if (near == 2) { return r + (y * ${poly("z", LG_A)} + z * ${poly("z", LG_B)} - 0.5 * y); }
  if (near == 0) { return r + (-0.5 * y + (y * ${poly("y", LG_U)}) / ${poly("y", LG_V)}); }
  float w = z * y;
  float q = z * ${poly("w", LG_T0)} + w * (${poly("w", LG_T1)} + y * ${poly("w", LG_T2)});
  return r + (-0.121486290535849611 + q);
}`,
  sc_lgamma_positive: `float sc_lgamma_positive(float x) {
  if (x == 1.0 || x == 2.0) { return 0.0; }
  if (x < 2.0) { return sc_lgamma_below2(x); }
  if (x < 8.0) {
    float whole = floor(x);
    float y = x - whole;
    float z = 1.0;
    for (float k = whole - 1.0; k >= 2.0; k = k - 1.0) { z = z * (y + k); }
    return 0.5 * y + (y * ${poly("y", LG_S)}) / ${poly("y", LG_R)} + sc_log(z);
  }
  float t = sc_log(x);
  float z = 1.0 / x;
  float s = z * z;
  return (x - 0.5) * (t - 1.0) + (0.4189385332 + z * ${poly("s", [0.08333333333, -0.00277777777, 0.0007936505586])});
}`,
  sc_lgamma: `float sc_lgamma(float x) {
  if (sc_isnan(x)) { return x; }
  if (sc_isinf(x)) { return sc_inf(); }
  if (x > 0.0) { return sc_lgamma_positive(x); }
  float distance = abs(x - roundEven(x));
  if (distance == 0.0) { return sc_inf(); }
  return sc_log(3.14159265 / abs(sc_sin(3.14159265 * distance) * x)) - sc_lgamma_positive(-x);
}`,
  sc_digamma: `float sc_digamma(float x) {
  if (sc_isnan(x)) { return x; }
  if (x == 0.0) { return sc_with_sign(sc_inf(), -x); }
  if (sc_isinf(x)) { return select(x, sc_nan(), x < 0.0); }
  float y = x;
  float sum = 0.0;
  if (x < 0.0) {
    // The distance to the next pole is exact, and the tangent has the same period.
    float distance = x - roundEven(x);
    if (distance == 0.0) { return sc_nan(); }
    sum = -3.14159265 / sc_tan(3.14159265 * distance);
    y = 1.0 - x;
  }
  for (; y < 10.0; y = y + 1.0) { sum = sum - 1.0 / y; }
  float z = 1.0 / (y * y);
  return sum + (sc_log(y) - 0.5 / y - z * ${poly("z", [1 / 12, -1 / 120, 1 / 252, -1 / 240])});
}`,
};
