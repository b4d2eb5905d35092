import type { AdaptiveSize, AvgPoolOptions, MaxPoolOptions, MaxUnpoolOptions, Spatial, Tensor, ValuesIndices } from "@sconce/core";

/** Options that ask for the positions of the maxima too. */
export type WithIndices = { readonly returnIndices: true };

/** A stride may stand in place of the options. */
export function poolOptions<O extends { readonly stride?: Spatial | null }>(options: Spatial | O): O {
  return typeof options === "number" || Array.isArray(options) ? ({ stride: options } as unknown as O) : (options as O);
}

/**
 * The largest element of every window of `[N, C, L]`, or without N; the stride is the kernel's size unless given.
 * @throws ShapeError if a window does not fit.
 */
export function maxPool1d(input: Tensor, kernelSize: Spatial, options: MaxPoolOptions & WithIndices): ValuesIndices;
export function maxPool1d(input: Tensor, kernelSize: Spatial, options?: Spatial | MaxPoolOptions): Tensor;
export function maxPool1d(input: Tensor, kernelSize: Spatial, options: Spatial | MaxPoolOptions = {}): Tensor | ValuesIndices {
  return input.maxPool1d(kernelSize, poolOptions(options));
}

/**
 * The largest element of every window of `[N, C, H, W]`, or without N; the stride is the kernel's size unless given.
 * @throws ShapeError if a window does not fit.
 * @example
 * F.maxPool2d(randn([4, 6, 28, 28]), 2); // [4, 6, 14, 14]
 */
export function maxPool2d(input: Tensor, kernelSize: Spatial, options: MaxPoolOptions & WithIndices): ValuesIndices;
export function maxPool2d(input: Tensor, kernelSize: Spatial, options?: Spatial | MaxPoolOptions): Tensor;
export function maxPool2d(input: Tensor, kernelSize: Spatial, options: Spatial | MaxPoolOptions = {}): Tensor | ValuesIndices {
  return input.maxPool2d(kernelSize, poolOptions(options));
}

/**
 * The largest element of every window of `[N, C, D, H, W]`, or without N; the stride is the kernel's size unless given.
 * @throws ShapeError if a window does not fit.
 */
export function maxPool3d(input: Tensor, kernelSize: Spatial, options: MaxPoolOptions & WithIndices): ValuesIndices;
export function maxPool3d(input: Tensor, kernelSize: Spatial, options?: Spatial | MaxPoolOptions): Tensor;
export function maxPool3d(input: Tensor, kernelSize: Spatial, options: Spatial | MaxPoolOptions = {}): Tensor | ValuesIndices {
  return input.maxPool3d(kernelSize, poolOptions(options));
}

/** The mean of every window of `[N, C, L]`, or without N; the stride is the kernel's size unless given. */
export function avgPool1d(input: Tensor, kernelSize: Spatial, options: Spatial | AvgPoolOptions = {}): Tensor {
  return input.avgPool1d(kernelSize, poolOptions(options));
}

/** The mean of every window of `[N, C, H, W]`, or without N; the stride is the kernel's size unless given. */
export function avgPool2d(input: Tensor, kernelSize: Spatial, options: Spatial | AvgPoolOptions = {}): Tensor {
  return input.avgPool2d(kernelSize, poolOptions(options));
}

/** The mean of every window of `[N, C, D, H, W]`, or without N; the stride is the kernel's size unless given. */
export function avgPool3d(input: Tensor, kernelSize: Spatial, options: Spatial | AvgPoolOptions = {}): Tensor {
  return input.avgPool3d(kernelSize, poolOptions(options));
}

/** Means of windows that give a result of `outputSize`; null keeps the size of the input. */
export function adaptiveAvgPool1d(input: Tensor, outputSize: AdaptiveSize): Tensor {
  return input.adaptiveAvgPool1d(outputSize);
}

/** Means of windows that give a result of `outputSize`; null keeps the size of the input. */
export function adaptiveAvgPool2d(input: Tensor, outputSize: AdaptiveSize): Tensor {
  return input.adaptiveAvgPool2d(outputSize);
}

/** Means of windows that give a result of `outputSize`; null keeps the size of the input. */
export function adaptiveAvgPool3d(input: Tensor, outputSize: AdaptiveSize): Tensor {
  return input.adaptiveAvgPool3d(outputSize);
}

/** Largest elements of windows that give a result of `outputSize`; null keeps the size of the input. */
export function adaptiveMaxPool1d(input: Tensor, outputSize: AdaptiveSize, options: WithIndices): ValuesIndices;
export function adaptiveMaxPool1d(input: Tensor, outputSize: AdaptiveSize, options?: { readonly returnIndices?: boolean }): Tensor;
export function adaptiveMaxPool1d(
  input: Tensor,
  outputSize: AdaptiveSize,
  { returnIndices = false }: { readonly returnIndices?: boolean } = {},
): Tensor | ValuesIndices {
  return returnIndices ? input.adaptiveMaxPool1d(outputSize, { returnIndices }) : input.adaptiveMaxPool1d(outputSize);
}

/** Largest elements of windows that give a result of `outputSize`; null keeps the size of the input. */
export function adaptiveMaxPool2d(input: Tensor, outputSize: AdaptiveSize, options: WithIndices): ValuesIndices;
export function adaptiveMaxPool2d(input: Tensor, outputSize: AdaptiveSize, options?: { readonly returnIndices?: boolean }): Tensor;
export function adaptiveMaxPool2d(
  input: Tensor,
  outputSize: AdaptiveSize,
  { returnIndices = false }: { readonly returnIndices?: boolean } = {},
): Tensor | ValuesIndices {
  return returnIndices ? input.adaptiveMaxPool2d(outputSize, { returnIndices }) : input.adaptiveMaxPool2d(outputSize);
}

/** Largest elements of windows that give a result of `outputSize`; null keeps the size of the input. */
export function adaptiveMaxPool3d(input: Tensor, outputSize: AdaptiveSize, options: WithIndices): ValuesIndices;
export function adaptiveMaxPool3d(input: Tensor, outputSize: AdaptiveSize, options?: { readonly returnIndices?: boolean }): Tensor;
export function adaptiveMaxPool3d(
  input: Tensor,
  outputSize: AdaptiveSize,
  { returnIndices = false }: { readonly returnIndices?: boolean } = {},
): Tensor | ValuesIndices {
  return returnIndices ? input.adaptiveMaxPool3d(outputSize, { returnIndices }) : input.adaptiveMaxPool3d(outputSize);
}

/** Puts pooled values back at the positions that `maxPool1d` returned, among zeros. */
export function maxUnpool1d(input: Tensor, indices: Tensor, kernelSize: Spatial, options: MaxUnpoolOptions = {}): Tensor {
  return input.maxUnpool1d(indices, kernelSize, options);
}

/** Puts pooled values back at the positions that `maxPool2d` returned, among zeros. */
export function maxUnpool2d(input: Tensor, indices: Tensor, kernelSize: Spatial, options: MaxUnpoolOptions = {}): Tensor {
  return input.maxUnpool2d(indices, kernelSize, options);
}

/** Puts pooled values back at the positions that `maxPool3d` returned, among zeros. */
export function maxUnpool3d(input: Tensor, indices: Tensor, kernelSize: Spatial, options: MaxUnpoolOptions = {}): Tensor {
  return input.maxUnpool3d(indices, kernelSize, options);
}
/** Settings of the power-average pools. */
export interface LpPoolOptions {
  readonly stride?: Spatial | null;
  readonly ceilMode?: boolean;
}

/** `(sum of x ^ normType) ^ (1 / normType)` of every window of `[N, C, L]`. */
export function lpPool1d(input: Tensor, normType: number, kernelSize: Spatial, options: LpPoolOptions = {}): Tensor {
  return lpRoot(input.pow(normType).avgPool1d(kernelSize, options), normType, kernelSize, 1);
}

/** `(sum of x ^ normType) ^ (1 / normType)` of every window of `[N, C, H, W]`. */
export function lpPool2d(input: Tensor, normType: number, kernelSize: Spatial, options: LpPoolOptions = {}): Tensor {
  return lpRoot(input.pow(normType).avgPool2d(kernelSize, options), normType, kernelSize, 2);
}

/** `(sum of x ^ normType) ^ (1 / normType)` of every window of `[N, C, D, H, W]`. */
export function lpPool3d(input: Tensor, normType: number, kernelSize: Spatial, options: LpPoolOptions = {}): Tensor {
  return lpRoot(input.pow(normType).avgPool3d(kernelSize, options), normType, kernelSize, 3);
}

function lpRoot(mean: Tensor, normType: number, kernelSize: Spatial, n: number): Tensor {
  const size = typeof kernelSize === "number" ? kernelSize ** n : kernelSize.reduce((a, b) => a * b, 1);
  return mean
    .sign()
    .mul(mean.abs().relu())
    .mul(size)
    .pow(1 / normType);
}
