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

/** Statements that split the vector `rest` into coordinates `<name>0` ... over sizes; what is left over stays in `rest`. */
export function splitText(name: string, sizes: readonly string[], rest: string): string[] {
  const lines: string[] = [];
  for (let d = sizes.length - 1; d >= 0; d--) lines.push(`let ${name}${d} = ${rest} % ${sizes[d]};`, `${rest} = ${rest} / ${sizes[d]};`);
  return lines;
}

/** Statements that leave the operand's coordinates `p<d>` of the four positions, and in `ok` which of them lie inside. */
export function sourceText(source: Source, back: boolean, inSizes: readonly string[], window: WindowText): void {
  source.add("var ok = vec4<bool>(true);");
  for (const d of range(inSizes.length)) {
    const [stride, padding, step] = [window.stride[d], window.padding[d], `k${d} * ${window.dilation[d]}`];
    if (back) {
      source.add(`let t${d} = o${d} + ${padding} - ${step};`, `let p${d} = t${d} / ${stride};`);
      source.add(`ok = ok & (t${d} >= vec4<i32>()) & (p${d} * ${stride} == t${d}) & (p${d} < vec4<i32>(${inSizes[d]}));`);
    } else {
      source.add(`let p${d} = o${d} * ${stride} - ${padding} + ${step};`);
      source.add(`ok = ok & (p${d} >= vec4<i32>()) & (p${d} < vec4<i32>(${inSizes[d]}));`);
    }
  }
}
