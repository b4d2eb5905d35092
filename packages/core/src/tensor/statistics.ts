import { apply, composite } from "../dispatch.js";
import { formatShape, ShapeError, ValueError } from "../errors.js";
import { broadcastStrides, contiguousStrides, normalizeDim } from "../shape.js";
import { add, constantLike, gt, inWide, requireFloat, where } from "./compose.js";
import { checkElements } from "./host.js";
import { LinalgOps } from "./linalg.js";
import { type Sizes, sizesOf } from "./movement.js";
import { vectorNorm } from "./norms.js";
import type { Tensor } from "./tensor.js";

/** What `diff` takes. */
export interface DiffOptions {
  /** How often to take differences. */
  readonly n?: number;
  readonly dim?: number;
  readonly prepend?: Tensor | null;
  readonly append?: Tensor | null;
}

/** What `cov` takes. */
export interface CovOptions {
  /** Subtracted from the number of observations in the divisor; 1 if left out. */
  readonly correction?: number;
  /** How often each observation was made. */
  readonly fweights?: Tensor | null;
  /** How much each observation counts. */
  readonly aweights?: Tensor | null;
}

/** Differences of neighbours along `dim`. */
export function difference(x: Tensor, dim: number): Tensor {
  const length = Math.max(x.shape[dim] - 1, 0);
  const high = x.narrow(dim, Math.min(1, x.shape[dim]), length);
  const low = x.narrow(dim, 0, length);
  return x.dtype === "bool" ? high.ne(low) : high.sub(low);
}

function checkWeights(name: string, weights: Tensor | null | undefined, observations: number, floating: boolean): void {
  if (weights == null) return;
  const fail = (message: string): never => {
    throw new ShapeError(`cov(): ${message}, got ${formatShape(weights.shape)} ${weights.dtype}`, { shapes: [weights.shape] });
  };
  if (weights.ndim > 1) fail(`expected ${name} to have one or fewer dimensions`);
  if (weights.isFloatingPoint() !== floating) fail(`expected ${name} to have ${floating ? "floating point" : "integral"} dtype`);
  if (weights.numel() !== observations)
    fail(`expected ${name} to have the same numel as there are observations in the input (${observations})`);
  checkElements(weights, (now) => {
    if (now.lt(0).any().itemSync()) throw new ValueError(`cov: ${name} cannot be negative`);
  });
}

function cov(input: Tensor, { correction = 1, fweights, aweights }: CovOptions): Tensor {
  if (input.ndim > 2) {
    throw new ShapeError(`cov(): expected input to have two or fewer dimensions but got an input with ${input.ndim} dimensions`, {
      shapes: [input.shape],
    });
  }
  if (input.dtype === "bool") throw new ValueError("cov(): bool dtype is not supported for input", { dtypes: [input.dtype] });
  const x = (input.isFloatingPoint() ? input : input.float()).reshape(input.ndim === 2 ? input.shape : [1, input.numel()]);
  const n = x.shape[1];
  checkWeights("fweights", fweights, n, false);
  checkWeights("aweights", aweights, n, true);
  const weights = fweights && aweights ? fweights.mul(aweights) : (fweights ?? aweights);
  const total = weights == null ? constantLike(x, n) : weights.sum().cast(x.dtype);
  const average = (weights == null ? x : x.mul(weights)).sum(1, { keepdim: true }).div(total);
  const lost = weights != null && aweights != null ? weights.mul(aweights).sum().div(total).mul(correction) : correction;
  const divisor = total.sub(lost).clampMin(0);
  const centred = x.sub(average);
  const weighted = weights == null ? centred : centred.mul(weights);
  const out = weighted.matmul(centred.t()).div(divisor);
  return out.squeeze();
}

/** Differences and covariances. */
export class StatisticsOps extends LinalgOps {
  /**
   * Differences of neighbours along `dim` (the last if left out), taken `n` times.
   * @throws ShapeError for a tensor without dimensions.
   * @example
   * tensor([1, 4, 9]).diff(); // tensor([3., 5.])
   */
  diff({ n = 1, dim = -1, prepend, append }: DiffOptions = {}): Tensor {
    if (this.ndim === 0) throw new ShapeError("diff: diff expects input to be at least one-dimensional, got []");
    const d = normalizeDim(dim, this.ndim, "diff");
    if (n === 0) return this.clone();
    const parts = [prepend, this.self, append].filter((t) => t != null);
    let out = parts.length === 1 ? this.self : apply("concat", parts, { dim: d }, "Cat");
    for (let i = 0; i < n; i++) out = difference(out, d);
    return out;
  }
  /**
   * Covariances of the rows of `[variables, observations]`.
   * @throws ShapeError if a weight does not fit.
   */
  cov(options: CovOptions = {}): Tensor {
    return cov(this.self, options);
  }

  /** Correlation coefficients of the rows of `[variables, observations]`. */
  corrcoef(): Tensor {
    const c = cov(this.self, {});
    if (c.ndim === 0) return c.div(c);
    const deviation = c.diagonal().sqrt();
    return c.div(deviation.unsqueeze(1)).div(deviation.unsqueeze(0)).clamp({ min: -1, max: 1 });
  }

  /** Slices along `dim` scaled down to a norm of at most `maxNorm`. @throws ShapeError for less than two dimensions. */
  renorm(p: number, dim: number, maxNorm: number): Tensor {
    requireFloat(this.self, "renorm", "expected a floating-point tensor");
    if (this.ndim < 2) {
      throw new ShapeError(`renorm: input needs at least 2 dimensions, got ${formatShape(this.shape)}`, {
        shapes: [this.shape],
      });
    }
    const d = normalizeDim(dim, this.ndim, "renorm");
    return composite("Renorm", [this.self], () => {
      const others = this.shape.map((_, i) => i).filter((i) => i !== d);
      return inWide(this.self, (x) => {
        const norm = vectorNorm(x, p, others, true);
        const factor = apply("div", [constantLike(norm, maxNorm), add(norm, 1e-7)], null);
        return apply("mul", [x, where(gt(norm, maxNorm), factor, 1)], null);
      });
    });
  }

  /** {@link renorm} in place. */
  renorm_(p: number, dim: number, maxNorm: number): Tensor {
    return this.assign(this.renorm(p, dim, maxNorm));
  }

  /** Sums over dimensions until the tensor has `shape`, which broadcasts to this one's. @throws ShapeError if it does not. */
  sumToSize(...size: Sizes): Tensor {
    const shape = sizesOf(size);
    const lead = this.ndim - shape.length;
    if (lead < 0 || shape.some((n, d) => n !== 1 && n !== this.shape[lead + d])) {
      throw new ShapeError(`sumToSize: size ${formatShape(shape)} is not expandable to size ${formatShape(this.shape)}`, {
        shapes: [this.shape, shape],
      });
    }
    const strides = broadcastStrides(shape, contiguousStrides(shape), this.shape);
    const dims = strides.map((_, d) => d).filter((d) => d < lead || (shape[d - lead] === 1 && this.shape[d] !== 1));
    return dims.length === 0 ? this.self : this.sum(dims, { keepdim: true }).reshape(shape);
  }
}
