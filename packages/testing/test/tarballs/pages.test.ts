import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, buildSync } from "esbuild";
import { type Browser, chromium } from "playwright";
import { build, createServer, type InlineConfig, preview } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromiumArgs } from "../../../../scripts/chromium-args.js";
import { installInto, packAll } from "../../../../scripts/packed.mjs";
import type { Trained } from "./vite/train.js";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "sconce-pages-"));
/** Two projects: an app of Vite, and files that a page loads as they are. */
const app = join(folder, "app");
const plain = join(folder, "plain");
/** What Node gets with the same packages. */
let expected: Trained;
let browser: Browser;

const quiet: InlineConfig = { configFile: false, logLevel: "error" };
const isolated = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
const keepNames = { output: { keepNames: true } };
const ofApp: InlineConfig = {
  ...quiet,
  root: app,
  server: { headers: isolated },
  preview: { headers: isolated },
  worker: { format: "es", rolldownOptions: keepNames },
  build: { target: "es2022", rolldownOptions: keepNames },
};

/** Fresh projects with the packed packages. The programs are checked against their declarations. */
async function install(): Promise<void> {
  const packed = await packAll(join(folder, "packages"));
  for (const [target, source, names] of [
    [app, "vite", ["sconce", "@sconce/backend-webgpu", "@sconce/backend-webgl"]],
    [plain, "plain", ["sconce"]],
  ] as const) {
    cpSync(path(source), target, { recursive: true });
    writeFileSync(join(target, "package.json"), '{ "type": "module" }\n');
    installInto(target, names, packed);
  }
  const compilerOptions = { target: "es2022", module: "esnext", moduleResolution: "bundler", strict: true, types: [], outDir: plain };
  writeFileSync(join(app, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["main.ts", "worker.ts"] }));
  execFileSync(process.execPath, [path("../../../../node_modules/typescript/bin/tsc"), "-p", app], { stdio: "inherit" });
}

/** What a page with the address reports, once its programs have ended. */
async function results(url: string): Promise<{ readonly [program: string]: Trained }> {
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(url);
  const found = await page.waitForFunction(() => (globalThis as { results?: { [program: string]: Trained } }).results);
  const value = await found.jsonValue();
  await page.close();
  expect(errors).toEqual([]);
  return value as { readonly [program: string]: Trained };
}

/** Every program has learned, and as Node has. */
function check(found: { readonly [program: string]: Trained }, programs: readonly string[]): void {
  expect(Object.keys(found)).toEqual(programs);
  for (const [program, { model, loss }] of Object.entries(found)) {
    expect(model, program).toBe(expected.model);
    expect(Math.abs(loss - expected.loss), program).toBeLessThan(program === "cpu" || program === "worker" ? 1e-7 : 1e-3);
  }
}

beforeAll(async () => {
  await install();
  const program = 'import { train } from "./train.js"; console.log(JSON.stringify(await train()));';
  expected = JSON.parse(execFileSync(process.execPath, ["--input-type=module", "-e", program], { cwd: plain, encoding: "utf8" }));
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM_BIN as string, args: [...chromiumArgs] });
}, 120_000);

afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

describe("the packed packages", () => {
  it("train in Node", () => {
    expect(expected.loss).toBeLessThan(0.01);
    expect(expected.model).toContain("(0): Linear(in_features=2, out_features=8, bias=True)");
  });

  it("train in an app that Vite has built, on every device and in a worker", async () => {
    await build(ofApp);
    const server = await preview(ofApp);
    check(await results(server.resolvedUrls!.local[0]), ["cpu", "webgpu", "webgl", "worker"]);
    await server.close();
  });

  it("train in an app that Vite's development server sends", async () => {
    const server = await (await createServer(ofApp)).listen();
    check(await results(server.resolvedUrls!.local[0]), ["cpu", "webgpu", "webgl", "worker"]);
    await server.close();
  });

  it("train in a page without a bundler, from one file, under a strict content security policy", async () => {
    // As the command line of the guide does.
    const flags: BuildOptions = { bundle: true, format: "esm", minify: true, keepNames: true };
    buildSync({ ...flags, entryPoints: ["sconce"], absWorkingDir: plain, outfile: join(plain, "sconce.js") });
    const policy = "default-src 'self'; script-src 'self' 'nonce-page' 'wasm-unsafe-eval'; img-src data:";
    const server = await preview({
      ...quiet,
      root: plain,
      build: { outDir: "." },
      preview: { headers: { "Content-Security-Policy": policy } },
    });
    check(await results(server.resolvedUrls!.local[0]), ["cpu"]);
    await server.close();
  });
});
