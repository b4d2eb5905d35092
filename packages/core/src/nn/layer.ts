import { castingOf } from "../autocast-state.js";
import type { ChannelNormAttrs, NormAttrs, Spec } from "../backend.js";
import { apply, composite, compositeAll } from "../dispatch.js";
import { formatShape, ShapeError, ValueError } from "../errors.js";
import type { Vjp } from "../extension.js";
import { applyFused, applyKernel, type FusedOp, type KernelOp } from "../fused.js";
import { isHalf } from "../half.js";
import { optionsOf } from "../options.js";
import { defaultGenerator } from "../random/default.js";
import type { Generator } from "../random/generator.js";
import { hidden } from "../scope-api.js";
import { sizeOf } from "../shape.js";
import {
  add,
  constantLike,
  div,
  eq,
  expectTensor,
  ge,
  indexTensor,
  inWide,
  mul,
  permuteTo,
  positions,
  requireFloat,
  requireSameDType,
  rsqrt,
  sub,
  unsqueezeAt,
  where,
} from "../tensor/compose.js";
import { checkElements, readSync } from "../tensor/host.js";
import { Tensor } from "../tensor/tensor.js";

/** Scale and shift after normalisation. */
export interface AffineOptions {
  readonly weight?: Tensor | null;
  readonly bias?: Tensor | null;
  /** Added to the variance; 1e-5 if left out. */
  readonly eps?: number;
}

/** What `batchNorm` takes. */
export interface BatchNormOptions extends AffineOptions {
  /** Statistics to use, `[C]`; those of the batch if left out. */
  readonly mean?: Tensor | null;
  readonly variance?: Tensor | null;
}

/** What `dropout` takes. */
export interface DropoutOptions {
  /** Chance of an element to become 0; 0.5 if left out. */
  readonly p?: number;
  /** False returns the input; true if left out. */
  readonly training?: boolean;
  readonly generator?: Generator;
  /** Shape of the mask, which stretches to the input; the input's if left out. */
  readonly maskShape?: readonly number[];
}

/**
 * `x @ weight.t() + bias`: `[..., K]` with weight `[M, K]` and bias `[M]` to `[..., M]`.
 * @throws ShapeError if the shapes do not fit.
 * @example
 * linear(ones([2, 3]), ones([4, 3]), zeros([4])); // [2, 4]
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor | null): Tensor {
  expectTensor("linear", x);
  expectTensor("linear", weight);
  const casting = castingOf(x);
  // Before they become views: a weight is converted once.
  return casting === undefined
    ? affineMap(x, weight, bias)
    : affineMap(casting.lower(x), casting.lower(weight), bias && casting.lower(bias));
}

function affineMap(x: Tensor, weight: Tensor, bias: Tensor | null | undefined): Tensor {
  if (weight.ndim === 1) {
    const out = x.matmul(weight);
    return bias ? out.add(bias) : out;
  }
  const transposed = permuteTo(weight, [1, 0], "T");
  if (!bias) return x.matmul(transposed);
  if (x.ndim === 2) return bias.addmm(x, transposed);
  if (x.ndim === 1) return x.matmul(transposed).add(bias);
  const rows = x.reshape([sizeOf(x.shape.slice(0, -1)), x.shape[x.ndim - 1]]);
  return apply("reshape", [bias.addmm(rows, transposed)], { shape: [...x.shape.slice(0, -1), weight.shape[0]] }, "View");
}

/** Mean and variance (without correction) over dimensions, which stay with size 1. */
function momentsOver(x: Tensor, dims: readonly number[]): { readonly mean: Tensor; readonly variance: Tensor } {
  const n = dims.reduce((count, d) => count * x.shape[d], 1);
  const average = (y: Tensor) => div(apply("reduce", [y], { op: "sum", dims, keepdim: true }), n);
  const mean = average(x);
  const deviation = sub(x, mean);
  return { mean, variance: average(mul(deviation, deviation)) };
}

function affine(x: Tensor, weight: Tensor | null | undefined, bias: Tensor | null | undefined): Tensor {
  const scaled = weight ? mul(x, weight) : x;
  return bias ? add(scaled, bias) : scaled;
}

function given(...tensors: readonly (Tensor | null | undefined)[]): Tensor[] {
  return tensors.filter((t): t is Tensor => t !== null && t !== undefined);
}

/** Layers that normalise take 16-bit input with float32 parameters too. */
function requireParameterDType(op: string, x: Tensor, ...parameters: readonly Tensor[]): void {
  const mixed = isHalf(x.dtype) && parameters.every((t) => t.dtype === "float32");
  if (!mixed) requireSameDType(op, x, ...parameters);
}

function checkAffine(op: string, x: Tensor, shape: readonly number[], ...tensors: readonly (Tensor | null | undefined)[]): void {
  requireParameterDType(op, x, ...given(...tensors));
  for (const t of given(...tensors)) {
    if (t.ndim === shape.length && t.shape.every((n, d) => n === shape[d])) continue;
    throw new ShapeError(
      `${op}: Expected weight and bias to be of same shape as normalized_shape ${formatShape(shape)}, got ${formatShape(t.shape)}`,
      {
        shapes: [t.shape],
      },
    );
  }
}

function checkNormalized(op: string, x: Tensor, normalizedShape: readonly number[]): number[] {
  requireFloat(x, op, "expected a floating-point tensor");
  const lead = x.ndim - normalizedShape.length;
  if (normalizedShape.length === 0 || lead < 0 || normalizedShape.some((n, d) => n !== x.shape[lead + d])) {
    throw new ShapeError(
      `${op}: Given normalized_shape=${formatShape(normalizedShape)}, expected input with shape ${formatShape(["*", ...normalizedShape] as number[])}, ` +
        `but got input of size${formatShape(x.shape)}`,
      { shapes: [x.shape] },
    );
  }
  return normalizedShape.map((_, d) => lead + d);
}

const AFFINE = { weight: Tensor, bias: Tensor, eps: 1e-5 };

function normalizeBatch(x: Tensor, options: BatchNormOptions): readonly Tensor[] {
  requireFloat(x, "batchNorm", "expected a floating-point tensor");
  // PyTorch lets an empty vector pass.
  if (x.ndim === 1 && x.shape[0] === 0) return [x.clone(), x.detach(), x.detach()];
  if (x.ndim < 2) throw new ShapeError(`batchNorm: expected at least [N, C], got ${formatShape(x.shape)}`, { shapes: [x.shape] });
  const { weight, bias, mean, variance, eps } = optionsOf("batchNorm", options, { ...AFFINE, mean: Tensor, variance: Tensor });
  const channels = x.shape[1];
  requireParameterDType("batchNorm", x, ...given(weight, bias, mean, variance));
  for (const t of given(weight, bias, mean, variance)) {
    if (t.numel() !== channels) {
      throw new ShapeError(`batchNorm: running_mean, running_var, weight and bias should contain ${channels} elements not ${t.numel()}`, {
        shapes: [x.shape, t.shape],
      });
    }
  }
  const inputs = [x, ...given(weight, bias)];
  if (isHalf(x.dtype)) return compositeAll(batchNormOp.name, inputs, () => wideBatchNorm(x, options));
  if (!mean || !variance) return applyFused(batchNormOp, [x, ...affineInputs(channels, weight, bias)], { groups: null, eps });
  return compositeAll(batchNormOp.name, inputs, () => {
    const stats = { mean: channelColumn(mean, x), variance: channelColumn(variance, x) };
    return [byStatistics(x, stats, weight, bias, eps), stats.mean.reshape([channels]), stats.variance.reshape([channels])];
  });
}

/** A value for each channel, shaped to fit `[N, C, ...]`. */
const channelColumn = (t: Tensor, x: Tensor): Tensor => t.reshape([x.shape[1], ...x.shape.slice(2).map(() => 1)]);

/** Weight and bias as kernels take them: a bias alone is rare and comes with a weight. */
function affineInputs(channels: number, weight: Tensor | null | undefined, bias: Tensor | null | undefined): Tensor[] {
  const scale = weight ?? (bias ? bias.newFull([channels], 1) : null);
  return given(scale, bias).map((t) => (t.ndim === 1 ? t : t.reshape([channels])));
}

function byStatistics(
  x: Tensor,
  { mean, variance }: ReturnType<typeof momentsOver>,
  weight: Tensor | null | undefined,
  bias: Tensor | null | undefined,
  eps: number,
): Tensor {
  const inverse = rsqrt(add(variance, eps));
  const out = mul(sub(x, mean), weight ? mul(inverse, channelColumn(weight, x)) : inverse);
  return bias ? add(out, channelColumn(bias, x)) : out;
}

const channelNormGrad: KernelOp<"channelNormGrad"> = {
  name: "NativeChannelNormBackward",
  kernel: "channelNormGrad",
  infer: ([g, x], { groups }) => {
    const sums: Spec = { shape: [groups === null ? 1 : x.shape[0], x.shape[1]], dtype: x.dtype };
    return [g, sums, sums];
  },
};

/** The gradients of x, weight and bias from that of the result. */
const channelNormVjp: Vjp<unknown> = ([g], { inputs: [x, weight, bias], outputs: [, mean, variance], params, needs }) => {
  const inputs = [g ?? x.newFull(x.shape, 0), x, mean, variance, ...given(weight)];
  const [own, ...sums] = applyKernel(channelNormGrad, inputs, params as ChannelNormAttrs);
  const affineGrads = sums.map((parts, i) => (needs[1 + i] ? apply("reduce", [parts], { op: "sum", dims: [0], keepdim: false }) : null));
  return [own, ...affineGrads.slice(0, given(weight, bias).length)];
};

const batchNormOp: FusedOp<"channelNorm"> = {
  name: "NativeBatchNorm",
  kernel: "channelNorm",
  results: 3,
  infer: ([x]) => {
    const statistics: Spec = { shape: [x.shape[1]], dtype: x.dtype };
    return [x, statistics, statistics];
  },
  composed: ([x, weight, bias], { eps }) => {
    const stats = momentsOver(
      x,
      x.shape.map((_, d) => d).filter((d) => d !== 1),
    );
    const channels = [x.shape[1]];
    return [byStatistics(x, stats, weight, bias, eps), stats.mean.reshape(channels), stats.variance.reshape(channels)];
  },
  vjp: (grads, call) => {
    const [own, ...rest] = channelNormVjp(grads, call);
    const { inputs, outputs } = call;
    const [x] = inputs;
    const n = x.numel() / x.shape[1];
    let total = own as Tensor;
    // The statistics are results, too.
    if (grads[1]) total = add(total, div(channelColumn(grads[1], x), n));
    if (grads[2]) total = add(total, mul(sub(x, channelColumn(outputs[1], x)), mul(channelColumn(grads[2], x), 2 / n)));
    return [total, ...rest];
  },
};

const groupNormOp: FusedOp<"channelNorm"> = {
  name: "NativeGroupNorm",
  kernel: "channelNorm",
  results: 1,
  infer: ([x], { groups }) => {
    const statistics: Spec = { shape: [x.shape[0], groups ?? 1], dtype: x.dtype };
    return [x, statistics, statistics];
  },
  composed: ([x, weight, bias], { groups, eps }) => [
    inWide(x, (y, widen) => {
      const [n, numGroups] = [x.shape[0], groups ?? 1];
      const rows = y.reshape([n, numGroups, x.numel() === 0 ? 0 : x.numel() / (n * numGroups)]);
      const { mean, variance } = momentsOver(rows, [2]);
      const out = mul(sub(rows, mean), rsqrt(add(variance, eps))).reshape(x.shape);
      return affine(out, weight && widen(channelColumn(weight, x)), bias && widen(channelColumn(bias, x)));
    }),
  ],
  vjp: channelNormVjp,
};

/** The statistics of 16-bit input are float32, as PyTorch's are. */
function wideBatchNorm(x: Tensor, { weight, bias, mean, variance, ...options }: BatchNormOptions): readonly Tensor[] {
  const wide = (t: Tensor | null | undefined) => t?.float();
  const statistics = { weight: wide(weight), bias: wide(bias), mean: wide(mean), variance: wide(variance) };
  const [y, ...moments] = normalizeBatch(x.float(), { ...options, ...statistics });
  return [y.cast(x.dtype), ...moments];
}

/**
 * Normalises each of `numGroups` groups of channels of `[N, C, ...]`, then scales and shifts; weight and bias are `[C]`.
 *
 * Source: https://arxiv.org/abs/1803.08494
 * @throws ShapeError if the groups do not divide the channels.
 */
export function groupNorm(x: Tensor, numGroups: number, options: AffineOptions = {}): Tensor {
  const { weight, bias, eps } = optionsOf("groupNorm", options, AFFINE);
  requireFloat(x, "groupNorm", "expected a floating-point tensor");
  const channels = x.shape[1];
  if (x.ndim < 2 || channels % numGroups !== 0) {
    throw new ShapeError(
      `groupNorm: Expected number of channels in input to be divisible by num_groups, but got input of shape ${formatShape(x.shape)} and num_groups=${numGroups}`,
      { shapes: [x.shape] },
    );
  }
  checkAffine("groupNorm", x, [channels], weight, bias);
  return applyFused(groupNormOp, [x, ...affineInputs(channels, weight, bias)], { groups: numGroups, eps })[0];
}

/** 0 or `1 / (1 - p)` for each element, from the counter-based stream that is the same on every device. */
function dropoutMask(x: Tensor, shape: readonly number[], p: number, generator: Generator): Tensor {
  const uniform = apply("random", [], { shape: [...shape], ...generator.nextKernelStream(), device: x.device });
  return mul(ge(uniform, p).cast(x.dtype), 1 / (1 - p));
}

/** @throws ValueError unless `p` lies in [0, 1]. */
export function checkProbability(op: string, p: number): void {
  if (!(p >= 0 && p <= 1)) throw new ValueError(`${op}: dropout probability has to be between 0 and 1, but got ${p}`);
}

/**
 * Sets elements to 0 at probability `p` and scales the rest by `1 / (1 - p)`. The random numbers are the same on every device and do not
 * advance the generator's own stream.
 * @throws ValueError unless `p` lies in [0, 1].
 */
export function dropout(x: Tensor, options: DropoutOptions = {}): Tensor {
  const { p, training } = optionsOf("dropout", options, { p: 0.5, training: true });
  const { generator = defaultGenerator(), maskShape = x.shape } = options;
  checkProbability("dropout", p);
  if (!training || p === 0 || x.numel() === 0) return x;
  requireFloat(x, "dropout", "result type Float can't be cast to the desired output type");
  return hidden(() => {
    const mask = p === 1 ? constantLike(x, 0) : dropoutMask(x, maskShape, p, generator);
    return apply("mul", [x, mask], null, "Mul");
  });
}

/**
 * Rows of `weight` `[V, D]` at integer `indices` `[...]`: `[..., D]`. The row `paddingIdx` gets no gradient.
 * @throws ShapeError if an index is out of range.
 * @example
 * embedding(tensor([0, 2]).int(), ones([3, 4])); // [2, 4]
 */
export function embedding(indices: Tensor, weight: Tensor, options: { readonly paddingIdx?: number | null } = {}): Tensor {
  const { paddingIdx } = optionsOf("embedding", options, { paddingIdx: Number });
  for (const t of [indices, weight]) expectTensor("embedding", t);
  if (weight.ndim !== 2)
    throw new ShapeError(`embedding: 'weight' must be 2-D, got ${formatShape(weight.shape)}`, { shapes: [weight.shape] });
  const at = indexTensor(indices, "embedding").reshape([indices.numel()]);
  const shape = [...indices.shape, weight.shape[1]];
  return composite("Embedding", [weight], () => {
    const rows = apply("indexSelect", [weight, at], { dim: 0 });
    if (paddingIdx === null) return rows.reshape(shape);
    const padding = paddingIdx < 0 ? paddingIdx + weight.shape[0] : paddingIdx;
    return where(unsqueezeAt(eq(at, padding), 1), rows.detach(), rows).reshape(shape);
  });
}

/**
 * Integer classes as rows with a single 1: `[...]` to `[..., numClasses]`.
 * @throws ValueError if a class is negative or too large.
 * @example
 * oneHot(tensor([0, 2]).int(), 3); // [[1, 0, 0], [0, 0, 1]]
 */
export function oneHot(x: Tensor, numClasses = -1): Tensor {
  const classes = indexTensor(x.detach(), "oneHot");
  let n = numClasses;
  if (n === -1) n = 1 + largestClass(readSync(classes, "oneHot"));
  else
    checkElements(classes, (now) => {
      const largest = largestClass(readSync(now, "oneHot"));
      if (largest >= n) throw new ValueError(`oneHot: Class values must be smaller than num_classes, got ${largest} for ${n}`);
    });
  const columns = positions(
    classes,
    Array.from({ length: n }, (_, i) => i),
  );
  const wide = x.storage.backend.limits.dtypes.has("int64") ? "int64" : "int32";
  return eq(apply("unsqueeze", [classes], { dim: classes.ndim }), columns).cast(wide);
}

function largestClass(classes: Iterable<number | bigint>): number {
  let largest = -1;
  for (const value of classes) {
    if (value < 0) throw new ValueError(`oneHot: Class values must be non-negative, got ${value}`);
    if (Number(value) > largest) largest = Number(value);
  }
  return largest;
}

const layerNormGrad: KernelOp<"layerNormGrad"> = { name: "NativeLayerNormBackward", kernel: "layerNormGrad", infer: ([g]) => [g] };

const layerNormOp: FusedOp<"layerNorm"> = {
  name: "NativeLayerNorm",
  kernel: "layerNorm",
  results: 1,
  infer: ([x], { dims }) => {
    const lead = x.shape.length - dims;
    const rows: Spec = { shape: x.shape.map((n, d) => (d < lead ? n : 1)), dtype: x.dtype };
    return [x, rows, rows];
  },
  composed: ([x, weight, bias], { dims, eps }) => [
    inWide(x, (y, widen) => {
      const last = y.shape.map((_, d) => d).slice(y.ndim - dims);
      const { mean, variance } = momentsOver(y, last);
      return affine(mul(sub(y, mean), rsqrt(add(variance, eps))), weight && widen(weight), bias && widen(bias));
    }),
  ],
  vjp: ([g], { inputs: [x, weight, bias], outputs: [, mean, inverse], params, needs }) => {
    const grad = g as Tensor;
    const rows = { op: "sum", dims: x.shape.map((_, d) => d).slice(0, x.ndim - (params as NormAttrs).dims), keepdim: false } as const;
    const [own] = needs[0] ? applyKernel(layerNormGrad, [grad, x, mean, inverse, ...given(weight)], params as NormAttrs) : [null];
    if (weight === undefined) return [own];
    const scale = needs[1] ? apply("reduce", [mul(grad, mul(sub(x, mean), inverse))], rows) : null;
    return bias === undefined ? [own, scale] : [own, scale, needs[2] ? apply("reduce", [grad], rows) : null];
  },
};

/**
 * Normalises over the last dimensions, of shape `normalizedShape`, then scales and shifts.
 *
 * Source: https://arxiv.org/abs/1607.06450
 * @throws ShapeError if the shapes do not fit.
 */
export function layerNorm(x: Tensor, normalizedShape: readonly number[], options: AffineOptions = {}): Tensor {
  const { weight, bias, eps } = optionsOf("layerNorm", options, AFFINE);
  const dims = checkNormalized("layerNorm", x, normalizedShape);
  checkAffine("layerNorm", x, normalizedShape, weight, bias);
  // A bias alone is rare: the kernel takes it with a weight.
  const scale = weight ?? (bias ? bias.newFull(bias.shape, 1) : null);
  return applyFused(layerNormOp, [x, ...given(scale, bias)], { dims: dims.length, eps })[0];
}

/** Divides by the root of the mean square over the last dimensions, then scales. @throws ShapeError if the shapes do not fit. */
export function rmsNorm(x: Tensor, normalizedShape: readonly number[], options: Omit<AffineOptions, "bias"> = {}): Tensor {
  const { weight, eps } = optionsOf("rmsNorm", options, { weight: Tensor, eps: 2 ** -23 });
  const dims = checkNormalized("rmsNorm", x, normalizedShape);
  checkAffine("rmsNorm", x, normalizedShape, weight);
  const n = sizeOf(normalizedShape);
  return composite("RmsNorm", [x, ...given(weight)], () => {
    return inWide(x, (y, widen) => {
      const square = div(apply("reduce", [mul(y, y)], { op: "sum", dims, keepdim: true }), n);
      return affine(mul(y, rsqrt(add(square, eps))), weight && widen(weight), null);
    });
  });
}

/**
 * Normalises each channel of `[N, C, ...]` by given statistics or those of the batch, then scales and shifts. Returns the result and
 * the mean and variance (without correction) that it used, `[C]` each.
 * @throws ShapeError if the shapes do not fit.
 */
export function batchNorm(x: Tensor, options: BatchNormOptions = {}): [output: Tensor, mean: Tensor, variance: Tensor] {
  const [output, mean, variance] = normalizeBatch(x, options);
  return [output, mean, variance];
}
