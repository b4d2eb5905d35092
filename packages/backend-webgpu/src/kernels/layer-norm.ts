/**
 * Layer normalisation and the gradient of its input: a row for each invocation or workgroup.
 *
 * @module
 */
import type { Source } from "../wgsl/source.js";
import { type Kernel, wholeView } from "./kernel.js";
import { inQuads, type RowKernelPlan, type RowText, rowKernel, rowsOf, runRows } from "./row-kernels.js";

/** Statements that declare the `mean` of the part's values `x`, and the sum of the `squares` of their distances from it. */
export function momentsText({ firsts, sums, find, partSize, quads }: RowText, x: string): string[] {
  // Shifted by the first element: rows of equal elements become exactly zero.
  return [
    ...firsts({ origin: quads ? `${x}.x` : x }),
    ...sums({ sum: `${x} - origin` }, find),
    `let mean = origin + sc_divide(sum, ${partSize});`,
    ...sums({ squares: "away * away" }, [...find, `let away = ${x} - mean;`]),
  ];
}

function printLayerNorm(plan: RowKernelPlan): Source {
  const text = rowKernel(plan);
  const { source, values, results, find, slot, size, each, once } = text;
  const [means, inverses] = [source.write("f32"), source.write("f32")];
  const [x, weight, bias] = values;
  source.add(...momentsText(text, x), `let inverse = sc_divide(1.0, sc_sqrt(squares / ${size} + ${source.float()}));`);
  const normal = `(${x} - mean) * inverse${weight === undefined ? "" : ` * ${weight}`}${bias === undefined ? "" : ` + ${bias}`}`;
  source.add(...each(...find, `${results[0]} = ${normal};`));
  source.add(once(`${means}[${slot}] = mean; ${inverses}[${slot}] = inverse;`));
  return source;
}

function printLayerNormGrad(plan: RowKernelPlan): Source {
  const { source, values, results, find, size, each, sums, firsts } = rowKernel(plan);
  const [x, grad, mean, inverse, weight] = values;
  source.add(...firsts({ mean, inverse }));
  const lines = [...find, `let slope = ${grad}${weight === undefined ? "" : ` * ${weight}`};`, `let normal = (${x} - mean) * inverse;`];
  source.add(...sums({ sum: "slope", along: "slope * normal" }, lines));
  source.add(`let shift = sum / ${size};`, `let turn = along / ${size};`);
  source.add(...each(...lines, `${results[0]} = inverse * (slope - shift - normal * turn);`));
  return source;
}

export const layerNorm: Kernel<"layerNorm"> = (machine, inputs, outputs, { dims, eps }) => {
  const [block, ...statistics] = outputs.map((spec) => machine.alloc(spec));
  const { shape } = outputs[0];
  const rows = inQuads(rowsOf([...inputs, wholeView(block, outputs[0])], shape, shape.length - dims, 1));
  runRows(machine, "layerNorm", rows, statistics, printLayerNorm, { numbers: [eps] });
  return [block, ...statistics];
};

export const layerNormGrad: Kernel<"layerNormGrad"> = (machine, [grad, x, ...others], [output], { dims }) => {
  const block = machine.alloc(output);
  const operands = [x, grad, ...others, wholeView(block, output)];
  const rows = inQuads(rowsOf(operands, output.shape, output.shape.length - dims, 1));
  runRows(machine, "layerNormGrad", rows, [], printLayerNormGrad);
  return [block];
};
