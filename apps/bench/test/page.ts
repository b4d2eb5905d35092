import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContextOptions, Locator, Page } from "playwright";
import { expect } from "vitest";

const screenshots = fileURLToPath(new URL("../screenshots/", import.meta.url));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** The page of a visitor, with what it wrote to the console. */
export class Visit {
  readonly page: Page;
  readonly complaints: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") this.complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.complaints.push(String(error)));
  }

  /** Opens the page and waits until it can measure. */
  static async open(browser: Browser, url: string, hash: string, options: BrowserContextOptions = {}): Promise<Visit> {
    const context = await browser.newContext({ viewport: { width: 1300, height: 900 }, ...options });
    const visit = new Visit(await context.newPage());
    await visit.page.goto(`${url}#${hash}`);
    await visit.page.locator("[data-phase=ready]").waitFor({ timeout: 60_000 });
    return visit;
  }

  button(name: string): Locator {
    return this.page.getByRole("button", { name, exact: true });
  }

  choice(name: string): Locator {
    return this.page.getByRole("checkbox", { name, exact: true });
  }

  notice(text: string | RegExp): Locator {
    return this.page.locator(".notice").filter({ hasText: text });
  }

  /** Measures until the end. */
  async measure(): Promise<void> {
    await this.button("Measure").click();
    await this.done();
  }

  /** Waits for the end of a run. */
  async done(): Promise<void> {
    await this.page.locator("[data-phase=ready]").filter({ hasText: "Done" }).waitFor({ timeout: 100_000 });
  }

  /** The file that a button offers: its name and its text. */
  async download(button: string): Promise<{ readonly name: string; readonly text: string }> {
    const [download] = await Promise.all([this.page.waitForEvent("download"), this.button(button).click()]);
    return { name: download.suggestedFilename(), text: readFileSync(await download.path(), "utf8") };
  }

  /** What the bars of each case say. */
  bars(): Promise<string[]> {
    return this.page.getByRole("img").evaluateAll((charts) => charts.map((chart) => chart.getAttribute("aria-label") ?? ""));
  }

  /** What axe-core finds wrong, by rule and element. */
  async violations(): Promise<string[]> {
    await this.page.evaluate(axe);
    return this.page.evaluate(async () => {
      const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } };
      const { violations } = await axe.run();
      return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 120)}`));
    });
  }

  async screenshot(name: string): Promise<void> {
    mkdirSync(screenshots, { recursive: true });
    await this.page.screenshot({ path: `${screenshots}${name}.png`, fullPage: true });
  }

  /** Closes the page, which has had nothing to complain of. */
  async close(): Promise<void> {
    await this.page.context().close();
    expect(this.complaints).toEqual([]);
  }
}
