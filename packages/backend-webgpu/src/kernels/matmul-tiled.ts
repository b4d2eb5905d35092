/**
 * The matrix product by tiles in workgroup memory, for hardware.
 *
 * @module
 */
import { sizeOf } from "@sconce/core";
import { range } from "@sconce/core/shader";
import type { Machine } from "../machine.js";
import type { Block } from "../pool.js";
import { rounded, Source, STORAGE_TYPE, VALUE_TYPE } from "../wgsl/source.js";
import { type Access, type OperandText, type Product, type ProductPlan, productKey, productText, writeProduct } from "./product.js";

/** A tile of the result that one workgroup computes; each invocation has `rowsEach` by `columnsEach` of it, in steps of four. */
export interface Tile {
  readonly rows: number;
  readonly columns: number;
  readonly rowsEach: number;
  readonly columnsEach: number;
}

/** Tiles from the largest; all with 256 or 64 invocations. */
export const TILES: readonly Tile[] = [
  { rows: 128, columns: 128, rowsEach: 8, columnsEach: 8 },
  { rows: 64, columns: 64, rowsEach: 4, columnsEach: 4 },
  { rows: 32, columns: 32, rowsEach: 4, columnsEach: 4 },
];

/** Steps of k that a tile holds. */
const DEPTH = 16;

/**
 * Statements by which a workgroup fetches `DEPTH` steps of one factor into `store`, `[DEPTH][width / 4]` vectors along the result's rows
 * or columns. Out of range elements are zero. Neighbouring invocations read neighbouring elements, whichever way the factor lies.
 */
function fetch(
  side: "a" | "b",
  name: string,
  access: Access,
  width: number,
  workgroup: number,
  scalar: string,
  steps: { along: string; k: string },
): string[] {
  const vectors = (DEPTH * width) / 4 / workgroup;
  const limit = side === "a" ? "m" : "n";
  const start = side === "a" ? "m_start" : "n_start";
  const kFast = side === "a" ? access === "row" : access === "column";
  return range(vectors).flatMap((v) => {
    const slot = `lane + ${v * workgroup}`;
    const [k, quad] = kFast ? [`(${slot}) % ${DEPTH}`, `(${slot}) / ${DEPTH}`] : [`(${slot}) / ${width / 4}`, `(${slot}) % ${width / 4}`];
    const lines = [`  { let ks = ${k}; let quad = ${quad}; let kk = k0 + ks; let at = ${start} + quad * 4;`];
    if (access !== "single" && !kFast) {
      const load = `${name}[(${side}_start + min(at, ${limit} - 4) * ${steps.along} + min(kk, k - 1) * ${steps.k}) >> 2u]`;
      lines.push(
        `    tile_${side}[ks * ${width / 4} + quad] = select(vec4<${scalar}>(), vec4<${scalar}>(${load}), kk < k && at < ${limit}); }`,
      );
      return lines;
    }
    const element = access === "single" ? name : `${name}_element`;
    const one = (j: number): string => {
      const at = `${side}_start + min(at + ${j}, ${limit} - 1) * ${steps.along} + min(kk, k - 1) * ${steps.k}`;
      return access === "single" ? `${scalar}(${element}[${at}])` : `${element}(${at})`;
    };
    lines.push(
      `    tile_${side}[ks * ${width / 4} + quad] = select(vec4<${scalar}>(), vec4<${scalar}>(${range(4).map(one).join(", ")}), kk < k); }`,
    );
    return lines;
  });
}

/** A function that reads one element of a buffer of vectors. */
function elementText(name: string, scalar: string): string {
  return `fn ${name}_element(at: i32) -> ${scalar} { return ${scalar}(${name}[at >> 2u][at & 3]); }`;
}

/** The kernel of one tile shape. */
function printTiled(plan: ProductPlan, tile: Tile): Source {
  const { rows, columns, rowsEach, columnsEach } = tile;
  const across = columns / columnsEach;
  const workgroup = (rows / rowsEach) * across;
  const source = new Source(workgroup);
  const [scalar, stored] = [VALUE_TYPE[plan.dtype], STORAGE_TYPE[plan.dtype]];
  const type = (access: Access): string => (access === "single" ? stored : `vec4<${stored}>`);
  const [a, b] = [source.read(type(plan.a)), source.read(type(plan.b))];
  const bias = plan.bias ? source.read(stored) : "";
  const output = source.write(STORAGE_TYPE[plan.result]);
  const text = productText(source, plan, "tile_z");
  const body = source.take();
  if (plan.a === "row") source.global(elementText(a, scalar));
  if (plan.b === "column") source.global(elementText(b, scalar));
  source.global(`var<workgroup> tile_a: array<vec4<${scalar}>, ${(DEPTH * rows) / 4}>;`);
  source.global(`var<workgroup> tile_b: array<vec4<${scalar}>, ${(DEPTH * columns) / 4}>;`);
  source.add(`let m = ${text.m};`, `let n = ${text.n};`, `let k = ${text.k};`);
  source.add(`let tiles_n = (n + ${columns - 1}) / ${columns};`, `let tiles_m = (m + ${rows - 1}) / ${rows};`);
  source.add(`let n_start = (group % tiles_n) * ${columns};`, "let rest = group / tiles_n;");
  source.add(`let m_start = (rest % tiles_m) * ${rows};`, "let tile_z = rest / tiles_m;", ...body);
  source.add(`let row = lane / ${across};`, `let column = lane % ${across};`);
  for (const i of range(rowsEach)) for (const j of range(columnsEach / 4)) source.add(`var sum${i}_${j} = vec4<${scalar}>();`);
  source.add(`for (var k0 = 0; k0 < k; k0 += ${DEPTH}) {`);
  const [left, right] = text.operands;
  source.add(...fetch("a", a, plan.a, rows, workgroup, scalar, { along: left.row, k: left.column }));
  source.add(...fetch("b", b, plan.b, columns, workgroup, scalar, { along: right.column, k: right.row }));
  source.add("  workgroupBarrier();", `  for (var s = 0; s < ${DEPTH}; s++) {`);
  for (const i of range(rowsEach / 4)) source.add(`    let a${i} = tile_a[s * ${rows / 4} + row + ${i * (rows / rowsEach)}];`);
  for (const j of range(columnsEach / 4)) source.add(`    let b${j} = tile_b[s * ${columns / 4} + column + ${j * across}];`);
  for (const i of range(rowsEach)) {
    for (const j of range(columnsEach / 4)) source.add(`    sum${i}_${j} += a${i >> 2}[${i & 3}] * b${j};`);
  }
  source.add("  }", "  workgroupBarrier();", "}", ...store(plan, tile, output, text.target, bias, text.operands[2]));
  return source;
}

/** Statements that store the sums of one invocation: groups of four rows and columns, a whole set of invocations apart. */
function store(
  { dtype, result, accumulate }: ProductPlan,
  { rows, columns, rowsEach, columnsEach }: Tile,
  output: string,
  target: OperandText,
  bias: string,
  base: OperandText | undefined,
): string[] {
  const lines: string[] = [];
  for (const i of range(rowsEach)) {
    lines.push(`{ let at_m = m_start + (row + ${(i >> 2) * (rows / rowsEach)}) * 4 + ${i & 3};`, "if (at_m < m) {");
    lines.push(`  let at = ${target.start} + at_m * ${target.row};`);
    for (const j of range(columnsEach / 4)) {
      lines.push(`  { let at_n = n_start + (column + ${j * (columns / columnsEach)}) * 4;`);
      for (const c of range(4)) {
        const plus = base ? ` + ${VALUE_TYPE[dtype]}(${bias}[${base.start} + at_m * ${base.row} + (at_n + ${c}) * ${base.column}])` : "";
        lines.push(
          `  if (at_n + ${c} < n) { ${output}[at + at_n + ${c}] ${accumulate ? "+=" : "="} ${rounded(result, `sum${i}_${j}[${c}]${plus}`)}; }`,
        );
      }
      lines.push("  }");
    }
    lines.push("} }");
  }
  return lines;
}

/** Adds the product as one dispatch of a tile shape. */
export function runTiled(machine: Machine, plan: ProductPlan, product: Product, blocks: readonly Block[], tile: Tile): void {
  const key = `matmul ${tile.rows}x${tile.columns} ${productKey(plan)}`;
  const program = machine.program(key, () => printTiled(plan, tile), "workgroup");
  writeProduct(machine.params(), product);
  const size = Math.ceil(product.m / tile.rows) * Math.ceil(product.n / tile.columns) * sizeOf(product.batch);
  machine.run(program, blocks, size);
}
