/** The one format of results: what the command line and the page write, and what the charts and docs/benchmarks.md read. */

/** A measured case of a suite on one device, by Sconce or a peer. */
export interface BenchResult {
  readonly suite: string;
  readonly case: string;
  readonly device: string;
  readonly threads: number;
  /** `sconce`, or the peer. */
  readonly runner: string;
  readonly unit: Unit;
  readonly median: number;
  /** The best run, or stretch of one: the shortest time, or the highest rate. */
  readonly min: number;
  /** First and third quartile. */
  readonly q1: number;
  readonly q3: number;
  readonly samples: number;
  /** Share of the physical limit of the machine that bounds this case, reached by the best run; 1 is the limit of 128-bit vectors. */
  readonly limitFraction?: number;
  /** Sconce's time over the peer's, of paired runs; on the peer's row. */
  readonly ratio?: Ratio;
  readonly note?: string;
}

/** What a value counts. */
export type Unit = (typeof UNITS)[number];

const UNITS = ["ms", "us", "GFLOP/s", "MB"] as const;

/** Sconce's time over a peer's: the median of paired runs, with its quartiles. */
export interface Ratio {
  readonly median: number;
  readonly q1: number;
  readonly q3: number;
}

/** A runner that could not take part, in one suite or in all. */
export interface Missing {
  readonly runner: string;
  readonly suite?: string;
  readonly reason: string;
}

/** Where the results were measured. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGB: number;
  readonly os: string;
  /** Node or the browser, with its version. */
  readonly runtime: string;
}

/** Limits of the machine, measured by register-only and copy loops. */
export interface Limits {
  /** Multiply-adds of one thread on 128-bit registers. */
  readonly simdGflops?: number;
  /** Bytes read and written by one thread copying large arrays. */
  readonly copyGBs?: number;
}

/** Results of one run of the benchmarks. */
export interface BenchReport {
  readonly format: "sconce-bench/1";
  /** ISO 8601. */
  readonly date: string;
  readonly command: string;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly limits: Limits;
  readonly results: readonly BenchResult[];
  readonly missing: readonly Missing[];
}

type Check = (value: unknown, path: string) => void;

function fail(path: string, expected: string, value: unknown): never {
  throw new TypeError(`bench report: ${path}: expected ${expected}, got ${JSON.stringify(value)}`);
}

const text: Check = (value, path) => {
  if (typeof value !== "string") fail(path, "a string", value);
};

const count: Check = (value, path) => {
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0) fail(path, "a number of at least 0", value);
};

const oneOf =
  (choices: readonly string[]): Check =>
  (value, path) => {
    if (!choices.includes(value as string)) fail(path, choices.join(" or "), value);
  };

const list =
  (item: Check): Check =>
  (value, path) => {
    if (!Array.isArray(value)) fail(path, "an array", value);
    for (const [i, entry] of value.entries()) item(entry, `${path}[${i}]`);
  };

const optional =
  (check: Check): Check =>
  (value, path) => {
    if (value !== undefined) check(value, path);
  };

const entries =
  (check: Check): Check =>
  (value, path) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) fail(path, "an object", value);
    for (const [key, entry] of Object.entries(value)) check(entry, `${path}.${key}`);
  };

/** An object with exactly these members. */
function members<T>(checks: { readonly [K in keyof Required<T>]: Check }): Check {
  return (value, path) => {
    entries(() => {})(value, path);
    for (const key of Object.keys(value as object)) if (!Object.hasOwn(checks, key)) fail(`${path}.${key}`, "no such member", key);
    for (const [key, check] of Object.entries<Check>(checks)) check((value as Record<string, unknown>)[key], `${path}.${key}`);
  };
}

const checkReport = members<BenchReport>({
  format: oneOf(["sconce-bench/1"]),
  date: text,
  command: text,
  machine: members<Machine>({ cpu: text, cores: count, memoryGB: count, os: text, runtime: text }),
  versions: entries(text),
  limits: members<Limits>({ simdGflops: optional(count), copyGBs: optional(count) }),
  results: list(
    members<BenchResult>({
      suite: text,
      case: text,
      device: text,
      threads: count,
      runner: text,
      unit: oneOf(UNITS),
      median: count,
      min: count,
      q1: count,
      q3: count,
      samples: count,
      limitFraction: optional(count),
      ratio: optional(members<Ratio>({ median: count, q1: count, q3: count })),
      note: optional(text),
    }),
  ),
  missing: list(members<Missing>({ runner: text, suite: optional(text), reason: text })),
});

/**
 * Returns a parsed JSON value as a report.
 *
 * @throws TypeError naming the first member that is missing, unknown or of the wrong kind
 */
export function validate(report: unknown): BenchReport {
  checkReport(report, "report");
  return report as BenchReport;
}

/** What a result measures: later results of the same replace earlier ones. */
export function keyOf(result: BenchResult): string {
  return [result.suite, result.case, result.device, result.threads, result.runner].join(" | ");
}

/**
 * Joins reports of one machine, such as the command line's and the page's: a later result replaces an earlier one of the same case, and
 * a runner is missing only where no report has it.
 *
 * @throws RangeError if there is no report
 */
export function merge(...reports: readonly BenchReport[]): BenchReport {
  const last = reports.at(-1);
  if (last === undefined) throw new RangeError("merge: expected at least one report, got none");
  const results = new Map(reports.flatMap((report) => report.results).map((result) => [keyOf(result), result]));
  const measured = [...results.values()];
  const isMeasured = ({ runner, suite }: Missing): boolean =>
    measured.some((result) => result.runner === runner && (suite === undefined || result.suite === suite));
  const missing = new Map(
    reports
      .flatMap((report) => report.missing)
      .filter((entry) => !isMeasured(entry))
      .map((entry) => [JSON.stringify(entry), entry]),
  );
  return {
    ...last,
    command: [...new Set(reports.map((report) => report.command))].join("; "),
    versions: Object.assign({}, ...reports.map((report) => report.versions)),
    limits: Object.assign({}, ...reports.map((report) => report.limits)),
    results: measured,
    missing: [...missing.values()],
  };
}
