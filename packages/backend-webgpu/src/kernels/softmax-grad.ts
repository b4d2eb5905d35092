import { contiguousStrides, sizeOf } from "@sconce/core";
import { collapse, coordinates, dot } from "@sconce/core/shader";
import { Source } from "../wgsl/source.js";
import { type Kernel, WORKGROUP } from "./kernel.js";

/** A row for each invocation, or for each workgroup where rows are few and long. */
function printSoftmaxGrad(log: boolean, rank: number, wide: boolean): Source {
  const source = new Source(WORKGROUP);
  const [grad, result, output] = [source.read("f32"), source.read("f32"), source.write("f32")];
  if (wide) source.global(`var<workgroup> scratch: array<f32, ${WORKGROUP}>;`);
  const [length, gStep, yStep, outStep] = source.ints(4);
  source.add(...coordinates(source, rank, wide ? "group" : "index"));
  source.add(`let g_at = ${source.int()} + ${dot(source, rank)};`, `let y_at = ${source.int()} + ${dot(source, rank)};`);
  source.add(`let to = ${dot(source, rank)};`, "var total = 0.0;");
  const [g, y] = [`${grad}[g_at + k * ${gStep}]`, `${result}[y_at + k * ${yStep}]`];
  const loop = `for (var k = ${wide ? "lane" : "0"}; k < ${length}; k += ${wide ? WORKGROUP : 1}) {`;
  source.add(loop, `  total += ${log ? g : `${g} * ${y}`};`, "}");
  if (wide) source.add(...source.joinLanes("total", (a, b) => `${a} + ${b}`));
  source.add(loop, `  ${output}[to + k * ${outStep}] = ${log ? `${g} - sc_exp(${y}) * total` : `${y} * (${g} - total)`};`, "}");
  return source;
}

/** Rows from which on one invocation for each keeps the device busy. */
const MANY = { software: 4, hardware: 4096 };

export const softmaxGrad: Kernel<"softmaxGrad"> = (machine, [grad, y], [output], { dim, log }) => {
  const block = machine.alloc(output);
  const dense = contiguousStrides(output.shape);
  const length = output.shape.length === 0 ? 1 : output.shape[dim];
  const outer = output.shape.map((n, d) => (d === dim ? 1 : n));
  const { shape, strides } = collapse(outer, [grad.strides, y.strides, dense]);
  const rank = shape.length;
  const count = sizeOf(outer);
  const wide = length > WORKGROUP && count < (machine.software ? MANY.software : MANY.hardware);
  const key = `softmaxGrad ${log} ${rank} ${wide}`;
  const program = machine.program(key, () => printSoftmaxGrad(log, rank, wide), wide ? "workgroup" : "invocation");
  const params = machine.params().int(length);
  for (const steps of [grad.strides, y.strides, dense]) params.int(steps[dim] ?? 0);
  params.ints(shape.slice(1)).int(grad.offset).ints(strides[0]).int(y.offset).ints(strides[1]).ints(strides[2]);
  machine.run(program, [grad.block, y.block, block], count);
  return [block];
};
