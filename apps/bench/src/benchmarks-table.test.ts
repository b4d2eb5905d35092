import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { validate } from "./format.js";
import { formatBenchmarks } from "./report-markdown.js";

const read = (name: string): string => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), "utf8");

it("docs/benchmarks.md is up to date; npm run benchmarks-table writes it", () => {
  const reports = (JSON.parse(read("benchmarks.json")) as unknown[]).map(validate);
  expect(read("benchmarks.md")).toBe(formatBenchmarks(reports));
});
