import type { Sizes } from "./tensor/movement.js";
import type { CovOptions, DiffOptions } from "./tensor/statistics.js";
import type { Tensor } from "./tensor/tensor.js";

/**
 * Differences of neighbours along `dim` (the last if left out), taken `n` times.
 * @throws ShapeError for a tensor without dimensions.
 */
export function diff(x: Tensor, options?: DiffOptions): Tensor {
  return x.diff(options);
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
