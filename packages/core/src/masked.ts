/**
 * Reductions and normalisations that leave out elements, as in `torch.masked`: those whose mask is false. Without a mask they are the
 * plain ones. Where nothing is left, the result is the op's identity (0 for a sum, 1 for a product, NaN for a mean).
 * @module masked
 */
import { type DType, isFloatingPoint } from "./dtype.js";
import { optionsOf } from "./options.js";
import { broadcast, normalizeDims, type Shape } from "./shape.js";
import { constantLike, expandTo } from "./tensor/compose.js";
import { vectorNorm } from "./tensor/norms.js";
import type { Dim, DimOptions } from "./tensor/reduction.js";
import { Tensor } from "./tensor/tensor.js";

/** What counts. */
export interface MaskOptions {
  /** False for elements that are left out; broadcasts to the input. */
  readonly mask?: Tensor | null;
  /** Converts before computing. */
  readonly dtype?: DType | null;
}

/** What masked reductions take. */
export interface MaskedReduceOptions extends MaskOptions {
  readonly dim?: Dim;
  readonly keepdim?: boolean;
}

/** What masked reductions to positions take. */
export interface MaskedArgOptions extends MaskOptions {
  readonly dim?: number | null;
  readonly keepdim?: boolean;
}

const LIMITS: { readonly [D in DType]?: readonly [low: number | bigint, high: number | bigint] } = {
  bool: [0, 1],
  uint8: [0, 255],
  int8: [-128, 127],
  int16: [-32768, 32767],
  int32: [-2147483648, 2147483647],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
};

/** The least and the greatest number of the dtype that is computed in. */
function limitsOf(x: Tensor, options: MaskOptions): readonly [number | bigint, number | bigint] {
  return LIMITS[masksOf(options).dtype ?? x.dtype] ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
}

function masksOf(options: MaskOptions): { readonly mask: Tensor | null; readonly dtype: DType | null } {
  return optionsOf("masked", options, { mask: Tensor, dtype: Object });
}

/** The input with `value` in place of what is left out. */
function filled(x: Tensor, options: MaskOptions, value: number | bigint): Tensor {
  const { mask, dtype } = masksOf(options);
  const y = dtype === null ? x : x.to({ dtype });
  if (mask === null) return y;
  const shape = broadcast(y.shape, mask.shape, "masked");
  return expandTo(y, shape).where(expandTo(mask, shape), constantLike(y, value));
}

/** Integers become floating-point, as means need it. */
function floating(given: Tensor, options: MaskOptions): Tensor {
  const x = given.to({ dtype: masksOf(options).dtype ?? given.dtype });
  return isFloatingPoint(x.dtype) ? x : x.to({ dtype: "float32" });
}

function reduceOptions(options: MaskedReduceOptions): { readonly dim: Dim; readonly keepdim: boolean } {
  return optionsOf("masked", options, { dim: Object, keepdim: false });
}

/** The sum of what counts; integers and bool as `Tensor.sum`. */
export function sum(x: Tensor, options: MaskedReduceOptions = {}): Tensor {
  return filled(x, options, 0).sum(reduceOptions(options));
}

/** The product of what counts. */
export function prod(x: Tensor, options: MaskedReduceOptions = {}): Tensor {
  const y = filled(x, options, 1);
  const { dim, keepdim } = reduceOptions(options);
  if (dim === null && !keepdim) return y.prod();
  // The product takes one dimension at a time.
  const dims = [...normalizeDims(dim, y.ndim, "masked.prod")].sort((a, b) => b - a);
  return dims.reduce((z, d) => z.prod({ dim: d, keepdim }), y);
}

/** The largest element that counts. */
export function amax(x: Tensor, options: MaskedReduceOptions = {}): Tensor {
  return filled(x, options, limitsOf(x, options)[0]).amax(reduceOptions(options));
}

/** The smallest element that counts. */
export function amin(x: Tensor, options: MaskedReduceOptions = {}): Tensor {
  return filled(x, options, limitsOf(x, options)[1]).amin(reduceOptions(options));
}

/** The position of the largest element that counts, as int32. */
export function argmax(x: Tensor, options: MaskedArgOptions = {}): Tensor {
  return filled(x, options, limitsOf(x, options)[0]).argmax(reduceOptions(options) as DimOptions);
}

/** The position of the smallest element that counts, as int32. */
export function argmin(x: Tensor, options: MaskedArgOptions = {}): Tensor {
  return filled(x, options, limitsOf(x, options)[1]).argmin(reduceOptions(options) as DimOptions);
}

/** How many elements count, in the input's dtype. */
function countOf(x: Tensor, options: MaskOptions, dim: Dim, keepdim: boolean): Tensor {
  const { mask } = masksOf(options);
  const shape: Shape = mask === null ? x.shape : broadcast(x.shape, mask.shape, "masked");
  const ones = mask === null ? constantLike(x, 1, x.dtype, shape) : expandTo(mask, shape).to({ dtype: x.dtype });
  return ones.sum({ dim, keepdim });
}

/** The mean of what counts; integers become float32. */
export function mean(x: Tensor, options: MaskedReduceOptions = {}): Tensor {
  const y = floating(x, options);
  const { dim, keepdim } = reduceOptions(options);
  return filled(y, { ...options, dtype: y.dtype }, 0)
    .sum({ dim, keepdim })
    .div(countOf(y, options, dim, keepdim));
}

/** What masked variances take. */
export interface MaskedVarOptions extends MaskedReduceOptions {
  /** Divides by one less than the number of elements. */
  readonly unbiased?: boolean;
}

/** The variance of what counts; integers become float32. */
function variance(x: Tensor, options: MaskedVarOptions = {}): Tensor {
  const { unbiased } = optionsOf("masked", options, { unbiased: false });
  const y = floating(x, options);
  const { dim, keepdim } = reduceOptions(options);
  const center = mean(y, { ...options, dtype: y.dtype, keepdim: true });
  const squares = filled(y.sub(center).square(), { ...options, dtype: y.dtype }, 0).sum({ dim, keepdim });
  const count = countOf(y, options, dim, keepdim);
  return squares.div(unbiased ? count.sub(1).clampMin(0) : count);
}

export { variance as var };

/** The standard deviation of what counts; integers become float32. */
export function std(x: Tensor, options: MaskedVarOptions = {}): Tensor {
  return variance(x, options).sqrt();
}

/** The median of what counts along `dim`, the last if left out: the lower of two in the middle. */
export function median(x: Tensor, options: MaskedArgOptions = {}): Tensor {
  const { dim, keepdim } = reduceOptions(options);
  const along = { dim: (dim ?? -1) as number, keepdim };
  if (masksOf(options).mask === null) return filled(x, options, 0).median(along).values;
  return filled(x, options, Number.NaN).nanmedian(along).values;
}

/** What {@link norm} takes. */
export interface MaskedNormOptions extends MaskedReduceOptions {
  /** The order, 2 if left out. */
  readonly ord?: number;
}

/** The norm of what counts. */
export function norm(x: Tensor, options: MaskedNormOptions = {}): Tensor {
  const { ord } = optionsOf("masked", options, { ord: 2 });
  const { dim, keepdim } = reduceOptions(options);
  const y = filled(x, options, ord < 0 ? Number.POSITIVE_INFINITY : 0);
  return vectorNorm(y, ord, normalizeDims(dim, y.ndim, "masked.norm"), keepdim);
}

/** Divides by the norm of what counts along `dim`, at least `eps`. */
export function normalize(x: Tensor, ord: number, dim: number, options: MaskOptions & { readonly eps?: number } = {}): Tensor {
  const { eps } = optionsOf("masked", options, { eps: 1e-12 });
  const length = norm(x, { ...options, ord, dim, keepdim: true }).clampMin(eps);
  return filled(x, options, 0).div(length);
}

/** The logarithm of the sum of exponentials of what counts; integers become float32. */
export function logsumexp(x: Tensor, options: MaskedReduceOptions = {}): Tensor {
  const y = floating(x, options);
  const { dim, keepdim } = reduceOptions(options);
  return filled(y, { ...options, dtype: y.dtype }, Number.NEGATIVE_INFINITY).logsumexp(normalizeDims(dim, y.ndim, "masked.logsumexp"), {
    keepdim,
  });
}

/** {@link Tensor.softmax} of what counts; the rest gets 0. */
export function softmax(x: Tensor, dim: number, options: MaskOptions = {}): Tensor {
  return filled(x, options, Number.NEGATIVE_INFINITY).softmax(dim);
}

/** {@link Tensor.logSoftmax} of what counts; the rest gets -inf. */
export function logSoftmax(x: Tensor, dim: number, options: MaskOptions = {}): Tensor {
  return filled(x, options, Number.NEGATIVE_INFINITY).logSoftmax(dim);
}

/** {@link softmax} of the negative input. */
export function softmin(x: Tensor, dim: number, options: MaskOptions = {}): Tensor {
  return filled(x, options, Number.POSITIVE_INFINITY).neg().softmax(dim);
}

/** Sums of what counts up to each position. */
export function cumsum(x: Tensor, dim: number, options: MaskOptions = {}): Tensor {
  return filled(x, options, 0).cumsum(dim);
}

/** Products of what counts up to each position. */
export function cumprod(x: Tensor, dim: number, options: MaskOptions = {}): Tensor {
  return filled(x, options, 1).cumprod(dim);
}

/** What {@link logaddexp} takes. */
export interface LogAddExpOptions {
  readonly dtype?: DType | null;
  readonly inputMask?: Tensor | null;
  readonly otherMask?: Tensor | null;
}

/** The logarithm of the sum of two exponentials, of which each may be left out. */
export function logaddexp(x: Tensor, other: Tensor, options: LogAddExpOptions = {}): Tensor {
  const { dtype, inputMask, otherMask } = optionsOf("masked", options, { dtype: Object, inputMask: Tensor, otherMask: Tensor });
  const of = (y: Tensor, mask: Tensor | null): Tensor => filled(y, { mask, dtype }, Number.NEGATIVE_INFINITY);
  return of(x, inputMask).logaddexp(of(other, otherMask));
}
