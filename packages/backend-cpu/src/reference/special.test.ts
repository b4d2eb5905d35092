import { describe, expect, it } from "vitest";
import { digamma, erf, erfc, erfinv, lgamma } from "./special.js";

/** Fails unless `got` is within `bound` of `want`, relative to it. */
function near(got: number, want: number, bound: number): void {
  if (!(Math.abs(got - want) <= bound * Math.abs(want))) expect.fail(`got ${got}, want ${want}`);
}

describe("special functions in double precision", () => {
  it("erf and erfc have the known values", () => {
    for (const [x, y] of [
      [0.1, 0.1124629160182849],
      [0.5, 0.5204998778130465],
      [1, 0.8427007929497149],
      [2, 0.9953222650189527],
    ]) {
      near(erf(x), y, 4e-16);
      near(erf(-x), -y, 4e-16);
      near(erfc(x), 1 - y, 4e-14);
    }
    near(erfc(3), 2.2090496998585441e-5, 1e-15);
    near(erfc(10), 2.088487583762545e-45, 1e-14);
    expect([erf(7), erf(-7), erfc(30), erfc(-30), erf(Number.NaN)]).toEqual([1, -1, 0, 2, Number.NaN]);
  });

  it("erfinv undoes erf", () => {
    for (const x of [1e-12, 0.01, 0.3, 0.7, 1.1, 2, 3]) near(erfinv(erf(x)), x, 2e-12);
    near(erfinv(0.9), 1.1630871536766743, 4e-16);
    near(erfinv(-0.5), -0.4769362762044699, 4e-16);
    expect([erfinv(1), erfinv(-1), erfinv(1.5)]).toEqual([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]);
  });

  it("lgamma is the logarithm of factorials and follows the recurrence everywhere", () => {
    let factorial = 1;
    for (let n = 1; n <= 20; n++) {
      if (n > 2) near(lgamma(n), Math.log(factorial), 2e-15);
      factorial *= n;
    }
    near(lgamma(0.5), 0.5 * Math.log(Math.PI), 2e-15);
    near(lgamma(0.3), 1.0957979948180756, 2e-15);
    near(lgamma(-1.5), 0.860047015376481, 2e-15);
    for (const x of [1e-5, 0.2, 0.5, 0.8, 1.1, 1.3, 1.6, 1.9, 3.3, 7.9, 8.1, 50]) {
      expect(Math.abs(lgamma(x + 1) - lgamma(x) - Math.log(x))).toBeLessThan(3e-14);
    }
    // Next to its zeros, to a few units in the last place of 1.
    for (const [x, y] of [
      [1.0009765625, -0.0005629031799917472],
      [0.9990234375, 0.0005644719118551578],
      [2.0009765625, 0.00041318279306379324],
      [1.9990234375, -0.0004125677359712032],
      [1.4599609375, -0.12148493852391606],
    ])
      expect(Math.abs(lgamma(x) - y)).toBeLessThan(1e-15);
    expect([lgamma(1), lgamma(2), lgamma(0), lgamma(-3)]).toEqual([0, 0, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
  });

  it("digamma has the known values and follows the recurrence", () => {
    near(digamma(1), -0.5772156649015329, 2e-15);
    near(digamma(0.5), -1.9635100260214235, 2e-15);
    near(digamma(-1.5), 0.7031566406452432, 4e-15);
    for (const x of [0.1, 0.7, 2.5, 9.9, 30])
      expect(Math.abs(digamma(x + 1) - digamma(x) - 1 / x)).toBeLessThan(2e-15 * Math.max(4, 1 / x));
    expect([digamma(0), digamma(-0), digamma(-2)]).toEqual([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN]);
  });
});
