import { type Expr, inputExpr, type Kernels, type ReduceOp, type Spec, sizeOf } from "@sconce/core";
import {
  type Collapsed,
  castText,
  collapse,
  coordinates,
  dot,
  pickDims,
  range,
  reductionOf,
  typeOf,
  usesOf,
  writeNumbers,
} from "@sconce/core/shader";
import { type Reader, Source } from "../glsl/source.js";
import { toStorage } from "../glsl/storage.js";
import type { BlockView, Machine } from "../machine.js";
import type { Params } from "../params.js";
import type { Block } from "../textures.js";
import { programOf, valueFunction } from "./elementwise.js";
import { type Kernel, wholeView } from "./kernel.js";

/**
 * How texels are read: four neighbours along the last dimension that is kept, so that a fragment has four results, or along the last
 * that is reduced; element by element where neither fits.
 */
type Along = "kept" | "reduced" | "none";

/** What a reduction's kernel depends on, besides the expression. */
interface Plan {
  readonly op: ReduceOp;
  readonly kept: Collapsed;
  readonly reduced: Collapsed;
  readonly along: Along;
  /** Inputs that are the same for the four. */
  readonly splat: readonly boolean[];
}

const last = <T>(list: readonly T[]): T | undefined => list[list.length - 1];

/** Whether all inputs have whole texels, or one value for each four, along the last dimension of `at`. */
function fits(inputs: readonly BlockView[], at: Collapsed, other: Collapsed): boolean {
  const size = last(at.shape);
  if (size === undefined || size % 4 !== 0) return false;
  return inputs.every(({ offset }, k) => {
    const step = last(at.strides[k]);
    if (step === 0) return true;
    const rest = [...at.strides[k].slice(0, -1), ...other.strides[k]];
    return step === 1 && offset % 4 === 0 && rest.every((s) => s % 4 === 0);
  });
}

function planOf(inputs: readonly BlockView[], { op, dims, shape }: Kernels["reduce"]): Plan {
  const side = (inside: boolean): Collapsed =>
    collapse(
      pickDims(shape, dims, inside),
      inputs.map((x) => pickDims(x.strides, dims, inside)),
    );
  const [kept, reduced] = [side(false), side(true)];
  const along = fits(inputs, reduced, kept) ? "reduced" : fits(inputs, kept, reduced) ? "kept" : "none";
  const at = along === "kept" ? kept : reduced;
  return { op, kept, reduced, along, splat: inputs.map((_, k) => along !== "none" && last(at.strides[k]) === 0) };
}

/** Elements that are added up before their sum joins the total: rounding grows with the number of blocks, not of elements. */
const BLOCK = 32;

/** Adds statements that read the inputs of one step, and returns the texts of its values, one for each lane. */
function readStep(source: Source, readers: readonly Reader[], names: readonly number[], plan: Plan, value: string): string[] {
  const { along, reduced, splat } = plan;
  source.add(...coordinates(source, reduced.shape.length, "r", "r"));
  const args = readers.map((reader, k) => {
    const position = `start${k} + ${dot(source, reduced.shape.length, "r")}`;
    const name = `x${names[k]}`;
    if (along === "none" || splat[k]) {
      source.add(`float ${name} = ${reader.raw(position)};`);
      return (): string => name;
    }
    source.add(`vec4 ${name} = ${reader.quad(`(${position}) >> 2`)};`);
    return (lane: number): string => `${name}[${lane}]`;
  });
  return range(along === "none" ? 1 : 4).map((lane) => `${value}(${args.map((arg) => arg(lane)).join(", ")})`);
}

function print(expr: Expr, inputs: readonly BlockView[], plan: Plan): Source {
  const { op, kept, along } = plan;
  const source = new Source(along === "kept" ? "texel" : "element");
  const readers = inputs.map(({ dtype }) => source.read(dtype));
  const { dtype, start, combine } = reductionOf(op, expr.dtype);
  const type = typeOf(dtype);
  const value = valueFunction(source, [expr], type, (text) => castText(expr.dtype, dtype, text));
  const [results, length, chunk] = source.ints(3);
  source.add(`int slot = ${along === "kept" ? "4 * quad" : "index"};`, `int part = slot / ${results};`);
  source.add(...coordinates(source, kept.shape.length, `(slot - part * ${results})`, "k"));
  inputs.forEach((_, k) => source.add(`int start${k} = ${source.int()} + ${dot(source, kept.shape.length, "k")};`));
  const lanes = range(along === "kept" ? 4 : 1);
  for (const i of lanes) source.add(`${type} total${i} = ${start};`, `${type} block${i} = ${start};`);
  source.add("int count = 0;", `int end = min((part + 1) * ${chunk}, ${length});`);
  source.add(`for (int r = part * ${chunk}; r < end; r += ${along === "reduced" ? 4 : 1}) {`);
  readStep(source, readers, usesOf([expr]).inputs, plan, value).forEach((text, lane) => {
    const i = along === "kept" ? lane : 0;
    source.add(`block${i} = ${combine(`block${i}`, text)};`);
  });
  source.add(`count = count + ${along === "reduced" ? 4 : 1};`, `if ((count & ${BLOCK - 1}) == 0) {`);
  for (const i of lanes) source.add(`total${i} = ${combine(`total${i}`, `block${i}`)}; block${i} = ${start};`);
  source.add("}", "}");
  const texts = lanes.map((i) => toStorage(dtype, combine(`total${i}`, `block${i}`)));
  source.add(along === "kept" ? `return vec4(${texts.join(", ")});` : `return ${texts[0]};`);
  return source;
}

/** Elements from which on a reduction is cut into parts, and what one part then has. */
const LONG = 2048;
const PART = 1024;
/** Results of all parts together. */
const MOST = 2 ** 18;

/** Parts that each result's range is cut into, and their length: whole texels, as the last dimension is. */
function split(results: number, length: number): { readonly parts: number; readonly chunk: number } {
  if (length <= LONG || results === 0) return { parts: 1, chunk: length };
  const wanted = Math.max(1, Math.min(Math.ceil(length / PART), Math.floor(MOST / results)));
  const chunk = Math.ceil(length / wanted / 4) * 4;
  return { parts: Math.ceil(length / chunk), chunk };
}

function write(params: Params, inputs: readonly BlockView[], { kept, reduced }: Plan): void {
  params.ints(kept.shape.slice(1));
  inputs.forEach(({ offset }, k) => params.int(offset).ints(kept.strides[k]));
  params.ints(reduced.shape.slice(1));
  for (const strides of reduced.strides) params.ints(strides);
}

/** Reduces into a block of `[parts, results]`. */
function launch(
  machine: Machine,
  inputs: readonly BlockView[],
  block: Block,
  { expr, numbers }: Kernels["reduce"],
  plan: Plan,
  cut: { readonly parts: number; readonly chunk: number },
): void {
  const { op, kept, reduced, along, splat } = plan;
  const results = sizeOf(kept.shape);
  const key = `${op} ${kept.shape.length} ${reduced.shape.length} ${along} ${splat.map(Number).join("")}`;
  const program = programOf(machine, expr, key, () => print(expr, inputs, plan));
  const params = machine.params();
  writeNumbers(params, [expr], numbers);
  params.int(results).int(sizeOf(reduced.shape)).int(cut.chunk);
  write(params, inputs, plan);
  const blocks = inputs.map((x) => x.block);
  machine.run(program, blocks, block, results * cut.parts);
}

export const reduce: Kernel<"reduce"> = (machine, all, [output], attrs) => {
  const inputs = usesOf([attrs.expr]).inputs.map((i) => all[i]);
  const plan = planOf(inputs, attrs);
  const results = sizeOf(plan.kept.shape);
  const cut = split(results, sizeOf(plan.reduced.shape));
  const { dtype } = reductionOf(attrs.op, attrs.expr.dtype);
  const partial: Spec = { shape: [cut.parts, results], dtype };
  const block = machine.alloc(partial);
  launch(machine, inputs, block, attrs, plan, cut);
  if (cut.parts === 1) return [block];
  const rest = { op: attrs.op, dims: [0], shape: partial.shape, expr: inputExpr(0, dtype), numbers: [] };
  const final = reduce(machine, [wholeView(block, partial)], [output], rest);
  machine.free(block);
  return final;
};
