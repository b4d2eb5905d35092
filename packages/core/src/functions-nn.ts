import type { ConvOptions, ConvTransposeOptions } from "./tensor/conv.js";
import type { AffineOptions, BatchNormOptions, DropoutOptions } from "./tensor/conv-layer.js";
import type { PadOptions, WindowOptions } from "./tensor/conv-pad.js";
import type { AdaptiveSize, AvgPoolOptions, MaxPoolOptions, MaxUnpoolOptions } from "./tensor/conv-pool.js";
import type { InterpolateOptions } from "./tensor/conv-resize.js";
import type { ValuesIndices } from "./tensor/results.js";
import type { Spatial } from "./tensor/spatial.js";
import type { Tensor } from "./tensor/tensor.js";

/**
 * Convolution of `[N, C, L]` with `weight` `[F, C / groups, K]` and `bias` `[F]`.
 * @throws ShapeError if the shapes do not fit. @throws DTypeError if the dtypes differ.
 */
export function conv1d(x: Tensor, weight: Tensor, bias?: Tensor | null, options?: ConvOptions): Tensor {
  return x.conv1d(weight, bias, options);
}

/**
 * Convolution of `[N, C, H, W]` with `weight` `[F, C / groups, KH, KW]` and `bias` `[F]`.
 * @throws ShapeError if the shapes do not fit. @throws DTypeError if the dtypes differ.
 */
export function conv2d(x: Tensor, weight: Tensor, bias?: Tensor | null, options?: ConvOptions): Tensor {
  return x.conv2d(weight, bias, options);
}

/**
 * Convolution of `[N, C, D, H, W]` with `weight` `[F, C / groups, KD, KH, KW]` and `bias` `[F]`.
 * @throws ShapeError if the shapes do not fit. @throws DTypeError if the dtypes differ.
 */
export function conv3d(x: Tensor, weight: Tensor, bias?: Tensor | null, options?: ConvOptions): Tensor {
  return x.conv3d(weight, bias, options);
}

/**
 * Transposed convolution of `[N, C, L]` with `weight` `[C, F / groups, K]` and `bias` `[F]`.
 * @throws ShapeError if the shapes do not fit. @throws DTypeError if the dtypes differ.
 */
export function convTranspose1d(x: Tensor, weight: Tensor, bias?: Tensor | null, options?: ConvTransposeOptions): Tensor {
  return x.convTranspose1d(weight, bias, options);
}

/**
 * Transposed convolution of `[N, C, H, W]` with `weight` `[C, F / groups, KH, KW]` and `bias` `[F]`.
 * @throws ShapeError if the shapes do not fit. @throws DTypeError if the dtypes differ.
 */
export function convTranspose2d(x: Tensor, weight: Tensor, bias?: Tensor | null, options?: ConvTransposeOptions): Tensor {
  return x.convTranspose2d(weight, bias, options);
}

/**
 * Transposed convolution of `[N, C, D, H, W]` with `weight` `[C, F / groups, KD, KH, KW]` and `bias` `[F]`.
 * @throws ShapeError if the shapes do not fit. @throws DTypeError if the dtypes differ.
 */
export function convTranspose3d(x: Tensor, weight: Tensor, bias?: Tensor | null, options?: ConvTransposeOptions): Tensor {
  return x.convTranspose3d(weight, bias, options);
}

/** Largest element of each window of `[N, C, L]`. @throws ShapeError if the window does not fit. */
export function maxPool1d(x: Tensor, kernelSize: Spatial, options: MaxPoolOptions & { readonly returnIndices: true }): ValuesIndices;
export function maxPool1d(x: Tensor, kernelSize: Spatial, options?: MaxPoolOptions): Tensor;
export function maxPool1d(x: Tensor, kernelSize: Spatial, options?: MaxPoolOptions): Tensor | ValuesIndices {
  return (x.maxPool1d as (...args: readonly unknown[]) => Tensor | ValuesIndices).call(x, kernelSize, options);
}

/** Largest element of each window of `[N, C, H, W]`. @throws ShapeError if the window does not fit. */
export function maxPool2d(x: Tensor, kernelSize: Spatial, options: MaxPoolOptions & { readonly returnIndices: true }): ValuesIndices;
export function maxPool2d(x: Tensor, kernelSize: Spatial, options?: MaxPoolOptions): Tensor;
export function maxPool2d(x: Tensor, kernelSize: Spatial, options?: MaxPoolOptions): Tensor | ValuesIndices {
  return (x.maxPool2d as (...args: readonly unknown[]) => Tensor | ValuesIndices).call(x, kernelSize, options);
}

/** Largest element of each window of `[N, C, D, H, W]`. @throws ShapeError if the window does not fit. */
export function maxPool3d(x: Tensor, kernelSize: Spatial, options: MaxPoolOptions & { readonly returnIndices: true }): ValuesIndices;
export function maxPool3d(x: Tensor, kernelSize: Spatial, options?: MaxPoolOptions): Tensor;
export function maxPool3d(x: Tensor, kernelSize: Spatial, options?: MaxPoolOptions): Tensor | ValuesIndices {
  return (x.maxPool3d as (...args: readonly unknown[]) => Tensor | ValuesIndices).call(x, kernelSize, options);
}

/** Mean of each window of `[N, C, L]`. @throws ShapeError if the window does not fit. */
export function avgPool1d(x: Tensor, kernelSize: Spatial, options?: AvgPoolOptions): Tensor {
  return x.avgPool1d(kernelSize, options);
}

/** Mean of each window of `[N, C, H, W]`. @throws ShapeError if the window does not fit. */
export function avgPool2d(x: Tensor, kernelSize: Spatial, options?: AvgPoolOptions): Tensor {
  return x.avgPool2d(kernelSize, options);
}

/** Mean of each window of `[N, C, D, H, W]`. @throws ShapeError if the window does not fit. */
export function avgPool3d(x: Tensor, kernelSize: Spatial, options?: AvgPoolOptions): Tensor {
  return x.avgPool3d(kernelSize, options);
}

/** Means of bins that cover `[N, C, L]` evenly. */
export function adaptiveAvgPool1d(x: Tensor, outputSize: AdaptiveSize): Tensor {
  return x.adaptiveAvgPool1d(outputSize);
}

/** Means of bins that cover `[N, C, H, W]` evenly. */
export function adaptiveAvgPool2d(x: Tensor, outputSize: AdaptiveSize): Tensor {
  return x.adaptiveAvgPool2d(outputSize);
}

/** Means of bins that cover `[N, C, D, H, W]` evenly. */
export function adaptiveAvgPool3d(x: Tensor, outputSize: AdaptiveSize): Tensor {
  return x.adaptiveAvgPool3d(outputSize);
}

/** Largest elements of bins that cover `[N, C, L]` evenly. */
export function adaptiveMaxPool1d(x: Tensor, outputSize: AdaptiveSize, options: { readonly returnIndices: true }): ValuesIndices;
export function adaptiveMaxPool1d(x: Tensor, outputSize: AdaptiveSize, options?: { readonly returnIndices?: boolean }): Tensor;
export function adaptiveMaxPool1d(
  x: Tensor,
  outputSize: AdaptiveSize,
  options?: { readonly returnIndices?: boolean },
): Tensor | ValuesIndices {
  return (x.adaptiveMaxPool1d as (...args: readonly unknown[]) => Tensor | ValuesIndices).call(x, outputSize, options);
}

/** Largest elements of bins that cover `[N, C, H, W]` evenly. */
export function adaptiveMaxPool2d(x: Tensor, outputSize: AdaptiveSize, options: { readonly returnIndices: true }): ValuesIndices;
export function adaptiveMaxPool2d(x: Tensor, outputSize: AdaptiveSize, options?: { readonly returnIndices?: boolean }): Tensor;
export function adaptiveMaxPool2d(
  x: Tensor,
  outputSize: AdaptiveSize,
  options?: { readonly returnIndices?: boolean },
): Tensor | ValuesIndices {
  return (x.adaptiveMaxPool2d as (...args: readonly unknown[]) => Tensor | ValuesIndices).call(x, outputSize, options);
}

/** Largest elements of bins that cover `[N, C, D, H, W]` evenly. */
export function adaptiveMaxPool3d(x: Tensor, outputSize: AdaptiveSize, options: { readonly returnIndices: true }): ValuesIndices;
export function adaptiveMaxPool3d(x: Tensor, outputSize: AdaptiveSize, options?: { readonly returnIndices?: boolean }): Tensor;
export function adaptiveMaxPool3d(
  x: Tensor,
  outputSize: AdaptiveSize,
  options?: { readonly returnIndices?: boolean },
): Tensor | ValuesIndices {
  return (x.adaptiveMaxPool3d as (...args: readonly unknown[]) => Tensor | ValuesIndices).call(x, outputSize, options);
}

/** Puts the results of {@link maxPool1d} back where `indices` found them; the rest is 0. */
export function maxUnpool1d(x: Tensor, indices: Tensor, kernelSize: Spatial, options?: MaxUnpoolOptions): Tensor {
  return x.maxUnpool1d(indices, kernelSize, options);
}

/** Puts the results of {@link maxPool2d} back where `indices` found them; the rest is 0. */
export function maxUnpool2d(x: Tensor, indices: Tensor, kernelSize: Spatial, options?: MaxUnpoolOptions): Tensor {
  return x.maxUnpool2d(indices, kernelSize, options);
}

/** Puts the results of {@link maxPool3d} back where `indices` found them; the rest is 0. */
export function maxUnpool3d(x: Tensor, indices: Tensor, kernelSize: Spatial, options?: MaxUnpoolOptions): Tensor {
  return x.maxUnpool3d(indices, kernelSize, options);
}

/**
 * Pads the last dimensions; `pads` holds before and after of the last dimension, then of the one before it, and so on. Negative sizes cut.
 * @throws ShapeError if the padding does not fit the mode.
 */
export function pad(x: Tensor, pads: readonly number[], options?: PadOptions): Tensor {
  return x.pad(pads, options);
}

/**
 * Sliding blocks as columns (`nn.functional.unfold`): `[N, C, H, W]` to `[N, C * KH * KW, blocks]`.
 * @throws ShapeError if no block fits.
 */
export function im2col(x: Tensor, kernelSize: Spatial, options?: WindowOptions): Tensor {
  return x.im2col(kernelSize, options);
}

/**
 * Adds columns up as sliding blocks (`nn.functional.fold`): `[N, C * KH * KW, blocks]` to `[N, C, H, W]`.
 * @throws ShapeError if the sizes do not fit.
 */
export function col2im(x: Tensor, outputSize: Spatial, kernelSize: Spatial, options?: WindowOptions): Tensor {
  return x.col2im(outputSize, kernelSize, options);
}

/** Channels to pixels: `[..., C * r * r, H, W]` to `[..., C, H * r, W * r]`. @throws ShapeError if the channels do not divide. */
export function pixelShuffle(x: Tensor, upscaleFactor: number): Tensor {
  return x.pixelShuffle(upscaleFactor);
}

/** Pixels to channels: `[..., C, H * r, W * r]` to `[..., C * r * r, H, W]`. @throws ShapeError if the sizes do not divide. */
export function pixelUnshuffle(x: Tensor, downscaleFactor: number): Tensor {
  return x.pixelUnshuffle(downscaleFactor);
}

/** Mixes channel groups: channel `g * k + i` of `groups` becomes `i * groups + g`. @throws ShapeError if the channels do not divide. */
export function channelShuffle(x: Tensor, groups: number): Tensor {
  return x.channelShuffle(groups);
}

/**
 * Resizes the spatial dimensions of `[N, C, ...]` to `size` or by `scaleFactor`.
 * @throws ShapeError if the mode does not fit the rank. @throws ValueError unless exactly one of size and factor is given.
 */
export function interpolate(x: Tensor, options: InterpolateOptions): Tensor {
  return x.interpolate(options);
}

/**
 * `x @ weight.t() + bias`: `[..., K]` with weight `[M, K]` and bias `[M]` to `[..., M]`.
 * @throws ShapeError if the shapes do not fit.
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor | null): Tensor {
  return x.linear(weight, bias);
}

/**
 * Normalises over the last dimensions, of shape `normalizedShape`, then scales and shifts.
 * @throws ShapeError if the shapes do not fit.
 */
export function layerNorm(x: Tensor, normalizedShape: readonly number[], options?: AffineOptions): Tensor {
  return x.layerNorm(normalizedShape, options);
}

/** Divides by the root of the mean square over the last dimensions, then scales. @throws ShapeError if the shapes do not fit. */
export function rmsNorm(x: Tensor, normalizedShape: readonly number[], options?: Omit<AffineOptions, "bias">): Tensor {
  return x.rmsNorm(normalizedShape, options);
}

/**
 * Normalises each channel of `[N, C, ...]` by given statistics or those of the batch, then scales and shifts. Returns the result and
 * the mean and variance (without correction) that it used, `[C]` each.
 * @throws ShapeError if the shapes do not fit.
 */
export function batchNorm(x: Tensor, options?: BatchNormOptions): [output: Tensor, mean: Tensor, variance: Tensor] {
  return x.batchNorm(options);
}

/** Normalises each of `numGroups` groups of channels of `[N, C, ...]`, then scales and shifts. @throws ShapeError if the shapes do not fit. */
export function groupNorm(x: Tensor, numGroups: number, options?: AffineOptions): Tensor {
  return x.groupNorm(numGroups, options);
}

/**
 * Sets elements to 0 at probability `p` and scales the rest by `1 / (1 - p)`. The random numbers are the same on every device and do not
 * advance the generator's own stream.
 * @throws ValueError unless `p` lies in [0, 1].
 */
export function dropout(x: Tensor, options?: DropoutOptions): Tensor {
  return x.dropout(options);
}

export { embedding } from "./tensor/conv-layer.js";

/** {@link pad} with a constant. @throws ShapeError if the result would have a negative size. */
export function constantPadNd(x: Tensor, pads: readonly number[], value?: number): Tensor {
  return x.constantPadNd(pads, value);
}
