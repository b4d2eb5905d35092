/**
 * Writes docs/benchmarks.md: `npm run benchmarks-table [-- report.json ...]`. Reports that are named become docs/benchmarks.json, from which
 * the page is made; without any it is made from what lies there.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { type BenchReport, validate } from "./format.js";
import { formatBenchmarks, runsOf } from "./report-markdown.js";

const docs = new URL("../../../docs/", import.meta.url);
const kept = new URL("benchmarks.json", docs);

const read = (file: string | URL): unknown => JSON.parse(readFileSync(file, "utf8"));

const files = process.argv.slice(2);
if (files.length > 0) {
  const reports = files.flatMap((file) => {
    const content = read(file);
    return (Array.isArray(content) ? content : [content]).map(validate);
  });
  writeFileSync(kept, `${JSON.stringify(runsOf(reports), null, 2)}\n`);
}
const reports: BenchReport[] = (read(kept) as unknown[]).map(validate);
writeFileSync(new URL("benchmarks.md", docs), formatBenchmarks(reports));
