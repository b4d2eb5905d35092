import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig, type TestProjectConfiguration } from "vitest/config";
import { mnistFiles } from "./apps/mnist/mnist-files.js";
import { isolation } from "./apps/page/vite.js";
import { chromiumArgs } from "./scripts/chromium-args.js";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** `@sconce/x` and `sconce/x` resolve to the sources: tests need no build. */
function sources(): { find: RegExp; replacement: string }[] {
  const names = readdirSync(path("packages")).filter((name) => existsSync(path(`packages/${name}/src/index.ts`)));
  return [
    ...names
      .filter((name) => name !== "sconce")
      .map((name) => ({ find: new RegExp(`^@sconce/${name}$`), replacement: path(`packages/${name}/src/index.ts`) })),
    { find: /^@sconce\/([\w-]+)\/(\w+)$/, replacement: path("packages/$1/src/$2.ts") },
    { find: /^sconce$/, replacement: path("packages/sconce/src/index.ts") },
    { find: /^sconce\/(\w+)$/, replacement: path("packages/sconce/src/$1.ts") },
  ];
}

const resolve = { alias: sources() };
const exclude = ["**/node_modules/**", "**/dist/**"];

const node: TestProjectConfiguration = {
  resolve,
  test: {
    name: "node",
    environment: "node",
    include: ["packages/*/src/**/*.test.ts", "packages/testing/test/**/*.test.ts", "apps/*/src/**/*.test.ts", "docs/**/*.test.ts"],
    exclude: [...exclude, "**/*.browser.test.ts", "packages/testing/test/{browser,tarballs,webgl}/**", "docs/site/test/**"],
    testTimeout: 60_000,
  },
};

const chromium: TestProjectConfiguration = {
  resolve,
  plugins: [mnistFiles()],
  // CommonJS, met only when a device starts: found late, it would reload the page in the middle of a run.
  optimizeDeps: { entries: ["packages/backend-webgl/src/gpu-js.ts"] },
  server: { headers: isolation },
  test: {
    name: "chromium",
    include: [
      "packages/*/src/**/*.browser.test.ts",
      "packages/testing/test/{browser,webgl}/**/*.test.ts",
      "packages/testing/test/webgpu/**/*.test.ts",
    ],
    exclude,
    testTimeout: 60_000,
    // A page sees no environment.
    provide: { conformance: process.env.SCONCE_CONFORMANCE ?? "sample" },
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      fileParallelism: false,
      provider: playwright({
        launchOptions: {
          executablePath: process.env.CHROMIUM_BIN,
          args: [...chromiumArgs],
        },
      }),
      instances: [{ browser: "chromium" }],
    },
  },
};

/** Built pages in a real browser, after all else: they watch the clock. */
const pages: TestProjectConfiguration = {
  resolve,
  test: {
    name: "pages",
    environment: "node",
    include: ["apps/*/test/**/*.test.ts", "docs/site/test/**/*.test.ts", "packages/testing/test/tarballs/**/*.test.ts"],
    exclude,
    testTimeout: 120_000,
    sequence: { groupOrder: 1 },
  },
};

export default defineConfig({
  test: {
    provide: { conformance: process.env.SCONCE_CONFORMANCE ?? "" },
    reporters: ["default", "./scripts/summary-reporter.ts"],
    passWithNoTests: true,
    projects: process.env.CHROMIUM_BIN ? [node, chromium, pages] : [node],
  },
});
