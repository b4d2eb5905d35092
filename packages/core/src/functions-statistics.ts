import type { Sizes } from "./tensor/movement.js";
import type { CovOptions, DiffOptions, Histogram, HistogramOptions, TrapezoidOptions } from "./tensor/statistics.js";
import type { Tensor } from "./tensor/tensor.js";

/**
 * Differences of neighbours along `dim` (the last if left out), taken `n` times.
 * @throws ShapeError for a tensor without dimensions.
 */
export function diff(x: Tensor, options?: DiffOptions): Tensor {
  return x.diff(options);
}

/** Integral along `dim` (the last if left out) by the trapezoidal rule. */
export function trapezoid(x: Tensor, options?: TrapezoidOptions): Tensor {
  return x.trapezoid(options);
}

/** Running integral along `dim` (the last if left out) by the trapezoidal rule. */
export function cumulativeTrapezoid(x: Tensor, options?: TrapezoidOptions): Tensor {
  return x.cumulativeTrapezoid(options);
}

/** Covariances of the rows of `[variables, observations]`. @throws ShapeError if a weight does not fit. */
export function cov(x: Tensor, options?: CovOptions): Tensor {
  return x.cov(options);
}

/** Correlation coefficients of the rows of `[variables, observations]`. */
export function corrcoef(x: Tensor): Tensor {
  return x.corrcoef();
}

/** Slices along `dim` scaled down to a norm of at most `maxNorm`. @throws ShapeError for less than two dimensions. */
export function renorm(x: Tensor, p: number, dim: number, maxNorm: number): Tensor {
  return x.renorm(p, dim, maxNorm);
}

/** Sums over dimensions until the tensor has `shape`, which broadcasts to this one's. @throws ShapeError if it does not. */
export function sumToSize(x: Tensor, ...size: Sizes): Tensor {
  return x.sumToSize(...size);
}

/**
 * Counts, or sums of weights, between edges: a number of equal intervals, or ascending edges.
 * @throws ValueError if the range is not finite.
 */
export function histogram(x: Tensor, bins: number | Tensor, options?: HistogramOptions): Histogram {
  return x.histogram(bins, options);
}

/** All choices of `r` elements of a vector, one a row. @throws ShapeError unless 1-d. */
export function combinations(x: Tensor, options?: { readonly r?: number; readonly withReplacement?: boolean }): Tensor {
  return x.combinations(options);
}
