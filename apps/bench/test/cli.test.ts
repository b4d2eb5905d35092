import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { validate } from "../src/format.js";

const program = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "sconce-bench-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

const bench = (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
  promisify(execFile)(process.execPath, [program, ...args], { env: { ...process.env, SCONCE_PYTHON: join(folder, "no-python") } });

describe("npm run bench", () => {
  it("measures a suite with peers that agree, reports who is missing, and writes JSON and a page", { timeout: 120_000 }, async () => {
    const [json, html] = [join(folder, "report.json"), join(folder, "report.html")];
    const { stdout } = await bench("--quick", "--suites", "mlp", "--peers", "tfjs,jax-js,torch", "--json", json, "--html", html);
    const report = validate(JSON.parse(readFileSync(json, "utf8")));
    expect(report.results.map(({ suite, runner }) => `${suite} ${runner}`)).toEqual(["mlp sconce", "mlp tfjs", "mlp jax-js"]);
    expect(report.results.map(({ note }) => note)).toEqual([undefined, undefined, undefined]);
    for (const { runner, median, ratio } of report.results) {
      expect(median).toBeGreaterThan(0);
      expect(ratio === undefined).toBe(runner === "sconce");
    }
    expect(report.missing).toMatchObject([{ runner: "torch", suite: "mlp" }]);
    expect(report.limits.simdGflops).toBeGreaterThan(0);
    expect(stdout).toContain("took no part:");
    expect(readFileSync(html, "utf8")).toContain("<!doctype html>");
  });

  it("fails where nothing could be measured, and says why", async () => {
    const failure = bench("--quick", "--suites", "matmul", "--devices", "webgl", "--peers", "");
    await expect(failure).rejects.toMatchObject({ code: 1, stdout: expect.stringContaining('device "webgl" is not available') });
  });

  it("refuses names that it does not know", async () => {
    await expect(bench("--suites", "mlp,speed")).rejects.toMatchObject({ stderr: expect.stringContaining("speed is none of matmul") });
    await expect(bench("--threads", "0")).rejects.toMatchObject({ stderr: expect.stringContaining("integers of at least 1") });
  });
});
