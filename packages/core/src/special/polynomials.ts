import type { TensorOrScalar } from "../promotion.js";
import type { Tensor } from "../tensor/tensor.js";
import { hostFunction } from "./define.js";

/** Orthogonal polynomials of x, of degree n element by element. */
type Polynomial = (x: TensorOrScalar, n: TensorOrScalar) => Tensor;

/** One step of a recurrence: polynomial k + 1 from the two before it. */
type Step = (x: number, k: number, p: number, before: number) => number;

/** Higher degrees give NaN: their recurrence has lost all digits. */
const MOST = 2 ** 24;

/** The polynomial of degree n by its recurrence; 0 for a negative degree. */
function recurrence(name: string, first: (x: number) => number, step: Step, at: (x: number) => number = (x) => x): Polynomial {
  return hostFunction(name, ([given, degree], round) => {
    const x = round(at(given));
    const n = Math.trunc(degree);
    // As in PyTorch, what no integer holds counts as negative.
    if (!(n >= 0 && n < 2 ** 63)) return 0;
    if (n > MOST) return Number.NaN;
    let [before, p] = [1, n === 0 ? 1 : first(x)];
    for (let k = 1; k < n && !Number.isNaN(p); k++) [before, p] = [p, round(step(x, k, p, before))];
    return p;
  });
}

const doubling: Step = (x, _k, p, before) => 2 * x * p - before;
const shifted = (x: number): number => 2 * x - 1;

/** Chebyshev polynomials of the first kind. Runs on the host. Source: https://dlmf.nist.gov/18.3 */
export const chebyshevPolynomialT: Polynomial = recurrence("chebyshevPolynomialT", (x) => x, doubling);
/** Chebyshev polynomials of the second kind. Runs on the host. Source: https://dlmf.nist.gov/18.3 */
export const chebyshevPolynomialU: Polynomial = recurrence("chebyshevPolynomialU", (x) => 2 * x, doubling);
/** Chebyshev polynomials of the third kind. Runs on the host. Source: https://dlmf.nist.gov/18.3 */
export const chebyshevPolynomialV: Polynomial = recurrence("chebyshevPolynomialV", (x) => 2 * x - 1, doubling);
/** Chebyshev polynomials of the fourth kind. Runs on the host. Source: https://dlmf.nist.gov/18.3 */
export const chebyshevPolynomialW: Polynomial = recurrence("chebyshevPolynomialW", (x) => 2 * x + 1, doubling);
/** {@link chebyshevPolynomialT} of `2 x - 1`. */
export const shiftedChebyshevPolynomialT: Polynomial = recurrence("shiftedChebyshevPolynomialT", (x) => x, doubling, shifted);
/** {@link chebyshevPolynomialU} of `2 x - 1`. */
export const shiftedChebyshevPolynomialU: Polynomial = recurrence("shiftedChebyshevPolynomialU", (x) => 2 * x, doubling, shifted);
/** {@link chebyshevPolynomialV} of `2 x - 1`. */
export const shiftedChebyshevPolynomialV: Polynomial = recurrence("shiftedChebyshevPolynomialV", (x) => 2 * x - 1, doubling, shifted);
/** {@link chebyshevPolynomialW} of `2 x - 1`. */
export const shiftedChebyshevPolynomialW: Polynomial = recurrence("shiftedChebyshevPolynomialW", (x) => 2 * x + 1, doubling, shifted);
/** Hermite polynomials as physicists write them. Runs on the host. Source: https://dlmf.nist.gov/18.3 */
export const hermitePolynomialH: Polynomial = recurrence(
  "hermitePolynomialH",
  (x) => 2 * x,
  (x, k, p, before) => 2 * (x * p - k * before),
);
/** Hermite polynomials as probabilists write them. Runs on the host. Source: https://dlmf.nist.gov/18.3 */
export const hermitePolynomialHe: Polynomial = recurrence(
  "hermitePolynomialHe",
  (x) => x,
  (x, k, p, before) => x * p - k * before,
);
/** Laguerre polynomials. Runs on the host. Source: https://dlmf.nist.gov/18.3 */
export const laguerrePolynomialL: Polynomial = recurrence(
  "laguerrePolynomialL",
  (x) => 1 - x,
  (x, k, p, before) => ((2 * k + 1 - x) * p - k * before) / (k + 1),
);
/** Legendre polynomials. Runs on the host. Source: https://dlmf.nist.gov/18.3 */
export const legendrePolynomialP: Polynomial = recurrence(
  "legendrePolynomialP",
  (x) => x,
  (x, k, p, before) => ((2 * k + 1) * x * p - k * before) / (k + 1),
);
