import { type AvgPoolAttrs, type DType, sizeOf } from "@sconce/core";
import { coordinates, literalText, range, sum, windowParams, windowText } from "@sconce/core/shader";
import type { Machine } from "../machine.js";
import { fromStorage, Source, STORAGE_TYPE, VALUE_TYPE } from "../wgsl/source.js";
import { type Kernel, WORKGROUP } from "./kernel.js";

/** Opens a loop over a window's elements inside the input, whose coordinates are `p0` ...; returns how many braces to close. */
function openWindow(
  source: Source,
  spatial: number,
  sizes: readonly string[],
  { kernel, stride, padding, dilation }: ReturnType<typeof windowText>,
): number {
  for (const d of range(spatial)) {
    source.add(`for (var k${d} = 0; k${d} < ${kernel[d]}; k${d}++) {`);
    source.add(
      `let p${d} = c${2 + d} * ${stride[d]} - ${padding[d]} + k${d} * ${dilation[d]};`,
      `if (p${d} < 0 || p${d} >= ${sizes[d]}) { continue; }`,
    );
  }
  return spatial;
}

function printMaxPool(spatial: number, dtype: DType): Source {
  const source = new Source(WORKGROUP);
  const x = source.read(STORAGE_TYPE[dtype]);
  const [values, positions] = [source.write(STORAGE_TYPE[dtype]), source.write("i32")];
  source.add(...coordinates(source, 2 + spatial, "index"));
  const sizes = source.ints(spatial);
  const window = windowText(source, spatial);
  const offset = source.int();
  const strides = source.ints(2 + spatial);
  const lowest = literalText(dtype === "float32" ? Number.NEGATIVE_INFINITY : dtype === "int32" ? -2147483648 : 0, dtype);
  source.add(
    `let base = ${offset} + c0 * ${strides[0]} + c1 * ${strides[1]};`,
    `var best: ${VALUE_TYPE[dtype]} = ${lowest};`,
    "var found = -1;",
  );
  const braces = openWindow(source, spatial, sizes, window);
  source.add(`let y = ${fromStorage(dtype, `${x}[base + ${sum(range(spatial).map((d) => `p${d} * ${strides[2 + d]}`))}]`)};`);
  const place = range(spatial).reduce((text, d) => (d === 0 ? "p0" : `(${text}) * ${sizes[d]} + p${d}`), "0");
  const wins = dtype === "float32" ? "y > best || sc_isnan(y)" : "y > best";
  // After a NaN only another one wins: comparisons with it are false.
  const held = dtype === "float32" ? "!sc_isnan(best) || sc_isnan(y)" : "true";
  source.add(`if (found < 0 || ((${wins}) && (${held}))) { best = y; found = ${place}; }`, "}".repeat(braces));
  source.add(`${values}[index] = best;`, `${positions}[index] = found;`);
  return source;
}

export const maxPool: Kernel<"maxPool"> = (machine, [x], outputs, attrs) => {
  const spatial = x.shape.length - 2;
  const blocks = outputs.map((spec) => machine.alloc(spec));
  const program = machine.program(`maxPool ${spatial} ${x.dtype}`, () => printMaxPool(spatial, x.dtype));
  const params = machine.params().ints(outputs[0].shape.slice(1)).ints(x.shape.slice(2));
  params.ints(windowParams(attrs.kernel, attrs)).int(x.offset).ints(x.strides);
  machine.run(program, [x.block, ...blocks], sizeOf(outputs[0].shape));
  return blocks;
};

/** Statements that leave in `divisor` what the sum of the window of coordinates `o0` ... is divided by. */
function divisorText(
  source: Source,
  spatial: number,
  sizes: readonly string[],
  window: ReturnType<typeof windowText>,
  name: (d: number) => string,
): string[] {
  const [given, pad] = [source.float(), source.int()];
  const lines = range(spatial).flatMap((d) => [
    `let w${d} = ${name(d)} * ${window.stride[d]} - ${window.padding[d]};`,
    `let e${d} = min(w${d} + ${window.kernel[d]}, ${sizes[d]} + ${window.padding[d]});`,
    `let n${d} = select(min(e${d}, ${sizes[d]}) - max(w${d}, 0), e${d} - w${d}, ${pad} != 0);`,
  ]);
  const count = range(spatial).map((d) => `f32(n${d})`);
  return [...lines, `let divisor = select(${count.join(" * ")}, ${given}, ${given} != 0.0);`];
}

function printAvgPool(spatial: number): Source {
  const source = new Source(WORKGROUP);
  const [x, output] = [source.read("f32"), source.write("f32")];
  source.add(...coordinates(source, 2 + spatial, "index"));
  const sizes = source.ints(spatial);
  const window = windowText(source, spatial);
  const offset = source.int();
  const strides = source.ints(2 + spatial);
  source.add(`let base = ${offset} + c0 * ${strides[0]} + c1 * ${strides[1]};`, "var total = 0.0;");
  const braces = openWindow(source, spatial, sizes, window);
  source.add(`total += ${x}[base + ${sum(range(spatial).map((d) => `p${d} * ${strides[2 + d]}`))}];`, "}".repeat(braces));
  source.add(...divisorText(source, spatial, sizes, window, (d) => `c${2 + d}`), `${output}[index] = sc_divide(total, divisor);`);
  return source;
}

const ones = ({ kernel, stride, padding }: AvgPoolAttrs): number[] =>
  windowParams(kernel, { stride, padding, dilation: kernel.map(() => 1) });

export const avgPool: Kernel<"avgPool"> = (machine, [x], [output], attrs) => {
  const spatial = x.shape.length - 2;
  const block = machine.alloc(output);
  const program = machine.program(`avgPool ${spatial}`, () => printAvgPool(spatial));
  const params = machine.params().ints(output.shape.slice(1)).ints(x.shape.slice(2)).ints(ones(attrs)).int(x.offset).ints(x.strides);
  writeDivisor(params, attrs);
  machine.run(program, [x.block, block], sizeOf(output.shape));
  return [block];
};

function writeDivisor(params: ReturnType<Machine["params"]>, { divisor, countIncludePad }: AvgPoolAttrs): void {
  params.float(divisor ?? 0).int(countIncludePad ? 1 : 0);
}

/** Each element of the input gathers its share of the windows that hold it. */
function printAvgPoolGrad(spatial: number): Source {
  const source = new Source(WORKGROUP);
  const [grad, output] = [source.read("f32"), source.write("f32")];
  source.add(...coordinates(source, 2 + spatial, "index"));
  const [sizes, counts] = [source.ints(spatial), source.ints(spatial)];
  const window = windowText(source, spatial);
  const offset = source.int();
  const strides = source.ints(2 + spatial);
  source.add(`let base = ${offset} + c0 * ${strides[0]} + c1 * ${strides[1]};`, "var total = 0.0;");
  for (const d of range(spatial)) {
    const at = `(c${2 + d} + ${window.padding[d]})`;
    source.add(`let last${d} = min(${at} / ${window.stride[d]}, ${counts[d]} - 1);`);
    source.add(`let first${d} = max((${at} - ${window.kernel[d]} + ${window.stride[d]}) / ${window.stride[d]}, 0);`);
    source.add(`for (var o${d} = select(0, first${d}, ${at} >= ${window.kernel[d]}); o${d} <= last${d}; o${d}++) {`);
  }
  source.add(...divisorText(source, spatial, sizes, window, (d) => `o${d}`));
  source.add(
    `total += sc_divide(${grad}[base + ${sum(range(spatial).map((d) => `o${d} * ${strides[2 + d]}`))}], divisor);`,
    "}".repeat(spatial),
  );
  source.add(`${output}[index] = total;`);
  return source;
}

export const avgPoolGrad: Kernel<"avgPoolGrad"> = (machine, [grad], [output], attrs) => {
  const spatial = output.shape.length - 2;
  const block = machine.alloc(output);
  const program = machine.program(`avgPoolGrad ${spatial}`, () => printAvgPoolGrad(spatial));
  const params = machine.params().ints(output.shape.slice(1)).ints(output.shape.slice(2)).ints(grad.shape.slice(2));
  params.ints(ones(attrs)).int(grad.offset).ints(grad.strides);
  writeDivisor(params, attrs);
  machine.run(program, [grad.block, block], sizeOf(output.shape));
  return [block];
};
