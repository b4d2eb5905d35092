import { type Expr, inputExpr, type NllAttrs, numberExpr, opExpr, type Spec, sizeOf } from "@sconce/core";
import { collapse, coordinates, dot } from "@sconce/core/shader";
import { Source } from "../glsl/source.js";
import type { BlockView, Machine } from "../machine.js";
import type { Block } from "../textures.js";
import { fill } from "./elementwise.js";
import { type Kernel, wholeView } from "./kernel.js";
import { reduce } from "./reduce.js";

const SCALAR: Spec = { shape: [], dtype: "float32" };
const RATIO: Expr = opExpr("div", "float32", [inputExpr(0, "float32"), inputExpr(1, "float32")]);
const COUNTS: Expr = opExpr("cast", "float32", [opExpr("ne", "bool", [inputExpr(0, "int32"), numberExpr(0, "int32")])]);

/** One loss for each target. */
function printEach(rank: number): Source {
  const source = new Source();
  const [x, target] = [source.read("float32"), source.read("int32")];
  source.add(...coordinates(source, rank, "index"));
  source.add(`int t = ${target.at(`${source.int()} + ${dot(source, rank)}`)};`, `int start = ${source.int()} + ${dot(source, rank)};`);
  const [ignored, classes, step] = source.ints(3);
  source.add(`if (t == ${ignored}) { return 0.0; }`, `return -${x.raw(`start + clamp(t, 0, ${classes} - 1) * ${step}`)};`);
  return source;
}

function each(machine: Machine, x: BlockView, target: BlockView, { dim, ignoreIndex }: NllAttrs): Block {
  const { shape, strides } = collapse(target.shape, [target.strides, x.strides.filter((_, d) => d !== dim)]);
  const block = machine.alloc(target);
  const program = machine.program(`nll ${shape.length}`, () => printEach(shape.length));
  const params = machine.params().ints(shape.slice(1)).int(target.offset).ints(strides[0]).int(x.offset).ints(strides[1]);
  params.int(ignoreIndex).int(x.shape[dim]).int(x.strides[dim]);
  machine.run(program, [x.block, target.block], block, sizeOf(target.shape));
  return block;
}

export const nll: Kernel<"nll"> = (machine, [x, target], _, attrs) => {
  const { shape } = target;
  const over = { op: "sum", dims: shape.map((_, d) => d), shape } as const;
  const losses = each(machine, x, target, attrs);
  const [count] = reduce(machine, [target], [SCALAR], { ...over, expr: COUNTS, numbers: [attrs.ignoreIndex] });
  if (attrs.reduction === "none") return [losses, count];
  const view = wholeView(losses, { shape, dtype: "float32" });
  const [total] = reduce(machine, [view], [SCALAR], { ...over, expr: inputExpr(0, "float32"), numbers: [] });
  machine.free(losses);
  if (attrs.reduction === "sum") return [total, count];
  const mean = machine.alloc(SCALAR);
  fill(machine, [RATIO], [wholeView(total, SCALAR), wholeView(count, SCALAR)], [], [], [mean]);
  machine.free(total);
  return [mean, count];
};

/** Each element of the gradient looks whether it is its target's class. */
function printGrad(rank: number, dim: number, mean: boolean): Source {
  const source = new Source();
  const [grad, target, count] = [source.read("float32"), source.read("int32"), source.read("float32")];
  source.add(...coordinates(source, rank, "index"));
  source.add(
    `int t = ${target.at(`${source.int()} + ${dot(source, rank)}`)};`,
    `if (t != c${dim} || t == ${source.int()}) { return 0.0; }`,
  );
  source.add(`float each = ${grad.raw(`${source.int()} + ${dot(source, rank)}`)};`);
  source.add(mean ? `return -sc_divide(each, ${count.raw(source.int())});` : "return -each;");
  return source;
}

export const nllGrad: Kernel<"nllGrad"> = (machine, [grad, target, count], [output], { dim, ignoreIndex, reduction }) => {
  const { shape } = output;
  const inserted = (strides: readonly number[]): number[] => [...strides.slice(0, dim), 0, ...strides.slice(dim)];
  const steps = reduction === "none" ? inserted(grad.strides) : shape.map(() => 0);
  const mean = reduction === "mean";
  const block = machine.alloc(output);
  const program = machine.program(`nllGrad ${shape.length} ${dim} ${mean}`, () => printGrad(shape.length, dim, mean));
  const params = machine.params().ints(shape.slice(1)).int(target.offset).ints(inserted(target.strides)).int(ignoreIndex);
  params.int(grad.offset).ints(steps).int(count.offset);
  machine.run(program, [grad.block, target.block, count.block], block, sizeOf(shape));
  return [block];
};
