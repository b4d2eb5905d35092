/**
 * Convolutions as products: a kernel lays out the patches that the windows see, with zeros where they look outside, and the matrix
 * product does the rest. All three sum over the patches' elements or over their positions, so each is one product.
 *
 * @module
 */
import { type ConvAttrs, inputExpr, opExpr, type Spec, sizeOf } from "@sconce/core";
import { coordinates, range, sum, windowParams, windowText } from "@sconce/core/shader";
import { Source } from "../glsl/source.js";
import type { BlockView, Machine } from "../machine.js";
import type { Block } from "../textures.js";
import { concat, copyOf, isDense } from "./copy.js";
import { fill } from "./elementwise.js";
import { type Kernel, wholeView } from "./kernel.js";
import { matmul } from "./matmul.js";

/** What is laid out: the patches of `x` that the windows at `positions` see. `back` goes the way of the gradient. */
interface Patches {
  readonly x: BlockView;
  readonly kernel: readonly number[];
  /** Sizes of the space that windows stand in. */
  readonly positions: readonly number[];
  readonly attrs: ConvAttrs;
  readonly back: boolean;
  /** `[G, C * taps, N * P]` instead of `[N, G, P, C * taps]`: along the positions. */
  readonly across: boolean;
}

/** Statements that leave the operand's coordinates `p<d>` of position `o<d>` and tap `k<d>`, and return 0 where they lie outside. */
function reachText(source: Source, spatial: number, back: boolean, sizes: readonly string[]): void {
  const window = windowText(source, spatial);
  for (const d of range(spatial)) {
    const [stride, padding, step] = [window.stride[d], window.padding[d], `k${d} * ${window.dilation[d]}`];
    if (back) {
      source.add(`int t${d} = o${d} + ${padding} - ${step};`, `int p${d} = t${d} / ${stride};`);
      source.add(`if (t${d} < 0 || p${d} * ${stride} != t${d} || p${d} >= ${sizes[d]}) { return 0.0; }`);
    } else {
      source.add(`int p${d} = o${d} * ${stride} - ${padding} + ${step};`);
      source.add(`if (p${d} < 0 || p${d} >= ${sizes[d]}) { return 0.0; }`);
    }
  }
}

function printPatches(spatial: number, back: boolean, across: boolean): Source {
  const source = new Source();
  const x = source.read("float32");
  const [length, padded, plane, groups, depth, taps] = source.ints(6);
  source.add(`int line = index / ${padded};`, `int along = index - line * ${padded};`, `if (along >= ${length}) { return 0.0; }`);
  if (across) {
    // A line has all positions of all images.
    source.add(`int image = along / ${plane};`, `int place = along - image * ${plane};`, `int tall = ${depth} * ${taps};`);
    source.add("int group = line / tall;", "int entry = line - group * tall;");
  } else {
    source.add(`int above = line / ${plane};`, `int place = line - above * ${plane};`, "int entry = along;");
    source.add(`int image = above / ${groups};`, `int group = above - image * ${groups};`);
  }
  source.add(`int channel = entry / ${taps};`, `int tap = entry - channel * ${taps};`);
  source.add(...coordinates(source, spatial, "place", "o"), ...coordinates(source, spatial, "tap", "k"));
  const sizes = source.ints(spatial);
  reachText(source, spatial, back, sizes);
  const offset = source.int();
  const strides = source.ints(2 + spatial);
  const inside = sum(range(spatial).map((d) => `p${d} * ${strides[2 + d]}`));
  source.add(`return ${x.raw(`${offset} + image * ${strides[0]} + (group * ${depth} + channel) * ${strides[1]} + ${inside}`)};`);
  return source;
}

/** Lays patches out as a factor of a product: `[N, G, C * taps, P]`, or across `[G, N * P, C * taps]`, read along the sum. */
function patches(machine: Machine, { x, kernel, positions, attrs, back, across }: Patches): BlockView {
  const { groups } = attrs;
  const [images, depth] = [x.shape[0], x.shape[1] / groups];
  const [taps, plane] = [sizeOf(kernel), sizeOf(positions)];
  const entries = depth * taps;
  const length = across ? images * plane : entries;
  const padded = Math.ceil(length / 4) * 4;
  const shape = across ? [groups, entries, padded] : [images, groups, plane, padded];
  const block = machine.alloc({ shape });
  const spatial = kernel.length;
  const program = machine.program(`patches ${spatial} ${back} ${across}`, () => printPatches(spatial, back, across));
  const params = machine.params().ints([length, padded, plane, groups, depth, taps]);
  params.ints(positions.slice(1)).ints(kernel.slice(1)).ints(x.shape.slice(2)).ints(windowParams(kernel, attrs));
  params.int(x.offset).ints(x.strides);
  machine.run(program, [x.block], block, sizeOf(shape));
  const rest = { block, dtype: x.dtype, offset: 0 };
  if (across) return { ...rest, shape: [groups, length, entries], strides: [entries * padded, 1, padded] };
  return { ...rest, shape: [images, groups, length, plane], strides: [groups * plane * padded, plane * padded, 1, padded] };
}

/** Elements of all patches that are laid out at once: more images than fit are taken in turns. */
const MOST = 2 ** 24;

/** Images of `x` for each turn. */
function turnsOf(x: BlockView, perImage: number): BlockView[] {
  const images = Math.max(1, Math.floor(MOST / Math.max(perImage, 1)));
  const turns: BlockView[] = [];
  for (let start = 0; start < x.shape[0]; start += images) turns.push(imagesOf(x, start, Math.min(images, x.shape[0] - start)));
  return turns;
}

function imagesOf(x: BlockView, start: number, count: number): BlockView {
  return { ...x, shape: [count, ...x.shape.slice(1)], offset: x.offset + start * x.strides[0] };
}

/** Results of several turns as one block. */
function joined(machine: Machine, blocks: readonly Block[], specs: readonly Spec[], output: Spec): Block {
  if (blocks.length === 1) return blocks[0];
  const views = blocks.map((block, i) => wholeView(block, specs[i]));
  const [block] = concat(machine, views, [output], { dim: 0 });
  for (const part of blocks) machine.free(part);
  return block;
}

/** Products of a weight `[G, rows, entries]` with patches, image by image: forward, and the gradient of the input. */
function product(machine: Machine, weight: BlockView, make: Omit<Patches, "across">, output: Spec, bias: readonly BlockView[]): Block {
  const { x, positions, attrs } = make;
  const { groups } = attrs;
  const [rows, entries] = weight.shape.slice(1);
  const plane = sizeOf(positions);
  const specs: Spec[] = [];
  const blocks = turnsOf(x, groups * plane * Math.ceil(entries / 4) * 4).map((turn) => {
    const images = turn.shape[0];
    const cols = patches(machine, { ...make, x: turn, across: false });
    const a = { ...weight, shape: [images, groups, rows, entries], strides: [0, ...weight.strides] };
    const spec: Spec = { shape: [images, groups, rows, plane], dtype: output.dtype };
    const extra = bias.map((f) => ({ ...f, shape: spec.shape, strides: [0, rows * f.strides[0], f.strides[0], 0] }));
    const [block] = matmul(machine, [a, cols, ...extra], [spec], { bias: extra.length > 0 });
    machine.free(cols.block);
    specs.push({ shape: [images, ...output.shape.slice(1)], dtype: output.dtype });
    return block;
  });
  if (blocks.length === 0) return machine.alloc(output);
  return joined(machine, blocks, specs, output);
}

export const conv: Kernel<"conv"> = (machine, [x, w, ...bias], [output], attrs) => {
  const { groups } = attrs;
  const kernel = w.shape.slice(2);
  const spec: Spec = { shape: [groups, w.shape[0] / groups, w.shape[1] * sizeOf(kernel)], dtype: w.dtype };
  const copy = isDense(w) ? null : copyOf(machine, w);
  const make = { x, kernel, positions: output.shape.slice(2), attrs, back: false };
  const result = product(machine, wholeView(copy ?? w.block, spec), make, output, bias);
  if (copy !== null) machine.free(copy);
  return [result];
};

export const convInput: Kernel<"convInput"> = (machine, [grad, w], [output], attrs) => {
  const { groups } = attrs;
  const [filters, depth, ...kernel] = w.shape;
  const each = filters / groups;
  // [F, C, taps] -> [G, C, F / G, taps]
  const [f, c, ...rest] = w.strides;
  const turned = copyOf(machine, { ...w, shape: [groups, depth, each, ...kernel], strides: [each * f, c, f, ...rest] });
  const spec: Spec = { shape: [groups, depth, each * sizeOf(kernel)], dtype: w.dtype };
  const make = { x: grad, kernel, positions: output.shape.slice(2), attrs, back: true };
  const result = product(machine, wholeView(turned, spec), make, output, []);
  machine.free(turned);
  return [result];
};

const sumOfTwo = opExpr("add", "float32", [inputExpr(0, "float32"), inputExpr(1, "float32")]);

/** Gradient of the weight from some images. */
function weightOf(machine: Machine, grad: BlockView, x: BlockView, output: Spec, attrs: ConvAttrs): Block {
  const { groups } = attrs;
  const [images, filters, ...positions] = grad.shape;
  const [all, depth, ...kernel] = output.shape;
  const each = filters / groups;
  // [N, F, P] -> [G, F / G, N * P]
  const [n, f, ...rest] = grad.strides;
  const turned = copyOf(machine, { ...grad, shape: [groups, each, images, ...positions], strides: [each * f, f, n, ...rest] });
  const length = images * sizeOf(positions);
  const a = wholeView(turned, { shape: [groups, each, length], dtype: grad.dtype });
  const cols = patches(machine, { x, kernel, positions, attrs, back: false, across: true });
  const spec: Spec = { shape: [groups, all / groups, depth * sizeOf(kernel)], dtype: output.dtype };
  const [block] = matmul(machine, [a, cols], [spec], { bias: false });
  machine.free(turned);
  machine.free(cols.block);
  return block;
}

export const convWeight: Kernel<"convWeight"> = (machine, [grad, x], [output], attrs) => {
  const perImage = sizeOf(grad.shape.slice(2)) * sizeOf(output.shape.slice(1)) * attrs.groups;
  let start = 0;
  let total: Block | null = null;
  for (const turn of turnsOf(x, perImage)) {
    const count = turn.shape[0];
    const block: Block = weightOf(machine, imagesOf(grad, start, count), turn, output, attrs);
    start += count;
    if (total === null) total = block;
    else {
      const both = machine.alloc(output);
      fill(machine, [sumOfTwo], [wholeView(total, output), wholeView(block, output)], [], output.shape, [both]);
      machine.free(total);
      machine.free(block);
      total = both;
    }
  }
  return [total ?? machine.upload(new Float32Array(sizeOf(output.shape)), output.dtype)];
};
