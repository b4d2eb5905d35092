import { gradOf, noGrad } from "@sconce/autograd";
import { optionsOf, SconceError, Tensor, ValueError } from "@sconce/core";

/** Options of {@link clipGradNorm_}. */
export interface ClipGradNormOptions {
  /** Order of the norm, 2 by default; Infinity for the largest element. */
  readonly normType?: number;
  /** Throws if the norm is NaN or infinite; reads the norm, so it needs a device that can block. */
  readonly errorIfNonfinite?: boolean;
}

/**
 * Scales the gradients of all parameters in place so that their norm, taken as one vector, is at most `maxNorm`.
 * @returns the norm before, without dimensions.
 * @throws SconceError with `errorIfNonfinite` if the norm is not finite.
 * @example
 * loss.backward();
 * clipGradNorm_(net.parameters(), 1);
 * optimizer.step();
 */
export function clipGradNorm_(params: Tensor | Iterable<Tensor>, maxNorm: number, options: ClipGradNormOptions = {}): Tensor {
  const { normType, errorIfNonfinite } = optionsOf("clipGradNorm_", options, { normType: 2, errorIfNonfinite: false });
  const grads = gradsOf(params);
  if (grads.length === 0) throw new ValueError("clipGradNorm_: expected at least one parameter with a gradient; call backward() first");
  return noGrad(() => {
    const total = totalNorm(grads, normType);
    if (errorIfNonfinite && !Number.isFinite(total.itemSync())) {
      throw new SconceError(
        `clipGradNorm_: The total norm of order ${normType} for gradients is non-finite, so it cannot be clipped; ` +
          "set errorIfNonfinite: false to scale them all the same",
      );
    }
    const scale = total.add(1e-6).reciprocal().mul(maxNorm).clamp({ max: 1 });
    for (const grad of grads) grad.mul_(scale);
    return total;
  });
}

function totalNorm(grads: readonly Tensor[], normType: number): Tensor {
  if (normType === Number.POSITIVE_INFINITY) return grads.map((g) => g.abs().max()).reduce((a, b) => a.maximum(b));
  if (normType === 2)
    return grads
      .map((g) => g.square().sum())
      .reduce((a, b) => a.add(b))
      .sqrt();
  return grads
    .map((g) => g.abs().pow(normType).sum())
    .reduce((a, b) => a.add(b))
    .pow(1 / normType);
}

/**
 * Clamps every element of the gradients in place to `[-clipValue, clipValue]`.
 * @example
 * clipGradValue_(net.parameters(), 0.5);
 */
export function clipGradValue_(params: Tensor | Iterable<Tensor>, clipValue: number): void {
  noGrad(() => {
    for (const grad of gradsOf(params)) grad.clamp_({ min: -clipValue, max: clipValue });
  });
}

function gradsOf(params: Tensor | Iterable<Tensor>): Tensor[] {
  const list = params instanceof Tensor ? [params] : [...(params ?? [])];
  return list.map(gradOf).filter((g): g is Tensor => g !== null);
}
