/** Samples of gamma and Dirichlet distributions through which gradients flow. */
import { applyHost, defaultGenerator, finfo, type HostOp, NotSupportedError, type Tensor } from "@sconce/core";
import { drawGamma } from "./draw.js";

/** Samples, drawn before the op runs, so that it is a function of its input. */
interface Drawn {
  readonly samples: Float64Array;
}

const gammaOp: HostOp<Drawn> = {
  name: "StandardGamma",
  infer: ([alpha]) => [{ shape: alpha.shape, dtype: alpha.dtype }],
  run: (_, [out], { samples }) => out.data.set(samples as never),
  vjp: ([grad], { inputs: [alpha], params }) => [(grad as Tensor).mul(gammaSlope(alpha, params))],
};

const slopeOp: HostOp<Drawn> = {
  name: "StandardGammaGrad",
  infer: ([alpha]) => [{ shape: alpha.shape, dtype: alpha.dtype }],
  run: ([alpha], [out], { samples }) => {
    for (let i = 0; i < samples.length; i++) out.data[i] = standardGammaGrad(Number(alpha.data[i]), samples[i]) as never;
  },
  vjp: () => {
    throw new NotSupportedError("the derivative of StandardGammaGrad is not implemented: samples have first derivatives only");
  },
};

function gammaSlope(alpha: Tensor, drawn: Drawn): Tensor {
  return applyHost(slopeOp, [alpha], drawn)[0];
}

/** Samples of gamma distributions of rate 1, one for each concentration. */
export function standardGamma(alpha: Tensor): Tensor {
  const samples = drawAll(alpha);
  const { tiny } = finfo(alpha.dtype);
  return applyHost(gammaOp, [alpha], { samples: samples.map((x) => Math.max(tiny, x)) })[0];
}

function drawAll(alpha: Tensor): Float64Array {
  const generator = defaultGenerator();
  return Float64Array.from(alpha.detach().dataSync() as Float64Array, (a) => drawGamma(generator, a));
}

/** Gamma samples and their sums over rows, for the samples of Dirichlet distributions `[..., K]`. */
interface Rows extends Drawn {
  readonly sums: Float64Array;
}

const dirichletOp: HostOp<Rows> = {
  name: "Dirichlet",
  infer: ([alpha]) => [{ shape: alpha.shape, dtype: alpha.dtype }],
  run: (_, [out], { samples, sums }) => {
    const { eps, tiny } = finfo(out.dtype);
    const k = samples.length / sums.length;
    for (let i = 0; i < samples.length; i++)
      out.data[i] = Math.min(1 - eps / 2, Math.max(tiny, samples[i] / sums[Math.floor(i / k)])) as never;
  },
  vjp: ([grad], { inputs: [alpha], outputs: [x], params }) => {
    const g = grad as Tensor;
    const centred = g.sub(x.mul(g).sum(-1, { keepdim: true }));
    return [centred.mul(applyHost(rowSlopeOp, [alpha], params)[0])];
  },
};

const rowSlopeOp: HostOp<Rows> = {
  ...slopeOp,
  name: "DirichletGrad",
  run: ([alpha], [out], { samples, sums }) => {
    const k = samples.length / sums.length;
    for (let i = 0; i < samples.length; i++)
      out.data[i] = (standardGammaGrad(Number(alpha.data[i]), samples[i]) / sums[Math.floor(i / k)]) as never;
  },
} as HostOp<Rows>;

/** The smallest number of full precision. */
const SMALLEST = 2 ** -1022;

/** Samples of Dirichlet distributions, `[..., K]`: gamma samples divided by their sum. */
export function sampleDirichlet(alpha: Tensor): Tensor {
  // Of tiny concentrations all may round to 0, and 0 / 0 is no part of anything.
  const samples = drawAll(alpha).map((x) => Math.max(SMALLEST, x));
  const k = alpha.shape[alpha.ndim - 1];
  const sums = new Float64Array(samples.length / k);
  samples.forEach((x, i) => {
    sums[Math.floor(i / k)] += x;
  });
  return applyHost(dirichletOp, [alpha], { samples, sums })[0];
}

/**
 * How fast a sample of the gamma distribution of rate 1 grows with the concentration, at a fixed probability.
 *
 * Source: Figurnov, Mohamed and Mnih, https://arxiv.org/abs/1805.08498
 */
export function standardGammaGrad(alpha: number, x: number): number {
  if (x < 0.8) return seriesGrad(alpha, x);
  if (alpha > 8) return saddleGrad(alpha, x);
  return rationalGrad(alpha, x);
}

/** By the Taylor series of the distribution function near 0. */
function seriesGrad(alpha: number, x: number): number {
  let numerator = 1;
  let denominator = alpha;
  let series1 = numerator / denominator;
  let series2 = numerator / (denominator * denominator);
  for (let i = 1; i <= 5; i++) {
    numerator *= -x / i;
    denominator += 1;
    series1 += numerator / denominator;
    series2 += numerator / (denominator * denominator);
  }
  const power = x ** alpha;
  const density = x ** (alpha - 1) * Math.exp(-x);
  const slope = (Math.log(x) - digamma(alpha)) * power * series1 - power * series2;
  const result = -slope / density;
  return Number.isNaN(result) ? 0 : result;
}

/** By Rice's saddle-point expansion for a large concentration. */
function saddleGrad(alpha: number, x: number): number {
  if (0.9 * alpha <= x && x <= 1.1 * alpha) {
    const first = 1 + 24 * alpha * (1 + 12 * alpha);
    const second = 1440 * alpha * alpha + 6 * x * (53 - 120 * x) - (65 * x * x) / alpha + alpha * (107 + 3600 * x);
    return (first * second) / (1244160 * alpha ** 4);
  }
  const root = Math.sqrt(8 * alpha);
  const term2 = root / (alpha - x);
  const term3 = (x - alpha - alpha * Math.log(x / alpha)) ** -1.5;
  const both = x < alpha ? term2 - term3 : term2 + term3;
  const term1 = Math.log(x / alpha) * both - (Math.sqrt(2 / alpha) * (alpha + x)) / (alpha - x) ** 2;
  const stirling = 1 + (1 / (12 * alpha)) * (1 + 1 / (24 * alpha));
  return (-stirling * x * term1) / root;
}

const COEFFICIENTS = [
  [0.16009398, -0.094634809, 0.025146376, -0.0030648343, 1, 0.32668115, 0.10406089, 0.0014179084],
  [0.53487893, 0.1298071, 0.065735949, -0.0015649758, 0.16639465, 0.020070113, -0.0035938915, -0.00058392623],
  [0.040121004, -0.0065914022, -0.0026286047, -0.0013441777, 0.017050642, -0.0021309326, 0.00085092367, -1.5247877e-7],
];

/** By a rational approximation in the logarithms. */
function rationalGrad(alpha: number, x: number): number {
  const u = Math.log(x / alpha);
  const v = Math.log(alpha);
  const c = COEFFICIENTS[0].map((c0, i) => c0 + u * (COEFFICIENTS[1][i] + u * COEFFICIENTS[2][i]));
  const p = c[0] + v * (c[1] + v * (c[2] + v * c[3]));
  const q = c[4] + v * (c[5] + v * (c[6] + v * c[7]));
  return Math.exp(p / q);
}

/** The derivative of the logarithm of the gamma function, for positive numbers. */
function digamma(x: number): number {
  let shift = 0;
  let y = x;
  while (y < 6) shift += 1 / y++;
  const z = 1 / (y * y);
  const tail = z * (1 / 12 - z * (1 / 120 - z * (1 / 252 - z * (1 / 240 - z / 132))));
  return Math.log(y) - 0.5 / y - tail - shift;
}
