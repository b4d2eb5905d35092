import { readFileSync, writeFileSync } from "node:fs";
import * as fft from "@sconce/core/fft";
import * as linalg from "@sconce/core/linalg";
import * as math from "@sconce/core/math";
import * as special from "@sconce/core/special";
import { expect, it } from "vitest";
import { coverage, formatCoverage } from "../src/coverage.js";
import { DIFFERENT } from "../src/coverage-notes.js";
import { camelCase } from "../src/signatures.js";

const passing = JSON.parse(readFileSync(new URL("conformance/passing.json", import.meta.url), "utf8")) as string[];
const page = new URL("../../../docs/coverage.md", import.meta.url);

/** `SCONCE_RECORD=1` writes the page instead of comparing with it. */
it("docs/coverage.md is up to date; npm run coverage-table writes it", async () => {
  const text = formatCoverage(await coverage(passing));
  if (process.env.SCONCE_RECORD !== undefined) writeFileSync(page, text);
  expect(readFileSync(page, "utf8")).toBe(text);
});

/** Modules that the notes name. */
const MODULES: { readonly [name: string]: object } = { linalg, fft, special, math };

it("functions that the notes place in a module are there", () => {
  const misplaced = Object.entries(DIFFERENT).flatMap(([name, how]) => {
    const module = /^functions of `@sconce\/core\/(\w+)`$/.exec(how)?.[1];
    const last = camelCase(name.replace(/^.*\./, ""));
    return module === undefined || last in MODULES[module] ? [] : [`${name}: ${module}`];
  });
  expect(misplaced).toEqual([]);
});
