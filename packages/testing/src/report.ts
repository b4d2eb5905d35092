import type { Outcome } from "./outcome.js";

/** What became of the cases of one key, such as `ops/add` or `modules/Linear`. */
export interface KeyResult {
  readonly key: string;
  readonly group: string;
  /** 1 everyday, 2 wider, 3 rare; 0 where the golden files name none. */
  readonly tier: number;
  readonly cases: number;
  readonly passed: number;
  readonly skipped: number;
  /** First reasons, one for each kind. */
  readonly wrong: readonly string[];
  readonly missing: readonly string[];
}

/** True if some cases are right and all others are left out with a reason. */
export function isRight(result: KeyResult): boolean {
  return result.passed > 0 && result.passed + result.skipped === result.cases;
}

/** Sums up the outcomes of a key's cases. */
export function summarize(key: string, tier: number, outcomes: readonly (readonly [id: string, outcome: Outcome])[]): KeyResult {
  const of = (status: Outcome["status"]): string[] =>
    outcomes.filter(([, outcome]) => outcome.status === status).map(([id, outcome]) => `${id}: ${outcome.why}`);
  return {
    key,
    group: key.slice(0, key.indexOf("/")),
    tier,
    cases: outcomes.length,
    passed: of("pass").length,
    skipped: of("skip").length,
    wrong: of("fail"),
    missing: of("missing"),
  };
}

/** A table by group and tier, then the keys that are wrong with their first reason, then those that are missing. */
export function formatReport(results: readonly KeyResult[]): string {
  const lines = ["group              tier   keys  right  wrong missing left out  share   cases    right"];
  const rows = new Map<string, KeyResult[]>();
  for (const result of results) {
    const row = `${result.group.padEnd(18)} ${result.tier === 0 ? "-" : result.tier}`;
    rows.set(row, [...(rows.get(row) ?? []), result]);
  }
  for (const [row, list] of [...rows].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const right = list.filter(isRight).length;
    const wrong = list.filter((result) => result.wrong.length > 0).length;
    const cases = list.reduce((n, result) => n + result.cases, 0);
    const good = list.reduce((n, result) => n + result.passed + result.skipped, 0);
    const left = list.filter((result) => result.skipped === result.cases).length;
    const numbers = [list.length, right, wrong, list.length - right - wrong - left, left].map((n) => String(n).padStart(7)).join("");
    lines.push(`${row.padEnd(23)}${numbers}${percent(right, list.length - left)}${String(cases).padStart(8)}${percent(good, cases)}`);
  }
  const wrong = results.filter((result) => result.wrong.length > 0);
  if (wrong.length > 0) lines.push("", "wrong:", ...wrong.map(wrongLine));
  const absent = results.filter((result) => result.wrong.length === 0 && result.missing.length > 0);
  if (absent.length > 0) lines.push("", `missing: ${absent.map(({ key }) => key).join(" ")}`);
  return lines.join("\n");
}

function wrongLine({ key, tier, wrong, cases }: KeyResult): string {
  return `  ${key}${tier === 0 ? "" : ` (tier ${tier})`}: ${wrong.length} of ${cases}; ${wrong[0]}`;
}

function percent(part: number, whole: number): string {
  return `${whole === 0 ? "-" : ((100 * part) / whole).toFixed(1)}%`.padStart(9);
}
