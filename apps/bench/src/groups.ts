import type { BenchResult, Unit } from "./format.js";
import { deviceNames, suiteNames } from "./titles.js";

/** Results of one case, which can be compared with each other. */
export interface CaseGroup {
  readonly name: string;
  readonly unit: Unit;
  readonly results: readonly BenchResult[];
}

/** Results of one suite. */
export interface SuiteGroup {
  readonly suite: string;
  readonly cases: readonly CaseGroup[];
}

/** Where a name stands in a list; unknown names come last. */
const rank = (names: readonly string[], name: string): number => (names.includes(name) ? names.indexOf(name) : names.length);

const gather = <T>(items: readonly T[], keyOf: (item: T) => string): [string, T[]][] => {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return [...groups];
};

/** By device, then threads, Sconce before the others. */
function inOrder(a: BenchResult, b: BenchResult): number {
  return (
    rank(deviceNames, a.device) - rank(deviceNames, b.device) ||
    a.threads - b.threads ||
    Number(a.runner !== "sconce") - Number(b.runner !== "sconce")
  );
}

/** Results by suite and case: suites in their usual order, cases as they come. */
export function grouped(results: readonly BenchResult[]): SuiteGroup[] {
  return gather(results, ({ suite }) => suite)
    .sort(([a], [b]) => rank(suiteNames, a) - rank(suiteNames, b))
    .map(([suite, ofSuite]) => ({
      suite,
      cases: gather(ofSuite, (result) => result.case).map(([name, ofCase]) => ({
        name,
        unit: ofCase[0].unit,
        results: ofCase.sort(inOrder),
      })),
    }));
}

/** Whether a runner is another library: not Sconce in one of its forms, nor Node alone. */
export const isPeer = (runner: string): boolean => !runner.startsWith("sconce") && runner !== "node";

/** Whether larger values are better. */
export const isRate = (unit: Unit): boolean => unit === "GFLOP/s";
