import type { Tensor } from "@sconce/core";
import { avgPool1d, avgPool2d, avgPool3d, type Spatial } from "@sconce/core/nn";

export {
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  adaptiveMaxPool3d,
  avgPool1d,
  avgPool2d,
  avgPool3d,
  maxPool1d,
  maxPool2d,
  maxPool3d,
  maxUnpool1d,
  maxUnpool2d,
  maxUnpool3d,
  poolOptions,
  type WithIndices,
} from "@sconce/core/nn";

/** Settings of the power-average pools. */
export interface LpPoolOptions {
  readonly stride?: Spatial | null;
  readonly ceilMode?: boolean;
}

/** `(sum of x ^ normType) ^ (1 / normType)` of every window of `[N, C, L]`. */
export function lpPool1d(input: Tensor, normType: number, kernelSize: Spatial, options: LpPoolOptions = {}): Tensor {
  return lpRoot(avgPool1d(input.pow(normType), kernelSize, options), normType, kernelSize, 1);
}

/** `(sum of x ^ normType) ^ (1 / normType)` of every window of `[N, C, H, W]`. */
export function lpPool2d(input: Tensor, normType: number, kernelSize: Spatial, options: LpPoolOptions = {}): Tensor {
  return lpRoot(avgPool2d(input.pow(normType), kernelSize, options), normType, kernelSize, 2);
}

/** `(sum of x ^ normType) ^ (1 / normType)` of every window of `[N, C, D, H, W]`. */
export function lpPool3d(input: Tensor, normType: number, kernelSize: Spatial, options: LpPoolOptions = {}): Tensor {
  return lpRoot(avgPool3d(input.pow(normType), kernelSize, options), normType, kernelSize, 3);
}

function lpRoot(mean: Tensor, normType: number, kernelSize: Spatial, n: number): Tensor {
  const size = typeof kernelSize === "number" ? kernelSize ** n : kernelSize.reduce((a, b) => a * b, 1);
  return mean
    .sign()
    .mul(mean.abs().relu())
    .mul(size)
    .pow(1 / normType);
}
