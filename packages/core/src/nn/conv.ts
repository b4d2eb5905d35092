import { castingOf } from "../autocast-state.js";
import type { ConvAttrs } from "../backend.js";
import { apply, composite } from "../dispatch.js";
import { dtypeWord } from "../dtype.js";
import { DTypeError, formatShape, ShapeError } from "../errors.js";
import { optionsOf } from "../options.js";
import { add, constantLike, expectTensor, narrowAt } from "../tensor/compose.js";
import type { Tensor } from "../tensor/tensor.js";
import { batchedInput, checkAtLeast, formatSizes, type Spatial, spatial } from "./spatial.js";

/** Geometry of a convolution. */
export interface ConvOptions {
  readonly stride?: Spatial;
  /** Zeros around the input; `"same"` keeps the size, `"valid"` is 0. */
  readonly padding?: Spatial | "same" | "valid";
  readonly dilation?: Spatial;
  readonly groups?: number;
}

/** Geometry of a transposed convolution. */
export interface ConvTransposeOptions {
  readonly stride?: Spatial;
  readonly padding?: Spatial;
  readonly outputPadding?: Spatial;
  readonly groups?: number;
  readonly dilation?: Spatial;
}

function checkDTypes(op: string, x: Tensor, weight: Tensor, bias: Tensor | null | undefined): void {
  if (bias) expectTensor(op, bias);
  const other = weight.dtype !== x.dtype ? weight : bias && bias.dtype !== x.dtype ? bias : null;
  if (other === null || castingOf(x) !== undefined) return;
  const word = (t: Tensor) => dtypeWord(t.dtype).toLowerCase();
  throw new DTypeError(
    `${op}: Input type (${word(x)}) and ${other === weight ? "weight" : "bias"} type (${word(other)}) should be the same`,
    {
      dtypes: [x.dtype, other.dtype],
    },
  );
}

function checkGroups(op: string, weight: Tensor, groups: number): void {
  const filters = weight.shape[0];
  if (Number.isInteger(groups) && groups >= 1 && filters >= groups && filters % groups === 0) return;
  throw new ShapeError(
    `${op}: Given groups=${groups}, expected weight to be at least ${groups} at dimension 0 and divisible by it, ` +
      `but got weight of size ${formatShape(weight.shape)} instead`,
    { shapes: [weight.shape] },
  );
}

function checkBias(op: string, weight: Tensor, bias: Tensor | null | undefined, channels: number): void {
  if (!bias || (bias.ndim === 1 && bias.shape[0] === channels)) return;
  throw new ShapeError(
    `${op}: Given weight of size ${formatShape(weight.shape)}, expected bias to be 1-dimensional with ${channels} elements, ` +
      `but got bias of size ${formatShape(bias.shape)} instead`,
    { shapes: [weight.shape, bias.shape] },
  );
}

function checkWeightRank(op: string, weight: Tensor, n: number): void {
  expectTensor(op, weight);
  if (weight.ndim !== n + 2)
    throw new ShapeError(`${op}: expected ${n + 2}-dimensional weight, got ${formatShape(weight.shape)}`, { shapes: [weight.shape] });
  checkAtLeast(weight.shape, 1, op, "kernel size should be greater than zero", 2);
}

function checkKernelFits(op: string, x: Tensor, weight: Tensor, { padding, dilation }: ConvAttrs): void {
  let fits = true;
  for (let d = 0; d < padding.length; d++) fits &&= dilation[d] * (weight.shape[d + 2] - 1) < x.shape[d + 2] + 2 * padding[d];
  if (fits) return;
  const padded = x.shape.slice(2).map((size, d) => size + 2 * padding[d]);
  const kernel = weight.shape.slice(2).map((k, d) => dilation[d] * (k - 1) + 1);
  throw new ShapeError(
    `${op}: Calculated padded input size per channel: (${formatSizes(padded)}). Kernel size: (${formatSizes(kernel)}). ` +
      `Kernel size can't be greater than actual input size`,
    { shapes: [x.shape, weight.shape] },
  );
}

/** Zeros that `"same"` puts before and after; the odd one goes after. */
function samePadding(
  op: string,
  weight: Tensor,
  stride: readonly number[],
  dilation: readonly number[],
): { before: number[]; extra: number[] } {
  if (stride.some((s) => s !== 1)) throw new ShapeError(`${op}: padding='same' is not supported for strided convolutions`);
  const total = weight.shape.slice(2).map((k, d) => dilation[d] * (k - 1));
  return { before: total.map((t) => Math.floor(t / 2)), extra: total.map((t) => t % 2) };
}

/** `[N, C, ...]` with `extra` zeros after each spatial dimension. */
function padAfter(x: Tensor, extra: readonly number[]): Tensor {
  let out = x;
  extra.forEach((n, d) => {
    if (n === 0) return;
    const shape = out.shape.map((size, i) => (i === d + 2 ? n : size));
    out = apply("concat", [out, constantLike(out, 0, out.dtype, shape)], { dim: d + 2 });
  });
  return out;
}

function convolution(x: Tensor, n: number, weight: Tensor, bias: Tensor | null | undefined, options: ConvOptions): Tensor {
  const op = `conv${n}d`;
  const { groups } = optionsOf(op, options, { groups: 1 });
  checkWeightRank(op, weight, n);
  checkDTypes(op, x, weight, bias);
  checkGroups(op, weight, groups);
  checkBias(op, weight, bias, weight.shape[0]);
  const stride = spatial(options.stride ?? 1, n, op, "stride");
  const dilation = spatial(options.dilation ?? 1, n, op, "dilation");
  checkAtLeast(stride, 1, op, "non-positive stride is not supported");
  checkAtLeast(dilation, 1, op, "dilation should be greater than zero");
  return batchedInput(x, n, op, (input) => [convolve(input, weight, bias, { stride, dilation, groups }, options.padding ?? 0, op)])[0];
}

function convolve(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null | undefined,
  geometry: Omit<ConvAttrs, "padding">,
  padding: Spatial | "same" | "valid",
  op: string,
): Tensor {
  const { stride, dilation, groups } = geometry;
  if (x.shape[1] !== weight.shape[1] * groups) {
    throw new ShapeError(
      `${op}: Given groups=${groups}, weight of size ${formatShape(weight.shape)}, expected input${formatShape(x.shape)} to have ` +
        `${weight.shape[1] * groups} channels, but got ${x.shape[1]} channels instead`,
      { shapes: [x.shape, weight.shape] },
    );
  }
  let input = x;
  let zeros: number[];
  if (padding === "same") {
    const { before, extra } = samePadding(op, weight, stride, dilation);
    input = padAfter(x, extra);
    zeros = before;
  } else zeros = spatial(padding === "valid" ? 0 : padding, stride.length, op, "padding");
  checkAtLeast(zeros, 0, op, "negative padding is not supported");
  const attrs = { stride, padding: zeros, dilation, groups };
  checkKernelFits(op, input, weight, attrs);
  return apply("conv", bias ? [input, weight, bias] : [input, weight], attrs, "Convolution");
}

function transposed(x: Tensor, n: number, weight: Tensor, bias: Tensor | null | undefined, options: ConvTransposeOptions): Tensor {
  const op = `convTranspose${n}d`;
  const { groups } = optionsOf(op, options, { groups: 1 });
  checkWeightRank(op, weight, n);
  checkDTypes(op, x, weight, bias);
  checkGroups(op, weight, groups);
  const channels = weight.shape[1] * groups;
  checkBias(op, weight, bias, channels);
  const stride = spatial(options.stride ?? 1, n, op, "stride");
  const padding = spatial(options.padding ?? 0, n, op, "padding");
  const dilation = spatial(options.dilation ?? 1, n, op, "dilation");
  const extra = spatial(options.outputPadding ?? 0, n, op, "outputPadding");
  checkAtLeast(stride, 1, op, "non-positive stride is not supported");
  checkAtLeast(padding, 0, op, "negative padding is not supported");
  checkAtLeast(dilation, 1, op, "dilation should be greater than zero");
  checkAtLeast(extra, 0, op, "negative output padding is not supported");
  if (extra.some((e, d) => e >= stride[d] && e >= dilation[d])) {
    throw new ShapeError(`${op}: output padding must be smaller than either stride or dilation, but got ${formatShape(extra)}`);
  }
  const attrs = { stride, padding, dilation, groups };
  return batchedInput(x, n, op, (input) => [convolveTransposed(input, weight, bias, attrs, extra, op)])[0];
}

function convolveTransposed(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null | undefined,
  attrs: ConvAttrs,
  extra: readonly number[],
  op: string,
): Tensor {
  if (x.shape[1] !== weight.shape[0]) {
    throw new ShapeError(
      `${op}: Given transposed=1, weight of size ${formatShape(weight.shape)}, expected input${formatShape(x.shape)} to have ` +
        `${weight.shape[0]} channels, but got ${x.shape[1]} channels instead`,
      { shapes: [x.shape, weight.shape] },
    );
  }
  const { stride, padding, dilation, groups } = attrs;
  const sizes = x.shape
    .slice(2)
    .map((n, d) => (n - 1) * stride[d] - 2 * padding[d] + dilation[d] * (weight.shape[d + 2] - 1) + extra[d] + 1);
  if (sizes.some((n) => n < 1)) {
    throw new ShapeError(
      `${op}: Given input size per channel: (${formatSizes(x.shape.slice(2))}). Calculated output size per channel: (${formatSizes(sizes)}). ` +
        `Output size is too small`,
      { shapes: [x.shape, weight.shape] },
    );
  }
  // Where the extra size reaches another stride, a convolution of the result would be longer than x: compute all and cut.
  if (extra.some((e, d) => e >= stride[d]))
    return composite("Convolution", [x, weight], () => cutTransposed(x, weight, bias, attrs, sizes));
  const inputShape = [x.shape[0], weight.shape[1] * groups, ...sizes];
  if (!bias) return apply("convInput", [x, weight], { ...attrs, inputShape }, "Convolution");
  return composite("Convolution", [x, weight, bias], () =>
    add(apply("convInput", [x, weight], { ...attrs, inputShape }), bias.reshape([bias.shape[0], ...sizes.map(() => 1)])),
  );
}

/** A transposed convolution of `sizes`, cut from the one without padding and filled up with zeros. */
function cutTransposed(x: Tensor, weight: Tensor, bias: Tensor | null | undefined, attrs: ConvAttrs, sizes: readonly number[]): Tensor {
  const full = x.shape.slice(2).map((n, d) => (n - 1) * attrs.stride[d] + attrs.dilation[d] * (weight.shape[d + 2] - 1) + 1);
  const inputShape = [x.shape[0], weight.shape[1] * attrs.groups, ...full];
  let out = apply("convInput", [x, weight], { ...attrs, padding: full.map(() => 0), inputShape });
  sizes.forEach((n, d) => {
    out = narrowAt(out, d + 2, attrs.padding[d], Math.min(n, full[d] - attrs.padding[d]));
  });
  out = padAfter(
    out,
    sizes.map((n, d) => n - out.shape[d + 2]),
  );
  return bias ? add(out, bias.reshape([bias.shape[0], ...sizes.map(() => 1)])) : out;
}

/**
 * Convolution of `[N, C, L]` or `[C, L]` with `weight` `[F, C / groups, K]` and `bias` `[F]`.
 * @throws ShapeError if the shapes do not fit. @throws DTypeError if the dtypes differ.
 * @example
 * conv1d(ones([1, 2, 8]), ones([3, 2, 5]), null, { padding: 2 }); // [1, 3, 8]
 */
export function conv1d(x: Tensor, weight: Tensor, bias?: Tensor | null, options: ConvOptions = {}): Tensor {
  return convolution(x, 1, weight, bias, options);
}

/**
 * Convolution of `[N, C, H, W]` or `[C, H, W]` with `weight` `[F, C / groups, KH, KW]` and `bias` `[F]`.
 * @throws ShapeError if the shapes do not fit. @throws DTypeError if the dtypes differ.
 * @example
 * conv2d(ones([1, 1, 32, 32]), ones([6, 1, 5, 5]), zeros([6])); // [1, 6, 28, 28]
 */
export function conv2d(x: Tensor, weight: Tensor, bias?: Tensor | null, options: ConvOptions = {}): Tensor {
  return convolution(x, 2, weight, bias, options);
}

/**
 * Convolution of `[N, C, D, H, W]` or `[C, D, H, W]` with `weight` `[F, C / groups, KD, KH, KW]` and `bias` `[F]`.
 * @throws ShapeError if the shapes do not fit. @throws DTypeError if the dtypes differ.
 */
export function conv3d(x: Tensor, weight: Tensor, bias?: Tensor | null, options: ConvOptions = {}): Tensor {
  return convolution(x, 3, weight, bias, options);
}

/**
 * Transposed convolution of `[N, C, L]` or `[C, L]` with `weight` `[C, F / groups, K]` and `bias` `[F]`.
 * @throws ShapeError if the shapes do not fit. @throws DTypeError if the dtypes differ.
 */
export function convTranspose1d(x: Tensor, weight: Tensor, bias?: Tensor | null, options: ConvTransposeOptions = {}): Tensor {
  return transposed(x, 1, weight, bias, options);
}

/**
 * Transposed convolution of `[N, C, H, W]` or `[C, H, W]` with `weight` `[C, F / groups, KH, KW]` and `bias` `[F]`.
 * @throws ShapeError if the shapes do not fit. @throws DTypeError if the dtypes differ.
 * @example
 * convTranspose2d(ones([1, 4, 8, 8]), ones([4, 2, 2, 2]), null, { stride: 2 }); // [1, 2, 16, 16]
 */
export function convTranspose2d(x: Tensor, weight: Tensor, bias?: Tensor | null, options: ConvTransposeOptions = {}): Tensor {
  return transposed(x, 2, weight, bias, options);
}

/**
 * Transposed convolution of `[N, C, D, H, W]` or `[C, D, H, W]` with `weight` `[C, F / groups, KD, KH, KW]` and `bias` `[F]`.
 * @throws ShapeError if the shapes do not fit. @throws DTypeError if the dtypes differ.
 */
export function convTranspose3d(x: Tensor, weight: Tensor, bias?: Tensor | null, options: ConvTransposeOptions = {}): Tensor {
  return transposed(x, 3, weight, bias, options);
}
