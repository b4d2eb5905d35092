/**
 * Special functions in double precision.
 *
 * Sources: erf, erfc and lgamma after fdlibm (s_erf.c, e_lgamma_r.c; Sun Microsystems, 1993); digamma by recurrence and its
 * asymptotic series; the start of erfinv after Giles' and PyTorch's rational approximation, refined by Newton steps.
 *
 * @module
 */

/** Polynomial with coefficients from the lowest power up. */
function poly(x: number, c: readonly number[]): number {
  let y = c[c.length - 1];
  for (let i = c.length - 2; i >= 0; i--) y = y * x + c[i];
  return y;
}

// |x| < 0.84375
const PP = [0.12837916709551256, -0.3250421072470015, -0.02848174957559851, -0.005770270296489442, -2.3763016656650163e-5];
const QQ = [1, 0.39791722395915535, 0.0650222499887673, 0.005081306281875766, 0.00013249473800432164, -3.960228278775368e-6];
// 0.84375 <= |x| < 1.25
const ERX = 0.8450629115104675;
const PA = [
  -0.0023621185607526594, 0.41485611868374833, -0.3722078760357013, 0.31834661990116175, -0.11089469428239668, 0.035478304325618236,
  -0.002166375594868791,
];
const QA = [1, 0.10642088040084423, 0.540397917702171, 0.07182865441419627, 0.12617121980876164, 0.01363708391202905, 0.011984499846799107];
// 1.25 <= |x| < 1 / 0.35
const RA = [
  -0.009864944034847148, -0.6938585727071818, -10.558626225323291, -62.375332450326006, -162.39666946257347, -184.60509290671104,
  -81.2874355063066, -9.814329344169145,
];
const SA = [
  1, 19.651271667439257, 137.65775414351904, 434.56587747522923, 645.3872717332679, 429.00814002756783, 108.63500554177944,
  6.570249770319282, -0.0604244152148581,
];
// 1 / 0.35 <= |x| < 28
const RB = [
  -0.0098649429247001, -0.799283237680523, -17.757954917754752, -160.63638485582192, -637.5664433683896, -1025.0951316110772,
  -483.5191916086514,
];
const SB = [
  1, 30.33806074348246, 325.7925129965739, 1536.729586084437, 3199.8582195085955, 2553.0504064331644, 474.52854120695537,
  -22.44095244658582,
];

const bits = new DataView(new ArrayBuffer(8));

/** erfc(x) for x >= 1.25. */
function erfcTail(x: number): number {
  const s = 1 / (x * x);
  const ratio = x < 1 / 0.35 ? poly(s, RA) / poly(s, SA) : poly(s, RB) / poly(s, SB);
  // x with its low word cleared, so that z * z is exact.
  bits.setFloat64(0, x);
  bits.setUint32(4, 0);
  const z = bits.getFloat64(0);
  return (Math.exp(-z * z - 0.5625) * Math.exp((z - x) * (z + x) + ratio)) / x;
}

/** The error function. */
export function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  const a = Math.abs(x);
  if (a < 0.84375) {
    if (a < 2 ** -28) return x + 0.1283791670955126 * x;
    const z = x * x;
    return x + x * (poly(z, PP) / poly(z, QQ));
  }
  let y = 1;
  if (a < 1.25) y = ERX + poly(a - 1, PA) / poly(a - 1, QA);
  else if (a < 6) y = 1 - erfcTail(a);
  return x < 0 ? -y : y;
}

/** The complementary error function 1 - erf(x), accurate where it is small. */
export function erfc(x: number): number {
  return x >= 28 ? 0 : x >= 1.25 ? erfcTail(x) : 1 - erf(x);
}

const INV_A = [0.886226899, -1.645349621, 0.914624893, -0.140543331];
const INV_B = [1, -2.118377725, 1.442710462, -0.329097515, 0.012229801];
const INV_C = [-1.970840454, -1.624906493, 3.429567803, 1.641345311];
const INV_D = [1, 3.5438892, 1.6370678];

/** The inverse of erf. */
export function erfinv(y: number): number {
  const a = Math.abs(y);
  if (!(a <= 1)) return Number.NaN;
  if (a === 1) return y * Number.POSITIVE_INFINITY;
  let x: number;
  if (a <= 0.7) x = (y * poly(y * y, INV_A)) / poly(y * y, INV_B);
  else {
    const z = Math.sqrt(-Math.log((1 - a) / 2));
    x = (Math.sign(y) * poly(z, INV_C)) / poly(z, INV_D);
  }
  for (let i = 0; i < 2; i++) {
    // Near 1 the difference is taken on the complement, where it keeps its digits.
    const error = a < 0.5 ? erf(x) - y : Math.sign(y) * (1 - a - erfc(Math.abs(x)));
    x -= error / ((2 / Math.sqrt(Math.PI)) * Math.exp(-x * x));
  }
  return x;
}

const LG_S = [
  -0.07721566490153287, 0.21498241596060885, 0.325778796408931, 0.14635047265246445, 0.02664227030336386, 0.0018402845140733772,
  3.194753265841009e-5,
];
const LG_R = [
  1, 1.3920053346762105, 0.7219355475671381, 0.17193386563280308, 0.01864591917156529, 0.0007779424963818936, 7.326684307446256e-6,
];
const LG_W = [
  0.08333333333333297, -0.0027777777772877554, 0.0007936505586430196, -0.00059518755745034, 0.0008363399189962821, -0.0016309293409657527,
];

/** lgamma(2 + y) for y from 0 to 1. */
function lgammaFrom2(y: number): number {
  return 0.5 * y + (y * poly(y, LG_S)) / poly(y, LG_R);
}

/** Logarithm of the absolute value of the gamma function. */
export function lgamma(x: number): number {
  if (!Number.isFinite(x)) return x * x;
  if (x <= 0) {
    if (Number.isInteger(x)) return Number.POSITIVE_INFINITY;
    if (x > -(2 ** -60)) return -Math.log(-x);
    const fraction = x - Math.floor(x);
    return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * fraction) * x)) - lgamma(-x);
  }
  if (x === 1 || x === 2) return 0;
  if (x < 1) return lgammaFrom2(x) - Math.log1p(x) - Math.log(x);
  if (x < 2) return lgammaFrom2(x - 1) - Math.log1p(x - 1);
  if (x < 8) {
    const whole = Math.floor(x);
    const y = x - whole;
    let z = 1;
    for (let k = whole - 1; k >= 2; k--) z *= y + k;
    return lgammaFrom2(y) + Math.log(z);
  }
  const t = Math.log(x);
  if (x >= 2 ** 58) return x * (t - 1);
  const z = 1 / x;
  return (x - 0.5) * (t - 1) + (0.4189385332046727 + z * poly(z * z, LG_W));
}

/** B(2k) / 2k of the asymptotic series. */
const PSI = [1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12];

/** Derivative of lgamma. */
export function digamma(x: number): number {
  if (x === 0) return Object.is(x, -0) ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  if (x < 0) {
    if (Number.isInteger(x) || x === Number.NEGATIVE_INFINITY) return Number.NaN;
    return digamma(1 - x) - Math.PI / Math.tan(Math.PI * (x % 1));
  }
  let sum = 0;
  let y = x;
  for (; y < 10; y++) sum -= 1 / y;
  const z = 1 / (y * y);
  return sum + Math.log(y) - 0.5 / y - z * poly(z, PSI);
}
