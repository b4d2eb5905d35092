import { apply, composite } from "../dispatch.js";
import { formatShape, ShapeError, ValueError } from "../errors.js";
import { optionsOf } from "../options.js";
import { VIEWS } from "../primitives.js";
import { rowMajor, sizeOf } from "../shape.js";
import { constantLike, expandTo, fromHost, narrowAt, permuteTo, positions } from "../tensor/compose.js";
import type { Tensor } from "../tensor/tensor.js";
import { batchedInput, checkAtLeast, type Spatial, spatial } from "./spatial.js";

/** How `pad` fills. */
export interface PadOptions {
  readonly mode?: "constant" | "reflect" | "replicate" | "circular";
  /** What `"constant"` fills with. */
  readonly value?: number | null;
}

/** Geometry of `im2col` and `col2im`. */
export interface WindowOptions {
  readonly dilation?: Spatial;
  readonly padding?: Spatial;
  readonly stride?: Spatial;
}

/** Sizes before and after each dimension, from PyTorch's order (last dimension first). */
function padsByDim(x: Tensor, pads: readonly number[]): { readonly before: number; readonly after: number }[] {
  if (!Array.isArray(pads)) throw new ShapeError(`pad: expected a list of sizes, got ${typeof pads}`);
  if (pads.length % 2 !== 0) throw new ShapeError(`pad: Padding length must be divisible by 2, got ${formatShape(pads)}`);
  if (pads.length / 2 > x.ndim) {
    throw new ShapeError(
      `pad: Padding length should be less than or equal to two times the input dimension, got ${formatShape(pads)} for ${formatShape(x.shape)}`,
      { shapes: [x.shape] },
    );
  }
  return x.shape.map((_, d) => {
    const at = 2 * (x.ndim - 1 - d);
    return { before: pads[at] ?? 0, after: pads[at + 1] ?? 0 };
  });
}

/** {@link pad} with a constant. @throws ShapeError if the result would have a negative size. */
export function constantPadNd(x: Tensor, pads: readonly number[], value = 0): Tensor {
  const list = padsByDim(x, pads);
  const shape = x.shape.map((n, d) => n + list[d].before + list[d].after);
  if (shape.some((n) => n < 0)) {
    throw new ShapeError(
      `pad: The input size ${formatShape(x.shape)}, plus negative padding ${formatShape(pads)}, resulted in a negative output size`,
      { shapes: [x.shape] },
    );
  }
  return composite("ConstantPadNd", [x], () => {
    let inner = x;
    list.forEach(({ before, after }, d) => {
      const start = Math.max(-before, 0);
      inner = narrowAt(inner, d, start, Math.max(x.shape[d] - start - Math.max(-after, 0), 0));
    });
    if (list.every(({ before, after }) => before <= 0 && after <= 0)) return inner.clone();
    const base = constantLike(x, value, x.dtype, shape);
    let layout = rowMajor(shape);
    list.forEach(({ before }, dim) => {
      layout = VIEWS.slice(layout, { dim, start: Math.max(before, 0), step: 1, length: inner.shape[dim] });
    });
    return apply("updateSlice", [base, inner], { layout });
  });
}

/** Where each padded position of a dimension comes from. */
function sources(n: number, before: number, after: number, mode: "reflect" | "replicate" | "circular"): number[] {
  return Array.from({ length: n + before + after }, (_, i) => {
    const at = i - before;
    if (mode === "replicate") return Math.min(Math.max(at, 0), n - 1);
    if (mode === "circular") return ((at % n) + n) % n;
    const mirrored = Math.abs(at);
    return mirrored < n ? mirrored : 2 * (n - 1) - mirrored;
  });
}

const LABEL: { readonly [K in "reflect" | "replicate" | "circular"]: string } = {
  reflect: "ReflectionPad",
  replicate: "ReplicationPad",
  circular: "CircularPad",
};

function padFromInput(x: Tensor, pads: readonly number[], mode: "reflect" | "replicate" | "circular"): Tensor {
  const list = padsByDim(x, pads);
  list.forEach(({ before, after }, d) => checkPad(x, d, before, after, mode));
  return composite(`${LABEL[mode]}${pads.length / 2}D`, [x], () => {
    let out = x;
    list.forEach(({ before, after }, dim) => {
      if (before === 0 && after === 0) return;
      out = apply("indexSelect", [out, positions(x, sources(x.shape[dim], before, after, mode))], { dim });
    });
    return out;
  });
}

function checkPad(x: Tensor, dim: number, before: number, after: number, mode: string): void {
  const n = x.shape[dim];
  const most = mode === "reflect" ? n - 1 : mode === "circular" ? n : Number.POSITIVE_INFINITY;
  if (before <= most && after <= most && (n > 0 || before + after === 0) && n + before + after >= 0) return;
  const text =
    mode === "circular"
      ? "Padding value causes wrapping around more than once"
      : "Padding size should be less than the corresponding input dimension";
  throw new ShapeError(`pad: ${text}, but got: padding (${before}, ${after}) at dimension ${dim} of input ${formatShape(x.shape)}`, {
    shapes: [x.shape],
  });
}

/**
 * Pads the last dimensions; `pads` holds before and after of the last dimension, then of the one before it, and so on. Negative sizes cut.
 * @throws ShapeError if the padding does not fit the mode.
 * @example
 * pad(ones([1, 1, 2, 2]), [1, 1, 0, 0]); // [1, 1, 2, 4]
 */
export function pad(x: Tensor, pads: readonly number[], options: PadOptions = {}): Tensor {
  const { mode, value } = optionsOf("pad", options, { mode: "constant", value: Number });
  if (mode === "constant") return constantPadNd(x, pads, value ?? 0);
  if (!(mode in LABEL)) throw new ValueError(`pad: Unrecognised padding mode ${mode}; use constant, reflect, replicate or circular`);
  if (pads.some((p) => p < 0)) {
    // Cut first: what is cut off must not be mirrored.
    const cut = pads.map((p) => Math.min(p, 0));
    return padFromInput(
      constantPadNd(x, cut, 0),
      pads.map((p) => Math.max(p, 0)),
      mode,
    );
  }
  return padFromInput(x, pads, mode);
}

interface Blocks {
  readonly kernel: readonly number[];
  readonly dilation: readonly number[];
  readonly padding: readonly number[];
  readonly stride: readonly number[];
}

function blocksOf(op: string, kernelSize: Spatial, options: WindowOptions): Blocks {
  const kernel = spatial(kernelSize, 2, op, "kernelSize");
  const { dilation: d = 1, padding: p = 0, stride: s = 1 } = optionsOf(op, options);
  const dilation = spatial(d, 2, op, "dilation");
  const padding = spatial(p, 2, op, "padding");
  const stride = spatial(s, 2, op, "stride");
  checkAtLeast(kernel, 1, op, "kernel size should be greater than zero");
  checkAtLeast(dilation, 1, op, "dilation should be greater than zero");
  checkAtLeast(padding, 0, op, "padding should be non-negative");
  checkAtLeast(stride, 1, op, "stride should be greater than zero");
  return { kernel, dilation, padding, stride };
}

/** Number of window positions along both dimensions. */
function blockCounts(op: string, size: readonly number[], { kernel, dilation, padding, stride }: Blocks): number[] {
  const counts = size.map((n, d) => Math.floor((n + 2 * padding[d] - dilation[d] * (kernel[d] - 1) - 1) / stride[d]) + 1);
  if (counts.every((n) => n >= 1)) return counts;
  throw new ShapeError(
    `${op}: Given input with spatial size (${size.join(", ")}), kernel_size=(${kernel.join(", ")}), dilation=(${dilation.join(", ")}), ` +
      `padding=(${padding.join(", ")}), calculated shape of the array of sliding blocks as (${counts.join(", ")}), but its components must be at least one`,
  );
}

/**
 * Sliding blocks as columns (`nn.functional.unfold`): `[N, C, H, W]` to `[N, C * KH * KW, blocks]`.
 * @throws ShapeError if no block fits.
 */
export function im2col(x: Tensor, kernelSize: Spatial, options: WindowOptions = {}): Tensor {
  const blocks = blocksOf("im2col", kernelSize, options);
  const { kernel, dilation, padding, stride } = blocks;
  return batchedInput(x, 2, "im2col", (input) => [
    composite("Im2Col", [input], () => {
      const counts = blockCounts("im2col", input.shape.slice(2), blocks);
      const [n, c] = input.shape;
      let out = padding.some((p) => p > 0) ? constantPadNd(input, [padding[1], padding[1], padding[0], padding[0]], 0) : input;
      for (const d of [0, 1]) {
        const reach = dilation[d] * (kernel[d] - 1) + 1;
        out = apply("unfold", [out], { dim: 2 + d, size: reach, step: stride[d] });
        if (dilation[d] > 1) out = apply("slice", [out], { dim: 4 + d, start: 0, step: dilation[d], length: kernel[d] });
      }
      // [N, C, rows, columns, KH, KW] -> [N, C * KH * KW, rows * columns]
      return permuteTo(out, [0, 1, 4, 5, 2, 3]).reshape([n, c * sizeOf(kernel), sizeOf(counts)]);
    }),
  ])[0];
}

/** A filter per kernel position and channel that picks just that position. */
function unitFilters(x: Tensor, channels: number, kernel: readonly number[]): Tensor {
  const k = sizeOf(kernel);
  const data = x.dtype === "float64" ? new Float64Array(k * k) : new Float32Array(k * k);
  for (let i = 0; i < k; i++) data[i * k + i] = 1;
  const one = fromHost(x.storage.backend, [1, k, 1, ...kernel], x.dtype, data);
  return expandTo(one, [channels, k, 1, ...kernel]).reshape([channels * k, 1, ...kernel]);
}

/**
 * Adds columns up as sliding blocks (`nn.functional.fold`): `[N, C * KH * KW, blocks]` to `[N, C, H, W]`.
 * @throws ShapeError if the sizes do not fit.
 */
export function col2im(x: Tensor, outputSize: Spatial, kernelSize: Spatial, options: WindowOptions = {}): Tensor {
  const blocks = blocksOf("col2im", kernelSize, options);
  const size = spatial(outputSize, 2, "col2im", "outputSize");
  const counts = blockCounts("col2im", size, blocks);
  const { kernel, dilation, padding, stride } = blocks;
  return batchedInput(x, 1, "col2im", (input) => {
    const [n, rows, columns] = input.shape;
    const channels = rows / sizeOf(kernel);
    if (!Number.isInteger(channels) || columns !== sizeOf(counts)) {
      throw new ShapeError(
        `col2im: Expected size of input's dimension 1 to be divisible by the product of kernel_size ${sizeOf(kernel)} and dimension 2 to match ` +
          `the calculated number of sliding blocks ${counts.join(" * ")} = ${sizeOf(counts)}, got ${formatShape(input.shape)}`,
        { shapes: [input.shape] },
      );
    }
    const attrs = { stride, padding, dilation, groups: channels, inputShape: [n, channels, ...size] };
    const planes = input.reshape([n, rows, ...counts]);
    return [composite("Col2Im", [input], () => apply("convInput", [planes, unitFilters(input, channels, kernel)], attrs))];
  })[0];
}

/** Channels to pixels: `[..., C * r * r, H, W]` to `[..., C, H * r, W * r]`. Source: https://arxiv.org/abs/1609.05158 @throws ShapeError if the channels do not divide. */
export function pixelShuffle(x: Tensor, upscaleFactor: number): Tensor {
  const factor = upscaleFactor;
  const [c, h, w] = x.shape.slice(-3);
  if (x.ndim < 3 || c % (factor * factor) !== 0) {
    throw new ShapeError(
      `pixelShuffle: expects its input's 'channel' dimension to be divisible by the square of upscale_factor ${factor}, got ${formatShape(x.shape)}`,
      { shapes: [x.shape] },
    );
  }
  const lead = x.shape.slice(0, -3);
  const rank = lead.length;
  const out = c / (factor * factor);
  const split = x.reshape([...lead, out, factor, factor, h, w]);
  const order = [...lead.map((_, d) => d), rank, rank + 3, rank + 1, rank + 4, rank + 2];
  return composite("PixelShuffle", [x], () => permuteTo(split, order).reshape([...lead, out, h * factor, w * factor]));
}

/** Pixels to channels: `[..., C, H * r, W * r]` to `[..., C * r * r, H, W]`. @throws ShapeError if the sizes do not divide. */
export function pixelUnshuffle(x: Tensor, downscaleFactor: number): Tensor {
  const factor = downscaleFactor;
  const [c, h, w] = x.shape.slice(-3);
  if (x.ndim < 3 || h % factor !== 0 || w % factor !== 0) {
    throw new ShapeError(
      `pixelUnshuffle: expects height and width to be divisible by downscale_factor ${factor}, got ${formatShape(x.shape)}`,
      {
        shapes: [x.shape],
      },
    );
  }
  const lead = x.shape.slice(0, -3);
  const rank = lead.length;
  const split = x.reshape([...lead, c, h / factor, factor, w / factor, factor]);
  const order = [...lead.map((_, d) => d), rank, rank + 2, rank + 4, rank + 1, rank + 3];
  return composite("PixelUnshuffle", [x], () => permuteTo(split, order).reshape([...lead, c * factor * factor, h / factor, w / factor]));
}

/** Mixes channel groups (https://arxiv.org/abs/1707.01083): channel `g * k + i` of `groups` becomes `i * groups + g`. @throws ShapeError if the channels do not divide. */
export function channelShuffle(x: Tensor, groups: number): Tensor {
  const [n, c, ...rest] = x.shape;
  if (x.ndim < 3 || c % groups !== 0) {
    throw new ShapeError(`channelShuffle: Number of channels must be divisible by groups ${groups}, got ${formatShape(x.shape)}`, {
      shapes: [x.shape],
    });
  }
  return x
    .reshape([n, groups, c / groups, ...rest])
    .transpose(1, 2)
    .reshape(x.shape);
}
