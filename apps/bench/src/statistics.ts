/** Statistics of timed runs. */
import type { BenchResult, Ratio } from "./format.js";

/** A quantile of sorted numbers, between neighbours by straight lines. */
function quantile(sorted: readonly number[], q: number): number {
  const at = q * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
}

/** Median and quartiles. */
export function quartiles(values: readonly number[]): Ratio {
  if (values.length === 0) throw new RangeError("quartiles: expected at least one value, got none");
  const sorted = [...values].sort((a, b) => a - b);
  return { q1: quantile(sorted, 0.25), median: quantile(sorted, 0.5), q3: quantile(sorted, 0.75) };
}

/** Statistics of values; the best one is the least, or the greatest of a rate. */
export function summarise(
  values: readonly number[],
  unit: BenchResult["unit"],
): Pick<BenchResult, "median" | "min" | "q1" | "q3" | "samples"> {
  const best = unit === "GFLOP/s" ? Math.max(...values) : Math.min(...values);
  return { ...quartiles(values), min: best, samples: values.length };
}

/** Ratios of the times of runs that were made one after the other; runs that one side did not make are left out. */
export function pairedRatio(ours: readonly number[], theirs: readonly number[]): Ratio | undefined {
  const ratios = theirs.slice(0, ours.length).map((time, i) => ours[i] / time);
  return ratios.length === 0 ? undefined : quartiles(ratios);
}
