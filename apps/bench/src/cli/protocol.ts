/** What the benchmark and a runner's process say to each other: JSON lines, one answer to each request. */
import type { Setting } from "../peers/runner.js";
import type { Work } from "../work.js";

/** Where a runner that cannot make the arrays of a case finds them: numbers of four bytes in one file. */
export interface ArrayFile {
  readonly file: string;
  readonly arrays: readonly { readonly name: string; readonly shape: readonly number[]; readonly dtype: "float32" | "int32" }[];
}

export type Request =
  | ({ readonly method: "start"; readonly runner: string } & Setting)
  | {
      readonly method: "prepare";
      readonly suite: string;
      readonly case: string;
      readonly work: Work;
      readonly repeats: number;
      readonly data?: ArrayFile;
    }
  /** Steps for about this long. */
  | { readonly method: "run"; readonly milliseconds: number }
  /** `blocking` asks for a loop that never waits, of a runner that can do both. */
  | { readonly method: "memory"; readonly steps: number; readonly blocking: boolean };

/** Milliseconds of one repeat. */
export interface Timing {
  /** Over the whole run. */
  readonly value: number;
  /** Over the best stretch of it. */
  readonly best: number;
}

export type Answer =
  | { readonly versions: Readonly<Record<string, string>> }
  /** Results to compare, or sizes of memory in MB. */
  | { readonly values: readonly number[] }
  | Timing
  /** What went wrong, or why the runner does not do such work at all. */
  | { readonly error: string; readonly unsupported?: boolean };
