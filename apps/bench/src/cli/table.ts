/** The results as a table for the terminal. */
import type { BenchReport, BenchResult } from "../format.js";

const digits = (value: number): string => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toPrecision(3));

const HEAD = ["suite", "case", "device", "threads", "runner", "median", "best", "quartiles", "unit", "sconce / peer", "of the limit", ""];

function cells(result: BenchResult): string[] {
  const { ratio, limitFraction } = result;
  return [
    result.suite,
    result.case,
    result.device,
    String(result.threads),
    result.runner,
    digits(result.median),
    digits(result.min),
    `${digits(result.q1)} - ${digits(result.q3)}`,
    result.unit,
    ratio === undefined ? "" : `${ratio.median.toFixed(2)} (${ratio.q1.toFixed(2)} - ${ratio.q3.toFixed(2)})`,
    limitFraction === undefined ? "" : `${(100 * limitFraction).toFixed(0)} %`,
    result.note ?? "",
  ];
}

/** Columns as wide as their longest cell; numbers stand to the right. */
function align(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const isNumber = (column: number): boolean => column === 3 || (column >= 5 && column !== 8 && column < 11);
  return rows.map((row) =>
    row
      .map((cell, column) => (isNumber(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
      .join("  ")
      .trimEnd(),
  );
}

/** The whole report as text. */
export function formatTable({ machine, versions, limits, results, missing }: BenchReport): string {
  const lines = [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGB} GB, ${machine.os}, ${machine.runtime}`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", "),
    `limits of one thread: ${limits.simdGflops?.toFixed(1) ?? "?"} GFLOP/s in registers, ${limits.copyGBs?.toFixed(1) ?? "?"} GB/s copying`,
    "",
    ...align([HEAD, ...results.map(cells)]),
  ];
  if (missing.length > 0) {
    lines.push("", "took no part:");
    for (const { runner, suite, reason } of missing) lines.push(`  ${runner}${suite === undefined ? "" : ` (${suite})`}: ${reason}`);
  }
  return lines.join("\n");
}
