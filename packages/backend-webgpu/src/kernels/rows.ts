/**
 * Kernels that go along one dimension: positions of extremes, running results, softmax and its gradient.
 *
 * @module
 */
import type { DType } from "@sconce/core";
import { beatsText, scalarText } from "@sconce/core/shader";
import { fromStorage, type Source, toStorage, VALUE_TYPE } from "../wgsl/source.js";
import { type Kernel, WORKGROUP, wholeView } from "./kernel.js";
import { type RowKernelPlan, type RowText, rowKernel, rowsAlong, runRows } from "./row-kernels.js";

/** How running results combine. */
type CumulateOp = "sum" | "prod" | "max" | "min";

/** Declares memory for one element and position of each lane. */
function declareLanes({ source }: RowText, dtype: DType): void {
  source.global(`var<workgroup> lane_best: array<${VALUE_TYPE[dtype]}, ${WORKGROUP}>;`);
  source.global(`var<workgroup> lane_found: array<i32, ${WORKGROUP}>;`);
}

/** Where lanes share a row, each finds the extreme of every 64th element; halves of the lanes then find those of both. */
function printArgReduce(op: "max" | "min", dtype: DType, plan: RowKernelPlan): Source {
  const text = rowKernel(plan);
  const { source, value, each, once, slot } = text;
  const output = source.write("i32");
  const type = VALUE_TYPE[dtype];
  source.global(`fn beats(y: ${type}, best: ${type}) -> bool { return ${beatsText(op, dtype, false)}; }`);
  const start = plan.wide ? "lane" : "0";
  source.add(`var best = ${fromStorage(dtype, value(start))};`, `var found = ${start};`);
  source.add(...each(`let y = ${fromStorage(dtype, value("k"))};`, "if (beats(y, best)) { best = y; found = k; }"));
  if (plan.wide) {
    declareLanes(text, dtype);
    source.add("lane_best[lane] = best;", "lane_found[lane] = found;", "workgroupBarrier();");
    source.add(`for (var half = ${WORKGROUP / 2}; half > 0; half = half >> 1u) {`, "  if (lane < half) {");
    source.add("    let y = lane_best[lane + half];", "    let k = lane_found[lane + half];");
    // Of equals the first.
    source.add("    if (beats(y, best) || (!beats(best, y) && k < found)) { best = y; found = k; }");
    source.add("    lane_best[lane] = best;", "    lane_found[lane] = found;", "  }", "  workgroupBarrier();", "}");
  }
  source.add(once(`${output}[${slot}] = found;`));
  return source;
}

export const argReduce: Kernel<"argReduce"> = (machine, [x], [output], { op, dim }) => {
  const block = machine.alloc(output);
  runRows(machine, `argReduce ${op} ${x.dtype}`, rowsAlong(dim, [x]), [block], (plan) => printArgReduce(op, x.dtype, plan));
  return [block];
};

/** Where lanes share a row, each combines a stretch of it, then goes through that again from what the lanes before it have. */
function printCumulate(op: CumulateOp, dtype: DType, plan: RowKernelPlan): Source {
  const text = rowKernel(plan);
  const { source, value, result } = text;
  const extreme = op === "max" || op === "min";
  const read = (k: string): string => fromStorage(dtype, value(k));
  const take = (y: string, k: string): string[] => [
    `  let y = ${y};`,
    extreme
      ? `  if (${beatsText(op, dtype, true)}) { best = y; found = ${k}; }`
      : `  best = ${scalarText(op === "sum" ? "add" : "mul", dtype, ["best", "y"])};`,
  ];
  const store = [`${result("k")} = ${toStorage(dtype, "best")};`, ...(extreme ? [`${result("k", 1)} = found;`] : [])];
  if (!plan.wide) {
    source.add(`var best = ${read("0")};`, "var found = 0;", "for (var k = 0; k < end; k++) {");
    source.add("if (k > 0) {", ...take(read("k"), "k"), "}", ...store, "}");
    return source;
  }
  declareLanes(text, dtype);
  source.add(
    `let share = (end + ${WORKGROUP - 1}) / ${WORKGROUP};`,
    "let start = min(lane * share, end);",
    "let stop = min(start + share, end);",
  );
  source.add(`var best = ${read("min(start, end - 1)")};`, "var found = start;");
  source.add("for (var k = start + 1; k < stop; k++) {", ...take(read("k"), "k"), "}");
  source.add("lane_best[lane] = best;", "lane_found[lane] = found;", "workgroupBarrier();");
  // Lanes before one with elements have full stretches.
  source.add("best = lane_best[0];", "found = lane_found[0];");
  source.add("for (var other = 1; other < lane; other++) {", ...take("lane_best[other]", "lane_found[other]"), "}");
  source.add(`if (lane == 0) { best = ${read("0")}; found = 0; }`, "for (var k = start; k < stop; k++) {");
  source.add("if (k > 0) {", ...take(read("k"), "k"), "}", ...store, "}");
  return source;
}

export const cumulate: Kernel<"cumulate"> = (machine, [x], outputs, { op, dim }) => {
  const blocks = outputs.map((spec) => machine.alloc(spec));
  const rows = rowsAlong(
    dim,
    [x],
    blocks.map((block, i) => wholeView(block, outputs[i])),
  );
  runRows(machine, `cumulate ${op} ${x.dtype}`, rows, [], (plan) => printCumulate(op, x.dtype, plan));
  return blocks;
};

function printSoftmax(log: boolean, plan: RowKernelPlan): Source {
  const { source, value, result, each, sums } = rowKernel(plan);
  const x = value("k");
  source.add("var high = -sc_inf();", ...each(`high = sc_max(high, ${x});`));
  if (plan.wide) source.add(...source.joinLanes("high", (a, b) => `sc_max(${a}, ${b})`));
  source.add(...sums({ total: `sc_exp(${x} - high)` }));
  if (log) source.add("let shift = sc_log(total);");
  source.add(...each(`${result("k")} = ${log ? `${x} - high - shift` : `sc_exp(${x} - high) / total`};`));
  return source;
}

export const softmax: Kernel<"softmax"> = (machine, [x], [output], { dim, log }) => {
  const block = machine.alloc(output);
  runRows(machine, `softmax ${log}`, rowsAlong(dim, [x], [wholeView(block, output)]), [], (plan) => printSoftmax(log, plan));
  return [block];
};

function printSoftmaxGrad(log: boolean, plan: RowKernelPlan): Source {
  const { source, value, result, each, sums } = rowKernel(plan);
  const [grad, y] = [value("k"), value("k", 1)];
  source.add(...sums({ total: log ? grad : `${grad} * ${y}` }));
  source.add(...each(`${result("k")} = ${log ? `${grad} - sc_exp(${y}) * total` : `${y} * (${grad} - total)`};`));
  return source;
}

export const softmaxGrad: Kernel<"softmaxGrad"> = (machine, [grad, y], [output], { dim, log }) => {
  const block = machine.alloc(output);
  const rows = rowsAlong(dim, [grad, y], [wholeView(block, output)]);
  runRows(machine, `softmaxGrad ${log}`, rows, [], (plan) => printSoftmaxGrad(log, plan));
  return [block];
};
