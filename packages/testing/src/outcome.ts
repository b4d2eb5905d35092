import { DTypeError, NotSupportedError } from "@sconce/core";
import { Unsupported } from "./values.js";

/** How a case went: right, wrong, not offered here, or left out with a reason. */
export interface Outcome {
  readonly status: "pass" | "fail" | "missing" | "skip";
  readonly why: string;
}

/** Right. */
export const PASS: Outcome = { status: "pass", why: "" };

/** Not offered: no such function, option or dtype. */
export function missing(why: string): Outcome {
  return { status: "missing", why };
}

/** Left out. */
export function skipped(why: string): Outcome {
  return { status: "skip", why };
}

/** What an error means for a case. */
export function failure(error: unknown): Outcome {
  if (error instanceof Unsupported) return missing(error.message);
  const lacking = error instanceof DTypeError ? /device "\w+" has no (\w+),/.exec(error.message) : null;
  if (lacking !== null) return missing(`dtype ${lacking[1]}`);
  if (error instanceof Error) {
    const kind = error instanceof DTypeError || error instanceof NotSupportedError ? `${error.name}: ` : "";
    return { status: "fail", why: `${kind}${error.message.split("\n")[0]}` };
  }
  return { status: "fail", why: String(error) };
}
