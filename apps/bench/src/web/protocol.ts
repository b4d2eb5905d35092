import type { BackendState } from "@sconce-apps/page/backends";
import type { BenchResult, Limits, Missing } from "../format.js";

/** One suite on one device, run by a worker of its own: nothing is left over from the one before. */
export interface Job {
  readonly suite: string;
  readonly device: string;
  readonly threads: number;
  readonly peers: readonly string[];
  /** Milliseconds that each contender of a case is timed for. */
  readonly budget: number;
  /** Limits of the machine, as they were measured before. */
  readonly limits: Limits;
}

/** What the page asks of a worker. */
export type Request =
  | { readonly type: "look" }
  | { readonly type: "limits"; readonly budget: number }
  | { readonly type: "run"; readonly job: Job };

/** What a worker tells the page. */
export type Reply =
  | { readonly type: "found"; readonly backends: readonly BackendState[]; readonly threads: number }
  | { readonly type: "limits"; readonly limits: Limits }
  | { readonly type: "doing"; readonly what: string }
  /** Results so far of a case: later ones replace them. */
  | { readonly type: "results"; readonly results: readonly BenchResult[] }
  | { readonly type: "missing"; readonly missing: Missing }
  | { readonly type: "versions"; readonly versions: Readonly<Record<string, string>> }
  | { readonly type: "done" }
  | { readonly type: "failed"; readonly reason: string };
