/**
 * Pooling by windows that slide: what the kernels of each language consist of, and their parameters.
 *
 * @module
 */
import type { AvgPoolAttrs, PoolAttrs } from "../backend.js";
import type { DType } from "../dtype.js";
import type { Layout, Shape } from "../shape.js";
import { literalText } from "./expr.js";
import { type Kind, kindOf, typeOf } from "./kinds.js";
import { coordinates } from "./layout.js";
import type { Text } from "./text.js";
import { range, sum, type WindowText, windowParams, windowText } from "./window.js";
import type { Words } from "./words.js";

/** The text of the element of a tensor `[N, C, ...]` at an address. */
type Reads = (at: string) => string;

/** Reserves the address of the planes of coordinates `c0` and `c1`, and adds it; returns the text of an element by the name of its coordinates. */
function planeText(text: Text, spatial: number, read: Reads): (name: string) => string {
  const offset = text.int();
  const strides = text.ints(2 + spatial);
  text.add(`int base = ${offset} + c0 * ${strides[0]} + c1 * ${strides[1]};`);
  return (name) => read(`base + ${sum(range(spatial).map((d) => `${name}${d} * ${strides[2 + d]}`))}`);
}

/** Opens loops over a window's elements inside the input, whose coordinates are `p0` ...; `spatial` braces close them. */
function openWindow(text: Text, sizes: readonly string[], { kernel, stride, padding, dilation }: WindowText): void {
  for (const d of range(sizes.length)) {
    text.add(`for (int k${d} = 0; k${d} < ${kernel[d]}; k${d}++) {`);
    text.add(`int p${d} = c${2 + d} * ${stride[d]} - ${padding[d]} + k${d} * ${dilation[d]};`);
    text.add(`if (p${d} < 0 || p${d} >= ${sizes[d]}) { continue; }`);
  }
}

const LOWEST: { readonly [K in Kind]: number } = { float: Number.NEGATIVE_INFINITY, int: -2147483648, byte: 0, bool: 0 };

/** Statements that leave in `best` the greatest element of window `index`, and in `found` its position. */
export function maxPoolText(text: Text, spatial: number, dtype: DType, read: Reads): void {
  text.add(...coordinates(text, 2 + spatial, "index"));
  const sizes = text.ints(spatial);
  const window = windowText(text, spatial);
  const element = planeText(text, spatial, read);
  text.add("int found = -1;", `${typeOf(dtype)} best = ${literalText(LOWEST[kindOf(dtype)], dtype)};`);
  openWindow(text, sizes, window);
  const place = range(spatial).reduce((at, d) => (d === 0 ? "p0" : `(${at}) * ${sizes[d]} + p${d}`), "0");
  // After a NaN only another one wins.
  const wins = kindOf(dtype) === "float" ? "sc_isnan(y) || (y > best && !sc_isnan(best))" : "y > best";
  text.add(`${typeOf(dtype)} y = ${element("p")};`, `if (found < 0 || ${wins}) { best = y; found = ${place}; }`, "}".repeat(spatial));
}

/** The numbers of {@link maxPoolText}, in its order. */
export function writeMaxPool(words: Words, x: Layout, output: Shape, attrs: PoolAttrs): void {
  words.ints(output.slice(1)).ints(x.shape.slice(2)).ints(windowParams(attrs.kernel, attrs)).int(x.offset).ints(x.strides);
}

/** Statements that leave in `divisor` what the sum of the window of coordinates `<name>0` ... is divided by. */
function divisorText(text: Text, sizes: readonly string[], { kernel, stride, padding }: WindowText, name: (d: number) => string): void {
  const [given, pad] = [text.float(), text.int()];
  for (const d of range(sizes.length)) {
    text.add(
      `int w${d} = ${name(d)} * ${stride[d]} - ${padding[d]};`,
      `int e${d} = min(w${d} + ${kernel[d]}, ${sizes[d]} + ${padding[d]});`,
    );
    text.add(`int n${d} = select(min(e${d}, ${sizes[d]}) - max(w${d}, 0), e${d} - w${d}, ${pad} != 0);`);
  }
  const count = range(sizes.length).map((d) => `float(n${d})`);
  text.add(`float divisor = select(${count.join(" * ")}, ${given}, ${given} != 0.0);`);
}

/** Statements that leave in `total` the mean of window `index`. */
export function avgPoolText(text: Text, spatial: number, read: Reads): void {
  text.add(...coordinates(text, 2 + spatial, "index"));
  const sizes = text.ints(spatial);
  const window = windowText(text, spatial);
  const element = planeText(text, spatial, read);
  text.add("float total = 0.0;");
  openWindow(text, sizes, window);
  text.add(`total = total + ${element("p")};`, "}".repeat(spatial));
  divisorText(text, sizes, window, (d) => `c${2 + d}`);
  text.add("total = sc_divide(total, divisor);");
}

function writeWindows(words: Words, x: Layout, { kernel, stride, padding, divisor, countIncludePad }: AvgPoolAttrs): void {
  words
    .ints(windowParams(kernel, { stride, padding, dilation: kernel.map(() => 1) }))
    .int(x.offset)
    .ints(x.strides);
  words.float(divisor ?? 0).int(countIncludePad ? 1 : 0);
}

/** The numbers of {@link avgPoolText}, in its order. */
export function writeAvgPool(words: Words, x: Layout, output: Shape, attrs: AvgPoolAttrs): void {
  writeWindows(words.ints(output.slice(1)).ints(x.shape.slice(2)), x, attrs);
}

/** Statements that leave in `total` what element `index` of the input gathers from the windows that hold it. */
export function avgPoolGradText(text: Text, spatial: number, read: Reads): void {
  text.add(...coordinates(text, 2 + spatial, "index"));
  const [sizes, counts] = [text.ints(spatial), text.ints(spatial)];
  const window = windowText(text, spatial);
  const element = planeText(text, spatial, read);
  text.add("float total = 0.0;");
  for (const d of range(spatial)) {
    const [at, kernel, stride] = [`(c${2 + d} + ${window.padding[d]})`, window.kernel[d], window.stride[d]];
    text.add(`int last${d} = min(${at} / ${stride}, ${counts[d]} - 1);`);
    text.add(`for (int o${d} = select(0, (${at} - ${kernel} + ${stride}) / ${stride}, ${at} >= ${kernel}); o${d} <= last${d}; o${d}++) {`);
  }
  divisorText(text, sizes, window, (d) => `o${d}`);
  text.add(`total = total + sc_divide(${element("o")}, divisor);`, "}".repeat(spatial));
}

/** The numbers of {@link avgPoolGradText}, in its order. */
export function writeAvgPoolGrad(words: Words, grad: Layout, output: Shape, attrs: AvgPoolAttrs): void {
  writeWindows(words.ints(output.slice(1)).ints(output.slice(2)).ints(grad.shape.slice(2)), grad, attrs);
}
