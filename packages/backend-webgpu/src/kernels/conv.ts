import { type ConvAttrs, type DType, type Spec, sizeOf } from "@sconce/core";
import { range, sum, windowParams, windowText } from "@sconce/core/shader";
import type { BlockView, Machine } from "../machine.js";
import type { Block } from "../pool.js";
import { rounded, Source, STORAGE_TYPE, VALUE_TYPE } from "../wgsl/source.js";
import { type ConvSizes, convByColumns, convInputByColumns, convWeightByColumns, joinParts, wantsColumns } from "./conv-columns.js";
import { type Kernel, WORKGROUP, wholeView } from "./kernel.js";
import { sourceText, splitText } from "./window.js";

/** Channels and positions that one invocation computes. */
const EACH = 4;

/**
 * Forward and input gradient are one kernel: every result channel of a group is a sum over channels of the operand and the window, and
 * only the way from a position to the operand's differs. `back` is the gradient's way.
 */
interface ConvPlan {
  readonly spatial: number;
  readonly back: boolean;
  readonly bias: boolean;
  readonly dtype: DType;
}

const lanes = (text: (j: number) => string): string =>
  range(EACH)
    .map((j) => text(j))
    .join(", ");

function printConv({ spatial, back, bias, dtype }: ConvPlan): Source {
  const source = new Source(WORKGROUP);
  const [type, stored] = [VALUE_TYPE[dtype], STORAGE_TYPE[dtype]];
  const [x, w] = [source.read(stored), source.read(stored)];
  const base = bias ? source.read(stored) : "";
  const output = source.write(stored);
  const [positions, channels, depth, groups, taps] = source.ints(5);
  const quads = `((${channels} + ${EACH - 1}) / ${EACH})`;
  source.add(
    `let quads_p = (${positions} + ${EACH - 1}) / ${EACH};`,
    `let q0 = (index % quads_p) * ${EACH};`,
    "let above = index / quads_p;",
  );
  source.add(`let m0 = (above % ${quads}) * ${EACH};`, `let group = above / ${quads};`);
  const [outSizes, inSizes] = [source.ints(spatial), source.ints(spatial)];
  const window = windowText(source, spatial);
  const [xStart, wStart] = source.ints(2);
  const xStrides = source.ints(2 + spatial);
  const [wOut, wIn, wGroup] = source.ints(3);
  const wStrides = source.ints(spatial);
  const plane = outSizes.length === 0 ? "1" : outSizes.join(" * ");
  source.add(`let places = min(vec4<i32>(q0) + vec4<i32>(0, 1, 2, 3), vec4<i32>(${positions} - 1));`);
  source.add(
    `let inside = places % (${plane});`,
    "var rest = inside;",
    ...splitText("o", outSizes, "rest"),
    `let image = places / (${plane});`,
  );
  source.add(`let far = min(vec4<i32>(m0) + vec4<i32>(0, 1, 2, 3), vec4<i32>(${channels} - 1)) * ${wOut} + ${wStart} + group * ${wGroup};`);
  for (const i of range(EACH)) source.add(`var sum${i} = vec4<${type}>();`);
  source.add(`let near = image * ${xStrides[0]} + ${xStart} + group * ${depth} * ${xStrides[1]};`);
  source.add(`for (var tap = 0; tap < ${taps}; tap++) {`, "var left = tap;", ...splitText("k", window.kernel, "left"));
  sourceText(source, back, inSizes, window);
  source.add(`let at = select(vec4<i32>(), near + ${sum(range(spatial).map((d) => `p${d} * ${xStrides[2 + d]}`))}, ok);`);
  source.add(`let weights = far + ${sum(range(spatial).map((d) => `k${d} * ${wStrides[d]}`))};`);
  source.add(`for (var c = 0; c < ${depth}; c++) {`, `  let xa = at + c * ${xStrides[1]};`, `  let wa = weights + c * ${wIn};`);
  source.add(`  let xs = select(vec4<${type}>(), vec4<${type}>(${lanes((j) => `${type}(${x}[xa[${j}]])`)}), ok);`);
  for (const i of range(EACH)) source.add(`  sum${i} += ${type}(${w}[wa[${i}]]) * xs;`);
  source.add("}", "}");
  const [biasStart, biasStep] = bias ? source.ints(2) : ["", ""];
  for (const i of range(EACH)) {
    source.add(`if (m0 + ${i} < ${channels}) {`, `let f = group * ${channels} + m0 + ${i};`);
    if (bias) source.add(`sum${i} += ${type}(${base}[${biasStart} + f * ${biasStep}]);`);
    source.add(`let to = (image * ${groups} * ${channels} + f) * (${plane}) + inside;`);
    for (const j of range(EACH)) source.add(`if (q0 + ${j} < ${positions}) { ${output}[to[${j}]] = ${rounded(dtype, `sum${i}[${j}]`)}; }`);
    source.add("}");
  }
  return source;
}

/** A convolution as its kernel sees it: the operand, the weight's strides along result and operand channels, sizes. */
interface ConvCall {
  readonly x: BlockView;
  readonly w: BlockView;
  readonly output: Spec;
  readonly channels: number;
  readonly depth: number;
  readonly wOut: number;
  readonly wIn: number;
  readonly bias: BlockView | undefined;
}

function runConv(machine: Machine, { x, w, output, channels, depth, wOut, wIn, bias }: ConvCall, attrs: ConvAttrs, back: boolean): Block[] {
  const spatial = x.shape.length - 2;
  const { dtype } = output;
  const block = machine.alloc(output);
  const plan = { spatial, back, bias: bias !== undefined, dtype };
  const program = machine.program(`${back ? "convInput" : "conv"} ${spatial} ${plan.bias} ${dtype}`, () => printConv(plan));
  const positions = output.shape[0] * sizeOf(output.shape.slice(2));
  const params = machine
    .params()
    .int(positions)
    .int(channels)
    .int(depth)
    .int(attrs.groups)
    .int(sizeOf(w.shape.slice(2)));
  params
    .ints(output.shape.slice(2))
    .ints(x.shape.slice(2))
    .ints(windowParams(w.shape.slice(2), attrs));
  params.int(x.offset).int(w.offset).ints(x.strides).int(wOut).int(wIn);
  params.int((w.shape[0] / attrs.groups) * w.strides[0]).ints(w.strides.slice(2));
  if (bias !== undefined) params.int(bias.offset).int(bias.strides[0]);
  const blocks = [x.block, w.block, ...(bias === undefined ? [] : [bias.block]), block];
  machine.run(program, blocks, Math.ceil(positions / EACH) * Math.ceil(channels / EACH) * attrs.groups);
  return [block];
}

/** Sizes of the convolution of `x` by `w` with the result `output`. */
function sizesOf(x: readonly number[], w: readonly number[], output: readonly number[], groups: number): ConvSizes {
  const [from, to, kernel] = [x, output, w].map((shape) => shape.slice(2));
  return { images: x[0], groups, depth: w[1], filters: w[0] / groups, from, to, kernel };
}

export const conv: Kernel<"conv"> = (machine, [x, w, bias], [output], attrs) => {
  const sizes = sizesOf(x.shape, w.shape, output.shape, attrs.groups);
  if (wantsColumns(machine, sizes, output.dtype)) return [convByColumns(machine, x, w, bias, sizes, attrs)];
  const [wOut, wIn] = w.strides;
  return runConv(machine, { x, w, output, channels: w.shape[0] / attrs.groups, depth: w.shape[1], wOut, wIn, bias }, attrs, false);
};

export const convInput: Kernel<"convInput"> = (machine, [grad, w], [output], attrs) => {
  const sizes = sizesOf(output.shape, w.shape, grad.shape, attrs.groups);
  if (wantsColumns(machine, sizes, output.dtype)) return [convInputByColumns(machine, grad, w, output, sizes, attrs)];
  const [wIn, wOut] = w.strides;
  const call = { x: grad, w, output, channels: w.shape[1], depth: w.shape[0] / attrs.groups, wOut, wIn, bias: undefined };
  return runConv(machine, call, attrs, true);
};

// ---- gradient of the weight

/** Each invocation has four filters by four places of the weight and sums over the positions of some images. */
function printConvWeight(spatial: number, dtype: DType): Source {
  const source = new Source(WORKGROUP);
  const [type, stored] = [VALUE_TYPE[dtype], STORAGE_TYPE[dtype]];
  const [g, x, output] = [source.read(stored), source.read(stored), source.write(type)];
  const [filters, columns, images, parts, groups, depth, positions] = source.ints(7);
  const quads = `((${filters} + ${EACH - 1}) / ${EACH})`;
  source.add(
    `let quads_c = (${columns} + ${EACH - 1}) / ${EACH};`,
    `let col0 = (index % quads_c) * ${EACH};`,
    "let above = index / quads_c;",
  );
  source.add(
    `let f0 = (above % ${quads}) * ${EACH};`,
    `let higher = above / ${quads};`,
    `let group = higher % ${groups};`,
    `let part = higher / ${groups};`,
  );
  const [outSizes, inSizes] = [source.ints(spatial), source.ints(spatial)];
  const window = windowText(source, spatial);
  const [gStart, xStart] = source.ints(2);
  const [gStrides, xStrides] = [source.ints(2 + spatial), source.ints(2 + spatial)];
  source.add(
    `var rest = min(vec4<i32>(col0) + vec4<i32>(0, 1, 2, 3), vec4<i32>(${columns} - 1));`,
    ...splitText("k", window.kernel, "rest"),
  );
  source.add(`let near = rest * ${xStrides[1]} + ${xStart} + group * ${depth} * ${xStrides[1]};`);
  source.add(
    `let fs = group * ${filters} + min(vec4<i32>(f0) + vec4<i32>(0, 1, 2, 3), vec4<i32>(${filters} - 1));`,
    `let far = fs * ${gStrides[1]} + ${gStart};`,
  );
  for (const i of range(EACH)) source.add(`var sum${i} = vec4<${type}>();`);
  source.add(`let chunk = (${images} + ${parts} - 1) / ${parts};`, `let end = min((part + 1) * chunk, ${images}) * ${positions};`);
  source.add(`for (var q = part * chunk * ${positions}; q < end; q++) {`, "var place = q;", ...splitText("o", outSizes, "place"));
  sourceText(source, false, inSizes, window);
  source.add(
    `let at = select(vec4<i32>(), near + place * ${xStrides[0]} + ${sum(range(spatial).map((d) => `p${d} * ${xStrides[2 + d]}`))}, ok);`,
  );
  source.add(`let xs = select(vec4<${type}>(), vec4<${type}>(${lanes((j) => `${type}(${x}[at[${j}]])`)}), ok);`);
  source.add(`let ga = far + place * ${gStrides[0]} + ${sum(range(spatial).map((d) => `o${d} * ${gStrides[2 + d]}`))};`);
  for (const i of range(EACH)) source.add(`sum${i} += ${type}(${g}[ga[${i}]]) * xs;`);
  source.add("}");
  for (const i of range(EACH)) {
    source.add(`if (f0 + ${i} < ${filters}) {`, `let to = ((part * ${groups} + group) * ${filters} + f0 + ${i}) * ${columns} + col0;`);
    for (const j of range(EACH)) source.add(`if (col0 + ${j} < ${columns}) { ${output}[to + ${j}] = sum${i}[${j}]; }`);
    source.add("}");
  }
  return source;
}

/** Invocations that keep the device busy. */
const BUSY = { software: 256, hardware: 32768 };

export const convWeight: Kernel<"convWeight"> = (machine, [grad, x], [output], attrs) => {
  const sizes = sizesOf(x.shape, output.shape, grad.shape, attrs.groups);
  if (wantsColumns(machine, sizes, output.dtype)) return convWeightByColumns(machine, grad, x, output, sizes, attrs);
  const spatial = x.shape.length - 2;
  const [all, depth, ...kernel] = output.shape;
  const filters = all / attrs.groups;
  const columns = depth * sizeOf(kernel);
  const images = x.shape[0];
  const invocations = Math.ceil(filters / EACH) * Math.ceil(columns / EACH) * attrs.groups;
  const parts = Math.max(1, Math.min(images, Math.ceil((machine.software ? BUSY.software : BUSY.hardware) / invocations)));
  const partial: Spec = { shape: [parts, ...output.shape], dtype: output.dtype === "float16" ? "float32" : output.dtype };
  const block = machine.alloc(partial);
  const program = machine.program(`convWeight ${spatial} ${output.dtype}`, () => printConvWeight(spatial, output.dtype));
  const params = machine
    .params()
    .int(filters)
    .int(columns)
    .int(images)
    .int(parts)
    .int(attrs.groups)
    .int(depth)
    .int(sizeOf(grad.shape.slice(2)));
  params.ints(grad.shape.slice(2)).ints(x.shape.slice(2)).ints(windowParams(kernel, attrs));
  params.int(grad.offset).int(x.offset).ints(grad.strides).ints(x.strides);
  machine.run(program, [grad.block, x.block, block], invocations * parts);
  return [joinParts(machine, wholeView(block, partial), output)];
};
