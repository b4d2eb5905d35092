import { composite } from "./dispatch.js";
import { formatShape } from "./errors.js";
import { broadcast, normalizeDims } from "./shape.js";
import { inWide, requireFloat, requireSameDType, sub, unsqueezeAt } from "./tensor/compose.js";
import { refuse } from "./tensor/linalg.js";
import { vectorNorm } from "./tensor/norms.js";
import type { Tensor } from "./tensor/tensor.js";

/**
 * Distances between rows: `[..., P, M]` and `[..., R, M]` to `[..., P, R]`, with the gradient 0 where a distance is 0.
 * @throws ShapeError if the last sizes differ.
 */
export function cdist(x: Tensor, other: Tensor, { p = 2 }: { readonly p?: number } = {}): Tensor {
  requireFloat(x, "cdist", "cdist only supports floating-point dtypes");
  if (x.ndim < 2 || other.ndim < 2 || x.shape[x.ndim - 1] !== other.shape[other.ndim - 1]) {
    refuse(
      "cdist",
      `X1 and X2 must have the same number of columns and at least two dimensions, got ${formatShape(x.shape)} and ${formatShape(other.shape)}`,
      x,
      other,
    );
  }
  requireSameDType("cdist", x, other);
  return composite("CdistForward", [x, other], () => {
    broadcast(x.shape.slice(0, -2), other.shape.slice(0, -2), "cdist");
    return inWide(x, (y, widen) => {
      const difference = sub(unsqueezeAt(y, y.ndim - 1), unsqueezeAt(widen(other), other.ndim - 2));
      return vectorNorm(difference, p, normalizeDims(-1, difference.ndim, "cdist"), false);
    });
  });
}
