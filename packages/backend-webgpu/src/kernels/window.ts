/**
 * Text and parameters of windows that slide over any number of spatial dimensions.
 *
 * @module
 */
import { range, type WindowText } from "@sconce/core/shader";
import type { Source } from "../wgsl/source.js";

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
