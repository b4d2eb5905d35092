/**
 * Kernels that go along one dimension: positions of extremes, running results, softmax.
 *
 * @module
 */
import { contiguousStrides, type DType, sizeOf } from "@sconce/core";
import { beatsText, collapse, coordinates, dot, scalarText, typeOf } from "@sconce/core/shader";
import { Source } from "../glsl/source.js";
import { toStorage } from "../glsl/storage.js";
import type { BlockView, Machine } from "../machine.js";
import type { Params } from "../params.js";
import type { Block } from "../textures.js";
import type { Kernel } from "./kernel.js";

/** A tensor as rows along a dimension: `[outer, length, inner]` in the result, whose row is `outer * inner + inner`'s place. */
export interface Rows {
  readonly count: number;
  readonly length: number;
  /** Elements of the result between neighbours of a row. */
  readonly inner: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
  readonly step: number;
}

export function rowsOf(x: BlockView, dim: number): Rows {
  const length = x.shape.length === 0 ? 1 : x.shape[dim];
  const outer = x.shape.filter((_, d) => d !== dim);
  const { shape, strides } = collapse(outer, [x.strides.filter((_, d) => d !== dim)]);
  const inner = contiguousStrides(x.shape)[dim] ?? 1;
  return { count: sizeOf(outer), length, inner, shape, strides: strides[0], offset: x.offset, step: x.strides[dim] ?? 0 };
}

/** Names of a row's parameters. */
export interface RowText {
  readonly length: string;
  readonly step: string;
  readonly inner: string;
}

/** Adds `at`, the position within the row of element `index` of a result with whole rows, and `row`. */
export function placeText(source: Source, { length, inner }: RowText): void {
  source.add(`int before = index / ${inner};`, `int above = before / ${length};`, `int at = before - above * ${length};`);
  source.add(`int row = above * ${inner} + index - before * ${inner};`);
}

export function rowParams(source: Source): RowText {
  const [length, step, inner] = source.ints(3);
  return { length, step, inner };
}

/** Adds `start`, the first element of row `row`. */
export function startText(source: Source, rank: number, row: string): void {
  source.add(...coordinates(source, rank, row), `int start = ${source.int()} + ${dot(source, rank)};`);
}

export function writeRows(params: Params, { length, step, inner, shape, offset, strides }: Rows): void {
  params.int(length).int(step).int(inner).ints(shape.slice(1)).int(offset).ints(strides);
}

function printArgReduce(op: "max" | "min", dtype: DType, rank: number): Source {
  const source = new Source();
  const x = source.read(dtype);
  const { length, step } = rowParams(source);
  startText(source, rank, "index");
  source.add(`${typeOf(dtype)} best = ${x.at("start")};`, "int found = 0;", `for (int k = 1; k < ${length}; k++) {`);
  source.add(`  ${typeOf(dtype)} y = ${x.at(`start + k * ${step}`)};`);
  source.add(`  if (${beatsText(op, dtype, false)}) { best = y; found = k; }`, "}", "return sc_store_int(found);");
  return source;
}

export const argReduce: Kernel<"argReduce"> = (machine, [x], [output], { op, dim }) => {
  const rows = rowsOf(x, dim);
  const block = machine.alloc(output);
  const program = machine.program(`argReduce ${op} ${x.dtype} ${rows.shape.length}`, () => printArgReduce(op, x.dtype, rows.shape.length));
  writeRows(machine.params(), rows);
  machine.run(program, [x.block], block, rows.count);
  return [block];
};

type CumulateOp = "sum" | "prod" | "max" | "min";

/** Each element goes through its row up to itself. Sums add up in blocks, as reductions do. */
function printCumulate(op: CumulateOp, dtype: DType, rank: number, positions: boolean): Source {
  const source = new Source();
  const x = source.read(dtype);
  const row = rowParams(source);
  placeText(source, row);
  startText(source, rank, "row");
  const type = typeOf(dtype);
  const read = (k: string): string => x.at(`start + ${k} * ${row.step}`);
  source.add(`${type} best = ${read("0")};`, "int found = 0;", "for (int k = 1; k <= at; k++) {", `  ${type} y = ${read("k")};`);
  if (op === "max" || op === "min") source.add(`  if (${beatsText(op, dtype, true)}) { best = y; found = k; }`, "}");
  else source.add(`  best = ${scalarText(op === "sum" ? "add" : "mul", dtype, ["best", "y"])};`, "}");
  source.add(positions ? "return sc_store_int(found);" : `return ${toStorage(dtype, "best")};`);
  return source;
}

export const cumulate: Kernel<"cumulate"> = (machine, [x], outputs, { op, dim }) => {
  const rows = rowsOf(x, dim);
  const rank = rows.shape.length;
  return outputs.map((spec, i) => {
    const block = machine.alloc(spec);
    const program = machine.program(`cumulate ${op} ${x.dtype} ${rank} ${i}`, () => printCumulate(op, x.dtype, rank, i === 1));
    writeRows(machine.params(), rows);
    machine.run(program, [x.block], block, sizeOf(spec.shape));
    return block;
  });
};

/** The greatest value of each row and the sum of the exponentials of the differences to it: two elements a row. */
function printRowTotals(rank: number): Source {
  const source = new Source();
  const x = source.read("float32");
  const { length, step } = rowParams(source);
  startText(source, rank, "(index >> 1)");
  const loop = `for (int k = 0; k < ${length}; k++) {`;
  const value = x.raw(`start + k * ${step}`);
  source.add("float high = -sc_inf();", loop, `  high = sc_max(high, ${value});`, "}", "if ((index & 1) == 0) { return high; }");
  source.add("float total = 0.0;", loop, `  total += sc_exp(${value} - high);`, "}", "return total;");
  return source;
}

function printSoftmax(log: boolean, rank: number): Source {
  const source = new Source();
  const [x, totals] = [source.read("float32"), source.read("float32")];
  const row = rowParams(source);
  placeText(source, row);
  startText(source, rank, "row");
  source.add(
    `float shifted = ${x.raw(`start + at * ${row.step}`)} - ${totals.raw("2 * row")};`,
    `float total = ${totals.raw("2 * row + 1")};`,
  );
  source.add(log ? "return shifted - sc_log(total);" : "return sc_exp(shifted) / total;");
  return source;
}

export const softmax: Kernel<"softmax"> = (machine: Machine, [x], [output], { dim, log }) => {
  const rows = rowsOf(x, dim);
  const rank = rows.shape.length;
  const totals: Block = machine.alloc({ shape: [rows.count, 2] });
  const first = machine.program(`softmax totals ${rank}`, () => printRowTotals(rank));
  writeRows(machine.params(), rows);
  machine.run(first, [x.block], totals, rows.count * 2);
  const block: Block = machine.alloc(output);
  const second = machine.program(`softmax ${log} ${rank}`, () => printSoftmax(log, rank));
  writeRows(machine.params(), rows);
  machine.run(second, [x.block, totals], block, sizeOf(output.shape));
  machine.free(totals);
  return [block];
};
