import type { ConvOptions, ConvTransposeOptions, Tensor } from "@sconce/core";

/** Convolution of `[N, C, L]` or `[C, L]` with weight `[F, C / groups, K]` and bias `[F]`. @throws ShapeError if the sizes do not fit. */
export function conv1d(input: Tensor, weight: Tensor, bias: Tensor | null = null, options: ConvOptions = {}): Tensor {
  return input.conv1d(weight, bias, options);
}

/**
 * Convolution of `[N, C, H, W]` or `[C, H, W]` with weight `[F, C / groups, KH, KW]` and bias `[F]`.
 * @throws ShapeError if the sizes do not fit.
 * @example
 * F.conv2d(randn([4, 3, 32, 32]), randn([8, 3, 3, 3]), zeros([8]), { padding: 1 }); // [4, 8, 32, 32]
 */
export function conv2d(input: Tensor, weight: Tensor, bias: Tensor | null = null, options: ConvOptions = {}): Tensor {
  return input.conv2d(weight, bias, options);
}

/** Convolution of `[N, C, D, H, W]` or `[C, D, H, W]` with weight `[F, C / groups, KD, KH, KW]` and bias `[F]`. */
export function conv3d(input: Tensor, weight: Tensor, bias: Tensor | null = null, options: ConvOptions = {}): Tensor {
  return input.conv3d(weight, bias, options);
}

/** Transposed convolution of `[N, C, L]` or `[C, L]` with weight `[C, F / groups, K]` and bias `[F]`. */
export function convTranspose1d(input: Tensor, weight: Tensor, bias: Tensor | null = null, options: ConvTransposeOptions = {}): Tensor {
  return input.convTranspose1d(weight, bias, options);
}

/** Transposed convolution of `[N, C, H, W]` or `[C, H, W]` with weight `[C, F / groups, KH, KW]` and bias `[F]`. */
export function convTranspose2d(input: Tensor, weight: Tensor, bias: Tensor | null = null, options: ConvTransposeOptions = {}): Tensor {
  return input.convTranspose2d(weight, bias, options);
}

/** Transposed convolution of `[N, C, D, H, W]` or `[C, D, H, W]` with weight `[C, F / groups, KD, KH, KW]` and bias `[F]`. */
export function convTranspose3d(input: Tensor, weight: Tensor, bias: Tensor | null = null, options: ConvTransposeOptions = {}): Tensor {
  return input.convTranspose3d(weight, bias, options);
}
