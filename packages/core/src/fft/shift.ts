import type { TensorOptions } from "../creation-options.js";
import { arange } from "../creation-ranges.js";
import { optionsOf } from "../options.js";
import { normalizeDims } from "../shape.js";
import type { Tensor } from "../tensor/tensor.js";

/** What the shifts take. */
export interface ShiftOptions {
  /** The dimensions, all if left out: name them for pairs, whose last dimension stays. */
  readonly dim?: number | readonly number[] | null;
}

function rolled(op: string, x: Tensor, options: ShiftOptions, by: (n: number) => number): Tensor {
  const dims = normalizeDims(optionsOf(op, options, { dim: Object }).dim, x.ndim, op);
  return dims.length === 0
    ? x.clone()
    : x.roll(
        dims.map((d) => by(x.shape[d])),
        dims,
      );
}

/** Moves frequency 0 to the middle. */
export function fftshift(x: Tensor, options: ShiftOptions = {}): Tensor {
  return rolled("fft.fftshift", x, options, (n) => Math.floor(n / 2));
}

/** The inverse of {@link fftshift}. */
export function ifftshift(x: Tensor, options: ShiftOptions = {}): Tensor {
  return rolled("fft.ifftshift", x, options, (n) => Math.floor((n + 1) / 2));
}

/** What the frequencies take. */
export interface FrequencyOptions extends TensorOptions {
  /** The time between two samples, 1 if left out. */
  readonly d?: number;
}

/** The frequencies of {@link fft}'s results for a length n: 0 and the positive ones, then the negative ones. */
export function fftfreq(n: number, options: FrequencyOptions = {}): Tensor {
  const { d } = optionsOf("fft.fftfreq", options, { d: 1 });
  const positive = Math.floor((n - 1) / 2) + 1;
  const k = arange(n, { dtype: "float32", ...options });
  return k.where(k.lt(positive), k.sub(n)).div(n * d);
}

/** The frequencies of {@link rfft}'s results for a length n. */
export function rfftfreq(n: number, options: FrequencyOptions = {}): Tensor {
  const { d } = optionsOf("fft.rfftfreq", options, { d: 1 });
  return arange(Math.floor(n / 2) + 1, { dtype: "float32", ...options }).div(n * d);
}
