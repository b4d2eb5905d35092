import { ShapeError } from "../errors.js";
import { optionsOf } from "../options.js";
import { normalizeDim } from "../shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { type FftNorm, type FftOptions, fft, hfft, ifft, ihfft, irfft, rfft } from "./one.js";

/** What the transforms over several dimensions take. */
export interface FftnOptions {
  /** The length of each dimension; -1 leaves one as it is. */
  readonly s?: number | readonly number[] | null;
  /** The dimensions; without, the last `s.length`, or all. Pairs do not count as one. */
  readonly dim?: number | readonly number[] | null;
  readonly norm?: FftNorm | null | undefined;
}

type Transform = (x: Tensor, options: FftOptions) => Tensor;

/** A length for each dimension, null where it stays. */
interface Extent {
  readonly dim: number;
  readonly n: number | null;
}

function extents(op: string, rank: number, options: FftnOptions): readonly Extent[] {
  const { s, dim } = optionsOf(op, options, { s: Object, dim: Object });
  const lengths = s === null ? null : [s].flat();
  const count = lengths?.length ?? rank;
  const dims =
    dim === null ? Array.from({ length: count }, (_, i) => rank - count + i) : [dim].flat().map((d) => normalizeDim(d, rank, op));
  if (new Set(dims).size < dims.length) throw new ShapeError(`${op}: FFT dims must be unique, got [${dims}]`);
  if (lengths !== null && lengths.length !== dims.length) {
    throw new ShapeError(`${op}: When given, dim and shape arguments must have the same length, got [${dims}] and [${lengths}]`);
  }
  if (dims.some((d) => d < 0)) throw new ShapeError(`${op}: Got shape with ${count} values but input tensor only has ${rank} dimensions`);
  if (dims.length === 0) throw new ShapeError(`${op}: must transform at least one axis`);
  return dims.map((d, i) => ({ dim: d, n: lengths === null || lengths[i] === -1 ? null : lengths[i] }));
}

/** Transforms one dimension after the other: `last` for the last of them, `others` for those before, which run first if `lastAtEnd`. */
function overAll(
  x: Tensor,
  list: readonly Extent[],
  norm: FftNorm | null | undefined,
  last: Transform,
  others: Transform,
  lastAtEnd: boolean,
): Tensor {
  const run = (y: Tensor, { dim, n }: Extent, one: Transform): Tensor => one(y, { dim, n, norm });
  const rest = list.slice(0, -1);
  const end = list[list.length - 1];
  if (lastAtEnd)
    return run(
      rest.reduce((y, one) => run(y, one, others), x),
      end,
      last,
    );
  return rest.reduce((y, one) => run(y, one, others), run(x, end, last));
}

/** {@link fft} over several dimensions, all if none is named. @throws ShapeError if sizes and dimensions do not fit. */
export function fftn(z: Tensor, options: FftnOptions = {}): Tensor {
  return overAll(z, extents("fft.fftn", z.ndim - 1, options), options.norm, fft, fft, false);
}

/** The inverse of {@link fftn}. @throws ShapeError if sizes and dimensions do not fit. */
export function ifftn(z: Tensor, options: FftnOptions = {}): Tensor {
  return overAll(z, extents("fft.ifftn", z.ndim - 1, options), options.norm, ifft, ifft, false);
}

/** {@link rfft} over the last of several dimensions, {@link fft} over the others. @throws ShapeError if sizes and dimensions do not fit. */
export function rfftn(x: Tensor, options: FftnOptions = {}): Tensor {
  return overAll(x, extents("fft.rfftn", x.ndim, options), options.norm, rfft, fft, false);
}

/** The inverse of {@link rfftn}. @throws ShapeError if sizes and dimensions do not fit. */
export function irfftn(z: Tensor, options: FftnOptions = {}): Tensor {
  return overAll(z, extents("fft.irfftn", z.ndim - 1, options), options.norm, irfft, ifft, true);
}

/** {@link hfft} over the last of several dimensions, {@link fft} over the others. @throws ShapeError if sizes and dimensions do not fit. */
export function hfftn(z: Tensor, options: FftnOptions = {}): Tensor {
  return overAll(z, extents("fft.hfftn", z.ndim - 1, options), options.norm, hfft, fft, true);
}

/** The inverse of {@link hfftn}. @throws ShapeError if sizes and dimensions do not fit. */
export function ihfftn(x: Tensor, options: FftnOptions = {}): Tensor {
  return overAll(x, extents("fft.ihfftn", x.ndim, options), options.norm, ihfft, ifft, false);
}

const two = (options: FftnOptions): FftnOptions => ({ dim: [-2, -1], ...optionsOf("fft", options) });

/** {@link fftn} over the last two dimensions. */
export function fft2(z: Tensor, options: FftnOptions = {}): Tensor {
  return fftn(z, two(options));
}

/** {@link ifftn} over the last two dimensions. */
export function ifft2(z: Tensor, options: FftnOptions = {}): Tensor {
  return ifftn(z, two(options));
}

/** {@link rfftn} over the last two dimensions. */
export function rfft2(x: Tensor, options: FftnOptions = {}): Tensor {
  return rfftn(x, two(options));
}

/** {@link irfftn} over the last two dimensions. */
export function irfft2(z: Tensor, options: FftnOptions = {}): Tensor {
  return irfftn(z, two(options));
}

/** {@link hfftn} over the last two dimensions. */
export function hfft2(z: Tensor, options: FftnOptions = {}): Tensor {
  return hfftn(z, two(options));
}

/** {@link ihfftn} over the last two dimensions. */
export function ihfft2(x: Tensor, options: FftnOptions = {}): Tensor {
  return ihfftn(x, two(options));
}
