import type { Tensor } from "@sconce/core";
import { where } from "./help.js";

/** Bernoulli numbers over powers of x in the asymptotic series of the trigamma function, from 1/x³ on. */
const SERIES: readonly number[] = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6];
const STEPS = 8;

/**
 * The derivative of digamma.
 *
 * Source: https://dlmf.nist.gov/5.15 (recurrence 5.15.5, reflection 5.15.6, series 5.15.8)
 */
export function trigamma(x: Tensor): Tensor {
  const left = x.lt(0.5);
  const right = where(left, x.neg().add(1), x);
  const value = trigammaRight(right);
  const sine = x.mul(Math.PI).sin();
  return where(
    left,
    sine
      .square()
      .reciprocal()
      .mul(Math.PI ** 2)
      .sub(value),
    value,
  );
}

/** For x >= 0.5: steps up to where the series converges. */
function trigammaRight(x: Tensor): Tensor {
  let sum = x.square().reciprocal();
  for (let i = 1; i < STEPS; i++) sum = sum.add(x.add(i).square().reciprocal());
  const far = x.add(STEPS).reciprocal();
  const square = far.square();
  let series = square.mul(SERIES[SERIES.length - 1]);
  for (let i = SERIES.length - 2; i >= 0; i--) series = series.add(SERIES[i]).mul(square);
  return sum.add(far).add(square.mul(0.5)).add(series.mul(far));
}
