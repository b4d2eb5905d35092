import { type Expr, inputExpr, type NllAttrs, numberExpr, opExpr, type Spec, sizeOf } from "@sconce/core";
import { collapse, coordinates, dot } from "@sconce/core/shader";
import type { BlockView, Machine } from "../machine.js";
import type { Block } from "../pool.js";
import { Source } from "../wgsl/source.js";
import { elementwise } from "./elementwise.js";
import { type Kernel, WORKGROUP, wholeView } from "./kernel.js";
import { reduce } from "./reduce.js";

/** Targets that one workgroup goes through. */
const CHUNK = 4096;

const without = (list: readonly number[], dim: number): number[] => list.filter((_, d) => d !== dim);
const scalar = (size = 1): Spec => ({ shape: [size], dtype: "float32" });

/** Reserves the layouts of the targets and of a second operand over them, and adds their positions `t_at` and `x_at` for target `i`. */
function targetText(source: Source, rank: number, i: string): void {
  source.add(...coordinates(source, rank, i));
  source.add(`let t_at = ${source.int()} + ${dot(source, rank)};`, `let x_at = ${source.int()} + ${dot(source, rank)};`);
}

/** One loss for each target. */
function printEach(rank: number): Source {
  const source = new Source(WORKGROUP);
  const [x, target, output] = [source.read("f32"), source.read("i32"), source.write("f32")];
  targetText(source, rank, "index");
  const [ignored, classes, step] = source.ints(3);
  source.add(`let t = ${target}[t_at];`, `let loss = -${x}[x_at + clamp(t, 0, ${classes} - 1) * ${step}];`);
  source.add(`${output}[index] = select(loss, 0.0, t == ${ignored});`);
  return source;
}

/** Each workgroup sums the losses of its share of the targets and counts those that are not ignored. */
function printSum(rank: number, mean: boolean): Source {
  const source = new Source(WORKGROUP);
  const [x, target, losses, counts] = [source.read("f32"), source.read("i32"), source.write("f32"), source.write("f32")];
  source.global(`var<workgroup> scratch: array<f32, ${WORKGROUP}>;`);
  const count = source.int();
  source.add("var loss = 0.0;", "var counted = 0.0;", `let end = min((group + 1) * ${CHUNK}, ${count});`);
  source.add(`for (var i = group * ${CHUNK} + lane; i < end; i += ${WORKGROUP}) {`);
  targetText(source, rank, "i");
  const [ignored, classes, step] = source.ints(3);
  source.add(`let t = ${target}[t_at];`, `if (t != ${ignored}) {`);
  source.add(`  loss -= ${x}[x_at + clamp(t, 0, ${classes} - 1) * ${step}];`, "  counted += 1.0;", "}", "}");
  for (const name of ["loss", "counted"]) source.add(...source.joinLanes(name, (a, b) => `${a} + ${b}`));
  source.add(`if (lane == 0) { ${losses}[group] = ${mean ? "sc_divide(loss, counted)" : "loss"}; ${counts}[group] = counted; }`);
  return source;
}

function writeTargets(machine: Machine, x: BlockView, target: BlockView, { dim, ignoreIndex }: NllAttrs, count: readonly number[]): number {
  const { shape, strides } = collapse(target.shape, [target.strides, without(x.strides, dim)]);
  const params = machine.params().ints(count).ints(shape.slice(1));
  params.int(target.offset).ints(strides[0]).int(x.offset).ints(strides[1]);
  params.int(ignoreIndex).int(x.shape[dim]).int(x.strides[dim]);
  return shape.length;
}

/** The sum of a block's floats. */
function total(machine: Machine, block: Block, size: number): Block {
  const attrs = { op: "sum", dims: [0], shape: [size], expr: inputExpr(0, "float32"), numbers: [] } as const;
  const [result] = reduce(machine, [wholeView(block, scalar(size))], [{ shape: [], dtype: "float32" }], attrs);
  machine.free(block);
  return result;
}

const RATIO: Expr = opExpr("div", "float32", [inputExpr(0, "float32"), inputExpr(1, "float32")]);
const COUNTS: Expr = opExpr("cast", "float32", [opExpr("ne", "bool", [inputExpr(0, "int32"), numberExpr(0, "int32")])]);

/** The loss of each target, and how many count. */
function each(machine: Machine, x: BlockView, target: BlockView, losses: Spec, attrs: NllAttrs): Block[] {
  const block = machine.alloc(losses);
  const rank = writeTargets(machine, x, target, attrs, []);
  const program = machine.program(`nll ${rank}`, () => printEach(rank));
  machine.run(program, [x.block, target.block, block], sizeOf(target.shape));
  const dims = target.shape.map((_, d) => d);
  const counting = { op: "sum", dims, shape: target.shape, expr: COUNTS, numbers: [attrs.ignoreIndex] } as const;
  return [block, ...reduce(machine, [target], [{ shape: [], dtype: "float32" }], counting)];
}

export const nll: Kernel<"nll"> = (machine, [x, target], outputs, attrs) => {
  if (attrs.reduction === "none") return each(machine, x, target, outputs[0], attrs);
  const count = sizeOf(target.shape);
  const parts = Math.max(1, Math.ceil(count / CHUNK));
  const [losses, counts] = [machine.alloc(scalar(parts)), machine.alloc(scalar(parts))];
  const rank = writeTargets(machine, x, target, attrs, [count]);
  const mean = attrs.reduction === "mean" && parts === 1;
  const program = machine.program(`nll sum ${rank} ${mean}`, () => printSum(rank, mean), "workgroup");
  machine.run(program, [x.block, target.block, losses, counts], parts);
  if (parts === 1) return [losses, counts];
  const [loss, counted] = [total(machine, losses, parts), total(machine, counts, parts)];
  if (attrs.reduction === "sum") return [loss, counted];
  const views = [loss, counted].map((block) => wholeView(block, outputs[1]));
  const [ratio] = elementwise(machine, views, [outputs[0]], { exprs: [RATIO], numbers: [] });
  machine.free(loss);
  return [ratio, counted];
};

/** Each invocation has one element of the gradient, which is zero but at the target's class. */
function printGrad(rank: number, mean: boolean): Source {
  const source = new Source(WORKGROUP);
  const [g, target, count, output] = [source.read("f32"), source.read("i32"), source.read("f32"), source.write("f32")];
  const [inner, classes, ignored, countAt] = source.ints(4);
  source.add(`let own = (index / ${inner}) % ${classes};`, `let i = (index / (${inner} * ${classes})) * ${inner} + index % ${inner};`);
  targetText(source, rank, "i");
  source.add(`let t = ${target}[t_at];`, "var slope = 0.0;");
  source.add(`if (t == own && t != ${ignored}) { slope = ${mean ? `sc_divide(-${g}[x_at], ${count}[${countAt}])` : `-${g}[x_at]`}; }`);
  source.add(`${output}[index] = slope;`);
  return source;
}

export const nllGrad: Kernel<"nllGrad"> = (machine, [g, target, count], [output], { dim, ignoreIndex, reduction }) => {
  const block = machine.alloc(output);
  const one = reduction !== "none";
  // A gradient that is one number for all targets is read again and again.
  const { shape, strides } = collapse(target.shape, [target.strides, one ? target.shape.map(() => 0) : g.strides]);
  const mean = reduction === "mean";
  const program = machine.program(`nllGrad ${shape.length} ${mean}`, () => printGrad(shape.length, mean));
  const params = machine
    .params()
    .int(sizeOf(output.shape.slice(dim + 1)))
    .int(output.shape[dim])
    .int(ignoreIndex)
    .int(count.offset);
  params.ints(shape.slice(1)).int(target.offset).ints(strides[0]).int(g.offset).ints(strides[1]);
  machine.run(program, [g.block, target.block, count.block, block], sizeOf(output.shape));
  return [block];
};
