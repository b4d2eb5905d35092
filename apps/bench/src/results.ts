/** Results out of what was measured, for the command line and the page. */
import type { BenchResult, Limits, Unit } from "./format.js";
import type { Setting } from "./peers/runner.js";
import { pairedRatio, summarise } from "./statistics.js";
import { type Case, difference } from "./work.js";

/** A runner in a case: what it computed, and the milliseconds of each run and of the best stretch of all. */
export interface Measured {
  readonly runner: string;
  readonly values: readonly number[];
  readonly times: readonly number[];
  readonly best: number;
}

/** The share of the machine's limit that the best time reaches. */
function limitFraction({ flops, bytes }: Case, milliseconds: number, { simdGflops, copyGBs }: Limits, threads: number): number | undefined {
  if (flops !== undefined && simdGflops !== undefined) return flops / milliseconds / 1e6 / (simdGflops * threads);
  if (bytes !== undefined && copyGBs !== undefined) return bytes / milliseconds / 1e6 / copyGBs;
  return undefined;
}

const VALUES: { readonly [U in Unit]: (milliseconds: number, flops: number) => number } = {
  ms: (milliseconds) => milliseconds,
  us: (milliseconds) => 1000 * milliseconds,
  "GFLOP/s": (milliseconds, flops) => flops / milliseconds / 1e6,
  MB: () => {
    throw new RangeError("a time is no size");
  },
};

function resultOf(work: Case, { runner, times, best }: Measured, { device, threads }: Setting, limits: Limits): BenchResult {
  const fraction = device === "cpu" ? limitFraction(work, best, limits, threads) : undefined;
  const valueOf = (milliseconds: number): number => VALUES[work.unit](milliseconds, work.flops ?? 0);
  return {
    ...{ suite: work.suite, case: work.name, device, threads, runner, unit: work.unit },
    ...summarise(times.map(valueOf), work.unit),
    min: valueOf(best),
    ...(fraction === undefined ? {} : { limitFraction: fraction }),
  };
}

/** Results of a case. A runner whose results differ from Sconce's has no ratio; one that made no run is left out. */
export function resultsOf(work: Case, ours: Measured, others: readonly Measured[], setting: Setting, limits: Limits): BenchResult[] {
  if (ours.times.length === 0) return [];
  const theirs = others
    .filter(({ times }) => times.length > 0)
    .map((other): BenchResult => {
      const result = resultOf(work, other, setting, limits);
      const differs = difference(ours.values, other.values, work.tolerance);
      if (differs !== null) return { ...result, note: `results differ: ${differs}` };
      const ratio = pairedRatio(ours.times, other.times);
      return ratio === undefined ? result : { ...result, ratio };
    });
  return [resultOf(work, ours, setting, limits), ...theirs];
}

/** A loop whose memory is flat holds less than this share more in the second half of its steps than in the first. */
const MOST_GROWTH = 0.1;

/** The memory that a loop holds, from sizes in MB before its first step and in each tenth of all. */
export function memoryResult(
  name: string,
  runner: string,
  { device, threads }: Setting,
  steps: number,
  sizes: readonly number[],
): BenchResult {
  // The first tenth of the steps fills caches and pools.
  const settled = sizes.slice(1);
  const step = Math.ceil(steps / settled.length);
  const middle = Math.ceil(settled.length / 2);
  const [early, half, late] = [settled.slice(0, 1), settled.slice(0, middle), settled.slice(middle)].map((part) => Math.max(...part));
  const verdict = late - half > MOST_GROWTH * half ? "grows" : "flat";
  return {
    ...{ suite: "memory", case: name, device, threads, runner, unit: "MB" },
    ...summarise(settled, "MB"),
    note: `at most ${early.toFixed(0)} MB up to step ${step}, ${half.toFixed(0)} up to ${middle * step}, then ${late.toFixed(0)}: ${verdict}`,
  };
}
