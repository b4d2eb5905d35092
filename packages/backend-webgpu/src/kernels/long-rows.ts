/**
 * Positions of extremes and running results of long rows, which the lanes of a workgroup share.
 *
 * @module
 */
import type { DType } from "@sconce/core";
import { beatsText, scalarText } from "@sconce/core/shader";
import { fromStorage, Source, STORAGE_TYPE, toStorage, VALUE_TYPE } from "../wgsl/source.js";
import { WORKGROUP } from "./kernel.js";
import { rowText } from "./row-layout.js";

/** How running results combine. */
export type CumulateOp = "sum" | "prod" | "max" | "min";

/** Declares memory for one element and position of each lane. */
function declareLanes(source: Source, dtype: DType): void {
  source.global(`var<workgroup> lane_best: array<${VALUE_TYPE[dtype]}, ${WORKGROUP}>;`);
  source.global(`var<workgroup> lane_found: array<i32, ${WORKGROUP}>;`);
}

/** Each lane finds the extreme of every 64th element; halves of the lanes then find those of both. */
export function printWideArgReduce(op: "max" | "min", dtype: DType, rank: number): Source {
  const source = new Source(WORKGROUP);
  const [x, output] = [source.read(STORAGE_TYPE[dtype]), source.write("i32")];
  const type = VALUE_TYPE[dtype];
  declareLanes(source, dtype);
  source.global(`fn beats(y: ${type}, best: ${type}) -> bool { return ${beatsText(op, dtype, false)}; }`);
  const { length, step } = rowText(source, rank, "group");
  const read = (k: string): string => fromStorage(dtype, `${x}[start + ${k} * ${step}]`);
  source.add(`var best = ${read("lane")};`, "var found = lane;");
  source.add(`for (var k = lane + ${WORKGROUP}; k < ${length}; k += ${WORKGROUP}) {`, `  let y = ${read("k")};`);
  source.add("  if (beats(y, best)) { best = y; found = k; }", "}", "lane_best[lane] = best;", "lane_found[lane] = found;");
  source.add("workgroupBarrier();", `for (var half = ${WORKGROUP / 2}; half > 0; half = half >> 1u) {`, "  if (lane < half) {");
  source.add("    let y = lane_best[lane + half];", "    let k = lane_found[lane + half];");
  // Of equals the first.
  source.add("    if (beats(y, best) || (!beats(best, y) && k < found)) { best = y; found = k; }");
  source.add("    lane_best[lane] = best;", "    lane_found[lane] = found;", "  }", "  workgroupBarrier();", "}");
  source.add(`if (lane == 0) { ${output}[group] = found; }`);
  return source;
}

/** Each lane combines a stretch of the row, then goes through it again from what the lanes before it have. */
export function printWideCumulate(op: CumulateOp, dtype: DType, rank: number): Source {
  const source = new Source(WORKGROUP);
  const [x, values] = [source.read(STORAGE_TYPE[dtype]), source.write(STORAGE_TYPE[dtype])];
  const extreme = op === "max" || op === "min";
  const positions = extreme ? source.write("i32") : "";
  declareLanes(source, dtype);
  const { length, step, outStep } = rowText(source, rank, "group");
  const read = (k: string): string => fromStorage(dtype, `${x}[start + ${k} * ${step}]`);
  const take = (y: string, k: string): string[] => [
    `  let y = ${y};`,
    extreme
      ? `  if (${beatsText(op, dtype, true)}) { best = y; found = ${k}; }`
      : `  best = ${scalarText(op === "sum" ? "add" : "mul", dtype, ["best", "y"])};`,
  ];
  source.add(`let share = (${length} + ${WORKGROUP - 1}) / ${WORKGROUP};`, `let first = min(lane * share, ${length});`);
  source.add(`let end = min(first + share, ${length});`, `var best = ${read(`min(first, ${length} - 1)`)};`, "var found = first;");
  source.add("for (var k = first + 1; k < end; k++) {", ...take(read("k"), "k"), "}");
  source.add("lane_best[lane] = best;", "lane_found[lane] = found;", "workgroupBarrier();");
  // Lanes before one with elements have full stretches.
  source.add("best = lane_best[0];", "found = lane_found[0];");
  source.add("for (var other = 1; other < lane; other++) {", ...take("lane_best[other]", "lane_found[other]"), "}");
  source.add(`if (lane == 0) { best = ${read("0")}; found = 0; }`, "for (var k = first; k < end; k++) {", "if (k > 0) {");
  source.add(...take(read("k"), "k"), "}", ...(extreme ? [`${positions}[to + k * ${outStep}] = found;`] : []));
  source.add(`${values}[to + k * ${outStep}] = ${toStorage(dtype, "best")};`, "}");
  return source;
}
