import { ELEMENTARY } from "./elementary.js";
import { INTEGER } from "./integer.js";
import { SPECIAL } from "./special.js";

const HELPERS: { readonly [name: string]: string } = { ...ELEMENTARY, ...INTEGER, ...SPECIAL };

/** The helper functions that a text calls and those that these call, each before its callers as GLSL wants it. */
export function helpersOf(text: string): string[] {
  const found = new Map<string, string>();
  const seen = new Set<string>();
  const visit = (part: string): void => {
    for (const [, name] of part.matchAll(/\b(sc_\w+)\(/g)) {
      const helper = HELPERS[name];
      if (helper === undefined || seen.has(name)) continue;
      seen.add(name);
      visit(helper);
      found.set(name, helper);
    }
  };
  visit(text);
  return [...found.values()];
}
