/**
 * The matrix product in registers: each invocation computes 8 rows of 4 columns and shares nothing, so that there is no barrier.
 *
 * @module
 */
import { sizeOf } from "@sconce/core";
import type { Machine } from "../machine.js";
import type { Block } from "../pool.js";
import { Source, STORAGE_TYPE } from "../wgsl/source.js";
import { WORKGROUP } from "./kernel.js";
import { type Access, type Product, type ProductPlan, type ProductText, productText, writeProduct } from "./product.js";
import { range } from "./window.js";

const ROWS = 8;

/** Adds the product as one dispatch. */
export function runRegisters(machine: Machine, plan: ProductPlan, product: Product, blocks: readonly Block[]): void {
  const key = `matmul registers ${plan.dtype} ${plan.a} ${plan.b} ${plan.batchRank} ${plan.bias}`;
  const program = machine.program(key, () => printRegisters(plan));
  writeProduct(machine.params(), product);
  const size = Math.ceil(product.m / ROWS) * Math.ceil(product.n / 4) * sizeOf(product.batch);
  machine.run(program, blocks, size);
}

/** Statements that load `a<row>` as a vector over four steps of k, from `k`. */
function loadRows(access: Access, name: string, vec: string, row: string, column: string, k: string): string[] {
  if (access === "row") return range(ROWS).map((i) => `let a${i} = ${name}[(a_row${i} + k) >> 2u];`);
  if (access === "single") {
    const one = (i: number, s: number): string =>
      `select(${vec.slice(5, -1)}(0), ${name}[a_row${i} + min(k + ${s}, ${k} - 1) * ${column}], k + ${s} < ${k})`;
    return range(ROWS).map(
      (i) =>
        `let a${i} = ${vec}(${range(4)
          .map((s) => one(i, s))
          .join(", ")});`,
    );
  }
  // Rows four by four for each of the four steps, then turned round.
  const loads = range(4).flatMap((s) =>
    [0, 4].map((i) => `let ta${s}_${i} = ${name}[(a_start + min(m0 + ${i}, m - 4) * ${row} + min(k + ${s}, ${k} - 1) * ${column}) >> 2u];`),
  );
  const turned = range(ROWS).map((i) => {
    const parts = range(4).map((s) => `select(${vec.slice(5, -1)}(0), ta${s}_${i - (i % 4)}[${i % 4}], k + ${s} < ${k})`);
    return `let a${i} = ${vec}(${parts.join(", ")});`;
  });
  return [...loads, ...turned];
}

/** Statements that load `b<step>` as a vector over four columns for four steps of k. */
function loadColumns(access: Access, name: string, vec: string, row: string, column: string, k: string): string[] {
  const scalar = vec.slice(5, -1);
  if (access === "row") {
    const load = (s: number): string => `${name}[(b_start + min(k + ${s}, ${k} - 1) * ${row} + min(n0, n - 4)) >> 2u]`;
    return range(4).map((s) => `let b${s} = select(${vec}(), ${load(s)}, k + ${s} < ${k});`);
  }
  if (access === "single") {
    const one = (s: number, j: number): string => `${name}[b_start + min(k + ${s}, ${k} - 1) * ${row} + min(n0 + ${j}, n - 1) * ${column}]`;
    return range(4).map(
      (s) =>
        `let b${s} = select(${vec}(), ${vec}(${range(4)
          .map((j) => one(s, j))
          .join(", ")}), k + ${s} < ${k});`,
    );
  }
  return [
    ...range(4).map((j) => `let tb${j} = ${name}[(b_start + min(n0 + ${j}, n - 1) * ${column} + k) >> 2u];`),
    ...range(4).map(
      (s) =>
        `let b${s} = ${vec}(${range(4)
          .map((j) => `${scalar}(tb${j}[${s}])`)
          .join(", ")});`,
    ),
  ];
}

function printRegisters(plan: ProductPlan): Source {
  const source = new Source(WORKGROUP);
  const scalar = STORAGE_TYPE[plan.dtype];
  const vec = `vec4<${scalar}>`;
  const type = (access: Access): string => (access === "single" ? scalar : vec);
  const [a, b] = [source.read(type(plan.a)), source.read(type(plan.b))];
  const bias = plan.bias ? source.read(scalar) : "";
  const output = source.write(scalar);
  const { m, n, k, operands } = productText(source, plan, "tile_z");
  const [left, right, base] = operands;
  const body = source.take();
  source.add(`let m = ${m};`, `let n = ${n};`, "let across = (n + 3) / 4;", `let down = (m + ${ROWS - 1}) / ${ROWS};`);
  source.add(
    "let n0 = (index % across) * 4;",
    "let rest = index / across;",
    `let m0 = (rest % down) * ${ROWS};`,
    "let tile_z = rest / down;",
  );
  source.add(...body);
  for (const i of range(ROWS)) {
    if (plan.a !== "column") source.add(`let a_row${i} = ${left.start} + min(m0 + ${i}, m - 1) * ${left.row};`);
    source.add(`var sum${i} = ${vec}();`);
  }
  source.add(`for (var k = 0; k < ${k}; k += 4) {`);
  source.add(...loadRows(plan.a, a, vec, left.row, left.column, k), ...loadColumns(plan.b, b, vec, right.row, right.column, k));
  for (const s of range(4)) for (const i of range(ROWS)) source.add(`  sum${i} += a${i}[${s}] * b${s};`);
  source.add("}");
  for (const i of range(ROWS)) source.add(...storeRow(i, plan, output, bias, base));
  return source;
}

/** Statements that store a row of four sums, with the bias where there is one. */
function storeRow(
  i: number,
  { bias }: ProductPlan,
  output: string,
  name: string,
  base: ProductText["operands"][number] | undefined,
): string[] {
  const lines = [`if (m0 + ${i} < m) {`, `  let at = (tile_z * m + m0 + ${i}) * n + n0;`];
  for (const j of range(4)) {
    const plus = bias && base ? ` + ${name}[${base.start} + (m0 + ${i}) * ${base.row} + (n0 + ${j}) * ${base.column}]` : "";
    lines.push(`  if (n0 + ${j} < n) { ${output}[at + ${j}] = sum${i}[${j}]${plus}; }`);
  }
  return [...lines, "}"];
}
