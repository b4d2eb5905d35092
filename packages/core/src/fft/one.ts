import { conj, requirePairs } from "../complex.js";
import { composite } from "../dispatch.js";
import { isFloatingPoint } from "../dtype.js";
import { formatShape, NotSupportedError, ShapeError, ValueError } from "../errors.js";
import { cat } from "../functions.js";
import { constantPadNd } from "../nn/pad.js";
import { optionsOf } from "../options.js";
import { normalizeDim, sizeOf } from "../shape.js";
import { narrowAt, reshapeTo } from "../tensor/compose.js";
import type { Tensor } from "../tensor/tensor.js";
import { transform } from "./transform.js";

/** Which direction of a transform is divided by its length: `"backward"` (the default), `"forward"`, or both by its root (`"ortho"`). */
export type FftNorm = "backward" | "ortho" | "forward";

/** What the transforms over one dimension take. */
export interface FftOptions {
  /** The length: the input is cut or filled up with zeros. */
  readonly n?: number | null;
  /** The dimension, the last if left out; pairs do not count as one. */
  readonly dim?: number;
  readonly norm?: FftNorm | null | undefined;
}

/** Defaults of {@link FftOptions}. */
const DEFAULTS = { n: Number, dim: -1, norm: Object } as const;

/** The factor of a transform's result. */
function scaleOf(op: string, n: number, norm: FftNorm | null, inverse: boolean): number {
  if (norm === "ortho") return 1 / Math.sqrt(n);
  if (norm !== null && norm !== "backward" && norm !== "forward")
    throw new ValueError(`${op}: Invalid normalization mode: ${JSON.stringify(norm)}`);
  return inverse === (norm !== "forward") ? 1 / n : 1;
}

/** Integers become floating-point. @throws NotSupportedError for narrower floats. */
export function floating(op: string, x: Tensor): Tensor {
  if (!isFloatingPoint(x.dtype)) return x.to({ dtype: "float32" });
  if (x.dtype === "float32" || x.dtype === "float64") return x;
  throw new NotSupportedError(`${op}: expected float32 or float64, got ${x.dtype}; convert with .float()`, { dtypes: [x.dtype] });
}

/** A dimension counted from the front. @throws ShapeError if there is none to transform. */
function transformedDim(op: string, x: Tensor, dim: number, rank: number): number {
  if (rank > 0) return normalizeDim(dim, rank, op);
  throw new ShapeError(
    `${op}: Invalid number of data points (0) specified, expected at least one dimension besides that of pairs, got ${formatShape(x.shape)}`,
    { shapes: [x.shape] },
  );
}

/** Cut or filled up with zeros along a dimension. */
function resized(op: string, x: Tensor, dim: number, n: number): Tensor {
  if (!(Number.isInteger(n) && n > 0)) throw new ShapeError(`${op}: Invalid number of data points (${n}) specified`, { shapes: [x.shape] });
  if (x.shape[dim] >= n) return narrowAt(x, dim, 0, n);
  return constantPadNd(x, [...new Array<number>(2 * (x.ndim - 1 - dim)).fill(0), 0, n - x.shape[dim]]);
}

/** Rows along `dim` of a tensor with `rank` dimensions besides its pairs, transformed and put back. */
function along(x: Tensor, dim: number, real: boolean, run: (rows: Tensor) => Tensor): Tensor {
  const last = x.ndim - (real ? 1 : 2);
  const moved = x.movedim(dim, last);
  const lead = moved.shape.slice(0, last);
  const n = moved.shape[last];
  const out = run(reshapeTo(moved, real ? [sizeOf(lead), n] : [sizeOf(lead), n, 2]));
  return reshapeTo(out, [...lead, ...out.shape.slice(1)]).movedim(last, dim);
}

interface Plan {
  readonly op: string;
  readonly options: FftOptions;
  readonly sign: 1 | -1;
}

/** Pairs to pairs. */
function complexToComplex(z: Tensor, { op, options, sign }: Plan): Tensor {
  const { n, dim, norm } = optionsOf(op, options, DEFAULTS);
  const pairs = floating(op, requirePairs(op, z));
  const d = transformedDim(op, pairs, dim, pairs.ndim - 1);
  const x = resized(op, pairs, d, n ?? pairs.shape[d]);
  const scale = scaleOf(op, x.shape[d], norm, sign === 1);
  return composite("FftC2C", [pairs], () =>
    scaled(
      along(x, d, false, (rows) => transform(rows, x.shape[d], sign, false)),
      scale,
    ),
  );
}

function scaled(x: Tensor, factor: number): Tensor {
  return factor === 1 ? x : x.mul(factor);
}

/** Real numbers to the first half of their spectrum. */
function realToComplex(given: Tensor, { op, options, sign }: Plan): Tensor {
  const { n, dim, norm } = optionsOf(op, options, DEFAULTS);
  const real = floating(op, given);
  const d = transformedDim(op, real, dim, real.ndim);
  const x = resized(op, real, d, n ?? real.shape[d]);
  const length = x.shape[d];
  const half = Math.floor(length / 2) + 1;
  const scale = scaleOf(op, length, norm, sign === 1);
  return composite("FftR2C", [real], () =>
    scaled(
      along(x, d, true, (rows) => narrowAt(transform(rows, length, sign, true), 1, 0, half)),
      scale,
    ),
  );
}

/** The first half of a spectrum to the real numbers that have it. */
function complexToReal(z: Tensor, { op, options, sign }: Plan): Tensor {
  const { n, dim, norm } = optionsOf(op, options, DEFAULTS);
  const pairs = floating(op, requirePairs(op, z));
  const d = transformedDim(op, pairs, dim, pairs.ndim - 1);
  const length = n ?? 2 * (pairs.shape[d] - 1);
  if (length < 1) throw new ShapeError(`${op}: Invalid number of data points (${length}) specified`, { shapes: [z.shape] });
  const half = Math.floor(length / 2) + 1;
  const x = resized(op, pairs, d, half);
  const scale = scaleOf(op, length, norm, sign === 1);
  return composite("FftC2R", [pairs], () => {
    const rows = along(x, d, false, (spectrum) => {
      const inner = narrowAt(spectrum, 1, 1, length - half);
      const whole = length > half ? cat([spectrum, conj(inner.flip(1))], 1) : spectrum;
      return transform(whole, length, sign, false);
    });
    return scaled(rows.select(-1, 0), scale);
  });
}

/**
 * The discrete Fourier transform of pairs `[..., 2]` along a dimension; `complex(x)` makes pairs of real numbers.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.fft.fft.html
 *
 * @throws ShapeError unless the last dimension holds pairs and the length is positive.
 * @example
 * import "@sconce/backend-cpu";
 * import { tensor } from "@sconce/core";
 * import { complex } from "@sconce/core/complex";
 * import { fft } from "@sconce/core/fft";
 * fft(complex(tensor([1, 0, 0, 0]))); // [[1, 0], [1, 0], [1, 0], [1, 0]]
 */
export function fft(z: Tensor, options: FftOptions = {}): Tensor {
  return complexToComplex(z, { op: "fft.fft", options, sign: -1 });
}

/** The inverse of {@link fft}. @throws ShapeError unless the last dimension holds pairs and the length is positive. */
export function ifft(z: Tensor, options: FftOptions = {}): Tensor {
  return complexToComplex(z, { op: "fft.ifft", options, sign: 1 });
}

/**
 * The transform of real numbers along a dimension: pairs of the frequencies 0 to n / 2, the others being their conjugates.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.fft.rfft.html
 *
 * @throws ShapeError unless the length is positive.
 * @example
 * import "@sconce/backend-cpu";
 * import { ones } from "@sconce/core";
 * import { rfft } from "@sconce/core/fft";
 * rfft(ones(4)); // [[4, 0], [0, 0], [0, 0]]
 */
export function rfft(x: Tensor, options: FftOptions = {}): Tensor {
  return realToComplex(x, { op: "fft.rfft", options, sign: -1 });
}

/**
 * The inverse of {@link rfft}. The length n of the result is `2 (frequencies - 1)` if left out: give it for odd lengths.
 * @throws ShapeError unless the last dimension holds pairs and the length is positive.
 */
export function irfft(z: Tensor, options: FftOptions = {}): Tensor {
  return complexToReal(z, { op: "fft.irfft", options, sign: 1 });
}

/** The real transform of a signal whose second half is the conjugate of the first, which is given as pairs. */
export function hfft(z: Tensor, options: FftOptions = {}): Tensor {
  return complexToReal(z, { op: "fft.hfft", options, sign: -1 });
}

/** The inverse of {@link hfft}. */
export function ihfft(x: Tensor, options: FftOptions = {}): Tensor {
  return realToComplex(x, { op: "fft.ihfft", options, sign: 1 });
}
