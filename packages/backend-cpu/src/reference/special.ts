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
const PP = [
  1.28379167095512558561e-1, -3.2504210724700149937e-1, -2.84817495755985104766e-2, -5.77027029648944159157e-3, -2.37630166566501626084e-5,
];
const QQ = [
  1, 3.97917223959155352819e-1, 6.50222499887672944485e-2, 5.08130628187576562776e-3, 1.32494738004321644526e-4, -3.9602282787753681232e-6,
];
// 0.84375 <= |x| < 1.25
const ERX = 8.45062911510467529297e-1;
const PA = [
  -2.36211856075265944077e-3, 4.14856118683748331666e-1, -3.72207876035701323847e-1, 3.18346619901161753674e-1, -1.10894694282396677476e-1,
  3.54783043256182359371e-2, -2.166375594868790843e-3,
];
const QA = [
  1, 1.06420880400844228286e-1, 5.40397917702171048937e-1, 7.18286544141962662868e-2, 1.26171219808761642112e-1, 1.36370839120290507362e-2,
  1.1984499846799107417e-2,
];
// 1.25 <= |x| < 1 / 0.35
const RA = [
  -9.86494403484714822705e-3, -6.93858572707181764372e-1, -1.05586262253232909814e1, -6.23753324503260060396e1, -1.62396669462573470355e2,
  -1.84605092906711035994e2, -8.12874355063065934246e1, -9.81432934416914548592,
];
const SA = [
  1, 1.96512716674392571292e1, 1.376577541435190426e2, 4.34565877475229228821e2, 6.45387271733267880336e2, 4.29008140027567833386e2,
  1.08635005541779435134e2, 6.57024977031928170135, -6.04244152148580987438e-2,
];
// 1 / 0.35 <= |x| < 28
const RB = [
  -9.86494292470009928597e-3, -7.99283237680523006574e-1, -1.77579549177547519889e1, -1.60636384855821916062e2, -6.37566443368389627722e2,
  -1.02509513161107724954e3, -4.83519191608651397019e2,
];
const SB = [
  1, 3.03380607434824582924e1, 3.25792512996573918826e2, 1.53672958608443695994e3, 3.19985821950859553908e3, 2.55305040643316442583e3,
  4.74528541206955367215e2, -2.24409524465858183362e1,
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
    if (a < 2 ** -28) return x + 1.28379167095512586316e-1 * x;
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
  if (Number.isNaN(x)) return x;
  const a = Math.abs(x);
  if (a < 0.84375) {
    const z = x * x;
    const y = poly(z, PP) / poly(z, QQ);
    return x < 0.25 ? 1 - (x + x * y) : 0.5 - (x - 0.5 + x * y);
  }
  if (a < 1.25) {
    const ratio = poly(a - 1, PA) / poly(a - 1, QA);
    return x >= 0 ? 1 - ERX - ratio : 1 + (ERX + ratio);
  }
  if (a < 28) return x > 0 ? erfcTail(a) : x < -6 ? 2 : 2 - erfcTail(a);
  return x > 0 ? 0 : 2;
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

const LG_A = [
  7.72156649015328655494e-2, 6.73523010531292681824e-2, 7.38555086081402883957e-3, 1.19270763183362067845e-3, 2.20862790713908385557e-4,
  2.52144565451257326939e-5,
];
const LG_B = [
  3.22467033424113591611e-1, 2.05808084325167332806e-2, 2.89051383673415629091e-3, 5.10069792153511336608e-4, 1.08011567247583939954e-4,
  4.4864094961891516015e-5,
];
const LG_TC = 1.46163214496836224576;
const LG_TF = -1.21486290535849611461e-1;
const LG_TT = -3.63867699703950536541e-18;
const LG_T0 = [
  4.83836122723810047042e-1, -3.27885410759859649565e-2, 6.10053870246291332635e-3, -1.40346469989232843813e-3, 3.15632070903625950361e-4,
];
const LG_T1 = [
  -1.47587722994593911752e-1, 1.79706750811820387126e-2, -3.6845201678113825676e-3, 8.81081882437654011382e-4, -3.12754168375120860518e-4,
];
const LG_T2 = [
  6.46249402391333854778e-2, -1.0314224129834143745e-2, 2.2596478090061247225e-3, -5.38595305356740546715e-4, 3.35529192635519073543e-4,
];
const LG_U = [
  -7.72156649015328655494e-2, 6.32827064025093366517e-1, 1.45492250137234768737, 9.77717527963372745603e-1, 2.28963728064692451092e-1,
  1.33810918536787660377e-2,
];
const LG_V = [
  1, 2.45597793713041134822, 2.12848976379893395361, 7.69285150456672783825e-1, 1.04222645593369134254e-1, 3.2170924228242391181e-3,
];
const LG_S = [
  -7.72156649015328655494e-2, 2.14982415960608852501e-1, 3.25778796408930981787e-1, 1.46350472652464452805e-1, 2.6642270303363860956e-2,
  1.84028451407337715652e-3, 3.19475326584100867617e-5,
];
const LG_R = [
  1, 1.39200533467621045958, 7.21935547567138069525e-1, 1.71933865632803078993e-1, 1.86459191715652901344e-2, 7.77942496381893596434e-4,
  7.32668430744625636189e-6,
];
const LG_W = [
  8.33333333333329678849e-2, -2.7777777772877553647e-3, 7.936505586430195585e-4, -5.95187557450339963135e-4, 8.36339918996282139126e-4,
  -1.63092934096575273989e-3,
];

/** lgamma on (0, 2): `y` is the distance to 1, to the minimum near 1.46, or to 2. */
function lgammaBelow2(x: number): number {
  let r = 0;
  let near: 1 | 1.46 | 2;
  let y: number;
  if (x <= 0.9) {
    r = -Math.log(x);
    near = x >= 0.7316 ? 2 : x >= 0.23164 ? 1.46 : 1;
    y = near === 2 ? 1 - x : near === 1.46 ? x - (LG_TC - 1) : x;
  } else {
    near = x >= 1.7316 ? 2 : x >= 1.23 ? 1.46 : 1;
    y = near === 2 ? 2 - x : near === 1.46 ? x - LG_TC : x - 1;
  }
  if (near === 2) return r + (y * poly(y * y, LG_A) + y * y * poly(y * y, LG_B) - 0.5 * y);
  if (near === 1) return r + (-0.5 * y + (y * poly(y, LG_U)) / poly(y, LG_V));
  const z = y * y;
  const w = z * y;
  const p = z * poly(w, LG_T0) - (LG_TT - w * (poly(w, LG_T1) + y * poly(w, LG_T2)));
  return r + (LG_TF + p);
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
  if (x < 2) return lgammaBelow2(x);
  if (x < 8) {
    const whole = Math.floor(x);
    const y = x - whole;
    let z = 1;
    for (let k = whole - 1; k >= 2; k--) z *= y + k;
    return 0.5 * y + (y * poly(y, LG_S)) / poly(y, LG_R) + Math.log(z);
  }
  const t = Math.log(x);
  if (x >= 2 ** 58) return x * (t - 1);
  const z = 1 / x;
  return (x - 0.5) * (t - 1) + (4.18938533204672725052e-1 + z * poly(z * z, LG_W));
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
