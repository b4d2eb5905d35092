/**
 * The matrix product in registers: each invocation computes 8 rows of 4, 8 or 16 columns and shares nothing, so that there is no barrier.
 *
 * @module
 */
import { sizeOf } from "@sconce/core";
import { range } from "@sconce/core/shader";
import type { Machine } from "../machine.js";
import type { Block } from "../pool.js";
import { rounded, Source, STORAGE_TYPE, VALUE_TYPE } from "../wgsl/source.js";
import { WORKGROUP } from "./kernel.js";
import { type Access, type OperandText, type Product, type ProductPlan, productKey, productText, writeProduct } from "./product.js";

const ROWS = 8;

/** What the kernel depends on besides the plan. */
interface Blocking {
  /** Vectors of four columns that an invocation computes. */
  readonly vectors: number;
  /** The depth is a multiple of four. */
  readonly exact: boolean;
}

/** Invocations from which on larger blocks are worth having fewer of them. */
const ENOUGH = { 4: 256, 2: 128 };

function blockingOf({ m, n, k, batch }: Product): Blocking {
  const tall = Math.ceil(m / ROWS) * sizeOf(batch);
  const vectors = ([4, 2] as const).find((v) => tall * Math.floor(n / (4 * v)) >= ENOUGH[v]) ?? 1;
  return { vectors, exact: k % 4 === 0 };
}

/** Adds the product as one dispatch. */
export function runRegisters(machine: Machine, plan: ProductPlan, product: Product, blocks: readonly Block[]): void {
  const { vectors, exact } = blockingOf(product);
  const key = `matmul registers ${vectors} ${exact} ${productKey(plan)}`;
  const program = machine.program(key, () => printRegisters(plan, { vectors, exact }));
  writeProduct(machine.params(), product);
  const size = Math.ceil(product.m / ROWS) * Math.ceil(product.n / (4 * vectors)) * sizeOf(product.batch);
  machine.run(program, blocks, size);
}

/** Texts that loads are made of; values are of type `scalar`, whatever the buffer's. */
interface Loads extends Blocking {
  readonly name: string;
  readonly scalar: string;
  /** Steps between rows and between columns. */
  readonly row: string;
  readonly column: string;
  readonly depth: string;
}

/** Step `s` of the depth, where it is within it, else the last one. */
const step = ({ exact, depth }: Loads, s: number): string => (exact ? `(k + ${s})` : `min(k + ${s}, ${depth} - 1)`);

/** A value, or zero where step `s` is beyond the depth. */
function within({ exact, depth }: Loads, type: string, s: number, value: string): string {
  return exact ? value : `select(${type}(), ${value}, k + ${s} < ${depth})`;
}

const list = (texts: readonly string[]): string => texts.join(", ");

/** Declares where the rows of the first factor start. */
function startRows(access: Access, { row }: Loads): string[] {
  if (access === "column") return range(ROWS / 4).map((i) => `let a_row${i * 4} = a_start + min(m0 + ${i * 4}, m - 4) * ${row};`);
  return range(ROWS).map((i) => `let a_row${i} = a_start + min(m0 + ${i}, m - 1) * ${row};`);
}

/** Statements that load the first factor; `part` gives the text of row `i` at step `s`. */
function loadRows(access: Access, loads: Loads): { lines: string[]; part: (i: number, s: number) => string } {
  const { name, scalar, column } = loads;
  const vec = `vec4<${scalar}>`;
  if (access === "column") {
    // Four rows in a vector for each of the four steps.
    const load = (s: number, i: number): string =>
      within(loads, vec, s, `${vec}(${name}[(a_row${i} + ${step(loads, s)} * ${column}) >> 2u])`);
    const lines = range(4).flatMap((s) => range(ROWS / 4).map((i) => `let a${s}_${i} = ${load(s, i * 4)};`));
    return { lines, part: (i, s) => `a${s}_${i >> 2}[${i & 3}]` };
  }
  const one = (i: number, s: number): string => within(loads, scalar, s, `${scalar}(${name}[a_row${i} + ${step(loads, s)} * ${column}])`);
  const row = (i: number): string =>
    access === "row" ? `${vec}(${name}[(a_row${i} + k) >> 2u])` : `${vec}(${list(range(4).map((s) => one(i, s)))})`;
  return { lines: range(ROWS).map((i) => `let a${i} = ${row(i)};`), part: (i, s) => `a${i}[${s}]` };
}

/** Declares where the columns of the second factor start. */
function startColumns(access: Access, { column, vectors }: Loads): string[] {
  if (access === "row") return range(vectors).map((v) => `let b_column${v} = b_start + min(n0 + ${4 * v}, n - 4);`);
  return range(4 * vectors).map((j) => `let b_column${j} = b_start + min(n0 + ${j}, n - 1) * ${column};`);
}

/** Statements that load `b<step>_<vector>`, four columns of the second factor each. */
function loadColumns(access: Access, loads: Loads): string[] {
  const { name, scalar, row, vectors } = loads;
  const vec = `vec4<${scalar}>`;
  if (access === "column") {
    return [
      ...range(4 * vectors).map((j) => `let tb${j} = ${vec}(${name}[(b_column${j} + k) >> 2u]);`),
      ...range(4).flatMap((s) =>
        range(vectors).map((v) => `let b${s}_${v} = ${vec}(${list(range(4).map((j) => `tb${4 * v + j}[${s}]`))});`),
      ),
    ];
  }
  const at = (s: number, j: number): string => `b_column${j} + ${step(loads, s)} * ${row}`;
  const load = (s: number, v: number): string =>
    access === "row"
      ? `${vec}(${name}[(${at(s, v)}) >> 2u])`
      : `${vec}(${list(range(4).map((j) => `${scalar}(${name}[${at(s, 4 * v + j)}])`))})`;
  return range(4).flatMap((s) => range(vectors).map((v) => `let b${s}_${v} = ${within(loads, vec, s, load(s, v))};`));
}

function printRegisters(plan: ProductPlan, blocking: Blocking): Source {
  const source = new Source(WORKGROUP);
  const { vectors } = blocking;
  const [scalar, stored] = [VALUE_TYPE[plan.dtype], STORAGE_TYPE[plan.dtype]];
  const vec = `vec4<${scalar}>`;
  const type = (access: Access): string => (access === "single" ? stored : `vec4<${stored}>`);
  const [a, b] = [source.read(type(plan.a)), source.read(type(plan.b))];
  const bias = plan.bias ? source.read(stored) : "";
  const output = source.write(STORAGE_TYPE[plan.result]);
  const { m, n, k, operands, target } = productText(source, plan, "tile_z");
  const [left, right, base] = operands;
  const body = source.take();
  source.add(`let m = ${m};`, `let n = ${n};`, `let across = (n + ${4 * vectors - 1}) / ${4 * vectors};`);
  source.add(`let down = (m + ${ROWS - 1}) / ${ROWS};`, `let n0 = (index % across) * ${4 * vectors};`, "let rest = index / across;");
  source.add(`let m0 = (rest % down) * ${ROWS};`, "let tile_z = rest / down;", ...body);
  const [aLoads, bLoads] = [
    { ...blocking, ...left, name: a, scalar, depth: k },
    { ...blocking, ...right, name: b, scalar, depth: k },
  ];
  source.add(...startRows(plan.a, aLoads), ...startColumns(plan.b, bLoads));
  for (const i of range(ROWS)) for (const v of range(vectors)) source.add(`var sum${i}_${v} = ${vec}();`);
  const { lines, part } = loadRows(plan.a, aLoads);
  source.add(`for (var k = 0; k < ${k}; k += 4) {`, ...lines, ...loadColumns(plan.b, bLoads));
  for (const s of range(4)) {
    for (const i of range(ROWS)) for (const v of range(vectors)) source.add(`  sum${i}_${v} += ${part(i, s)} * b${s}_${v};`);
  }
  source.add("}");
  for (const i of range(ROWS)) source.add(...storeRow(plan, i, vectors, output, target, bias, base));
  return source;
}

/** Statements that store a row of sums, with the bias where there is one. */
function storeRow(
  { dtype, result, accumulate }: ProductPlan,
  i: number,
  vectors: number,
  output: string,
  target: OperandText,
  bias: string,
  base: OperandText | undefined,
): string[] {
  const lines = [`if (m0 + ${i} < m) {`, `  let at = ${target.start} + (m0 + ${i}) * ${target.row} + n0;`];
  for (const j of range(4 * vectors)) {
    const plus =
      base === undefined
        ? ""
        : ` + ${VALUE_TYPE[dtype]}(${bias}[${base.start} + (m0 + ${i}) * ${base.row} + (n0 + ${j}) * ${base.column}])`;
    lines.push(
      `  if (n0 + ${j} < n) { ${output}[at + ${j}] ${accumulate ? "+=" : "="} ${rounded(result, `sum${i}_${j >> 2}[${j & 3}]${plus}`)}; }`,
    );
  }
  return [...lines, "}"];
}
