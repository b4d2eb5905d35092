/**
 * The page in one Chromium without a window: `node dist/browser/run.js [--devices cpu,webgpu] [--peers tfjs] [--threads 1,2] [--budget 1000] [--json FILE]
 * [--html FILE] [mlp] [cnn] ...` The program named by CHROMIUM_BIN is used, else Playwright's own; without a GPU, WebGPU and WebGL are emulated.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chromium, type Page } from "playwright";
import { build, preview } from "vite";
import { describeMachine } from "../cli/machine.js";
import { type BenchReport, validate } from "../format.js";
import { reportHtml } from "../report-html.js";
import { quantity, ratioText } from "../words.js";

const configFile = fileURLToPath(new URL("../../vite.config.ts", import.meta.url));
const FLAGS = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-sync",
  "--enable-unsafe-webgpu",
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    devices: { type: "string", default: "webgpu" },
    peers: { type: "string", default: "tfjs,jax-js" },
    threads: { type: "string", default: "1" },
    budget: { type: "string", default: "1000" },
    json: { type: "string" },
    html: { type: "string" },
  },
});

/** Presses the button, says what the page says, and takes the file that it offers. */
async function measure(page: Page): Promise<BenchReport> {
  const sentence = page.locator("[data-phase]");
  await page.locator("[data-phase=ready]").waitFor();
  for (const text of await page.locator(".notice p").allTextContents()) console.error(text);
  await page.getByRole("button", { name: "Measure" }).click();
  let said = "";
  while ((await sentence.getAttribute("data-phase")) === "running") {
    const words = (await sentence.textContent()) ?? "";
    if (words !== said) console.error(words);
    said = words;
    await page.waitForTimeout(500);
  }
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download JSON" }).click()]);
  return validate(JSON.parse(readFileSync(await download.path(), "utf8")));
}

/** Builds and serves the page, and measures on it. */
async function run(): Promise<BenchReport> {
  await build({ configFile, logLevel: "error" });
  const server = await preview({ configFile, logLevel: "error", preview: { host: "127.0.0.1", port: 0 } });
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM_BIN, args: FLAGS });
  try {
    const { devices, peers, threads, budget } = values;
    const page = await browser.newPage();
    page.on("pageerror", (error) => console.error(error.message));
    const suites = positionals.length > 0 ? `suites=${positionals}&` : "";
    await page.goto(`${server.resolvedUrls!.local[0]}#${suites}devices=${devices}&peers=${peers}&threads=${threads}&budget=${budget}`);
    return await measure(page);
  } finally {
    await browser.close();
    await server.close();
  }
}

const found = await run();
// The browser keeps to itself what it runs on.
const machine = { ...describeMachine(false), runtime: `${found.machine.runtime}, no window` };
const report = { ...found, machine, command: ["node apps/bench/dist/browser/run.js", ...process.argv.slice(2)].join(" ") };
for (const { suite, case: name, device, threads, runner, median, min, unit, ratio } of report.results) {
  const where = `${device}${device === "cpu" ? ` ${threads}` : ""}`;
  const words = `median ${quantity(median, unit)}, best ${quantity(min, unit)}${ratio === undefined ? "" : `, Sconce's time to its ${ratioText(ratio)}`}`;
  console.log(`${suite.padEnd(11)} ${name.padEnd(38)} ${where.padEnd(7)} ${runner.padEnd(15)} ${words}`);
}
for (const { runner, suite, reason } of report.missing)
  console.log(`${runner}${suite === undefined ? "" : ` (${suite})`} took no part: ${reason}`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 1)}\n`);
if (values.html !== undefined) writeFileSync(values.html, reportHtml(report));
process.exit(report.results.length > 0 ? 0 : 1);
