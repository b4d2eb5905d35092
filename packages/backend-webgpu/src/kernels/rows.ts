/**
 * Kernels that go along one dimension: positions of extremes, running results, softmax.
 *
 * @module
 */
import type { DType } from "@sconce/core";
import { beatsText, scalarText } from "@sconce/core/shader";
import type { Machine } from "../machine.js";
import type { Block } from "../pool.js";
import { fromStorage, Source, STORAGE_TYPE, toStorage, VALUE_TYPE } from "../wgsl/source.js";
import { type Kernel, WORKGROUP } from "./kernel.js";
import { type CumulateOp, printWideArgReduce, printWideCumulate } from "./long-rows.js";
import { rowsOf, rowText, writeRows } from "./row-layout.js";
import { wantsGroups } from "./row-loops.js";

function printArgReduce(op: "max" | "min", dtype: DType, rank: number): Source {
  const source = new Source(WORKGROUP);
  const [x, output] = [source.read(STORAGE_TYPE[dtype]), source.write("i32")];
  const { length, step } = rowText(source, rank, "index");
  const read = (k: string): string => fromStorage(dtype, `${x}[start + ${k} * ${step}]`);
  source.add(`var best = ${read("0")};`, "var found = 0;", `for (var k = 1; k < ${length}; k++) {`, `  let y = ${read("k")};`);
  source.add(`  if (${beatsText(op, dtype, false)}) { best = y; found = k; }`, "}", `${output}[index] = found;`);
  return source;
}

export const argReduce: Kernel<"argReduce"> = (machine, [x], [output], { op, dim }) => {
  const rows = rowsOf(x, dim);
  const block = machine.alloc(output);
  const [rank, wide] = [rows.shape.length, wantsGroups(machine, rows.count, rows.length)];
  const print = wide ? printWideArgReduce : printArgReduce;
  const key = `argReduce ${op} ${x.dtype} ${rank} ${wide}`;
  const program = machine.program(key, () => print(op, x.dtype, rank), wide ? "workgroup" : "invocation");
  writeRows(machine.params(), rows);
  machine.run(program, [x.block, block], rows.count);
  return [block];
};

function printCumulate(op: CumulateOp, dtype: DType, rank: number): Source {
  const source = new Source(WORKGROUP);
  const [x, values] = [source.read(STORAGE_TYPE[dtype]), source.write(STORAGE_TYPE[dtype])];
  const positions = op === "max" || op === "min" ? source.write("i32") : "";
  const { length, step, outStep } = rowText(source, rank, "index");
  source.add(`var best = ${fromStorage(dtype, `${x}[start]`)};`, "var found = 0;", `for (var k = 0; k < ${length}; k++) {`);
  source.add(`  let y = ${fromStorage(dtype, `${x}[start + k * ${step}]`)};`);
  if (op === "max" || op === "min") {
    source.add(`  if (${beatsText(op, dtype, true)}) { best = y; found = k; }`, `  ${positions}[to + k * ${outStep}] = found;`);
  } else source.add(`  if (k > 0) { best = ${scalarText(op === "sum" ? "add" : "mul", dtype, ["best", "y"])}; }`);
  source.add(`  ${values}[to + k * ${outStep}] = ${toStorage(dtype, "best")};`, "}");
  return source;
}

export const cumulate: Kernel<"cumulate"> = (machine, [x], outputs, { op, dim }) => {
  const rows = rowsOf(x, dim);
  const blocks = outputs.map((spec) => machine.alloc(spec));
  const [rank, wide] = [rows.shape.length, wantsGroups(machine, rows.count, rows.length)];
  const print = wide ? printWideCumulate : printCumulate;
  const key = `cumulate ${op} ${x.dtype} ${rank} ${wide}`;
  const program = machine.program(key, () => print(op, x.dtype, rank), wide ? "workgroup" : "invocation");
  writeRows(machine.params(), rows);
  machine.run(program, [x.block, ...blocks], rows.count);
  return blocks;
};

/** A row for each invocation, or for each workgroup where rows are few and long. */
function printSoftmax(log: boolean, rank: number, wide: boolean): Source {
  const source = new Source(WORKGROUP);
  const [x, output] = [source.read("f32"), source.write("f32")];
  if (wide) source.global(`var<workgroup> scratch: array<${VALUE_TYPE.float32}, ${WORKGROUP}>;`);
  const { length, step, outStep } = rowText(source, rank, wide ? "group" : "index");
  const loop = `for (var k = ${wide ? "lane" : "0"}; k < ${length}; k += ${wide ? WORKGROUP : 1}) {`;
  const value = `${x}[start + k * ${step}]`;
  source.add("var high = -sc_inf();", loop, `  high = sc_max(high, ${value});`, "}");
  if (wide) source.add(...source.joinLanes("high", (a, b) => `sc_max(${a}, ${b})`));
  source.add("var total = 0.0;", loop, `  total += sc_exp(${value} - high);`, "}");
  if (wide) source.add(...source.joinLanes("total", (a, b) => `${a} + ${b}`));
  if (log) source.add("let shift = sc_log(total);", loop, `  ${output}[to + k * ${outStep}] = ${value} - high - shift;`, "}");
  else source.add(loop, `  ${output}[to + k * ${outStep}] = sc_exp(${value} - high) / total;`, "}");
  return source;
}

/** Rows from which on one invocation for each keeps the device busy. */
const MANY = { software: 4, hardware: 4096 };

export const softmax: Kernel<"softmax"> = (machine: Machine, [x], [output], { dim, log }) => {
  const rows = rowsOf(x, dim);
  const rank = rows.shape.length;
  const block: Block = machine.alloc(output);
  const wide = rows.length > WORKGROUP && rows.count < (machine.software ? MANY.software : MANY.hardware);
  const program = machine.program(`softmax ${log} ${rank} ${wide}`, () => printSoftmax(log, rank, wide), wide ? "workgroup" : "invocation");
  writeRows(machine.params(), rows);
  machine.run(program, [x.block, block], rows.count);
  return [block];
};
