import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findChromium } from "./chromium.mjs";
import { checkLines } from "./lines.mjs";
import { build, install } from "./prepare.mjs";
import { node, root, wasInterrupted } from "./shell.mjs";
import { checkSite } from "./site.mjs";
import { typecheck } from "./typecheck.mjs";

async function vitest(filters, env) {
  const folder = mkdtempSync(join(tmpdir(), "sconce-test-"));
  const file = join(folder, "summary.json");
  const code = await node("node_modules/vitest/vitest.mjs", ["run", ...filters], { env: { ...env, SCONCE_TEST_SUMMARY: file } });
  const counts = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : { passed: 0, failed: 1, skipped: 0 };
  rmSync(folder, { recursive: true });
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}

// Package files keep the order of the package graph, and docs/adr is no package.
const sherifArgs = ["--fail-on-warnings", "--ignore-rule", "unordered-dependencies", "--ignore-rule", "packages-without-package-json"];

/** Makes the site's pages, names without a comment being errors, and checks their links. */
async function checkDocs() {
  const folder = join(root, ".cache/docs");
  const code = await node("node_modules/typedoc/bin/typedoc", ["--out", folder, "--skipErrorChecking"]);
  return code === 0 ? checkSite(folder) : code;
}

async function checks(filters) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  const check = async (name, step) => {
    if (wasInterrupted()) return false;
    console.log(`\n> ${name}`);
    const ok = (await step()) === 0;
    total[ok ? "passed" : "failed"]++;
    if (!ok) console.log(`${name} failed`);
    return ok;
  };
  if (!(await check("install", install))) return total;
  const built = await check("build", () => build());
  await check("types", typecheck);
  await check("lint", () => node("node_modules/@biomejs/biome/bin/biome", ["check", "--diagnostic-level=error"]));
  await check("lines", checkLines);
  await check("unused code", () => node("node_modules/knip/bin/knip.js"));
  await check("workspace", () => node("node_modules/sherif/index.js", sherifArgs));
  await check("docs", checkDocs);
  if (built) {
    await check("packages", async () => (await import("./packed.mjs")).checkPacked());
    await check("manifests and types", async () => (await import("./publishable.mjs")).checkPublishable());
    await check("sizes", () => node("node_modules/size-limit/bin.js"));
  }
  const chromium = wasInterrupted() ? null : await findChromium();
  if (chromium === null && process.env.CI)
    await check("browser suites", () => console.log("no Chromium could be found or installed; set CHROMIUM_BIN"));
  else if (chromium === null) console.log("No Chromium could be found or installed (set CHROMIUM_BIN): the browser suites are skipped.");
  if (wasInterrupted()) return total;
  const counts = await vitest(filters, chromium === null ? {} : { CHROMIUM_BIN: chromium });
  for (const key of Object.keys(total)) total[key] += counts[key];
  return total;
}

/** Runs every check; the output ends with `N passed, N failed`, and the exit code agrees with it. */
export async function test(filters) {
  let total;
  try {
    total = await checks(filters);
  } catch (error) {
    console.error(error);
    total = { passed: 0, failed: 1, skipped: 0 };
  }
  if (wasInterrupted()) total.failed ||= 1;
  console.log(`${total.skipped} skipped\n${total.passed} passed, ${total.failed} failed`);
  return total.failed === 0 ? 0 : 1;
}
