import { contiguousStrides, type DType, sizeOf } from "@sconce/core";
import { coordinates, dot, orderText } from "@sconce/core/shader";
import type { BlockView, Machine } from "../machine.js";
import type { Params } from "../params.js";
import type { Block } from "../pool.js";
import { fromStorage, Source, STORAGE_TYPE, toStorage } from "../wgsl/source.js";
import { type Kernel, WORKGROUP } from "./kernel.js";

/** Rows up to this length are sorted by counting what comes before each element; longer ones by a bitonic network. */
const COUNTED = 1024;

/** What the kernels of a sort depend on. */
interface SortPlan {
  readonly dtype: DType;
  readonly rank: number;
  readonly descending: boolean;
}

/** A tensor with the dimension to sort moved to the end: `[..., length]`. */
interface Rows {
  readonly outer: readonly number[];
  readonly strides: readonly number[];
  readonly dense: readonly number[];
  readonly offset: number;
  readonly length: number;
  readonly step: number;
  readonly outStep: number;
}

function rowsOf(x: BlockView, dim: number): Rows {
  const dense = contiguousStrides(x.shape);
  const drop = <T>(list: readonly T[]): T[] => list.filter((_, d) => d !== dim);
  const length = x.shape.length === 0 ? 1 : x.shape[dim];
  return {
    outer: drop(x.shape),
    strides: drop(x.strides),
    dense: drop(dense),
    offset: x.offset,
    length,
    step: x.strides[dim] ?? 0,
    outStep: dense[dim] ?? 0,
  };
}

/** Adds `start` and `to`, the starts of row `row`; returns the length and the steps. */
function rowText(source: Source, rank: number, row: string): { length: string; step: string; outStep: string } {
  const [length, step, outStep] = source.ints(3);
  source.add(...coordinates(source, rank, row));
  source.add(`let start = ${source.int()} + ${dot(source, rank)};`, `let to = ${dot(source, rank)};`);
  return { length, step, outStep };
}

function writeRows(params: Params, { length, step, outStep, outer, offset, strides, dense }: Rows): void {
  params.int(length).int(step).int(outStep).ints(outer.slice(1)).int(offset).ints(strides).ints(dense);
}

function printCounted(plan: SortPlan): Source {
  const source = new Source(WORKGROUP);
  const { dtype, rank } = plan;
  const [x, values, positions] = [source.read(STORAGE_TYPE[dtype]), source.write(STORAGE_TYPE[dtype]), source.write("i32")];
  source.global(orderText(plan.dtype, plan.descending));
  const { length, step, outStep } = rowText(source, rank, "row");
  const body = source.take();
  source.add(`let row = index / ${length};`, `let k = index % ${length};`, ...body);
  const read = (k: string): string => fromStorage(dtype, `${x}[start + ${k} * ${step}]`);
  source.add(`let y = ${read("k")};`, "var place = 0;", `for (var j = 0; j < ${length}; j++) {`);
  source.add(`  if (j != k && sc_before(${read("j")}, j, y, k)) { place++; }`, "}");
  source.add(`${values}[to + place * ${outStep}] = ${toStorage(dtype, "y")};`, `${positions}[to + place * ${outStep}] = k;`);
  return source;
}

/** One step of the network over `[rows, padded]` positions; those beyond the row's length come last. */
function printNetwork(plan: SortPlan): Source {
  const source = new Source(WORKGROUP);
  const { dtype, rank } = plan;
  const [x, order] = [source.read(STORAGE_TYPE[dtype]), source.write("i32")];
  source.global(orderText(plan.dtype, plan.descending));
  const { length, step } = rowText(source, rank, "row");
  const body = source.take();
  const [padded, block, distance] = source.ints(3);
  source.add(`let row = index / (${padded} / 2);`, `let pair = index % (${padded} / 2);`, ...body);
  source.add(`let low = (pair / ${distance}) * ${distance} * 2 + pair % ${distance};`, `let high = low + ${distance};`);
  source.add(`let i = ${order}[row * ${padded} + low];`, `let j = ${order}[row * ${padded} + high];`, `let up = (low & ${block}) == 0;`);
  const read = (k: string): string => fromStorage(dtype, `${x}[start + min(${k}, ${length} - 1) * ${step}]`);
  source.add("var swap = i > j;", `if (i < ${length} && j < ${length}) { swap = sc_before(${read("j")}, j, ${read("i")}, i); }`);
  source.add(`if (swap == up) { ${order}[row * ${padded} + low] = j; ${order}[row * ${padded} + high] = i; }`);
  return source;
}

function printStart(): Source {
  const source = new Source(WORKGROUP);
  source.add(`${source.write("i32")}[index] = index % ${source.int()};`);
  return source;
}

function printFinish({ dtype, rank }: SortPlan): Source {
  const source = new Source(WORKGROUP);
  const type = STORAGE_TYPE[dtype];
  const [x, order, values, positions] = [source.read(type), source.read("i32"), source.write(type), source.write("i32")];
  const { length, step, outStep } = rowText(source, rank, "row");
  const body = source.take();
  source.add(`let row = index / ${length};`, `let k = index % ${length};`, ...body);
  source.add(`let at = ${order}[row * ${source.int()} + k];`, `${values}[to + k * ${outStep}] = ${x}[start + at * ${step}];`);
  source.add(`${positions}[to + k * ${outStep}] = at;`);
  return source;
}

function sortByNetwork(machine: Machine, x: BlockView, plan: SortPlan, rows: Rows, blocks: readonly Block[]): void {
  const count = sizeOf(rows.outer);
  const padded = 2 ** Math.ceil(Math.log2(rows.length));
  const order = machine.alloc({ shape: [count, padded] });
  const key = `${plan.dtype} ${plan.rank} ${plan.descending}`;
  machine.params().int(padded);
  machine.run(machine.program("sort start", printStart), [order], count * padded);
  const network = machine.program(`sort network ${key}`, () => printNetwork(plan));
  for (let block = 2; block <= padded; block *= 2) {
    for (let distance = block / 2; distance >= 1; distance /= 2) {
      const params = machine.params();
      writeRows(params, rows);
      params.int(padded).int(block).int(distance);
      machine.run(network, [x.block, order], (count * padded) / 2);
    }
  }
  const params = machine.params();
  writeRows(params, rows);
  params.int(padded);
  machine.run(
    machine.program(`sort finish ${key}`, () => printFinish(plan)),
    [x.block, order, ...blocks],
    count * rows.length,
  );
  machine.free(order);
}

export const sort: Kernel<"sort"> = (machine, [x], outputs, { dim, descending }) => {
  const rows = rowsOf(x, dim);
  const plan: SortPlan = { dtype: x.dtype, rank: rows.outer.length, descending };
  const blocks = outputs.map((spec) => machine.alloc(spec));
  if (rows.length > COUNTED) {
    sortByNetwork(machine, x, plan, rows, blocks);
    return blocks;
  }
  const program = machine.program(`sort ${plan.dtype} ${plan.rank} ${descending}`, () => printCounted(plan));
  writeRows(machine.params(), rows);
  machine.run(program, [x.block, ...blocks], sizeOf(x.shape));
  return blocks;
};
