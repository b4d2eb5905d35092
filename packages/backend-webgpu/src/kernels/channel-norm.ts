/**
 * Batch and group normalisation and their gradients: statistics over rows or parts of them, then the elements of each channel.
 *
 * @module
 */
import { type Shape, type Spec, sizeOf } from "@sconce/core";
import type { BlockView, Machine } from "../machine.js";
import type { Block } from "../pool.js";
import type { Source } from "../wgsl/source.js";
import { type Kernel, wholeView } from "./kernel.js";
import { momentsText } from "./layer-norm.js";
import { type Cut, cutInto, inQuads, type RowKernelPlan, type Rows, rowKernel, rowsOf, runRows } from "./row-kernels.js";

/** Invocations that keep the cores of a software adapter busy, where each has much to do. */
const BUSY = 128;
const MUCH = 2048;
/** Workgroups that keep hardware busy, and elements that are enough for one. */
const GROUPS = 2048;
const CHUNK = 8192;
/** Elements or vectors of a channel that an invocation of a software adapter writes. On hardware neighbours write what lies side by side. */
const RUN = 32;

/** How statistics of a row are shared. */
function cutOf({ software }: Machine, { count, length, quads }: Rows): Cut {
  const elements = quads ? 4 * length : length;
  const most = software ? (elements < MUCH ? 1 : BUSY) : GROUPS;
  const parts = Math.min(Math.ceil(most / count), software ? length : Math.ceil(elements / CHUNK));
  return cutInto(length, Math.ceil(length / Math.max(1, parts)));
}

/** A view `[A, B, ...]`, or `[B]`, as `[A, B / each, each, ...]` with sizes 1 up to `rank` dimensions before. */
function split(x: BlockView, rank: number, each: number): BlockView {
  const lead = x.shape.length === 1 ? [1] : [];
  const sizes = [...lead, ...x.shape, ...new Array<number>(rank).fill(1)].slice(0, rank);
  const steps = [...lead, ...x.strides, ...new Array<number>(rank).fill(0)].slice(0, rank);
  return {
    ...x,
    shape: [sizes[0], sizes[1] / each, each, ...sizes.slice(2)],
    strides: [steps[0], steps[1] * each, steps[1], ...steps.slice(2)],
  };
}

/** How the operands of a call lie. */
interface Layouts {
  /** Channels of a group. */
  readonly each: number;
  /** Elements that share their statistics. */
  readonly size: number;
  /** The operands as rows of such elements, of those of one channel of them, and of those of one channel of one example, where the last one is the result. */
  groups(...operands: readonly BlockView[]): Rows;
  channels(...operands: readonly BlockView[]): Rows;
  planes(...operands: readonly BlockView[]): Rows;
  /** An operand of the kernel by channels, or of statistics, as these take it. */
  channel(x: BlockView): BlockView;
  statistic(x: BlockView): BlockView;
}

function layoutsOf(shape: Shape, groups: number | null): Layouts {
  const each = groups === null ? 1 : shape[1] / groups;
  const whole = [shape[0], groups ?? shape[1], each, ...shape.slice(2)];
  /** Batch normalisation goes by channels first. */
  const turn = <T>([batch, group, ...rest]: readonly T[]): T[] => (groups === null ? [group, batch, ...rest] : [batch, group, ...rest]);
  const rows = (operands: readonly BlockView[], lead: number): Rows => {
    const turned = operands.map((x) => ({ ...x, shape: turn(x.shape), strides: turn(x.strides) }));
    return inQuads(rowsOf(turned, turn(whole), lead));
  };
  return {
    each,
    size: sizeOf(groups === null ? [shape[0], ...shape.slice(2)] : whole.slice(2)),
    groups: (...operands) => rows(operands, groups === null ? 1 : 2),
    channels: (...operands) => rows(operands, groups === null ? 1 : 3),
    planes: (...operands) => inQuads(rowsOf(operands, whole, 3, 1)),
    channel: (x) => split(x, shape.length, each),
    statistic: (x) => split(x, shape.length, 1),
  };
}

/** How a kernel over all elements goes through those of a channel. */
const runsOf = ({ software }: Machine, { length }: Rows): Cut => cutInto(length, software ? RUN : 1);

/** Mean and variance of each part. */
function printMoments(plan: RowKernelPlan): Source {
  const text = rowKernel(plan);
  const { source, values, partSize, slot, once } = text;
  const [means, variances] = [source.write("f32"), source.write("f32")];
  source.add(...momentsText(text, values[0]), once(`${means}[${slot}] = mean; ${variances}[${slot}] = sc_divide(squares, ${partSize});`));
  return source;
}

/** Mean and variance of rows from those of their parts. */
function printJoinedMoments(plan: RowKernelPlan): Source {
  const { source, values, find, firsts, sums, slot, once } = rowKernel(plan);
  const [means, variances] = [source.write("f32"), source.write("f32")];
  const [mean, variance] = values;
  const [size, last, total] = [source.float(), source.float(), source.float()];
  const lines = [...find, `let size = select(${size}, ${last}, k == end - 1);`];
  source.add(...firsts({ origin: mean }), ...sums({ sum: `size * (${mean} - origin)` }, lines), `let mean = origin + sum / ${total};`);
  source.add(...sums({ squares: `size * (${variance} + away * away)` }, [...lines, `let away = ${mean} - mean;`]));
  source.add(once(`${means}[${slot}] = mean; ${variances}[${slot}] = squares / ${total};`));
  return source;
}

/** Sums of two operands over rows, each factored by a third where there is one. */
function printSums(plan: RowKernelPlan): Source {
  const { source, values, find, sums, slot, once } = rowKernel(plan);
  const outputs = [source.write("f32"), source.write("f32")];
  const factor = values.length > 2 ? ` * ${values[2]}` : "";
  source.add(...sums({ a: `${values[0]}${factor}`, b: `${values[1]}${factor}` }, find));
  source.add(once(`${outputs[0]}[${slot}] = a; ${outputs[1]}[${slot}] = b;`));
  return source;
}

/** Sums of the gradient and of its products with the normalised elements, of each part. */
function printSlopes(plan: RowKernelPlan): Source {
  const { source, values, find, firsts, sums, slot, once } = rowKernel(plan);
  const [scales, shifts] = [source.write("f32"), source.write("f32")];
  const [x, grad, mean, variance] = values;
  source.add(...firsts({ mean, variance }), ...sums({ scale: `${grad} * (${x} - mean)`, shift: grad }, find));
  source.add(once(`${scales}[${slot}] = sc_divide(scale, sc_sqrt(variance + ${source.float()})); ${shifts}[${slot}] = shift;`));
  return source;
}

/** Fills two results for each row, or for each part of it, and then joins the parts. */
function runParts(
  machine: Machine,
  rows: Rows,
  blocks: readonly Block[],
  run: (blocks: readonly Block[], cut: Cut) => void,
  join: (parts: Rows, cut: Cut) => void,
): void {
  const cut = cutOf(machine, rows);
  if (cut.parts === 1) {
    run(blocks, cut);
    return;
  }
  const spec: Spec = { shape: [rows.count, cut.parts], dtype: "float32" };
  const partial = blocks.map(() => machine.alloc(spec));
  run(partial, cut);
  join(
    rowsOf(
      partial.map((block) => wholeView(block, spec)),
      spec.shape,
      1,
    ),
    cut,
  );
  for (const block of partial) machine.free(block);
}

function printChannelNorm(plan: RowKernelPlan): Source {
  const { source, values, results, find, firsts, each } = rowKernel(plan);
  const [x, mean, variance, weight = "1.0", bias] = values;
  source.add(...firsts({ mean, variance, weight, ...(bias !== undefined && { bias }) }));
  source.add(`let scale = sc_divide(weight, sc_sqrt(variance + ${source.float()}));`);
  source.add(...each(...find, `${results[0]} = (${x} - mean) * scale${bias === undefined ? "" : " + bias"};`));
  return source;
}

export const channelNorm: Kernel<"channelNorm"> = (machine, [x, ...affine], outputs, { groups, eps }) => {
  const [output, means, variances] = outputs.map((spec) => machine.alloc(spec));
  const { channel, statistic, ...layouts } = layoutsOf(x.shape, groups);
  const [rows, statistics] = [layouts.groups(channel(x)), [means, variances]];
  runParts(
    machine,
    rows,
    statistics,
    (blocks, cut) => runRows(machine, "moments", rows, blocks, printMoments, { cut }),
    (parts, { chunk }) => {
      const numbers = [chunk, rows.length - (parts.length - 1) * chunk, rows.length];
      runRows(machine, "joined moments", parts, statistics, printJoinedMoments, { numbers });
    },
  );
  const views = statistics.map((block, i) => statistic(wholeView(block, outputs[1 + i])));
  const planes = layouts.planes(channel(x), ...views, ...affine.map(channel), channel(wholeView(output, outputs[0])));
  runRows(machine, "channelNorm", planes, [], printChannelNorm, { numbers: [eps], cut: runsOf(machine, planes) });
  return [output, means, variances];
};

/** `single`: groups of one channel, whose weight factors all that the result consists of. */
function printChannelNormGrad(single: boolean): (plan: RowKernelPlan) => Source {
  return (plan) => {
    const { source, values, results, find, firsts, each } = rowKernel(plan);
    const [x, grad, mean, variance, scale, shift, weight] = values;
    const [eps, share] = [source.float(), source.float()];
    source.add(...firsts({ mean, variance, scale, shift, weight: weight ?? "1.0" }));
    source.add(`let inverse = sc_divide(1.0, sc_sqrt(variance + ${eps}));`, `let factor = inverse${single ? " * weight" : ""};`);
    source.add(`let down = shift * ${share};`, `let turn = inverse * scale * ${share};`);
    const slope = `${grad}${single ? "" : " * weight"} - down - (${x} - mean) * turn`;
    source.add(...each(...find, `${results[0]} = factor * (${slope});`));
    return source;
  };
}

export const channelNormGrad: Kernel<"channelNormGrad"> = (machine, [grad, x, means, variances, ...weight], outputs, { groups, eps }) => {
  const [output, scales, shifts] = outputs.map((spec) => machine.alloc(spec));
  const { channel, statistic, each, size, ...layouts } = layoutsOf(x.shape, groups);
  const [large, statistics] = [
    [channel(x), channel(grad)],
    [statistic(means), statistic(variances)],
  ];
  const rows = layouts.channels(...large, ...statistics);
  const sumsOf = (name: string, from: Rows, blocks: readonly Block[]): void => runRows(machine, name, from, blocks, printSums);
  runParts(
    machine,
    rows,
    [scales, shifts],
    (blocks, cut) => runRows(machine, "slopes", rows, blocks, printSlopes, { numbers: [eps], cut }),
    (parts) => sumsOf("sums", parts, [scales, shifts]),
  );
  const factors = weight.map(channel);
  let sums = [scales, shifts].map((block, i) => channel(wholeView(block, outputs[1 + i])));
  if (each > 1) {
    const spec: Spec = { shape: [x.shape[0], x.shape[1] / each], dtype: "float32" };
    const blocks = sums.map(() => machine.alloc(spec));
    sumsOf("sums", rowsOf([...sums, ...factors], [...spec.shape, each, ...x.shape.slice(2).map(() => 1)], 2), blocks);
    sums = blocks.map((block) => statistic(wholeView(block, spec)));
  }
  const planes = layouts.planes(...large, ...statistics, ...sums, ...factors, channel(wholeView(output, outputs[0])));
  const options = { numbers: [eps, 1 / size], cut: runsOf(machine, planes) };
  runRows(machine, `channelNormGrad ${each === 1}`, planes, [], printChannelNormGrad(each === 1), options);
  if (each > 1) for (const { block } of sums) machine.free(block);
  return [output, scales, shifts];
};
