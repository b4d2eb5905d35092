import { describe, expect, it } from "vitest";
import { type BenchReport, type BenchResult, merge, validate } from "./format.js";

const result: BenchResult = {
  suite: "mlp",
  case: "batch 64",
  device: "cpu",
  threads: 1,
  runner: "sconce",
  unit: "ms",
  median: 2,
  min: 1,
  q1: 1.5,
  q3: 3,
  samples: 20,
};
const report: BenchReport = {
  format: "sconce-bench/1",
  date: "2026-01-01T00:00:00.000Z",
  command: "npm run bench",
  machine: { cpu: "some", cores: 2, memoryGB: 8, os: "linux", runtime: "Node 20" },
  versions: { sconce: "1.0.0" },
  limits: { simdGflops: 59 },
  results: [result],
  missing: [],
};

describe("validate", () => {
  it("passes a report through, written and read again", () => {
    expect(validate(JSON.parse(JSON.stringify(report)))).toEqual(report);
  });

  it("names the member that is wrong", () => {
    expect(() => validate({ ...report, format: "other" })).toThrow('report.format: expected sconce-bench/1, got "other"');
    expect(() => validate({ ...report, results: [{ ...result, median: Number.NaN }] })).toThrow("report.results[0].median");
    expect(() => validate({ ...report, results: [{ ...result, medain: 1 }] })).toThrow("report.results[0].medain: expected no such member");
    expect(() => validate({ ...report, results: [{ ...result, ratio: { median: 1, q1: 1 } }] })).toThrow("report.results[0].ratio.q3");
    expect(() => validate(null)).toThrow("report: expected an object");
  });
});

describe("merge", () => {
  it("lets a later result of the same case replace an earlier one and keeps the others", () => {
    const other = { ...result, threads: 2 };
    const merged = merge({ ...report, results: [result, other] }, { ...report, results: [{ ...result, median: 9 }] });
    expect(merged.results).toEqual([{ ...result, median: 9 }, other]);
  });

  it("forgets that a runner is missing where another report has it", () => {
    const torch = { runner: "torch", reason: "no python3" };
    const ort = { runner: "ort", suite: "lstm", reason: "cannot train" };
    const merged = merge({ ...report, missing: [torch, ort] }, { ...report, results: [{ ...result, runner: "torch" }], missing: [ort] });
    expect(merged.missing).toEqual([ort]);
  });

  it("joins versions and limits, and refuses to join nothing", () => {
    const page = { ...report, command: "npm run bench:web", versions: { tfjs: "4.22.0" }, limits: { copyGBs: 25 } };
    expect(merge(report, page)).toMatchObject({
      command: "npm run bench; npm run bench:web",
      versions: { sconce: "1.0.0", tfjs: "4.22.0" },
      limits: { simdGflops: 59, copyGBs: 25 },
    });
    expect(() => merge()).toThrow("at least one report");
  });
});
