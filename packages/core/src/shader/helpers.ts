import { ELEMENTARY } from "./elementary.js";
import { INTEGER } from "./integer.js";
import { SPECIAL } from "./special.js";

/** Functions that kernels may call, by name. */
export type Helpers = { readonly [name: string]: string };

const SHARED: Helpers = { ...ELEMENTARY, ...INTEGER, ...SPECIAL };

/** The helper functions that a text calls, and those that these call, each before its callers; `own` are those of one backend. */
export function helpersOf(text: string, own: Helpers): string[] {
  const found = new Map<string, string>();
  const seen = new Set<string>();
  const visit = (part: string): void => {
    for (const [, name] of part.matchAll(/\b(sc_\w+)\(/g)) {
      const helper = own[name] ?? SHARED[name];
      if (helper === undefined || seen.has(name)) continue;
      seen.add(name);
      visit(helper);
      found.set(name, helper);
    }
  };
  visit(text);
  return [...found.values()];
}
