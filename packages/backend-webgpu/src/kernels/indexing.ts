import { contiguousStrides, type DType, type ScatterMode, sizeOf } from "@sconce/core";
import { along, collapse, combineText, coordinates, dot, pickedFrom, pickText, without } from "@sconce/core/shader";
import type { BlockView, Machine } from "../machine.js";
import type { Block } from "../pool.js";
import { fromStorage, Source, STORAGE_TYPE, toStorage } from "../wgsl/source.js";
import { copyOf } from "./copy.js";
import { type Kernel, WORKGROUP } from "./kernel.js";

// ---- reading

function printPick(rank: number): Source {
  const source = new Source(WORKGROUP);
  const [x, index, output] = [source.read("u32"), source.read("i32"), source.write("u32")];
  const address = pickText(source, rank, (at) => `${index}[${at}]`);
  source.add(`${output}[index] = ${x}[${address}];`);
  return source;
}

/** Reads x at the positions of an index; `steps` are the strides of the index over the output's shape. */
function pick(machine: Machine, x: BlockView, index: BlockView, steps: readonly number[], output: readonly number[], dim: number): Block {
  const { rank, write } = pickedFrom(x, index, steps, output, dim);
  const block = machine.alloc({ shape: output });
  const program = machine.program(`gather ${rank}`, () => printPick(rank));
  write(machine.params());
  machine.run(program, [x.block, index.block, block], sizeOf(output));
  return block;
}

export const gather: Kernel<"gather"> = (machine, [x, index], [output], { dim }) => [
  pick(machine, x, index, index.strides, output.shape, dim),
];

export const indexSelect: Kernel<"indexSelect"> = (machine, [x, index], [output], { dim }) => {
  const steps = output.shape.map((_, d) => (d === dim ? index.strides[0] : 0));
  return [pick(machine, x, index, steps, output.shape, dim)];
};

// ---- writing

/** Elements of a source that go to the positions of an index along `dim`; `shape` is that of the source. */
interface Placement {
  readonly target: BlockView;
  readonly index: BlockView;
  /** Strides of the index over `shape`. */
  readonly steps: readonly number[];
  readonly source: BlockView;
  readonly shape: readonly number[];
  readonly dim: number;
  readonly mode: ScatterMode;
}

/** Lanes from which on one invocation for each, going through the index in order, keeps the device busy. */
const MANY_LANES = { software: 64, hardware: 2048 };
const SHORT = 32;

function place(machine: Machine, placement: Placement): void {
  const { shape, dim, mode } = placement;
  const length = shape.length === 0 ? 1 : shape[dim];
  const lanes = length === 0 ? 0 : sizeOf(shape) / length;
  const many = machine.software ? MANY_LANES.software : MANY_LANES.hardware;
  if (lanes >= many || length <= SHORT) placeInOrder(machine, placement, lanes, length);
  else if (mode === "set") placeLast(machine, placement, sizeOf(shape));
  else placeAtomic(machine, placement, sizeOf(shape));
}

function printInOrder(rank: number, mode: ScatterMode, dtype: DType): Source {
  const source = new Source(WORKGROUP);
  const type = STORAGE_TYPE[dtype];
  const [index, from, target] = [source.read("i32"), source.read(type), source.write(type)];
  source.add(...coordinates(source, rank, "index"));
  for (const name of ["ibase", "sbase", "tbase"]) source.add(`let ${name} = ${source.int()} + ${dot(source, rank)};`);
  const [length, istep, sstep, tstep, size] = source.ints(5);
  source.add(`for (var k = 0; k < ${length}; k++) {`, `  let at = ${index}[ibase + k * ${istep}];`);
  source.add(`  if (at < 0 || at >= ${size}) { continue; }`, `  let to = tbase + at * ${tstep};`);
  const old = fromStorage(dtype, `${target}[to]`);
  const value = fromStorage(dtype, `${from}[sbase + k * ${sstep}]`);
  source.add(`  ${target}[to] = ${toStorage(dtype, combineText(mode, dtype, old, value))};`, "}");
  return source;
}

/** One invocation for each lane along `dim`: what goes to one place is combined in the order of the source. */
function placeInOrder(machine: Machine, p: Placement, lanes: number, length: number): void {
  const { target, index, source, dim } = p;
  const outer = p.shape.map((n, d) => (d === dim ? 1 : n));
  const { shape, strides } = collapse(outer, [p.steps, source.strides, target.strides]);
  const key = `scatter ${p.mode} ${target.dtype} ${shape.length}`;
  const program = machine.program(key, () => printInOrder(shape.length, p.mode, target.dtype));
  const params = machine.params().ints(shape.slice(1));
  params.int(index.offset).ints(strides[0]).int(source.offset).ints(strides[1]).int(target.offset).ints(strides[2]);
  const { size, step } = along(target, dim);
  params
    .int(length)
    .int(p.steps[dim] ?? 0)
    .int(source.strides[dim] ?? 0)
    .int(step)
    .int(size);
  machine.run(program, [index.block, source.block, target.block], lanes);
}

/** Parameters and statements by which every element of the source finds its place `to`; others end. Returns the element's own position. */
function printFind(source: Source, rank: number, index: string): string {
  source.add(...coordinates(source, rank, "index"));
  source.add(`let at = ${index}[${source.int()} + ${dot(source, rank)}];`);
  const [size, step] = source.ints(2);
  source.add(`if (at < 0 || at >= ${size}) { return; }`, `let to = ${dot(source, rank)} + at * ${step};`);
  return `${source.int()} + ${dot(source, rank)}`;
}

function printAtomic(rank: number, mode: ScatterMode, dtype: DType): Source {
  const source = new Source(WORKGROUP);
  const type = STORAGE_TYPE[dtype];
  const [index, from, target] = [source.read("i32"), source.read(type), source.write("atomic<u32>")];
  const position = printFind(source, rank, index);
  source.add(`let value = ${fromStorage(dtype, `${from}[${position}]`)};`, `var old = atomicLoad(&${target}[to]);`, "loop {");
  const next = toStorage(dtype, combineText(mode, dtype, fromStorage(dtype, `bitcast<${type}>(old)`), "value"));
  source.add(`  let result = atomicCompareExchangeWeak(&${target}[to], old, bitcast<u32>(${next}));`);
  source.add("  if (result.exchanged) { break; }", "  old = result.old_value;", "}");
  return source;
}

/** The layout by which every element of the source finds its place, and what writes the parameters of {@link printFind}. */
function find(machine: Machine, p: Placement): { readonly shape: readonly number[]; readonly write: () => void } {
  const { target, index, source, dim } = p;
  const { shape, strides } = collapse(p.shape, [p.steps, without(target.strides, dim), source.strides]);
  const { size, step } = along(target, dim);
  return {
    shape,
    write: () => {
      const params = machine.params().ints(shape.slice(1)).int(index.offset).ints(strides[0]);
      params.int(size).int(step).ints(strides[1]).int(source.offset).ints(strides[2]);
    },
  };
}

/** One invocation for each element, combined by compare and exchange: sums of floats may round differently from run to run. */
function placeAtomic(machine: Machine, p: Placement, count: number): void {
  const { shape, write } = find(machine, p);
  const key = `scatter atomic ${p.mode} ${p.target.dtype} ${shape.length}`;
  const program = machine.program(key, () => printAtomic(shape.length, p.mode, p.target.dtype));
  write();
  machine.run(program, [p.index.block, p.source.block, p.target.block], count);
}

function printWinner(rank: number): Source {
  const source = new Source(WORKGROUP);
  const [index, winner] = [source.read("i32"), source.write("atomic<i32>")];
  printFind(source, rank, index);
  source.add(`atomicMax(&${winner}[to], index + 1);`);
  return source;
}

function printSettle(rank: number): Source {
  const source = new Source(WORKGROUP);
  const [index, from] = [source.read("i32"), source.read("u32")];
  const [winner, target] = [source.write("i32"), source.write("u32")];
  const position = printFind(source, rank, index);
  source.add(`if (${winner}[to] == index + 1) { ${target}[to] = ${from}[${position}]; }`);
  return source;
}

function printZero(): Source {
  const source = new Source(WORKGROUP);
  source.add(`${source.write("u32")}[index] = 0u;`);
  return source;
}

/** The last of the elements that go to one place wins: they compete by position first. */
function placeLast(machine: Machine, p: Placement, count: number): void {
  const { shape, write } = find(machine, p);
  const winner = machine.alloc(p.target);
  machine.params();
  machine.run(machine.program("zero", printZero), [winner], sizeOf(p.target.shape));
  const compete = machine.program(`scatter compete ${shape.length}`, () => printWinner(shape.length));
  write();
  machine.run(compete, [p.index.block, winner], count);
  const settle = machine.program(`scatter settle ${shape.length}`, () => printSettle(shape.length));
  write();
  machine.run(settle, [p.index.block, p.source.block, winner, p.target.block], count);
  machine.free(winner);
}

/** A copy of `self` to write into. */
function targetOf(machine: Machine, self: BlockView): BlockView {
  return { ...self, block: copyOf(machine, self), strides: contiguousStrides(self.shape), offset: 0 };
}

export const scatter: Kernel<"scatter"> = (machine, [self, index, source], _, { dim, mode }) => {
  const target = targetOf(machine, self);
  place(machine, { target, index, steps: index.strides, source, shape: index.shape, dim, mode });
  return [target.block];
};

export const indexUpdate: Kernel<"indexUpdate"> = (machine, [self, index, source], _, { dim, mode }) => {
  const target = targetOf(machine, self);
  const steps = source.shape.map((_, d) => (d === dim ? index.strides[0] : 0));
  place(machine, { target, index, steps, source, shape: source.shape, dim, mode });
  return [target.block];
};
