/**
 * Peers against each other in one Chromium, on the software adapter: `node dist/browser/run.js [--device webgl] [--peers sconce,tfjs] [mlp] [cnn] ...`
 * The program named by CHROMIUM_BIN is used, else Playwright's own.
 */
import { fileURLToPath } from "node:url";
import { chromium, type Page } from "playwright";
import { build, preview } from "vite";
import type { Timing } from "./measure.js";
import type { Request } from "./page.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const SUITES = ["mlp", "cnn", "matmul256", "matmul512"];
const PEERS = "sconce,jax-js,tfjs";
const FLAGS = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-sync",
  "--enable-unsafe-webgpu",
];
const ISOLATION = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

function report(suite: string, timings: readonly Timing[]): void {
  const [ours] = timings;
  for (const { peer, median, min } of timings) {
    const ratio = peer === ours.peer ? "" : `  ${(median / ours.median).toFixed(2)} times ${ours.peer}'s median`;
    console.log(
      `${suite.padEnd(10)} ${peer.padEnd(8)} median ${median.toFixed(2).padStart(9)} ms  min ${min.toFixed(2).padStart(9)} ms${ratio}`,
    );
  }
}

/** Builds and serves the page, and calls `use` with it. */
async function withPage(use: (open: () => Promise<Page>) => Promise<void>): Promise<void> {
  const shared = { root, configFile: false, logLevel: "error" } as const;
  await build({ ...shared, build: { outDir: "dist/page", target: "esnext" } });
  const server = await preview({ ...shared, build: { outDir: "dist/page" }, preview: { host: "127.0.0.1", port: 0, headers: ISOLATION } });
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM_BIN, args: FLAGS });
  try {
    await use(async () => {
      const page = await browser.newPage();
      page.on("pageerror", (error) => console.error(error.message));
      await page.goto(server.resolvedUrls!.local[0]);
      await page.waitForFunction("globalThis.sconceBench !== undefined");
      return page;
    });
  } finally {
    await browser.close();
    await server.close();
  }
}

function option(args: string[], name: string, fallback: string): string {
  const at = args.indexOf(`--${name}`);
  return at < 0 ? fallback : args.splice(at, 2)[1];
}

const args = process.argv.slice(2);
const peers = option(args, "peers", PEERS).split(",");
const device = option(args, "device", "webgpu") as Request["device"];
const suites = args.length > 0 ? args : SUITES;
await withPage(async (open) => {
  for (const suite of suites) {
    const page = await open();
    const request: Request = { suite, device, peers };
    report(suite, await page.evaluate<Timing[]>(`sconceBench(${JSON.stringify(request)})`));
    await page.close();
  }
});
