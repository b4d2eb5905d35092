import { type Expr, sizeOf } from "@sconce/core";
import { accessOf, collapse, coordinates, dot, numberTexts, printExprs, range, usesOf, writeNumbers } from "@sconce/core/shader";
import { type Reader, Source } from "../glsl/source.js";
import { fromStorage, toStorage } from "../glsl/storage.js";
import type { Program } from "../gpu.js";
import type { BlockView, Machine } from "../machine.js";
import type { Params } from "../params.js";
import type { Block } from "../textures.js";
import type { Kernel } from "./kernel.js";

const programs = new WeakMap<Machine, WeakMap<Expr, Map<string, Program>>>();

/** The program of an expression in one way of access; the expression object is the key. */
export function programOf(machine: Machine, expr: Expr, key: string, print: () => Source): Program {
  let byExpr = programs.get(machine);
  if (byExpr === undefined) programs.set(machine, (byExpr = new WeakMap()));
  let byKey = byExpr.get(expr);
  if (byKey === undefined) byExpr.set(expr, (byKey = new Map()));
  return machine.programIn(byKey, key, print);
}

/**
 * How the four elements of a texel read an operand: a texel of it, one element of it for the whole kernel, or by coordinates. Where the
 * last dimension holds whole texels, the four share all coordinates but the last: one texel again, one element, or four with a step.
 */
type Way = "texel" | "single" | "row texel" | "row single" | "row step" | "strided";

const WAY_KEY: { readonly [K in Way]: string } = {
  texel: "l",
  single: "s",
  "row texel": "v",
  "row single": "b",
  "row step": "t",
  strided: "g",
};

/** The way of strides and an offset over a collapsed shape. */
function wayOf(shape: readonly number[], strides: readonly number[], offset: number): Way {
  const access = accessOf(shape, strides, offset);
  if (access !== "strided") return access === "linear" ? "texel" : "single";
  const last = shape.length - 1;
  if (shape.length === 0 || shape[last] % 4 !== 0) return "strided";
  if (strides[last] === 0) return "row single";
  const aligned = offset % 4 === 0 && strides.every((s, d) => d === last || s % 4 === 0);
  return strides[last] === 1 && aligned ? "row texel" : "row step";
}

/** What a fused kernel's text depends on, besides the expression. */
interface Plan {
  readonly shape: readonly number[];
  readonly strides: readonly (readonly number[])[];
  readonly ways: readonly Way[];
}

/**
 * Adds the function `sc_value`, which computes the expressions from the stored values `x<i>` of their inputs. It returns the first, as
 * `type`, and leaves the others in its last arguments; `result` is the text of each one's result.
 */
export function valueFunction(source: Source, exprs: readonly Expr[], type: string, result: (text: string, expr: Expr) => string): string {
  const { inputs } = usesOf(exprs);
  const numbers = numberTexts(source, exprs);
  const lines: string[] = [];
  const leaves = {
    input: (i: number, dtype: Parameters<typeof fromStorage>[0]): string => fromStorage(dtype, `x${i}`),
    number: (i: number): string => numbers.get(i) as string,
  };
  const names = printExprs(exprs, leaves, (line) => lines.push(`  ${line}`));
  for (let i = 1; i < exprs.length; i++) lines.push(`  y${i} = ${result(names[i], exprs[i])};`);
  const args = [...inputs.map((i) => `float x${i}`), ...exprs.slice(1).map((_, i) => `out float y${i + 1}`)];
  source.global([`${type} sc_value(${args.join(", ")}) {`, ...lines, `  return ${result(names[0], exprs[0])};`, "}"].join("\n"));
  return "sc_value";
}

/** Adds statements that read one operand and returns the texts of its four elements. */
function readText(source: Source, reader: Reader, name: string, way: Way, rank: number): (lane: number) => string {
  if (way === "strided") {
    source.add(`vec4 ${name};`);
    return (lane) => `${name}[${lane}]`;
  }
  const offset = source.int();
  const position = way === "texel" || way === "single" ? offset : `${offset} + ${dot(source, rank)}`;
  if (way === "single" || way === "row single") {
    source.add(`float ${name} = ${reader.raw(position)};`);
    return () => name;
  }
  if (way === "texel" || way === "row texel") {
    source.add(`vec4 ${name} = ${reader.quad(way === "texel" ? `quad + (${offset} >> 2)` : `(${position}) >> 2`)};`);
  } else {
    const step = source.int();
    source.add(`int ${name}_at = ${position};`);
    source.add(`vec4 ${name} = vec4(${range(4).map((j) => reader.raw(`${name}_at + ${j} * ${step}`))});`);
  }
  return (lane) => `${name}[${lane}]`;
}

/** Fills the operands that four elements of different rows read. */
function stridedText(source: Source, readers: readonly (readonly [string, Reader])[], rank: number): void {
  if (readers.length === 0) return;
  const body = source.take();
  const before = coordinates(source, rank, "index", "e");
  const reads = readers.map(([name, reader]) => `${name}[lane] = ${reader.raw(`${source.int()} + ${dot(source, rank, "e")}`)};`);
  source.add(...body, "for (int lane = 0; lane < 4; lane++) {", "  int index = min(4 * quad + lane, p[0].x - 1);");
  source.add(...[...before, ...reads].map((line) => `  ${line}`), "}");
}

const inRow = (way: Way): boolean => way.startsWith("row");

function print(exprs: readonly Expr[], inputs: readonly BlockView[], { shape, ways }: Plan): Source {
  const source = new Source("texel", exprs.length);
  const rank = shape.length;
  const readers = inputs.map(({ dtype }) => source.read(dtype));
  const value = valueFunction(source, exprs, "float", (text, expr) => toStorage(expr.dtype, text));
  if (ways.some(inRow)) source.add(...coordinates(source, rank, "4 * quad"));
  const names = usesOf(exprs).inputs;
  const lanes = readers.map((reader, k) => readText(source, reader, `x${names[k]}`, ways[k], rank));
  const strided = ways.flatMap((way, k) => (way === "strided" ? [[`x${names[k]}`, readers[k]] as const] : []));
  stridedText(source, strided, rank);
  source.add("vec4 y;");
  for (const j of range(4)) {
    const results = exprs.slice(1).map((_, i) => `sc_out${i + 1}[${j}]`);
    source.add(`y[${j}] = ${value}(${[...lanes.map((lane) => lane(j)), ...results].join(", ")});`);
  }
  source.add("return y;");
  return source;
}

function write(params: Params, inputs: readonly BlockView[], { shape, strides, ways }: Plan): void {
  if (ways.some(inRow)) params.ints(shape.slice(1));
  inputs.forEach(({ offset }, k) => {
    if (ways[k] === "strided") return;
    params.int(offset);
    if (inRow(ways[k])) params.ints(strides[k]);
    if (ways[k] === "row step") params.int(strides[k][shape.length - 1]);
  });
  if (!ways.includes("strided")) return;
  params.ints(shape.slice(1));
  inputs.forEach(({ offset }, k) => {
    if (ways[k] === "strided") params.int(offset).ints(strides[k]);
  });
}

/** Expressions over inputs of one shape, each into a block. */
export function fill(
  machine: Machine,
  exprs: readonly Expr[],
  all: readonly BlockView[],
  numbers: readonly (number | bigint)[],
  outShape: readonly number[],
  blocks: readonly Block[],
): void {
  const inputs = usesOf(exprs).inputs.map((i) => all[i]);
  const { shape, strides } = collapse(
    outShape,
    inputs.map((x) => x.strides),
  );
  const ways = inputs.map(({ offset }, k) => wayOf(shape, strides[k], offset));
  const plan: Plan = { shape, strides, ways };
  const ranked = ways.some((way) => way !== "texel" && way !== "single");
  let key = `${ranked ? shape.length : ""}${ways.map((way) => WAY_KEY[way]).join("")}`;
  for (let i = 1; i < exprs.length; i++) key += `,${exprs[i].id}`;
  const program = programOf(machine, exprs[0], key, () => print(exprs, inputs, plan));
  const params = machine.params();
  writeNumbers(params, exprs, numbers);
  write(params, inputs, plan);
  const read = inputs.map((x) => x.block);
  if (blocks.length === 1) machine.run(program, read, blocks[0], sizeOf(outShape));
  else machine.runAll(program, read, blocks, sizeOf(outShape));
}

/** Textures that WebGL2 promises to fill at once. */
const AT_ONCE = 4;

export const elementwise: Kernel<"elementwise"> = (machine, inputs, outputs, { exprs, numbers }) => {
  const blocks = outputs.map((output) => machine.alloc(output));
  for (let i = 0; i < exprs.length; i += AT_ONCE)
    fill(machine, exprs.slice(i, i + AT_ONCE), inputs, numbers, outputs[0].shape, blocks.slice(i, i + AT_ONCE));
  return blocks;
};
