import { type DType, inputExpr, opExpr, type Spec, sizeOf } from "@sconce/core";
import { collapse, coordinates, dot, kindOf, range, scalarText, typeOf } from "@sconce/core/shader";
import { type Reader, Source } from "../glsl/source.js";
import { toStorage } from "../glsl/storage.js";
import type { BlockView, Machine } from "../machine.js";
import type { Block } from "../textures.js";
import { fill } from "./elementwise.js";
import { type Kernel, wholeView } from "./kernel.js";
import { reduce } from "./reduce.js";

/**
 * How factor b is read: four elements along its columns, which is along the sum, or along its rows. Factor a is always read along its
 * rows.
 */
type Access = "column" | "row";

/** What the kernel of a product depends on. */
interface Plan {
  readonly b: Access;
  readonly batchRank: number;
  /** The four results of a fragment lie in one row. */
  readonly whole: boolean;
  /** Rows of results that a fragment computes, each into a texture of its own: the more, the fewer texels are read for each. */
  readonly rows: 1 | 4;
  readonly bias: boolean;
}

/** Texts of where an operand's batch entry starts, and of its steps. */
interface OperandText {
  readonly start: string;
  readonly row: string;
  readonly column: string;
}

function operandText(source: Source, name: string, rank: number): OperandText {
  source.add(`int ${name}_start = ${source.int()} + ${dot(source, rank, "z")};`);
  const [row, column] = source.ints(2);
  return { start: `${name}_start`, row, column };
}

/** Adds the coordinates `m` (of a group of rows), `n`, `z<d>` and `part` of result `index`. */
function resultText(source: Source, rank: number, index: string): { readonly m: string; readonly k: string; readonly chunk: string } {
  const [m, groups, n, k, chunk, results] = source.ints(6);
  source.add(`int part = (${index}) / ${results};`, `int low = (${index}) - part * ${results};`);
  source.add(`int line = low / ${n};`, `int n = low - line * ${n};`, `int batch = line / ${groups};`, `int m = line - batch * ${groups};`);
  source.add(...coordinates(source, rank, "batch", "z"));
  return { m, k, chunk };
}

/** Four results of a row, or of each of four rows; both factors are read four elements at a time. */
function printWhole({ b, batchRank, rows, bias }: Plan): Source {
  const source = new Source("texel", rows);
  const [left, right] = [source.read("float32"), source.read("float32")];
  const base = bias ? source.read("float32") : null;
  const { m, k, chunk } = resultText(source, batchRank, "4 * quad");
  const [x, y] = [operandText(source, "a", batchRank), operandText(source, "b", batchRank)];
  source.add(`int first = part * ${chunk};`, `int end = min(first + ${chunk}, ${k});`);
  for (const r of range(rows)) {
    source.add(`int m${r} = min(m * ${rows} + ${r}, ${m} - 1);`, `vec4 total${r} = vec4(0.0);`);
    source.add(`int a${r}_at = (${x.start} + m${r} * ${x.row} + first) >> 2;`);
  }
  const a = (r: number, q: string): string => left.quad(`a${r}_at + ${q}`);
  if (b === "column") columnLoop(source, rows, a, right, y);
  else rowLoop(source, rows, a, right, y);
  if (base !== null) {
    const { start, row, column } = operandText(source, "bias", batchRank);
    for (const r of range(rows)) {
      source.add(`int bias${r} = ${start} + m${r} * ${row} + n * ${column};`);
      source.add(`total${r} += vec4(${range(4).map((j) => base.raw(`bias${r} + ${j} * ${column}`))});`);
    }
  }
  for (const r of range(rows).slice(1)) source.add(`sc_out${r} = total${r};`);
  source.add("return total0;");
  return source;
}

type LeftText = (row: number, q: string) => string;

function columnLoop(source: Source, rows: number, left: LeftText, right: Reader, { start, column }: OperandText): void {
  source.add(`int b0_at = (${start} + n * ${column} + first) >> 2;`, `int b_step = ${column} >> 2;`);
  for (const j of [1, 2, 3]) source.add(`int b${j}_at = b${j - 1}_at + b_step;`);
  source.add("int count = (end - first + 3) >> 2;", "for (int q = 0; q < count; q++) {");
  for (const j of range(4)) source.add(`  vec4 b${j} = ${right.quad(`b${j}_at + q`)};`);
  for (const r of range(rows)) {
    source.add(`  vec4 a${r} = ${left(r, "q")};`, `  total${r} += vec4(${range(4).map((j) => `dot(a${r}, b${j})`)});`);
  }
  source.add("}");
}

/** A row of the last, incomplete texel of a must not touch b: what lies there times 0 may be NaN. */
function rowLoop(source: Source, rows: number, left: LeftText, right: Reader, { start, row }: OperandText): void {
  source.add(`int b_step = ${row} >> 2;`, `int b_at = ((${start} + n) >> 2) + first * b_step;`, "vec4 b;");
  source.add("int whole = (end - first) >> 2;", "for (int q = 0; q < whole; q++) {");
  const load = (q: string): string[] => range(rows).map((r) => `  vec4 a${r} = ${left(r, q)};`);
  const add = (j: number): string =>
    range(rows)
      .map((r) => `total${r} += a${r}[${j}] * b;`)
      .join(" ");
  source.add(...load("q"));
  for (const j of range(4)) source.add(`  b = ${right.quad("b_at")};`, `  ${add(j)}`, "  b_at += b_step;");
  source.add("}", "int rest = (end - first) & 3;", "if (rest > 0) {", ...load("whole"));
  for (const j of range(3)) source.add(`  if (rest > ${j}) { b = ${right.quad(`b_at + ${j} * b_step`)}; ${add(j)} }`);
  source.add("}");
}

/** Rows that were computed into four textures as one array again. */
function printInterleave(): Source {
  const source = new Source("texel");
  const parts = range(4).map(() => source.read("float32"));
  const [m, groups, n] = source.ints(3);
  source.add(
    `int line = (4 * quad) / ${n};`,
    `int n = 4 * quad - line * ${n};`,
    `int batch = line / ${m};`,
    `int m = line - batch * ${m};`,
  );
  source.add(`int at = ((batch * ${groups} + (m >> 2)) * ${n} + n) >> 2;`, "int which = m & 3;");
  parts.slice(0, 3).forEach((part, r) => source.add(`if (which == ${r}) { return ${part.quad("at")}; }`));
  source.add(`return ${parts[3].quad("at")};`);
  return source;
}

/** One result at a time, both factors along the sum: four neighbouring results may lie in different rows. */
function printSingle({ batchRank, bias }: Plan): Source {
  const source = new Source();
  const [left, right] = [source.read("float32"), source.read("float32")];
  const base = bias ? source.read("float32") : null;
  const { k, chunk } = resultText(source, batchRank, "index");
  const [x, y] = [operandText(source, "a", batchRank), operandText(source, "b", batchRank)];
  source.add("float total = 0.0;", `int first = part * ${chunk};`, `int end = min(first + ${chunk}, ${k});`);
  source.add(`int a_at = (${x.start} + m * ${x.row} + first) >> 2;`, `int b_at = (${y.start} + n * ${y.column} + first) >> 2;`);
  source.add("int count = (end - first + 3) >> 2;");
  source.add(`for (int q = 0; q < count; q++) { total += dot(${left.quad("a_at + q")}, ${right.quad("b_at + q")}); }`);
  if (base !== null) {
    const { start, row, column } = operandText(source, "bias", batchRank);
    source.add(`total += ${base.raw(`${start} + m * ${row} + n * ${column}`)};`);
  }
  source.add("return total;");
  return source;
}

/** Products of integers, in integer arithmetic, element by element through any strides. */
function printExact(dtype: DType, { batchRank, bias }: Plan): Source {
  const source = new Source();
  const readers = range(bias ? 3 : 2).map(() => source.read(dtype));
  const { k } = resultText(source, batchRank, "index");
  const [x, y] = [operandText(source, "a", batchRank), operandText(source, "b", batchRank)];
  source.add(`${typeOf(dtype)} total = ${typeOf(dtype)}(0);`, `for (int i = 0; i < ${k}; i++) {`);
  const a = readers[0].at(`${x.start} + m * ${x.row} + i * ${x.column}`);
  const b = readers[1].at(`${y.start} + i * ${y.row} + n * ${y.column}`);
  source.add(`  total = ${scalarText("add", dtype, ["total", scalarText("mul", dtype, [a, b])])};`, "}");
  if (bias) {
    const { start, row, column } = operandText(source, "bias", batchRank);
    const text = readers[2].at(`${start} + m * ${row} + n * ${column}`);
    source.add(`total = ${scalarText("add", dtype, ["total", text])};`);
  }
  source.add(`return ${toStorage(dtype, "total")};`);
  return source;
}

// ---- factors that cannot be read four at a time are copied

/** True if dimension `dim` of a view has steps of one and everything else starts at whole texels. */
function isAligned({ shape, strides, offset }: BlockView, dim: number): boolean {
  return strides[dim] === 1 && offset % 4 === 0 && strides.every((s, d) => d === dim || shape[d] === 1 || s % 4 === 0);
}

function printPack(rank: number): Source {
  const source = new Source();
  const x = source.read("float32");
  const [length, padded, step] = source.ints(3);
  source.add(`int line = index / ${padded};`, `int k = index - line * ${padded};`, `if (k >= ${length}) { return 0.0; }`);
  source.add(...coordinates(source, rank, "line"), `return ${x.raw(`${source.int()} + k * ${step} + ${dot(source, rank)}`)};`);
  return source;
}

/** A copy of a factor with steps of one along `dim`, every line of it padded with zeros to whole texels. */
function pack(machine: Machine, x: BlockView, dim: number): BlockView {
  const length = x.shape[dim];
  const padded = Math.ceil(length / 4) * 4;
  // What is stretched stays so.
  const lines = x.shape.map((n, d) => (d === dim || x.strides[d] === 0 ? 1 : n));
  const block = machine.alloc({ shape: [...lines, padded] });
  const { shape, strides } = collapse(lines, [x.strides]);
  const program = machine.program(`pack ${shape.length}`, () => printPack(shape.length));
  const params = machine.params().int(length).int(padded).int(x.strides[dim]);
  params.ints(shape.slice(1)).int(x.offset).ints(strides[0]);
  machine.run(program, [x.block], block, sizeOf(lines) * padded);
  let step = padded;
  const packed = new Array<number>(x.shape.length).fill(0);
  for (let d = lines.length - 1; d >= 0; d--) {
    if (d === dim) packed[d] = 1;
    else if (lines[d] > 1) packed[d] = step;
    step *= lines[d];
  }
  return { ...x, block, strides: packed, offset: 0 };
}

// ---- the product

/** Factors as kernels read them, and the copies to free afterwards. */
interface Factors {
  readonly a: BlockView;
  readonly b: BlockView;
  readonly access: Access;
  readonly copies: readonly Block[];
}

function factorsOf(machine: Machine, a: BlockView, b: BlockView): Factors {
  const rank = a.shape.length;
  const copies: Block[] = [];
  const packed = (x: BlockView, dim: number): BlockView => {
    const copy = pack(machine, x, dim);
    copies.push(copy.block);
    return copy;
  };
  const whole = b.shape[rank - 1] % 4 === 0;
  const sums = a.shape[rank - 1] % 4 === 0;
  const left = isAligned(a, rank - 1) && sums ? a : packed(a, rank - 1);
  if (whole && isAligned(b, rank - 1)) return { a: left, b, access: "row", copies };
  return { a: left, b: isAligned(b, rank - 2) && sums ? b : packed(b, rank - 2), access: "column", copies };
}

const sumOfTwo = opExpr("add", "float32", [inputExpr(0, "float32"), inputExpr(1, "float32")]);

/** Elements of the sum from which on it is cut into parts, and what one part then has. */
const LONG = 4096;
const PART = 2048;

/** Rows and elements of the sum from which on four rows at a time are worth the pass that puts them in order. */
const MANY_ROWS = 8;
const MANY_TERMS = 32;

function launch(machine: Machine, inputs: readonly BlockView[], output: Spec, access: Access, parts: number, block: Block): void {
  const rank = output.shape.length;
  const [m, n] = output.shape.slice(-2);
  const k = inputs[0].shape[rank - 1];
  const batch = output.shape.slice(0, -2);
  const { shape, strides } = collapse(
    batch,
    inputs.map((x) => x.strides.slice(0, -2)),
  );
  const exact = kindOf(output.dtype) !== "float";
  const whole = n % 4 === 0 && !exact;
  const rows = whole && m >= MANY_ROWS && k >= MANY_TERMS ? 4 : 1;
  const plan: Plan = { b: access, batchRank: shape.length, whole, rows, bias: inputs.length > 2 };
  const key = `matmul ${exact ? output.dtype : whole ? access : "single"} ${plan.batchRank} ${plan.bias} ${rows}`;
  const program = machine.program(key, () => (exact ? printExact(output.dtype, plan) : whole ? printWhole(plan) : printSingle(plan)));
  const groups = Math.ceil(m / rows);
  const results = sizeOf(batch) * groups * n;
  const params = machine
    .params()
    .ints([m, groups, n, k, parts === 1 ? k : PART, results])
    .ints(shape.slice(1));
  inputs.forEach((x, i) => params.int(x.offset).ints(strides[i]).ints(x.strides.slice(-2)));
  const blocks = inputs.map((x) => x.block);
  if (rows === 1) machine.run(program, blocks, block, results * parts);
  else {
    const apart = range(rows).map(() => machine.alloc({ shape: [results * parts] }));
    machine.runAll(program, blocks, apart, results * parts);
    machine.params().ints([m, groups, n]);
    machine.run(machine.program("matmul interleave", printInterleave), apart, block, sizeOf(output.shape) * parts);
    for (const part of apart) machine.free(part);
  }
}

/** A long product in parts, whose sums are then added up. */
function runParts(machine: Machine, factors: readonly BlockView[], bias: readonly BlockView[], output: Spec, access: Access): Block {
  const parts = Math.ceil(factors[0].shape[output.shape.length - 1] / PART);
  const partial: Spec = { shape: [parts, ...output.shape], dtype: output.dtype };
  const block = machine.alloc(partial);
  launch(machine, factors, output, access, parts, block);
  const expr = inputExpr(0, output.dtype);
  const [total] = reduce(machine, [wholeView(block, partial)], [output], { op: "sum", dims: [0], shape: partial.shape, expr, numbers: [] });
  machine.free(block);
  if (bias.length === 0) return total;
  const result = machine.alloc(output);
  fill(machine, [sumOfTwo], [wholeView(total, output), bias[0]], [], output.shape, [result]);
  machine.free(total);
  return result;
}

export const matmul: Kernel<"matmul"> = (machine, [a, b, ...bias], [output]) => {
  if (kindOf(output.dtype) !== "float") {
    const block = machine.alloc(output);
    launch(machine, [a, b, ...bias], output, "column", 1, block);
    return [block];
  }
  const factors = factorsOf(machine, a, b);
  let block: Block;
  if (a.shape[a.shape.length - 1] > LONG) block = runParts(machine, [factors.a, factors.b], bias, output, factors.access);
  else {
    block = machine.alloc(output);
    launch(machine, [factors.a, factors.b, ...bias], output, factors.access, 1, block);
  }
  for (const copy of factors.copies) machine.free(copy);
  return [block];
};
