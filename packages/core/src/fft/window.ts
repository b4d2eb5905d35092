import { tensor } from "../creation.js";
import type { TensorOptions } from "../creation-options.js";
import { ValueError } from "../errors.js";
import { optionsOf } from "../options.js";
import type { Tensor } from "../tensor/tensor.js";

/** What the windows take. */
export interface WindowOptions extends TensorOptions {
  /** One period of a periodic window, the default, where it would be symmetric. */
  readonly periodic?: boolean;
}

function made(op: string, length: number, options: WindowOptions, at: (t: number) => number): Tensor {
  const { periodic } = optionsOf(op, options, { periodic: true });
  if (!(Number.isInteger(length) && length >= 0))
    throw new ValueError(`${op}: requires non-negative window_length, got window_length=${length}`);
  const span = periodic ? length : length - 1;
  const data = Float64Array.from({ length }, (_, i) => (length === 1 ? 1 : at(i / span)));
  return tensor(data, { dtype: "float32", ...options });
}

/** The Hann window of `length` samples: a raised cosine. Source: https://pytorch.org/docs/stable/generated/torch.hann_window.html */
export function hannWindow(length: number, options: WindowOptions = {}): Tensor {
  return made("hannWindow", length, options, (t) => 0.5 - 0.5 * Math.cos(2 * Math.PI * t));
}

/** The Hamming window of `length` samples. Source: https://pytorch.org/docs/stable/generated/torch.hamming_window.html */
export function hammingWindow(length: number, options: WindowOptions & { readonly alpha?: number; readonly beta?: number } = {}): Tensor {
  const { alpha, beta } = optionsOf("hammingWindow", options, { alpha: 0.54, beta: 0.46 });
  return made("hammingWindow", length, options, (t) => alpha - beta * Math.cos(2 * Math.PI * t));
}

/** The Blackman window of `length` samples. Source: https://pytorch.org/docs/stable/generated/torch.blackman_window.html */
export function blackmanWindow(length: number, options: WindowOptions = {}): Tensor {
  return made("blackmanWindow", length, options, (t) => 0.42 - 0.5 * Math.cos(2 * Math.PI * t) + 0.08 * Math.cos(4 * Math.PI * t));
}

/** The Bartlett window of `length` samples: a triangle. Source: https://pytorch.org/docs/stable/generated/torch.bartlett_window.html */
export function bartlettWindow(length: number, options: WindowOptions = {}): Tensor {
  return made("bartlettWindow", length, options, (t) => 1 - Math.abs(2 * t - 1));
}

/** The Kaiser window of `length` samples. Source: https://pytorch.org/docs/stable/generated/torch.kaiser_window.html */
export function kaiserWindow(length: number, options: WindowOptions & { readonly beta?: number } = {}): Tensor {
  const { beta } = optionsOf("kaiserWindow", options, { beta: 12 });
  return made("kaiserWindow", length, options, (t) => besselI0(beta * Math.sqrt(Math.max(1 - (2 * t - 1) ** 2, 0))) / besselI0(beta));
}

/** Its power series. */
function besselI0(x: number): number {
  let [sum, term] = [1, 1];
  for (let k = 1; term > sum * Number.EPSILON; k++) {
    term *= (x / 2 / k) ** 2;
    sum += term;
  }
  return sum;
}
