import type { InterpolateOptions, PadOptions, Spatial, Tensor, WindowOptions } from "@sconce/core";

/**
 * Pads the last dimensions; `pads` holds before and after of the last one, then of the one before it, and so on. Negative sizes cut.
 * @throws ShapeError if the padding does not fit the mode.
 * @example
 * F.pad(x, [1, 1, 2, 2], { mode: "reflect" }); // [N, C, H, W] -> [N, C, H + 4, W + 2]
 */
export function pad(input: Tensor, pads: readonly number[], options: PadOptions = {}): Tensor {
  return input.pad(pads, options);
}

/**
 * Resizes the spatial dimensions of `[N, C, ...]` to `size` or by `scaleFactor`.
 * @throws ShapeError if the mode does not fit the rank. @throws ValueError unless exactly one of size and factor is given.
 * @example
 * F.interpolate(randn([4, 3, 8, 8]), { scaleFactor: 2, mode: "bilinear" }); // [4, 3, 16, 16]
 */
export function interpolate(input: Tensor, options: InterpolateOptions): Tensor {
  return input.interpolate(options);
}

/** Sliding blocks as columns: `[N, C, H, W]` to `[N, C * KH * KW, blocks]`. @throws ShapeError if no block fits. */
export function unfold(input: Tensor, kernelSize: Spatial, options: WindowOptions = {}): Tensor {
  return input.im2col(kernelSize, options);
}

/** Adds columns up as sliding blocks: `[N, C * KH * KW, blocks]` to `[N, C, H, W]`. @throws ShapeError if the sizes do not fit. */
export function fold(input: Tensor, outputSize: Spatial, kernelSize: Spatial, options: WindowOptions = {}): Tensor {
  return input.col2im(outputSize, kernelSize, options);
}

/** Channels to pixels: `[..., C * r * r, H, W]` to `[..., C, H * r, W * r]`. Source: https://arxiv.org/abs/1609.05158 */
export function pixelShuffle(input: Tensor, upscaleFactor: number): Tensor {
  return input.pixelShuffle(upscaleFactor);
}

/** Pixels to channels: `[..., C, H * r, W * r]` to `[..., C * r * r, H, W]`. */
export function pixelUnshuffle(input: Tensor, downscaleFactor: number): Tensor {
  return input.pixelUnshuffle(downscaleFactor);
}

/** Mixes `groups` of channels of `[N, C, ...]`. Source: https://arxiv.org/abs/1707.01083 */
export function channelShuffle(input: Tensor, groups: number): Tensor {
  return input.channelShuffle(groups);
}
