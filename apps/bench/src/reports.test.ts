import { describe, expect, it } from "vitest";
import { toCsv } from "./csv.js";
import type { BenchReport, BenchResult } from "./format.js";
import { grouped } from "./groups.js";
import { reportHtml } from "./report-html.js";
import { formatBenchmarks, runsOf } from "./report-markdown.js";
import { short } from "./words.js";

const row = (rest: Partial<BenchResult>): BenchResult => ({
  ...{ suite: "mlp", case: "Adam, batch 64", device: "cpu", threads: 1, runner: "sconce", unit: "ms" },
  ...{ median: 2, min: 1, q1: 1.5, q3: 3, samples: 20 },
  ...rest,
});

const report: BenchReport = {
  format: "sconce-bench/1",
  date: "2026-01-02T03:04:05.000Z",
  command: "npm run bench",
  machine: { cpu: "Some <CPU>", cores: 2, memoryGB: 8, os: "Linux", runtime: "Node 20.1.0" },
  versions: { torch: "1.13.1" },
  limits: { simdGflops: 59.4, copyGBs: 25 },
  results: [
    row({}),
    row({ runner: "torch", median: 1, ratio: { median: 2, q1: 1.9, q3: 2.2 } }),
    row({ runner: "jax-js", median: 8, ratio: { median: 0.25, q1: 0.2, q3: 0.3 } }),
    row({ runner: "sconce-compiled", median: 1, ratio: { median: 2, q1: 2, q3: 2 } }),
    row({ suite: "matmul", case: "256 cubed", unit: "GFLOP/s", median: 50, min: 52, q1: 48, q3: 51, limitFraction: 0.876 }),
  ],
  missing: [{ runner: "numpy", reason: 'no "numpy" | here' }],
};

describe("grouped", () => {
  it("puts suites in their usual order, and Sconce first on each device", () => {
    const shuffled = [
      row({ runner: "tfjs" }),
      row({ device: "webgl" }),
      row({ threads: 2 }),
      row({}),
      row({ suite: "unknown" }),
      row({ suite: "matmul" }),
    ];
    const groups = grouped(shuffled);
    expect(groups.map(({ suite }) => suite)).toEqual(["matmul", "mlp", "unknown"]);
    expect(groups[1].cases[0].results.map(({ device, threads, runner }) => `${device} ${threads} ${runner}`)).toEqual([
      "cpu 1 sconce",
      "cpu 1 tfjs",
      "cpu 2 sconce",
      "webgl 1 sconce",
    ]);
  });
});

describe("short", () => {
  it("keeps three significant digits without powers of ten", () => {
    expect([0, 0.0001234, 0.01234, 1.234, 12.34, 999.6, 1234.5].map(short)).toEqual([
      "0",
      "0.000123",
      "0.0123",
      "1.23",
      "12.3",
      "1,000",
      "1,235",
    ]);
  });
});

describe("toCsv", () => {
  it("writes a line of names and one a result, and quotes what has commas", () => {
    const [header, first, second] = toCsv(report).split("\r\n");
    expect(header).toBe("suite,case,device,threads,runner,unit,median,min,q1,q3,samples,limitFraction,ratio,ratio q1,ratio q3,note");
    expect(first).toBe('mlp,"Adam, batch 64",cpu,1,sconce,ms,2,1,1.5,3,20,,,,,');
    expect(second).toBe('mlp,"Adam, batch 64",cpu,1,torch,ms,1,1,1.5,3,20,,2,1.9,2.2,');
  });
});

describe("reportHtml", () => {
  const html = reportHtml(report);

  it("needs no other file and escapes what it quotes", () => {
    expect(html).toMatch(/^<!doctype html>\n<html lang="en">/);
    expect(html).not.toMatch(/<script|<link|src=|url\(/);
    expect(html).toContain("Some &lt;CPU&gt;");
    expect(html).toContain("no &quot;numpy&quot; | here");
  });

  it("draws bars as shares of the longest value, and marks where Sconce is slower", () => {
    expect(html).toContain('<span style="width:25.00%"></span>');
    expect(html).toContain('<span style="width:100.00%"></span>');
    expect(html).toContain('<span class="slower">2.00 (1.90–2.20)</span>');
    expect(html).toContain("<td>0.25 (0.20–0.30)</td>");
    expect(html).toContain("<td>88 %</td>");
  });

  it("leaves out columns that say nothing", () => {
    const plain = reportHtml({ ...report, results: [row({})] });
    expect(plain).not.toContain("of the limit</th>");
    expect(plain).not.toContain("note</th>");
  });
});

describe("formatBenchmarks", () => {
  const page = formatBenchmarks([report]);

  it("opens with a summary that counts wins and names losses", () => {
    expect(page).toContain("| PyTorch | Node 20.1.0, CPU, 1 thread | 0 of 1 | 2.00 | 2.00 to 2.00 |");
    expect(page).toContain("| jax-js | Node 20.1.0, CPU, 1 thread | 1 of 1 | 0.25 | 0.25 to 0.25 |");
    expect(page).toContain("| MLP | Adam, batch 64 | Node 20.1.0, CPU, 1 thread | PyTorch | 2.00 (1.90–2.20) |");
  });

  it("counts no other form of Sconce among the other libraries", () => {
    expect(page.slice(0, page.indexOf("## MLP"))).not.toContain("Sconce with compile");
  });

  it("has a table a suite, with the limit where there is one", () => {
    expect(page).toContain("| 256 cubed | Node 20.1.0, CPU, 1 thread | 50.0 GFLOP/s (52.0) | 88 % |");
    expect(page).toContain(
      "| Adam, batch 64 | Node 20.1.0, CPU, 1 thread | 2.00 ms (1.00) | 1.00 ms: **2.00 (1.90–2.20)** | 8.00 ms: 0.25 (0.20–0.30) | 1.00 ms: 2.00 (2.00–2.00) |",
    );
  });

  it("says what was not measured, and where all was", () => {
    expect(page).toContain('- Node 20.1.0: NumPy: no "numpy" | here');
    expect(page).toContain("59.4 GFLOP/s of one thread in SIMD registers, 25.0 GB/s of one thread copying memory");
  });

  it("tells runtimes apart, and joins reports of the same", () => {
    const browser = { ...report, machine: { ...report.machine, runtime: "Chromium 140" }, results: [row({ device: "webgpu" })] };
    const again = { ...report, results: [row({ median: 5 })], missing: [] };
    expect(runsOf([report, browser, again]).map(({ machine, results }) => [machine.runtime, results.length])).toEqual([
      ["Node 20.1.0", 5],
      ["Chromium 140", 1],
    ]);
    const [quiet] = runsOf([{ ...report, command: "npm run bench -- --json /home/me/a.json --html=b.html --quick" }]);
    expect(quiet.command).toBe("npm run bench -- --quick");
    expect(formatBenchmarks([report, browser])).toContain("| Adam, batch 64 | Chromium 140, WebGPU | 2.00 ms (1.00) |");
  });
});
