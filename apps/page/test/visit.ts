import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from "playwright";
import { afterAll, beforeAll, expect } from "vitest";
import { chromiumArgs } from "../../../scripts/chromium-args.js";
import { buildSite, type Site, serveSite } from "../../../scripts/site.js";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** The page of a visitor, with what it wrote to the console. */
export class Visit {
  readonly page: Page;
  readonly complaints: string[] = [];
  readonly #screenshots: string;

  /** `screenshots` is the folder of their pictures. */
  constructor(page: Page, screenshots: string) {
    this.page = page;
    this.#screenshots = screenshots;
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") this.complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.complaints.push(String(error)));
  }

  /** Waits until the page says that it is in a phase. */
  async phase(name: string): Promise<void> {
    await this.page.locator(`[data-phase=${name}]`).waitFor({ timeout: 60_000 });
  }

  button(name: string): Locator {
    return this.page.getByRole("button", { name, exact: true });
  }

  notice(text: string | RegExp): Locator {
    return this.page.locator(".notice").filter({ hasText: text });
  }

  /** Goes with the Tab key to what a selector names. */
  async reach(selector: string): Promise<void> {
    for (let i = 0; i < 40; i++) {
      await this.page.keyboard.press("Tab");
      if (await this.page.evaluate((s) => document.activeElement?.matches(s), selector)) return;
    }
    throw new Error(`Tab does not reach ${selector}`);
  }

  /** The file that a button offers. */
  async download(button: string): Promise<{ readonly name: string; readonly path: string }> {
    const [download] = await Promise.all([this.page.waitForEvent("download"), this.button(button).click()]);
    return { name: download.suggestedFilename(), path: await download.path() };
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

  /** Takes pictures of a page that in light and in dark colours is accessible and no wider than the window. */
  async pictures(name: string): Promise<void> {
    mkdirSync(this.#screenshots, { recursive: true });
    for (const colorScheme of ["light", "dark"] as const) {
      await this.page.emulateMedia({ colorScheme });
      expect(await this.violations()).toEqual([]);
      expect(await this.page.evaluate(() => document.documentElement.scrollWidth)).toBe(this.page.viewportSize()?.width);
      await this.page.screenshot({ path: `${this.#screenshots}${name}-${colorScheme}.png`, fullPage: true });
    }
  }

  /** Closes the page, which has had nothing to complain of. */
  async close(): Promise<void> {
    await this.page.context().close();
    expect(this.complaints).toEqual([]);
  }
}

const desktop: BrowserContextOptions = { viewport: { width: 1300, height: 900 } };

/** What visitors hold a page in. */
export const devices: readonly (readonly [name: "desktop" | "phone", options: BrowserContextOptions])[] = [
  ["desktop", desktop],
  ["phone", { viewport: { width: 360, height: 780 }, hasTouch: true }],
];

const launch = (args: readonly string[]): Promise<Browser> =>
  chromium.launch({ executablePath: process.env.CHROMIUM_BIN as string, args: [...args] });

/** The page of an app, built and served for the tests of a file. */
export class AppPage<V extends Visit> {
  readonly #app: string;
  readonly #Visit: new (
    page: Page,
    screenshots: string,
  ) => V;
  #site!: Site;
  #browser!: Browser;

  /** `Visit` knows what is special about visits of this page. */
  constructor(app: string, Visit: new (page: Page, screenshots: string) => V) {
    this.#app = app;
    this.#Visit = Visit;
    beforeAll(async () => {
      await buildSite(app);
      this.#site = await serveSite(app, { isolated: true });
      this.#browser = await launch(chromiumArgs);
    }, 120_000);
    afterAll(async () => {
      await this.#browser?.close();
      this.#site?.close();
    });
  }

  get url(): string {
    return this.#site.url;
  }

  get browser(): Browser {
    return this.#browser;
  }

  /** Opens the page with settings, and waits until it is ready. */
  open(hash: string, options?: BrowserContextOptions): Promise<V> {
    return this.#open(this.#browser, this.#site, hash, options);
  }

  /** Visits the page in a browser without WebGPU, and without cross-origin isolation. */
  async openPlain(hash: string, use: (visit: V) => Promise<void>): Promise<void> {
    const site = await serveSite(this.#app, { isolated: false });
    const browser = await launch(chromiumArgs.filter((arg) => arg !== "--enable-unsafe-webgpu"));
    try {
      const visit = await this.#open(browser, site, hash);
      expect(await visit.page.locator("#note-webgpu").textContent()).toBe("The browser has it, but no graphics adapter for it.");
      expect(await visit.page.locator("#note-cpu").textContent()).toMatch(/1 thread/);
      await use(visit);
      visit.complaints.splice(0);
      await visit.close();
    } finally {
      await browser.close();
      site.close();
    }
  }

  async #open(browser: Browser, { url }: Site, hash: string, options: BrowserContextOptions = desktop): Promise<V> {
    const context = await browser.newContext(options);
    const screenshots = fileURLToPath(new URL(`../../${this.#app}/screenshots/`, import.meta.url));
    const visit = new this.#Visit(await context.newPage(), screenshots);
    await visit.page.goto(`${url}#${hash}`);
    await visit.phase("ready");
    return visit;
  }
}
