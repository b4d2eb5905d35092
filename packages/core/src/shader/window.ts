import type { Text } from "./text.js";

/** Texts of one entry for each spatial dimension of a window that slides. */
export interface WindowText {
  /** Sizes. */
  readonly kernel: readonly string[];
  /** Steps between windows. */
  readonly stride: readonly string[];
  /** Elements before the first. */
  readonly padding: readonly string[];
  /** Steps within a window. */
  readonly dilation: readonly string[];
}

/** Reserves the parameters of a window: kernel, stride, padding and dilation of each dimension. */
export function windowText(text: Text, spatial: number): WindowText {
  const [kernel, stride, padding, dilation] = range(4).map(() => text.ints(spatial));
  return { kernel, stride, padding, dilation };
}

/** The numbers of {@link windowText}, in its order. */
export function windowParams(
  kernel: readonly number[],
  { stride, padding, dilation }: { readonly [K in "stride" | "padding" | "dilation"]: readonly number[] },
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
