/**
 * Convolutions as matrix products: the windows of the operand are written out as columns first (im2col), and what comes back from
 * a product as columns is added up per position (col2im). Takes more memory than the direct kernels and far less time.
 *
 * @module
 */
import { type ConvAttrs, contiguousStrides, type DType, inputExpr, isContiguous, type Spec, scalarExpr, sizeOf } from "@sconce/core";
import { range, sum, windowParams, windowText } from "@sconce/core/shader";
import type { BlockView, Machine } from "../machine.js";
import type { Block } from "../pool.js";
import { rounded, Source, STORAGE_TYPE } from "../wgsl/source.js";
import { copyOf } from "./copy.js";
import { elementwise } from "./elementwise.js";
import { WORKGROUP, wholeView } from "./kernel.js";
import { matmul } from "./matmul.js";
import { reduce } from "./reduce.js";
import { sourceText, splitText } from "./window.js";

/** Columns may take this many bytes; beyond, the direct kernels run. */
const MOST_BYTES = 2 ** 28;
/** Rows of columns from which on the product is worth them. */
const LEAST_ROWS = 16;
/** Positions that one invocation goes through. */
const EACH = 4;

/** Sizes of a convolution: operand `[images, groups * depth, ...from]`, result `[images, groups * filters, ...to]`. */
export interface ConvSizes {
  readonly images: number;
  readonly groups: number;
  readonly depth: number;
  readonly filters: number;
  readonly from: readonly number[];
  readonly to: readonly number[];
  readonly kernel: readonly number[];
}

/** True if a convolution of floats should go through columns. */
export function wantsColumns(machine: Machine, { images, groups, depth, filters, to, kernel }: ConvSizes, dtype: DType): boolean {
  const rows = depth * sizeOf(kernel);
  const bytes = 4 * images * groups * rows * sizeOf(to);
  return (
    (dtype === "float32" || dtype === "float16") &&
    rows >= LEAST_ROWS &&
    filters >= EACH &&
    bytes > 0 &&
    bytes <= Math.min(MOST_BYTES, machine.maxBytes)
  );
}

/**
 * Each invocation has four neighbouring positions of one channel of one image and goes through the window: forward it writes each
 * position's operand, `back` it adds up the columns that a position had gone to. `whole`: their number is a multiple of four.
 */
function printColumns(spatial: number, back: boolean, whole: boolean, [from, to]: readonly DType[]): Source {
  const source = new Source(WORKGROUP);
  const type = STORAGE_TYPE[to];
  const [x, output] = [source.read(STORAGE_TYPE[from]), source.write(whole ? `vec4<${type}>` : type)];
  const [positions, channels, taps] = source.ints(3);
  const [outSizes, inSizes] = [source.ints(spatial), source.ints(spatial)];
  const window = windowText(source, spatial);
  const start = source.int();
  const [xImage, xChannel, ...xStrides] = source.ints(2 + spatial);
  const [toImage, toChannel, toTap, fromTap] = source.ints(4);
  source.add(
    `let quads = (${positions} + ${EACH - 1}) / ${EACH};`,
    `let q0 = (index % quads) * ${EACH};`,
    "let above = index / quads;",
    `let channel = above % ${channels};`,
    `let image = above / ${channels};`,
    `var rest = min(vec4<i32>(q0) + vec4<i32>(0, 1, 2, 3), vec4<i32>(${positions} - 1));`,
    ...splitText("o", outSizes, "rest"),
    `let near = image * ${xImage} + channel * ${xChannel} + ${start};`,
    `let to = image * ${toImage} + channel * ${toChannel} + q0;`,
  );
  if (back) source.add("var sum = vec4<f32>();");
  source.add(`for (var tap = 0; tap < ${taps}; tap++) {`, "var left = tap;", ...splitText("k", window.kernel, "left"));
  sourceText(source, back, inSizes, window);
  source.add(
    `let at = select(vec4<i32>(), vec4<i32>(near + tap * ${fromTap}) + ${sum(range(spatial).map((d) => `p${d} * ${xStrides[d]}`))}, ok);`,
  );
  source.add(
    `let xs = select(vec4<f32>(), vec4<f32>(${range(EACH)
      .map((j) => `f32(${x}[at[${j}]])`)
      .join(", ")}), ok);`,
  );
  const store = (value: string, shift: string): string[] => {
    const lanes = range(EACH).map((j) => rounded(to, `${value}[${j}]`));
    if (whole) return [`${output}[(to${shift}) >> 2u] = vec4<${type}>(${lanes.join(", ")});`];
    return lanes.map((lane, j) => `if (q0 + ${j} < ${positions}) { ${output}[to${shift} + ${j}] = ${lane}; }`);
  };
  if (back) source.add("sum += xs;", "}", ...store("sum", ""));
  else source.add(...store("xs", ` + tap * ${toTap}`), "}");
  return source;
}

/** Where columns lie: steps from one image, channel and place of the window to the next. */
interface Steps {
  readonly image: number;
  readonly channel: number;
  readonly tap: number;
}

function runColumns(
  machine: Machine,
  x: BlockView,
  { block, dtype }: Pick<BlockView, "block" | "dtype">,
  sizes: ConvSizes,
  attrs: ConvAttrs,
  steps: Steps,
  back: boolean,
): void {
  const spatial = sizes.to.length;
  const [here, there] = back ? [sizes.from, sizes.to] : [sizes.to, sizes.from];
  const channels = sizes.groups * sizes.depth;
  // All steps are then multiples of four.
  const whole = sizeOf(here) % EACH === 0;
  const dtypes = [x.dtype, dtype];
  const key = `${back ? "from" : "to"} columns ${spatial} ${whole} ${dtypes}`;
  const program = machine.program(key, () => printColumns(spatial, back, whole, dtypes));
  const params = machine.params();
  params.int(sizeOf(here)).int(channels).int(sizeOf(sizes.kernel)).ints(here).ints(there).ints(windowParams(sizes.kernel, attrs));
  params
    .int(x.offset)
    .ints(x.strides)
    .int(steps.image)
    .int(steps.channel)
    .int(back ? 0 : steps.tap)
    .int(back ? steps.tap : 0);
  machine.run(program, [x.block, block], Math.ceil(sizeOf(here) / EACH) * channels * sizes.images);
}

/** A view whose dimensions from `dim` on lie densely: the view itself or a copy, and the copy's block to free. */
function dense(machine: Machine, x: BlockView, dim: number): { view: BlockView; owned: Block | null } {
  if (isContiguous(x.shape.slice(dim), x.strides.slice(dim))) return { view: x, owned: null };
  const block = copyOf(machine, x);
  return { view: wholeView(block, x), owned: block };
}

const spec = (shape: readonly number[], dtype: DType): Spec => ({ shape, dtype });
const view = (x: BlockView, shape: readonly number[], strides: readonly number[]): BlockView => ({ ...x, shape, strides });

/** `out[n, g] = w[g] columns[n, g]`. */
export function convByColumns(
  machine: Machine,
  x: BlockView,
  w: BlockView,
  bias: BlockView | undefined,
  sizes: ConvSizes,
  attrs: ConvAttrs,
): Block {
  const { images, groups, depth, filters, kernel, to } = sizes;
  const [taps, positions] = [sizeOf(kernel), sizeOf(to)];
  const rows = depth * taps;
  const whole = spec([images, groups, rows, positions], x.dtype);
  const columns = machine.alloc(whole);
  runColumns(
    machine,
    x,
    { block: columns, dtype: x.dtype },
    sizes,
    attrs,
    { image: groups * rows * positions, channel: taps * positions, tap: positions },
    false,
  );
  const weight = dense(machine, w, 1);
  const factor = view(weight.view, [images, groups, filters, rows], [0, filters * weight.view.strides[0], weight.view.strides[0], 1]);
  const inputs = [factor, wholeView(columns, whole)];
  if (bias !== undefined) inputs.push(view(bias, [images, groups, filters, positions], [0, filters * bias.strides[0], bias.strides[0], 0]));
  const [block] = matmul(machine, inputs, [spec([images, groups, filters, positions], x.dtype)], { bias: bias !== undefined });
  for (const owned of [columns, weight.owned]) if (owned !== null) machine.free(owned);
  return block;
}

/** `columns[n, g] = w[g]^T grad[n, g]`, added up per position. */
export function convInputByColumns(
  machine: Machine,
  grad: BlockView,
  w: BlockView,
  output: Spec,
  sizes: ConvSizes,
  attrs: ConvAttrs,
): Block {
  const { images, groups, depth, filters, kernel, to } = sizes;
  const [taps, positions] = [sizeOf(kernel), sizeOf(to)];
  const rows = depth * taps;
  const weight = dense(machine, w, 1);
  const from = dense(machine, grad, 2);
  const step = weight.view.strides[0];
  const [gImage, gChannel] = from.view.strides;
  const factor = view(weight.view, [images, groups, rows, filters], [0, filters * step, 1, step]);
  const right = view(from.view, [images, groups, filters, positions], [gImage, filters * gChannel, gChannel, 1]);
  const [columns] = matmul(machine, [factor, right], [spec([images, groups, rows, positions], "float32")], { bias: false });
  const block = machine.alloc(output);
  const steps = { image: groups * depth * sizeOf(sizes.from), channel: sizeOf(sizes.from), tap: positions };
  const strides = [groups * rows * positions, taps * positions, ...contiguousStrides(to)];
  const source: BlockView = { block: columns, dtype: "float32", shape: output.shape, strides, offset: 0 };
  runColumns(machine, source, { block, dtype: output.dtype }, sizes, attrs, steps, true);
  for (const owned of [columns, weight.owned, from.owned]) if (owned !== null) machine.free(owned);
  return block;
}

/** Invocations of a product that keep the device busy. */
const BUSY = { software: 256, hardware: 16384 };

/** The fewest parts of equally many images that make a product of `results` elements large enough. */
function partsOf(images: number, results: number, wanted: number): number {
  for (let parts = 1; parts < images; parts++) if (images % parts === 0 && (parts * results) / 32 >= wanted) return parts;
  return results / 32 >= wanted ? 1 : images;
}

/** `out[g] = grad[g] columns[g]^T` over all images and positions, in parts that are added up. */
export function convWeightByColumns(
  machine: Machine,
  grad: BlockView,
  x: BlockView,
  output: Spec,
  sizes: ConvSizes,
  attrs: ConvAttrs,
): readonly Block[] {
  const { images, groups, depth, filters, kernel, to } = sizes;
  const [taps, positions] = [sizeOf(kernel), sizeOf(to)];
  const rows = depth * taps;
  const all = images * positions;
  const parts = partsOf(images, groups * filters * rows, machine.software ? BUSY.software : BUSY.hardware);
  const columns = machine.alloc(spec([groups, rows, all], x.dtype));
  runColumns(machine, x, { block: columns, dtype: x.dtype }, sizes, attrs, { image: positions, channel: taps * all, tap: all }, false);
  const swap = <T>([first, second, ...rest]: readonly T[]): T[] => [second, first, ...rest];
  const turned = view(grad, swap(grad.shape), swap(grad.strides));
  const left = dense(machine, turned, 0);
  const share = all / parts;
  const a = view(left.view, [parts, groups, filters, share], [share, filters * all, all, 1]);
  const b: BlockView = {
    block: columns,
    dtype: x.dtype,
    shape: [parts, groups, share, rows],
    strides: [share, rows * all, 1, all],
    offset: 0,
  };
  const dtype = parts === 1 ? output.dtype : "float32";
  const [block] = matmul(machine, [a, b], [spec([parts, groups, filters, rows], dtype)], { bias: false });
  for (const owned of [columns, left.owned]) if (owned !== null) machine.free(owned);
  return [joinParts(machine, wholeView(block, spec([parts, ...output.shape], dtype)), output)];
}

/** The sum of parts `[parts, ...]` of a result, in its dtype; takes the parts' block. */
export function joinParts(machine: Machine, parts: BlockView, output: Spec): Block {
  let { block } = parts;
  if (parts.shape[0] > 1) {
    const attributes = { op: "sum", dims: [0], shape: parts.shape, expr: inputExpr(0, parts.dtype), numbers: [] } as const;
    [block] = reduce(machine, [parts], [{ ...output, dtype: parts.dtype }], attributes);
    machine.free(parts.block);
  }
  if (parts.dtype === output.dtype) return block;
  const exprs = [scalarExpr("cast", output.dtype, [inputExpr(0, parts.dtype)])];
  const [converted] = elementwise(machine, [wholeView(block, { ...output, dtype: parts.dtype })], [output], { exprs, numbers: [] });
  machine.free(block);
  return converted;
}
