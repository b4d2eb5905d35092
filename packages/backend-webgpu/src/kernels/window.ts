/**
 * Text and parameters of windows that slide over any number of spatial dimensions.
 *
 * @module
 */
import type { Source } from "../wgsl/source.js";

/** Texts of one entry for each spatial dimension. */
export interface WindowText {
  readonly kernel: readonly string[];
  readonly stride: readonly string[];
  readonly padding: readonly string[];
  readonly dilation: readonly string[];
}

/** Reserves the parameters of a window: kernel, stride, padding and dilation of each dimension. */
export function windowText(source: Source, spatial: number): WindowText {
  const [kernel, stride, padding, dilation] = [0, 1, 2, 3].map(() => source.ints(spatial));
  return { kernel, stride, padding, dilation };
}

/** The numbers of {@link windowText}, in its order. */
export function windowParams(
  kernel: readonly number[],
  {
    stride,
    padding,
    dilation,
  }: { readonly stride: readonly number[]; readonly padding: readonly number[]; readonly dilation: readonly number[] },
): number[] {
  return [...kernel, ...stride, ...padding, ...dilation];
}

/** Numbers from 0 below n. */
export function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}

/** `a + b + ...`, or 0. */
export function sum(terms: readonly string[]): string {
  return terms.length === 0 ? "0" : terms.join(" + ");
}
