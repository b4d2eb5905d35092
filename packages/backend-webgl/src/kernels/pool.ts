import { type AvgPoolAttrs, type DType, sizeOf } from "@sconce/core";
import { coordinates, kindOf, literalText, range, sum, typeOf, type WindowText, windowParams, windowText } from "@sconce/core/shader";
import { Source } from "../glsl/source.js";
import { toStorage } from "../glsl/storage.js";
import type { Params } from "../params.js";
import type { Kernel } from "./kernel.js";

/** Opens a loop over a window's elements inside the input, whose coordinates are `p0` ...; returns how many braces to close. */
function openWindow(source: Source, sizes: readonly string[], { kernel, stride, padding, dilation }: WindowText): number {
  for (const d of range(sizes.length)) {
    source.add(`for (int k${d} = 0; k${d} < ${kernel[d]}; k${d}++) {`);
    source.add(
      `int p${d} = c${2 + d} * ${stride[d]} - ${padding[d]} + k${d} * ${dilation[d]};`,
      `if (p${d} < 0 || p${d} >= ${sizes[d]}) { continue; }`,
    );
  }
  return sizes.length;
}

const LOWEST = { float: Number.NEGATIVE_INFINITY, int: -2147483648, byte: 0, bool: 0 };

/** The greatest element of each window, or its position. */
function printMaxPool(spatial: number, dtype: DType, positions: boolean): Source {
  const source = new Source();
  const x = source.read(dtype);
  source.add(...coordinates(source, 2 + spatial, "index"));
  const sizes = source.ints(spatial);
  const window = windowText(source, spatial);
  const offset = source.int();
  const strides = source.ints(2 + spatial);
  source.add(`int base = ${offset} + c0 * ${strides[0]} + c1 * ${strides[1]};`, "int found = -1;");
  source.add(`${typeOf(dtype)} best = ${literalText(LOWEST[kindOf(dtype)], dtype)};`);
  const braces = openWindow(source, sizes, window);
  source.add(`${typeOf(dtype)} y = ${x.at(`base + ${sum(range(spatial).map((d) => `p${d} * ${strides[2 + d]}`))}`)};`);
  const place = range(spatial).reduce((text, d) => (d === 0 ? "p0" : `(${text}) * ${sizes[d]} + p${d}`), "0");
  const float = kindOf(dtype) === "float";
  // After a NaN only another one wins.
  const wins = float ? "sc_isnan(y) || (y > best && !sc_isnan(best))" : "y > best";
  source.add(`if (found < 0 || ${wins}) { best = y; found = ${place}; }`, "}".repeat(braces));
  source.add(positions ? "return sc_store_int(found);" : `return ${toStorage(dtype, "best")};`);
  return source;
}

export const maxPool: Kernel<"maxPool"> = (machine, [x], outputs, attrs) => {
  const spatial = x.shape.length - 2;
  const [inputSize, outputSize] = [x.shape.slice(2), outputs[0].shape.slice(2)];
  const blocks = outputs.map((spec, i) => {
    const block = machine.alloc(spec);
    const program = machine.program(`maxPool ${i} ${spatial} ${x.dtype}`, () => printMaxPool(spatial, x.dtype, i === 1));
    const params = machine.params().ints(spec.shape.slice(1)).ints(inputSize);
    params.ints(windowParams(attrs.kernel, attrs)).int(x.offset).ints(x.strides);
    machine.run(program, [x.block], block, sizeOf(spec.shape));
    return block;
  });
  blocks[1].windows = { ...attrs, inputSize, outputSize };
  return blocks;
};

/** Statements that leave in `divisor` what the sum of the window of coordinates `name(0)` ... is divided by. */
function divisorText(source: Source, sizes: readonly string[], window: WindowText, name: (d: number) => string): string[] {
  const [given, pad] = [source.float(), source.int()];
  const lines = range(sizes.length).flatMap((d) => [
    `int w${d} = ${name(d)} * ${window.stride[d]} - ${window.padding[d]};`,
    `int e${d} = min(w${d} + ${window.kernel[d]}, ${sizes[d]} + ${window.padding[d]});`,
    `int n${d} = ${pad} != 0 ? e${d} - w${d} : min(e${d}, ${sizes[d]}) - max(w${d}, 0);`,
  ]);
  const count = range(sizes.length).map((d) => `float(n${d})`);
  return [...lines, `float divisor = ${given} != 0.0 ? ${given} : ${count.join(" * ")};`];
}

function printAvgPool(spatial: number): Source {
  const source = new Source();
  const x = source.read("float32");
  source.add(...coordinates(source, 2 + spatial, "index"));
  const sizes = source.ints(spatial);
  const window = windowText(source, spatial);
  const offset = source.int();
  const strides = source.ints(2 + spatial);
  source.add(`int base = ${offset} + c0 * ${strides[0]} + c1 * ${strides[1]};`, "float total = 0.0;");
  const braces = openWindow(source, sizes, window);
  source.add(`total += ${x.raw(`base + ${sum(range(spatial).map((d) => `p${d} * ${strides[2 + d]}`))}`)};`, "}".repeat(braces));
  source.add(...divisorText(source, sizes, window, (d) => `c${2 + d}`), "return sc_divide(total, divisor);");
  return source;
}

const ones = ({ kernel, stride, padding }: AvgPoolAttrs): number[] =>
  windowParams(kernel, { stride, padding, dilation: kernel.map(() => 1) });

function writeDivisor(params: Params, { divisor, countIncludePad }: AvgPoolAttrs): void {
  params.float(divisor ?? 0).int(countIncludePad ? 1 : 0);
}

export const avgPool: Kernel<"avgPool"> = (machine, [x], [output], attrs) => {
  const spatial = x.shape.length - 2;
  const block = machine.alloc(output);
  const program = machine.program(`avgPool ${spatial}`, () => printAvgPool(spatial));
  const params = machine.params().ints(output.shape.slice(1)).ints(x.shape.slice(2)).ints(ones(attrs)).int(x.offset).ints(x.strides);
  writeDivisor(params, attrs);
  machine.run(program, [x.block], block, sizeOf(output.shape));
  return [block];
};

/** Each element of the input gathers its share of the windows that hold it. */
function printAvgPoolGrad(spatial: number): Source {
  const source = new Source();
  const grad = source.read("float32");
  source.add(...coordinates(source, 2 + spatial, "index"));
  const [sizes, counts] = [source.ints(spatial), source.ints(spatial)];
  const window = windowText(source, spatial);
  const offset = source.int();
  const strides = source.ints(2 + spatial);
  source.add(`int base = ${offset} + c0 * ${strides[0]} + c1 * ${strides[1]};`, "float total = 0.0;");
  for (const d of range(spatial)) {
    const at = `(c${2 + d} + ${window.padding[d]})`;
    source.add(`int last${d} = min(${at} / ${window.stride[d]}, ${counts[d]} - 1);`);
    source.add(
      `int first${d} = ${at} < ${window.kernel[d]} ? 0 : (${at} - ${window.kernel[d]} + ${window.stride[d]}) / ${window.stride[d]};`,
    );
    source.add(`for (int o${d} = first${d}; o${d} <= last${d}; o${d}++) {`);
  }
  source.add(...divisorText(source, sizes, window, (d) => `o${d}`));
  source.add(`total += sc_divide(${grad.raw(`base + ${sum(range(spatial).map((d) => `o${d} * ${strides[2 + d]}`))}`)}, divisor);`);
  source.add("}".repeat(spatial), "return total;");
  return source;
}

export const avgPoolGrad: Kernel<"avgPoolGrad"> = (machine, [grad], [output], attrs) => {
  const spatial = output.shape.length - 2;
  const block = machine.alloc(output);
  const program = machine.program(`avgPoolGrad ${spatial}`, () => printAvgPoolGrad(spatial));
  const params = machine.params().ints(output.shape.slice(1)).ints(output.shape.slice(2)).ints(grad.shape.slice(2));
  params.ints(ones(attrs)).int(grad.offset).ints(grad.strides);
  writeDivisor(params, attrs);
  machine.run(program, [grad.block], block, sizeOf(output.shape));
  return [block];
};
