import { contiguousStrides, isContiguous, type Layout, type Spec, sizeOf } from "@sconce/core";
import { collapse, coordinates, dot } from "@sconce/core/shader";
import { Source } from "../glsl/source.js";
import type { BlockView, Machine } from "../machine.js";
import type { Block } from "../textures.js";
import { type Kernel, wholeView } from "./kernel.js";

function printCopy(rank: number): Source {
  const source = new Source();
  const x = source.read("float32");
  source.add(...coordinates(source, rank, "index"));
  source.add(`return ${x.raw(`${source.int()} + ${dot(source, rank)}`)};`);
  return source;
}

/** A copy of a view in row-major order, whatever its dtype. */
export function copyOf(machine: Machine, x: BlockView): Block {
  const block = machine.alloc(x);
  const { shape, strides } = collapse(x.shape, [x.strides]);
  const program = machine.program(`copy ${shape.length}`, () => printCopy(shape.length));
  machine.params().ints(shape.slice(1)).int(x.offset).ints(strides[0]);
  machine.run(program, [x.block], block, sizeOf(x.shape));
  return block;
}

/** True if a view is its whole block in row-major order, from its start. */
export function isDense({ shape, strides, offset }: Layout): boolean {
  return offset === 0 && isContiguous(shape, strides);
}

// ---- updateSlice

/** A region of a row-major array: dimensions by falling strides, all positive, and the same region of the source. */
interface Region {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
  readonly sourceStrides: readonly number[];
  readonly sourceOffset: number;
}

/** The region with positive, falling strides; dimensions of size 1 dropped and neighbours merged. */
function regionOf(source: BlockView, strides: readonly number[], offset: number): Region {
  let start = offset;
  let sourceOffset = source.offset;
  const dims = source.shape.map((n, d) => {
    if (strides[d] >= 0) return { n, stride: strides[d], from: source.strides[d] };
    start += (n - 1) * strides[d];
    sourceOffset += (n - 1) * source.strides[d];
    return { n, stride: -strides[d], from: -source.strides[d] };
  });
  dims.sort((a, b) => b.stride - a.stride);
  const merged = collapse(
    dims.map((d) => d.n),
    [dims.map((d) => d.stride), dims.map((d) => d.from)],
  );
  return { shape: merged.shape, strides: merged.strides[0], offset: start, sourceStrides: merged.strides[1], sourceOffset };
}

/** True if every stride is beyond all that the dimensions after it span, so that dividing by them finds the coordinates. */
function isNested({ shape, strides }: Region): boolean {
  let span = 0;
  for (let d = shape.length - 1; d >= 0; d--) {
    if (strides[d] <= span) return false;
    span += (shape[d] - 1) * strides[d];
  }
  return true;
}

function printUpdate(rank: number): Source {
  const source = new Source();
  const [base, from] = [source.read("float32"), source.read("float32")];
  const [offset, sourceOffset] = source.ints(2);
  source.add(`int rest = index - ${offset};`, `int at = ${sourceOffset};`, "bool inside = rest >= 0;");
  for (let d = 0; d < rank; d++) {
    const [size, stride, step] = source.ints(3);
    source.add(`int c${d} = rest / ${stride};`, `inside = inside && c${d} < ${size};`);
    source.add(`rest = rest - c${d} * ${stride};`, `at = at + c${d} * ${step};`);
  }
  source.add(`if (inside && rest == 0) { return ${from.raw("at")}; }`, `return ${base.raw("index")};`);
  return source;
}

/** Which element of the source each element of the base takes, or -1: for regions whose coordinates no division finds. */
function sourceMap(source: BlockView, strides: readonly number[], offset: number, size: number): Float32Array {
  const map = new Float32Array(size).fill(-1);
  const count = sizeOf(source.shape);
  for (let i = 0; i < count; i++) {
    let [to, from] = [offset, source.offset];
    for (let d = source.shape.length - 1, rest = i; d >= 0; d--) {
      const c = rest % source.shape[d];
      rest = Math.floor(rest / source.shape[d]);
      to += c * strides[d];
      from += c * source.strides[d];
    }
    map[to] = from;
  }
  return map;
}

function printMapped(): Source {
  const source = new Source();
  const [base, from, map] = [source.read("float32"), source.read("float32"), source.read("int32")];
  source.add(`int at = ${map.at("index")};`, `return at >= 0 ? ${from.raw("at")} : ${base.raw("index")};`);
  return source;
}

export const updateSlice: Kernel<"updateSlice"> = (machine, [base, source], [output], { strides, offset }) => {
  const size = sizeOf(output.shape);
  const block = machine.alloc(output);
  const region = regionOf(source, strides, offset);
  if (sizeOf(source.shape) === 0) {
    machine.free(block);
    return [copyOf(machine, base)];
  }
  if (isNested(region)) {
    const program = machine.program(`updateSlice ${region.shape.length}`, () => printUpdate(region.shape.length));
    const params = machine.params().int(region.offset).int(region.sourceOffset);
    region.shape.forEach((n, d) => params.int(n).int(region.strides[d]).int(region.sourceStrides[d]));
    machine.run(program, [base.block, source.block], block, size);
    return [block];
  }
  const map = machine.upload(sourceMap(source, strides, offset, size), "float32");
  machine.params();
  machine.run(machine.program("updateSlice mapped", printMapped), [base.block, source.block, map], block, size);
  machine.free(map);
  return [block];
};

// ---- concat

/** Inputs of one launch. */
const MOST = 8;

function printConcat(count: number): Source {
  const source = new Source();
  const readers = Array.from({ length: count }, () => source.read("float32"));
  const [inner, length] = source.ints(2);
  source.add(`int before = index / ${inner};`, `int low = index - before * ${inner};`);
  source.add(`int above = before / ${length};`, `int at = before - above * ${length};`);
  const sizes = source.ints(count);
  const reads = readers.map((reader, i) => `return ${reader.raw(`(above * ${sizes[i]} + at) * ${inner} + low`)};`);
  for (let i = 0; i < count - 1; i++) source.add(`if (at < ${sizes[i]}) { ${reads[i]} }`, `at = at - ${sizes[i]};`);
  source.add(reads[count - 1]);
  return source;
}

/** Dense inputs along a dimension, a few at a time. */
function join(machine: Machine, inputs: readonly BlockView[], output: Spec, dim: number): Block {
  const groups: BlockView[] = [];
  const made: Block[] = [];
  for (let i = 0; i < inputs.length; i += MOST) {
    const part = inputs.slice(i, i + MOST);
    const length = part.reduce((n, x) => n + x.shape[dim], 0);
    const spec: Spec = { shape: output.shape.map((n, d) => (d === dim ? length : n)), dtype: output.dtype };
    const block = machine.alloc(spec);
    const program = machine.program(`concat ${part.length}`, () => printConcat(part.length));
    machine
      .params()
      .int(sizeOf(output.shape.slice(dim + 1)))
      .int(length)
      .ints(part.map((x) => x.shape[dim]));
    const blocks = part.map((x) => x.block);
    machine.run(program, blocks, block, sizeOf(spec.shape));
    groups.push(wholeView(block, spec));
    made.push(block);
  }
  if (groups.length === 1) return made[0];
  const block = join(machine, groups, output, dim);
  for (const group of made) machine.free(group);
  return block;
}

export const concat: Kernel<"concat"> = (machine, inputs, [output], { dim }) => {
  const copies: Block[] = [];
  const dense = inputs
    .filter((x) => x.shape[dim] > 0)
    .map((x) => {
      if (isDense(x)) return x;
      const block = copyOf(machine, x);
      copies.push(block);
      return { ...x, block, strides: contiguousStrides(x.shape), offset: 0 };
    });
  const block = dense.length === 0 ? machine.alloc(output) : join(machine, dense, output, dim);
  for (const copy of copies) machine.free(copy);
  return [block];
};
