/**
 * Layer normalisation and the gradient of its input: a row for each invocation or workgroup.
 *
 * @module
 */
import { sizeOf } from "@sconce/core";
import { type Collapsed, collapse, coordinates, dot } from "@sconce/core/shader";
import type { BlockView, Machine } from "../machine.js";
import type { Params } from "../params.js";
import type { Block } from "../pool.js";
import { Source } from "../wgsl/source.js";
import { type Kernel, WORKGROUP } from "./kernel.js";
import { rowLoops, wantsGroups } from "./row-loops.js";

/** Operands as rows: the dimensions that count rows, and those that a row consists of. */
interface Rows {
  readonly operands: readonly BlockView[];
  readonly outer: Collapsed;
  readonly inner: Collapsed;
  readonly count: number;
  readonly length: number;
}

/** `shape` as rows of its last `dims` dimensions. Operands of these alone are the same for every row; those of size 1 there have one element a row. */
function rowsOf(operands: readonly BlockView[], shape: readonly number[], dims: number): Rows {
  const lead = shape.length - dims;
  const strides = operands.map((x) => [
    ...new Array<number>(shape.length - x.shape.length).fill(0),
    ...x.strides.map((step, d) => (x.shape[d] === 1 ? 0 : step)),
  ]);
  const part = (from: number, to: number): Collapsed =>
    collapse(
      shape.slice(from, to),
      strides.map((list) => list.slice(from, to)),
    );
  return {
    operands,
    outer: part(0, lead),
    inner: part(lead, shape.length),
    count: sizeOf(shape.slice(0, lead)),
    length: sizeOf(shape.slice(lead)),
  };
}

/** What a kernel's text depends on. */
interface Plan {
  readonly operands: number;
  readonly outer: number;
  readonly inner: number;
  readonly wide: boolean;
}

/** Texts of a kernel over rows: the lines that find element `k` of a row, and the addresses there. */
interface RowText {
  readonly reads: readonly string[];
  readonly length: string;
  readonly find: readonly string[];
  readonly at: readonly string[];
}

/** Binds the operands and reserves their layouts. */
function readRows(source: Source, { operands, outer, inner, wide }: Plan): RowText {
  const reads = Array.from({ length: operands }, () => source.read("f32"));
  const length = source.int();
  source.add(...coordinates(source, outer, wide ? "group" : "index"));
  const find = coordinates(source, inner, "k", "e");
  const at = reads.map((_, i) => {
    source.add(`let row${i} = ${source.int()} + ${dot(source, outer)};`);
    return `row${i} + ${dot(source, inner, "e")}`;
  });
  return { reads, length, find, at };
}

function writeRows(params: Params, { operands, outer, inner, length }: Rows): void {
  params.int(length).ints(outer.shape.slice(1)).ints(inner.shape.slice(1));
  operands.forEach((x, i) => params.int(x.offset).ints(outer.strides[i]).ints(inner.strides[i]));
}

/** Adds a kernel over rows; `numbers` are the parameters that it has of its own. */
function run(
  machine: Machine,
  name: string,
  rows: Rows,
  blocks: readonly Block[],
  print: (plan: Plan) => Source,
  ...numbers: readonly number[]
): void {
  const wide = wantsGroups(machine, rows.count, rows.length);
  const plan = { operands: rows.operands.length, outer: rows.outer.shape.length, inner: rows.inner.shape.length, wide };
  const key = `${name} ${plan.operands} ${plan.outer} ${plan.inner} ${wide}`;
  const program = machine.program(key, () => print(plan), wide ? "workgroup" : "invocation");
  const params = machine.params();
  writeRows(params, rows);
  for (const x of numbers) params.float(x);
  machine.run(program, [...rows.operands.map(({ block }) => block), ...blocks], rows.count);
}

function printLayerNorm(plan: Plan): Source {
  const source = new Source(WORKGROUP);
  const { reads, length, find, at } = readRows(source, plan);
  const [output, means, inverses] = [source.write("f32"), source.write("f32"), source.write("f32")];
  const eps = source.float();
  const { row, each, sums } = rowLoops(source, length, plan);
  const [x, weight, bias] = reads.map((name, i) => `${name}[${at[i]}]`);
  // Shifted by the first element: rows of equal elements become exactly zero.
  source.add("var origin = 0.0;", "{", "let k = 0;", ...find, `origin = ${x};`, "}");
  source.add(...sums({ sum: `${x} - origin` }, find), `let mean = origin + sum / f32(${length});`);
  source.add(...sums({ squares: "away * away" }, [...find, `let away = ${x} - mean;`]));
  source.add(`let inverse = sc_divide(1.0, sc_sqrt(squares / f32(${length}) + ${eps}));`);
  const normal = `(${x} - mean) * inverse${weight === undefined ? "" : ` * ${weight}`}${bias === undefined ? "" : ` + ${bias}`}`;
  source.add(...each(...find, `${output}[${row} * ${length} + k] = ${normal};`));
  const store = `${means}[${row}] = mean; ${inverses}[${row}] = inverse;`;
  source.add(plan.wide ? `if (lane == 0) { ${store} }` : store);
  return source;
}

function printLayerNormGrad(plan: Plan): Source {
  const source = new Source(WORKGROUP);
  const { reads, length, find, at } = readRows(source, plan);
  const output = source.write("f32");
  const { row, each, sums } = rowLoops(source, length, plan);
  const [grad, x, means, inverses, weight] = reads.map((name, i) => `${name}[${at[i]}]`);
  // The statistics have one element for each row.
  source.add("var mean = 0.0;", "var inverse = 0.0;", "{", "let k = 0;", ...find, `mean = ${means};`, `inverse = ${inverses};`, "}");
  const values = [...find, `let slope = ${grad}${weight === undefined ? "" : ` * ${weight}`};`, `let normal = (${x} - mean) * inverse;`];
  source.add(...sums({ sum: "slope", along: "slope * normal" }, values));
  source.add(`let shift = sum / f32(${length});`, `let turn = along / f32(${length});`);
  source.add(...each(...values, `${output}[${row} * ${length} + k] = inverse * (slope - shift - normal * turn);`));
  return source;
}

export const layerNorm: Kernel<"layerNorm"> = (machine, inputs, outputs, { dims, eps }) => {
  const blocks = outputs.map((spec) => machine.alloc(spec));
  run(machine, "layerNorm", rowsOf(inputs, outputs[0].shape, dims), blocks, printLayerNorm, eps);
  return blocks;
};

export const layerNormGrad: Kernel<"layerNormGrad"> = (machine, inputs, [output], { dims }) => {
  const block = machine.alloc(output);
  run(machine, "layerNormGrad", rowsOf(inputs, output.shape, dims), [block], printLayerNormGrad);
  return [block];
};
