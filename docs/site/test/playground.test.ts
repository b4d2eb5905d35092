import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromiumArgs } from "../../../scripts/chromium-args.js";
import { EXAMPLES } from "../src/examples.js";

const site = fileURLToPath(new URL("..", import.meta.url));
const built = fileURLToPath(new URL("../dist/playground", import.meta.url));
const TYPES: { readonly [extension: string]: string } = { ".js": "text/javascript", ".css": "text/css", ".html": "text/html" };
const PAGE =
  '<!doctype html><html lang="en" data-base="./"><title>Sconce</title><div id="playground"></div><script type="module" src="/load.js"></script>';

let server: Server;
let browser: Browser;
let page: Page;
const errors: string[] = [];

async function answer(path: string): Promise<Buffer | string> {
  if (path === "/") return PAGE;
  if (path === "/favicon.ico") return "";
  return readFile(path === "/load.js" ? join(site, "load-playground.js") : join(built, path.replace(/^\/playground\//, "")));
}

beforeAll(async () => {
  await build({ configFile: join(site, "vite.config.ts"), logLevel: "error", build: { outDir: built } });
  server = createServer(async ({ url = "/" }, response) => {
    response.setHeader("Content-Type", TYPES[extname(url)] ?? "text/html");
    response.end(await answer(url));
  }).listen(0);
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM_BIN as string, args: [...chromiumArgs] });
  page = await browser.newPage();
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/`);
  await page.waitForSelector("#playground button");
}, 120_000);

afterAll(async () => {
  await browser?.close();
  server?.close();
});

async function run(): Promise<string[]> {
  await page.getByRole("button", { name: "Run" }).click();
  await page.waitForSelector("#playground .end");
  return page.locator("#playground output > div").allTextContents();
}

describe("the playground", () => {
  it.each(Object.keys(EXAMPLES))("runs the example %s", async (title) => {
    await page.getByRole("combobox").selectOption(title);
    const lines = await run();
    expect(lines.length).toBeGreaterThan(2);
    expect(await page.locator("#playground .error").count()).toBe(0);
  });

  it("prints modules under their names", async () => {
    expect((await run()).join("\n")).toContain("Sequential(\n  (0): Linear(");
  });

  it("shows an error, and stops a program that does not end", async () => {
    const type = async (code: string): Promise<void> => {
      await page.locator("#playground .cm-content").click();
      await page.keyboard.press("ControlOrMeta+A");
      await page.keyboard.insertText(code);
    };
    await type('import { ones } from "sconce"; ones(2).add(ones(3));');
    expect((await run())[0]).toMatch(/^ShapeError: /);
    await type("while (true) {}");
    await page.getByRole("button", { name: "Run" }).click();
    await page.getByRole("button", { name: "Stop" }).click();
    expect(await page.locator("#playground .end").textContent()).toBe("stopped");
    expect(errors).toEqual([]);
  });
});
